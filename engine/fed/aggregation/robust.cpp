#include "fed/aggregation/robust.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "fed/aggregation/networks.hpp"
#include "fed/aggregation/pre.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {

namespace {

// What a rule remembers from version to version.
struct Memory {
  std::map<HospitalId, FloatBuffer> accumulated;  // foolsgold: the sum of a hospital's updates
};

// One aggregation, after the pre-aggregations.
struct Call {
  const Part& part;
  VectorSet set;
  std::vector<double> weights;   // sum 1
  std::vector<HospitalId> from;  // whose vectors: meaningful where no bucketing was done
  std::size_t byzantine = 0;
  const AggregationContext& context;
  Memory& memory;
  float* out;
};

KrumOptions krum_options(const Part& part, std::size_t f) {
  KrumOptions options;
  options.byzantine = f;
  const std::string& neighbours = part.text("neighbours");
  options.fewer = neighbours == "n-f-1" ? 1 : neighbours == "n-f-2" ? 2 : 3;
  options.power = static_cast<int>(part.integer("power"));
  return options;
}

void apply_mean(Call& c) {
  c.set.weighted_sum(c.weights, 1.0, c.out);
}

void apply_median(Call& c) {
  median(c.set, c.out);
}

void apply_trimmed_mean(Call& c) {
  trimmed_mean(c.set, c.byzantine, c.out);
}

void apply_meamed(Call& c) {
  mean_around_median(c.set, c.set.count() - c.byzantine, c.out);
}

void apply_krum(Call& c) {
  const Members one{krum(c.set.pairwise_distances(), krum_options(c.part, c.byzantine))};
  c.set.mean_of(one, c.out);
}

std::size_t multi_krum_count(const Part& part, std::size_t n, std::size_t f) {
  if (part.find("count")) return static_cast<std::size_t>(part.integer("count"));
  return part.text("choose") == "once" ? n - f : n - 2 * f - 2;
}

void apply_multi_krum(Call& c) {
  const KrumOptions options = krum_options(c.part, c.byzantine);
  const std::size_t m = multi_krum_count(c.part, c.set.count(), c.byzantine);
  const Square distances = c.set.pairwise_distances();
  c.set.mean_of(c.part.text("choose") == "once" ? multi_krum(distances, options, m)
                                                : iterated_krum(distances, options, m),
                c.out);
}

// n - 2f by repeated Krum, of which per coordinate the n - 4f values nearest to the median
// (El Mhamdi et al. 2018, section 4)
void apply_bulyan(Call& c) {
  const std::size_t f = c.byzantine;
  const std::size_t chosen = c.set.count() - 2 * f;
  const KrumOptions options = krum_options(c.part, f);
  const Members members = iterated_krum(c.set.pairwise_distances(), options, chosen);
  mean_around_median(c.set.subset(members), chosen - 2 * f, c.out);
}

void apply_mda(Call& c) {
  c.set.mean_of(minimum_diameter(c.set.pairwise_distances(), c.set.count() - c.byzantine), c.out);
}

void apply_smea(Call& c) {
  c.set.mean_of(smallest_eigenvalue(c.set.pairwise_distances(), c.set.count() - c.byzantine),
                c.out);
}

std::optional<std::size_t> place_of_trusted(const Part& part, std::span<const HospitalId> from) {
  if (!part.find("trusted")) return std::nullopt;
  const HospitalId trusted{static_cast<std::uint32_t>(part.integer("trusted") - 1)};
  const auto found = std::find(from.begin(), from.end(), trusted);
  if (found == from.end()) return std::nullopt;
  return static_cast<std::size_t>(found - from.begin());
}

void apply_monna(Call& c) {
  const std::size_t trusted = *place_of_trusted(c.part, c.from);
  c.set.mean_of(nearest_to(c.set.pairwise_distances(), trusted, c.set.count() - c.byzantine),
                c.out);
}

void apply_geometric_median(Call& c) {
  GeometricMedianOptions options;
  options.iterations = c.part.integer("iterations");
  options.floor = c.part.number("floor");
  options.tolerance = c.part.number("tolerance");
  options.from_mean = c.part.text("start") == "mean";
  geometric_median(c.set, c.weights, options, c.out);
}

void apply_centered_clipping(Call& c) {
  if (c.part.text("start") == "previous" && c.context.previous != nullptr) {
    const std::span<const float> previous = c.context.previous->padded();
    std::copy(previous.begin(), previous.end(), c.out);
  }
  centered_clipping(c.set, c.part.number("radius"), c.part.integer("iterations"), c.out);
}

void apply_norm_clipping(Call& c) {
  const std::vector<double> norms = c.set.norms();
  double bound = 0;
  if (c.part.find("norm")) {
    bound = c.part.number("norm");
  } else {
    std::vector<double> sorted = norms;
    std::sort(sorted.begin(), sorted.end());
    bound = 0.5 * (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]);
  }
  const std::vector<double> factors = clipping_factors(norms, bound);
  std::vector<double> weights = c.weights;
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= factors[i];
  c.set.weighted_sum(weights, 1.0, c.out);
  const double noise = c.part.number("noise");
  if (noise <= 0) return;
  Stream stream(RunKey{c.context.seed}, Purpose::kAggregation, 1);
  for (const Slice& slice : c.context.global->layout().slices()) {
    for (std::int64_t i = slice.offset; i < slice.offset + slice.size; ++i) {
      c.out[i] += static_cast<float>(draw::normal(stream, 0.0, noise));
    }
  }
}

