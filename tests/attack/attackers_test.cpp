// System: attackers between the updates of a version and the rule, and the rows they train on.
// Expectation: what attack::poison makes of the same vectors, row by row what the definition says,
// and nothing at all for who is honest, early or late.
#include "attack/attackers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "attack/poisoning.hpp"
#include "base/error.hpp"

namespace polyclinic::attack {
namespace {

using Fields = std::vector<std::pair<std::string, Value>>;

Part made(const std::vector<Schema>& all, std::string_view name, const Fields& fields) {
  for (const Schema& schema : all) {
    if (schema.name != name) continue;
    std::vector<FieldValue> given;
    for (const auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return part;
  }
  FAIL("there is no " << name);
  return {};
}

Part attack_part(std::string_view name, const Fields& fields) {
  return made(schemas(), name, fields);
}

Part rule_part(std::string_view name) {
  std::vector<Schema> rules;
  for (const Schema& schema : fed_schemas()) {
    if (schema.kind == "aggregation") rules.push_back(schema);
  }
  return made(rules, name, {});
}

constexpr std::uint32_t kHospitals = 10;
constexpr RunKey kRun{77};

// A federation of ten hospitals called h0 to h9, of whom h9 is external, and three classes.
class Small {
 public:
  Small() {
    for (std::uint32_t i = 0; i + 1 < kHospitals; ++i) members_.push_back(HospitalId{i});
    info_.task = OutcomeKind::multiclass;
    info_.classes = 3;
    info_.outcome = "kind";
    info_.features = {"age", "sex"};
  }

  [[nodiscard]] std::vector<Plan> plans(const std::vector<Part>& attacks,
                                        const std::string& rule = "mean") const {
    List list;
    for (const Part& part : attacks) list.emplace_back(Value(part));
    Part scenario;
    scenario.kind = "scenario";
    scenario.fields.push_back({"attacks", Value(list), {}, true});
    const Part aggregation = rule_part(rule);
    PlanContext context;
    context.run = kRun;
    context.candidates = members_;
    context.info = &info_;
    context.find = [](std::string_view name) -> std::optional<HospitalId> {
      if (name.size() != 2 || name[0] != 'h') return std::nullopt;
      return HospitalId{static_cast<std::uint32_t>(name[1] - '0')};
    };
    context.names = [] { return std::vector<std::string>{"h0", "h1", "h2"}; };
    context.aggregation = &aggregation;
    return make_plans(scenario, context);
  }
  [[nodiscard]] Attackers attackers(const std::vector<Part>& attacks,
                                    const std::string& rule = "mean") const {
    return {plans(attacks, rule), rule_part(rule), kRun};
  }
  [[nodiscard]] const DatasetInfo& info() const { return info_; }
  // Changed by tests that need another outcome.
  DatasetInfo& info() { return info_; }

 private:
  std::vector<HospitalId> members_;
  DatasetInfo info_;
};

Value names(std::initializer_list<const char*> all) {
  List list;
  for (const char* name : all) list.emplace_back(name);
  return Value(list);
}

Value fraction(double share) {
  return Value(Quantity{share, Dimension::fraction});
}

Value from_version(std::int64_t version) {
  return Value(Moment{Moment::Kind::from_version, {}, version});
}

// Updates of hospitals 0, 1, ... with the given acts.
class Given final : public UpdateStream {
 public:
  Given(const Vectors& vectors, const std::vector<Acts>& acts) {
    layout_ = std::make_shared<ParameterLayout>();
    layout_->add("w", {static_cast<std::int64_t>(vectors[0].size())}, Role::weight);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      Update update;
      update.hospital = HospitalId{static_cast<std::uint32_t>(i)};
      update.delta = ParameterVector(layout_);
      update.delta.assign_compact(vectors[i]);
      update.weight = 1.0 / static_cast<double>(vectors.size());
      update.rows = 10;
      update.acts = acts[i];
      update.place = i;
      updates_.push_back(std::move(update));
    }
    count_ = updates_.size();
    zero_ = ParameterVector(layout_);
  }
  [[nodiscard]] std::size_t count() const override { return count_; }
  const Update* next() override {
    if (updates_.empty()) return nullptr;
    current_ = std::move(updates_.front());
    updates_.pop_front();
    return &current_;
  }
  [[nodiscard]] AggregationContext context() const {
    AggregationContext context;
    context.global = &zero_;
    context.version = 3;
    return context;
  }

 private:
  std::shared_ptr<ParameterLayout> layout_;  // shared: its vectors hold it
  std::deque<Update> updates_;
  std::size_t count_ = 0;
  Update current_;
  ParameterVector zero_;
};

// What the rule is given after the attackers: by hospital; empty where nothing was.
Vectors heard(Attackers& attackers, const Vectors& vectors, const std::vector<Acts>& acts,
              std::vector<std::size_t>* left_out = nullptr) {
  Given given(vectors, acts);
  const AggregationContext context = given.context();
  const auto stream = attackers.poisoned(given, context);
  Vectors result(vectors.size());
  for (Update update; stream->take(update);) {
    result[update.hospital.value] = update.delta.compact();
  }
  if (left_out != nullptr) *left_out = stream->left_out();
  return result;
}

const Vectors kVectors{{1, 2, -3}, {2, 1, -1}, {0.5F, 4, -2}, {3, 3, 0}, {-1, 2, 2}, {4, -2, 1}};
const std::vector<Acts> kTwoOfSix{0, 1, 0, 0, 1, 0};

// The honest ones of kTwoOfSix, and the attackers' own.
Vectors chosen(bool attacking) {
  Vectors some;
  for (std::size_t i = 0; i < kVectors.size(); ++i) {
    if ((kTwoOfSix[i] != 0) == attacking) some.push_back(kVectors[i]);
  }
  return some;
}

TEST_CASE("an attack in a run is the function of the same vectors") {
  const Small small;
  const auto who = std::pair<std::string, Value>("who", names({"h1", "h4"}));
  const std::vector<std::pair<std::string, Fields>> attacks{
      {"alie", {who, {"z", 1.5}}},
      {"alie", {who, {"knows", "own"}, {"z", 0.7}}},
      {"alie", {who}},
      {"ipm", {who, {"scale", 0.4}}},
      {"min_max", {who}},
      {"min_sum", {who, {"knows", "own"}}},
      {"mimic", {who}},
      {"sign_flip", {who, {"scale", 3.0}}},
      {"sign_flip", {who, {"of", "own"}}},
      {"scaling", {who}},
      {"free_rider", {who}}};
  for (const auto& [name, fields] : attacks) {
    CAPTURE(name);
    const Part part = attack_part(name, fields);
    Attackers attackers = small.attackers({part});
    const Vectors honest = chosen(false);
    const Vectors own = chosen(true);
    Knowledge know;
    const bool only_own = part.find("knows") != nullptr && part.text("knows") == "own";
    know.honest = only_own ? &own : &honest;
    know.byzantine = 2;
    know.updates = 6;
    know.own = own;
    const Vectors expected = poison(part, know);
    const Vectors found = heard(attackers, kVectors, kTwoOfSix);
    CHECK(found[1] == expected[0]);
    CHECK(found[4] == expected[1]);
    for (const std::size_t i : {0, 2, 3, 5}) CHECK(found[i] == kVectors[i]);
  }
}

TEST_CASE("attackers that nobody honest is beside go by their own updates") {
  const Small small;
  Attackers attackers = small.attackers({attack_part("ipm", {{"who", names({"h0", "h1"})}})});
  const Vectors two{{1, 2}, {3, 4}};
  const Vectors found = heard(attackers, two, {1, 1});
  // -0.1 of the mean (2, 3), rounded once to float
  CHECK(found[0] == Vector{static_cast<float>(-0.1 * 2), static_cast<float>(-0.1 * 3)});
  CHECK(found[1] == found[0]);
}

TEST_CASE("noise does not depend on whether updates pass one at a time") {
  const Small small;
  const Part noise = attack_part("gaussian", {{"who", names({"h1", "h4"})}, {"deviation", 1.0}});
  const Part looking = attack_part("alie", {{"who", names({"h0"})}});
  Attackers alone = small.attackers({noise});
  Attackers together = small.attackers({noise, looking});  // holds all, and h0 does not act
  CHECK(heard(alone, kVectors, kTwoOfSix) == heard(together, kVectors, kTwoOfSix));
  CHECK(heard(alone, kVectors, kTwoOfSix)[1] != heard(alone, kVectors, kTwoOfSix)[4]);
}

TEST_CASE("attacks of one hospital follow each other in the order of the list") {
  const Small small;
  Attackers attackers =
      small.attackers({attack_part("sign_flip", {{"who", names({"h1"})}, {"of", "own"}}),
                       attack_part("scaling", {{"who", names({"h1"})}, {"factor", 3.0}})});
  const Vectors found = heard(attackers, kVectors, {0, 3, 0, 0, 0, 0});
  CHECK(found[1] == Vector{-6, -3, 3});
}

TEST_CASE("updates without numbers are left out and said, and nothing else changes") {
  const Small small;
  for (const char* name : {"nan", "inf"}) {
    Attackers attackers = small.attackers({attack_part(name, {{"who", names({"h1", "h4"})}})});
    std::vector<std::size_t> left_out;
    const Vectors found = heard(attackers, kVectors, kTwoOfSix, &left_out);
    CHECK(left_out == std::vector<std::size_t>{1, 4});
    CHECK(found[1].empty());
    CHECK(found[0] == kVectors[0]);
    attackers.settle(true);
    CHECK(attackers.left_out() == 2);
    CHECK(attackers.versions(0) == 0);
  }
  // an alie after a nan of the same hospitals has nothing to go by, and does not fail
  Attackers both = small.attackers({attack_part("nan", {{"who", names({"h1"})}}),
                                    attack_part("alie", {{"who", names({"h1"})}})});
  CHECK(heard(both, kVectors, {0, 3, 0, 0, 0, 0})[1].empty());
}

TEST_CASE("an optimal attack searches against the announced rule") {
  const Small small;
  const Part part =
      attack_part("ipm", {{"who", names({"h1", "h4"})}, {"optimal", true}, {"evaluations", 8}});
  Attackers attackers = small.attackers({part}, "median");
  const Vectors honest = chosen(false);
  Knowledge know;
  know.honest = &honest;
  know.byzantine = 2;
  know.rule = [](const Vectors& all) {
    Vector middle(all[0].size());
    for (std::size_t k = 0; k < middle.size(); ++k) {
      std::vector<float> column;
      for (const Vector& vector : all) column.push_back(vector[k]);
      std::sort(column.begin(), column.end());
      middle[k] = 0.5F * (column[(column.size() - 1) / 2] + column[column.size() / 2]);
    }
    return middle;
  };
  CHECK(heard(attackers, kVectors, kTwoOfSix)[1] == poison(part, know)[0]);
}

TEST_CASE("attackers act from a version or a time on, until another, and by a coin") {
  const Small small;
  const auto hour = [](double h) { return Value(Quantity{h * 3600e9, Dimension::time}); };
  Attackers attackers = small.attackers(
      {attack_part("label_flip",
                   {{"who", names({"h1"})}, {"from", from_version(3)}, {"to", from_version(5)}}),
       attack_part("sign_flip", {{"who", names({"h2"})}, {"from", hour(1)}, {"to", hour(2)}}),
       attack_part("nan", {{"who", names({"h3"})}, {"chance", 0.25}})});
  const auto begins = [&](std::uint32_t hospital, std::int64_t version, double hours) {
    return attackers.begin(HospitalId{hospital}, version, version,
                           TimeNs{static_cast<std::int64_t>(hours * 3600e9)});
  };
  CHECK(begins(0, 4, 1.5) == 0);
  CHECK(begins(1, 2, 1.5) == 0);
  CHECK(begins(1, 3, 1.5) == 1);
  CHECK(begins(1, 4, 1.5) == 1);
  CHECK(begins(1, 5, 1.5) == 0);
  CHECK(begins(2, 0, 0.99) == 0);
  CHECK(begins(2, 0, 1.0) == 2);
  CHECK(begins(2, 0, 2.0) == 0);
  CHECK(attackers.records(0).at(HospitalId{1}).trainings == 2);
  int acted = 0;
  for (std::int64_t round = 0; round < 1000; ++round) acted += begins(3, round, 0) != 0 ? 1 : 0;
  // binomial, 250 expected, standard deviation 13.7: five of them
  CHECK(std::abs(acted - 250) <= 68);
}

TEST_CASE("who attacks is drawn by group, and a larger share holds a smaller one") {
  const Small small;
  const auto of = [&](const Value& who, const char* group) {
    return small.plans({attack_part("nan", {{"who", who}, {"group", group}})})[0].hospitals;
  };
  CHECK(of(fraction(0), "").empty());
  CHECK(of(fraction(0.1), "").empty());  // of nine, rounded down
  const auto two = of(fraction(0.25), "");
  const auto four = of(4, "");
  CHECK(two.size() == 2);
  CHECK(four.size() == 4);
  CHECK(std::includes(four.begin(), four.end(), two.begin(), two.end()));
  bool differ = false;
  for (const char* group : {"a", "b", "c"}) differ = differ || of(4, group) != four;
  CHECK(differ);
  CHECK(of(fraction(1), "").size() == 9);
}

Dataset some_rows() {
  Dataset rows;
  rows.rows = 300;
  rows.columns = 2;
  for (int i = 0; i < 300; ++i) {
    rows.x.push_back(0.1F * static_cast<float>(i));
    rows.x.push_back(1);
    rows.label.push_back(static_cast<float>(i % 3));
  }
  return rows;
}

TEST_CASE("label_flip changes the labels that it names, of the share that it names") {
  const Small small;
  const auto flipped = [&](const Fields& fields) {
    Fields all{{"who", names({"h1"})}};
    all.insert(all.end(), fields.begin(), fields.end());
    const Dataset own = some_rows();
    const auto rows = small.attackers({attack_part("label_flip", all)}).rows(HospitalId{1}, 1, own);
    REQUIRE(rows.has_value());
    CHECK(rows->x == own.x);
    return rows->label;
  };
  const std::vector<float> own = some_rows().label;
  const auto all = flipped({});
  const auto one = flipped({{"source", 0}, {"target", 1}});
  const auto some = flipped({{"share", 0.3}});
  int changed = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    CHECK(all[i] == 2 - own[i]);
    CHECK(one[i] == (own[i] == 0 ? 1 : own[i]));
    CHECK((some[i] == own[i] || some[i] == 2 - own[i]));
    changed += some[i] != own[i] ? 1 : 0;
  }
  // a label of class 1 becomes 1: 200 rows in question, 60 expected, standard deviation 6.5
  CHECK(std::abs(changed - 60) <= 33);
  CHECK(flipped({{"share", 0.3}}) == some);
  CHECK(flipped({{"share", 0.0}}) == own);
}

TEST_CASE("a backdoor marks rows of other classes, or of the target's when labels stay right") {
  const Small small;
  const auto marked = [&](const char* label) {
    const Part part = attack_part("backdoor", {{"who", names({"h1"})},
                                               {"trigger", Value(Table{{"age", Value(7.5)}})},
                                               {"target", 2},
                                               {"share", 1.0},
                                               {"label", label}});
    const auto rows = small.attackers({part}).rows(HospitalId{1}, 1, some_rows());
    REQUIRE(rows.has_value());
    return *rows;
  };
  const Dataset own = some_rows();
  const Dataset dirty = marked("dirty");
  const Dataset clean = marked("clean");
  for (std::size_t i = 0; i < own.label.size(); ++i) {
    const bool of_target = own.label[i] == 2;
    CHECK(dirty.x[2 * i] == (of_target ? own.x[2 * i] : 7.5F));
    CHECK(dirty.label[i] == 2);
    CHECK(clean.x[2 * i] == (of_target ? 7.5F : own.x[2 * i]));
    CHECK(clean.label[i] == own.label[i]);
    CHECK(dirty.x[2 * i + 1] == 1);
  }
}

TEST_CASE("who does not act trains on the own rows, and only free riders do not train") {
  const Small small;
  Attackers attackers = small.attackers({attack_part("label_flip", {{"who", names({"h1"})}}),
                                         attack_part("free_rider", {{"who", names({"h2"})}}),
                                         attack_part("scaling", {{"who", names({"h1", "h2"})}})});
  CHECK_FALSE(attackers.rows(HospitalId{1}, 0, some_rows()).has_value());
  CHECK_FALSE(attackers.rows(HospitalId{2}, 2, some_rows()).has_value());
  CHECK(attackers.trains(0));
  CHECK(attackers.trains(1));
  CHECK_FALSE(attackers.trains(2));
  CHECK_FALSE(attackers.trains(6));
  CHECK(attackers.trains(4));
}

void refuses(const Small& small, const Part& part, const std::string& message,
             const std::string& rule = "mean") {
  try {
    (void)small.plans({part}, rule);
    FAIL("not refused: " << message);
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes()[0].message == message);
  }
}

