// cohort.synthetic: the (alpha, beta) data of FedProx.
#pragma once

#include <memory>
#include <vector>

#include "data/cohort.hpp"

namespace polyclinic {

// Li et al. 2020 (FedProx), appendix C.1, as their generate_synthetic.py does it. For device i:
//   u_i ~ N(0, alpha), B_i ~ N(0, beta)            (standard deviations, as in their code)
//   W_i ~ N(u_i, 1)^(60 x 10), b_i ~ N(u_i, 1)^10, v_i ~ N(B_i, 1)^60
//   x ~ N(v_i, diag(j^-1.2)), j = 1..60;  y = argmax(x W_i + b_i)
//   rows = int(lognormal(4, 2)) + 50
// iid: one W and b for all devices, v = 0. Features are not standardised.
std::unique_ptr<Cohort> make_synthetic_cohort(const Part& part, const CohortContext& context);

}  // namespace polyclinic
