#include "attack/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attack/poisoning.hpp"
#include "base/draw.hpp"
#include "base/error.hpp"
#include "base/hash.hpp"

namespace polyclinic::attack {

namespace {

// Bits of Acts.
constexpr std::size_t kAttacksMost = 64;

std::string called(const Part& part) {
  return "attack." + part.name;
}

// The first `count` of the candidates in an order of the group's own: a larger share holds all
// hospitals of a smaller one, and arms of a study share them.
std::vector<HospitalId> drawn(const PlanContext& context, std::size_t count,
                              const std::string& group) {
  std::vector<std::int32_t> order(context.candidates.size());
  std::iota(order.begin(), order.end(), 0);
  Hasher address;
  address.text(group);
  Stream stream(context.run, Purpose::kAttackers, address.value());
  draw::shuffle(stream, order);
  std::vector<HospitalId> hospitals;
  for (std::size_t i = 0; i < count; ++i) {
    hospitals.push_back(context.candidates[static_cast<std::size_t>(order[i])]);
  }
  std::sort(hospitals.begin(), hospitals.end());
  return hospitals;
}

HospitalId named(const Part& part, const std::string& name, const PlanContext& context) {
  const auto id = context.find(name);
  if (!id) {
    const std::vector<std::string> names = context.names();
    std::string hint = did_you_mean(name, names);
    if (!hint.empty()) hint += "\n";
    if (names.size() <= 30) hint += "hospitals are " + join_names(names);
    throw part.mistake("who", fmt::format("there is no hospital \"{}\"", name), hint);
  }
  if (std::binary_search(context.candidates.begin(), context.candidates.end(), *id)) return *id;
  throw part.mistake("who", fmt::format("{} is external: it takes part in no round", name),
                     "attackers act through the federation's own messages: name a member");
}

std::vector<HospitalId> who(const Part& part, const PlanContext& context) {
  const Value* given = part.find("who");
  if (given == nullptr) {
    throw part.mistake("who", called(part) + ": nothing says who attacks",
                       "for example: who = { \"Lyon\" }, who = 2 or who = fraction(0.2)");
  }
  std::vector<HospitalId> hospitals;
  if (const auto* name = given->get_if<std::string>()) {
    hospitals.push_back(named(part, *name, context));
  } else if (const auto* list = given->get_if<List>()) {
    for (const Value& item : *list) {
      hospitals.push_back(named(part, item.as<std::string>(), context));
    }
    std::sort(hospitals.begin(), hospitals.end());
    hospitals.erase(std::unique(hospitals.begin(), hospitals.end()), hospitals.end());
  } else {
    const auto n = static_cast<double>(context.candidates.size());
    const auto* share = given->get_if<Quantity>();
    // rounded down, as rules do that are told of a share
    const double count =
        share ? std::floor(share->value * n + 1e-9) : static_cast<double>(part.integer("who"));
    if (count > n) {
      throw part.mistake("who", fmt::format("{} attackers of {} hospitals", count, n),
                         "ask for at most as many as take part");
    }
    hospitals = drawn(context, static_cast<std::size_t>(count), part.text("group"));
  }
  return hospitals;
}

// A bound of a plan: a version, or a time.
void read_bound(const Part& part, std::string_view field, std::optional<TimeNs>& time,
                std::optional<std::int64_t>& version) {
  const Value* value = part.find(field);
  if (value == nullptr) return;
  if (const auto* moment = value->get_if<Moment>()) {
    version = moment->version;
    return;
  }
  const Quantity& quantity = value->as<Quantity>();
  if (!(quantity.value <= static_cast<double>(kTimeMax.ns))) {
    throw part.mistake(field,
                       fmt::format("'{}' is {}: longer than 100 years", field, to_text(quantity)),
                       "is the unit right?");
  }
  time = TimeNs{static_cast<std::int64_t>(quantity.value)};
}

void read_times(const Part& part, Plan& plan) {
  std::optional<TimeNs> from;
  std::optional<TimeNs> to;
  std::optional<std::int64_t> from_version;
  read_bound(part, "from", from, from_version);
  read_bound(part, "to", to, plan.to_version);
  plan.from = from.value_or(TimeNs{0});
  plan.from_version = from_version.value_or(0);
  plan.to = to.value_or(kNever);
  const bool empty =
      plan.to <= plan.from || (plan.to_version && *plan.to_version <= plan.from_version);
  if (!empty) return;
  throw part.mistake("to", called(part) + " ends before it begins",
                     "'to' is when the attackers are honest again");
}

void check_masks(const Part& part, const Plan& plan, const PlanContext& context) {
  if (context.secure == nullptr) return;
  if (part.name == "inf" || part.name == "nan") {
    throw part.mistake("who",
                       fmt::format("{} cannot be sent into secure.{}: masked values are whole "
                                   "numbers, which hold neither NaN nor infinity",
                                   called(part), context.secure->name),
                       "attack.scaling sends the largest values that the sum's clip lets through");
  }
  if (!plan.sees_all) return;
  const bool optional = part.find("knows") != nullptr;
  throw part.mistake(optional ? "knows" : "who",
                     fmt::format("{} looks at honest updates, and under secure.{} nobody sees one",
                                 called(part), context.secure->name),
                     optional ? "knows = \"own\": the attackers go by what they learnt themselves"
                              : "choose an attack that goes by the attackers' own updates");
}

void check_parts(const Part& part, const Plan& plan, const PlanContext& context) {
  if (context.control_vectors && !plan.rows) {
    throw part.mistake("who",
                       called(part) +
                           " replaces an update, and here hospitals send a control "
                           "vector beside it, of which no attack says anything",
                       "attack.label_flip and attack.backdoor go with control vectors, and every "
                       "attack with other objectives");
  }
  check_masks(part, plan, context);
  const Value* optimal = part.find("optimal");
  if (optimal == nullptr || !part.flag("optimal") || context.aggregation->name != "custom") return;
  throw part.mistake("optimal",
                     called(part) +
                         " would have to try the rule of this scenario again and "
                         "again, and a rule in Lua remembers every call",
                     "give the attack's size, or use one of the rules aggregation.*");
}

// Fang's attack against the family of the announced rule, unless it says against which.
void adapt(Part& part, const Part& aggregation) {
  if (part.name != "fang" || part.given("against")) return;
  const std::string& rule = aggregation.name;
  if (rule != "krum" && rule != "multi_krum" && rule != "bulyan") return;
  for (FieldValue& field : part.fields) {
    if (field.name == "against") field.value = Value("krum");
  }
}

Plan make_plan(const Part& given, const PlanContext& context) {
  Plan plan;
  plan.part = given;
  adapt(plan.part, *context.aggregation);
  plan.hospitals = who(given, context);
  read_times(given, plan);
  plan.chance = given.number("chance");
  if (changes_rows(given)) plan.rows.emplace(given, *context.info);
  const bool own = given.find("knows") != nullptr && given.text("knows") == "own";
  plan.sees_all = !plan.rows && looks_at_others(given) && !own;
  check_parts(given, plan, context);
  return plan;
}

}  // namespace

bool Plan::has(HospitalId hospital) const {
  return std::binary_search(hospitals.begin(), hospitals.end(), hospital);
}

std::vector<Plan> make_plans(const Part& scenario, const PlanContext& context) {
  std::vector<Plan> plans;
  if (const Part* one = scenario.part("attacks")) {
    plans.push_back(make_plan(*one, context));
  }
  for (const Value& item : scenario.list("attacks")) {
    plans.push_back(make_plan(*item.part(), context));
  }
  if (plans.size() > kAttacksMost) {
    throw scenario.mistake("attacks", fmt::format("{} attacks at once", plans.size()),
                           fmt::format("there may be {}", kAttacksMost));
  }
  return plans;
}

std::vector<HospitalId> attackers_of(std::span<const Plan> plans) {
  std::vector<HospitalId> all;
  for (const Plan& plan : plans) {
    all.insert(all.end(), plan.hospitals.begin(), plan.hospitals.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::string knowledge_of(const Plan& plan) {
  if (plan.rows) return "their own rows";
  if (!needs_training(plan.part)) return "nothing";
  if (!looks_at_others(plan.part)) return "their own updates";
  return plan.sees_all ? "all honest updates of a version" : "their own updates, honestly trained";
}

std::vector<Field> plan_fields() {
  const Type when = type::quantity(Dimension::time).at_least(0) | type::moment();
  const Type hospitals = type::text() | type::list(type::text()) | type::integer().at_least(0) |
                         type::quantity(Dimension::fraction).between(0, 1);
  return {
      Field{"who",
            hospitals,
            {},
            "in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of "
            "those that take part"},
      Field{"group", type::text(), "",
            "attackers that are drawn: attacks of one group have the same hospitals, and a larger "
            "share holds all of a smaller one"},
      Field{"from",
            when,
            {},
            "sleepers: honest until a time, or from_version(10)",
            false,
            "the beginning"},
      Field{"to", when, {}, "honest again from then on", false, "the end"},
      Field{"chance", type::number().between(0, 1), 1.0,
            "probability with which an attacker attacks in a training"}};
}

Field knows_field() {
  return {"knows", type::choice({"all", "own"}), "all",
          "in a scenario, the updates that attackers see: all honest ones of their version, or "
          "only what they themselves would have sent"};
}

}  // namespace polyclinic::attack
