// System: strategies whose orders carry state. Expectation: each does what its paper writes down
// (an independent implementation in double), reaches the optimum of a quadratic where federated
// averaging does not, and keeps the state of whoever did not count.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fed/stragglers.hpp"
#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// A step rounds parameters of up to 4 by at most 2.4e-7 in each of three coordinates, and the
// objective, whose least curvature times the rate is at least .02 for these data, shrinks earlier
// errors by that share: 3 * 2.4e-7 / .02 bounds the sum.
constexpr double kRounding = 3.6e-5;

struct Setting {
  std::string name;
  Part objective;
  Part aggregation;
};

Part mean_of(const char* weights) {
  return part("aggregation", "mean", {{"weights", weights}, {"max_share", 1.0}});
}
Part control(const char* update) {
  return part("objective", "control_variates", {{"update", update}});
}
Part dynamic(double alpha) {
  return part("objective", "dynamic", {{"alpha", alpha}});
}
Part sgd(double rate, double epochs, Value batch = Value(All{})) {
  return part("training", "sgd", {{"rate", rate}, {"epochs", epochs}, {"batch", batch}});
}

// Everybody in every round, on time.
Fields calm(std::int64_t rounds) {
  return {{"rounds", rounds},
          {"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
          {"deadline", Value(None{})}};
}
Fields with(Fields fields, const Fields& more) {
  for (const auto& [name, value] : more) {
    std::erase_if(fields, [&n = name](const auto& field) { return field.first == n; });
    fields.emplace_back(name, value);
  }
  return fields;
}

std::vector<double> equal_shares(std::size_t n) {
  return std::vector<double>(n, 1.0 / static_cast<double>(n));
}
std::vector<double> size_shares(const std::vector<QuadraticSite>& sites) {
  std::vector<double> p;
  double sum = 0;
  for (const auto& site : sites) sum += static_cast<double>(site.rows.size());
  for (const auto& site : sites) p.push_back(static_cast<double>(site.rows.size()) / sum);
  return p;
}

struct Observed {
  RunResult result;
  Participation participation;
};

Observed observe(const WorldSpec& spec, int threads = 1) {
  Observed observed;
  RunOptions options;
  options.threads = threads;
  options.observers.push_back(&observed.participation);
  observed.result = run(spec, std::move(options));
  return observed;
}

PaperRun paper_of(const Observed& observed, const std::vector<QuadraticSite>& sites,
                  std::vector<double> p, double rate, int steps) {
  PaperRun paper;
  paper.sites = sites;
  paper.p = std::move(p);
  paper.rate = rate;
  for (const auto& round : observed.participation.rounds) {
    paper.counted.push_back(round.counted);
    paper.steps.emplace_back(sites.size(), steps);
  }
  return paper;
}

TEST_CASE("scaffold and feddyn do what their papers write down, whoever takes part") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const double rate = 0.15;
  for (const char* weights : {"equal", "size"}) {
    const std::vector<double> p =
        std::string(weights) == "equal" ? equal_shares(4) : size_shares(sites);
    for (const bool sampled : {false, true}) {
      const Fields base =
          with(calm(25), {{"training", sgd(rate, 5)},
                          {"aggregation", mean_of(weights)},
                          {"participants", sampled ? Value(std::int64_t{2}) : Value(All{})}});
      for (const char* update : {"difference", "gradient"}) {
        CAPTURE(weights);
        CAPTURE(sampled);
        CAPTURE(update);
        const Observed seen = observe(table.world(with(base, {{"objective", control(update)}})));
        const PaperRun paper = paper_of(seen, sites, p, rate, 5);
        const Point expected = paper_scaffold(paper, std::string(update) == "gradient");
        CHECK(distance(final_point(seen.result), expected) < kRounding);
      }
      const Observed seen = observe(table.world(with(base, {{"objective", dynamic(0.5)}})));
      const PaperRun paper = paper_of(seen, sites, p, rate, 5);
      CHECK(distance(final_point(seen.result), paper_feddyn(paper, 0.5)) < kRounding);
    }
  }
}

