#include "data/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"
#include "base/normals.hpp"
#include "data/change_rows.hpp"
#include "data/site_cache.hpp"
#include "data/site_size.hpp"
#include "data/split.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kRowsLeast = 50;
// rows = int(exp(N(4, 2))) + 50
constexpr double kSizeMu = 4.0;
constexpr double kSizeSigma = 2.0;
// A lognormal of that spread reaches over a million rows once in a few hundred thousand devices.
constexpr double kRowsMost = 1e6;

// Lanes of a device's address.
enum : std::uint64_t { kLaneSize = 0, kLaneLaw = 1, kLaneRows = 2 };

// What labels a device's rows: y = argmax(x W + b).
struct Law {
  std::vector<double> w;  // row j: the weights of feature j, one for each class
  std::vector<double> b;
  std::vector<double> mean;  // v
};

class SyntheticCohort : public Cohort {
 public:
  SyntheticCohort(const Part& part, const CohortContext& context);

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<std::string> site_names() const override;
  [[nodiscard]] std::int64_t sites() const override { return sites_; }
  [[nodiscard]] DataFacts facts() const override;
  [[nodiscard]] SitePtr site_at(const SiteAt& site) const override {
    return cache_.get({site.hospital, site.number()}, [&] {
      SitePtr first = make(site.hospital);
      return site.state() == nullptr ? first : changed(site.hospital, *first, *site.state());
    });
  }
  [[nodiscard]] std::int64_t train_rows(HospitalId hospital) const override {
    return split_counts(rows(hospital), shares_).train;
  }
  [[nodiscard]] SitePtr pooled_at(std::span<const SiteAt> sites) const override;
  // Nothing is standardised, so a site is the same either way.
  [[nodiscard]] SitePtr site_as_pooled_at(const SiteAt& site,
                                          std::span<const SiteAt>) const override {
    return site_at(site);
  }
  [[nodiscard]] std::string pooled_standardisation() const override { return "none"; }

 private:
  [[nodiscard]] std::int64_t rows(HospitalId hospital) const;
  [[nodiscard]] Law law(HospitalId hospital) const;
  [[nodiscard]] SitePtr make(HospitalId hospital) const;
  [[nodiscard]] SitePtr changed(HospitalId hospital, const Site& first,
                                const DataState& state) const;

  Part part_;
  RunKey run_;
  const SiteDirectory* directory_;
  const std::atomic<bool>* stop_;
  std::int64_t named_ = 0;  // hospitals that the world names
  std::int64_t sites_ = 0;
  double alpha_ = 0;
  double beta_ = 0;
  bool iid_ = false;
  std::size_t features_ = 0;
  std::size_t classes_ = 0;
  SplitShares shares_;
  std::vector<double> feature_sd_;
  DatasetInfo info_;
  SiteCache cache_;
};

SyntheticCohort::SyntheticCohort(const Part& part, const CohortContext& context)
    : part_(part),
      run_(context.run),
      directory_(context.directory),
      stop_(context.stop),
      cache_(context.cache_bytes) {
  alpha_ = part.number("alpha");
  beta_ = part.number("beta");
  iid_ = part.flag("iid");
  features_ = static_cast<std::size_t>(part.integer("features"));
  classes_ = static_cast<std::size_t>(part.integer("classes"));
  shares_ = {.train = 1.0 - part.number("test"),
             .validation = 0.0,
             .test = part.number("test"),
             .test_minimum = 0};
  named_ = directory_ ? directory_->count() : 0;
  sites_ = named_ > 0 ? named_ : part.integer("devices");
  if (named_ > 0 && part.given("devices") && part.integer("devices") != named_) {
    throw part.mistake(
        "devices",
        fmt::format("cohort.synthetic makes {} devices, and the scenario has {} hospitals",
                    part.integer("devices"), named_),
        "leave one of the two out");
  }
  if (named_ > 0) check_site_sizes(part_, *directory_);
  for (std::size_t j = 0; j < features_; ++j) {
    feature_sd_.push_back(math::pow(static_cast<double>(j) + 1.0, -0.6));  // sqrt(j^-1.2)
    info_.features.push_back(fmt::format("x{}", j + 1));
  }
  info_.task = classes_ == 2 ? OutcomeKind::binary : OutcomeKind::multiclass;
  info_.classes = static_cast<std::int32_t>(classes_);
  info_.outcome = "class";
  info_.standardisation = "none";
}

