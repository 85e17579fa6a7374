// System: every aggregation rule and pre-aggregation. Expectation: the vectors of
// tests/reference/byzantine.json, computed in float64 by ByzFL (github.com/LPD-EPFL/byzfl, commit
// 69bd1ac) or by an independent NumPy program, as each vector's `origin` says.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "fed/aggregation/pre.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {
namespace {

using Json = nlohmann::json;

const Json& reference() {
  static const Json json = [] {
    std::ifstream in(std::string(POLYCLINIC_SOURCE_DIR) + "/tests/reference/byzantine.json");
    REQUIRE(in.good());
    return Json::parse(in);
  }();
  return json;
}

// The rows of one input, padded.
struct Input {
  explicit Input(const Json& rows) {
    length = rows[0].size();
    for (const Json& row : rows) {
      FloatBuffer buffer((length + kColumns - 1) / kColumns * kColumns, 0.0F);
      for (std::size_t i = 0; i < length; ++i) buffer[i] = static_cast<float>(row[i].get<double>());
      buffers.push_back(std::move(buffer));
    }
  }
  [[nodiscard]] VectorSet set() const {
    std::vector<const float*> rows;
    for (const FloatBuffer& buffer : buffers) rows.push_back(buffer.data());
    return {rows, buffers[0].size(), nullptr};
  }
  std::size_t length = 0;
  std::vector<FloatBuffer> buffers;
};

using Rows = std::vector<std::vector<double>>;

std::vector<double> numbers(const FloatBuffer& buffer, std::size_t length) {
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length)};
}

Rows rows_of(const VectorSet& set, std::size_t length) {
  Rows rows;
  for (std::size_t i = 0; i < set.count(); ++i) {
    FloatBuffer out(set.size());
    const std::size_t one[] = {i};
    set.mean_of(one, out.data());
    rows.push_back(numbers(out, length));
  }
  return rows;
}

std::size_t f_of(const Json& params) {
  return params.value("f", std::size_t{0});
}

KrumOptions krum_of(const Json& params, std::size_t fewer) {
  KrumOptions options;
  options.byzantine = f_of(params);
  options.fewer = fewer;
  return options;
}

void apply_geometric(const VectorSet& set, const Json& p, FloatBuffer& out, bool exact) {
  GeometricMedianOptions options;
  options.iterations = exact ? 2'000 : p["T"].get<std::int64_t>();
  options.floor = exact ? 1e-9 : p["nu"].get<double>();
  options.tolerance = 0;
  options.from_mean = exact;
  geometric_median(set, std::vector<double>(set.count(), 1.0), options, out.data());
}

void apply_bulyan(const VectorSet& set, const Json& p, FloatBuffer& out) {
  const std::size_t theta = set.count() - 2 * f_of(p);
  const Members chosen = iterated_krum(set.pairwise_distances(), krum_of(p, 2), theta);
  mean_around_median(set.subset(chosen), theta - 2 * f_of(p), out.data());
}

void apply_fltrust(const VectorSet& set, const Json& p, FloatBuffer& out) {
  FloatBuffer root(set.size(), 0.0F);
  for (std::size_t i = 0; i < p["g0"].size(); ++i) {
    root[i] = static_cast<float>(p["g0"][i].get<double>());
  }
  const VectorSet trusted({root.data()}, set.size(), nullptr);
  const auto factors = trust_factors(set.norms(), set.dots_with(root.data()), trusted.norms()[0]);
  set.weighted_sum(factors, 1.0, out.data());
}

void apply_norm_clip(const VectorSet& set, const Json& p, FloatBuffer& out) {
  const auto factors = clipping_factors(set.norms(), p["c"].get<double>());
  set.weighted_sum(factors, static_cast<double>(set.count()), out.data());
}

void apply_weighted(const VectorSet& set, const std::vector<double>& weights, FloatBuffer& out) {
  set.weighted_sum(weights, std::accumulate(weights.begin(), weights.end(), 0.0), out.data());
}

using Apply = std::function<void(const VectorSet&, const Json&, FloatBuffer&)>;

