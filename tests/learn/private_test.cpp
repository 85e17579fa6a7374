// System: DP-SGD of the dense models. Input: networks of every head and depth, rows of two chunks.
// Expectation: cut gradients are those of an independent computation that takes every row's
// gradient by itself, coins and noise have the law that epsilon is computed for, and without noise
// and cut nothing is left but SGD over the rows that the coins take.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/math.hpp"
#include "learn/loader.hpp"
#include "learn/trainer.hpp"
#include "support.hpp"

using namespace polyclinic;

namespace {

struct Case {
  dense::Head head = dense::Head::sigmoid;
  std::vector<std::int32_t> hidden;
  dense::Activation activation = dense::Activation::relu;
  dense::Norm norm = dense::Norm::none;
  std::int64_t groups = 1;
};

std::vector<Case> cases() {
  using dense::Activation;
  using dense::Head;
  return {{Head::sigmoid, {}, Activation::relu},
          {Head::squared, {}, Activation::relu},
          {Head::softmax, {}, Activation::relu},
          {Head::poisson, {6}, Activation::tanh},
          {Head::sigmoid, {12, 7}, Activation::relu},
          {Head::softmax, {5}, Activation::gelu},
          {Head::sigmoid, {12, 7}, Activation::relu, dense::Norm::layer},
          {Head::squared, {12, 20}, Activation::tanh, dense::Norm::group, 4}};
}

dense::Network network_of(const Case& c, double l2 = 0) {
  dense::NetworkSpec spec{.name = "mlp", .features = 10, .hidden = c.hidden, .outputs = 1};
  spec.head = c.head;
  spec.activation = c.activation;
  spec.norm = c.norm;
  spec.groups = c.groups;
  spec.outputs = c.head == dense::Head::softmax ? 3 : 1;
  spec.l2 = l2;
  return dense::Network(spec);
}

// One step over all rows, or over those that coins take; the rate is 1.
TrainingPlan one_step(double clip, double noise, std::int64_t batch = 0) {
  TrainingPlan plan;
  plan.batch = batch;
  plan.steps = 1;
  plan.schedule.rate = 1;
  plan.privacy.clip = clip;
  plan.privacy.noise = noise;
  return plan;
}

TrainingResult run(const dense::Network& network, const Dataset& data, const ParameterVector& p,
                   const TrainingPlan& plan, const dense::Kernels& kernels,
                   std::int64_t round = 0) {
  const auto work = network.make_workspace(kernels);
  TrainingTask task;
  task.data = &data;
  task.global = &p;
  task.plan = &plan;
  task.run = make_run_key(3, 0);
  task.entity = 5;
  task.round = round;
  return train(network, task, *work);
}

Dataset row_of(const Dataset& data, std::int64_t row) {
  Dataset one;
  one.rows = 1;
  one.columns = data.columns;
  const auto at = static_cast<std::ptrdiff_t>(row * data.columns);
  one.x.assign(data.x.begin() + at, data.x.begin() + at + data.columns);
  one.label = {data.label[static_cast<std::size_t>(row)]};
  return one;
}

// Every row's gradient by itself, in double, by central differences of the plain formulas.
std::vector<std::vector<double>> gradients_by_row(const dense::Network& network,
                                                  const Dataset& data, const ParameterVector& p) {
  const std::vector<float> compact = p.compact();
  std::vector<double> exact(compact.begin(), compact.end());
  const test::Reference reference(network);
  std::vector<std::vector<double>> rows;
  constexpr double h = 1e-5;
  for (std::int64_t row = 0; row < data.rows; ++row) {
    const Dataset one = row_of(data, row);
    std::vector<double> slope(exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double at = exact[i];
      exact[i] = at + h;
      const double above = reference.loss(exact, one);
      exact[i] = at - h;
      slope[i] = (above - reference.loss(exact, one)) / (2 * h);
      exact[i] = at;
    }
    rows.push_back(std::move(slope));
  }
  return rows;
}

double norm_of(const std::vector<double>& v) {
  double squares = 0;
  for (const double x : v) squares += x * x;
  return std::sqrt(squares);
}

// RFC 8439, sections 2.1 to 2.3, word by word.
std::array<std::uint32_t, 16> chacha_block(std::array<std::uint32_t, 16> state) {
  const std::array<std::uint32_t, 16> start = state;
  const auto turn = [](std::uint32_t x, int bits) { return (x << bits) | (x >> (32 - bits)); };
  const auto quarter = [&](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    state[a] += state[b];
    state[d] = turn(state[d] ^ state[a], 16);
    state[c] += state[d];
    state[b] = turn(state[b] ^ state[c], 12);
    state[a] += state[b];
    state[d] = turn(state[d] ^ state[a], 8);
    state[c] += state[d];
    state[b] = turn(state[b] ^ state[c], 7);
  };
  for (int i = 0; i < 10; ++i) {
    for (std::size_t j = 0; j < 4; ++j) quarter(j, 4 + j, 8 + j, 12 + j);
    for (std::size_t j = 0; j < 4; ++j) {
      quarter(j, 4 + (j + 1) % 4, 8 + (j + 2) % 4, 12 + (j + 3) % 4);
    }
  }
  for (std::size_t i = 0; i < 16; ++i) state[i] += start[i];
  return state;
}

}  // namespace

