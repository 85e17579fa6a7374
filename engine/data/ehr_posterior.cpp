#include "data/ehr_posterior.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"

namespace polyclinic::ehr {

namespace {

using Matrix = std::array<Factors, kFactors>;

double dot(const Factors& a, const Factors& b) {
  double sum = 0;
  for (std::size_t k = 0; k < kFactors; ++k) sum += a[k] * b[k];
  return sum;
}

// Lower triangle L with L L' = m, in place.
void factorise(Matrix& m) {
  for (std::size_t i = 0; i < kFactors; ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      double sum = m[i][k];
      for (std::size_t j = 0; j < k; ++j) sum -= m[i][j] * m[k][j];
      m[i][k] = i == k ? std::sqrt(sum) : sum / m[k][k];
    }
  }
}

// L^-1 b.
Factors forward(const Matrix& lower, Factors b) {
  for (std::size_t i = 0; i < kFactors; ++i) {
    for (std::size_t j = 0; j < i; ++j) b[i] -= lower[i][j] * b[j];
    b[i] /= lower[i][i];
  }
  return b;
}

// A comorbidity in the notation of the header: y = L^-1 (Omega d - sum l g / s^2).
struct Shift {
  Factors y{};
  double fit = 0;   // sum g r / s^2: how well the effect on measurements explains them
  double own = 0;   // sum g^2 / s^2 + d' Omega d
  double risk = 0;  // of the linear risk's mean
};

// All sums over the observed measurements.
struct Evidence {
  Matrix precision{};  // then its factor L
  Factors h{};
  std::array<Shift, kConditions> shift{};
};

Evidence gather(const Model& model, const Observed& o, const Factors& mean) {
  Evidence e;
  e.precision = model.precision();
  for (std::size_t j = 0; j < kConditions; ++j) {
    e.shift[j].y = model.precise_shift(j);
    e.shift[j].own = model.precise_pair(j, j);
  }
  std::array<double, kMeasurements> scaled{};  // r / s^2
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    if (!(*o.measured)[m]) continue;
    const Factors& l = kMeasurementTable[m].loading;
    const double weight = 1 / (model.noise(m) * model.noise(m));
    const double r = (*o.t)[m] - model.measurement_mean(m, *o.known) - dot(l, mean);
    scaled[m] = r * weight;
    for (std::size_t i = 0; i < kFactors; ++i) {
      if (l[i] == 0) continue;
      e.h[i] += l[i] * scaled[m];
      for (std::size_t k = 0; k <= i; ++k) e.precision[i][k] += l[i] * l[k] * weight;
    }
  }
  for (const DirectEffect& direct : kDirectEffects) {
    const std::size_t m = direct.measurement;
    if (!(*o.measured)[m]) continue;
    Shift& s = e.shift[direct.condition];
    const double weight = 1 / (model.noise(m) * model.noise(m));
    s.fit += direct.effect * scaled[m];
    s.own += direct.effect * direct.effect * weight;
    for (std::size_t k = 0; k < kFactors; ++k) {
      s.y[k] -= kMeasurementTable[m].loading[k] * direct.effect * weight;
    }
  }
  factorise(e.precision);
  for (Shift& s : e.shift) s.y = forward(e.precision, s.y);
  return e;
}

// exp() of a part of the exponent, kept far from overflow: six of them multiply. Odds of exp(90)
// are certainty.
double factor(double exponent) {
  return math::exp(std::clamp(exponent, -90.0, 90.0));
}

// The uncoded comorbidities of a row, each with its weight against its absence.
struct Open {
  std::size_t count = 0;
  std::array<std::size_t, kConditions> condition{};
  std::array<double, kConditions> odds{};                            // alone
  std::array<std::array<double, kConditions>, kConditions> mixed{};  // with another open one
};

// Mean of outcome_probability over all sets of open comorbidities, each made from a smaller set by
// adding its highest member.
double mixture(const NormalTable& normal, const Open& open, const Evidence& evidence, double base,
               double variance, double threshold, double last) {
  constexpr std::size_t kSets = std::size_t{1} << kConditions;
  std::array<double, kSets> weight{};
  std::array<double, kSets> risk{};
  std::array<double, kSets> together{};  // product of the mixed weights of the newest with the set
  weight[0] = 1;
  risk[0] = base;
  double total = 1;
  std::size_t sets = 1;
  for (std::size_t i = 0; i < open.count; ++i) {
    together[0] = open.odds[i];
    for (std::size_t k = 0, size = 1; k < i; ++k, size *= 2) {
      for (std::size_t set = 0; set < size; ++set) {
        together[size + set] = together[set] * open.mixed[i][k];
      }
    }
    for (std::size_t set = 0; set < sets; ++set) {
      weight[sets + set] = weight[set] * together[set];
      risk[sets + set] = risk[set] + evidence.shift[open.condition[i]].risk;
      total += weight[sets + set];
    }
    sets *= 2;
  }

  // at most 2^6 sets are left out: less than 1e-5 of the whole
  constexpr double kNegligible = 1.5e-7;
  const double scale = 1 / std::sqrt(1 + variance);
  double sum = 0;
  double kept = 0;
  for (std::size_t set = 0; set < sets; ++set) {
    if (weight[set] < kNegligible * total) continue;
    kept += weight[set];
    sum += weight[set] * normal.cdf((risk[set] - threshold) * scale);
  }
  return last * sum / kept;
}

}  // namespace

double achievable_risk(const Model& model, const Spec& spec, const SiteModel& site,
                       const Observed& o) {
  Factors mean = model.factor_mean(*o.known);
  for (std::size_t k = 0; k < kFactors; ++k) mean[k] += site.traits.severity[k];
  Evidence e = gather(model, o, mean);
  const Factors y_h = forward(e.precision, e.h);
  const Factors y_w = forward(e.precision, site.weights);
  double base = Model::known_risk(spec.outcome, site.strength, *o.known) + dot(site.weights, mean) +
                dot(y_w, y_h);

  // mixed term of two comorbidities: d_i' Omega d_k - y_i . y_k (they share no measurement)
  const auto interaction = [&](std::size_t i, std::size_t k) {
    return model.precise_pair(i, k) - dot(e.shift[i].y, e.shift[k].y);
  };
  const auto is_coded = [&](std::size_t j) { return !spec.condition_dropped[j] && (*o.coded)[j]; };
  Open open;
  for (std::size_t j = 0; j < kConditions; ++j) {
    Shift& s = e.shift[j];
    s.risk = dot(y_w, s.y) + site.effect[j];
    if (is_coded(j)) {
      base += s.risk;
      continue;
    }
    double exponent = dot(s.y, y_h) + s.fit - 0.5 * (s.own - dot(s.y, s.y));
    for (std::size_t k = 0; k < kConditions; ++k) {
      if (is_coded(k)) exponent -= interaction(j, k);
    }
    const double p = (*o.condition_probability)[j];
    const double sensitivity = spec.condition_dropped[j] ? 0 : site.traits.sensitivity[j];
    open.odds[open.count] = p * (1 - sensitivity) / (1 - p) * factor(exponent);
    for (std::size_t k = 0; k < open.count; ++k) {
      open.mixed[open.count][k] = factor(-interaction(j, open.condition[k]));
    }
    open.condition[open.count++] = j;
  }
  return mixture(model.normal(), open, e, base, dot(y_w, y_w), site.threshold, o.last);
}

}  // namespace polyclinic::ehr
