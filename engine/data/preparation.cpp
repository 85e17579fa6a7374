#include "data/preparation.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

namespace {

constexpr double kConstantRelativeSd = 1e-9;

bool observed(double value) {
  return !std::isnan(value);
}

// Calls use(value) for each value of a column that is there.
template <class Use>
void for_observed(const RawRows& rows, std::size_t column, Use use) {
  const std::vector<double>& values = rows.table->columns[column];
  for (const std::int32_t row : rows.rows) {
    if (observed(values[row])) use(values[row]);
  }
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double below = *std::max_element(values.begin(), middle);
  return below + (*middle - below) / 2;
}

// The most frequent level, the first of equals; 0 when none was seen.
double most_frequent(const std::vector<double>& counts) {
  if (counts.empty()) return 0;
  return static_cast<double>(std::max_element(counts.begin(), counts.end()) - counts.begin());
}

}  // namespace

std::string_view name(Standardisation standardisation) {
  switch (standardisation) {
    case Standardisation::per_hospital: return "per_hospital";
    case Standardisation::federated: return "federated";
    case Standardisation::none: return "none";
  }
  ENSURE(false, "the switch names every mode");
}

Standardisation standardisation_named(std::string_view text) {
  for (const auto mode :
       {Standardisation::per_hospital, Standardisation::federated, Standardisation::none}) {
    if (name(mode) == text) return mode;
  }
  ENSURE(false, "the schema lists the modes");
}

std::string in_words(Standardisation standardisation) {
  switch (standardisation) {
    case Standardisation::per_hospital:
      return "each hospital by mean and sd of its own training rows";
    case Standardisation::federated:
      return "all hospitals by mean and sd of their training rows together, from secure sums";
    case Standardisation::none: return "none";
  }
  ENSURE(false, "the switch names every mode");
}

Preparation::Preparation(std::vector<RawColumn> columns, PreparationPlan plan)
    : columns_(std::move(columns)), plan_(plan) {
  for (const RawColumn& column : columns_) {
    if (column.kind != ColumnKind::categorical) features_.push_back(column.name);
  }
  for (const RawColumn& column : columns_) {
    if (column.kind != ColumnKind::categorical) continue;
    for (std::size_t level = plan_.all_levels ? 0 : 1; level < column.levels.size(); ++level) {
      features_.push_back(column.name + "=" + column.levels[level]);
    }
  }
  if (!plan_.indicators) return;
  for (const RawColumn& column : columns_) {
    if (column.may_be_missing) features_.push_back("missing(" + column.name + ")");
  }
}

// Writes the features of one row, imputed and not yet scaled.
void Preparation::expand(const Fitted& fitted, const RawRows& rows, std::size_t row,
                         double* out) const {
  const std::int32_t source = rows.rows[row];
  const auto value = [&](std::size_t c) {
    const double raw = rows.table->columns[c][source];
    return observed(raw) ? raw : fitted.fill[c];
  };
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].kind != ColumnKind::categorical) *out++ = value(c);
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].kind != ColumnKind::categorical) continue;
    const auto found = static_cast<std::size_t>(value(c));
    for (std::size_t level = plan_.all_levels ? 0 : 1; level < columns_[c].levels.size(); ++level) {
      *out++ = level == found ? 1.0 : 0.0;
    }
  }
  if (!plan_.indicators) return;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].may_be_missing) {
      *out++ = observed(rows.table->columns[c][source]) ? 0.0 : 1.0;
    }
  }
}

