// System: aggregation, server optimisers and selections, each against a formula written out here.
#include "fed/parts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace polyclinic {
namespace {

Part fed_part(std::string_view kind, std::string_view name,
              std::vector<std::pair<std::string, Value>> fields = {}) {
  for (const Schema& schema : fed_schemas()) {
    if (schema.kind != kind || schema.name != name) continue;
    std::vector<FieldValue> given;
    for (auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return part;
  }
  FAIL("no such part");
  return {};
}

std::shared_ptr<const ParameterLayout> layout_of(std::int64_t n) {
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("w", {n}, Role::weight);
  return layout;
}

ParameterVector vector_of(const std::shared_ptr<const ParameterLayout>& layout,
                          const std::vector<float>& values) {
  ParameterVector v(layout);
  v.assign_compact(values);
  return v;
}

class ListedUpdates final : public UpdateStream {
 public:
  explicit ListedUpdates(std::vector<Update> updates) : updates_(std::move(updates)) {}
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }
  const Update* next() override { return at_ < updates_.size() ? &updates_[at_++] : nullptr; }

 private:
  std::vector<Update> updates_;
  std::size_t at_ = 0;
};

TEST_CASE("the mean weighs updates and ignores a missing share") {
  const auto layout = layout_of(3);
  const ParameterVector global(layout);
  std::vector<Update> updates(2);
  updates[0].delta = vector_of(layout, {1, 2, 3});
  updates[0].weight = 0.2;
  updates[1].delta = vector_of(layout, {5, -2, 1});
  updates[1].weight = 0.6;  // an update with .2 overflowed and was left out
  ListedUpdates stream(updates);
  AggregationContext context;
  context.global = &global;
  const auto mean = make_aggregation(fed_part("aggregation", "mean"), nullptr);
  const std::vector<float> got = mean->combine(stream, context).compact();
  // (.2 a + .6 b) / .8
  CHECK(got[0] == doctest::Approx(4.0));
  CHECK(got[1] == doctest::Approx(-1.0));
  CHECK(got[2] == doctest::Approx(1.5));
}

// Reddi et al. 2021, Algorithm 2, one coordinate, written out in double.
struct Reference {
  std::string name;
  double rate, beta1, beta2, tau;
  double m = 0, v = 0, w = 0;
  void step(double d) {
    m = beta1 * m + (1 - beta1) * d;
    const double d2 = d * d;
    if (name == "adagrad") v += d2;
    if (name == "adam") v = beta2 * v + (1 - beta2) * d2;
    if (name == "yogi") v -= (1 - beta2) * d2 * ((v > d2) - (v < d2));
    w += rate * m / (std::sqrt(v) + tau);
  }
};

TEST_CASE("adaptive server optimisers follow Algorithm 2 of Reddi et al.") {
  for (const char* name : {"adagrad", "adam", "yogi"}) {
    CAPTURE(name);
    const auto layout = layout_of(2);
    std::vector<std::pair<std::string, Value>> fields{{"rate", 0.1}, {"beta1", 0.9}, {"tau", 1e-3}};
    if (std::string(name) != "adagrad") fields.emplace_back("beta2", 0.99);
    const auto optimizer = make_server_optimizer(fed_part("server", name, fields));
    ParameterVector global(layout);
    std::vector<Reference> reference(2, Reference{name, 0.1, 0.9, 0.99, 1e-3});
    for (Reference& r : reference) r.v = 1e-6;  // tau squared
    const double deltas[][2] = {{0.5, -0.01}, {0.1, 0.02}, {-0.3, 0.02}, {0.0, 1e-4}, {0.2, -0.5}};
    for (const auto& d : deltas) {
      const ParameterVector aggregate =
          vector_of(layout, {static_cast<float>(d[0]), static_cast<float>(d[1])});
      optimizer->step(global, aggregate);
      for (int i = 0; i < 2; ++i) reference[i].step(static_cast<double>(static_cast<float>(d[i])));
    }
    const std::vector<float> got = global.compact();
    // five steps, each rounded to float: 5 half-ulps of values below 1
    for (int i = 0; i < 2; ++i) CHECK(std::fabs(got[i] - reference[i].w) < 5 * 6e-8);
  }
}

TEST_CASE("server sgd is FedAvg at rate 1 and keeps a share of the last step with momentum") {
  const auto layout = layout_of(1);
  ParameterVector global = vector_of(layout, {2});
  const auto plain = make_server_optimizer(fed_part("server", "sgd"));
  plain->step(global, vector_of(layout, {0.5}));
  CHECK(global.compact()[0] == 2.5F);
  const auto momentum =
      make_server_optimizer(fed_part("server", "sgd", {{"momentum", 0.5}, {"rate", 2.0}}));
  ParameterVector other = vector_of(layout, {0});
  momentum->step(other, vector_of(layout, {1}));  // m = 1, w = 2
  momentum->step(other, vector_of(layout, {1}));  // m = 1.5, w = 5
  CHECK(other.compact()[0] == 5.0F);
}

std::vector<HospitalId> hospitals(std::uint32_t n) {
  std::vector<HospitalId> ids;
  for (std::uint32_t i = 0; i < n; ++i) ids.push_back(HospitalId{i});
  return ids;
}

TEST_CASE("uniform selection invites everybody equally often") {
  const auto ids = hospitals(20);
  const auto selection = make_selection(fed_part("selection", "uniform", {{"count", 5}}), nullptr);
  const RunKey run = make_run_key(3, 0);
  std::map<std::uint32_t, int> invited;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    const auto chosen = selection->choose(ids, run, round);
    REQUIRE(chosen.size() == 5);
    for (std::size_t i = 1; i < chosen.size(); ++i) CHECK(chosen[i - 1] < chosen[i]);
    for (HospitalId id : chosen) ++invited[id.value];
  }
  // binomial(4000, 1/4): mean 1000, sd 27.4; five sds over 20 hospitals fail once in 90,000 seeds
  for (const auto& [id, count] : invited) CHECK(std::abs(count - 1000) < 137);
}

