// Models of a hospital's own in the steps of a training (pFedMe, APFL): against their algorithms in
// double, batch by batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "learn/trainer.hpp"
#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

namespace {

using Vector = std::vector<double>;

Vector exact(const ParameterVector& p) {
  const std::vector<float> compact = p.compact();
  return {compact.begin(), compact.end()};
}

dense::Network line() {
  dense::NetworkSpec spec{.name = "linear", .features = 5, .hidden = {}, .outputs = 1};
  spec.head = Head::squared;
  return dense::Network(spec);
}

// Of the mean of (w . x + b - y)^2 over some rows.
Vector gradient(const Vector& p, const Dataset& data, std::span<const std::int32_t> rows) {
  Vector g(6, 0.0);
  for (const std::int32_t row : rows) {
    const float* x = data.x.data() + static_cast<std::ptrdiff_t>(row) * 5;
    double error = p[5] - static_cast<double>(data.label[static_cast<std::size_t>(row)]);
    for (std::size_t j = 0; j < 5; ++j) error += p[j] * static_cast<double>(x[j]);
    for (std::size_t j = 0; j < 5; ++j) g[j] += 2 * error * static_cast<double>(x[j]);
    g[5] += 2 * error;
  }
  for (double& v : g) v /= static_cast<double>(rows.size());
  return g;
}

// Three epochs of batches of 8 of 29 rows.
struct Setting {
  Dataset data = test::make_data(Head::squared, 29, 5, 1, 401);
  dense::Network network = line();
  ParameterVector global = test::random_parameters(network, 402, 0.5);
  ParameterVector own = test::random_parameters(network, 403, 0.5);
  std::vector<std::int32_t> order = permutations(29, 3);
  TrainingPlan plan;

  Setting() {
    plan.batch = 8;
    plan.epochs = 3;
    plan.schedule.rate = 0.05;
  }
  [[nodiscard]] TrainingTask task() const {
    TrainingTask task = task_of(data, global, plan);
    task.given_order = order;
    return task;
  }
  [[nodiscard]] std::vector<std::span<const std::int32_t>> batches() const {
    std::vector<std::span<const std::int32_t>> out;
    for (std::size_t epoch = 0; epoch < 3; ++epoch) {
      for (std::size_t at = 0; at < 29; at += 8) {
        out.push_back(std::span(order).subspan(epoch * 29 + at, std::min<std::size_t>(8, 29 - at)));
      }
    }
    return out;
  }
};

// Parameters below 4 in float, twelve steps (of five each): below 1e-5 together.
void check_near(const Vector& got, const Vector& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t j = 0; j < got.size(); ++j) CHECK(std::fabs(got[j] - expected[j]) < 1e-5);
}

}  // namespace

// Dinh, Tran, Nguyen 2020, Algorithm 1.
TEST_CASE("the shared model follows the own one, which each batch draws to its proximal point") {
  Setting s;
  s.plan.own.kind = OwnModel::Kind::envelope;
  s.plan.own.lambda = 3;
  s.plan.own.rate = 0.1;
  s.plan.own.inner = 5;
  Vector w = exact(s.global);
  Vector theta = w;
  for (const auto rows : s.batches()) {
    for (int k = 0; k < 5; ++k) {
      const Vector g = gradient(theta, s.data, rows);
      for (std::size_t j = 0; j < 6; ++j) theta[j] -= 0.05 * (g[j] + 3 * (theta[j] - w[j]));
    }
    for (std::size_t j = 0; j < 6; ++j) w[j] -= 0.1 * 3 * (w[j] - theta[j]);
  }
  const TrainingResult result = run(s.network, s.task());
  Vector got = exact(result.delta);
  for (std::size_t j = 0; j < 6; ++j) got[j] += exact(s.global)[j];
  check_near(got, w);
  check_near(exact(result.own), theta);
  CHECK(result.steps == 12);
  CHECK(result.rows_visited == 87);
  CHECK(extent(s.plan, 29).rows_visited == 87);
  CHECK(extent(s.plan, 29).rows_beside == 4 * 87);
}

// Kingma and Ba 2015, Alg. 1: t counts the steps of the moments, of which there are several in each
// step of the training.
TEST_CASE("Adam's corrections in a later training go by all steps that its moments have seen") {
  Setting s;
  s.plan.own.kind = OwnModel::Kind::envelope;
  s.plan.own.inner = 5;
  s.plan.optimizer = TrainingPlan::Optimizer::adam;
  s.plan.keep_optimizer_state = true;
  TrainerState state;
  TrainingTask task = s.task();
  task.state = &state;
  const TrainingResult result = run(s.network, task);
  REQUIRE(result.steps == 12);
  CHECK(state.moment_steps == 5 * 12);
  CHECK(state.steps_done == 12);
}

// Deng, Kamani, Mahdavi 2020, Algorithm 1 and eq. 11, with decay and cut gradients.
TEST_CASE("a mixture trains its own share on the rows of each step, and the shared model as ever") {
  for (const bool adapts : {false, true}) {
    for (const double decay : {0.0, 0.1}) {
      for (const double clip : {0.0, 0.5}) {
        Setting s;
        s.plan.weight_decay = decay;
        s.plan.clip_gradient = clip;
        const TrainingResult plain = run(s.network, s.task());
        s.plan.own.kind = OwnModel::Kind::mixture;
        s.plan.own.adapts = adapts;
        TrainingTask task = s.task();
        task.own = &s.own;
        task.own_share = 0.6;
        const auto cut = [&](Vector g, const Vector& p) {
          double square = 0;
          for (const double v : g) square += v * v;
          const double scale = clip > 0 ? std::min(1.0, clip / std::sqrt(square)) : 1.0;
          for (std::size_t j = 0; j < 6; ++j) g[j] = scale * g[j] + decay * p[j];
          return g;
        };
        Vector w = exact(s.global);
        Vector v = exact(s.own);
        double share = 0.6;
        bool first = true;
        for (const auto rows : s.batches()) {
          Vector mixed(6);
          for (std::size_t j = 0; j < 6; ++j) mixed[j] = share * v[j] + (1 - share) * w[j];
          const Vector g = cut(gradient(w, s.data, rows), w);
          const Vector h = cut(gradient(mixed, s.data, rows), mixed);
          double slope = 0;
          for (std::size_t j = 0; j < 6; ++j) {
            slope += (v[j] - w[j]) * h[j];
            w[j] -= 0.05 * g[j];
            v[j] -= 0.05 * share * h[j];
          }
          if (adapts && first) share = std::clamp(share - 0.05 * slope, 0.0, 1.0);
          first = false;
        }
        const TrainingResult result = run(s.network, task);
        CHECK(result.delta.compact() == plain.delta.compact());
        CHECK(result.mean_loss == plain.mean_loss);
        check_near(exact(result.own), v);
        CHECK(std::fabs(result.own_share - share) < 1e-5);
        CHECK((result.own_share != 0.6) == adapts);
        CHECK(extent(s.plan, 29).rows_beside == 87);
      }
    }
  }
}
