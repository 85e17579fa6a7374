// System: models of a hospital's own that are trained in the steps of the shared one. Expectation:
// pFedMe and APFL do what their papers write down (an independent implementation in double), end in
// the fixed points of a quadratic, and are federated averaging or training alone at their limits.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// As in state_test.cpp: 3 * 2.4e-7 / .02 bounds what rounding leaves in the parameters.
constexpr double kRounding = 3.6e-5;
constexpr double kRate = 0.15;

Fields base(std::int64_t rounds, double epochs, Value batch = Value(All{})) {
  return {{"rounds", rounds},
          {"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
          {"deadline", Value(None{})},
          {"training",
           part("training", "sgd", {{"rate", kRate}, {"epochs", epochs}, {"batch", batch}})},
          {"aggregation", part("aggregation", "mean", {{"weights", "equal"}, {"max_share", 1.0}})},
          {"measure", part("measure", "", {{"every", "end"}, {"train", list({Value("rmse")})}})}};
}
Fields with(Fields fields, const Fields& more) {
  for (const auto& [name, value] : more) {
    std::erase_if(fields, [&n = name](const auto& field) { return field.first == n; });
    fields.emplace_back(name, value);
  }
  return fields;
}
Part envelope(double lambda, std::int64_t inner, double rate) {
  return part("personal", "envelope", {{"lambda", lambda}, {"inner", inner}, {"rate", rate}});
}
Part mixture(double alpha, bool adapt = false) {
  return part("personal", "mixture", {{"alpha", alpha}, {"adapt", adapt}});
}

double train_rmse(const RunResult& result, std::size_t hospital) {
  for (const auto& [name, value] : result.federated.hospitals.at(hospital).metrics) {
    if (name == "train_rmse" && value.value) return *value.value;
  }
  return -1;
}

struct Models {
  Point shared{};
  std::vector<Point> own;
};

using Counted = std::vector<std::vector<std::size_t>>;

// Dinh, Tran, Nguyen 2020, Algorithm 1, with all rows in every batch.
Models paper_pfedme(const std::vector<QuadraticSite>& sites, const Counted& counted, int steps,
                    double lambda, int inner, double eta, double beta) {
  Models m;
  m.own.resize(sites.size());
  for (const auto& round : counted) {
    Point mean{};
    for (const std::size_t k : round) {
      Point w = m.shared;
      Point theta = w;
      for (int r = 0; r < steps; ++r) {
        for (int i = 0; i < inner; ++i) {
          const Point g = sites[k].gradient(theta);
          for (std::size_t j = 0; j < 3; ++j) {
            theta[j] -= kRate * (g[j] + lambda * (theta[j] - w[j]));
          }
        }
        for (std::size_t j = 0; j < 3; ++j) w[j] -= eta * lambda * (w[j] - theta[j]);
      }
      m.own[k] = theta;
      for (std::size_t j = 0; j < 3; ++j) mean[j] += w[j] / static_cast<double>(round.size());
    }
    for (std::size_t j = 0; j < 3; ++j) {
      m.shared[j] = (1 - beta) * m.shared[j] + beta * mean[j];
    }
  }
  return m;
}

// Deng, Kamani, Mahdavi 2020, Algorithm 1, all rows in every batch; what hospitals are scored with.
Models paper_apfl(const std::vector<QuadraticSite>& sites, const Counted& counted, int steps,
                  double alpha, bool adapt) {
  Models m;
  m.own.resize(sites.size());
  std::vector<Point> v(sites.size(), Point{});
  std::vector<double> share(sites.size(), alpha);
  std::vector<bool> begun(sites.size(), false);
  for (const auto& round : counted) {
    Point mean{};
    for (const std::size_t k : round) {
      Point w = m.shared;
      if (!begun[k]) v[k] = w;
      begun[k] = true;
      for (int s = 0; s < steps; ++s) {
        Point mixed{};
        for (std::size_t j = 0; j < 3; ++j) mixed[j] = share[k] * v[k][j] + (1 - share[k]) * w[j];
        const Point g = sites[k].gradient(w);
        const Point h = sites[k].gradient(mixed);
        double slope = 0;
        for (std::size_t j = 0; j < 3; ++j) {
          slope += (v[k][j] - w[j]) * h[j];
          w[j] -= kRate * g[j];
          v[k][j] -= kRate * share[k] * h[j];
        }
        if (adapt && s == 0) share[k] = std::min(1.0, std::max(0.0, share[k] - kRate * slope));
      }
      for (std::size_t j = 0; j < 3; ++j) mean[j] += w[j] / static_cast<double>(round.size());
    }
    m.shared = mean;
  }
  for (std::size_t k = 0; k < sites.size(); ++k) {
    if (!begun[k]) share[k] = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      m.own[k][j] = share[k] * v[k][j] + (1 - share[k]) * m.shared[j];
    }
  }
  return m;
}

