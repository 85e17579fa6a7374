#include "learn/metrics/ranking.hpp"

#include <algorithm>
#include <cmath>

#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

namespace {

struct RocArea {
  double value = 0;
  double variance = 0;  // 0 where it degenerates
};

// AUROC and its variance after DeLong et al. 1988. With X an event, Y a non-event and
// psi = 1, 1/2, 0 for X >, =, < Y:
//   V10(X) = mean over Y of psi,  V01(Y) = mean over X of psi,  variance = S10 / m + S01 / n
// with S the sample variances of V10 and V01. All patients of a tie group share their V.
RocArea roc_area(const std::vector<TieGroup>& groups, const ClassCounts& counts) {
  // pairs won by events, doubled so that half pairs stay whole
  std::int64_t doubled_pairs = 0;
  std::int64_t non_events_below = 0;
  for (const TieGroup& group : groups) {
    const std::int64_t others = group.n - group.events;
    doubled_pairs += group.events * (2 * non_events_below + others);
    non_events_below += others;
  }
  const auto m = static_cast<double>(counts.events);
  const auto n = static_cast<double>(counts.non_events());
  RocArea area;
  area.value = static_cast<double>(doubled_pairs) / (2 * m * n);
  if (counts.events < 2 || counts.non_events() < 2) return area;

  double squares10 = 0;
  double squares01 = 0;
  std::int64_t below = 0;
  std::int64_t events_above = counts.events;
  for (const TieGroup& group : groups) {
    const std::int64_t others = group.n - group.events;
    events_above -= group.events;
    const double v10 = static_cast<double>(2 * below + others) / (2 * n) - area.value;
    const double v01 = static_cast<double>(2 * events_above + group.events) / (2 * m) - area.value;
    squares10 += static_cast<double>(group.events) * v10 * v10;
    squares01 += static_cast<double>(others) * v01 * v01;
    below += others;
  }
  area.variance = squares10 / (m - 1) / m + squares01 / (n - 1) / n;
  return area;
}

}  // namespace

MetricValue auroc(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (reason.empty()) reason = too_few(counts, options.min_events);
  if (!reason.empty()) return null_value(counts, std::move(reason));

  const RocArea area = roc_area(tie_groups(scores, labels), counts);
  // at 0 and 1, and when every patient ties, DeLong's variance is 0 or the logit infinite
  constexpr std::int64_t kDeLongFrom = 10;
  const bool degenerate = area.variance <= 0 || area.value <= 0 || area.value >= 1 ||
                          std::min(counts.events, counts.non_events()) < kDeLongFrom;
  const Limits limits =
      degenerate ? newcombe_auroc(area.value, counts.events, counts.non_events(), options.level)
                 : logit_interval(area.value, std::sqrt(area.variance), options.level);
  return value_with(counts, area.value, limits);
}

MetricValue auprc(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (reason.empty()) reason = too_few(counts, options.min_events);
  if (!reason.empty()) return null_value(counts, std::move(reason));

  // from the highest score down: precision after each tie group, weighted by the events it brought
  const std::vector<TieGroup> groups = tie_groups(scores, labels);
  const auto events = static_cast<double>(counts.events);
  std::int64_t taken = 0;
  std::int64_t found = 0;
  double sum = 0;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    taken += group->n;
    found += group->events;
    sum += static_cast<double>(group->events) *
           (static_cast<double>(found) / static_cast<double>(taken));
  }
  const double value = found == 0 ? 0 : sum / events;
  const Limits limits =
      value < 1 ? logit_interval(value, std::sqrt(value * (1 - value) / events), options.level)
                : wilson(events, events, options.level);
  return value_with(counts, value, limits);
}

namespace {

// Adds to `influence` each patient's part in the error of one AUROC, scaled so that the sum of its
// squares is DeLong's variance. Returns the AUROC.
double add_influence(NumberView scores, NumberView labels, const ClassCounts& counts,
                     std::vector<double>& influence) {
  const std::vector<std::uint32_t> order = order_by_value(scores);
  const std::vector<TieGroup> groups = tie_groups(scores, labels);
  const double value = roc_area(groups, counts).value;
  const auto m = static_cast<double>(counts.events);
  const auto n = static_cast<double>(counts.non_events());
  const double event_scale = counts.events < 2 ? 0 : 1 / std::sqrt(m * (m - 1));
  const double other_scale = counts.non_events() < 2 ? 0 : 1 / std::sqrt(n * (n - 1));

  std::size_t next = 0;
  std::int64_t below = 0;
  std::int64_t events_above = counts.events;
  for (const TieGroup& group : groups) {
    const std::int64_t others = group.n - group.events;
    events_above -= group.events;
    const double v10 = static_cast<double>(2 * below + others) / (2 * n) - value;
    const double v01 = static_cast<double>(2 * events_above + group.events) / (2 * m) - value;
    below += others;
    for (std::int64_t i = 0; i < group.n; ++i) {
      const std::uint32_t row = order[next++];
      influence[row] += labels[row] > 0.5 ? v10 * event_scale : v01 * other_scale;
    }
  }
  return value;
}

}  // namespace

MetricValue auroc_one_vs_rest(NumberView scores, NumberView labels, int classes,
                              const MetricOptions& options) {
  const ClassCounts all{static_cast<std::int64_t>(labels.size()), 0};
  std::string reason = unusable_multiclass(scores, labels, classes);
  if (!reason.empty()) return null_value(all, std::move(reason));

  const std::size_t n = labels.size();
  std::vector<double> influence(n, 0.0);
  std::vector<double> column(n);
  std::vector<double> is_class(n);
  double sum = 0;
  int counted = 0;
  for (int c = 0; c < classes; ++c) {
    for (std::size_t i = 0; i < n; ++i) {
      column[i] = scores[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(c)];
      is_class[i] = labels[i] == c ? 1 : 0;
    }
    const ClassCounts counts = count_classes(is_class);
    const std::string few = too_few(counts, options.min_events);
    if (!few.empty()) {
      reason = few;
      continue;
    }
    sum += add_influence(column, is_class, counts, influence);
    ++counted;
  }
  if (counted == 0) return null_value(all, reason + " in every class");

  const double value = sum / counted;
  double squares = 0;
  for (const double part : influence) squares += part * part;
  const double se = std::sqrt(squares) / counted;
  if (value <= 0 || value >= 1 || se <= 0) return value_with(all, value, std::nullopt);
  return value_with(all, value, logit_interval(value, se, options.level));
}

}  // namespace polyclinic::metrics