std::vector<std::string> SyntheticCohort::site_names() const {
  std::vector<std::string> names;
  for (std::int64_t i = 0; named_ == 0 && i < sites_; ++i)
    names.push_back(fmt::format("Device {}", i + 1));
  return names;
}

std::int64_t SyntheticCohort::rows(HospitalId hospital) const {
  if (named_ > 0) {
    const SiteRequest request = directory_->request(hospital);
    check_site_size(part_, request);
    if (request.patients > 0) return request.patients;
  }
  Stream stream(run_, Purpose::kCohort, hospital.value, 0, kLaneSize);
  const double size = math::exp(draw::normal(stream, kSizeMu, kSizeSigma));
  return static_cast<std::int64_t>(std::min(size, kRowsMost)) + kRowsLeast;
}

Law SyntheticCohort::law(HospitalId hospital) const {
  Stream stream = iid_ ? Stream(run_, Purpose::kCohortGlobal, 0, 0, kLaneLaw)
                       : Stream(run_, Purpose::kCohort, hospital.value, 0, kLaneLaw);
  const double u = iid_ ? 0.0 : draw::normal(stream, 0.0, alpha_);
  const double centre = iid_ ? 0.0 : draw::normal(stream, 0.0, beta_);
  Law result{std::vector<double>(features_ * classes_), std::vector<double>(classes_),
             std::vector<double>(features_)};
  for (double& w : result.w) w = draw::normal(stream, u, 1.0);
  for (double& b : result.b) b = draw::normal(stream, u, 1.0);
  for (double& v : result.mean) v = iid_ ? 0.0 : draw::normal(stream, centre, 1.0);
  return result;
}

namespace {

// score = b + x W, W a row for each feature. Sums run in the order of the features, two classes at
// a time in registers.
void score_classes(std::span<const double> x, std::span<const double> w, std::span<const double> b,
                   std::span<double> score) {
  const std::size_t classes = score.size();
  std::size_t c = 0;
  for (; c + 2 <= classes; c += 2) {
    double first = b[c];
    double second = b[c + 1];
    for (std::size_t j = 0; j < x.size(); ++j) {
      first += x[j] * w[j * classes + c];
      second += x[j] * w[j * classes + c + 1];
    }
    score[c] = first;
    score[c + 1] = second;
  }
  if (c == classes) return;
  double last = b[c];
  for (std::size_t j = 0; j < x.size(); ++j) last += x[j] * w[j * classes + c];
  score[c] = last;
}

}  // namespace

SitePtr SyntheticCohort::make(HospitalId hospital) const {
  const Law device = law(hospital);
  const std::int64_t count = rows(hospital);
  const std::vector<std::int32_t> one_stratum(static_cast<std::size_t>(count), 0);
  const SplitRows split = split_stratified({.stratum = one_stratum, .patient = {}, .decided = {}},
                                           shares_, Stream(run_, Purpose::kSplit, hospital.value));

  auto site = std::make_shared<Site>();
  const auto make_room = [&](Dataset& data, std::size_t n) {
    data.columns = static_cast<std::int32_t>(features_);
    data.x.resize(n * features_);
    data.label.resize(n);
  };
  make_room(site->train, split.train.size());
  make_room(site->test, split.test.size());

  // rows are drawn in order and go to their split
  Stream stream(run_, Purpose::kCohort, hospital.value, 0, kLaneRows);
  std::vector<double> x(features_);
  std::vector<double> score(classes_);
  auto next_test = split.test.begin();
  for (std::int32_t row = 0; row < count; ++row) {
    check_stop(stop_);
    const bool in_test = next_test != split.test.end() && *next_test == row;
    if (in_test) ++next_test;
    Dataset& data = in_test ? site->test : site->train;
    float* out = data.x.data() + data.rows * data.columns;
    draw::normals(stream, x);
    for (std::size_t j = 0; j < features_; ++j) {
      x[j] = device.mean[j] + feature_sd_[j] * x[j];
      out[j] = static_cast<float>(x[j]);
    }
    score_classes(x, device.w, device.b, score);
    data.label[static_cast<std::size_t>(data.rows)] =
        static_cast<float>(std::max_element(score.begin(), score.end()) - score.begin());
    ++data.rows;
  }
  site->validation.columns = static_cast<std::int32_t>(features_);
  return site;
}

