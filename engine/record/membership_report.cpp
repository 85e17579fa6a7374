#include "record/membership_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "record/text_table.hpp"

namespace polyclinic {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHospitalsMost = 24;
constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 18;

std::map<HospitalId, std::string> names_of(const RunResult& result) {
  std::map<HospitalId, std::string> names;
  for (const HospitalAccount& account : result.hospitals) names[account.hospital] = account.name;
  return names;
}

std::string with_interval(const MeasuredValue& v) {
  if (!v.value) return "-";
  if (!v.low || !v.high) return fmt::format("{:.3f}", *v.value);
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", *v.value, *v.low, *v.high);
}

Json optional(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json value(const MeasuredValue& v) {
  Json json{{"value", optional(v.value)},
            {"low", optional(v.low)},
            {"high", optional(v.high)},
            {"n", v.n}};
  if (!v.reason.empty()) json["reason"] = v.reason;
  return json;
}

Json epsilon(const MembershipResult& found) {
  if (!found.epsilon) return nullptr;
  const MembershipResult::Epsilon& e = *found.epsilon;
  return {{"at_least", e.at_least},
          {"confidence", found.confidence},
          {"delta", found.delta},
          {"claims", e.says_member ? "member" : "no member"},
          {"loss", e.loss},
          {"chosen_on", e.chosen_on},
          {"judged_on", e.right_of + e.wrong_of},
          {"right", e.right},
          {"right_of", e.right_of},
          {"wrong", e.wrong},
          {"wrong_of", e.wrong_of}};
}

}  // namespace

std::string membership_table(const RunResult& result) {
  if (!result.membership) return {};
  const MembershipResult& found = *result.membership;
  std::map<HospitalId, std::string> names = names_of(result);
  TextTable table({true});
  table.add({"membership inference", "members", "non-members",
             fmt::format("AUC within ({:g} %)", 100 * found.confidence)});
  const std::size_t shown = std::min(found.hospitals.size(), kHospitalsMost);
  for (std::size_t h = 0; h < shown; ++h) {
    const MembershipResult::Hospital& one = found.hospitals[h];
    table.add({shortened(names[one.hospital], kNameColumns), fmt::format("{}", one.members),
               fmt::format("{}", one.others), with_interval(one.auc)});
  }
  std::string text = table.text();
  if (shown < found.hospitals.size()) {
    text += fmt::format("  ... and {} more hospitals\n", found.hospitals.size() - shown);
  }
  for (const auto& [heading, sentence] : found.statement) {
    text += "  " + wrapped(fmt::format("{}: {}.", heading, sentence), kColumns - 2, 4) + "\n";
  }
  return text + "\n";
}

nlohmann::ordered_json membership_json(const RunResult& result) {
  const MembershipResult& found = *result.membership;
  std::map<HospitalId, std::string> names = names_of(result);
  Json json;
  json["confidence"] = found.confidence;
  json["members"] = found.members;
  json["non_members"] = found.others;
  json["auc_within"] = value(found.auc_within);
  json["auc_within"]["hospitals_counted"] = found.hospitals_counted;
  json["auc_across"] = value(found.auc_pooled);
  Json& rate = json["true_positive_rate"] = value(found.true_positive_rate);
  rate["false_positive_rate"] = found.false_positive_rate;
  rate["false_positive_rate_reached"] =
      found.true_positive_rate.value ? Json(found.false_positive_rate_reached) : Json(nullptr);
  rate["non_members_needed"] = found.others_needed;
  json["epsilon"] = epsilon(found);
  json["hospitals"] = Json::array();
  for (const MembershipResult::Hospital& one : found.hospitals) {
    json["hospitals"].push_back({{"name", names[one.hospital]},
                                 {"members", one.members},
                                 {"non_members", one.others},
                                 {"auc", value(one.auc)}});
  }
  json["hospitals_left_out"] = found.left_out;
  json["statement"] = Json::object();
  for (const auto& [heading, sentence] : found.statement) json["statement"][heading] = sentence;
  return json;
}

}  // namespace polyclinic
