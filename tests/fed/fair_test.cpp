// System: rules that go by the losses that hospitals tell, and a pull that follows them, each
// against a formula written out here.
#include "fed/fair.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <vector>

#include "fed/told_losses.hpp"

namespace polyclinic {
namespace {

Part rule_part(std::string_view name, std::vector<std::pair<std::string, Value>> fields = {}) {
  for (const Schema& schema : fed_schemas()) {
    if (schema.kind != "aggregation" || schema.name != name) continue;
    std::vector<FieldValue> given;
    for (auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return part;
  }
  FAIL("no such rule");
  return {};
}

std::shared_ptr<const ParameterLayout> layout_of(std::int64_t n) {
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("w", {n}, Role::weight);
  return layout;
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

struct Told {
  std::uint32_t hospital;
  std::vector<float> delta;
  double weight;
  double loss;
};

constexpr double kRate = 0.25;

std::vector<Update> updates_of(const std::shared_ptr<const ParameterLayout>& layout,
                               const std::vector<Told>& all) {
  std::vector<Update> updates;
  for (const Told& told : all) {
    Update update;
    update.hospital = HospitalId{told.hospital};
    update.delta = ParameterVector(layout);
    update.delta.assign_compact(told.delta);
    update.weight = told.weight;
    update.told_loss = told.loss;
    update.rate = kRate;
    update.place = updates.size();
    updates.push_back(std::move(update));
  }
  return updates;
}

std::vector<float> combine(AggregationRule& rule, const std::vector<Told>& all,
                           std::int64_t version = 1) {
  const auto layout = layout_of(static_cast<std::int64_t>(all.front().delta.size()));
  const ParameterVector global(layout);
  AggregationContext context;
  context.global = &global;
  context.version = version;
  ListedUpdates stream(updates_of(layout, all));
  return rule.combine(stream, context).compact();
}

// Li et al. 2020, Algorithm 2, as it stands there: Delta_k = F_k^q L (w - w_k),
// h_k = q F_k^(q-1) |L (w - w_k)|^2 + L F_k^q; the step is - sum Delta_k / sum h_k.
std::vector<double> paper_q(const std::vector<Told>& all, double q, double lipschitz) {
  std::vector<double> step(all.front().delta.size(), 0.0);
  double h = 0;
  for (const Told& told : all) {
    double square = 0;
    for (const float x : told.delta) square += lipschitz * lipschitz * x * x;
    const double power = std::pow(told.loss, q);
    h += told.weight * (q * std::pow(told.loss, q - 1) * square + lipschitz * power);
    for (std::size_t j = 0; j < step.size(); ++j) {
      step[j] -= told.weight * power * lipschitz * -told.delta[j];
    }
  }
  for (double& x : step) x /= h;
  return step;
}

// Two weights and two running statistics.
std::shared_ptr<const ParameterLayout> normalised_layout() {
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("w", {2}, Role::weight);
  layout->add("mean", {2}, Role::norm_statistic);
  return layout;
}

TEST_CASE("q_fair leaves running statistics out of its step and gives them their mean") {
  const std::vector<Told> all{{0, {1, -2, 900, 40}, 0.6, 0.2},
                              {1, {-0.25F, 0.75F, -300, 8}, 0.4, 1.5}};
  const auto layout = normalised_layout();
  const ParameterVector global(layout);
  AggregationContext context;
  context.global = &global;
  const auto rule = make_q_fair(rule_part("q_fair", {{"q", Value(1.0)}}));
  ListedUpdates stream(updates_of(layout, all));
  const std::vector<float> got = rule->combine(stream, context).compact();
  const std::vector<Told> trained{{0, {1, -2}, 0.6, 0.2}, {1, {-0.25F, 0.75F}, 0.4, 1.5}};
  const std::vector<double> step = paper_q(trained, 1, 1 / kRate);
  CHECK(std::fabs(got[0] - step[0]) < 1e-6);
  CHECK(std::fabs(got[1] - step[1]) < 1e-6);
  CHECK(std::fabs(got[2] - (0.6 * 900 - 0.4 * 300)) < 1e-3);
  CHECK(std::fabs(got[3] - (0.6 * 40 + 0.4 * 8)) < 1e-4);
}

// The smallest loss first, so that earlier sums have to be made smaller on the way.
const std::vector<Told> kThree{
    {0, {1, -2, 0.5F}, 0.5, 0.2}, {1, {-0.25F, 0.75F, 3}, 0.2, 1.5}, {2, {2, 1, -1}, 0.3, 0.7}};

TEST_CASE("q_fair takes the step of its paper, for every q and L") {
  for (const double q : {0.0, 0.5, 1.0, 5.0, 20.0}) {
    for (const double lipschitz : {0.0, 2.0}) {  // 0: left out, 1 / rate
      CAPTURE(q);
      CAPTURE(lipschitz);
      std::vector<std::pair<std::string, Value>> fields{{"q", q}};
      if (lipschitz > 0) fields.emplace_back("lipschitz", lipschitz);
      const auto rule = make_aggregation(rule_part("q_fair", fields), nullptr);
      const std::vector<float> found = combine(*rule, kThree);
      const std::vector<double> expected =
          paper_q(kThree, q, lipschitz > 0 ? lipschitz : 1 / kRate);
      // one rounding to float; the 1e-10 that is added to a loss of .2 moves its q-th power by 1e-8
      for (std::size_t j = 0; j < 3; ++j) {
        CHECK(found[j] == doctest::Approx(expected[j]).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("q_fair with q = 0 is the weighted mean, bit by bit; shares follow F^q") {
  const auto fair = make_aggregation(rule_part("q_fair", {{"q", 0.0}}), nullptr);
  const auto mean = make_aggregation(rule_part("mean"), nullptr);
  CHECK(combine(*fair, kThree) == combine(*mean, kThree));
  const auto square = make_aggregation(rule_part("q_fair", {{"q", 2.0}}), nullptr);
  (void)combine(*square, kThree);
  const double total = 0.5 * 0.04 + 0.2 * 2.25 + 0.3 * 0.49;
  REQUIRE(square->counted().size() == 3);
  CHECK(square->counted()[0].share == doctest::Approx(0.5 * 0.04 / total));
  CHECK(square->counted()[1].share == doctest::Approx(0.2 * 2.25 / total));
}

TEST_CASE("q_fair stays finite where powers of losses do not, and where a loss is zero") {
  std::vector<Told> wide = kThree;
  wide[0].loss = 0;
  wide[1].loss = 1e8;  // to the 100th: beyond a double
  const auto rule = make_aggregation(rule_part("q_fair", {{"q", 100.0}}), nullptr);
  const std::vector<float> found = combine(*rule, wide);
  // the largest loss alone counts: L delta / (L + q L^2 |delta|^2 / F), the last term 4e-5
  CHECK(found[2] == doctest::Approx(3.0).epsilon(1e-4));
  CHECK(rule->counted()[1].share == 1.0);
}

double distance_to(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

TEST_CASE("the nearest mixture is one, and none of a grid is nearer") {
  for (const std::vector<double>& v :
       {std::vector<double>{0.2, 0.3, 0.5}, std::vector<double>{5, 0, 0},
        std::vector<double>{-1, -2, -3}, std::vector<double>{0.9, 0.8, -0.4},
        std::vector<double>{0.5, 0.5, 0.5}}) {
    const std::vector<double> found = nearest_mixture(v);
    CHECK(found[0] + found[1] + found[2] == doctest::Approx(1.0));
    const int steps = 50;
    for (int i = 0; i <= steps; ++i) {
      for (int j = 0; i + j <= steps; ++j) {
        const std::vector<double> w{i / 50.0, j / 50.0, (steps - i - j) / 50.0};
        CHECK(distance_to(v, found) <= distance_to(v, w) + 1e-12);
      }
    }
  }
  CHECK(nearest_mixture({0.2, 0.3, 0.5}) == std::vector<double>{0.2, 0.3, 0.5});
}

AbleHospitals three_able() {
  return [] { return std::vector<HospitalId>{HospitalId{0}, HospitalId{1}, HospitalId{2}}; };
}

TEST_CASE("agnostic moves its mixture by the losses, and only when a version is made") {
  const double rate = 0.1;
  const auto rule =
      make_aggregation(rule_part("agnostic", {{"rate", rate}}), nullptr, three_able());
  const auto mixed = [](const std::vector<double>& lambda) {
    std::vector<float> expected(3);
    for (std::size_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += lambda[k] * kThree[k].delta[j];
      expected[j] = static_cast<float>(sum);
    }
    return expected;
  };
  const auto near = [](const std::vector<float>& a, const std::vector<float>& b) {
    for (std::size_t j = 0; j < a.size(); ++j) CHECK(a[j] == doctest::Approx(b[j]).epsilon(1e-6));
  };
  const double third = 1.0 / 3;
  near(combine(*rule, kThree, 1), mixed({third, third, third}));
  // the first version was not made: the mixture is what it was, however often somebody tries
  near(combine(*rule, kThree, 1), mixed({third, third, third}));
  const std::vector<double> second =
      nearest_mixture({third + rate * kThree[0].loss, third + rate * kThree[1].loss,
                       third + rate * kThree[2].loss});
  CHECK(second[1] > second[2]);
  near(combine(*rule, kThree, 2), mixed(second));
  CHECK(rule->counted()[1].share == doctest::Approx(second[1]));
}

TEST_CASE("agnostic: whoever is not heard keeps his share, and an empty mixture learns nothing") {
  const auto rule = make_aggregation(rule_part("agnostic", {{"rate", 1.0}}), nullptr, three_able());
  // hospital 1 alone: its share goes from 1/3 to all but nothing is left for the others
  const std::vector<Told> alone{{1, {2, 0, 0}, 1, 1.5}};
  CHECK(combine(*rule, alone, 1)[0] == 2.0F);
  // lambda is now { 0, 1, 0 }: the others' updates count nothing
  const std::vector<Told> others{{0, {4, 0, 0}, 0.5, 0.0}, {2, {8, 0, 0}, 0.5, 0.0}};
  CHECK(combine(*rule, others, 2) == std::vector<float>{0, 0, 0});
  CHECK(rule->counted()[0].share == 0);
  CHECK(combine(*rule, kThree, 3)[2] == 3.0F);
}

TEST_CASE("a pull follows the loss: up when it rises, down after so many falls in a row") {
  TrainingPlan plan;
  plan.proximal = 0.15;
  plan.proximal_step = 0.1;
  plan.proximal_falls = 2;
  AdaptiveProximal pull(plan);
  const auto after = [&](double loss) {
    pull.hear(loss);
    return pull.mu();
  };
  CHECK(after(1.0) == doctest::Approx(0.15));  // nothing to compare with
  CHECK(after(1.1) == doctest::Approx(0.25));
  CHECK(after(1.2) == doctest::Approx(0.35));
  CHECK(after(1.0) == doctest::Approx(0.35));
  CHECK(after(0.9) == doctest::Approx(0.25));
  CHECK(after(0.8) == doctest::Approx(0.25));  // counted anew
  CHECK(after(0.8) == doctest::Approx(0.25));  // no fall: the row is broken
  CHECK(after(0.7) == doctest::Approx(0.25));
  CHECK(after(0.6) == doctest::Approx(0.15));
  for (const double loss : {0.5, 0.4, 0.3, 0.2}) pull.hear(loss);
  CHECK(pull.mu() == 0.0);  // not below
  CHECK(pull.most() == doctest::Approx(0.35));
  CHECK(pull.least() == 0.0);
}

}  // namespace
}  // namespace polyclinic