const std::map<std::string, Apply>& rules() {
  static const std::map<std::string, Apply> table{
      {"average", [](auto& s, auto&,
                     auto& out) { apply_weighted(s, std::vector<double>(s.count(), 1.0), out); }},
      {"median", [](auto& s, auto&, auto& out) { median(s, out.data()); }},
      {"trmean", [](auto& s, auto& p, auto& out) { trimmed_mean(s, f_of(p), out.data()); }},
      {"meamed",
       [](auto& s, auto& p, auto& out) { mean_around_median(s, s.count() - f_of(p), out.data()); }},
      {"geometric_median_smoothed",
       [](auto& s, auto& p, auto& out) { apply_geometric(s, p, out, false); }},
      {"geometric_median_exact",
       [](auto& s, auto& p, auto& out) { apply_geometric(s, p, out, true); }},
      {"krum_byzfl",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(Members{krum(s.pairwise_distances(), krum_of(p, 1))}, out.data());
       }},
      {"krum_blanchard",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(Members{krum(s.pairwise_distances(), krum_of(p, 2))}, out.data());
       }},
      {"multikrum_byzfl",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(multi_krum(s.pairwise_distances(), krum_of(p, 1), s.count() - f_of(p)),
                   out.data());
       }},
      {"multikrum_blanchard",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(multi_krum(s.pairwise_distances(), krum_of(p, 2), p["m"]), out.data());
       }},
      {"bulyan", apply_bulyan},
      {"mda",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(minimum_diameter(s.pairwise_distances(), s.count() - f_of(p)), out.data());
       }},
      {"smea_exact_eig",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(smallest_eigenvalue(s.pairwise_distances(), s.count() - f_of(p)), out.data());
       }},
      {"monna",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(nearest_to(s.pairwise_distances(), p["idx"], s.count() - f_of(p)), out.data());
       }},
      {"centered_clipping",
       [](auto& s, auto& p, auto& out) { centered_clipping(s, p["tau"], p["L"], out.data()); }},
      {"norm_clip_mean", apply_norm_clip},
      {"caf_exact_eig",
       [](auto& s, auto& p, auto& out) {
         apply_weighted(s, caf_weights(s.pairwise_distances(), f_of(p), false), out);
       }},
      {"dnc_full_dim",
       [](auto& s, auto& p, auto& out) {
         s.mean_of(without_outliers(s.pairwise_distances(), f_of(p)), out.data());
       }},
      {"fltrust", apply_fltrust},
  };
  return table;
}

VectorSet before(const VectorSet& set, const std::string& name, const Json& p) {
  if (name == "nnm") return nearest_neighbour_mixing(set, f_of(p));
  if (name == "static_clipping") return clipping(set, p["c"].get<double>());
  if (name == "arc") return adaptive_clipping(set, f_of(p));
  REQUIRE(name == "bucketing");
  std::vector<double> weights(set.count(), 1.0);
  return bucketing(set, p["permutation"].get<std::vector<std::size_t>>(), p["s"], weights);
}

// What the tree gives for one vector of the file; empty when the file asks for another kind.
Rows result(const Json& vector) {
  const Input input(reference()["inputs"][vector["input"].get<std::string>()]);
  const std::string kind = vector["kind"];
  std::string rule = vector["rule"];
  VectorSet set = input.set();
  const Json& params = vector["params"];
  if (kind == "preaggregator") return rows_of(before(set, rule, params), input.length);
  if (kind == "weights") {
    return {foolsgold_weights(set.pairwise_distances(), set.norms(), params["kappa"])};
  }
  if (kind == "pipeline") {
    const auto arrow = rule.find("->");
    set = before(set, rule.substr(0, arrow), params);
    rule = rule.substr(arrow + 2);
  } else if (kind != "aggregator") {
    return {};
  }
  CAPTURE(rule);
  REQUIRE(rules().count(rule) == 1);
  FloatBuffer out(set.size(), 0.0F);
  rules().at(rule)(set, params, out);
  return {numbers(out, input.length)};
}

TEST_CASE("every rule gives the reference vectors") {
  std::size_t checked = 0;
  for (const Json& vector : reference()["vectors"]) {
    CAPTURE(vector["id"].get<std::string>());
    CAPTURE(vector["rule"].get<std::string>());
    const Rows got = result(vector);
    if (got.empty()) continue;
    ++checked;
    Rows expected;
    if (vector["expected"][0].is_array()) {
      expected = vector["expected"].get<Rows>();
    } else {
      expected.push_back(vector["expected"].get<std::vector<double>>());
    }
    REQUIRE(got.size() == expected.size());
    // inputs below 16 and results are floats: 2^-24 x 16 each way, which means of means and
    // weights from distances pass on at most about twice; printed values carry their own tolerance
    const double tolerance = 4 * 16 * std::ldexp(1.0, -24) + vector["atol"].get<double>();
    for (std::size_t r = 0; r < got.size(); ++r) {
      REQUIRE(got[r].size() == expected[r].size());
      for (std::size_t i = 0; i < got[r].size(); ++i) {
        CAPTURE(r);
        CAPTURE(i);
        CHECK(std::fabs(got[r][i] - expected[r][i]) <= tolerance);
      }
    }
  }
  CHECK(checked == 85);  // the other 30 are attacks
}

}  // namespace
}  // namespace polyclinic::aggregation
