#include "record/check_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.hpp"
#include "base/plain_text.hpp"
#include "record/progress.hpp"
#include "record/text_table.hpp"

namespace polyclinic {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 120;
constexpr std::size_t kLabel = 13;
constexpr std::size_t kNameColumns = 18;

// Three digits say enough in a table.
std::string scaled(double value, const std::array<const char*, 4>& units) {
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000.0;
    ++unit;
  }
  const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::string text = fmt::format("{:.{}f}", value, digits);
  while (digits > 0 && (text.back() == '0' || text.back() == '.')) {
    const bool point = text.back() == '.';
    text.pop_back();
    if (point) break;
  }
  return text + " " + units[unit];
}
std::string speed_text(double flops) {
  return scaled(flops / 1e6, {"MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"});
}
std::string rate_text(double bytes_per_s) {
  return scaled(bytes_per_s * 8 / 1e3, {"kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"});
}

std::string role_text(HospitalRole role) {
  return name(role);
}

std::string availability_text(const HospitalProfile& h) {
  return h.availability.absent() ? "always" : to_text(h.availability);
}

std::string clock(TimeNs time) {
  const std::int64_t minutes = time.ns / (60 * kNsPerSecond);
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}
std::string window_text(const HospitalProfile& h) {
  return h.window ? clock(h.window->opens) + "-" + clock(h.window->closes) : "-";
}

// Kinds of availability, several words long, get a letter each: in order of appearance.
std::size_t kind_of(std::vector<std::string>& kinds, const std::string& text) {
  const auto it = std::find(kinds.begin(), kinds.end(), text);
  if (it != kinds.end()) return static_cast<std::size_t>(it - kinds.begin());
  kinds.push_back(text);
  return kinds.size() - 1;
}

std::string hospital_table(const WorldDescription& world) {
  std::vector<std::string> kinds;
  TextTable table({true, false, false, false, false, false, false, true, true, true, true});
  table.add({"hospital", "patients", "speed", "up", "down", "latency", "overhead", "available",
             "window", "role", "region"});
  for (const HospitalProfile& h : world.hospitals) {
    const std::string available = availability_text(h);
    table.add(
        {shortened(h.name, kNameColumns), fmt::format("{}", h.patients), speed_text(h.speed_flops),
         rate_text(h.up_bytes_per_s), rate_text(h.down_bytes_per_s),
         rough_duration(h.latency.seconds()), rough_duration(h.overhead_median.seconds()),
         available == "always" ? available : fmt::format("({})", kind_of(kinds, available) + 1),
         window_text(h), role_text(h.role), h.region.empty() ? "-" : escaped(h.region)});
  }
  std::string text = table.text();
  const std::int64_t total = world.members + world.external;
  const auto shown = static_cast<std::int64_t>(world.hospitals.size());
  if (total > shown) text += fmt::format("  ... and {} more hospitals\n", total - shown);
  for (std::size_t i = 0; i < kinds.size(); ++i)
    text += fmt::format("  ({}) {}\n", i + 1, kinds[i]);
  return text;
}

std::string training_text(const WorldDescription& world) {
  const std::string length = world.steps > 0     ? fmt::format("{} steps", world.steps)
                             : world.epochs == 1 ? "1 epoch"
                                                 : fmt::format("{} epochs", world.epochs);
  const std::string batch = world.batch > 0 ? fmt::format("{}", world.batch) : "all rows";
  return fmt::format("rate {}, {}, batch {}", world.rate, length, batch);
}

std::string measured_text(const WorldDescription& world) {
  const std::string when = world.measured_every == 0 ? "the last version"
                           : world.measured_every == 1
                               ? "every version"
                               : fmt::format("every {} versions", world.measured_every);
  return join_names(world.metrics) + "; of " + when;
}

