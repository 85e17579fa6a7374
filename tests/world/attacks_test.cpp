// System: a generated federation of eight hospitals of which some attack, with a rule that writes
// down what it is given. Expectation: the honest updates of the first version are those of the run
// without attackers, bit for bit; the attackers' are what the attack's function makes of them; test
// rows, clock and bytes are the same; the same bits for any number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "attack/poisoning.hpp"
#include "chaos.hpp"
#include "parts.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// A mean of what came, and a note of it.
class Catcher final : public ScriptHost {
 public:
  std::vector<std::map<std::uint32_t, std::vector<float>>> versions;  // by hospital

  std::vector<double> aggregate(const FunctionRef&, std::span<const Update> updates,
                                const AggregationContext& context) override {
    std::map<std::uint32_t, std::vector<float>> seen;
    std::vector<double> mean(static_cast<std::size_t>(context.global->layout().size()), 0.0);
    for (const Update& update : updates) {
      seen[update.hospital.value] = update.delta.compact();
      for (std::size_t k = 0; k < mean.size(); ++k) {
        mean[k] += update.weight * double{seen[update.hospital.value][k]};
      }
    }
    versions.push_back(std::move(seen));
    return mean;
  }
  std::vector<std::int32_t> select(const FunctionRef&, std::span<const std::string>, std::int64_t,
                                   std::uint64_t) override {
    return {};
  }
  double metric(const FunctionRef&, std::span<const double>, std::span<const double>,
                std::span<const PatientGroups>) override {
    return 0;
  }
  std::vector<std::int32_t> batch_order(const FunctionRef&, std::string_view, std::int64_t,
                                        std::int64_t) override {
    return {};
  }
  void start(const List&, WorldControl&) override {}
  void resume(std::uint64_t) override {}
  void finish() override {}
};

const std::vector<std::uint32_t> kAttackers{2, 5};

Value two_hospitals() {
  return list({"hospital-3", "hospital-6"});
}

