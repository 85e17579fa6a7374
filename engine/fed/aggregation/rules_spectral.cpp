#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {

namespace {

// (x_i - m) . (x_j - m), m the mean with these weights, from squared distances alone:
// -1/2 (d_ij - r_i - r_j + g), r_i = sum_j p_j d_ij, g = sum_i p_i r_i  (Torgerson 1952)
Eigen::MatrixXd centred_products(const Square& distances, const std::vector<double>& weights) {
  const std::size_t n = distances.size();
  double total = 0;
  for (const double w : weights) total += w;
  std::vector<double> row(n, 0.0);
  double grand = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) row[i] += weights[j] / total * distances(i, j);
    grand += weights[i] / total * row[i];
  }
  Eigen::MatrixXd products(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      products(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          -0.5 * (distances(i, j) - row[i] - row[j] + grand);
    }
  }
  return products;
}

}  // namespace

double largest_eigenvalue(const Square& distances, std::span<const std::size_t> members) {
  const std::size_t n = members.size();
  Square some(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) some(i, j) = distances(members[i], members[j]);
  }
  const Eigen::MatrixXd products = centred_products(some, std::vector<double>(n, 1.0));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(products, Eigen::EigenvaluesOnly);
  return solver.eigenvalues()(static_cast<Eigen::Index>(n) - 1) / static_cast<double>(n);
}

// while sum c > n - 2f: v the top eigenvector of the covariance with weights c, t_i = (v . (x_i -
// m))^2, c_i <- c_i (1 - t_i / max t). With A_ij = sqrt(c_i c_j) (x_i - m) . (x_j - m) and its top
// eigenvector u, v is along sum_i sqrt(c_i) u_i (x_i - m).
std::vector<double> caf_weights(const Square& distances, std::size_t f, bool left_only) {
  // a step that takes hardly anything off would be followed by many like it
  constexpr int kStepsMost = 1'000;
  const std::size_t n = distances.size();
  const double enough = static_cast<double>(n) - 2.0 * static_cast<double>(f);
  std::vector<double> weights(n, 1.0);
  std::vector<double> best = weights;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step < kStepsMost; ++step) {
    double total = 0;
    for (const double c : weights) total += c;
    if (!(total > enough)) break;
    const Eigen::MatrixXd products = centred_products(distances, weights);
    Eigen::VectorXd root(static_cast<Eigen::Index>(n));
    for (std::size_t i = 0; i < n; ++i) {
      root(static_cast<Eigen::Index>(i)) = std::sqrt(weights[i]);
    }
    const Eigen::MatrixXd weighed = root.asDiagonal() * products * root.asDiagonal();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(weighed);
    const double value = solver.eigenvalues()(static_cast<Eigen::Index>(n) - 1) / total;
    if (value < least) {
      least = value;
      best = weights;
    }
    const Eigen::VectorXd top = solver.eigenvectors().col(static_cast<Eigen::Index>(n) - 1);
    const Eigen::VectorXd along = products * root.cwiseProduct(top);
    double farthest = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (weights[i] > 0 || !left_only) {
        const double t = along(static_cast<Eigen::Index>(i));
        farthest = std::max(farthest, t * t);
      }
    }
    if (!(farthest > 0)) break;  // all are equal
    double taken = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double t = along(static_cast<Eigen::Index>(i));
      const double less = weights[i] * std::min(1.0, t * t / farthest);
      weights[i] -= less;
      taken += less;
    }
    if (!(taken > 0)) break;
  }
  return best;
}

Members without_outliers(const Square& distances, std::size_t drop) {
  const std::size_t n = distances.size();
  const Eigen::MatrixXd products = centred_products(distances, std::vector<double>(n, 1.0));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(products);
  // v . (x_i - m) = sqrt(lambda) u_i
  const Eigen::VectorXd top = solver.eigenvectors().col(static_cast<Eigen::Index>(n) - 1);
  Members order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::fabs(top(static_cast<Eigen::Index>(a))) <
           std::fabs(top(static_cast<Eigen::Index>(b)));
  });
  order.resize(n - drop);
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace polyclinic::aggregation