TEST_CASE("cut gradients are the sum of rows' gradients that were cut one by one") {
  std::uint64_t entity = 40;
  for (const Case& c : cases()) {
    const dense::Network network = network_of(c);
    const Dataset data = test::make_data(c.head, 70, 10, 3, ++entity);
    const ParameterVector p = test::random_parameters(network, entity, 0.4);
    const auto rows = gradients_by_row(network, data, p);
    std::vector<double> norms;
    for (const auto& row : rows) norms.push_back(norm_of(row));
    std::nth_element(norms.begin(), norms.begin() + 35, norms.end());
    const double clip = norms[35];  // half of the rows are cut
    REQUIRE(clip > 0);
    std::vector<double> mean(rows.front().size(), 0.0);
    for (const auto& row : rows) {
      const double factor = std::min(1.0, clip / norm_of(row));
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += factor * row[i] / 70;
    }
    for (const dense::Kernels* k : test::all_kernels()) {
      CAPTURE(std::string(k->name));
      CAPTURE(static_cast<int>(c.head));
      const std::vector<float> delta = run(network, data, p, one_step(clip, 0), *k).delta.compact();
      // each cut row is at most clip long: the margin of 2^-16 below the bound and a few dozen
      // roundings of 6e-8 through three layers, 3e-5 of clip together; delta itself is the
      // difference of parameters of size about 1, which were rounded at 6e-8
      double worst = 0;
      for (std::size_t i = 0; i < mean.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(delta[i]) + mean[i]));
      }
      CHECK(worst < 3e-5 * clip + 2e-7);
      // had nothing been cut, it would be another vector by far
      const std::vector<float> uncut = run(network, data, p, one_step(1e6, 0), *k).delta.compact();
      double apart = 0;
      for (std::size_t i = 0; i < mean.size(); ++i) {
        apart = std::max(apart, std::fabs(static_cast<double>(uncut[i]) + mean[i]));
      }
      CHECK(apart > 1e-3 * clip);
    }
  }
}

TEST_CASE("a lone row moves the model by no more than clip, however far out it lies") {
  const dense::Network network = network_of({dense::Head::squared, {12, 7}});
  const ParameterVector p = test::random_parameters(network, 3, 0.4);
  for (const float factor : {1.0F, 1e3F, 1e6F, 1e12F}) {
    Dataset one = row_of(test::make_data(dense::Head::squared, 4, 10, 1, 9), 2);
    for (float& x : one.x) x *= factor;
    one.label[0] = 50;
    for (const dense::Kernels* k : test::all_kernels()) {
      const std::vector<float> delta = run(network, one, p, one_step(0.25, 0), *k).delta.compact();
      const std::vector<double> wide(delta.begin(), delta.end());
      // rounding of the parameters: 200 of them, 6e-8 each
      CHECK(norm_of(wide) <= 0.25 + 1e-6);
      if (factor < 1e10F) CHECK(norm_of(wide) > 0.2499);
    }
  }
}

