#include "learn/metrics/survival.hpp"

#include <cmath>

#include "base/math.hpp"
#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

namespace {

// Counts of patients by score rank with prefix sums in O(log n) (Fenwick 1994).
class RankCounts {
 public:
  explicit RankCounts(std::size_t ranks) : tree_(ranks + 1) {}
  void add(std::size_t rank) {
    ++total_;
    for (std::size_t i = rank + 1; i < tree_.size(); i += i & (~i + 1)) ++tree_[i];
  }
  // Patients with a rank below `rank`.
  [[nodiscard]] std::int64_t below(std::size_t rank) const {
    std::int64_t sum = 0;
    for (std::size_t i = rank; i > 0; i &= i - 1) sum += tree_[i];
    return sum;
  }
  [[nodiscard]] std::int64_t total() const { return total_; }

 private:
  std::vector<std::int64_t> tree_;
  std::int64_t total_ = 0;
};

// Rank of each patient's value among the distinct values, from 0.
std::vector<std::size_t> ranks_of(NumberView values) {
  const std::vector<std::uint32_t> order = order_by_value(values);
  std::vector<std::size_t> ranks(values.size());
  std::size_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && values[order[i]] != values[order[i - 1]]) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

// Known pairs of each patient and twice the concordance in them (a tie counts 1 of 2).
struct PairCounts {
  std::vector<std::int64_t> pairs;
  std::vector<std::int64_t> doubled;
  std::int64_t all_pairs = 0;
  std::int64_t all_doubled = 0;
};

// Calls visit(first, last) for each run of equal times in `order`, latest first.
template <class Visit>
void each_time_descending(NumberView times, const std::vector<std::uint32_t>& order, Visit visit) {
  std::size_t last = order.size();
  while (last > 0) {
    std::size_t first = last - 1;
    while (first > 0 && times[order[first - 1]] == times[order[first]]) --first;
    visit(first, last);
    last = first;
  }
}

// Pairs in which the patient is the one with the earlier event.
void count_as_earlier(NumberView times, NumberView seen, const std::vector<std::uint32_t>& order,
                      const std::vector<std::size_t>& ranks, PairCounts& counts) {
  RankCounts later(ranks.size());
  each_time_descending(times, order, [&](std::size_t first, std::size_t last) {
    // those censored at this time outlived its events
    for (std::size_t i = first; i < last; ++i) {
      if (seen[order[i]] <= 0.5) later.add(ranks[order[i]]);
    }
    for (std::size_t i = first; i < last; ++i) {
      const std::uint32_t row = order[i];
      if (seen[row] <= 0.5) continue;
      // less + (less or equal) = 2 less + equal
      const std::int64_t won = later.below(ranks[row]) + later.below(ranks[row] + 1);
      counts.pairs[row] += later.total();
      counts.doubled[row] += won;
      counts.all_pairs += later.total();
      counts.all_doubled += won;
    }
    for (std::size_t i = first; i < last; ++i) {
      if (seen[order[i]] > 0.5) later.add(ranks[order[i]]);
    }
  });
}

// Pairs in which the patient is the one who outlived the other's event.
void count_as_later(NumberView times, NumberView seen, const std::vector<std::uint32_t>& order,
                    const std::vector<std::size_t>& ranks, PairCounts& counts) {
  RankCounts earlier(ranks.size());
  const auto query = [&](std::uint32_t row) {
    const std::int64_t lower = earlier.below(ranks[row]) + earlier.below(ranks[row] + 1);
    counts.pairs[row] += earlier.total();
    counts.doubled[row] += 2 * earlier.total() - lower;
  };
  std::size_t first = 0;
  while (first < order.size()) {
    std::size_t last = first + 1;
    while (last < order.size() && times[order[last]] == times[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i) {
      if (seen[order[i]] > 0.5) query(order[i]);
    }
    for (std::size_t i = first; i < last; ++i) {
      if (seen[order[i]] > 0.5) earlier.add(ranks[order[i]]);
    }
    for (std::size_t i = first; i < last; ++i) {
      if (seen[order[i]] <= 0.5) query(order[i]);
    }
    first = last;
  }
}

std::string unusable_survival(NumberView scores, NumberView times, NumberView seen) {
  ENSURE(times.size() == seen.size(), "one time and one indicator per patient");
  std::string reason = unusable_numbers(scores, times);
  if (!reason.empty()) return reason;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] != 0 && seen[i] != 1) return "event indicators are not 0 or 1";
  }
  return "";
}

}  // namespace

MetricValue c_index(NumberView scores, NumberView times, NumberView seen,
                    const MetricOptions& options) {
  const ClassCounts patients = count_classes(seen);
  std::string reason = unusable_survival(scores, times, seen);
  if (reason.empty() && patients.events == 0) reason = "no events";
  if (reason.empty() && patients.events < options.min_events) {
    reason = "fewer than " + std::to_string(options.min_events) + " events";
  }
  if (!reason.empty()) return null_value(patients, std::move(reason));

  const std::vector<std::uint32_t> order = order_by_value(times);
  const std::vector<std::size_t> ranks = ranks_of(scores);
  PairCounts counts{std::vector<std::int64_t>(times.size()),
                    std::vector<std::int64_t>(times.size()), 0, 0};
  count_as_earlier(times, seen, order, ranks, counts);
  if (counts.all_pairs == 0) return null_value(patients, "no comparable pairs");
  count_as_later(times, seen, order, ranks, counts);

  // infinitesimal jackknife of the ratio C = concordance / pairs:
  // variance = sum over patients of ((concordance_i - C pairs_i) / pairs)^2
  const auto pairs = static_cast<double>(counts.all_pairs);
  const double value = static_cast<double>(counts.all_doubled) / (2 * pairs);
  double variance = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double part = (static_cast<double>(counts.doubled[i]) / 2 -
                         value * static_cast<double>(counts.pairs[i])) /
                        pairs;
    variance += part * part;
  }
  const bool degenerate = variance <= 0 || value <= 0 || value >= 1;
  const auto events = static_cast<double>(patients.events);
  return value_with(patients, value,
                    degenerate ? wilson(value * events, events, options.level)
                               : logit_interval(value, std::sqrt(variance), options.level));
}

MetricValue partial_likelihood_loss(NumberView scores, NumberView times, NumberView seen,
                                    const MetricOptions& options) {
  const ClassCounts patients = count_classes(seen);
  std::string reason = unusable_survival(scores, times, seen);
  if (reason.empty() && patients.events == 0) reason = "no events";
  if (!reason.empty()) return null_value(patients, std::move(reason));

  // the risk set grows from the latest time backwards: sum of exp(score - top), top the largest so
  // far
  double top = scores[0];
  double risk = 0;
  double loss = 0;
  const std::vector<std::uint32_t> order = order_by_value(times);
  each_time_descending(times, order, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const double score = scores[order[i]];
      if (risk == 0 || score > top) {
        risk = risk == 0 ? 0 : risk * math::exp(top - score);
        top = score;
      }
      risk += math::exp(score - top);
    }
    double tied = 0;
    double events = 0;
    for (std::size_t i = first; i < last; ++i) {
      if (seen[order[i]] <= 0.5) continue;
      tied += math::exp(scores[order[i]] - top);
      events += 1;
      loss += top - scores[order[i]];
    }
    if (options.breslow) tied = 0;
    for (double l = 0; l < events; l += 1) loss += math::log(risk - l / events * tied);
  });
  return value_with(patients, loss / static_cast<double>(patients.events), std::nullopt);
}

}  // namespace polyclinic::metrics