Json hospital_json(const HospitalProfile& h) {
  Json json;
  json["name"] = h.name;
  json["role"] = role_text(h.role);
  json["region"] = h.region.empty() ? Json(nullptr) : Json(h.region);
  json["patients"] = h.patients;
  json["speed"] = h.speed_flops;
  json["uplink"] = h.up_bytes_per_s;
  json["downlink"] = h.down_bytes_per_s;
  json["latency"] = h.latency.seconds();
  json["loss"] = h.loss;
  json["overhead"] = h.overhead_median.seconds();
  json["availability"] = availability_text(h);
  json["window"] = h.window ? Json(window_text(h)) : Json(nullptr);
  json["approval"] = h.approval.seconds();
  return json;
}

}  // namespace

std::string check_text(const WorldDescription& world) {
  std::string text;
  const auto add = [&](std::string_view what, const std::string& fact) {
    text += fmt::format("{:<{}}{}\n", what, kLabel, wrapped(fact, kColumns, kLabel, kLabel));
  };
  if (!world.title.empty()) add("title", world.title);
  add("seed", fmt::format("{}", world.seed));
  add("hospitals", world.external == 0
                       ? fmt::format("{}", world.members)
                       : fmt::format("{} and {} external", world.members, world.external));
  add("outcome",
      fmt::format("{} ({}), standardised {}", world.outcome, world.task, world.standardisation));
  add("features",
      fmt::format("{}, in order: {}", world.features.size(), fmt::join(world.features, ", ")));
  add("model", world.model);
  for (const auto& [field, part] : world.parts) add(field, part);
  add("trains", training_text(world));
  if (world.visits.empty()) {
    add("selection", world.selection);
    add("replies", world.minimum_replies
                       ? fmt::format("at least {} in a round", *world.minimum_replies)
                       : "at least 2, and two thirds of those a round waits for");
    add("rounds", fmt::format("{}, deadline {}", world.rounds, world.deadline));
  } else {
    add("visits", world.visits);
    add("versions", fmt::format("{}, deadline of a visit {}", world.rounds, world.deadline));
  }
  add("stop", world.stop.empty() ? "after the last round" : world.stop);
  add("timeline",
      world.timeline.empty() ? "nothing" : fmt::format("{}", fmt::join(world.timeline, ", ")));
  add("measured", measured_text(world));
  add("baselines", world.baselines.empty() ? "none" : join_names(world.baselines));
  std::vector<std::string> params;
  params.reserve(world.params.size());
  for (const auto& [key, value] : world.params)
    params.push_back(fmt::format("{} = {}", key, value));
  if (!params.empty()) add("params", fmt::format("{{ {} }}", fmt::join(params, ", ")));
  return text + hospital_table(world);
}

std::string check_json(const WorldDescription& world) {
  Json json;
  json["title"] = world.title;
  json["note"] = "simulation, not for clinical use";
  json["seed"] = world.seed;
  json["members"] = world.members;
  json["external"] = world.external;
  json["outcome"] = world.outcome;
  json["task"] = world.task;
  json["standardisation"] = world.standardisation;
  json["features"] = world.features;
  json["model"] = world.model;
  json["parameters"] = world.parameters;
  json["parts"] = Json::object();
  for (const auto& [field, part] : world.parts) json["parts"][field] = part;
  json["rate"] = world.rate;
  json["epochs"] = world.steps > 0 ? Json(nullptr) : Json(world.epochs);
  json["steps"] = world.steps > 0 ? Json(world.steps) : Json(nullptr);
  json["batch"] = world.batch > 0 ? Json(world.batch) : Json("all");
  json["selection"] = world.selection;
  json["visits"] = world.visits.empty() ? Json(nullptr) : Json(world.visits);
  json["minimum_replies"] = world.minimum_replies ? Json(*world.minimum_replies) : Json(nullptr);
  json["rounds"] = world.rounds;
  json["deadline"] = world.deadline;
  json["stop"] = world.stop.empty() ? Json(nullptr) : Json(world.stop);
  json["timeline"] = world.timeline;
  json["metrics"] = world.metrics;
  json["measured_every"] = world.measured_every > 0 ? Json(world.measured_every) : Json("end");
  json["baselines"] = world.baselines;
  json["params"] = Json::object();
  for (const auto& [key, value] : world.params) json["params"][key] = value;
  json["hospitals"] = Json::array();
  for (const HospitalProfile& h : world.hospitals) json["hospitals"].push_back(hospital_json(h));
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace polyclinic
