// System: models of which a part stays at the hospitals. Expectation: FedPer and FedRep do what
// their papers write down (an independent implementation in double) and find the optimum in which
// every hospital has a part of its own, which no common model can; only what is shared travels, is
// summed and is saved.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// As in state_test.cpp: 3 * 2.4e-7 / .02 bounds what rounding leaves in the parameters; features
// are at most 1.5, so that an rmse differs by less than three times that.
constexpr double kRounding = 3.6e-5;
constexpr double kRate = 0.15;

Part intercepts_at_home(const Fields& more = {}) {
  Fields fields{{"keep", list({Value("output.bias")})}};
  for (const auto& field : more) fields.push_back(field);
  return part("personal", "layers", fields);
}

Fields base(std::int64_t rounds, double epochs, const char* weights = "equal") {
  return {{"rounds", rounds},
          {"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
          {"deadline", Value(None{})},
          {"training",
           part("training", "sgd", {{"rate", kRate}, {"epochs", epochs}, {"batch", Value(All{})}})},
          {"aggregation", part("aggregation", "mean", {{"weights", weights}, {"max_share", 1.0}})},
          {"measure", part("measure", "", {{"every", "end"}, {"train", list({Value("rmse")})}})}};
}
Fields with(Fields fields, const Fields& more) {
  for (const auto& [name, value] : more) {
    std::erase_if(fields, [&n = name](const auto& field) { return field.first == n; });
    fields.emplace_back(name, value);
  }
  return fields;
}

std::vector<double> shares(const std::vector<QuadraticSite>& sites, bool by_size) {
  std::vector<double> p;
  double sum = 0;
  for (const auto& site : sites) {
    p.push_back(by_size ? static_cast<double>(site.rows.size()) : 1.0);
    sum += p.back();
  }
  for (double& share : p) share /= sum;
  return p;
}

double train_rmse(const RunResult& result, std::size_t hospital) {
  for (const auto& [name, value] : result.federated.hospitals.at(hospital).metrics) {
    if (name == "train_rmse" && value.value) return *value.value;
  }
  return -1;
}

bool said(const RunResult& result, const std::string& text) {
  return std::any_of(result.remarks.begin(), result.remarks.end(), [&](const std::string& remark) {
    return remark.find(text) != std::string::npos;
  });
}

TEST_CASE("fedper and fedrep do what their papers write down, whoever takes part") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const bool by_size : {false, true}) {
    for (const int head_steps : {0, 4}) {
      for (const bool sampled : {false, true}) {
        CAPTURE(by_size);
        CAPTURE(head_steps);
        CAPTURE(sampled);
        Fields fields;
        if (head_steps > 0) fields.emplace_back("alternate", static_cast<double>(head_steps));
        Participation participation;
        RunOptions options;
        options.observers.push_back(&participation);
        const RunResult result = run(
            table.world(with(base(25, 3, by_size ? "size" : "equal"),
                             {{"personal", intercepts_at_home(fields)},
                              {"participants", sampled ? Value(std::int64_t{3}) : Value(All{})}})),
            std::move(options));
        PaperRun paper;
        paper.sites = sites;
        paper.p = shares(sites, by_size);
        paper.rate = kRate;
        for (const auto& round : participation.rounds) {
          paper.counted.push_back(round.counted);
          paper.steps.emplace_back(sites.size(), 3);
        }
        const std::vector<Point> models = paper_kept_intercepts(paper, head_steps);
        REQUIRE(result.final_parameters.size() == 2);
        for (std::size_t j = 0; j < 2; ++j) {
          CHECK(std::fabs(result.final_parameters[j] - models[0][j]) < kRounding);
        }
        for (std::size_t k = 0; k < sites.size(); ++k) {
          CHECK(std::fabs(train_rmse(result, k) - rmse(sites[k], models[k])) < 3 * kRounding);
        }
      }
    }
  }
}

TEST_CASE("with a part of its own every hospital gets where no common model can") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const std::vector<Point> best = optimum_with_intercepts(sites, shares(sites, false));
  const Point common = optimum(sites, shares(sites, false));
  // one step of descent in all parameters at once; FedRep's intercepts are where they should be
  const RunResult fedper =
      run(table.world(with(base(300, 1), {{"personal", intercepts_at_home()}})));
  const RunResult fedrep = run(
      table.world(with(base(300, 1), {{"personal", intercepts_at_home({{"alternate", 30.0}})}})));
  const RunResult fedavg = run(table.world(base(300, 1)));
  double worst = 0;
  for (std::size_t k = 0; k < sites.size(); ++k) {
    const double expected = rmse(sites[k], best[k]);
    CHECK(std::fabs(train_rmse(fedper, k) - expected) < 3 * kRounding);
    CHECK(std::fabs(train_rmse(fedrep, k) - expected) < 3 * kRounding);
    CHECK(std::fabs(train_rmse(fedavg, k) - rmse(sites[k], common)) < 3 * kRounding);
    worst = std::max(worst, rmse(sites[k], common) - expected);
  }
  CHECK(worst > 0.3);
  CHECK(said(fedper, "output.bias stay at home, 2 of 3 values travel"));
}

