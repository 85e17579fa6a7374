// Joint draws with given rank correlations: each hospital's quantities stay those of their own
// laws, but a large hospital tends to have the faster machine.
//
// A Gaussian copula: correlated normals, turned into uniforms, which the caller puts through the
// quantile functions of the laws (Distribution::quantile is monotone, so ranks are kept).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic {

class GaussianCopula {
 public:
  // A symmetric matrix of Spearman's rank correlations, row by row, with ones on the diagonal. Each
  // rho becomes Pearson's r = 2 sin(pi rho / 6), the one that gives normals this rank correlation
  // (Pearson 1907; Kruskal 1958). nullopt: no joint law has these correlations (the matrix of r is
  // not positive definite), a rho is not within (-1, 1), or the matrix is not symmetric.
  // REQUIRES: rank_correlations.size() == size * size.
  [[nodiscard]] static std::optional<GaussianCopula> make(
      std::size_t size, std::span<const double> rank_correlations);

  // `centre` (such as "size") is correlated as given with each named quantity, and the quantities
  // with one another only through it: r_ij = r_i r_j. Such a matrix is positive definite for every
  // |rho| < 1, so this fails (nullopt) only for a rho outside.
  [[nodiscard]] static std::optional<GaussianCopula> make_star(
      std::string centre, const std::vector<std::pair<std::string, double>>& rank_correlations);

  [[nodiscard]] std::size_t size() const { return size_; }
  // Names of make_star, the centre first; empty after make.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // Place of a name among the draws; nullopt when it is not correlated with anything.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  // Pearson's correlation of the normals.
  [[nodiscard]] double correlation(std::size_t i, std::size_t j) const;

  // Correlated standard normals, made in place of independent ones. REQUIRES: z.size() == size().
  void correlate(std::span<double> z) const;
  // One uniform number in (0, 1) for each quantity: exactly size() words of the stream are used.
  [[nodiscard]] std::vector<double> draw(Stream& stream) const;

 private:
  static std::optional<GaussianCopula> factor(std::size_t size, std::vector<double> matrix);

  std::size_t size_ = 0;
  std::vector<double> lower_;  // Cholesky factor, row by row, size * size
  std::vector<std::string> names_;
};

}  // namespace polyclinic
