// The model-contrastive loss: against its formula and central differences, in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "learn/dense/contrast.hpp"
#include "learn/trainer.hpp"
#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

namespace {

using Vector = std::vector<double>;

double cosine(const Vector& a, const Vector& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0.0;
}

// Li, He, Song 2021, as they write it.
double paper_loss(const Vector& z, const Vector& global, const Vector& previous, double t) {
  const double near = std::exp(cosine(z, global) / t);
  const double far = std::exp(cosine(z, previous) / t);
  return -std::log(near / (near + far));
}

std::vector<float> floats(std::uint64_t entity, std::size_t n) {
  Stream s = test::stream(entity);
  std::vector<float> out(n);
  for (float& v : out) v = static_cast<float>(draw::normal(s));
  return out;
}

Vector exact(const std::vector<float>& v) {
  return {v.begin(), v.end()};
}

}  // namespace

TEST_CASE("the contrastive loss is the paper's, and its slope that of central differences") {
  for (const double t : {0.1, 0.5, 2.0}) {
    const std::vector<float> z = floats(1, 13);
    const std::vector<float> near = floats(2, 13);
    const std::vector<float> far = floats(3, 13);
    std::vector<float> slope(13);
    const double loss = dense::contrastive_loss(z, near, far, t, slope);
    CHECK(loss == doctest::Approx(paper_loss(exact(z), exact(near), exact(far), t)).epsilon(1e-12));
    Vector at = exact(z);
    const double h = 1e-6;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double here = at[i];
      at[i] = here + h;
      const double above = paper_loss(at, exact(near), exact(far), t);
      at[i] = here - h;
      const double below = paper_loss(at, exact(near), exact(far), t);
      at[i] = here;
      // a slope of at most 2 / t in float; differences are good to 1e-9
      CHECK(std::fabs(static_cast<double>(slope[i]) - (above - below) / (2 * h)) < 1e-6 / t);
    }
  }
}

TEST_CASE("where nothing can be told apart the contrast is log 2 and pulls nowhere") {
  const std::vector<float> z = floats(1, 7);
  const std::vector<float> other = floats(2, 7);
  const std::vector<float> zero(7, 0.0F);
  std::vector<float> slope(7);
  CHECK(dense::contrastive_loss(z, other, other, 0.5, slope) == doctest::Approx(std::log(2.0)));
  for (const float v : slope) CHECK(v == 0.0F);
  CHECK(dense::contrastive_loss(zero, other, z, 0.5, slope) == doctest::Approx(std::log(2.0)));
  for (const float v : slope) CHECK(v == 0.0F);
  // far behind: exp of 2 / 0.001 would be infinite
  std::vector<float> back(z);
  for (float& v : back) v = -v;
  CHECK(dense::contrastive_loss(z, back, z, 0.001, slope) == doctest::Approx(2000.0));
}

// The model without its output layer: what it makes of a row, before the activation, are the scores
// of a network whose parameters are the first ones of the whole.
TEST_CASE("a step with the contrast is descent on the sum of both losses") {
  for (const auto activation : {dense::Activation::tanh, dense::Activation::relu}) {
    for (const auto norm : {dense::Norm::none, dense::Norm::layer}) {
      dense::NetworkSpec spec{.name = "mlp", .features = 6, .hidden = {9, 5}, .outputs = 1};
      spec.activation = activation;
      spec.norm = norm;
      const dense::Network network(spec);
      dense::NetworkSpec front = spec;
      front.hidden = {9};
      front.outputs = 5;
      front.head = Head::softmax;
      const dense::Network hidden(front);
      // more rows than a chunk
      const Dataset data = test::make_data(Head::sigmoid, 81, 6, 1, 301);
      const ParameterVector global = test::random_parameters(network, 302, 0.5);
      const ParameterVector previous = test::random_parameters(network, 303, 0.5);
      const double mu = 3;
      const double t = 0.5;
      const auto represent = [&](const Vector& p, std::size_t row) {
        Vector z = test::Reference(hidden).scores(p, data, row);
        if (norm == dense::Norm::layer) {
          double mean = 0;
          double square = 0;
          for (const double v : z) mean += v / 5;
          for (const double v : z) square += (v - mean) * (v - mean) / 5;
          // scale and shift lie behind weights and bias of the layer
          const std::size_t at = 6 * 9 + 9 + 2 * 9 + 9 * 5 + 5;
          for (std::size_t j = 0; j < 5; ++j) {
            z[j] = (z[j] - mean) / std::sqrt(square + 1e-5) * p[at + j] + p[at + 5 + j];
          }
        }
        for (double& v : z)
          v = activation == dense::Activation::tanh ? std::tanh(v) : std::max(v, 0.0);
        return z;
      };
      const Vector start = exact(global.compact());
      const Vector before = exact(previous.compact());
      const auto loss = [&](const Vector& p) {
        double sum = 0;
        for (std::size_t i = 0; i < 81; ++i) {
          sum += paper_loss(represent(p, i), represent(start, i), represent(before, i), t);
        }
        return test::Reference(network).loss(p, data) + mu * sum / 81;
      };
      TrainingPlan plan;
      plan.batch = 0;
      plan.schedule.rate = 0.25;
      plan.contrast = {mu, t};
      TrainingTask task = task_of(data, global, plan);
      task.previous = &previous;
      const std::vector<float> with = run(network, task).delta.compact();
      task.previous = nullptr;
      const std::vector<float> first = run(network, task).delta.compact();
      plan.contrast = {};
      CHECK(first == run(network, task).delta.compact());
      Vector p = start;
      double differ = 0;
      for (std::size_t i = 0; i < p.size(); ++i) {
        const double h = 1e-6;
        p[i] = start[i] + h;
        const double above = loss(p);
        p[i] = start[i] - h;
        const double below = loss(p);
        p[i] = start[i];
        const double slope = (above - below) / (2 * h);
        // parameters below 2 round by 1.2e-7, a quarter of the slope by as little
        CHECK(std::fabs(static_cast<double>(with[i]) + 0.25 * slope) < 2e-6);
        differ = std::max(differ, std::fabs(static_cast<double>(with[i] - first[i])));
      }
      CHECK(differ > 1e-2);
    }
  }
}

TEST_CASE("a mixture's own model is contrasted with nothing: the contrast is of the shared one") {
  const dense::NetworkSpec spec{.name = "mlp", .features = 6, .hidden = {9}, .outputs = 1};
  const dense::Network network(spec);
  const Dataset data = test::make_data(Head::sigmoid, 40, 6, 1, 311);
  const ParameterVector global = test::random_parameters(network, 312, 0.5);
  const ParameterVector previous = test::random_parameters(network, 313, 0.5);
  const std::vector<std::int32_t> order = permutations(40, 2);
  std::vector<TrainingResult> results;
  for (const double mu : {0.0, 3.0}) {
    TrainingPlan plan;
    plan.batch = 8;
    plan.epochs = 2;
    plan.schedule.rate = 0.1;
    plan.own.kind = OwnModel::Kind::mixture;
    plan.contrast = {.weight = mu, .temperature = 0.5};
    TrainingTask task = task_of(data, global, plan);
    task.given_order = order;
    task.previous = &previous;
    task.own_share = 1;  // the mixture is the own model: nothing of the shared one is in it
    results.push_back(run(network, task));
  }
  CHECK(results[0].own.compact() == results[1].own.compact());
  CHECK(results[0].delta.compact() != results[1].delta.compact());
}
