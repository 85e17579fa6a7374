#include "world/membership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

#include "base/draw.hpp"
#include "learn/metrics/aggregate.hpp"
#include "learn/metrics/ranking.hpp"

namespace polyclinic {

namespace {

using metrics::MetricValue;

MeasuredValue measured(const MetricValue& value, std::int64_t records) {
  return {value.value, value.low, value.high, records, value.events, value.reason};
}

metrics::MetricOptions options_at(double confidence) {
  metrics::MetricOptions options;
  options.level = confidence;
  return options;
}

// Of pairs of a member and another: how often the member's score is the larger.
MetricValue auc_of(const privacy::AttackScores& scores, double confidence) {
  std::vector<double> values = scores.members;
  values.insert(values.end(), scores.others.begin(), scores.others.end());
  std::vector<double> labels(values.size(), 0.0);
  std::fill_n(labels.begin(), scores.members.size(), 1.0);
  const metrics::MetricOptions options = options_at(confidence);
  MetricValue value = metrics::auroc(values, labels, options);
  if (!value.value) {
    value.reason = fmt::format("fewer than {} members or non-members", options.min_events);
  }
  return value;
}

void add_areas(std::span<const HospitalScores> hospitals, MembershipResult& result) {
  std::vector<metrics::NamedValue> within;
  privacy::AttackScores all;
  for (const HospitalScores& one : hospitals) {
    const MetricValue auc = auc_of({one.members, one.others}, result.confidence);
    within.push_back({"auc", metrics::Better::smaller, auc});
    const std::int64_t m = std::ssize(one.members);
    const std::int64_t n = std::ssize(one.others);
    result.hospitals.push_back({one.hospital, m, n, measured(auc, m + n)});
    result.members += m;
    result.others += n;
    all.members.insert(all.members.end(), one.members.begin(), one.members.end());
    all.others.insert(all.others.end(), one.others.begin(), one.others.end());
  }
  const std::int64_t records = result.members + result.others;
  const MetricValue pooled = auc_of(all, result.confidence);
  result.auc_pooled = measured(pooled, records);
  const metrics::Summary summary = metrics::summarise(within, pooled, result.confidence);
  result.auc_within = measured(summary.macro, records);
  if (!summary.macro.value) {
    result.auc_within.reason = within.empty() ? "no hospital could be attacked"
                                              : "no hospital has 5 members and 5 non-members";
  }
  result.hospitals_counted = summary.hospitals_counted;
}

void add_rate(const privacy::AttackScores& scores, MembershipResult& result) {
  result.balanced = std::ssize(scores.others);
  result.others_needed = privacy::others_needed(result.false_positive_rate);
  MeasuredValue& rate = result.true_positive_rate;
  rate.n = result.balanced;
  const auto found =
      privacy::true_positives_at(scores, result.false_positive_rate, result.confidence);
  if (!found) {
    rate.reason = fmt::format("it takes at least {} non-members, and there are {}",
                              result.others_needed, result.balanced);
    return;
  }
  rate.value = found->rate;
  rate.low = found->limits.low;
  rate.high = found->limits.high;
  result.false_positive_rate_reached = found->false_positive_rate;
}

void add_epsilon(const Halves& half, MembershipResult& result) {
  const auto claim = privacy::choose_claim(half.chooses, result.delta, result.confidence);
  if (!claim || half.judges.members.empty() || half.judges.others.empty()) return;
  const privacy::ClaimCounts counts = privacy::count(*claim, half.judges);
  MembershipResult::Epsilon epsilon;
  epsilon.at_least = privacy::epsilon_bound(counts, result.delta, result.confidence);
  epsilon.says_member = claim->says == privacy::Claim::Says::member;
  epsilon.loss = -claim->threshold;
  epsilon.chosen_on = std::ssize(half.chooses.members) + std::ssize(half.chooses.others);
  epsilon.right = counts.right;
  epsilon.right_of = counts.right_of;
  epsilon.wrong = counts.wrong;
  epsilon.wrong_of = counts.wrong_of;
  result.epsilon = epsilon;
}

std::string percent(double share) {
  return fmt::format("{:.3g} %", 100 * share);
}

std::string area_sentence(const MeasuredValue& auc, const std::string& what) {
  if (!auc.value) return "no AUC: " + auc.reason;
  std::string text = fmt::format("AUC {:.3f}", *auc.value);
  if (auc.low && auc.high) text += fmt::format(" ({:.3f} to {:.3f})", *auc.low, *auc.high);
  return text + what;
}

std::string rate_sentence(const MembershipResult& result) {
  const std::string asked = percent(result.false_positive_rate);
  const MeasuredValue& rate = result.true_positive_rate;
  if (!rate.value) {
    return fmt::format("no rate is told at {} false positives: {}", asked, rate.reason);
  }
  return fmt::format(
      "{} ({} to {}) of the members are beyond a threshold that {} of the non-members pass (asked: "
      "{})",
      percent(*rate.value), percent(*rate.low), percent(*rate.high),
      percent(result.false_positive_rate_reached), asked);
}

std::string epsilon_sentence(const MembershipResult& result) {
  const std::string moral = "; an attack that fails proves no privacy";
  if (!result.epsilon) {
    return "there are too few records to choose a threshold on one half and to judge it on the "
           "other" +
           moral;
  }
  return fmt::format(
             "empirical epsilon is at least {:.3f} at {} under this attack (delta {:g}), by a "
             "threshold that {} records chose and {} others judged",
             result.epsilon->at_least, percent(result.confidence), result.delta,
             result.epsilon->chosen_on, result.epsilon->right_of + result.epsilon->wrong_of) +
         moral;
}

}  // namespace

MembershipTerms membership_terms(const Part& audit) {
  MembershipTerms terms;
  terms.false_positive_rate = audit.number("false_positive_rate");
  terms.confidence = audit.number("confidence");
  return terms;
}

std::vector<std::int32_t> drawn_rows(const Dataset& data, Stream stream) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(data.rows));
  std::iota(rows.begin(), rows.end(), 0);
  draw::shuffle(stream, rows);
  if (data.patient.empty()) return rows;
  std::set<std::int64_t> seen;
  std::erase_if(rows, [&](std::int32_t row) {
    return !seen.insert(data.patient[static_cast<std::size_t>(row)]).second;
  });
  return rows;
}

