#include "record/json_report.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "record/membership_report.hpp"

namespace polyclinic {

namespace {

// keys stay in the order in which they are documented
using Json = nlohmann::ordered_json;

Json optional(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json averages(const MeasuredAverages& a) {
  Json json;
  json["macro"] = optional(a.macro);
  json["macro_low"] = optional(a.macro_low);
  json["macro_high"] = optional(a.macro_high);
  json["weighted"] = optional(a.weighted);
  json["micro"] = optional(a.micro);
  json["worst"] = optional(a.worst);
  json["bottom_decile"] = optional(a.bottom_decile);
  json["spread"] = optional(a.spread);
  json["spread_chance"] = optional(a.spread_chance);
  json["jain"] = optional(a.jain);
  json["worst_hospital"] = a.worst_hospital.empty() ? Json(nullptr) : Json(a.worst_hospital);
  json["hospitals_counted"] = a.hospitals_counted;
  json["hospitals_null"] = a.hospitals_null;
  return json;
}

Json averages(const ArmResult& arm) {
  Json json = Json::object();
  for (const MeasuredAverages& a : arm.averages) json[a.metric] = averages(a);
  return json;
}

Json value(const MeasuredValue& v) {
  Json json;
  json["value"] = optional(v.value);
  json["low"] = optional(v.low);
  json["high"] = optional(v.high);
  json["n"] = v.n;
  json["events"] = v.events;
  if (!v.reason.empty()) json["reason"] = v.reason;
  return json;
}

const HospitalMetrics* metrics_of(const ArmResult& arm, HospitalId id) {
  for (const HospitalMetrics& hospital : arm.hospitals) {
    if (hospital.hospital == id) return &hospital;
  }
  return nullptr;
}

Json metrics(const HospitalMetrics* hospital) {
  Json json = Json::object();
  if (hospital == nullptr) return json;
  for (const auto& [name, v] : hospital->metrics) json[name] = value(v);
  return json;
}

Json levels(const GroupResult& group) {
  Json json = Json::array();
  for (const GroupLevel& level : group.levels) {
    Json one = {{"level", level.level}, {"rows", level.rows}, {"events", level.events}};
    one["metrics"] = Json::object();
    for (const auto& [name, v] : level.metrics) one["metrics"][name] = value(v);
    json.push_back(std::move(one));
  }
  return json;
}

Json gaps(const GroupResult& group) {
  const auto level = [](const std::string& name) {
    return name.empty() ? Json(nullptr) : Json(name);
  };
  Json json = Json::object();
  for (const GroupGap& gap : group.gaps) {
    Json one = value(gap.gap);
    one["largest"] = level(gap.largest);
    one["smallest"] = level(gap.smallest);
    one["levels_counted"] = gap.levels_counted;
    json[gap.metric] = std::move(one);
  }
  return json;
}

// By variable; the labels as recorded, and as they truly were where that is known.
Json groups(const ArmResult& arm) {
  Json json = Json::object();
  for (const GroupResult& group : arm.groups) {
    const char* labels = group.true_labels ? "by_truth" : "by_record";
    json[group.variable][labels] = {{"levels", levels(group)}, {"gaps", gaps(group)}};
  }
  return json;
}

Json groups(const RunResult& result) {
  Json json = Json::object();
  json[result.federated.name] = groups(result.federated);
  for (const ArmResult& arm : result.baselines) json[arm.name] = groups(arm);
  return json;
}

// By whose model it is, then where it was tested.
Json cross_site(const RunResult& result) {
  std::map<HospitalId, std::string> names;
  for (const HospitalAccount& account : result.hospitals) names[account.hospital] = account.name;
  Json json = Json::object();
  for (const CrossSite::Row& row : result.cross_site->rows) {
    Json& of = json[names[row.model]];
    for (const HospitalMetrics& at : row.hospitals) of[names[at.hospital]] = metrics(&at);
  }
  return json;
}

Json hospital(const RunResult& result, const HospitalAccount& account) {
  Json json;
  json["name"] = account.name;
  if (!account.region.empty()) json["region"] = account.region;
  json["role"] = name(account.role);
  json["patients"] = account.patients;
  json["rows"] = account.rows;
  json["train_rows"] = account.train_rows;
  json["weight"] = account.weight;
  if (account.attacker) json["attacker"] = true;
  json["metrics"] = metrics(metrics_of(result.federated, account.hospital));
  json["baselines"] = Json::object();
  for (const ArmResult& arm : result.baselines) {
    json["baselines"][arm.name] = metrics(metrics_of(arm, account.hospital));
  }
  json["bytes_up"] = account.bytes_up;
  json["bytes_down"] = account.bytes_down;
  json["invitations"] = account.invitations;
  json["participations"] = account.participations;
  std::int64_t drops = 0;
  Json reasons = Json::object();
  for (const auto& [reason, count] : account.drops) {
    reasons[std::string(name(reason))] = count;
    drops += count;
  }
  json["drops"] = drops;
  json["drop_reasons"] = reasons;
  json["partial"] = account.partial;
  json["epochs"] = account.epochs;
  json["outages"] = account.outages;
  json["down_seconds"] = account.down.seconds();
  json["busy_seconds"] = account.busy.seconds();
  json["median_round_seconds"] = account.median_round.seconds();
  if (!account.remarks.empty()) json["remarks"] = account.remarks;
  return json;
}

Json oracle(const RunResult& result) {
  if (!result.oracle) return nullptr;
  return {{"latent_auroc", result.oracle->latent_auroc},
          {"achievable_auroc", result.oracle->achievable_auroc},
          {"latent_auroc_within", result.oracle->latent_auroc_within},
          {"achievable_auroc_within", result.oracle->achievable_auroc_within},
          {"standard_error", result.oracle->standard_error}};
}

Json refusals(const SecureAccount& account) {
  Json json = Json::array();
  for (const SecureAccount::Refused& one : account.refused) {
    json.push_back({{"phase", secure::name(one.phase)},
                    {"reason", secure::describe(one.why)},
                    {"hospitals", one.hospitals},
                    {"first_round", one.first_round}});
  }
  return json;
}

Json secure_sums(const SecureAccount& account) {
  Json json;
  json["fidelity"] = account.real ? "real" : "cost";
  json["rounds"] = account.rounds;
  json["sums"] = account.sums;
  json["threshold_least"] = account.threshold_least;
  json["threshold_most"] = account.threshold_most;
  json["hospitals_least"] = account.parties_least;
  if (account.sparse) {
    json["neighbours_least"] = account.degree_least;
    json["neighbours_most"] = account.degree_most;
    json["neighbours_in_sum_least"] = account.neighbours_in_sum;
    json["shares_needed_least"] = account.shares_least;
    json["sums_in_pieces"] = account.sums_in_pieces;
  }
  if (account.light) json["colluding_least"] = account.colluding_least;
  if (account.key) {
    json["key"] = secure::name(*account.key);
    json["key_bits"] = account.key_bits;
    json["ciphertexts"] = account.ciphertexts;
  }
  json["sums_below_four"] = account.sums_below_four;
  json["sums_differing_by_one"] = account.differ_by_one;
  json["lost_after_sharing"] = account.lost_after_sharing;
  json["modulus_bits"] = account.modulus_bits;
  json["values"] = account.values;
  json["values_clipped"] = account.clipped;
  json["updates_held_to_rows_max"] = account.rows_held;
  if (account.masks) json["adversary"] = account.active ? "active" : "semi_honest";
  if (account.active) json["colluders_withstood"] = account.colluders_least;
  if (account.tampered > 0) {
    json["rounds_tampered"] = account.tampered;
    json["updates_read"] = account.read_alone;
  }
  if (!account.refused.empty()) json["refusals"] = refusals(account);
  json["phases"] = Json::array();
  if (account.servers > 0) {
    json["servers"] = account.servers;
    json["updates_at_some_servers_only"] = account.incomplete;
    json["rounds_failed_for_a_server"] = account.servers_lost;
    json["bytes_between_servers"] = account.bytes_between;
    if (account.compared) {
      json["comparison_gates"] = account.gates;
      json["comparison_rounds"] = account.comparison_rounds;
    }
  }
  for (const secure::Phase phase : secure::phases(account.active)) {
    const auto p = static_cast<std::size_t>(phase);
    const std::string_view name = phase_name(account, phase);
    if (name.empty()) continue;
    json["phases"].push_back({{"phase", name},
                              {"asked", account.asked[p]},
                              {"answered", account.answered[p]},
                              {"rounds_failed", account.missed[p]},
                              {"bytes_up", account.bytes_up[p]},
                              {"bytes_down", account.bytes_down[p]}});
  }
  return json;
}

Json staleness(const RunResult& result) {
  if (!result.staleness) return nullptr;
  return {{"updates", result.staleness->updates},
          {"mean", result.staleness->mean},
          {"max", result.staleness->most}};
}

Json attacks(const RunResult& result) {
  Json json = Json::array();
  for (const AttackAccount& a : result.attacks) {
    Json hospitals = Json::array();
    for (const AttackerAccount& h : a.hospitals) {
      const bool acted = h.trainings > 0;
      hospitals.push_back({{"name", h.name},
                           {"trainings", h.trainings},
                           {"counted", h.counted},
                           {"left_out", h.left_out},
                           {"first_seconds", acted ? Json(h.first.seconds()) : Json(nullptr)},
                           {"last_seconds", acted ? Json(h.last.seconds()) : Json(nullptr)}});
    }
    json.push_back({{"attack", a.attack},
                    {"settings", a.settings},
                    {"knows", a.knows},
                    {"attackers", a.attackers},
                    {"versions", a.versions},
                    {"hospitals", hospitals}});
  }
  return json;
}

Json borders(const RunResult& result) {
  Json json = Json::array();
  for (const BorderAccount& b : result.borders) {
    json.push_back({{"region", b.region},
                    {"aggregator", b.aggregator.empty() ? Json(nullptr) : Json(b.aggregator)},
                    {"hospitals", b.hospitals},
                    {"rounds", b.rounds},
                    {"rounds_failed", b.rounds_failed},
                    {"models_in", b.models},
                    {"bytes_in", b.bytes_down},
                    {"sums_out", b.sums},
                    {"sums_lost", b.sums_lost},
                    {"bytes_out", b.bytes_up},
                    {"hospitals_least", b.hospitals_least},
                    {"hospitals_most", b.hospitals_most},
                    {"hospital_messages_inside", b.inside}});
  }
  return json;
}

Json happenings(const RunResult& result) {
  Json json = Json::array();
  for (const HappeningRecord& h : result.happenings) {
    json.push_back({{"at", h.at.seconds()},
                    {"kind", name(h.kind)},
                    {"hospital", h.hospital.empty() ? Json(nullptr) : Json(h.hospital)},
                    {"version", h.version},
                    {"text", h.text}});
  }
  return json;
}

Json data_changes(const RunResult& result) {
  Json json = Json::array();
  for (const DataChangeRecord& change : result.data_changes) {
    Json metrics = Json::object();
    for (const DataChangeRecord::Value& value : change.values) {
      metrics[value.metric] = {{"before", optional(value.before)},
                               {"after", optional(value.after)},
                               {"end", optional(value.end)}};
    }
    json.push_back(
        {{"at", change.at.seconds()},
         {"where", change.who},
         {"change", change.text},
         {"hospitals", change.hospitals},
         {"hospitals_counted", change.evaluated.size()},
         {"version", change.version},
         {"after_at", change.after_at ? Json(change.after_at->seconds()) : Json(nullptr)},
         {"after_version", change.after_version},
         {"metrics", metrics}});
  }
  return json;
}

Json forgotten(const RunResult& result) {
  Json json = Json::array();
  for (const ForgettingRecord& f : result.forgotten) {
    json.push_back({{"hospital", f.name},
                    {"at", f.at.seconds()},
                    {"participations", f.participations},
                    {"from_version", f.from_version},
                    {"to_version", f.to_version},
                    {"new_version", f.new_version},
                    {"undone",
                     {{"rounds", f.rounds},
                      {"versions", f.versions},
                      {"bytes_up", f.bytes_up},
                      {"bytes_down", f.bytes_down},
                      {"steps", f.steps},
                      {"seconds", f.time.seconds()}}},
                    {"again", nullptr}});
    if (!f.again) continue;
    json.back()["again"] = {{"rounds", f.again->rounds},
                            {"bytes_up", f.again->bytes_up},
                            {"bytes_down", f.again->bytes_down},
                            {"steps", f.again->steps},
                            {"seconds", (f.again->at - f.at).seconds()}};
  }
  return json;
}

Json compressed(const std::optional<WireAccount>& account, bool down) {
  if (!account) return nullptr;
  const auto ratio = [](std::int64_t whole, std::int64_t part) {
    return part > 0 ? static_cast<double>(whole) / static_cast<double>(part) : 0.0;
  };
  Json json;
  json["method"] = account->method;
  json["error_feedback"] = account->error_feedback;
  json["bytes"] = account->bytes;
  json["bytes_uncompressed"] = account->bytes_uncompressed;
  json["ratio"] = ratio(account->bytes_uncompressed, account->bytes);
  json["vector_bytes"] = account->vector_bytes;
  json["vector_bytes_uncompressed"] = account->vector_bytes_uncompressed;
  json["vector_ratio"] = ratio(account->vector_bytes_uncompressed, account->vector_bytes);
  json["messages"] = account->messages;
  json["lost"] = account->lost;
  if (down) json["whole_models"] = account->whole;
  if (down) json["catching_up"] = account->catching_up;
  return json;
}

Json gossip(const GossipAccount& account) {
  return {{"graph", account.graph},
          {"exchange", account.exchange},
          {"links", account.links},
          {"spectral_gap", optional(account.spectral_gap)},
          {"messages", account.messages},
          {"messages_lost", account.lost},
          {"messages_one_sided", account.one_sided},
          {"consensus_distance", account.consensus}};
}

Json rounds(const RunResult& result) {
  Json json = Json::array();
  for (const RoundRecord& round : result.round_records) {
    json.push_back({{"round", round.round},
                    {"version", round.version},
                    {"opened", round.opened.seconds()},
                    {"closed", round.closed.seconds()},
                    {"invited", round.invited},
                    {"aggregated", round.aggregated},
                    {"failed", round.failed}});
    if (!round.reason.empty()) json.back()["reason"] = round.reason;
    if (!round.aggregator.empty()) json.back()["aggregator"] = round.aggregator;
    if (round.consensus) json.back()["consensus_distance"] = *round.consensus;
    if (!result.staleness) continue;
    json.back()["staleness_mean"] = round.staleness_mean;
    json.back()["staleness_max"] = round.staleness_most;
  }
  return json;
}

// Epsilons without bound are null.
Json privacy(const RunResult& result) {
  if (!result.privacy) return nullptr;
  const PrivacyReport& report = *result.privacy;
  Json json;
  json["unit"] = report.unit;
  json["adjacency"] = report.adjacency;
  json["accountant"] = report.accountant;
  json["delta"] = report.delta;
  json["clip"] = report.clip;
  json["hospitals"] = Json::array();
  for (const PrivacyAccount& a : report.hospitals) {
    Json entries = Json::array();
    for (const PrivacyEntry& entry : a.entries) {
      entries.push_back({{"at", entry.at.seconds()},
                         {"round", entry.round},
                         {"steps", entry.steps},
                         {"epsilon", entry.epsilon}});
    }
    json["hospitals"].push_back(
        {{"name", a.name},
         {"rows", a.rows},
         {"rate", a.rate},
         {"noise", a.noise},
         {"steps_planned", a.steps_planned},
         {"steps", a.steps},
         {"guarantee", a.guarantee},
         {"spent", a.spent},
         {"stopped", a.stopped ? Json(a.stopped->seconds()) : Json(nullptr)},
         {"entries", entries}});
  }
  if (report.sums) {
    json["sums"] = {
        {"releases", report.sums->releases},       {"expected", report.sums->expected},
        {"signal_norm", report.sums->signal_norm}, {"noise_norm", report.sums->noise_norm},
        {"clip_last", report.sums->clip_last},     {"signal_total", report.sums->signal_total},
        {"noise_total", report.sums->noise_total}};
  }
  json["statement"] = Json::object();
  for (const auto& [heading, sentence] : report.statement) json["statement"][heading] = sentence;
  return json;
}

}  // namespace

std::string to_json(const RunResult& result, int indent) {
  Json json;
  json["scenario"] = result.scenario;
  json["title"] = result.title;
  json["note"] = "simulation, not for clinical use";
  json["seed"] = result.seed;
  json["world"] = fmt::format("{:016x}", result.world_hash);
  json["outcome"] = result.outcome;
  json["model"] = result.model;
  json["protocol"] = result.protocol;
  json["rounds"] = result.rounds;
  json["versions"] = result.versions;
  json["state"] = state_of(result);
  json["stopped"] = result.stop_reason;
  json["interrupted"] = result.interrupted;
  json["sim_seconds"] = result.ended.seconds();
  json["metrics"] = averages(result.federated);
  json["converged"] =
      result.convergence.checked ? Json(result.convergence.converged) : Json(nullptr);
  json["convergence"] = result.convergence.text;
  json["hospitals_total"] = result.hospitals_total;
  json["hospitals_evaluated"] = result.hospitals_evaluated;
  json["hospitals"] = Json::array();
  for (const HospitalAccount& account : result.hospitals) {
    json["hospitals"].push_back(hospital(result, account));
  }
  json["steps"] = result.steps;
  json["bytes_up"] = result.bytes_up;
  json["bytes_down"] = result.bytes_down;
  if (result.compressed_up || result.compressed_down) {
    json["compression"] = {{"up", compressed(result.compressed_up, false)},
                           {"down", compressed(result.compressed_down, true)}};
  }
  if (result.secure) json["secure"] = secure_sums(*result.secure);
  json["staleness"] = staleness(result);
  if (!result.attacks.empty()) json["attacks"] = attacks(result);
  if (!result.borders.empty()) json["borders"] = borders(result);
  if (result.gossip) json["gossip"] = gossip(*result.gossip);
  if (!result.happenings.empty()) json["happenings"] = happenings(result);
  if (!result.forgotten.empty()) json["forgotten"] = forgotten(result);
  if (!result.data_changes.empty()) json["data_changes"] = data_changes(result);
  json["baselines"] = Json::object();
  for (const ArmResult& arm : result.baselines) json["baselines"][arm.name] = averages(arm);
  if (!result.federated.groups.empty()) json["groups"] = groups(result);
  if (result.cross_site) json["cross_site"] = cross_site(result);
  json["oracle"] = oracle(result);
  json["standardisation"] = {{"federated", result.federated.standardisation}};
  for (const ArmResult& arm : result.baselines) {
    json["standardisation"][arm.name] = arm.standardisation;
  }
  json["privacy"] = privacy(result);
  if (result.membership) json["membership"] = membership_json(result);
  json["round_records"] = rounds(result);
  json["notes"] = Json::array();
  for (const auto& [at, text] : result.notes) {
    json["notes"].push_back({{"at", at.seconds()}, {"text", text}});
  }
  json["remarks"] = result.remarks;
  json["fingerprint"] = result.fingerprint;
  json["provenance"] = Json::object();
  for (const auto& [key, text] : result.provenance) json["provenance"][key] = text;
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace polyclinic
