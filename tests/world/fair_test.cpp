// System: strategies by the losses that hospitals tell, on quadratics. Expectation: they do what
// their papers write down (plain loops in double that share nothing with the engine), and reach
// what is known of the problem: the minimax point, and losses that are the more alike the larger q.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// A step rounds parameters of up to 4 by at most 2.4e-7 in each of three coordinates; these runs
// shrink earlier errors by at least .02 a round (a rate of .15 and curvatures of .15 and more): the
// sum is below 3 * 2.4e-7 / .02.
constexpr double kRounding = 3.6e-5;

Part sgd(double rate, std::int64_t steps) {
  return part("training", "sgd", {{"rate", rate}, {"steps", steps}, {"batch", Value(All{})}});
}

Fields calm(std::int64_t rounds, const Part& training, const Part& aggregation) {
  return {{"rounds", rounds},
          {"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
          {"deadline", Value(None{})},
          {"training", training},
          {"aggregation", aggregation}};
}

double loss(const QuadraticSite& site, const Point& w) {
  const double root = rmse(site, w);
  return root * root;
}

Point local(const QuadraticSite& site, Point y, double rate, int steps, double mu = 0) {
  const Point x = y;
  for (int s = 0; s < steps; ++s) {
    const Point g = site.gradient(y);
    for (std::size_t j = 0; j < 3; ++j) y[j] -= rate * (g[j] + mu * (y[j] - x[j]));
  }
  return y;
}

// Li, Sanjabi, Beirami, Smith 2020, Algorithm 2, L = 1 / rate.
Point paper_q_fedavg(const std::vector<QuadraticSite>& sites, const std::vector<double>& p,
                     double q, double rate, int steps, int rounds) {
  Point w{};
  const double L = 1 / rate;
  for (int t = 0; t < rounds; ++t) {
    Point delta{};
    double h = 0;
    for (std::size_t k = 0; k < sites.size(); ++k) {
      const Point y = local(sites[k], w, rate, steps);
      const double f = loss(sites[k], w);
      double square = 0;
      for (std::size_t j = 0; j < 3; ++j) {
        const double dw = L * (w[j] - y[j]);
        delta[j] += p[k] * std::pow(f, q) * dw;
        square += dw * dw;
      }
      h += p[k] * (q * std::pow(f, q - 1) * square + L * std::pow(f, q));
    }
    for (std::size_t j = 0; j < 3; ++j) w[j] -= delta[j] / h;
  }
  return w;
}

// Projection by bisection on what all are lowered by: another way than the engine's.
std::vector<double> onto_simplex(const std::vector<double>& v) {
  double low = -10;
  double high = 10;
  std::vector<double> w(v.size());
  for (int i = 0; i < 200; ++i) {
    const double by = (low + high) / 2;
    double sum = 0;
    for (std::size_t k = 0; k < v.size(); ++k) sum += w[k] = std::max(0.0, v[k] - by);
    (sum > 1 ? low : high) = by;
  }
  return w;
}

// Mohri, Sivek, Suresh 2019, figure 2, local steps in the place of one.
Point paper_afl(const std::vector<QuadraticSite>& sites, double ascent, double rate, int steps,
                int rounds) {
  Point w{};
  std::vector<double> lambda(sites.size(), 1.0 / static_cast<double>(sites.size()));
  for (int t = 0; t < rounds; ++t) {
    Point step{};
    std::vector<double> next = lambda;
    for (std::size_t k = 0; k < sites.size(); ++k) {
      const Point y = local(sites[k], w, rate, steps);
      for (std::size_t j = 0; j < 3; ++j) step[j] += lambda[k] * (y[j] - w[j]);
      next[k] += ascent * loss(sites[k], w);
    }
    for (std::size_t j = 0; j < 3; ++j) w[j] += step[j];
    lambda = onto_simplex(next);
  }
  return w;
}

std::vector<double> size_shares(const std::vector<QuadraticSite>& sites) {
  std::vector<double> p;
  double sum = 0;
  for (const auto& site : sites) sum += static_cast<double>(site.rows.size());
  for (const auto& site : sites) p.push_back(static_cast<double>(site.rows.size()) / sum);
  return p;
}

Part q_fair(double q, const char* weights = "size") {
  return part("aggregation", "q_fair", {{"q", q}, {"weights", weights}, {"max_share", 1.0}});
}
Part agnostic(double rate) {
  return part("aggregation", "agnostic", {{"rate", rate}});
}

TEST_CASE("q_fedavg and afl do what their papers write down") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const int steps : {1, 4}) {
    CAPTURE(steps);
    for (const double q : {0.0, 0.5, 2.0}) {
      CAPTURE(q);
      const Point found = final_point(run(table.world(calm(25, sgd(0.15, steps), q_fair(q)))));
      const Point expected = paper_q_fedavg(sites, size_shares(sites), q, 0.15, steps, 25);
      CHECK(distance(found, expected) < kRounding);
    }
    const Point found = final_point(run(table.world(calm(25, sgd(0.15, steps), agnostic(0.05)))));
    CHECK(distance(found, paper_afl(sites, 0.05, 0.15, steps, 25)) < kRounding);
  }
}

// Two hospitals whose rows say nothing but an outcome: F_A(b) = b^2, F_B(b) = (b - 1)^2 + 1/4. A
// has three times the rows.
std::vector<QuadraticSite> two_sites() {
  std::vector<QuadraticSite> sites(2);
  for (int i = 0; i < 24; ++i) sites[0].rows.push_back({0, 0, 1, 0});
  for (int i = 0; i < 8; ++i) sites[1].rows.push_back({0, 0, 1, i % 2 == 0 ? 0.5 : 1.5});
  return sites;
}