void apply_caf(Call& c) {
  const std::vector<double> weights =
      caf_weights(c.set.pairwise_distances(), c.byzantine, c.part.text("farthest") == "left");
  c.set.weighted_sum(weights, std::accumulate(weights.begin(), weights.end(), 0.0), c.out);
}

std::size_t dnc_dropped(const Part& part, std::size_t f) {
  const double dropped = std::floor(part.number("filter") * static_cast<double>(f) + 1e-9);
  return static_cast<std::size_t>(std::min(dropped, 1e9));
}

// Positions of the parameters in the buffer that one pass looks at, increasing.
std::vector<std::size_t> drawn_coordinates(const Call& c, std::int64_t pass) {
  const ParameterLayout& layout = c.context.global->layout();
  const std::int64_t wanted = std::min(c.part.integer("coordinates"), layout.size());
  std::vector<std::int32_t> drawn(static_cast<std::size_t>(layout.size()));
  std::iota(drawn.begin(), drawn.end(), 0);
  if (wanted < layout.size()) {
    Stream stream(RunKey{c.context.seed}, Purpose::kAggregation, 2,
                  static_cast<std::uint64_t>(pass));
    drawn = draw::sample(stream, static_cast<std::int32_t>(layout.size()),
                         static_cast<std::int32_t>(wanted));
    std::sort(drawn.begin(), drawn.end());
  }
  std::vector<std::size_t> positions;
  std::int64_t before = 0;
  std::size_t next = 0;
  for (const Slice& slice : layout.slices()) {
    for (; next < drawn.size() && drawn[next] < before + slice.size; ++next) {
      positions.push_back(static_cast<std::size_t>(slice.offset + drawn[next] - before));
    }
    before += slice.size;
  }
  return positions;
}

void apply_dnc(Call& c) {
  const std::size_t n = c.set.count();
  std::vector<std::size_t> kept_in(n, 0);
  const std::int64_t passes = c.part.integer("iterations");
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    const std::vector<std::size_t> positions = drawn_coordinates(c, pass);
    std::size_t stride = 0;
    const FloatBuffer some = c.set.gather(positions, stride);
    std::vector<const float*> rows;
    for (std::size_t i = 0; i < n; ++i) rows.push_back(some.data() + i * stride);
    const VectorSet seen(std::move(rows), stride, c.set.workers());
    for (const std::size_t i :
         without_outliers(seen.pairwise_distances(), dnc_dropped(c.part, c.byzantine))) {
      ++kept_in[i];
    }
  }
  Members good;
  for (std::size_t i = 0; i < n; ++i) {
    if (kept_in[i] == static_cast<std::size_t>(passes)) good.push_back(i);
  }
  c.set.mean_of(good, c.out);
}

void apply_fltrust(Call& c) {
  const std::optional<std::size_t> place = place_of_trusted(c.part, c.from);
  FloatBuffer trusted(c.set.size());
  std::vector<double> norms = c.set.norms();
  if (place) {
    c.set.mean_of(Members{*place}, trusted.data());
    norms[*place] = 0;  // it judges; it is not averaged
  } else {
    const std::span<const float> root = c.context.root->padded();
    std::copy(root.begin(), root.end(), trusted.begin());
  }
  const std::vector<const float*> row{trusted.data()};
  const double length = VectorSet(row, c.set.size(), nullptr).norms()[0];
  c.set.weighted_sum(trust_factors(norms, c.set.dots_with(trusted.data()), length), 1.0, c.out);
}