struct Seen {
  RunResult result;
  Counted counted;
};
Seen observe(const QuadraticTable& table, const Fields& fields) {
  Participation participation;
  RunOptions options;
  options.observers.push_back(&participation);
  Seen seen;
  seen.result = run(table.world(fields), std::move(options));
  for (const auto& round : participation.rounds) seen.counted.push_back(round.counted);
  return seen;
}

void check(const Seen& seen, const std::vector<QuadraticSite>& sites, const Models& expected) {
  CHECK(distance(final_point(seen.result), expected.shared) < kRounding);
  for (std::size_t k = 0; k < sites.size(); ++k) {
    // features are at most 1.5
    CHECK(std::fabs(train_rmse(seen.result, k) - rmse(sites[k], expected.own[k])) < 3 * kRounding);
  }
}

// The least of F(v) + lambda/2 |v - w|^2: (2/n X^T X + lambda) v = 2/n X^T y + lambda w.
Point proximal_point(const QuadraticSite& site, const Point& w, double lambda) {
  double a[3][4] = {};
  const double share = 2.0 / static_cast<double>(site.rows.size());
  for (const auto& row : site.rows) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 4; ++j) a[i][j] += share * row[i] * row[j];
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    a[i][i] += lambda;
    a[i][3] += lambda * w[i];
  }
  for (int i = 0; i < 3; ++i) {
    for (int r = 0; r < 3; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (int j = 0; j < 4; ++j) a[r][j] -= factor * a[i][j];
    }
  }
  return {a[0][3] / a[0][0], a[1][3] / a[1][1], a[2][3] / a[2][2]};
}

TEST_CASE("pfedme does what its paper writes down, whoever takes part") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const bool sampled : {false, true}) {
    for (const double beta : {1.0, 0.5}) {
      CAPTURE(sampled);
      CAPTURE(beta);
      const Seen seen = observe(
          table,
          with(base(25, 4), {{"personal", envelope(2, 3, 0.2)},
                             {"server", part("server", "sgd", {{"rate", beta}})},
                             {"participants", sampled ? Value(std::int64_t{3}) : Value(All{})}}));
      check(seen, sites, paper_pfedme(sites, seen.counted, 4, 2, 3, 0.2, beta));
    }
  }
}

TEST_CASE("pfedme ends where the mean of the envelopes is least, with the proximal points") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const double lambda = 2;
  // one step of the shared model in a round does not drift; forty inner ones find the
  // proximal point: each shrinks the error to 1 - .15 * 2 = .7 of it at most, .7^40 = 6e-7
  const Seen seen = observe(table, with(base(400, 1), {{"personal", envelope(lambda, 40, 0.2)}}));
  const Point w = final_point(seen.result);
  Point slope{};
  for (const auto& site : sites) {
    const Point v = proximal_point(site, w, lambda);
    for (std::size_t j = 0; j < 3; ++j) slope[j] += lambda * (w[j] - v[j]) / 4;
  }
  CHECK(distance(slope, Point{}) < kRounding);
  for (std::size_t k = 0; k < sites.size(); ++k) {
    const Point v = proximal_point(sites[k], w, lambda);
    CHECK(std::fabs(train_rmse(seen.result, k) - rmse(sites[k], v)) < 3 * kRounding);
    CHECK(rmse(sites[k], v) < rmse(sites[k], w));
  }
}