TEST_CASE("a share of the hospitals is rounded and never zero") {
  const Value half(Quantity{0.5, Dimension::fraction});
  const Value hundredth(Quantity{0.01, Dimension::fraction});
  const RunKey run = make_run_key(1, 0);
  CHECK(make_selection(fed_part("selection", "uniform", {{"count", half}}), nullptr)
            ->choose(hospitals(9), run, 0)
            .size() == 5);
  CHECK(make_selection(fed_part("selection", "uniform", {{"count", hundredth}}), nullptr)
            ->choose(hospitals(9), run, 0)
            .size() == 1);
}

TEST_CASE("Poisson selection: one hospital more changes nobody else's draw") {
  const auto selection = make_selection(fed_part("selection", "poisson", {{"rate", 0.3}}), nullptr);
  const RunKey run = make_run_key(5, 0);
  std::int64_t total = 0;
  for (int round = 0; round < 500; ++round) {
    auto few = selection->choose(hospitals(40), run, round);
    auto more = selection->choose(hospitals(41), run, round);
    total += static_cast<std::int64_t>(few.size());
    if (!more.empty() && more.back().value == 40) more.pop_back();
    CHECK(few == more);
  }
  // binomial(20000, .3): mean 6000, sd 65
  CHECK(std::abs(total - 6000) < 325);
}

TEST_CASE("weighted selection draws by rows") {
  SelectionFacts facts;
  facts.train_rows = [](HospitalId id) { return std::int64_t{100} * id.value; };
  const auto one =
      make_selection(fed_part("selection", "weighted", {{"count", 1}}), nullptr, facts);
  const RunKey run = make_run_key(4, 0);
  constexpr int kRounds = 4000;
  std::map<std::uint32_t, int> invited;
  for (int round = 0; round < kRounds; ++round) {
    const auto chosen = one->choose(hospitals(5), run, round);
    REQUIRE(chosen.size() == 1);
    ++invited[chosen[0].value];
  }
  // 0, 100, ..., 400 rows: a tenth to four tenths of 4000, each within five standard deviations
  CHECK(invited.count(0) == 0);
  for (std::uint32_t h = 1; h < 5; ++h) {
    const double p = h / 10.0;
    CHECK(std::abs(invited[h] - kRounds * p) < 5 * std::sqrt(kRounds * p * (1 - p)));
  }
  // of two without replacement the second goes by what is left: P(3 and 4) = .3 .4/.7 + .4 .3/.6
  const auto two =
      make_selection(fed_part("selection", "weighted", {{"count", 2}}), nullptr, facts);
  int both = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto chosen = two->choose(hospitals(5), run, round);
    REQUIRE(chosen.size() == 2);
    CHECK(chosen[0] < chosen[1]);
    if (chosen[0].value == 3 && chosen[1].value == 4) ++both;
  }
  const double p = 0.3 * 0.4 / 0.7 + 0.4 * 0.3 / 0.6;
  CHECK(std::abs(both - kRounds * p) < 5 * std::sqrt(kRounds * p * (1 - p)));
  // more than have rows: all that have
  const auto all =
      make_selection(fed_part("selection", "weighted", {{"count", 5}}), nullptr, facts);
  CHECK(all->choose(hospitals(5), run, 0).size() == 4);
}