TEST_CASE("stragglers' partial work enters a control vector by the steps that were made") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const double rate = 0.15;
  const Part slow = part("stragglers", "random", {{"share", 0.5}, {"epochs_most", 4}});
  const Fields base =
      with(calm(25),
           {{"training", sgd(rate, 5)}, {"stragglers", slow}, {"aggregation", mean_of("equal")}});
  const auto with_epochs_of = [&](PaperRun paper, const Observed& seen) {
    StragglerRule rule;
    rule.share = 0.5;
    rule.epochs_most = 4;
    for (std::size_t t = 0; t < paper.steps.size(); ++t) {
      std::vector<HospitalId> invited;
      for (const std::size_t k : seen.participation.rounds[t].invited) {
        invited.push_back(HospitalId{static_cast<std::uint32_t>(k)});
      }
      const auto epochs =
          straggler_epochs(rule, invited, make_run_key(1, 0), static_cast<std::int64_t>(t));
      for (std::size_t i = 0; i < invited.size(); ++i) {
        if (epochs[i] > 0) paper.steps[t][invited[i].value] = static_cast<int>(epochs[i]);
      }
    }
    return paper;
  };
  {
    const Observed seen = observe(table.world(with(base, {{"objective", control("difference")}})));
    const PaperRun paper = with_epochs_of(paper_of(seen, sites, equal_shares(4), rate, 5), seen);
    CHECK(paper.steps[0] != std::vector<int>(4, 5));
    CHECK(distance(final_point(seen.result), paper_scaffold(paper, false)) < kRounding);
  }
  {
    const Observed seen = observe(table.world(with(base, {{"objective", dynamic(0.5)}})));
    const PaperRun paper = with_epochs_of(paper_of(seen, sites, equal_shares(4), rate, 5), seen);
    CHECK(distance(final_point(seen.result), paper_feddyn(paper, 0.5)) < kRounding);
  }
  {
    const Observed seen = observe(table.world(
        with(base, {{"aggregation", part("aggregation", "normalized", {{"weights", "equal"}})}})));
    const PaperRun paper = with_epochs_of(paper_of(seen, sites, equal_shares(4), rate, 5), seen);
    CHECK(distance(final_point(seen.result), paper_fednova(paper, 0, 0, false)) < kRounding);
  }
}

TEST_CASE("fednova does what its paper writes down, plain, proximal and with momentum") {
  const auto sites = alike_sites();
  const QuadraticTable table(sites);
  const double rate = 0.05;
  const std::vector<int> steps{2, 4, 6, 12};  // two epochs of batches of 8
  struct Case {
    double mu;
    double momentum;
    bool by_steps;
  };
  for (const Case c : {Case{0, 0, false}, Case{2, 0, true}, Case{2, 0, false}, Case{0, 0.5, false},
                       Case{0, 0.5, true}}) {
    CAPTURE(c.mu);
    CAPTURE(c.momentum);
    CAPTURE(c.by_steps);
    Fields fields = with(
        calm(30), {{"aggregation", part("aggregation", "normalized",
                                        {{"weights", "size"},
                                         {"max_share", 1.0},
                                         {"effective", c.by_steps ? "steps" : "accumulated"}})},
                   {"training", sgd(rate, 2, Value(std::int64_t{8}))}});
    if (c.mu > 0)
      fields = with(fields, {{"objective", part("objective", "proximal", {{"mu", c.mu}})}});
    if (c.momentum > 0) {
      fields = with(fields, {{"training", part("training", "momentum",
                                               {{"rate", rate},
                                                {"momentum", c.momentum},
                                                {"epochs", 2.0},
                                                {"batch", std::int64_t{8}}})}});
    }
    const Observed seen = observe(table.world(fields));
    PaperRun paper = paper_of(seen, sites, size_shares(sites), rate, 0);
    for (auto& of_round : paper.steps) of_round = steps;
    const Point expected = paper_fednova(paper, c.mu, c.momentum, c.by_steps);
    CHECK(distance(final_point(seen.result), expected) < kRounding);
  }
}

TEST_CASE("federated averaging drifts away from the optimum; scaffold and feddyn do not") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Point best = optimum(sites, equal_shares(4));
  const Fields base = with(calm(150), {{"aggregation", mean_of("equal")}});
  const auto miss = [&](const Fields& more) {
    return distance(final_point(run(table.world(with(base, more)))), best);
  };
  const double one_step = miss({{"training", sgd(0.15, 1)}});
  const double ten_steps = miss({{"training", sgd(0.15, 10)}});
  CHECK(one_step < kRounding);  // with one step averaging is descent on the mean
  CHECK(ten_steps > 0.1);
  for (const char* update : {"difference", "gradient"}) {
    CHECK(miss({{"training", sgd(0.15, 10)}, {"objective", control(update)}}) < kRounding);
  }
  CHECK(miss({{"training", sgd(0.15, 10)}, {"objective", dynamic(0.5)}}) < kRounding);
  MESSAGE("distance from the optimum: FedAvg with ten steps ", ten_steps);
}