DataFacts SyntheticCohort::facts() const {
  DataFacts facts;
  facts.task = info_.task;
  facts.classes = info_.classes;
  for (const std::string& feature : info_.features) {
    facts.columns.push_back({feature, ColumnKind::numeric, {}, false});
  }
  return facts;
}

namespace {

// Rows of one split as a table, numbered behind those of the splits before it.
void add_to_table(const Dataset& rows, RawTable& table, std::vector<float>& labels,
                  std::vector<std::int32_t>& numbers) {
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    numbers.push_back(static_cast<std::int32_t>(table.rows++));
    const auto x = rows.row(i);
    for (std::size_t j = 0; j < x.size(); ++j) table.columns[j].push_back(double{x[j]});
    labels.push_back(rows.label[static_cast<std::size_t>(i)]);
  }
}

}  // namespace

SitePtr SyntheticCohort::changed(HospitalId hospital, const Site& first,
                                 const DataState& state) const {
  RawTable table;
  table.columns.resize(features_);
  std::vector<float> labels;
  SplitRows split;
  add_to_table(first.train, table, labels, split.train);
  add_to_table(first.test, table, labels, split.test);
  if (state.others()) {
    const WaveDraw wave(
        state, run_, hospital,
        [&](std::int32_t column, std::int32_t row) {
          return table.columns[static_cast<std::size_t>(column)][static_cast<std::size_t>(row)];
        },
        [&](std::int32_t row) { return labels[static_cast<std::size_t>(row)]; });
    split = wave.draw(split);
  }
  std::vector<std::int64_t> ids(static_cast<std::size_t>(table.rows));
  std::iota(ids.begin(), ids.end(), 0);
  const RowNames names{run_, hospital, ids};
  change_columns(state, facts().columns, names, table);
  change_labels(state, names, labels);

  auto site = std::make_shared<Site>(first);
  const auto fill = [&](const std::vector<std::int32_t>& rows, Dataset& data) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<std::size_t>(rows[i]);
      for (std::size_t j = 0; j < features_; ++j) {
        data.x[i * features_ + j] = static_cast<float>(table.columns[j][row]);
      }
      data.label[i] = labels[row];
    }
  };
  fill(split.train, site->train);
  fill(split.test, site->test);
  return site;
}

SitePtr SyntheticCohort::pooled_at(std::span<const SiteAt> sites) const {
  auto all = std::make_shared<Site>();
  const auto append = [](const Dataset& from, Dataset& to) {
    to.rows += from.rows;
    to.columns = from.columns;
    to.x.insert(to.x.end(), from.x.begin(), from.x.end());
    to.label.insert(to.label.end(), from.label.begin(), from.label.end());
  };
  for (const SiteAt& at : sites) {
    const SitePtr one = site_at(at);
    append(one->train, all->train);
    append(one->validation, all->validation);
    append(one->test, all->test);
  }
  return all;
}

}  // namespace

std::unique_ptr<Cohort> make_synthetic_cohort(const Part& part, const CohortContext& context) {
  return std::make_unique<SyntheticCohort>(part, context);
}

}  // namespace polyclinic
