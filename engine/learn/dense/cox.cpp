#include "learn/dense/cox.hpp"

#include <algorithm>
#include <numeric>

#include "base/math.hpp"

namespace polyclinic::dense {
namespace {

// Rows from longest to shortest time; equal times in row order, so that sums have one order.
void sort_by_time(std::span<const float> time, std::vector<std::int32_t>& order) {
  order.resize(time.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return time[a] != time[b] ? time[a] > time[b] : a < b;
  });
}

// Rows order[begin..end) of one time.
struct TiedGroup {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::int64_t events = 0;
  double event_hazard = 0;  // sum of hazards of the events
  double event_score = 0;   // sum of shifted scores of the events
};

TiedGroup group_at(const CoxRows& rows, const CoxScratch& s, std::size_t begin, double highest) {
  TiedGroup g;
  g.begin = begin;
  g.end = begin;
  const float time = rows.time[s.order[begin]];
  for (; g.end < s.order.size() && rows.time[s.order[g.end]] == time; ++g.end) {
    const std::int32_t row = s.order[g.end];
    if (rows.event[row] == 0.0F) continue;
    ++g.events;
    g.event_hazard += s.hazard[row];
    g.event_score += static_cast<double>(rows.score[row]) - highest;
  }
  return g;
}

// Denominators of a group's events: S - (l / d) S_d (Efron 1977), or S for each (Breslow 1974).
// Their sum of 1/denominator, of (l/d)/denominator and of logarithms.
struct Denominators {
  double inverse = 0;
  double tied_inverse = 0;
  double logarithm = 0;
};

Denominators denominators(const TiedGroup& g, double at_risk, Ties ties) {
  Denominators sums;
  for (std::int64_t l = 0; l < g.events; ++l) {
    const double share =
        ties == Ties::efron ? static_cast<double>(l) / static_cast<double>(g.events) : 0.0;
    const double denominator = at_risk - share * g.event_hazard;
    sums.inverse += 1.0 / denominator;
    sums.tied_inverse += share / denominator;
    sums.logarithm += math::log(denominator);
  }
  return sums;
}

}  // namespace

double cox_loss(const CoxRows& rows, Ties ties, std::span<float> slope, CoxScratch& s) {
  const std::size_t n = rows.score.size();
  std::int64_t events = 0;
  for (const float e : rows.event) events += e != 0.0F ? 1 : 0;
  if (events == 0) {
    std::fill(slope.begin(), slope.end(), 0.0F);
    return 0.0;
  }
  sort_by_time(rows.time, s.order);

  // the partial likelihood does not change when all scores shift: the highest becomes 0
  const auto highest = static_cast<double>(*std::max_element(rows.score.begin(), rows.score.end()));
  s.hazard.resize(n);
  s.at_risk.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    s.hazard[i] = math::exp(static_cast<double>(rows.score[i]) - highest);
  }

  // from the longest time down: who is still at risk
  double at_risk = 0;
  double log_likelihood = 0;
  for (std::size_t i = 0; i < n;) {
    const TiedGroup g = group_at(rows, s, i, highest);
    for (std::size_t j = g.begin; j < g.end; ++j) at_risk += s.hazard[s.order[j]];
    s.at_risk[g.begin] = at_risk;
    log_likelihood += g.event_score - denominators(g, at_risk, ties).logarithm;
    i = g.end;
  }
  const auto count = static_cast<double>(events);
  if (slope.empty()) return -log_likelihood / count;

  // from the shortest time up: dL/d eta_j = delta_j - e^eta_j (sum of 1/denominator over events
  // while j was at risk), less the shares of j's own tied group (Efron)
  double cumulative = 0;
  for (std::size_t end = n; end > 0;) {
    std::size_t begin = end - 1;
    while (begin > 0 && rows.time[s.order[begin - 1]] == rows.time[s.order[begin]]) --begin;
    const TiedGroup g = group_at(rows, s, begin, highest);
    const Denominators sums = denominators(g, s.at_risk[begin], ties);
    cumulative += sums.inverse;
    for (std::size_t j = begin; j < end; ++j) {
      const std::int32_t row = s.order[j];
      const bool event = rows.event[row] != 0.0F;
      const double own = event ? sums.tied_inverse : 0.0;
      const double gradient = s.hazard[row] * (cumulative - own) - (event ? 1.0 : 0.0);
      slope[row] = static_cast<float>(gradient / count);
    }
    end = begin;
  }
  return -log_likelihood / count;
}

}  // namespace polyclinic::dense
