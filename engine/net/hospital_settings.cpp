#include "net/hospital_settings.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "base/math.hpp"
#include "net/profiles.hpp"
#include "net/schema_help.hpp"

namespace polyclinic {

namespace {

// Names of Ranked after size, as `size_follows` writes them.
std::vector<std::string> followers() {
  return {"speed", "uplink", "downlink", "latency", "overhead", "prevalence", "case_mix"};
}

// Hours after midnight, to whole nanoseconds.
TimeNs hours(double hours) {
  return {std::llround(hours * 3600e9)};
}

DailyWindow window_of(const Part& window) {
  const DailyWindow daily{hours(window.number("opens")), hours(window.number("closes"))};
  if (daily.opens.ns % kDay.ns == daily.closes.ns % kDay.ns) {
    throw window.mistake("closes", "nightly: the window opens and closes at the same hour",
                         "leave the window out if they may train at any time");
  }
  return daily;
}

GaussianCopula copula_of(const Part& part, const Table& table) {
  check_keys(part, "size_follows", table, followers());
  std::vector<std::pair<std::string, double>> correlations;
  for (const std::string& name : followers()) {
    double rho = 0;
    for (const auto& [key, value] : table) {
      if (key == name) rho = *value.number();
    }
    correlations.emplace_back(name, rho);
  }
  auto copula = GaussianCopula::make_star("size", correlations);
  if (!copula) {
    throw part.mistake("size_follows", "hospitals: no draws have these rank correlations",
                       "a rank correlation lies between -1 and 1, the ends excluded");
  }
  return std::move(*copula);
}

// A number, quantity or law as a law.
Distribution law_of(const Value& value) {
  if (const auto* law = value.get_if<Distribution>()) return *law;
  if (const auto* q = value.get_if<Quantity>())
    return Distribution::constant(q->value, q->dimension);
  return Distribution::constant(*value.number());
}

Distribution* law_named(HospitalSettings& settings, std::string_view name) {
  if (name == "patients") return &settings.patients;
  if (name == "speed") return &settings.speed;
  if (name == "uplink") return &settings.uplink;
  if (name == "downlink") return &settings.downlink;
  if (name == "latency") return &settings.latency;
  if (name == "loss") return &settings.loss;
  if (name == "overhead") return &settings.overhead;
  if (name == "approval") return &settings.approval;
  return nullptr;
}

void apply(HospitalSettings& settings, const Part& part, const FieldValue& field) {
  const std::string& name = field.name;
  const Value& value = field.value;
  if (Distribution* law = law_named(settings, name)) {
    *law = law_of(value);
  } else if (name == "jitter") {
    settings.jitter = *value.number();
  } else if (name == "window") {
    settings.window.reset();
    if (const Part* window = value.part()) settings.window = window_of(*window);
  } else if (name == "availability") {
    settings.availability = value.get_if<None>() ? Value() : value;
  } else if (name == "role") {
    for (const HospitalRole role : {HospitalRole::external, HospitalRole::later}) {
      if (value.as<std::string>() == polyclinic::name(role)) settings.role = role;
    }
  } else if (name == "region") {
    settings.region = value.as<std::string>();
  } else if (name == "prevalence") {
    settings.prevalence = value.number();
  } else if (name == "case_mix") {
    settings.case_mix = value.number();
  } else if (name == "size_follows") {
    settings.copula = copula_of(part, value.as<Table>());
  }
}

void apply_all(HospitalSettings& settings, const Part& part,
               const std::vector<FieldValue>& fields) {
  for (const FieldValue& field : fields) {
    if (field.given && !field.value.absent()) apply(settings, part, field);
  }
}

HospitalSettings defaults() {
  HospitalSettings settings;
  const Part part = part_defaults(hospitals_schema());
  for (const FieldValue& field : part.fields) {
    if (!field.value.absent()) apply(settings, part, field);
  }
  return settings;
}

}  // namespace

HospitalRule make_rule(const std::vector<const Part*>& layers) {
  // the most special profile decides which kinds there are
  std::size_t deciding = layers.size();
  std::vector<ProfileClass> classes = {{"", 1.0}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i]->find("profile")) continue;
    deciding = i;
    classes = profile_classes(layers[i]->text("profile"));
  }
  HospitalRule rule;
  for (const ProfileClass& kind : classes) {
    HospitalSettings settings = defaults();
    settings.profile = kind.name;
    settings.share = kind.share;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Part& layer = *layers[i];
      if (i == deciding) {
        apply_all(settings, layer, profile_figures(kind.name));
      } else if (layer.find("profile") && layer.text("profile") != "mixed") {
        apply_all(settings, layer, profile_figures(layer.text("profile")));
      }
      apply_all(settings, layer, layer.fields);
    }
    rule.push_back(std::move(settings));
  }
  return rule;
}

Ranks draw_ranks(const HospitalSettings& settings, RunKey run, HospitalId id,
                 std::optional<double> size_rank) {
  Stream stream(run, Purpose::kHospital, id.value);
  Ranks ranks{};
  for (double& u : ranks) u = stream.uniform_open();
  if (size_rank) ranks[static_cast<std::size_t>(Ranked::size)] = *size_rank;
  if (settings.copula) {
    for (double& u : ranks) u = math::normal_quantile(u);
    settings.copula->correlate(ranks);
    for (double& u : ranks) u = math::normal_cdf(u);
  }
  return ranks;
}

}  // namespace polyclinic