void apply_foolsgold(Call& c) {
  VectorSet history = c.set;
  if (c.part.flag("history")) {
    std::vector<const float*> rows;
    for (std::size_t i = 0; i < c.from.size(); ++i) {
      FloatBuffer& sum = c.memory.accumulated[c.from[i]];
      sum.resize(c.set.size(), 0.0F);
      FloatBuffer update(c.set.size());
      c.set.mean_of(Members{i}, update.data());
      // held to what a float can be: two huge updates must not sum to infinity
      constexpr double kMost = std::numeric_limits<float>::max();
      for (std::size_t k = 0; k < sum.size(); ++k) {
        const double more = static_cast<double>(sum[k]) + static_cast<double>(update[k]);
        sum[k] = static_cast<float>(std::clamp(more, -kMost, kMost));
      }
      rows.push_back(sum.data());
    }
    history = VectorSet(std::move(rows), c.set.size(), c.set.workers());
  }
  const std::vector<double> weights =
      foolsgold_weights(history.pairwise_distances(), history.norms(), c.part.number("confidence"));
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum > 0) c.set.weighted_sum(weights, sum, c.out);
}

// Fewest updates for f attackers.
using Bound = std::size_t (*)(std::size_t f);

std::size_t any(std::size_t) {
  return 1;
}
std::size_t majority(std::size_t f) {
  return 2 * f + 1;
}

struct Rule {
  const char* name;
  Bound guaranteed;  // of the paper
  Bound possible;    // of the formula
  void (*apply)(Call& call);
  // Updates that it takes: beyond, its memory (all pairs of updates) or its time is out of reach.
  std::size_t most = kWiresMax;
  bool knows_hospitals = false;  // looks for one, or remembers them: no bucketing before it
};

constexpr std::size_t kChoosing = 1'000;   // pairs again and again, or a matrix of them decomposed
constexpr std::size_t kDecomposing = 500;  // such a matrix again and again
constexpr std::size_t kTrying = 64;        // for each of many choices

const Rule kRules[] = {
    {"mean", any, any, apply_mean},
    {"median", any, any, apply_median},
    {"trimmed_mean", majority, majority, apply_trimmed_mean},
    {"krum", [](std::size_t f) { return 2 * f + 3; }, [](std::size_t f) { return f + 2; },
     apply_krum, kPairsMost},
    {"multi_krum", [](std::size_t f) { return 2 * f + 3; }, [](std::size_t f) { return f + 2; },
     apply_multi_krum, kPairsMost},
    {"bulyan", [](std::size_t f) { return 4 * f + 3; }, [](std::size_t f) { return 4 * f + 1; },
     apply_bulyan, kChoosing},
    {"geometric_median", any, any, apply_geometric_median},
    {"centered_clipping", any, any, apply_centered_clipping},
    {"norm_clipping", any, any, apply_norm_clipping},
    {"mda", majority, [](std::size_t f) { return f + 1; }, apply_mda, kChoosing},
    {"smea", majority, [](std::size_t f) { return f + 1; }, apply_smea, kTrying},
    {"monna", majority, [](std::size_t f) { return f + 1; }, apply_monna, kPairsMost, true},
    {"meamed", majority, [](std::size_t f) { return f + 1; }, apply_meamed},
    {"caf", majority, majority, apply_caf, kDecomposing},
    {"dnc", majority, [](std::size_t f) { return f + 1; }, apply_dnc, kChoosing},
    {"fltrust", any, any, apply_fltrust, kWiresMax, true},
    {"foolsgold", any, any, apply_foolsgold, kPairsMost, true},
};

const Rule* find_rule(const std::string& name) {
  const auto* found = std::find_if(std::begin(kRules), std::end(kRules),
                                   [&](const Rule& rule) { return rule.name == name; });
  return found == std::end(kRules) ? nullptr : found;
}

class Robust final : public AggregationRule {
 public:
  Robust(const Part& part, const Rule& rule) : part_(part), rule_(rule) {
    for (const Value& value : part.list("pre")) {
      if (const Part* pre = value.part()) pre_.push_back(*pre);
    }
    for (const Part& pre : pre_) {
      if (pre.name == "bucketing" && rule_.knows_hospitals) {
        throw part.mistake("pre",
                           fmt::format("pre.bucketing mixes hospitals before aggregation.{}, which "
                                       "has to know whose update is whose",
                                       part.name),
                           "leave it out, or choose another rule");
      }
    }
  }

  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override {
    ParameterVector result(context.global->shared_layout());
    std::vector<Update> held;
    for (Update update; updates.take(update);) held.push_back(std::move(update));
    std::vector<const float*> rows;
    std::vector<double> weights;
    std::vector<HospitalId> from;
    double total = 0;
    for (const Update& update : held) {
      rows.push_back(update.delta.padded().data());
      weights.push_back(update.weight);
      from.push_back(update.hospital);
      total += update.weight;
    }
    const bool can_look = rule_.name != std::string_view("fltrust") || part_.find("trusted") ||
                          context.root != nullptr;
    if (held.empty() || total <= 0 || !can_look || !refusal(from, Demand::possible).empty())
      return result;
    for (double& weight : weights) weight /= total;
    VectorSet set(std::move(rows), result.padded().size(), context.workers);
    for (const Part& pre : pre_) set = apply_pre(pre, set, context.seed, weights);
    const std::size_t f = told(set.count());
    Call call{part_,   std::move(set), std::move(weights),    std::move(from), f,
              context, memory_,        result.padded().data()};
    rule_.apply(call);
    return result;
  }

