#include "privacy/membership.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic::privacy {

namespace {

constexpr double kBeyondThreshold = 10;  // records that make a rate more than an anecdote

std::int64_t at_or_above(const std::vector<double>& ascending, double threshold) {
  return ascending.end() - std::lower_bound(ascending.begin(), ascending.end(), threshold);
}

std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

AttackScores sorted(const AttackScores& scores) {
  return {sorted(scores.members), sorted(scores.others)};
}

// REQUIRES: ascending scores.
ClaimCounts count_sorted(const Claim& claim, const AttackScores& scores) {
  const std::int64_t m = std::ssize(scores.members);
  const std::int64_t n = std::ssize(scores.others);
  const std::int64_t members = at_or_above(scores.members, claim.threshold);
  const std::int64_t others = at_or_above(scores.others, claim.threshold);
  if (claim.says == Claim::Says::member) return {members, m, others, n};
  return {n - others, n, m - members, m};
}

// Before it is cut at 0; -infinity where delta explains everything.
double raw_bound(const ClaimCounts& counts, double delta, double confidence) {
  const double low = statistics::clopper_pearson(counts.right, counts.right_of, confidence).low;
  const double high = statistics::clopper_pearson(counts.wrong, counts.wrong_of, confidence).high;
  return math::log(std::max(low - delta, 0.0)) - math::log(high);
}

// Never less than raw_bound, and much cheaper: the rates themselves for their ends.
double observed(const ClaimCounts& counts, double delta) {
  const double right = static_cast<double>(counts.right) / static_cast<double>(counts.right_of);
  const double wrong = static_cast<double>(counts.wrong) / static_cast<double>(counts.wrong_of);
  return math::log(std::max(right - delta, 0.0)) - math::log(wrong);
}

// Of sorted scores every one near the ends, where claims are rare and one record more or less
// matters, and one in fifty of the rest.
std::vector<double> thresholds_tried(const std::vector<double>& ascending) {
  constexpr std::size_t kAllUpTo = 50;
  const std::size_t n = ascending.size();
  std::vector<double> tried;
  for (std::size_t i = 0; i < n; i += std::max<std::size_t>(1, i / kAllUpTo)) {
    tried.push_back(ascending[i]);
    tried.push_back(ascending[n - 1 - i]);
  }
  std::sort(tried.begin(), tried.end());
  tried.erase(std::unique(tried.begin(), tried.end()), tried.end());
  return tried;
}

}  // namespace

std::int64_t others_needed(double false_positive_rate) {
  ENSURE(false_positive_rate > 0 && false_positive_rate < 1, "a rate is between 0 and 1");
  // a hair less, so that 10 / .01 is a thousand whatever the quotient rounds to
  return static_cast<std::int64_t>(std::ceil(kBeyondThreshold / false_positive_rate - 1e-9));
}

std::optional<TruePositives> true_positives_at(const AttackScores& scores,
                                               double false_positive_rate, double confidence) {
  const std::int64_t n = std::ssize(scores.others);
  if (n < others_needed(false_positive_rate) || scores.members.empty()) return std::nullopt;
  const std::vector<double> others = sorted(scores.others);
  const std::vector<double> members = sorted(scores.members);
  const auto allowed =
      static_cast<std::int64_t>(std::floor(false_positive_rate * static_cast<double>(n) + 1e-9));
  // beyond the highest score that would let too many others in: there are more others than allowed
  const double excluded = others[static_cast<std::size_t>(n - 1 - allowed)];
  const auto beyond = [&](const std::vector<double>& ascending) {
    return ascending.end() - std::upper_bound(ascending.begin(), ascending.end(), excluded);
  };
  const std::int64_t hits = beyond(members);
  TruePositives result;
  result.rate = static_cast<double>(hits) / static_cast<double>(members.size());
  result.limits = statistics::clopper_pearson(hits, std::ssize(members), confidence);
  result.false_positive_rate = static_cast<double>(beyond(others)) / static_cast<double>(n);
  return result;
}

ClaimCounts count(const Claim& claim, const AttackScores& scores) {
  return count_sorted(claim, sorted(scores));
}

double epsilon_bound(const ClaimCounts& counts, double delta, double confidence) {
  ENSURE(delta >= 0 && delta < 1, "delta is a probability below 1");
  return std::max(0.0, raw_bound(counts, delta, confidence));
}

std::optional<Claim> choose_claim(const AttackScores& scores, double delta, double confidence) {
  if (scores.members.empty() || scores.others.empty()) return std::nullopt;
  const AttackScores ascending = sorted(scores);
  std::vector<double> all = ascending.members;
  all.insert(all.end(), ascending.others.begin(), ascending.others.end());
  std::sort(all.begin(), all.end());

  std::optional<Claim> best;
  double most = 0;
  for (const double threshold : thresholds_tried(all)) {
    for (const Claim::Says says : {Claim::Says::member, Claim::Says::no_member}) {
      const Claim claim{says, threshold};
      const ClaimCounts counts = count_sorted(claim, ascending);
      if (best && observed(counts, delta) <= most) continue;
      const double bound = raw_bound(counts, delta, confidence);
      if (best && bound <= most) continue;
      best = claim;
      most = bound;
    }
  }
  return best;
}

}  // namespace polyclinic::privacy
