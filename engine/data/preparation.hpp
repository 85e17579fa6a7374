// From the columns of a table to the numbers that a model sees: imputation with indicators,
// categorical coding, standardisation. Everything is fitted on training rows alone and then applied
// to all splits, so nothing of a test row can reach a training value.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.hpp"

namespace polyclinic {

// What a column holds and how it becomes features.
enum class ColumnKind : std::uint8_t {
  numeric,      // one feature
  boolean,      // one feature, 0 or 1
  categorical,  // one feature (0 or 1) per level, see PreparationPlan::all_levels
};

// A column of a cohort, the same at every site.
struct RawColumn {
  std::string name;
  ColumnKind kind = ColumnKind::numeric;
  std::vector<std::string> levels;  // categorical: names, in the order of their numbers
  bool may_be_missing = false;      // gets an indicator feature, if the plan wants indicators
};

// Values before preparation, one vector per RawColumn: NaN is missing, a level is its number.
struct RawTable {
  std::int64_t rows = 0;
  std::vector<std::vector<double>> columns;
};

// Some rows of a table, in the order in which they will stand in a Dataset.
struct RawRows {
  const RawTable* table = nullptr;
  std::span<const std::int32_t> rows;
};

// How features are put on one scale: z = (x - mean) / sd, with sd^2 = sum (x - mean)^2 / (n - 1). A
// feature that does not vary in the fitted rows (sd <= 1e-9 |mean|) becomes 0 in every row.
enum class Standardisation : std::uint8_t {
  per_hospital,  // mean and sd of the site's own training rows: hides shifts between sites
  federated,     // mean and sd of all members' training rows, as secure sums would give them
  none,          // values as they are
};
std::string_view name(Standardisation standardisation);
// REQUIRES: the name of one of them.
Standardisation standardisation_named(std::string_view name);
// The mode in words, for the output.
std::string in_words(Standardisation standardisation);

// What stands for a missing number; a missing category becomes the most frequent level.
enum class Imputation : std::uint8_t {
  median,  // mean of the two middle values of an even number
  mean,
};

struct PreparationPlan {
  Standardisation standardise = Standardisation::per_hospital;
  Imputation impute = Imputation::median;
  bool indicators = true;   // a feature `missing(x)`, 0 or 1, for each column that may be missing
  bool all_levels = false;  // categorical: a feature for the first level too (it is the reference)
};

// What fitting found; a value, small. `fill` is per column, `mean` and `scale` per feature.
struct Fitted {
  std::vector<double> fill;
  std::vector<double> mean;
  std::vector<double> scale;        // 1 / sd; 0: the feature does not vary
  std::vector<std::int32_t> empty;  // columns without any value in the fitted rows; filled with 0
};

// The plan for one cohort's columns. Immutable and thread-safe.
// Features: numeric and boolean columns in column order, then the levels of categorical ones
// (`cp=2`), then indicators.
class Preparation {
 public:
  Preparation(std::vector<RawColumn> columns, PreparationPlan plan);

  [[nodiscard]] const std::vector<RawColumn>& columns() const { return columns_; }
  [[nodiscard]] const PreparationPlan& plan() const { return plan_; }
  // Names of the features, in the order of Dataset::x.
  [[nodiscard]] const std::vector<std::string>& features() const { return features_; }

  // Fits as if the given training rows lay in one table: one site, or the pooled reference. With
  // Standardisation::none mean is 0 and scale 1.
  [[nodiscard]] Fitted fit(std::span<const RawRows> training) const;

  // Fits over sites by sums that each adds up alone: counts of values and their sum (numbers are
  // filled with the mean: no secure sum gives a median), then sums of features, then of squared
  // differences from the mean. `site(i)` is called three times for each i < sites, in order; what
  // it returns need live only until the next call.
  [[nodiscard]] Fitted fit_federated(std::size_t sites,
                                     const std::function<RawRows(std::size_t)>& site) const;

  // Writes rows, columns and x of `out`.
  void apply(const Fitted& fitted, const RawRows& rows, Dataset& out) const;

 private:
  void expand(const Fitted& fitted, const RawRows& rows, std::size_t row, double* out) const;
  void fit_scale(std::size_t sites, const std::function<RawRows(std::size_t)>& site,
                 Fitted& fitted) const;

  std::vector<RawColumn> columns_;
  PreparationPlan plan_;
  std::vector<std::string> features_;
};

}  // namespace polyclinic