TEST_CASE(
    "fednova minimises what it is asked to, federated averaging what step counts make of it") {
  const auto sites = alike_sites();
  const QuadraticTable table(sites);
  const std::vector<double> p = equal_shares(4);
  const Point best = optimum(sites, p);
  // steps 1, 2, 3, 6 of a round: for small rates FedAvg minimises sum tau_k F_k (their Theorem 1)
  const Point surrogate = optimum(sites, {1.0 / 12, 2.0 / 12, 3.0 / 12, 6.0 / 12});
  const auto reach = [&](const Part& aggregation, double rate) {
    return final_point(run(table.world(
        with(calm(static_cast<std::int64_t>(24 / rate)),
             {{"aggregation", aggregation}, {"training", sgd(rate, 1, Value(std::int64_t{8}))}}))));
  };
  const Part normalized = part("aggregation", "normalized", {{"weights", "equal"}});
  const double gap = distance(best, surrogate);
  REQUIRE(gap > 0.2);
  const double coarse = distance(reach(normalized, 0.04), best);
  const double fine = distance(reach(normalized, 0.01), best);
  // what is left is drift, which falls with the rate: a quarter of it, second order aside
  CHECK(fine / coarse == doctest::Approx(0.25).epsilon(0.2));
  CHECK(fine < gap / 10);
  const Point averaged = reach(mean_of("equal"), 0.01);
  CHECK(distance(averaged, surrogate) < gap / 10);
  CHECK(distance(averaged, best) > 0.9 * gap);
}

// A hospital's value of a metric.
double value_at(const RunResult& result, std::size_t hospital, const std::string& metric) {
  for (const auto& [name, value] : result.federated.hospitals.at(hospital).metrics) {
    if (name == metric && value.value) return *value.value;
  }
  return -1;
}

TEST_CASE("ditto's own models are those of its paper, and hospitals are scored with them") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const double rate = 0.15;
  const Value train_rmse = list({Value("rmse")});
  const Fields base =
      with(calm(25), {{"training", sgd(rate, 3)},
                      {"aggregation", mean_of("equal")},
                      {"measure", part("measure", "", {{"every", "end"}, {"train", train_rmse}})}});
  for (const double lambda : {0.0, 0.5, 2.0}) {
    for (const bool sampled : {false, true}) {
      CAPTURE(lambda);
      CAPTURE(sampled);
      const Observed seen = observe(table.world(
          with(base, {{"personal", part("personal", "ditto", {{"lambda", lambda}})},
                      {"participants", sampled ? Value(std::int64_t{2}) : Value(All{})}})));
      const PaperRun paper = paper_of(seen, sites, equal_shares(4), rate, 3);
      const std::vector<Point> own = paper_ditto(paper, lambda);
      for (std::size_t k = 0; k < 4; ++k) {
        // features are at most 1.5: parameters that differ by kRounding differ by twice that here
        CHECK(std::fabs(value_at(seen.result, k, "train_rmse") - rmse(sites[k], own[k])) <
              3 * kRounding);
      }
    }
  }
  // without a pull and for long each is its own best line
  const RunResult alone = run(table.world(
      with(base, {{"rounds", 400}, {"personal", part("personal", "ditto", {{"lambda", 0.0}})}})));
  for (std::size_t k = 0; k < 4; ++k) {
    const Point best = optimum({sites[k]}, {1.0});
    CHECK(value_at(alone, k, "train_rmse") == doctest::Approx(rmse(sites[k], best)).epsilon(1e-4));
  }
}

TEST_CASE("an own model is the hospital's affair: it moves on though no update is ever heard") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Part hospitals = part(
      "hospitals", "",
      {{"overhead", seconds(60)}, {"jitter", 0.0}, {"uplink", mbit(5.4e-5)}});  // 1 kB takes 150 s
  const RunResult result = run(table.world(with(
      calm(7),
      {{"hospitals", hospitals},
       {"deadline", seconds(200)},
       {"training", sgd(0.15, 3)},
       {"personal", part("personal", "ditto", {{"lambda", 0.5}})},
       {"measure", part("measure", "", {{"every", "end"}, {"train", list({Value("rmse")})}})}})));
  CHECK(result.versions == 0);
  for (std::size_t k = 0; k < 4; ++k) {
    Point v{};
    for (int s = 0; s < 7 * 3; ++s) {
      const Point g = sites[k].gradient(v);
      for (std::size_t j = 0; j < 3; ++j) v[j] -= 0.15 * (g[j] + 0.5 * v[j]);  // the global is 0
    }
    CHECK(std::fabs(value_at(result, k, "train_rmse") - rmse(sites[k], v)) < 3 * kRounding);
  }
}

TEST_CASE("fine-tuning is descent from the global model, and changes nothing of the run") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Value train_rmse = list({Value("rmse")});
  const Fields base =
      with(calm(10), {{"training", sgd(0.15, 3)},
                      {"measure", part("measure", "", {{"every", "end"}, {"train", train_rmse}})}});
  const RunResult plain = run(table.world(base));
  const RunResult tuned = run(table.world(with(
      base, {{"personal", part("personal", "fine_tuned", {{"epochs", 2.0}, {"rate", 0.1}})}})));
  CHECK(tuned.final_parameters == plain.final_parameters);
  for (std::size_t k = 0; k < 4; ++k) {
    Point w = final_point(plain);
    CHECK(std::fabs(value_at(plain, k, "train_rmse") - rmse(sites[k], w)) < 3 * kRounding);
    for (int s = 0; s < 2; ++s) {
      const Point g = sites[k].gradient(w);
      for (std::size_t j = 0; j < 3; ++j) w[j] -= 0.1 * g[j];
    }
    CHECK(std::fabs(value_at(tuned, k, "train_rmse") - rmse(sites[k], w)) < 3 * kRounding);
  }
}

