// Federations whose objective is a quadratic, and what the papers of SCAFFOLD, FedDyn and FedNova
// do with one: plain loops in double, written from their algorithms, sharing nothing with the
// engine.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "parts.hpp"

namespace polyclinic::testing {

// Two weights and an intercept.
using Point = std::array<double, 3>;

inline double distance(const Point& a, const Point& b) {
  double sum = 0;
  for (std::size_t j = 0; j < 3; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return std::sqrt(sum);
}

// A hospital's rows: features, 1, outcome. F(w) = mean of (w . x - y)^2.
struct QuadraticSite {
  std::vector<std::array<double, 4>> rows;

  [[nodiscard]] Point gradient(const Point& w) const {
    Point g{};
    for (const auto& row : rows) {
      const double error = w[0] * row[0] + w[1] * row[1] + w[2] * row[2] - row[3];
      for (std::size_t j = 0; j < 3; ++j) g[j] += 2 * error * row[j];
    }
    for (double& x : g) x /= static_cast<double>(rows.size());
    return g;
  }
};

// Root of F(w).
inline double rmse(const QuadraticSite& site, const Point& w) {
  double sum = 0;
  for (const auto& row : site.rows) {
    const double error = w[0] * row[0] + w[1] * row[1] + w[2] * row[2] - row[3];
    sum += error * error;
  }
  return std::sqrt(sum / static_cast<double>(site.rows.size()));
}

// Where sum_k p_k F_k is least: normal equations by Gaussian elimination.
inline Point optimum(const std::vector<QuadraticSite>& sites, const std::vector<double>& p) {
  double a[3][4] = {};
  for (std::size_t k = 0; k < sites.size(); ++k) {
    const double share = p[k] / static_cast<double>(sites[k].rows.size());
    for (const auto& row : sites[k].rows) {
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 4; ++j) a[i][j] += share * row[i] * row[j];
      }
    }
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

// Hospitals that differ in where their loss is least and in how steep it is: with one curvature for
// all, averages of local optima would be right by accident. Numbers are short, so that the table
// holds them exactly. Row counts differ.
inline std::vector<QuadraticSite> mixed_sites() {
  std::vector<QuadraticSite> sites(4);
  std::uint32_t state = 12345;
  const auto next = [&state] {  // in steps of 1/64 from -1 to 1
    state = state * 1664525U + 1013904223U;
    return (static_cast<double>(state >> 25U) - 64.0) / 64.0;
  };
  const double scale[4][2] = {{1.5, 0.25}, {0.25, 1.5}, {1.0, 1.0}, {0.5, 0.75}};
  const Point law[4] = {{2, 0, 1}, {0, -2, -1}, {1, 1, 0}, {-1, 2, 2}};
  const int rows[4] = {8, 16, 24, 40};
  for (std::size_t k = 0; k < 4; ++k) {
    for (int i = 0; i < rows[k]; ++i) {
      const double x0 = scale[k][0] * next();
      const double x1 = scale[k][1] * next();
      const double y = law[k][0] * x0 + law[k][1] * x1 + law[k][2] + 0.25 * next();
      sites[k].rows.push_back({x0, x1, 1, y});
    }
  }
  return sites;
}

// All rows of a hospital alike: the gradient of every batch is that of all rows, whatever its
// order, and hospitals with more rows make more steps.
inline std::vector<QuadraticSite> alike_sites() {
  const std::array<double, 4> row[4] = {
      {1, 0.5, 1, 2}, {-1, 0.5, 1, -1}, {0.5, -1, 1, 1}, {-0.5, -0.25, 1, 3}};
  const std::size_t rows[4] = {8, 16, 24, 48};
  std::vector<QuadraticSite> sites(4);
  for (std::size_t k = 0; k < 4; ++k) sites[k].rows.assign(rows[k], row[k]);
  return sites;
}

// The sites as a table on disk, removed at the end. Every hospital has one row to be tested on.
class QuadraticTable {
 public:
  explicit QuadraticTable(const std::vector<QuadraticSite>& sites) {
    static int number = 0;
    path_ = (std::filesystem::temp_directory_path() /
             ("polyclinic-quadratic-" + std::to_string(::getpid()) + "-" +
              std::to_string(++number) + ".csv"))
                .string();
    std::ofstream file(path_);
    file.precision(17);
    file << "site,a,b,y,fold\n";
    for (std::size_t k = 0; k < sites.size(); ++k) {
      for (const auto& row : sites[k].rows) {
        file << "h" << k << "," << row[0] << "," << row[1] << "," << row[3] << ",train\n";
      }
      file << "h" << k << ",0,0,0,test\n";
    }
  }
  ~QuadraticTable() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  QuadraticTable(const QuadraticTable&) = delete;
  QuadraticTable& operator=(const QuadraticTable&) = delete;

  // A world over it; `fields` as in small_world.
  [[nodiscard]] WorldSpec world(const Fields& fields, std::uint64_t seed = 1) const {
    Fields all{{"cohort", part("cohort", "csv",
                               {{"file", Value(FilePath{"q.csv", path_})},
                                {"hospital", "site"},
                                {"outcome", "y"},
                                {"task", "regression"},
                                {"split", part("split", "column", {{"column", "fold"}})},
                                {"standardise", "none"}})},
               {"model", part("model", "linear")},
               {"measure", part("measure", "", {{"every", "end"}})}};
    for (const auto& field : fields) all.push_back(field);
    return small_world(all, seed);
  }

 private:
  std::string path_;
};

// Which hospitals counted in each version, and which were invited.
class Participation final : public Observer {
 public:
  struct Round {
    std::vector<std::size_t> invited;
    std::vector<std::size_t> counted;
  };
  void on(const Event& event) override {
    if (const auto* opened = std::get_if<RoundOpened>(&event)) {
      rounds.emplace_back();
      for (const HospitalId id : opened->participants) rounds.back().invited.push_back(id.value);
    }
    if (const auto* arrived = std::get_if<UpdateArrived>(&event)) {
      rounds.back().counted.push_back(arrived->hospital.value);
    }
    if (const auto* closed = std::get_if<RoundClosed>(&event)) {
      if (closed->failed) rounds.back().counted.clear();
      std::sort(rounds.back().counted.begin(), rounds.back().counted.end());
    }
  }
  std::vector<Round> rounds;
};

inline Point final_point(const RunResult& result) {
  const std::vector<float>& w = result.final_parameters;
  REQUIRE(w.size() == 3);
  return {w[0], w[1], w[2]};
}

// What the papers' algorithms are told.
struct PaperRun {
  std::vector<QuadraticSite> sites;
  std::vector<double> p;                          // shares of all hospitals
  std::vector<std::vector<std::size_t>> counted;  // of each round
  std::vector<std::vector<int>> steps;            // [round][hospital]
  double rate = 0.1;
  double server_rate = 1;

  // Shares among the hospitals that took part in a round.
  [[nodiscard]] double among(std::size_t round, std::size_t k) const {
    double sum = 0;
    for (const std::size_t i : counted[round]) sum += p[i];
    return p[k] / sum;
  }
};

// Karimireddy et al. 2020, Algorithm 1; with shares p_k, |S|/N times a mean is sum over S of p_k.
inline Point paper_scaffold(const PaperRun& run, bool option_one) {
  Point x{};
  Point c{};
  std::vector<Point> own(run.sites.size(), Point{});
  for (std::size_t t = 0; t < run.counted.size(); ++t) {
    Point step{};
    Point c_step{};
    for (const std::size_t k : run.counted[t]) {
      Point y = x;
      const int count = run.steps[t][k];
      for (int s = 0; s < count; ++s) {
        const Point g = run.sites[k].gradient(y);
        for (std::size_t j = 0; j < 3; ++j) y[j] -= run.rate * (g[j] - own[k][j] + c[j]);
      }
      const Point at_x = run.sites[k].gradient(x);
      for (std::size_t j = 0; j < 3; ++j) {
        const double fresh =
            option_one ? at_x[j] : own[k][j] - c[j] + (x[j] - y[j]) / (count * run.rate);
        step[j] += run.among(t, k) * (y[j] - x[j]);
        c_step[j] += run.p[k] * (fresh - own[k][j]);
        own[k][j] = fresh;
      }
    }
    for (std::size_t j = 0; j < 3; ++j) {
      x[j] += run.server_rate * step[j];
      c[j] += c_step[j];
    }
  }
  return x;
}

// Acar et al. 2021, Algorithm 1, the local problem solved by so many steps of descent.
inline Point paper_feddyn(const PaperRun& run, double alpha) {
  Point theta{};
  Point h{};
  std::vector<Point> own(run.sites.size(), Point{});
  for (std::size_t t = 0; t < run.counted.size(); ++t) {
    if (run.counted[t].empty()) continue;  // a round that failed changes nothing
    Point mean{};
    Point h_step{};
    for (const std::size_t k : run.counted[t]) {
      Point y = theta;
      for (int s = 0; s < run.steps[t][k]; ++s) {
        const Point g = run.sites[k].gradient(y);
        for (std::size_t j = 0; j < 3; ++j) {
          y[j] -= run.rate * (g[j] - own[k][j] + alpha * (y[j] - theta[j]));
        }
      }
      for (std::size_t j = 0; j < 3; ++j) {
        mean[j] += run.among(t, k) * y[j];
        h_step[j] += run.p[k] * (y[j] - theta[j]);
        own[k][j] -= alpha * (y[j] - theta[j]);
      }
    }
    for (std::size_t j = 0; j < 3; ++j) {
      h[j] -= alpha * h_step[j];
      theta[j] = mean[j] - h[j] / alpha;
    }
  }
  return theta;
}

// Wang et al. 2020: d_k = G_k a_k / |a_k|_1, x <- x - tau_eff sum p_k eta d_k. mu: proximal term,
// whose a_k = ((1 - eta mu)^(tau - 1), ..., 1); momentum m, a_k = (1 - m^tau, ..., 1 - m) / (1 -
// m).
inline Point paper_fednova(const PaperRun& run, double mu, double momentum, bool effective_steps) {
  Point x{};
  for (std::size_t t = 0; t < run.counted.size(); ++t) {
    Point direction{};
    double effective = 0;
    for (const std::size_t k : run.counted[t]) {
      const int count = run.steps[t][k];
      std::vector<double> a(static_cast<std::size_t>(count));
      double sum = 0;
      for (int s = 0; s < count; ++s) {
        const int left = count - s;  // steps in which gradient s counts
        const double shrunk = std::pow(1 - run.rate * mu, left - 1);
        const double grown = (1 - std::pow(momentum, left)) / (1 - momentum);
        a[static_cast<std::size_t>(s)] = mu > 0 ? shrunk : grown;
        sum += a[static_cast<std::size_t>(s)];
      }
      // local gradients along the way, the way itself by their coefficients
      std::vector<Point> gradients;
      Point y = x;
      Point moment{};
      for (int s = 0; s < count; ++s) {
        gradients.push_back(run.sites[k].gradient(y));
        for (std::size_t j = 0; j < 3; ++j) {
          moment[j] = momentum * moment[j] + gradients.back()[j] + mu * (y[j] - x[j]);
          y[j] -= run.rate * moment[j];
        }
      }
      const double share = run.among(t, k);
      for (std::size_t s = 0; s < gradients.size(); ++s) {
        for (std::size_t j = 0; j < 3; ++j) direction[j] += share * a[s] * gradients[s][j] / sum;
      }
      effective += share * (effective_steps ? count : sum);
    }
    for (std::size_t j = 0; j < 3; ++j) x[j] -= effective * run.rate * direction[j];
  }
  return x;
}

// Li et al. 2021 (Ditto), Algorithm 1, as many steps for both models: the hospitals' own in the
// end.
inline std::vector<Point> paper_ditto(const PaperRun& run, double lambda) {
  Point w{};
  std::vector<Point> own(run.sites.size(), Point{});
  std::vector<bool> begun(run.sites.size(), false);
  for (std::size_t t = 0; t < run.counted.size(); ++t) {
    Point step{};
    for (const std::size_t k : run.counted[t]) {
      Point y = w;
      if (!begun[k]) own[k] = w;
      begun[k] = true;
      for (int s = 0; s < run.steps[t][k]; ++s) {
        const Point g = run.sites[k].gradient(y);
        const Point h = run.sites[k].gradient(own[k]);
        for (std::size_t j = 0; j < 3; ++j) {
          y[j] -= run.rate * g[j];
          own[k][j] -= run.rate * (h[j] + lambda * (own[k][j] - w[j]));
        }
      }
      for (std::size_t j = 0; j < 3; ++j) step[j] += run.among(t, k) * (y[j] - w[j]);
    }
    for (std::size_t j = 0; j < 3; ++j) w[j] += step[j];
  }
  return own;
}

// Arivazhagan et al. 2019 (FedPer), Algorithm 1, the intercept at home; with head_steps > 0 Collins
// et al. 2021 (FedRep), Algorithm 1: so many steps of the intercept alone, then the weights alone.
// The hospitals' models in the end: the shared weights and their own intercepts.
inline std::vector<Point> paper_kept_intercepts(const PaperRun& run, int head_steps) {
  std::array<double, 2> shared{};
  std::vector<double> kept(run.sites.size(), 0.0);
  for (std::size_t t = 0; t < run.counted.size(); ++t) {
    std::array<double, 2> step{};
    for (const std::size_t k : run.counted[t]) {
      Point y{shared[0], shared[1], kept[k]};
      for (int s = 0; s < head_steps; ++s) y[2] -= run.rate * run.sites[k].gradient(y)[2];
      for (int s = 0; s < run.steps[t][k]; ++s) {
        const Point g = run.sites[k].gradient(y);
        for (std::size_t j = 0; j < 2; ++j) y[j] -= run.rate * g[j];
        if (head_steps == 0) y[2] -= run.rate * g[2];
      }
      kept[k] = y[2];
      for (std::size_t j = 0; j < 2; ++j) step[j] += run.among(t, k) * (y[j] - shared[j]);
    }
    for (std::size_t j = 0; j < 2; ++j) shared[j] += step[j];
  }
  std::vector<Point> models;
  for (const double intercept : kept) models.push_back({shared[0], shared[1], intercept});
  return models;
}

// Where sum_k p_k F_k is least when every hospital has an intercept of its own: least squares of
// what is left of the rows without their hospital's means.
inline std::vector<Point> optimum_with_intercepts(const std::vector<QuadraticSite>& sites,
                                                  const std::vector<double>& p) {
  double xx[2][2] = {};
  double xy[2] = {};
  std::vector<std::array<double, 3>> means(sites.size(), std::array<double, 3>{});
  for (std::size_t k = 0; k < sites.size(); ++k) {
    const auto n = static_cast<double>(sites[k].rows.size());
    for (const auto& row : sites[k].rows) {
      means[k][0] += row[0] / n;
      means[k][1] += row[1] / n;
      means[k][2] += row[3] / n;
    }
    for (const auto& row : sites[k].rows) {
      const double x[2] = {row[0] - means[k][0], row[1] - means[k][1]};
      for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 2; ++j) xx[i][j] += p[k] / n * x[i] * x[j];
        xy[i] += p[k] / n * x[i] * (row[3] - means[k][2]);
      }
    }
  }
  const double determinant = xx[0][0] * xx[1][1] - xx[0][1] * xx[1][0];
  const double a = (xy[0] * xx[1][1] - xy[1] * xx[0][1]) / determinant;
  const double b = (xx[0][0] * xy[1] - xx[1][0] * xy[0]) / determinant;
  std::vector<Point> models;
  for (const auto& mean : means) models.push_back({a, b, mean[2] - a * mean[0] - b * mean[1]});
  return models;
}

}  // namespace polyclinic::testing