  std::string refusal(std::span<const HospitalId> from, Demand demand) const override {
    std::size_t n = from.size();
    for (const Part& pre : pre_) {
      if (std::string reason = aggregation::refusal(pre, n); !reason.empty()) return reason;
      if (demand != Demand::ever && pre.name == "nnm" && n > kPairsMost) {
        return fmt::format("pre.nnm takes at most {} updates, here are {}", kPairsMost, n);
      }
      n = count_after(pre, n);
    }
    const std::size_t f = told(n);
    const std::size_t needed = (demand == Demand::possible ? rule_.possible : rule_.guaranteed)(f);
    if (n < needed) {
      return fmt::format("aggregation.{} with byzantine = {} needs at least {} {}, here are {}",
                         part_.name, f, needed, n == from.size() ? "updates" : "buckets", n);
    }
    if (std::string reason = refused_trust(from, demand); !reason.empty()) return reason;
    return demand == Demand::ever ? "" : refused_search(n, f);
  }

 private:
  std::string refused_trust(std::span<const HospitalId> from, Demand demand) const {
    if (part_.name != "monna" && part_.name != "fltrust") return {};
    if (part_.find("trusted") && !place_of_trusted(part_, from)) {
      return fmt::format("aggregation.{} has no update of the trusted hospital, number {}",
                         part_.name, part_.integer("trusted"));
    }
    if (demand != Demand::possible && !part_.find("trusted")) {
      return "aggregation.fltrust needs a trusted hospital in a run: trusted = 1 names the first";
    }
    return {};
  }

  std::string refused_search(std::size_t n, std::size_t f) const {
    if (n > rule_.most) {
      return fmt::format("aggregation.{} takes at most {} updates, here are {}", part_.name,
                         rule_.most, n);
    }
    if (part_.name == "multi_krum") {
      const std::size_t most = part_.text("choose") == "once" ? n : n - 1;
      const bool iterated_all = part_.text("choose") != "once" && !part_.find("count");
      if (iterated_all && n < 2 * f + 3) {
        return fmt::format("aggregation.multi_krum leaves out {} and here are {}", 2 * f + 2, n);
      }
      if (multi_krum_count(part_, n, f) > most) {
        return fmt::format("aggregation.multi_krum with count = {} has {} to choose from",
                           part_.integer("count"), most);
      }
    }
    const double most = part_.name == "mda"    ? kChoicesMost
                        : part_.name == "smea" ? kEigenChoicesMost
                                               : INFINITY;
    if (choices(n, std::min(f, n)) > most) {
      return fmt::format(
          "aggregation.{} tries every choice of {} among {}: more than {:.0f} are too many",
          part_.name, n - f, n, most);
    }
    if (part_.name == "dnc") {
      const auto dropped =
          dnc_dropped(part_, f) * static_cast<std::size_t>(part_.integer("iterations"));
      if (dropped >= n) {
        return fmt::format("aggregation.dnc may leave out {} and here are {}", dropped, n);
      }
    }
    return {};
  }

  // Attackers that the rule is told of among n vectors; what it was not given is no more than it
  // can bear.
  [[nodiscard]] std::size_t told(std::size_t n) const {
    const Byzantine byzantine = Byzantine::of(part_);
    std::size_t f = byzantine.among(n);
    while (!byzantine.given && f > 0 && rule_.guaranteed(f) > n) --f;
    return f;
  }

  Part part_;
  const Rule& rule_;
  std::vector<Part> pre_;
  Memory memory_;
};

}  // namespace

std::unique_ptr<AggregationRule> make_robust(const Part& part) {
  const Rule* rule = find_rule(part.name);
  if (rule == nullptr) return nullptr;
  if (part.name == "mean" && part.list("pre").empty()) return nullptr;
  return std::make_unique<Robust>(part, *rule);
}

}  // namespace polyclinic::aggregation