TEST_CASE("own models do not depend on threads, nor on how often they are looked at") {
  const QuadraticTable table(mixed_sites());
  const auto measured = [&](const Value& every, int threads) {
    const Value train_rmse = list({Value("rmse")});
    const WorldSpec spec = table.world(with(
        calm(12), {{"personal", part("personal", "ditto", {{"lambda", 0.3}})},
                   {"participants", std::int64_t{2}},
                   {"training", sgd(0.05, 2, Value(std::int64_t{8}))},
                   {"measure", part("measure", "", {{"every", every}, {"train", train_rmse}})}}));
    RunOptions options;
    options.threads = threads;
    const RunResult result = run(spec, std::move(options));
    std::vector<double> values;
    for (std::size_t k = 0; k < 4; ++k) values.push_back(value_at(result, k, "train_rmse"));
    return values;
  };
  const std::vector<double> one = measured(Value("end"), 1);
  for (const double value : one) CHECK(value > 0);
  CHECK(measured(Value("end"), 3) == one);
  CHECK(measured(Value(std::int64_t{1}), 2) == one);
  CHECK(measured(Value(std::int64_t{5}), 3) == one);
}

TEST_CASE("the bits of state do not depend on threads") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const Part& objective : {control("difference"), control("gradient"), dynamic(0.5)}) {
    const WorldSpec spec = table.world(with(
        calm(12), {{"objective", objective}, {"training", sgd(0.05, 2, Value(std::int64_t{8}))}}));
    const std::string one = observe(spec, 1).result.fingerprint;
    for (const int threads : {2, 3}) CHECK(observe(spec, threads).result.fingerprint == one);
  }
}

TEST_CASE("whoever is late or lost keeps the vector that it had, and the run says so") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const double rate = 0.15;
  const Part hospitals = part(
      "hospitals", "",
      {{"overhead", seconds(60)},
       {"jitter", 0.0},
       {"speed", Value(Quantity{20.0, Dimension::speed})},  // slow enough to be down while training
       {"availability",
        part("availability", "markov", {{"up", seconds(600)}, {"down", seconds(120)}})}});
  const Fields base = with(
      calm(40), {{"hospitals", hospitals},
                 {"training", sgd(rate, 5)},
                 {"aggregation", mean_of("equal")},
                 {"deadline", seconds(600)},
                 {"protocol", part("protocol", "sync", {{"minimum_replies", std::int64_t{2}}})}});
  for (const bool scaffold : {true, false}) {
    CAPTURE(scaffold);
    const Part objective = scaffold ? control("difference") : dynamic(0.5);
    const Observed seen = observe(table.world(with(base, {{"objective", objective}})));
    std::size_t missed = 0;
    for (const auto& round : seen.participation.rounds) {
      missed += round.invited.size() - round.counted.size();
    }
    REQUIRE(missed > 5);
    const PaperRun paper = paper_of(seen, sites, equal_shares(4), rate, 5);
    const Point expected = scaffold ? paper_scaffold(paper, false) : paper_feddyn(paper, 0.5);
    CHECK(distance(final_point(seen.result), expected) < kRounding);
    const auto said = std::count_if(
        seen.result.remarks.begin(), seen.result.remarks.end(), [](const std::string& remark) {
          return remark.find("kept the vector that it had") != std::string::npos;
        });
    CHECK(said == 1);
  }
}

TEST_CASE("control vectors travel: twice the model each way; feddyn sends no more than averaging") {
  const QuadraticTable table(mixed_sites());
  const auto bytes = [&](const Fields& more) {
    const RunResult result = run(table.world(with(calm(3), more)));
    CHECK(result.bytes_up == result.bytes_down);
    return result.bytes_up;
  };
  // four hospitals, three rounds, 1000 bytes beside three floats
  CHECK(bytes({}) == 4 * 3 * (1000 + 12));
  CHECK(bytes({{"objective", control("difference")}}) == 4 * 3 * (1000 + 24));
  CHECK(bytes({{"objective", control("gradient")}}) == 4 * 3 * (1000 + 24));
  CHECK(bytes({{"objective", dynamic(0.1)}}) == 4 * 3 * (1000 + 12));
}

}  // namespace
}  // namespace polyclinic