TEST_CASE("afl finds the model that is best for the worst of two hospitals, and their mixture") {
  const auto sites = two_sites();
  const QuadraticTable table(sites);
  // the losses are equal where b^2 = (b - 1)^2 + 1/4, at b = 5/8, between the two minima: neither
  // can become smaller without the other becoming larger, so this is the minimax point. Its mixture
  // makes the mean loss flat there: lambda_A b = lambda_B (1 - b), lambda_B = b.
  const double best = 0.625;
  const RunResult result = run(table.world(calm(400, sgd(0.1, 1), agnostic(0.1))));
  const double b = final_point(result)[2];
  // descent and ascent near the point, b' = -.2 (b - 5/8) - .2 (l - 5/8), l' = .1 (b - 5/8) (the
  // difference of losses has slope 2, and half of it moves each share), shrink an error by a
  // factor of root(1 - .2 + .02) = .906 a round, and 400 rounds by 1e-17: float rounding is left
  CHECK(b == doctest::Approx(best).epsilon(1e-5));
  // averaging goes to the mean of all rows, 1/4, and treats the small hospital worse
  const Part mean = part("aggregation", "mean", {{"max_share", 1.0}});
  const double averaged = final_point(run(table.world(calm(400, sgd(0.1, 1), mean))))[2];
  CHECK(averaged == doctest::Approx(0.25).epsilon(1e-5));
  const double worst = std::max(loss(sites[0], {0, 0, b}), loss(sites[1], {0, 0, b}));
  CHECK(worst == doctest::Approx(best * best).epsilon(1e-4));
  CHECK(loss(sites[1], {0, 0, averaged}) > 2 * worst);
  // shares that counted, over all rounds: they began equal and spiral in to 5/8, the mean of 400
  // rounds is within (sum of errors, at most .125 / (1 - .906)) / 400 = .0034 of it
  double share = 0;
  for (const HospitalAccount& hospital : result.hospitals) {
    if (hospital.name == "h1") share = hospital.weight;
  }
  CHECK(std::fabs(share - best) < 0.005);
}

TEST_CASE("the larger q, the nearer are the losses of two hospitals, up to the minimax point") {
  const auto sites = two_sites();
  const QuadraticTable table(sites);
  double before = INFINITY;
  for (const double q : {0.0, 1.0, 4.0, 16.0}) {
    CAPTURE(q);
    const double b = final_point(run(table.world(calm(300, sgd(0.1, 1), q_fair(q)))))[2];
    const double a_loss = loss(sites[0], {0, 0, b});
    const double b_loss = loss(sites[1], {0, 0, b});
    // where sum p F^(q+1) is least its slope is 0: 3/4 F_A^q b = 1/4 F_B^q (1 - b). In logarithms
    // the two sides differ by how far the run is from there, times slopes of up to 4 + 8 q;
    // float rounding of b is 6e-8
    const double off = std::log(3 * b / (1 - b)) + q * std::log(a_loss / b_loss);
    CHECK(std::fabs(off) < 1e-5 * (1 + q));
    const double spread = std::fabs(b_loss - a_loss);
    CHECK(spread < before);
    before = spread;
  }
  // at q = 16: 3 b / (1 - b) = (F_B / F_A)^16, so F_B / F_A = 1.105 and the losses differ by .04
  CHECK(before < 0.05);
}

TEST_CASE("a pull that follows the loss is the paper's, one round later") {
  // rates at which averaging overshoots: the loss rises and falls
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const double rate = 0.6;
  const int steps = 6;
  const int rounds = 30;
  Fields fields = calm(rounds, sgd(rate, steps), part("aggregation", "mean", {{"max_share", 1.0}}));
  fields.emplace_back("objective", part("objective", "proximal",
                                        {{"mu", 0.0}, {"adapt", 0.1}, {"falls", std::int64_t{2}}}));
  const RunResult result = run(table.world(fields));

  const std::vector<double> p = size_shares(sites);
  Point w{};
  double mu = 0;
  double most = 0;
  double last = -1;
  int falls = 0;
  int rises = 0;
  for (int t = 0; t < rounds; ++t) {
    Point step{};
    double told = 0;
    for (std::size_t k = 0; k < sites.size(); ++k) {
      const Point y = local(sites[k], w, rate, steps, mu);
      for (std::size_t j = 0; j < 3; ++j) step[j] += p[k] * (y[j] - w[j]);
      told += p[k] * loss(sites[k], w);
    }
    for (std::size_t j = 0; j < 3; ++j) w[j] += step[j];
    if (last >= 0 && told > last) {
      mu += 0.1;
      ++rises;
    }
    falls = last >= 0 && told < last ? falls + 1 : 0;
    if (falls == 2) {
      mu = std::max(0.0, mu - 0.1);
      falls = 0;
    }
    last = told;
    most = std::max(most, mu);
  }
  CHECK(rises > 0);
  CHECK(most > 0);
  CHECK(distance(final_point(result), w) < kRounding);
  bool said = false;
  for (const std::string& remark : result.remarks) {
    said = said || remark.find("by them mu went from 0 to") != std::string::npos;
  }
  CHECK(said);
}

}  // namespace
}  // namespace polyclinic
