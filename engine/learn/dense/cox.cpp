#include "learn/dense/cox.hpp"

#include <algorithm>
#include <numeric>

#include "base/math.hpp"

namespace polyclinic::dense {
namespace {

// Rows by stratum, from longest to shortest time; equal times in row order, so that sums have one
// order.
void sort_by_time(const CoxRows& rows, std::vector<std::int32_t>& order) {
  order.resize(rows.time.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    if (!rows.stratum.empty() && rows.stratum[a] != rows.stratum[b]) {
      return rows.stratum[a] < rows.stratum[b];
    }
    return rows.time[a] != rows.time[b] ? rows.time[a] > rows.time[b] : a < b;
  });
}

// A stretch of the order: the rows of one stratum.
struct Stratum {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Stratum stratum_from(const CoxRows& rows, const std::vector<std::int32_t>& order,
                     std::size_t begin) {
  if (rows.stratum.empty()) return {begin, order.size()};
  std::size_t end = begin;
  while (end < order.size() && rows.stratum[order[end]] == rows.stratum[order[begin]]) ++end;
  return {begin, end};
}

// Rows order[begin..end) of one time. Hazards are e^(score - highest) with the highest score among
// those at risk then, so that scores of any size neither overflow nor vanish together.
struct TiedGroup {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::int64_t events = 0;
  double hazard = 0;        // of all rows of the group
  double event_hazard = 0;  // of its events
  double event_score = 0;   // sum of shifted scores of its events
};

std::size_t end_of_group(const CoxRows& rows, const CoxScratch& s, std::size_t begin,
                         std::size_t last) {
  std::size_t end = begin;
  while (end < last && rows.time[s.order[end]] == rows.time[s.order[begin]]) ++end;
  return end;
}

TiedGroup group_of(const CoxRows& rows, const CoxScratch& s, std::size_t begin, std::size_t end,
                   double highest) {
  TiedGroup g;
  g.begin = begin;
  g.end = end;
  for (std::size_t j = begin; j < end; ++j) {
    const std::int32_t row = s.order[j];
    const double score = static_cast<double>(rows.score[row]) - highest;
    const double hazard = math::exp(score);
    g.hazard += hazard;
    if (rows.event[row] == 0.0F) continue;
    ++g.events;
    g.event_hazard += hazard;
    g.event_score += score;
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

// From the longest time down: who is at risk at each event. Writes at_risk and highest at the first
// row of each group; returns the log partial likelihood.
double descend(const CoxRows& rows, Ties ties, CoxScratch& s, Stratum stratum) {
  double at_risk = 0;
  double log_likelihood = 0;
  auto highest = static_cast<double>(rows.score[s.order[stratum.begin]]);
  for (std::size_t begin = stratum.begin; begin < stratum.end;) {
    const std::size_t end = end_of_group(rows, s, begin, stratum.end);
    const double before = highest;
    for (std::size_t j = begin; j < end; ++j) {
      highest = std::max(highest, static_cast<double>(rows.score[s.order[j]]));
    }
    const TiedGroup g = group_of(rows, s, begin, end, highest);
    at_risk = at_risk * math::exp(before - highest) + g.hazard;
    s.at_risk[begin] = at_risk;
    s.highest[begin] = highest;
    log_likelihood += g.event_score - denominators(g, at_risk, ties).logarithm;
    begin = end;
  }
  return log_likelihood;
}

// From the shortest time up: dL/d eta_j = delta_j - e^eta_j (sum of 1/denominator over events while
// j was at risk), less the shares of j's own tied group (Efron).
void ascend(const CoxRows& rows, Ties ties, double events, std::span<float> slope,
            const CoxScratch& s, Stratum stratum) {
  double cumulative = 0;  // of 1/denominator, times e^highest
  double highest = s.highest[stratum.begin];
  for (std::size_t end = stratum.end; end > stratum.begin;) {
    std::size_t begin = end - 1;
    while (begin > stratum.begin && rows.time[s.order[begin - 1]] == rows.time[s.order[begin]])
      --begin;
    const TiedGroup g = group_of(rows, s, begin, end, s.highest[begin]);
    const Denominators sums = denominators(g, s.at_risk[begin], ties);
    if (end < stratum.end) cumulative *= math::exp(s.highest[begin] - highest);
    highest = s.highest[begin];
    cumulative += sums.inverse;
    for (std::size_t j = begin; j < end; ++j) {
      const std::int32_t row = s.order[j];
      const bool event = rows.event[row] != 0.0F;
      const double own = event ? sums.tied_inverse : 0.0;
      const double hazard = math::exp(static_cast<double>(rows.score[row]) - highest);
      slope[row] = static_cast<float>((hazard * (cumulative - own) - (event ? 1.0 : 0.0)) / events);
    }
    end = begin;
  }
}

}  // namespace

double cox_loss(const CoxRows& rows, Ties ties, std::span<float> slope, CoxScratch& s) {
  const auto events = static_cast<double>(
      std::count_if(rows.event.begin(), rows.event.end(), [](float e) { return e != 0.0F; }));
  if (events == 0) {
    std::fill(slope.begin(), slope.end(), 0.0F);
    return 0.0;
  }
  sort_by_time(rows, s.order);
  s.at_risk.resize(rows.score.size());
  s.highest.resize(rows.score.size());
  double log_likelihood = 0;
  for (Stratum stratum; stratum.end < s.order.size();) {
    stratum = stratum_from(rows, s.order, stratum.end);
    log_likelihood += descend(rows, ties, s, stratum);
    if (!slope.empty()) ascend(rows, ties, events, slope, s, stratum);
  }
  return -log_likelihood / events;
}

}  // namespace polyclinic::dense
