#include "base/check.hpp"
#include "fed/aggregation/networks.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {

namespace {

void mean_of_ranks(const VectorSet& set, std::size_t first, std::size_t last, float* out) {
  const std::vector<std::uint16_t> pairs = selection_network(set.count(), first, last);
  ColumnReduction reduction;
  reduction.wires = set.count();
  reduction.pairs = pairs.data();
  reduction.comparators = pairs.size() / 2;
  reduction.first = first;
  reduction.last = last;
  set.reduce_columns(reduction, out);
}

}  // namespace

void median(const VectorSet& set, float* out) {
  mean_of_ranks(set, (set.count() - 1) / 2, set.count() / 2 + 1, out);
}

void trimmed_mean(const VectorSet& set, std::size_t f, float* out) {
  ENSURE(2 * f < set.count(), "callers refuse to cut off everything");
  mean_of_ranks(set, f, set.count() - f, out);
}

void mean_around_median(const VectorSet& set, std::size_t keep, float* out) {
  ENSURE(keep >= 1 && keep <= set.count(), "callers refuse to keep nothing");
  const std::vector<std::uint16_t> pairs = sorting_network(set.count());
  ColumnReduction reduction;
  reduction.wires = set.count();
  reduction.pairs = pairs.data();
  reduction.comparators = pairs.size() / 2;
  reduction.keep = keep;
  set.reduce_columns(reduction, out);
}

}  // namespace polyclinic::aggregation