TEST_CASE("a row whose gradient is no number counts as nothing") {
  const dense::Network network = network_of({dense::Head::sigmoid, {12, 7}});
  const ParameterVector p = test::random_parameters(network, 4, 0.4);
  Dataset data = test::make_data(dense::Head::sigmoid, 70, 10, 1, 11);
  Dataset without = data;
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    data.x[static_cast<std::size_t>(66 * 10 + 3)] = bad;
    without.x.resize(660);
    without.label.resize(66);
    without.rows = 66;
    Dataset rest = data;
    rest.x.erase(rest.x.begin(), rest.x.begin() + 670);
    rest.label.erase(rest.label.begin(), rest.label.begin() + 67);
    rest.rows = 3;
    for (const dense::Kernels* k : test::all_kernels()) {
      const std::vector<float> all = run(network, data, p, one_step(0.5, 0), *k).delta.compact();
      const std::vector<float> a = run(network, without, p, one_step(0.5, 0), *k).delta.compact();
      const std::vector<float> b = run(network, rest, p, one_step(0.5, 0), *k).delta.compact();
      for (std::size_t i = 0; i < all.size(); ++i) {
        const double expected =
            (66.0 * static_cast<double>(a[i]) + 3.0 * static_cast<double>(b[i])) / 70;
        CHECK(static_cast<double>(all[i]) ==
              doctest::Approx(expected).epsilon(0).scale(1).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("without noise and cut, private steps are steps over the rows that the coins take") {
  const dense::Network network = network_of({dense::Head::sigmoid, {12, 7}}, 0.05);
  const Dataset data = test::make_data(dense::Head::sigmoid, 200, 10, 1, 21);
  const ParameterVector p = test::random_parameters(network, 5, 0.4);
  TrainingPlan plan = one_step(1e6, 0, 40);
  plan.steps = 5;
  plan.schedule.rate = 0.3;
  for (const dense::Kernels* k : test::all_kernels()) {
    const auto work = network.make_workspace(*k);
    TrainingTask task;
    task.data = &data;
    task.global = &p;
    task.plan = &plan;
    task.run = make_run_key(3, 0);
    task.entity = 5;
    std::vector<std::int32_t> scratch;
    PoissonLoader coins(task, scratch);
    ParameterVector w = p;
    std::int64_t visited = 0;
    for (std::int64_t step = 0; step < 5; ++step) {
      const auto rows = coins.at(step);
      visited += static_cast<std::int64_t>(rows.size());
      ParameterVector gradient;
      network.loss(w, data, rows, &gradient, *work);
      // the loss is a mean over the rows taken, and the penalty's slope comes once: l2 w over the
      // weights, none over biases
      ParameterVector penalty(network.layout());
      for (const dense::Layer& layer : network.layers()) {
        const auto from = w.slice(layer.weight_slice);
        auto to = penalty.slice(layer.weight_slice);
        for (std::size_t i = 0; i < from.size(); ++i) to[i] = 0.05F * from[i];
      }
      const auto share = static_cast<float>(rows.size()) / 40.0F;
      gradient.add_scaled(penalty, -1.0F);
      w.add_scaled(gradient, -0.3F * share);
      w.add_scaled(penalty, -0.3F);
    }
    const TrainingResult result = run(network, data, p, plan, *k);
    CHECK(result.rows_visited == visited);
    CHECK(result.steps == 5);
    const std::vector<float> delta = result.delta.compact();
    const std::vector<float> end = w.compact();
    const std::vector<float> start = p.compact();
    for (std::size_t i = 0; i < delta.size(); ++i) {
      // five steps of size .3, each with roundings of a few 1e-7
      CHECK(std::fabs(delta[i] - (end[i] - start[i])) < 2e-6F);
    }
  }
}

TEST_CASE("every optimiser takes private gradients") {
  const dense::Network network = network_of({dense::Head::softmax, {5}, dense::Activation::gelu});
  const Dataset data = test::make_data(dense::Head::softmax, 90, 10, 3, 23);
  const ParameterVector p = test::random_parameters(network, 6, 0.4);
  using Optimizer = TrainingPlan::Optimizer;
  for (const auto optimizer :
       {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    for (const dense::Kernels* k : test::all_kernels()) {
      // all rows in every step: the same gradients with privacy that cuts nothing as without it
      TrainingPlan plan = one_step(0, 0);
      plan.optimizer = optimizer;
      plan.steps = 6;
      plan.schedule.rate = 0.02;
      const std::vector<float> plain = run(network, data, p, plan, *k).delta.compact();
      plan.privacy.clip = 1e6;
      const std::vector<float> cut = run(network, data, p, plan, *k).delta.compact();
      // Adam divides by the root of tiny squares: roundings of 1e-7 come out larger there
      for (std::size_t i = 0; i < plain.size(); ++i) CHECK(std::fabs(plain[i] - cut[i]) < 2e-4F);
      plan.privacy = {.clip = 0.5, .noise = 2};
      const std::vector<float> noisy = run(network, data, p, plan, *k).delta.compact();
      double apart = 0;
      for (std::size_t i = 0; i < plain.size(); ++i) {
        apart = std::max(apart,
                         std::fabs(static_cast<double>(noisy[i]) - static_cast<double>(plain[i])));
      }
      CHECK(apart > 1e-3);
    }
  }
}

TEST_CASE("coins take every row with probability q, one by one and step by step") {
  Dataset data;
  data.rows = 1000;
  TrainingPlan plan = one_step(1, 1, 50);
  TrainingTask task;
  task.data = &data;
  task.plan = &plan;
  task.run = make_run_key(8, 0);
  task.entity = 2;
  std::vector<std::int32_t> scratch;
  PoissonLoader coins(task, scratch);
  CHECK(coins.rate() == 0.05);
  constexpr int kSteps = 8000;
  std::vector<int> taken(1000, 0);
  std::vector<std::int32_t> before;
  double sum = 0;
  double squares = 0;
  double again = 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto rows = coins.at(step);
    REQUIRE(std::is_sorted(rows.begin(), rows.end()));
    REQUIRE(std::adjacent_find(rows.begin(), rows.end()) == rows.end());
    for (const std::int32_t row : rows) ++taken.at(static_cast<std::size_t>(row));
    std::vector<std::int32_t> common;
    std::set_intersection(before.begin(), before.end(), rows.begin(), rows.end(),
                          std::back_inserter(common));
    again += static_cast<double>(common.size());
    before.assign(rows.begin(), rows.end());
    const auto n = static_cast<double>(rows.size());
    sum += n;
    squares += n * n;
  }
  // batch sizes are binomial(1000, .05): mean 50, variance 47.5; five standard errors each
  const double mean = sum / kSteps;
  const double variance = squares / kSteps - mean * mean;
  CHECK(std::fabs(mean - 50) < 5 * std::sqrt(47.5 / kSteps));
  CHECK(std::fabs(variance - 47.5) < 5 * 47.5 * std::sqrt(2.0 / kSteps));
  // rows in common with the step before: 1000 q^2 = 2.5 in the mean, variance below 2.5
  CHECK(std::fabs(again / kSteps - 2.5) < 5 * std::sqrt(2.5 / kSteps));
  // chi-square over rows: 1000 cells of variance 8000 q (1 - q) = 380; mean 1000, deviation 44.7
  double chi = 0;
  for (const int count : taken) chi += (count - 400.0) * (count - 400.0) / 380;
  CHECK(std::fabs(chi - 1000) < 5 * 44.7);

  plan.batch = 0;
  PoissonLoader all(task, scratch);
  CHECK(all.rate() == 1);
  CHECK(all.at(3).size() == 1000);
}

TEST_CASE("noise comes from ChaCha20 at its address") {
  // RFC 8439, section 2.3.2
  std::array<std::uint32_t, 16> state{0x61707865, 0x3320646E, 0x79622D32, 0x6B206574,
                                      0x03020100, 0x07060504, 0x0B0A0908, 0x0F0E0D0C,
                                      0x13121110, 0x17161514, 0x1B1A1918, 0x1F1E1D1C,
                                      1,          0x09000000, 0x4A000000, 0};
  const std::array<std::uint32_t, 16> published = chacha_block(state);
  CHECK(published[0] == 0xE4E7F110);
  CHECK(published[1] == 0x15593BD1);
  CHECK(published[15] == 0x4E3C50A2);

  const dense::SecretAddress at{
      .key = {0x0706050403020100, 0x0F0E0D0C0B0A0908, 0x1716151413121110, 0x1F1E1D1C1B1A1918},
      .nonce = 0x4A00000012345678};
  for (const dense::Kernels* k : test::all_kernels()) {
    for (const std::uint32_t group : {0U, 7U}) {
      std::vector<std::uint32_t> words(dense::kNoiseGroup);
      k->secret_words(at, group, words.data());
      for (std::uint32_t block = 0; block < 16; ++block) {
        state[12] = 16 * group + block;
        state[13] = 0;
        state[14] = 0x12345678;
        state[15] = 0x4A000000;
        const auto expected = chacha_block(state);
        for (std::size_t w = 0; w < 16; ++w) CHECK(words[16 * w + block] == expected[w]);
      }
    }
  }
}

TEST_CASE("noise is normal") {
  constexpr std::int64_t n = 400 * dense::kNoiseGroup;
  std::vector<float> first;
  for (const dense::Kernels* k : test::all_kernels()) {
    CAPTURE(std::string(k->name));
    std::vector<float> z(n);
    k->normals({.key = {1, 2, 3, 4}, .nonce = 5}, n, z.data());
    // Kolmogorov and Smirnov: the one per cent point of sqrt(n) D is 1.63
    std::vector<float> sorted = z;
    std::sort(sorted.begin(), sorted.end());
    double distance = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const double cdf = 0.5 * std::erfc(-static_cast<double>(sorted[i]) / std::sqrt(2.0));
      distance = std::max({distance, std::fabs(cdf - static_cast<double>(i) / n),
                           std::fabs(cdf - static_cast<double>(i + 1) / n)});
    }
    CHECK(distance * std::sqrt(static_cast<double>(n)) < 1.63);
    // moments within five standard errors; products of numbers of one pair and of neighbours
    double sum = 0;
    double squares = 0;
    double fourth = 0;
    double pair = 0;
    double neighbour = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const auto x = static_cast<double>(z[i]);
      sum += x;
      squares += x * x;
      fourth += x * x * x * x;
      if (i % 256 < 128) pair += x * static_cast<double>(z[i + 128]);
      if (i > 0) neighbour += x * static_cast<double>(z[i - 1]);
    }
    const double root = std::sqrt(static_cast<double>(n));
    CHECK(std::fabs(sum) < 5 * root);
    CHECK(std::fabs(squares - n) < 5 * std::sqrt(2.0) * root);
    CHECK(std::fabs(fourth - 3.0 * n) < 5 * std::sqrt(96.0) * root);
    CHECK(std::fabs(pair) < 5 * root);
    CHECK(std::fabs(neighbour) < 5 * root);
    // the same numbers whatever the instruction set, up to the last bits; other places, others
    if (first.empty()) first = z;
    for (std::size_t i = 0; i < z.size(); ++i) REQUIRE(std::fabs(z[i] - first[i]) < 2e-6F);
    k->normals({.key = {1, 2, 3, 4}, .nonce = 6}, n, z.data());
    double same = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      same += static_cast<double>(z[i]) * static_cast<double>(first[i]);
    }
    CHECK(std::fabs(same) < 5 * root);
  }
}

TEST_CASE("what is released has noise of deviation noise x clip / expected, whatever is taken") {
  dense::NetworkSpec spec{.name = "mlp", .features = 40, .hidden = {60, 30}, .outputs = 1};
  const dense::Network network(spec);
  const Dataset data = test::make_data(dense::Head::sigmoid, 400, 40, 1, 31);
  const ParameterVector p = test::random_parameters(network, 7, 0.2);
  for (const std::int64_t batch : {std::int64_t{2}, std::int64_t{100}}) {
    for (const dense::Kernels* k : test::all_kernels()) {
      double squares = 0;
      double n = 0;
      for (std::int64_t round = 0; round < 8; ++round) {
        const auto clear =
            run(network, data, p, one_step(0.5, 0, batch), *k, round).delta.compact();
        const auto noisy =
            run(network, data, p, one_step(0.5, 3, batch), *k, round).delta.compact();
        for (std::size_t i = 0; i < clear.size(); ++i) {
          const double x = static_cast<double>(noisy[i]) - static_cast<double>(clear[i]);
          squares += x * x;
          n += 1;
        }
      }
      // variance of some 35,000 normals: standard error sqrt(2 / n) = .8 per cent
      const double sd = 3 * 0.5 / static_cast<double>(batch);
      CHECK(std::fabs(squares / n / (sd * sd) - 1) < 5 * std::sqrt(2 / n));
    }
  }
}

TEST_CASE("noise touches no number that is not a parameter, and a step is its address alone") {
  const Case c{dense::Head::softmax, {5}, dense::Activation::tanh};
  const dense::Network network = network_of(c);
  const Dataset data = test::make_data(c.head, 90, 10, 3, 33);
  const ParameterVector p = test::random_parameters(network, 8, 0.4);
  TrainingPlan plan = one_step(1, 5, 30);
  plan.steps = 4;
  for (const dense::Kernels* k : test::all_kernels()) {
    const auto work = network.make_workspace(*k);
    TrainingTask task;
    task.data = &data;
    task.global = &p;
    task.plan = &plan;
    task.run = make_run_key(3, 0);
    task.entity = 5;
    const auto once = train(network, task, *work).delta.compact();
    // what noise had left in the padding would enter the next loss
    const auto rows = test::all_rows(data);
    const auto fresh = network.make_workspace(*k);
    CHECK(network.loss(p, data, rows, nullptr, *work) ==
          network.loss(p, data, rows, nullptr, *fresh));
    CHECK(train(network, task, *work).delta.compact() == once);
    CHECK(train(network, task, *fresh).delta.compact() == once);
    task.round = 1;
    CHECK(train(network, task, *work).delta.compact() != once);
    task.round = 0;
    task.entity = 6;
    CHECK(train(network, task, *work).delta.compact() != once);
  }
}

TEST_CASE("a private training has as many steps as any, and the visits that are expected") {
  TrainingPlan plan = one_step(1, 1, 32);
  plan.steps = 0;
  plan.epochs = 3;
  // 100 rows in batches of 32: four steps in an epoch
  CHECK(extent(plan, 100).steps == 12);
  CHECK(extent(plan, 100).rows_visited == 12 * 32);
  CHECK(sampling_rate(plan, 100) == 0.32);
  CHECK(sampling_rate(plan, 20) == 1);
  CHECK(extent(plan, 20).steps == 3);
  CHECK(extent(plan, 0).steps == 0);
}
