// The patients of one site as numbers: what a hospital holds, ready for training.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace polyclinic {

// What the labels are. (Not named Task: that word is the coroutine of sim.)
enum class OutcomeKind : std::uint8_t {
  binary,      // 0 or 1
  multiclass,  // 0 .. classes-1
  regression,  // any number
  count,       // 0, 1, 2, ...
  survival,    // label = time to event or censoring (> 0), event = whether it was seen
};
std::string_view name(OutcomeKind task);

// One named way to divide patients (sex, age band, ethnicity) and the names of its levels.
struct GroupVariable {
  std::string name;
  std::vector<std::string> levels;
};

// What the columns of every dataset of a cohort mean. Shared by all its sites.
struct DatasetInfo {
  OutcomeKind task = OutcomeKind::binary;
  std::int32_t classes = 2;  // multiclass only
  std::string outcome;       // "sepsis"
  std::vector<std::string> features;
  std::vector<GroupVariable> groups;
  std::string standardisation;  // in words, for the output
  [[nodiscard]] std::int32_t feature_count() const {
    return static_cast<std::int32_t>(features.size());
  }
};

// Rows of one split of one site. Plain data; after it is made nobody changes it.
struct Dataset {
  std::int64_t rows = 0;
  std::int32_t columns = 0;
  std::vector<float> x;      // rows x columns, row after row, prepared (imputed, standardised)
  std::vector<float> label;  // rows; as recorded
  // Each of the following is empty or has one entry per row (groups: one vector per GroupVariable).
  std::vector<float> true_label;        // what really happened (generated cohorts)
  std::vector<float> event;             // survival: 1 seen, 0 censored
  std::vector<std::int32_t> stratum;    // survival: rows with equal numbers share a risk set
  std::vector<double> latent_risk;      // generated cohorts: true probability given everything
  std::vector<double> achievable_risk;  // generated cohorts: probability given the observed row
  std::vector<std::int64_t> patient;    // id, equal for the same person at different hospitals
  std::vector<float> day;               // time of the encounter, days from the start of the records
  std::vector<std::vector<std::uint8_t>> groups;  // level per row

  [[nodiscard]] std::span<const float> row(std::int64_t i) const {
    return {x.data() + i * columns, static_cast<std::size_t>(columns)};
  }
  [[nodiscard]] std::int64_t bytes() const;
};

// One site: its three splits never mix, and no patient is in two of them.
struct Site {
  Dataset train;
  Dataset validation;
  Dataset test;
  std::vector<std::string> remarks;  // what a reader of results must know: "test has 1 negative"
  [[nodiscard]] std::int64_t bytes() const {
    return train.bytes() + validation.bytes() + test.bytes();
  }
};

// Shared because the cohort's bounded cache may drop a site while a worker still reads it.
using SitePtr = std::shared_ptr<const Site>;

}  // namespace polyclinic