TEST_CASE("attacks that cannot be are refused with the reason") {
  Small small;
  refuses(small, attack_part("alie", {}), "attack.alie: nothing says who attacks");
  refuses(small, attack_part("alie", {{"who", "hx8"}}), "there is no hospital \"hx8\"");
  refuses(small, attack_part("alie", {{"who", "h9"}}), "h9 is external: it takes part in no round");
  refuses(small, attack_part("alie", {{"who", 12}}), "12 attackers of 9 hospitals");
  refuses(small,
          attack_part("alie", {{"who", 1}, {"from", from_version(3)}, {"to", from_version(3)}}),
          "attack.alie ends before it begins");
  refuses(small, attack_part("label_flip", {{"who", 1}, {"target", 3}}), "there is no class 3");
  refuses(small, attack_part("label_flip", {{"who", 1}, {"source", 1}, {"target", 1}}),
          "source and target are the same class");
  refuses(small,
          attack_part("backdoor", {{"who", 1}, {"trigger", Value(Table{{"agee", Value(1.0)}})}}),
          "there is no feature 'agee'");
  refuses(small, attack_part("backdoor", {{"who", 1}, {"trigger", Value(Table{})}}),
          "attack.backdoor: the trigger names no feature");
  small.info().task = OutcomeKind::regression;
  refuses(small, attack_part("label_flip", {{"who", 1}}),
          "attack.label_flip changes classes, and the outcome 'kind' has none: it is regression");
}

TEST_CASE("fang aims at the family of the announced rule, unless it says at which") {
  const Small small;
  const auto against = [&](const char* rule, const Fields& fields) {
    Fields all{{"who", 1}};
    all.insert(all.end(), fields.begin(), fields.end());
    return small.plans({attack_part("fang", all)}, rule)[0].part.text("against");
  };
  CHECK(against("median", {}) == "trimmed_mean");
  CHECK(against("multi_krum", {}) == "krum");
  CHECK(against("krum", {{"against", "trimmed_mean"}}) == "trimmed_mean");
}

}  // namespace
}  // namespace polyclinic::attack