TEST_CASE("round robin goes round") {
  const auto selection =
      make_selection(fed_part("selection", "round_robin", {{"count", 2}}), nullptr);
  const RunKey run = make_run_key(4, 0);
  const auto turn = [&](std::int64_t round) {
    std::vector<std::uint32_t> values;
    for (const HospitalId id : selection->choose(hospitals(5), run, round)) {
      values.push_back(id.value);
    }
    return values;
  };
  CHECK(turn(0) == std::vector<std::uint32_t>{0, 1});
  CHECK(turn(2) == std::vector<std::uint32_t>{0, 4});
  CHECK(turn(3) == std::vector<std::uint32_t>{1, 2});
  CHECK(turn(5) == turn(0));
}

TEST_CASE("reliable selection goes by past replies and still tries the unknown") {
  std::map<std::uint32_t, SelectionFacts::Past> past{
      {0, {100, 95}}, {1, {100, 20}}, {2, {100, 90}}, {3, {0, 0}}};
  SelectionFacts facts;
  facts.past = [&](HospitalId id) { return past[id.value]; };
  const auto selection =
      make_selection(fed_part("selection", "reliable", {{"count", 2}}), nullptr, facts);
  const RunKey run = make_run_key(4, 0);
  std::map<std::uint32_t, int> invited;
  constexpr int kRounds = 2000;
  for (int round = 0; round < kRounds; ++round) {
    for (const HospitalId id : selection->choose(hospitals(4), run, round)) ++invited[id.value];
  }
  // Beta(96, 6) has mean .94 and deviation .023, Beta(21, 81) .21 and .04: 18 deviations apart. The
  // unknown's draw is uniform: it goes before h2, Beta(91, 11) with mean .89, once in nine
  CHECK(invited[1] == 0);
  CHECK(invited[0] > invited[2]);
  CHECK(invited[3] > kRounds / 20);
  CHECK(invited[3] < kRounds / 5);
}

TEST_CASE("power of choice asks by size and takes the largest losses") {
  SelectionFacts facts;
  facts.train_rows = [](HospitalId id) { return std::int64_t{id.value == 2 ? 0 : 100}; };
  const auto selection = make_selection(
      fed_part("selection", "power_of_choice", {{"count", 2}, {"candidates", 4}}), nullptr, facts);
  const RunKey run = make_run_key(4, 0);
  const auto asked = selection->polled(hospitals(6), run, 3);
  REQUIRE(asked.size() == 4);
  for (const HospitalId id : asked) CHECK(id.value != 2);
  using Answer = Selection::Answer;
  const std::vector<Answer> answers{
      {HospitalId{0}, 0.5}, {HospitalId{1}, 0.7}, {HospitalId{3}, 0.7}, {HospitalId{4}, 0.6}};
  CHECK(selection->choose_by_loss(answers, hospitals(6), run, 3) ==
        std::vector<HospitalId>{HospitalId{1}, HospitalId{3}});
  CHECK(selection->choose_by_loss({}, hospitals(6), run, 3).empty());
  // of equal losses either: of four two, each in half of 2000 rounds, within five deviations
  const std::vector<Answer> alike{
      {HospitalId{0}, 1}, {HospitalId{1}, 1}, {HospitalId{3}, 1}, {HospitalId{4}, 1}};
  std::map<std::uint32_t, int> chosen;
  for (int round = 0; round < 2000; ++round) {
    for (const HospitalId id : selection->choose_by_loss(alike, hospitals(6), run, round)) {
      ++chosen[id.value];
    }
  }
  for (const std::uint32_t h : {0U, 1U, 3U, 4U}) CHECK(std::abs(chosen[h] - 1000) < 112);
}

// An Oort that knows hospitals 0, 1, ... by these utilities and seconds, from one round.
std::unique_ptr<Selection> taught_oort(std::vector<std::pair<std::string, Value>> fields,
                                       const std::vector<std::pair<double, double>>& known) {
  SelectionFacts facts;
  facts.speed_flops = [](HospitalId id) { return 1e9 * id.value; };
  fields.emplace_back("pace", Value(Quantity{100e9, Dimension::time}));
  auto oort = make_selection(fed_part("selection", "oort", std::move(fields)), nullptr, facts);
  std::vector<Selection::Reply> replies;
  for (std::uint32_t h = 0; h < known.size(); ++h) {
    replies.push_back({HospitalId{h}, 10, known[h].first / 10, known[h].second});
  }
  if (!replies.empty()) oort->learn(replies, 0);
  return oort;
}

std::vector<std::uint32_t> values_of(const std::vector<HospitalId>& ids) {
  std::vector<std::uint32_t> values;
  for (const HospitalId id : ids) values.push_back(id.value);
  return values;
}