// mean = sum x / n, then sd^2 = sum (x - mean)^2 / (n - 1): two passes, because the textbook
// formula with sum x^2 loses all digits where the mean is large against the sd
void Preparation::fit_scale(std::size_t sites, const std::function<RawRows(std::size_t)>& site,
                            Fitted& fitted) const {
  const std::size_t count = features_.size();
  fitted.mean.assign(count, 0.0);
  fitted.scale.assign(count, 1.0);
  if (plan_.standardise == Standardisation::none) return;

  std::vector<double> features(count);
  std::vector<double> site_sum(count);
  double n = 0;
  const auto sum_over_sites = [&](auto term) {
    std::vector<double> total(count, 0.0);
    n = 0;
    for (std::size_t s = 0; s < sites; ++s) {
      const RawRows rows = site(s);
      std::fill(site_sum.begin(), site_sum.end(), 0.0);
      for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        expand(fitted, rows, row, features.data());
        for (std::size_t j = 0; j < count; ++j) site_sum[j] += term(j, features[j]);
      }
      for (std::size_t j = 0; j < count; ++j) total[j] += site_sum[j];
      n += static_cast<double>(rows.rows.size());
    }
    return total;
  };

  const std::vector<double> sum = sum_over_sites([](std::size_t, double x) { return x; });
  for (std::size_t j = 0; j < count; ++j) fitted.mean[j] = n > 0 ? sum[j] / n : 0.0;
  const std::vector<double> squares = sum_over_sites([&](std::size_t j, double x) {
    const double difference = x - fitted.mean[j];
    return difference * difference;
  });
  for (std::size_t j = 0; j < count; ++j) {
    const double sd = n > 1 ? std::sqrt(squares[j] / (n - 1)) : 0.0;
    const bool constant = sd <= kConstantRelativeSd * std::fabs(fitted.mean[j]) || sd == 0.0;
    fitted.scale[j] = constant ? 0.0 : 1.0 / sd;
  }
}

Fitted Preparation::fit(std::span<const RawRows> training) const {
  Fitted fitted;
  fitted.fill.assign(columns_.size(), 0.0);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    // values of all sites as one table's
    std::vector<double> values;
    for (const RawRows& rows : training) {
      for_observed(rows, c, [&](double value) { values.push_back(value); });
    }
    if (values.empty()) {
      fitted.empty.push_back(static_cast<std::int32_t>(c));
    } else if (columns_[c].kind == ColumnKind::categorical) {
      std::vector<double> counts(columns_[c].levels.size(), 0.0);
      for (const double value : values) counts[static_cast<std::size_t>(value)] += 1;
      fitted.fill[c] = most_frequent(counts);
    } else if (plan_.impute == Imputation::median) {
      fitted.fill[c] = median(values);
    } else {
      double sum = 0;
      for (const double value : values) sum += value;
      fitted.fill[c] = sum / static_cast<double>(values.size());
    }
  }
  fit_scale(
      training.size(), [&](std::size_t i) { return training[i]; }, fitted);
  return fitted;
}

Fitted Preparation::fit_federated(std::size_t sites,
                                  const std::function<RawRows(std::size_t)>& site) const {
  std::vector<double> sum(columns_.size(), 0.0);
  std::vector<double> n(columns_.size(), 0.0);
  std::vector<std::vector<double>> counts(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) counts[c].resize(columns_[c].levels.size());
  for (std::size_t s = 0; s < sites; ++s) {
    const RawRows rows = site(s);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      double site_sum = 0;
      for_observed(rows, c, [&](double value) {
        n[c] += 1;
        if (columns_[c].kind == ColumnKind::categorical) {
          counts[c][static_cast<std::size_t>(value)] += 1;
        } else {
          site_sum += value;
        }
      });
      sum[c] += site_sum;
    }
  }
  Fitted fitted;
  fitted.fill.assign(columns_.size(), 0.0);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (n[c] == 0) {
      fitted.empty.push_back(static_cast<std::int32_t>(c));
    } else if (columns_[c].kind == ColumnKind::categorical) {
      fitted.fill[c] = most_frequent(counts[c]);
    } else {
      fitted.fill[c] = sum[c] / n[c];
    }
  }
  fit_scale(sites, site, fitted);
  return fitted;
}

void Preparation::apply(const Fitted& fitted, const RawRows& rows, Dataset& out) const {
  const std::size_t count = features_.size();
  out.rows = std::ssize(rows.rows);
  out.columns = static_cast<std::int32_t>(count);
  out.x.resize(rows.rows.size() * count);
  std::vector<double> features(count);
  float* next = out.x.data();
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    expand(fitted, rows, row, features.data());
    for (std::size_t j = 0; j < count; ++j) {
      *next++ = static_cast<float>((features[j] - fitted.mean[j]) * fitted.scale[j]);
    }
  }
}

}  // namespace polyclinic
