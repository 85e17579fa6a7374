// The arithmetic of aggregation rules, once per instruction set: plain functions over raw pointers.
//
// Sums are in double, without fused multiply-adds, in an order that depends on the shape alone: all
// instruction sets give equal bits (`products` does not: its sums are float, and the baseline has
// no fused multiply-add). Column counts are multiples of kColumns (padded buffers are).
//
// Included by the files that are compiled for one instruction set only: nothing here may define an
// inline function or a template (docs/architecture.md, "The same bits").
#pragma once

#include <cstddef>
#include <cstdint>

namespace polyclinic::aggregation {

constexpr std::size_t kColumns = 16;
constexpr std::size_t kPanelRows = 12;

// What becomes of the values of one coordinate, one per vector.
struct ColumnReduction {
  std::size_t wires = 0;                 // vectors
  const std::uint16_t* pairs = nullptr;  // compare-exchanges (low, high) of a sorting network
  std::size_t comparators = 0;
  // The mean of wires [first, last) after the network...
  std::size_t first = 0;
  std::size_t last = 0;
  // ... or, when keep > 0, the mean of the `keep` values nearest to the median. REQUIRES: then the
  // network sorts fully.
  std::size_t keep = 0;
};

struct Kernels {
  // sum[i] += weights[0] * rows[0][begin + i], then rows[1], ... for i < count.
  void (*weighted_sum)(const float* const* rows, const double* weights, std::size_t n,
                       std::size_t begin, std::size_t count, double* sum);
  // out[i] = sum[i] / divisor, rounded once.
  void (*narrow)(const double* sum, std::size_t count, double divisor, float* out);
  // out[i] = x[i] - point[i].
  void (*differences)(const float* x, const float* point, std::size_t count, float* out);
  // out[r] += sum of (rows[r][begin + i] - point[i])^2 for i < count, in eight running sums.
  void (*distances)(const float* const* rows, std::size_t n, std::size_t begin, std::size_t count,
                    const double* point, double* out);
  // out[r] += sum of rows[r][begin + i] * point[i], in eight running sums.
  void (*dots)(const float* const* rows, std::size_t n, std::size_t begin, std::size_t count,
               const double* point, double* out);
  // sums[j * padded + i] += x_i . x_j for i <= j < n, x_i = panel[i * stride ...] of `columns`
  // numbers, padded = n rounded up to kPanelRows (other places are written, too). REQUIRES: the
  // panel has padded rows, those from n on zero.
  void (*products)(const float* panel, std::size_t stride, std::size_t n, std::size_t columns,
                   double* sums);
  // out[i] = the reduction of rows[0][begin + i], rows[1][begin + i], ...; scratch holds
  // wires * kColumns floats on a 64-byte boundary.
  void (*reduce_columns)(const float* const* rows, std::size_t begin, std::size_t count,
                         const ColumnReduction& reduction, float* scratch, float* out);
};

extern const Kernels kBaselineKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace polyclinic::aggregation
