// Vectors that a rule looks at together: those that lie in memory, or fixed combinations of them
// (what a pre-aggregation makes), which are formed a block of columns at a time and never as a
// whole. All functions give the same bits for any number of workers: work is cut into parts by
// column, and parts are added in column order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/parallel.hpp"
#include "fed/aggregation/kernels.hpp"
#include "learn/parameters.hpp"

namespace polyclinic::aggregation {

// n x n numbers, row by row.
class Square {
 public:
  explicit Square(std::size_t n) : n_(n), values_(n * n, 0.0) {}
  [[nodiscard]] std::size_t size() const { return n_; }
  double& operator()(std::size_t i, std::size_t j) { return values_[i * n_ + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values_[i * n_ + j]; }

 private:
  std::size_t n_;
  std::vector<double> values_;
};

// One vector as a combination: indices ascending, with factors.
using Combination = std::vector<std::pair<std::uint32_t, double>>;

class VectorSet {
 public:
  // Looks at `rows`, which outlive the set: finite numbers, `size` in each (a multiple of
  // kColumns, padding zero). workers may be null: one thread.
  VectorSet(std::vector<const float*> rows, std::size_t size, Workers* workers);

  [[nodiscard]] std::size_t count() const { return mixed_ ? mix_.size() : rows_.size(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Workers* workers() const { return workers_; }

  // The set of these combinations of its vectors.
  [[nodiscard]] VectorSet combined(const std::vector<Combination>& combinations) const;
  // Some of its vectors.
  [[nodiscard]] VectorSet subset(std::span<const std::size_t> members) const;

  // out = sum_i weights[i] x_i / divisor. Summed in double in the order of the given vectors.
  void weighted_sum(std::span<const double> weights, double divisor, float* out) const;
  // The mean of some, for which weighted_sum reads no others.
  void mean_of(std::span<const std::size_t> members, float* out) const;
  // |x_i - point|^2 of each.
  [[nodiscard]] std::vector<double> distances_to(const float* point) const;
  // x_i . point of each.
  [[nodiscard]] std::vector<double> dots_with(const float* point) const;
  // |x_i| of each.
  [[nodiscard]] std::vector<double> norms() const;
  // |x_i - x_j|^2 of all pairs: for long vectors one matrix product of what is left after the mean
  // is taken off; pairs much nearer to each other than to the mean are computed again as sums of
  // squared differences, so that none is a difference of two large numbers.
  [[nodiscard]] Square pairwise_distances() const;
  // The same as sums of squared differences: what pairwise_distances is held against.
  [[nodiscard]] Square plain_distances() const;
  // Some columns of every vector, vector after vector, `stride` (a multiple of kColumns) apart.
  [[nodiscard]] FloatBuffer gather(std::span<const std::size_t> columns, std::size_t& stride) const;
  void reduce_columns(const ColumnReduction& reduction, float* out) const;

  // One pass that does two things at each block of columns: writes z = sum_i weights[i] x_i /
  // divisor to `out` and returns |x_i - z|^2 of each.
  std::vector<double> sum_and_distances(std::span<const double> weights, double divisor,
                                        float* out) const;

 private:
  // Columns [begin, begin + count) as a rule sees them.
  struct Block {
    std::vector<const float*> rows;  // to be read at `begin`
    std::size_t begin = 0;
    FloatBuffer floats;  // room for combinations
    std::vector<double> sum;
    std::vector<const float*> terms;
    std::vector<double> factors;
  };
  void fill(std::size_t begin, std::size_t count, Block& block) const;
  [[nodiscard]] std::size_t parts() const;
  // body(part, begin, end) for every part of the columns.
  void for_each_part(
      const std::function<void(std::size_t part, std::size_t begin, std::size_t end)>& body) const;
  // Adds what body leaves in n numbers per part, in part order.
  [[nodiscard]] std::vector<double> sum_of_parts(
      std::size_t n,
      const std::function<void(std::size_t begin, std::size_t end, double* out)>& body) const;
  void gram_part(std::size_t begin, std::size_t end, double* gram) const;
  void pair_distances(Square& distances, const std::vector<bool>& wanted) const;

  std::vector<const float*> rows_;
  std::size_t size_;
  Workers* workers_;
  bool mixed_ = false;
  std::vector<Combination> mix_;  // over rows_
};

// The kernels of this processor; POLYCLINIC_ISA asks for others, as for models.
const Kernels& kernels();
// By name ("baseline", ...), or nullptr when this processor cannot run them.
const Kernels* find_kernels(const char* name);

}  // namespace polyclinic::aggregation
