// System: poisoning attacks. Expectation: the vectors of tests/reference/byzantine.json (ByzFL,
// commit 69bd1ac, or an independent NumPy program), and the definition where that file has none.
#include "attack/poisoning.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fed/aggregation/pre.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::attack {
namespace {

using Json = nlohmann::json;
using Fields = std::vector<std::pair<std::string, Value>>;

const Json& reference() {
  static const Json json = [] {
    std::ifstream in(std::string(POLYCLINIC_SOURCE_DIR) + "/tests/reference/byzantine.json");
    REQUIRE(in.good());
    return Json::parse(in);
  }();
  return json;
}

Part attack_part(std::string_view name, const Fields& fields = {}) {
  for (const Schema& schema : schemas()) {
    if (schema.name != name) continue;
    std::vector<FieldValue> given;
    for (const auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return part;
  }
  FAIL("no such attack");
  return {};
}

Vectors input(const std::string& name) {
  Vectors vectors;
  for (const Json& row : reference()["inputs"][name]) {
    Vector vector;
    for (const Json& x : row) vector.push_back(static_cast<float>(x.get<double>()));
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

// The rule that a vector of the file announces: "trmean(f=1)" or "median", perhaps after "nnm(f=1)"
// and "static_clipping(c=2.0)".
Vector announced(const Json& params, const Vectors& updates) {
  constexpr std::size_t kSize = aggregation::kColumns;
  std::vector<FloatBuffer> buffers;
  std::vector<const float*> rows;
  for (const Vector& update : updates) {
    buffers.emplace_back(update.begin(), update.end());
    buffers.back().resize(kSize, 0.0F);
  }
  for (const FloatBuffer& buffer : buffers) rows.push_back(buffer.data());
  aggregation::VectorSet set(rows, kSize, nullptr);
  const std::size_t f = params["f"];
  for (const Json& pre : params["pre"]) {
    const bool mixing = pre.get<std::string>().rfind("nnm", 0) == 0;
    if (!mixing) REQUIRE(pre.get<std::string>() == "static_clipping(c=2.0)");
    set = mixing ? aggregation::nearest_neighbour_mixing(set, f) : aggregation::clipping(set, 2.0);
  }
  FloatBuffer out(kSize);
  if (params["agg"].get<std::string>() == "median") {
    aggregation::median(set, out.data());
  } else {
    aggregation::trimmed_mean(set, f, out.data());
  }
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(updates[0].size())};
}

// The part of ours that a vector of the file asks for.
Part part_for(const Json& vector) {
  const std::string rule = vector["rule"];
  const Json& p = vector["params"];
  if (rule == "sign_flipping") return attack_part("sign_flip");
  if (rule == "ipm") return attack_part("ipm", {{"scale", p["tau"].get<double>()}});
  if (rule == "alie_fixed") {
    return attack_part("alie",
                       {{"z", p["tau"].get<double>()}, {"deviation", "sample"}, {"side", "above"}});
  }
  if (rule == "opt_ipm") return attack_part("ipm", {{"optimal", true}});
  if (rule == "opt_alie") {
    return attack_part("alie", {{"optimal", true}, {"deviation", "sample"}, {"side", "above"}});
  }
  if (rule == "mimic_fixed")
    return attack_part("mimic", {{"target", p["epsilon"].get<std::int64_t>() + 1}});
  if (rule == "inf") return attack_part("inf");
  Fields fields{{"perturbation", p["perturbation"].get<std::string>()}};
  if (rule == "min_sum") {
    fields.emplace_back("bound", p["bound"].get<std::string>().substr(0, 3));
  }
  return attack_part(rule, fields);
}

TEST_CASE("every attack gives the reference vectors") {
  int checked = 0;
  for (const Json& vector : reference()["vectors"]) {
    if (vector["kind"] != "attack") continue;
    CAPTURE(vector["id"].get<std::string>());
    const Vectors honest = input(vector["input"]);
    Knowledge know;
    know.honest = &honest;
    know.byzantine = vector["params"].value("f", std::size_t{1});
    know.rule = [&](const Vectors& updates) { return announced(vector["params"], updates); };
    const Vectors sent = poison(part_for(vector), know);
    REQUIRE(sent.size() == know.byzantine);
    ++checked;
    // inputs below 16, rounded to float; factors of up to 4 standard deviations carry that on
    const double tolerance = 16 * 16 * std::ldexp(1.0, -24) + vector["atol"].get<double>();
    for (std::size_t i = 0; i < sent[0].size(); ++i) {
      CAPTURE(i);
      const Json& expected = vector["expected"][i];
      if (expected.is_string()) {
        CHECK(sent[0][i] == std::numeric_limits<float>::infinity());
      } else {
        CHECK(std::fabs(static_cast<double>(sent[0][i]) - expected.get<double>()) <= tolerance);
      }
    }
  }
  CHECK(checked == 30);
}

TEST_CASE("the largest z that hides") {
  for (const Json& row : reference()["alie_zmax"]) {
    CAPTURE(row.dump());
    CHECK(alie_z_max(row["n"], row["m"]) ==
          doctest::Approx(row["z_max"].get<double>()).epsilon(1e-12));
  }
  CHECK(alie_z_max(4, 3) == 0.0);
  CHECK(alie_z_max(2, 1) == 0.0);
}

TEST_CASE("fang against the trimmed mean stays in the interval of the paper") {
  for (const Json& row : reference()["fang"]) {
    const Vectors honest = input(row["input"]);
    Knowledge know;
    know.honest = &honest;
    know.byzantine = 20;
    know.seed = 5;
    const Vectors sent =
        poison(attack_part("fang", {{"b", row["params"]["b"].get<double>()}}), know);
    REQUIRE(sent.size() == 20);
    CHECK(sent[0] != sent[1]);
    for (const Vector& vector : sent) {
      for (std::size_t i = 0; i < vector.size(); ++i) {
        const Json& interval = row["expected_interval"][i];
        // the ends are floats
        CHECK(static_cast<double>(vector[i]) >= interval[0].get<double>() - 1e-6);
        CHECK(static_cast<double>(vector[i]) <= interval[1].get<double>() + 1e-6);
      }
    }
  }
}

TEST_CASE("fang against krum is what krum chooses") {
  // corners of a cube around a small mean: what lies near the middle has the lowest score
  Vectors honest;
  for (int corner = 0; corner < 8; ++corner) {
    const auto side = [&](int bit) { return (corner & bit) != 0 ? 1.1F : -0.9F; };
    honest.push_back({side(1), side(2), side(4)});
  }
  Knowledge know;
  know.honest = &honest;
  know.byzantine = 2;
  const Vectors sent = poison(attack_part("fang", {{"against", "krum"}}), know);
  Vectors all = honest;
  all.insert(all.end(), sent.begin(), sent.end());
  aggregation::Square distances(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      for (std::size_t k = 0; k < all[i].size(); ++k) {
        const double d = static_cast<double>(all[i][k]) - static_cast<double>(all[j][k]);
        distances(i, j) += d * d;
      }
    }
  }
  aggregation::KrumOptions options;
  options.byzantine = 2;
  CHECK(aggregation::krum(distances, options) >= honest.size());
  // against the signs of the mean, all alike
  const std::vector<double> mean = mean_of(honest);
  for (std::size_t k = 0; k < mean.size(); ++k)
    CHECK(static_cast<double>(sent[0][k]) * mean[k] < 0);
  CHECK(sent[0] == sent[1]);
}

TEST_CASE("scaling makes the mean the attacker's model") {
  for (const Json& row : reference()["scaling"]) {
    // X - G is what the attacker would have sent
    Vector own;
    for (std::size_t i = 0; i < row["G"].size(); ++i) {
      own.push_back(static_cast<float>(row["X"][i].get<double>() - row["G"][i].get<double>()));
    }
    const Vectors honest(9, Vector{0, 0});
    Knowledge know;
    know.honest = &honest;
    know.own = {own};
    const bool weighted = row["params"].contains("n_k");
    // gamma = sum n_k / n_a = 1000 / 100; with equal weights the number of updates, 9 + 1
    const Vectors sent = poison(
        weighted ? attack_part("scaling", {{"factor", 10.0}}) : attack_part("scaling"), know);
    for (std::size_t i = 0; i < own.size(); ++i) {
      CHECK(static_cast<double>(sent[0][i]) == row["expected"][i].get<double>());
    }
  }
}

TEST_CASE("noise is addressed by seed and attacker and has the deviation asked for") {
  const Vectors honest(1, Vector(20'000, 0.0F));
  Knowledge know;
  know.honest = &honest;
  know.byzantine = 2;
  know.seed = 9;
  const Part part = attack_part("gaussian", {{"deviation", 2.0}});
  const Vectors sent = poison(part, know);
  CHECK(sent == poison(part, know));
  CHECK(sent[0] != sent[1]);
  const std::vector<double> mean = mean_of(sent);
  double squares = 0;
  for (const float x : sent[0]) squares += static_cast<double>(x) * static_cast<double>(x);
  // chi square with 20,000 degrees: the variance is within 5 sqrt(2 / 20000) = 5 % of 4
  CHECK(std::fabs(squares / 20'000 - 4.0) < 0.2);
  CHECK(poison(attack_part("free_rider"), know)[1] == Vector(20'000, 0.0F));
}

TEST_CASE("mimic copies the update farthest along the direction of most variance") {
  // spread along the first axis; the third lies farthest from the mean (7/4, 0) on it
  const Vectors honest{{0, 0.1F}, {1, -0.1F}, {5, 0}, {1, 0}};
  Knowledge know;
  know.honest = &honest;
  CHECK(poison(attack_part("mimic"), know)[0] == honest[2]);
}

TEST_CASE("min_max lies as near as two honest updates, min_sum as one of them") {
  const Vectors honest = input("X11_honest");
  Knowledge know;
  know.honest = &honest;
  const auto squared = [](const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      sum += d * d;
    }
    return sum;
  };
  double widest = 0;
  double largest_sum = 0;
  for (const Vector& a : honest) {
    double sum = 0;
    for (const Vector& b : honest) {
      widest = std::max(widest, squared(a, b));
      sum += squared(a, b);
    }
    largest_sum = std::max(largest_sum, sum);
  }
  const Vector near = poison(attack_part("min_max"), know)[0];
  double farthest = 0;
  for (const Vector& a : honest) farthest = std::max(farthest, squared(near, a));
  CHECK(farthest == doctest::Approx(widest).epsilon(1e-6));
  const Vector summed = poison(attack_part("min_sum"), know)[0];
  double sum = 0;
  for (const Vector& a : honest) sum += squared(summed, a);
  CHECK(sum == doctest::Approx(largest_sum).epsilon(1e-6));
}

TEST_CASE("an optimal attack that does not know the rule says so") {
  const Vectors honest(3, Vector{1, 2});
  Knowledge know;
  know.honest = &honest;
  CHECK_THROWS_AS(poison(attack_part("ipm", {{"optimal", true}}), know), ScenarioError);
}

}  // namespace
}  // namespace polyclinic::attack
