// System: aggregation, server optimisers and selections, each against a formula written out here.
#include "fed/parts.hpp"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace polyclinic