TEST_CASE("apfl does what its paper writes down, with a fixed share and with its own") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const bool sampled : {false, true}) {
    for (const bool adapt : {false, true}) {
      for (const double alpha : {0.25, 0.75}) {
        CAPTURE(sampled);
        CAPTURE(adapt);
        CAPTURE(alpha);
        const Seen seen = observe(
            table,
            with(base(25, 3), {{"personal", mixture(alpha, adapt)},
                               {"participants", sampled ? Value(std::int64_t{2}) : Value(All{})}}));
        check(seen, sites, paper_apfl(sites, seen.counted, 3, alpha, adapt));
      }
    }
  }
}

TEST_CASE("apfl with a share of 0 is federated averaging to the bit, with 1 training alone") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Fields plain = base(20, 2, Value(std::int64_t{8}));
  const RunResult fedavg = run(table.world(plain));
  const RunResult none = run(table.world(with(plain, {{"personal", mixture(0)}})));
  CHECK(none.final_parameters == fedavg.final_parameters);
  const RunResult half = run(table.world(with(plain, {{"personal", mixture(0.5)}})));
  CHECK(half.final_parameters == fedavg.final_parameters);
  for (std::size_t k = 0; k < sites.size(); ++k) {
    CHECK(train_rmse(none, k) == train_rmse(fedavg, k));
    CHECK(train_rmse(half, k) < train_rmse(fedavg, k));
  }
  const RunResult alone = run(table.world(with(base(20, 3), {{"personal", mixture(1)}})));
  for (std::size_t k = 0; k < sites.size(); ++k) {
    Point v{};
    for (int s = 0; s < 60; ++s) {
      const Point g = sites[k].gradient(v);
      for (std::size_t j = 0; j < 3; ++j) v[j] -= kRate * g[j];
    }
    CHECK(std::fabs(train_rmse(alone, k) - rmse(sites[k], v)) < 3 * kRounding);
  }
}

TEST_CASE("models in the same steps do not depend on threads, nor on how often they are seen") {
  const QuadraticTable table(mixed_sites());
  for (const Part& own : {envelope(2, 3, 0.2), mixture(0.5, true)}) {
    const auto measured = [&](const Value& every, int threads) {
      RunOptions options;
      options.threads = threads;
      const RunResult result =
          run(table.world(with(
                  base(12, 2, Value(std::int64_t{8})),
                  {{"personal", own},
                   {"participants", std::int64_t{2}},
                   {"measure",
                    part("measure", "", {{"every", every}, {"train", list({Value("rmse")})}})}})),
              std::move(options));
      std::vector<double> values;
      for (std::size_t k = 0; k < 4; ++k) values.push_back(train_rmse(result, k));
      for (const float w : result.final_parameters) values.push_back(static_cast<double>(w));
      return values;
    };
    const std::vector<double> one = measured(Value("end"), 1);
    CHECK(measured(Value("end"), 3) == one);
    CHECK(measured(Value(std::int64_t{1}), 2) == one);
  }
}

TEST_CASE("what is computed besides takes its time on the clock, and nothing more travels") {
  const QuadraticTable table(mixed_sites());
  const auto busy = [&](const Fields& more) {
    const RunResult result = run(table.world(with(base(3, 2), more)));
    CHECK(result.bytes_up == 4 * 3 * (1000 + 12));
    return result.hospitals.at(0).busy.seconds();
  };
  const double plain = busy({});
  // whole nanoseconds of three trainings
  CHECK(busy({{"personal", mixture(0.5)}}) == doctest::Approx(2 * plain).epsilon(1e-6));
  CHECK(busy({{"personal", envelope(2, 7, 0.1)}}) == doctest::Approx(7 * plain).epsilon(1e-6));
}

}  // namespace
}  // namespace polyclinic
