// Squared distances between all pairs of vectors.
#include <algorithm>
#include <cmath>

#include "fed/aggregation/vector_set.hpp"

namespace polyclinic::aggregation {

namespace {

constexpr std::size_t kBlock = 256;  // columns of one product: its sums are float
// Below so many multiplications the plain way is as quick.
constexpr double kSmall = 1e6;
// A pair whose squared distance is less than this share of its squared lengths is computed again.
constexpr double kNear = 1.0 / 16;

std::size_t padded_rows(std::size_t n) {
  return (n + kPanelRows - 1) / kPanelRows * kPanelRows;
}

}  // namespace

// gram[j * padded + i] += (x_i - m) . (x_j - m) over some columns for i <= j, m the mean
void VectorSet::gram_part(std::size_t begin, std::size_t end, double* gram) const {
  const Kernels& k = kernels();
  const std::size_t n = count();
  // one more cache line than a power of two, so that rows spread over the cache
  constexpr std::size_t kStride = kBlock + kColumns;
  Block block;
  const std::vector<double> ones(n, 1.0);
  double sum[kBlock];
  float mean[kBlock];
  FloatBuffer rest(padded_rows(n) * kStride, 0.0F);
  for (std::size_t at = begin; at < end; at += kBlock) {
    const std::size_t columns = std::min(kBlock, end - at);
    fill(at, columns, block);
    std::fill(sum, sum + columns, 0.0);
    k.weighted_sum(block.rows.data(), ones.data(), n, block.begin, columns, sum);
    k.narrow(sum, columns, static_cast<double>(n), mean);
    for (std::size_t r = 0; r < n; ++r) {
      k.differences(block.rows[r] + block.begin, mean, columns, rest.data() + r * kStride);
    }
    k.products(rest.data(), kStride, n, columns, gram);
  }
}

void VectorSet::pair_distances(Square& distances, const std::vector<bool>& wanted) const {
  const std::size_t n = count();
  const std::vector<double> sums =
      sum_of_parts(n * n, [&](std::size_t begin, std::size_t end, double* out) {
        Block block;
        std::vector<const float*> others;
        std::vector<std::size_t> places;
        std::vector<double> found;
        double point[kBlock];
        for (std::size_t at = begin; at < end; at += kBlock) {
          const std::size_t columns = std::min(kBlock, end - at);
          fill(at, columns, block);
          for (std::size_t i = 0; i < n; ++i) {
            others.clear();
            places.clear();
            for (std::size_t j = i + 1; j < n; ++j) {
              if (!wanted[i * n + j]) continue;
              others.push_back(block.rows[j]);
              places.push_back(i * n + j);
            }
            if (others.empty()) continue;
            found.assign(others.size(), 0.0);
            const float* x = block.rows[i] + block.begin;
            std::copy(x, x + columns, point);
            kernels().distances(others.data(), others.size(), block.begin, columns, point,
                                found.data());
            for (std::size_t k = 0; k < found.size(); ++k) out[places[k]] += found[k];
          }
        }
      });
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      if (wanted[i * n + j]) distances(i, j) = distances(j, i) = sums[i * n + j];
    }
  }
}

Square VectorSet::plain_distances() const {
  Square distances(count());
  pair_distances(distances, std::vector<bool>(count() * count(), true));
  return distances;
}

// |x_i - x_j|^2 = g_ii + g_jj - 2 g_ij, g_ij = (x_i - m) . (x_j - m) for any m
Square VectorSet::pairwise_distances() const {
  const std::size_t n = count();
  const double work = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(size_);
  if (work < kSmall) return plain_distances();
  const std::size_t padded = padded_rows(n);
  const std::vector<double> gram = sum_of_parts(
      padded * padded,
      [&](std::size_t begin, std::size_t end, double* out) { gram_part(begin, end, out); });
  Square distances(n);
  std::vector<bool> again(n * n, false);
  bool any = false;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const double lengths = gram[i * padded + i] + gram[j * padded + j];
      const double squared = lengths - 2 * gram[j * padded + i];
      distances(i, j) = distances(j, i) = squared;
      // not greater: a product that overflowed is no number
      const bool good = std::isfinite(squared) && squared > kNear * lengths;
      again[i * n + j] = !good;
      any = any || !good;
    }
  }
  if (any) pair_distances(distances, again);
  return distances;
}

}  // namespace polyclinic::aggregation
