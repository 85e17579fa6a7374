#include "base/copula.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"

namespace polyclinic {

namespace {

// r = 2 sin(pi rho / 6)
double pearson_from_rank(double rho) {
  constexpr double kPiOverSix = 0.5235987755982989;
  return 2 * math::sin(kPiOverSix * rho);
}

}  // namespace

std::optional<GaussianCopula> GaussianCopula::make(std::size_t size,
                                                   std::span<const double> rank_correlations) {
  ENSURE(rank_correlations.size() == size * size, "a correlation matrix is square");
  std::vector<double> matrix(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      const double rho = rank_correlations[i * size + j];
      if (i == j) {
        if (rho != 1) return std::nullopt;
        matrix[i * size + j] = 1;
        continue;
      }
      if (!(std::fabs(rho) < 1) || rho != rank_correlations[j * size + i]) return std::nullopt;
      matrix[i * size + j] = pearson_from_rank(rho);
    }
  }
  return factor(size, std::move(matrix));
}

std::optional<GaussianCopula> GaussianCopula::make_star(
    std::string centre, const std::vector<std::pair<std::string, double>>& rank_correlations) {
  const std::size_t size = rank_correlations.size() + 1;
  std::vector<double> with_centre{1};
  std::vector<std::string> names{std::move(centre)};
  for (const auto& [name, rho] : rank_correlations) {
    if (!(std::fabs(rho) < 1)) return std::nullopt;
    with_centre.push_back(pearson_from_rank(rho));
    names.push_back(name);
  }
  std::vector<double> matrix(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      matrix[i * size + j] = i == j ? 1 : with_centre[i] * with_centre[j];
    }
  }
  auto copula = factor(size, std::move(matrix));
  if (copula) copula->names_ = std::move(names);
  return copula;
}

std::optional<GaussianCopula> GaussianCopula::factor(std::size_t size, std::vector<double> matrix) {
  // Cholesky: matrix = L L^T, row by row; a pivot that is not clearly positive means that some
  // combination of the quantities would have no or a negative variance
  constexpr double kSmallestPivot = 1e-10;
  std::vector<double> lower(size * size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = matrix[i * size + j];
      for (std::size_t k = 0; k < j; ++k) sum -= lower[i * size + k] * lower[j * size + k];
      if (i != j) {
        lower[i * size + j] = sum / lower[j * size + j];
      } else if (sum > kSmallestPivot) {
        lower[i * size + i] = std::sqrt(sum);
      } else {
        return std::nullopt;
      }
    }
  }
  GaussianCopula copula;
  copula.size_ = size;
  copula.lower_ = std::move(lower);
  return copula;
}

std::optional<std::size_t> GaussianCopula::find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

double GaussianCopula::correlation(std::size_t i, std::size_t j) const {
  double sum = 0;
  for (std::size_t k = 0; k <= std::min(i, j); ++k) {
    sum += lower_[i * size_ + k] * lower_[j * size_ + k];
  }
  return sum;
}

void GaussianCopula::correlate(std::span<double> z) const {
  ENSURE(z.size() == size_, "one normal for each quantity");
  // from the last row up, so that the independent normals below are still there
  for (std::size_t i = size_; i-- > 0;) {
    double sum = 0;
    for (std::size_t k = 0; k <= i; ++k) sum += lower_[i * size_ + k] * z[k];
    z[i] = sum;
  }
}

std::vector<double> GaussianCopula::draw(Stream& stream) const {
  std::vector<double> z(size_);
  for (double& x : z) x = polyclinic::draw::normal(stream);
  correlate(z);
  for (double& x : z) {
    // far out in the upper tail the cdf rounds to 1, which is no argument of a quantile function
    x = std::clamp(math::normal_cdf(x), 0x1p-1000, 1 - 0x1p-53);
  }
  return z;
}

}  // namespace polyclinic