TEST_CASE("oort explores faster machines more easily, and less and less") {
  constexpr int kRuns = 4000;
  std::map<std::uint32_t, int> invited;
  const auto fresh = taught_oort({{"count", 1}}, {});
  for (int i = 0; i < kRuns; ++i) {
    const auto chosen = fresh->choose(hospitals(5), make_run_key(4, i), 0);
    REQUIRE(chosen.size() == 1);
    ++invited[chosen[0].value];
  }
  CHECK(invited.count(0) == 0);
  for (std::uint32_t h = 1; h < 5; ++h) {
    const double p = h / 10.0;
    CHECK(std::abs(invited[h] - kRuns * p) < 5 * std::sqrt(kRuns * p * (1 - p)));
  }
  // ten of forty, of whom twenty are known: half are new; by and by two in ten
  const std::vector<std::pair<double, double>> known(20, {100, 50});
  const auto oort = taught_oort(
      {{"count", 10}, {"exploration", 0.5}, {"decay", 0.9}, {"exploration_least", 0.2}}, known);
  const auto unknown_at = [&](std::int64_t round) {
    const auto chosen = values_of(oort->choose(hospitals(40), make_run_key(4, 0), round));
    CHECK(chosen.size() == 10);
    return std::count_if(chosen.begin(), chosen.end(), [](std::uint32_t h) { return h >= 20; });
  };
  CHECK(unknown_at(0) == 5);
  CHECK(unknown_at(3) == 4);  // floor((1 - 0.5 0.9^3) 10) = 6 are known
  CHECK(unknown_at(50) == 2);
}

TEST_CASE("oort prefers what teaches most, what came quickly and what was heard long ago") {
  const RunKey run = make_run_key(4, 0);
  const std::vector<std::pair<double, double>> known{
      {1000, 200}, {800, 50}, {600, 50}, {400, 50}, {0, 50}};
  // scaled 1, .8, .6, .4, 0; in the first round nothing is uncertain
  const auto careless = taught_oort({{"count", 2}, {"cutoff", 1.0}, {"penalty", 0.0}}, known);
  CHECK(values_of(careless->choose(hospitals(5), run, 0)) == std::vector<std::uint32_t>{0, 1});
  // the first took twice what is preferred: (1/2)^2 of 1
  const auto hasty = taught_oort({{"count", 2}, {"cutoff", 1.0}, {"penalty", 2.0}}, known);
  CHECK(values_of(hasty->choose(hospitals(5), run, 0)) == std::vector<std::uint32_t>{1, 2});
  // half of .8 admits .6 and .4, too: drawn by 8 : 6 : 4
  const auto wide = taught_oort({{"count", 1}, {"cutoff", 0.5}, {"penalty", 2.0}}, known);
  std::map<std::uint32_t, int> drawn;
  constexpr int kRuns = 4000;
  for (int i = 0; i < kRuns; ++i) {
    ++drawn[wide->choose(hospitals(5), make_run_key(4, i), 0).at(0).value];
  }
  CHECK(drawn.count(0) + drawn.count(4) == 0);
  for (const auto& [h, share] : std::map<std::uint32_t, double>{{1, 8}, {2, 6}, {3, 4}}) {
    const double p = share / 18;
    CHECK(std::abs(drawn[h] - kRuns * p) < 5 * std::sqrt(kRuns * p * (1 - p)));
  }
  // heard in round 1, .5 + sqrt(.1 log 100) = 1.18; in round 99, 1 + sqrt(.1 log 100 / 99) = 1.07
  const auto patient =
      taught_oort({{"count", 1}, {"cutoff", 1.0}}, {{500, 50}, {1000, 50}, {0, 50}});
  patient->learn(
      std::vector<Selection::Reply>{{HospitalId{1}, 10, 100, 50}, {HospitalId{2}, 10, 0, 50}}, 98);
  CHECK(values_of(patient->choose(hospitals(3), run, 99)) == std::vector<std::uint32_t>{0});
}

TEST_CASE("oort waits longer when its rounds achieve less") {
  const auto oort = taught_oort({{"count", 1}, {"cutoff", 1.0}, {"window", 2}}, {});
  const auto round = [&](double scale, std::int64_t number) {
    oort->learn(std::vector<Selection::Reply>{{HospitalId{0}, 10, 100 * scale, 150},
                                              {HospitalId{1}, 10, 60 * scale, 50},
                                              {HospitalId{2}, 10, 0, 50}},
                number);
    return oort->choose(hospitals(3), make_run_key(4, 0), number + 1).at(0).value;
  };
  // all have the same uncertainty u < .3 from round 2 on: (1 + u) (100/150)^2 < .6 + u
  round(10, 0);
  CHECK(round(10, 1) == 1);
  CHECK(round(1, 2) == 1);
  // 32,000 in two rounds, then 3,200: 200 seconds are allowed, and 1 + u counts whole
  CHECK(round(1, 3) == 0);
}

}  // namespace
}  // namespace polyclinic
