#include "data/ehr_posterior.hpp"

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
  double log_odds = 0;
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

}  // namespace

double achievable_risk(const Model& model, const Spec& spec, const SiteModel& site,
                       const Observed& o) {
  Factors mean = model.factor_mean(*o.known);
  for (std::size_t k = 0; k < kFactors; ++k) mean[k] += site.traits.severity[k];
  Evidence e = gather(model, o, mean);
  const Factors y_h = forward(e.precision, e.h);
  const Factors y_w = forward(e.precision, site.weights);
  const double variance = dot(y_w, y_w);
  double base = Model::known_risk(spec.outcome, site.strength, *o.known) + dot(site.weights, mean) +
                dot(y_w, y_h);

  // mixed term of two comorbidities: d_i' Omega d_k - y_i . y_k (they share no measurement)
  const auto interaction = [&](std::size_t i, std::size_t k) {
    return model.precise_pair(i, k) - dot(e.shift[i].y, e.shift[k].y);
  };

  // of each comorbidity: its part in the exponent and in the posterior mean of the linear risk; the
  // prior mean moves by d beside what V (Omega d + h - ...) says of the deviation from it
  std::array<std::size_t, kConditions> open{};
  std::array<double, kConditions> linear{};
  std::size_t count = 0;
  std::array<std::size_t, kConditions> there{};
  std::size_t there_count = 0;
  for (std::size_t j = 0; j < kConditions; ++j) {
    Shift& s = e.shift[j];
    s.risk = dot(y_w, s.y) + site.effect[j];
    linear[j] = dot(s.y, y_h) + s.fit - 0.5 * (s.own - dot(s.y, s.y));
    const double p = (*o.condition_probability)[j];
    const double sensitivity = spec.condition_dropped[j] ? 0 : site.traits.sensitivity[j];
    if (!spec.condition_dropped[j] && (*o.coded)[j]) {
      there[there_count++] = j;
      base += s.risk;
    } else {
      s.log_odds = math::log(p * (1 - sensitivity) / (1 - p));
      open[count++] = j;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Shift& s = e.shift[open[i]];
    linear[open[i]] += s.log_odds;
    for (std::size_t k = 0; k < there_count; ++k) {
      linear[open[i]] -= interaction(open[i], there[k]);
    }
  }

  // all sets of the open ones, each from a smaller set by adding its highest member
  constexpr std::size_t kSets = 1U << kConditions;
  std::array<double, kSets> log_weight{};
  std::array<double, kSets> risk{};
  risk[0] = base;
  double most = 0;
  for (std::size_t i = 0, size = 1; i < count; ++i, size *= 2) {
    const Shift& s = e.shift[open[i]];
    std::array<double, kConditions> mixed{};
    for (std::size_t k = 0; k < i; ++k) mixed[k] = interaction(open[i], open[k]);
    for (std::size_t set = 0; set < size; ++set) {
      double w = log_weight[set] + linear[open[i]];
      for (std::size_t k = 0; k < i; ++k) {
        if ((set >> k & 1U) != 0) w -= mixed[k];
      }
      log_weight[size + set] = w;
      risk[size + set] = risk[set] + s.risk;
      if (w > most) most = w;
    }
  }
  double total = 0;
  double sum = 0;
  constexpr double kNegligible = -40;  // exp(-40) = 4e-18 of the largest
  for (std::size_t set = 0; set < (std::size_t{1} << count); ++set) {
    const double w = log_weight[set] - most;
    if (w < kNegligible) continue;
    const double weight = math::exp(w);
    total += weight;
    sum += weight * outcome_probability(risk[set], variance, site.threshold, o.last);
  }
  return sum / total;
}

}  // namespace polyclinic::ehr
