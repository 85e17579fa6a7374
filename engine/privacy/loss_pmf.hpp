// The law of a privacy loss on a lattice: pessimistic, so that every delta computed from it is an
// upper bound; optimistic, for a lower bound; or centred, for an estimate.
#pragma once

#include <cstdint>
#include <vector>

#include "privacy/loss_law.hpp"

namespace polyclinic::privacy {

struct LossAtom {
  std::int64_t index = 0;  // at offset + index * step
  double mass = 0;
};

struct LossPmf {
  double step = 0;
  double offset = 0;
  std::vector<LossAtom> atoms;  // ascending, none twice
  double infinite = 0;          // mass of a loss beyond every bound
  double cell_square = 0;       // mean of the squared width of the cells made
};

enum class Rounding : std::uint8_t {
  pessimistic,  // connect-the-dots (Doroshenko et al. 2022, arXiv 2207.04380)
  optimistic,   // cells merged, which can only lose information
  centred,      // to the nearest point, the mean corrected (Gopi, Lee, Wutschitz 2021)
};

// `tail`: how much of P may lie outside the lattice on either side. `cells_per_loss`: a cell at
// loss l is at most l over it wide (or one step): far from 0 cells widen, for there lies little
// mass.
LossPmf discretise(const LossLaw& law, double step, double tail, Rounding rounding,
                   double cells_per_loss = 1024);

}  // namespace polyclinic::privacy