TEST_CASE("the same holds under control vectors, pulls and secure sums, for what is shared") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const std::vector<Point> best = optimum_with_intercepts(sites, shares(sites, false));
  const Part home = intercepts_at_home();
  const auto misses = [&](const Fields& more, double epochs) {
    const RunResult result =
        run(table.world(with(with(base(300, epochs), {{"personal", home}}), more)));
    double miss = 0;
    for (std::size_t k = 0; k < sites.size(); ++k) {
      miss = std::max(miss, std::fabs(train_rmse(result, k) - rmse(sites[k], best[k])));
    }
    return miss;
  };
  // many local steps drift, control vectors of what is shared take the drift away
  CHECK(misses({}, 10) > 0.01);
  const Part dynamic = part("objective", "dynamic", {{"alpha", 0.5}});
  CHECK(misses({{"objective", dynamic}}, 10) < 3 * kRounding);
  for (const char* update : {"difference", "gradient"}) {
    const Part control = part("objective", "control_variates", {{"update", update}});
    CHECK(misses({{"objective", control}}, 10) < 3 * kRounding);
  }
  // a pull of what is shared has no say where nothing moves any more: one step, the same optimum;
  // were intercepts pulled to what they were, they would still get there, only later
  const Part proximal = part("objective", "proximal", {{"mu", 2.0}});
  CHECK(misses({{"objective", proximal}}, 1) < 3 * kRounding);
  // a secure sum of 24 bits rounds updates
  const Part alike = part("aggregation", "mean", {{"weights", "equal"}});
  CHECK(misses({{"secure", part("secure", "pairwise")}, {"aggregation", alike}}, 1) < 1e-3);
}

TEST_CASE("only what is shared is on the wire") {
  const QuadraticTable table(mixed_sites());
  const auto bytes = [&](const Fields& more) {
    const RunResult result = run(table.world(with(base(3, 1), more)));
    CHECK(result.bytes_up == result.bytes_down);
    return result.bytes_up;
  };
  // four hospitals, three rounds, 1000 bytes beside the floats
  CHECK(bytes({}) == 4 * 3 * (1000 + 12));
  CHECK(bytes({{"personal", intercepts_at_home()}}) == 4 * 3 * (1000 + 8));
  CHECK(bytes({{"personal", intercepts_at_home({{"alternate", 2.0}})}}) == 4 * 3 * (1000 + 8));
  const Part weights = part("personal", "layers", {{"keep", list({Value("output.weight")})}});
  CHECK(bytes({{"personal", weights}}) == 4 * 3 * (1000 + 4));
  const Part control = part("objective", "control_variates", {{"update", "gradient"}});
  CHECK(bytes({{"personal", weights}, {"objective", control}}) == 4 * 3 * (1000 + 8));
}

TEST_CASE("who has no layers of its own fits them to its rows before it is scored") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  Fields fields = with(base(40, 2), {{"personal", intercepts_at_home({{"new_epochs", 5.0}})}});
  const Part stranger = part("hospitals", "",
                             {{"overhead", seconds(60)},
                              {"jitter", 0.0},
                              {"site", Table{{"h3", Value(Table{{"role", Value("external")}})}}}});
  fields = with(fields, {{"hospitals", stranger}});
  const RunResult result = run(table.world(fields));
  REQUIRE(result.final_parameters.size() == 2);
  Point y{result.final_parameters[0], result.final_parameters[1], 0};
  for (int s = 0; s < 5; ++s) y[2] -= kRate * sites[3].gradient(y)[2];
  // the row that it is tested on is (0, 0), outcome 0: the error is the intercept
  double tested = -1;
  for (const auto& hospital : result.federated.hospitals) {
    if (hospital.hospital.value != 3) continue;
    for (const auto& [name, value] : hospital.metrics) {
      if (name == "rmse" && value.value) tested = *value.value;
    }
  }
  CHECK(std::fabs(tested - std::fabs(y[2])) < 3 * kRounding);
  CHECK(
      said(result, "1 hospital without layers of its own fitted them to its training rows for 5"));
}

TEST_CASE("layers at home do not depend on threads, nor on how often they are looked at") {
  const QuadraticTable table(mixed_sites());
  const auto measured = [&](const Value& every, int threads) {
    const WorldSpec spec = table.world(with(
        base(12, 2),
        {{"personal", intercepts_at_home({{"alternate", 1.0}})},
         {"participants", std::int64_t{2}},
         {"training", part("training", "momentum",
                           {{"rate", 0.02}, {"batch", std::int64_t{8}}, {"keep_state", true}})},
         {"measure", part("measure", "", {{"every", every}, {"train", list({Value("rmse")})}})}}));
    RunOptions options;
    options.threads = threads;
    const RunResult result = run(spec, std::move(options));
    std::vector<double> values;
    for (std::size_t k = 0; k < 4; ++k) values.push_back(train_rmse(result, k));
    return values;
  };
  const std::vector<double> one = measured(Value("end"), 1);
  for (const double value : one) CHECK(value > 0);
  CHECK(measured(Value("end"), 3) == one);
  CHECK(measured(Value(std::int64_t{1}), 2) == one);
  CHECK(measured(Value(std::int64_t{5}), 3) == one);
}

}  // namespace
}  // namespace polyclinic
