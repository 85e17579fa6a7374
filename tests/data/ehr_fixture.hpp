// What the tests of cohort.ehr share: parts, directories of hospitals and small statistics.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/ehr.hpp"

namespace polyclinic::ehr_test {

// Hospitals of equal size, ranks spread evenly over (0, 1), or all in the middle.
class Directory final : public SiteDirectory {
 public:
  Directory(std::int64_t hospitals, std::int64_t patients, bool spread = true)
      : hospitals_(hospitals), patients_(patients), spread_(spread) {}
  [[nodiscard]] std::int64_t count() const override { return hospitals_; }
  [[nodiscard]] SiteRequest request(HospitalId hospital) const override {
    requests.fetch_add(1, std::memory_order_relaxed);
    SiteRequest request;
    request.hospital = hospital;
    request.patients = patients_;
    if (spread_) {
      const auto n = static_cast<double>(hospitals_);
      request.prevalence_rank = (hospital.value + 0.5) / n;
      // another order than that of prevalence: 7 is coprime to the small counts used here
      request.case_mix_rank = (static_cast<double>(hospital.value * 7 % hospitals_) + 0.5) / n;
    }
    return request;
  }
  // sites are made on several threads
  mutable std::atomic<std::int64_t> requests{0};

 private:
  std::int64_t hospitals_;
  std::int64_t patients_;
  bool spread_;
};

inline Part make_part(std::vector<std::pair<std::string, Value>> given) {
  std::vector<FieldValue> fields;
  for (auto& [name, value] : given) fields.push_back({name, value, {}, true});
  std::vector<Mistake> mistakes;
  Part part = ehr_schemas().front().resolve(fields, {}, mistakes);
  for (const Mistake& mistake : mistakes) FAIL(mistake.message);
  return part;
}

inline Distribution logit_normal(double median, double spread) {
  Distribution d;
  d.kind = Distribution::Kind::logit_normal;
  d.a = median;
  d.b = spread;
  return d;
}

// AUROC with ties, its standard error after DeLong, DeLong and Clarke-Pearson 1988, and each row's
// placement, from which the error of a difference of two follows.
struct Roc {
  double auroc = 0;
  double error = 0;
  std::vector<double>
      placement;  // per row: share of the other class that it is on the right side of
};

inline Roc roc(const std::vector<double>& score, const std::vector<float>& label) {
  const std::size_t n = score.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return score[a] < score[b]; });
  const auto events = static_cast<double>(std::count(label.begin(), label.end(), 1.0F));
  const double rest = static_cast<double>(n) - events;
  Roc result;
  result.placement.resize(n);
  double events_below = 0;
  double rest_below = 0;
  for (std::size_t i = 0; i < n;) {
    std::size_t j = i;
    double tied_events = 0;
    for (; j < n && score[order[j]] == score[order[i]]; ++j) tied_events += label[order[j]];
    const double tied_rest = static_cast<double>(j - i) - tied_events;
    for (std::size_t k = i; k < j; ++k) {
      const bool event = label[order[k]] > 0.5F;
      result.placement[order[k]] =
          event ? (rest_below + tied_rest / 2) / rest
                : (events - events_below - tied_events + tied_events / 2) / events;
    }
    events_below += tied_events;
    rest_below += tied_rest;
    i = j;
  }
  double variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (label[i] > 0.5F) result.auroc += result.placement[i] / events;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double d = result.placement[i] - result.auroc;
    const double m = label[i] > 0.5F ? events : rest;
    variance += d * d / ((m - 1) * m);
  }
  result.error = std::sqrt(variance);
  return result;
}

// Standard error of the difference of two AUROCs over the same rows (the same paper).
inline double difference_error(const Roc& a, const Roc& b, const std::vector<float>& label) {
  const auto events = static_cast<double>(std::count(label.begin(), label.end(), 1.0F));
  const double rest = static_cast<double>(label.size()) - events;
  double variance = 0;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const double d = (a.placement[i] - a.auroc) - (b.placement[i] - b.auroc);
    const double m = label[i] > 0.5F ? events : rest;
    variance += d * d / ((m - 1) * m);
  }
  return std::sqrt(variance);
}

// All three splits of a site after one another.
inline Dataset all_rows(const Site& site) {
  Dataset all;
  const auto add = [](const auto& from, auto& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (const Dataset* d : {&site.train, &site.validation, &site.test}) {
    all.rows += d->rows;
    all.columns = d->columns;
    add(d->x, all.x);
    add(d->label, all.label);
    add(d->true_label, all.true_label);
    add(d->latent_risk, all.latent_risk);
    add(d->achievable_risk, all.achievable_risk);
    add(d->patient, all.patient);
    add(d->day, all.day);
    all.groups.resize(d->groups.size());
    for (std::size_t g = 0; g < d->groups.size(); ++g) add(d->groups[g], all.groups[g]);
  }
  return all;
}

inline double mean(const auto& values) {
  double sum = 0;
  for (const auto v : values) sum += static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

// Column of a feature by name.
inline std::size_t feature(const Cohort& cohort, const std::string& name) {
  const auto& names = cohort.info().features;
  const auto found = std::find(names.begin(), names.end(), name);
  REQUIRE_MESSAGE(found != names.end(), name);
  return static_cast<std::size_t>(found - names.begin());
}

// Observations must lie this many standard errors from what theory says; a right program fails one
// such comparison in 16,000, and seeds are fixed.
inline constexpr double kErrors = 4;

}  // namespace polyclinic::ehr_test