privacy::AttackScores balanced(std::span<const HospitalScores> hospitals) {
  privacy::AttackScores scores;
  for (const HospitalScores& one : hospitals) {
    const auto n = static_cast<std::ptrdiff_t>(std::min(one.members.size(), one.others.size()));
    scores.members.insert(scores.members.end(), one.members.begin(), one.members.begin() + n);
    scores.others.insert(scores.others.end(), one.others.begin(), one.others.begin() + n);
  }
  return scores;
}

Halves halves(std::span<const HospitalScores> hospitals) {
  Halves result;
  for (const HospitalScores& one : hospitals) {
    const std::size_t n = std::min(one.members.size(), one.others.size());
    for (std::size_t i = 0; i < n; ++i) {
      privacy::AttackScores& half = i % 2 == 0 ? result.chooses : result.judges;
      half.members.push_back(one.members[i]);
      half.others.push_back(one.others[i]);
    }
  }
  return result;
}

MembershipResult judge_membership(std::span<const HospitalScores> hospitals,
                                  const MembershipTerms& terms) {
  MembershipResult result;
  result.false_positive_rate = terms.false_positive_rate;
  result.confidence = terms.confidence;
  result.delta = terms.delta;
  add_areas(hospitals, result);
  add_rate(balanced(hospitals), result);
  add_epsilon(halves(hospitals), result);
  return result;
}

MembershipStatement membership_statement(const MembershipResult& result) {
  MembershipStatement statement;
  statement.emplace_back("attack",
                         "a record is the likelier a member the smaller its loss (Yeom et al. "
                         "2018), by the model that "
                         "its hospital is scored with");
  statement.emplace_back(
      "records",
      fmt::format(
          "{} members from training rows and {} non-members from held-out test rows of the "
          "same hospital{}, one row of each patient, counted as independent; rates and "
          "epsilon take {} of each side, as many at every hospital",
          result.members, result.others,
          result.hospitals.size() == 1 ? "" : fmt::format("s ({})", result.hospitals.size()),
          result.balanced));
  if (result.left_out > 0) {
    statement.emplace_back(
        "left out", fmt::format("{} of the hospitals that are evaluated: attackers, those of "
                                "which the model learnt nothing, those without training or "
                                "test rows, and those whose losses are no numbers",
                                result.left_out));
  }
  statement.emplace_back(
      "within hospitals",
      area_sentence(
          result.auc_within,
          fmt::format(", the mean of {} hospital{}, each by pairs of its own; .5 is "
                      "guessing",
                      result.hospitals_counted, result.hospitals_counted == 1 ? "" : "s")));
  statement.emplace_back("across hospitals",
                         area_sentence(result.auc_pooled,
                                       " by pairs of different hospitals, too: it measures how "
                                       "they differ besides membership"));
  statement.emplace_back("true positives", rate_sentence(result));
  statement.emplace_back("epsilon", epsilon_sentence(result));
  return statement;
}

std::vector<Schema> audit_schemas() {
  return {Schema{
      .kind = "audit",
      .name = "membership",
      .doc =
          "Membership inference on the last model, once at the end: how well a record's loss tells "
          "whether its hospital trained on it. Members are training rows, non-members held-out "
          "test rows of the same hospital. AUC within and across hospitals, the true-positive "
          "rate at a low false-positive rate, and a lower bound of epsilon.",
      .paper = "Yeom et al. 2018, Privacy Risk in Machine Learning; Jagielski, Ullman, "
               "Oprea 2020, Auditing Differentially Private Machine Learning",
      .fields =
          {Field{"false_positive_rate", type::number().inside(0, 1), 0.01,
                 "at which members are found; it takes ten non-members beyond the threshold, 10 / "
                 "false_positive_rate of them, to tell the rate"},
           Field{"confidence", type::number().inside(0, 1), 0.95,
                 "of the lower bound and of all intervals"}},
      .example = "audit = audit.membership { false_positive_rate = 0.01, confidence = 0.95 }"}};
}

}  // namespace polyclinic