WorldSpec attacked(const std::vector<Part>& attacks, const Fields& more = {}) {
  FunctionRef rule;
  rule.id = 1;
  std::vector<Value> items(attacks.begin(), attacks.end());
  Fields fields{{"rounds", 3},
                {"deadline", Value(None{})},
                {"aggregation", part("aggregation", "custom", {{"rule", Value(rule)}})},
                {"attacks", list(items)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return small_world(fields);
}

struct Seen {
  Catcher rule;
  RunResult result;
};

Seen run_caught(const WorldSpec& spec, int threads = 1) {
  Seen seen;
  RunOptions options;
  options.threads = threads;
  World world(spec, &seen.rule, options);
  world.run();
  seen.result = world.result();
  return seen;
}

bool attacks(std::uint32_t id) {
  return std::find(kAttackers.begin(), kAttackers.end(), id) != kAttackers.end();
}

TEST_CASE("alie in a run is the function applied to the honest updates of the run") {
  const Seen calm = run_caught(attacked({}));
  const Part alie = part("attack", "alie", {{"who", two_hospitals()}, {"z", 1.5}});
  const Seen seen = run_caught(attacked({alie}));
  REQUIRE(calm.rule.versions.size() == 3);
  REQUIRE(seen.rule.versions.size() == 3);
  for (const auto& version : seen.rule.versions) {
    attack::Vectors honest;
    for (const auto& [id, vector] : version) {
      if (!attacks(id)) honest.push_back(vector);
    }
    REQUIRE(honest.size() == 6);
    attack::Knowledge know;
    know.honest = &honest;
    know.byzantine = 2;
    const attack::Vectors sent = attack::poison(alie, know);
    for (std::size_t i = 0; i < kAttackers.size(); ++i) {
      CHECK(version.at(kAttackers[i]) == sent[i]);
    }
  }
  for (const auto& [id, vector] : calm.rule.versions[0]) {
    CHECK((seen.rule.versions[0].at(id) == vector) == !attacks(id));
  }
  // the model of the second version is another one
  CHECK(seen.rule.versions[1].at(0) != calm.rule.versions[1].at(0));
}

TEST_CASE("label_flip changes what its hospitals learn and no row that is tested") {
  const Seen calm = run_caught(attacked({}));
  const Seen seen =
      run_caught(attacked({part("attack", "label_flip", {{"who", two_hospitals()}})}));
  for (const auto& [id, vector] : calm.rule.versions[0]) {
    CHECK((seen.rule.versions[0].at(id) == vector) == !attacks(id));
  }
  const auto tested = [](const Seen& run, std::uint32_t id) {
    for (const HospitalMetrics& hospital : run.result.federated.hospitals) {
      if (hospital.hospital.value == id) return hospital.metrics.front().second;
    }
    return MeasuredValue{};
  };
  for (std::uint32_t id = 0; id < 8; ++id) {
    CHECK(tested(seen, id).n == tested(calm, id).n);
    CHECK(tested(seen, id).events == tested(calm, id).events);
    CHECK(tested(seen, id).n > 0);
  }
}

TEST_CASE("attackers take the time and the bytes of honest hospitals, and are listed") {
  const Seen calm = run_caught(attacked({}));
  for (const char* name : {"sign_flip", "label_flip", "free_rider", "nan", "min_max"}) {
    CAPTURE(name);
    const Seen seen = run_caught(attacked({part("attack", name, {{"who", two_hospitals()}})}));
    const auto timeline = [](const Seen& run) {
      return run.result.fingerprint.substr(0, run.result.fingerprint.find('-'));
    };
    // what holds no numbers is left out, which is an event
    if (std::string_view(name) != "nan") CHECK(timeline(seen) == timeline(calm));
    for (std::size_t i = 0; i < 8; ++i) {
      const HospitalAccount& a = seen.result.hospitals[i];
      const HospitalAccount& b = calm.result.hospitals[i];
      CHECK(a.bytes_up == b.bytes_up);
      CHECK(a.bytes_down == b.bytes_down);
      CHECK(a.busy == b.busy);
      CHECK(a.median_round == b.median_round);
      CHECK(a.attacker == attacks(static_cast<std::uint32_t>(i)));
    }
    REQUIRE(seen.result.attacks.size() == 1);
    const AttackAccount& account = seen.result.attacks[0];
    CHECK(account.attack == name);
    CHECK(account.attackers == 2);
    const bool counts = std::string_view(name) != "nan";
    CHECK(account.versions == (counts ? 3 : 0));
    for (const AttackerAccount& one : account.hospitals) {
      CHECK(one.trainings == 3);
      CHECK(one.counted == (counts ? 3 : 0));
      CHECK(one.left_out == (counts ? 0 : 3));
      CHECK(one.first < one.last);
    }
    for (const MeasuredAverages& a : seen.result.federated.averages) {
      CHECK(a.hospitals_counted + a.hospitals_null == 6);
    }
    CHECK(seen.result.federated.hospitals.size() == 8);
  }
}

TEST_CASE("a fraction of 0 changes no bit of a run") {
  const WorldSpec calm = small_world();
  const Value none(Quantity{0.0, Dimension::fraction});
  const WorldSpec zero = small_world(
      {{"attacks", list({part("attack", "alie", {{"who", none}}),
                         part("attack", "backdoor",
                              {{"who", 0}, {"trigger", Value(Table{{"age", Value(3.0)}})}})})}});
  const RunResult a = run(calm);
  const RunResult b = run(zero);
  CHECK(a.fingerprint == b.fingerprint);
  CHECK(a.final_parameters == b.final_parameters);
  CHECK(b.attacks.size() == 2);
}

TEST_CASE("sleepers are honest until their version") {
  const Seen calm = run_caught(attacked({}));
  const Value second(Moment{Moment::Kind::from_version, {}, 1});
  const Seen seen = run_caught(
      attacked({part("attack", "sign_flip", {{"who", two_hospitals()}, {"from", second}})}));
  CHECK(seen.rule.versions[0] == calm.rule.versions[0]);
  CHECK(seen.rule.versions[1].at(2) != calm.rule.versions[1].at(2));
  CHECK(seen.rule.versions[1].at(0) == calm.rule.versions[1].at(0));
  CHECK(seen.result.attacks[0].hospitals[0].trainings == 2);
}

TEST_CASE("threads change no bit of an attacked run") {
  const std::vector<Part> all{
      part("attack", "label_flip", {{"who", list({"hospital-1"})}, {"share", 0.5}}),
      part("attack", "gaussian", {{"who", list({"hospital-2"})}, {"deviation", 0.01}}),
      part("attack", "alie", {{"who", two_hospitals()}, {"optimal", true}})};
  for (const char* rule : {"mean", "median"}) {
    const Fields fields{{"aggregation", part("aggregation", rule)},
                        {"attacks", list({all[0], all[1], all[2]})}};
    RunOptions one;
    const RunResult first = run(small_world(fields), one);
    for (const int threads : {2, 3, 8}) {
      RunOptions more;
      more.threads = threads;
      CHECK(run(small_world(fields), more).fingerprint == first.fingerprint);
    }
  }
}

TEST_CASE("patients of a hospital that does not train pay nothing") {
  const Fields fields{
      {"privacy", part("privacy", "record", {{"noise", 1.0}, {"clip", 1.0}})},
      {"attacks", list({part("attack", "free_rider", {{"who", two_hospitals()}})})}};
  const RunResult result = run(small_world(fields));
  REQUIRE(result.privacy.has_value());
  for (const PrivacyAccount& account : result.privacy->hospitals) {
    CHECK((account.spent == 0) == attacks(account.hospital.value));
  }
}

TEST_CASE("what masks and control vectors do not bear is refused with the reason") {
  const auto message = [](const Fields& fields) {
    try {
      const World world(small_world(fields), nullptr, {});
    } catch (const ScenarioError& error) {
      return error.mistakes()[0].message;
    }
    return std::string("not refused");
  };
  const auto with = [](const char* name, const Fields& more = {}, int who = 2) {
    Fields fields{{"who", who}};
    fields.insert(fields.end(), more.begin(), more.end());
    return std::pair<std::string, Value>("attacks", list({part("attack", name, fields)}));
  };
  const auto masks = std::pair<std::string, Value>("secure", part("secure", "pairwise"));
  CHECK(message({masks, with("alie")}) ==
        "attack.alie looks at honest updates, and under secure.pairwise nobody sees one");
  CHECK(message({masks, with("inf")}) ==
        "attack.inf cannot be sent into secure.pairwise: masked values are whole numbers, which "
        "hold neither NaN nor infinity");
  CHECK(message({masks, with("alie", {{"knows", "own"}})}) == "not refused");
  CHECK(message({masks, with("label_flip")}) == "not refused");
  const auto scaffold =
      std::pair<std::string, Value>("objective", part("objective", "control_variates"));
  CHECK(message({scaffold, with("label_flip")}) == "not refused");
  CHECK(message({scaffold, with("scaling")}) ==
        "attack.scaling replaces an update, and here hospitals send a control vector beside it, "
        "of which no attack says anything");
  CHECK(message({with("nan", {}, 8)}) == "every hospital attacks: nobody is left to be harmed");
}

}  // namespace
}  // namespace polyclinic
