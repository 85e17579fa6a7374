#include "fed/aggregation/pre.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {

Byzantine Byzantine::of(const Part& part) {
  Byzantine told;
  const Value* value = part.find("byzantine");
  if (value == nullptr) return told;
  told.given = part.given("byzantine");
  if (const auto* count = value->get_if<std::int64_t>()) {
    told.count = *count;
  } else {
    told.share = part.quantity("byzantine");
  }
  return told;
}

std::size_t Byzantine::among(std::size_t n) const {
  constexpr std::int64_t kMost = 1'000'000'000;  // multiples of it are numbers still
  if (count) return static_cast<std::size_t>(std::min(*count, kMost));
  return static_cast<std::size_t>(std::floor(share * static_cast<double>(n) + 1e-9));
}

namespace {

VectorSet scaled(const VectorSet& set, const std::vector<double>& factors) {
  std::vector<Combination> combinations;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    combinations.push_back({{static_cast<std::uint32_t>(i), factors[i]}});
  }
  return set.combined(combinations);
}

Combination mean_of(const Members& members) {
  Combination mean;
  for (const std::size_t i : members) {
    mean.emplace_back(static_cast<std::uint32_t>(i), 1.0 / static_cast<double>(members.size()));
  }
  return mean;
}

}  // namespace

VectorSet nearest_neighbour_mixing(const VectorSet& set, std::size_t f) {
  const std::size_t n = set.count();
  ENSURE(f < n, "callers refuse to mix nothing");
  const Square distances = set.pairwise_distances();
  std::vector<Combination> combinations;
  for (std::size_t i = 0; i < n; ++i) {
    combinations.push_back(mean_of(nearest_to(distances, i, n - f)));
  }
  return set.combined(combinations);
}

VectorSet bucketing(const VectorSet& set, const std::vector<std::size_t>& permutation,
                    std::size_t size, std::vector<double>& weights) {
  std::vector<Combination> combinations;
  std::vector<double> sums;
  for (std::size_t begin = 0; begin < permutation.size(); begin += size) {
    const std::size_t end = std::min(begin + size, permutation.size());
    Members bucket(permutation.begin() + static_cast<std::ptrdiff_t>(begin),
                   permutation.begin() + static_cast<std::ptrdiff_t>(end));
    std::sort(bucket.begin(), bucket.end());
    combinations.push_back(mean_of(bucket));
    double sum = 0;
    for (const std::size_t i : bucket) sum += weights[i];
    sums.push_back(sum);
  }
  weights = sums;
  return set.combined(combinations);
}

VectorSet clipping(const VectorSet& set, double bound) {
  return scaled(set, clipping_factors(set.norms(), bound));
}

VectorSet adaptive_clipping(const VectorSet& set, std::size_t f) {
  const std::size_t n = set.count();
  ENSURE(f < n, "callers refuse to clip everything");
  const std::vector<double> norms = set.norms();
  std::vector<double> descending = norms;
  std::sort(descending.begin(), descending.end(), std::greater<>());
  const std::size_t clipped = 2 * f * (n - f) / n;  // at most n / 2
  return scaled(set, clipping_factors(norms, descending[clipped]));
}

VectorSet apply_pre(const Part& part, const VectorSet& set, std::uint64_t seed,
                    std::vector<double>& weights) {
  const std::size_t n = set.count();
  if (part.name == "nnm") return nearest_neighbour_mixing(set, Byzantine::of(part).among(n));
  if (part.name == "arc") return adaptive_clipping(set, Byzantine::of(part).among(n));
  if (part.name == "clipping") return clipping(set, part.number("norm"));
  ENSURE(part.name == "bucketing", "schemas name only pre-aggregations that exist");
  std::vector<std::size_t> permutation;
  Stream stream(RunKey{seed}, Purpose::kAggregation, 0);
  const auto count = static_cast<std::int32_t>(n);
  const auto order = draw::sample(stream, count, count);
  permutation.assign(order.begin(), order.end());
  return bucketing(set, permutation, static_cast<std::size_t>(part.integer("size")), weights);
}

std::size_t count_after(const Part& part, std::size_t n) {
  if (part.name != "bucketing") return n;
  const auto size = static_cast<std::size_t>(part.integer("size"));
  return (n + size - 1) / size;
}

std::string refusal(const Part& part, std::size_t n) {
  if (part.name != "nnm" && part.name != "arc") return {};
  const std::size_t f = Byzantine::of(part).among(n);
  // more than half of them: then the near ones are the attackers (Allouah et al. 2023, section 4)
  if (2 * f < n) return {};
  return fmt::format("pre.{} with byzantine = {} needs at least {} updates, here are {}", part.name,
                     f, 2 * f + 1, n);
}

std::vector<Schema> pre_schemas() {
  const Field byzantine{
      "byzantine",
      type::integer().at_least(0) | type::quantity(Dimension::fraction).between(0, 0.5),
      Quantity{0.2, Dimension::fraction},
      "attackers that it is told of: a count, or a fraction of the updates"};
  return {
      Schema{.kind = "pre",
             .name = "nnm",
             .doc = "Nearest-neighbour mixing: each update becomes the mean of its n - f nearest.",
             .paper = "Allouah et al. 2023, Fixing by Mixing, Algorithm 2",
             .fields = {byzantine},
             .example = "pre = { pre.nnm { byzantine = 1 } }"},
      Schema{.kind = "pre",
             .name = "bucketing",
             .doc = "The means of random buckets of updates take their place.",
             .paper = "Karimireddy, He, Jaggi 2022, Byzantine-Robust Learning on Heterogeneous "
                      "Datasets via Bucketing, Algorithm 1",
             .fields = {Field{"size", type::integer().at_least(1), std::int64_t{2},
                              "updates in a bucket; the last one may hold fewer"}},
             .example = "pre = { pre.bucketing { size = 2 } }"},
      Schema{.kind = "pre",
             .name = "clipping",
             .doc = "Updates longer than a bound are shortened to it.",
             .paper = "Sun et al. 2019, Can You Really Backdoor Federated Learning?, section 5",
             .fields = {Field{"norm", type::number().above(0), {}, "the bound", true}},
             .positional = true,
             .example = "pre = { pre.clipping { norm = 1 } }"},
      Schema{.kind = "pre",
             .name = "arc",
             .doc =
                 "Adaptive robust clipping: the longest 2 f (n - f) / n updates are shortened to "
                 "the length of the next.",
             .paper = "Allouah et al. 2024, Adaptive Gradient Clipping for Robust Federated "
                      "Learning, Algorithm 2",
             .fields = {byzantine},
             .example = "pre = { pre.arc { byzantine = 1 } }"},
  };
}

}  // namespace polyclinic::aggregation
