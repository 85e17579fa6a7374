#include "data/change_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic {

namespace {

// Steps of a hospital's addresses: patients count up from 0, traits are at the last one, and what
// happens to data counts down from before it.
constexpr std::uint64_t kDrawStep = ~std::uint64_t{0} - 1;
constexpr std::uint64_t kChangeStep = ~std::uint64_t{0} - 2;

// Whether a change of which only a share of the rows is concerned concerns this one.
bool concerns(const RowNames& names, std::uint64_t which, double share, std::int64_t id) {
  if (share >= 1) return true;
  Stream coin(names.run, Purpose::kCohort, names.hospital.value, kChangeStep - which,
              static_cast<std::uint64_t>(id));
  return coin.uniform() < share;
}

// In the record's own units. What an instrument reads at or below 0 has no logarithm: it is
// missing.
double read_by(const DataState::Scanner& scanner, double value, bool logarithm) {
  if (!logarithm) return scanner.scale * value + scanner.add;
  const double read = scanner.scale * math::exp(value) + scanner.add;
  return read > 0 ? math::log(read) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void change_columns(const DataState& state, std::span<const ColumnFacts> facts,
                    const RowNames& names, RawTable& table) {
  ENSURE(facts.size() == table.columns.size(), "every column has its facts");
  for (const auto& [column, scanner] : state.scanners) {
    const auto c = static_cast<std::size_t>(column);
    for (double& value : table.columns[c]) {
      if (!std::isnan(value)) value = read_by(scanner, value, facts[c].logarithm);
    }
  }
  for (const DataState::Coding& coding : state.codings) {
    std::vector<double>& values = table.columns[static_cast<std::size_t>(coding.column)];
    for (std::size_t row = 0; row < values.size(); ++row) {
      const auto code = std::find_if(coding.codes.begin(), coding.codes.end(),
                                     [&](const auto& pair) { return pair.first == values[row]; });
      if (code == coding.codes.end()) continue;
      if (concerns(names, coding.which, coding.share, names.ids[row])) values[row] = code->second;
    }
  }
}

void change_labels(const DataState& state, const RowNames& names, std::span<float> labels) {
  for (const DataState::Labels& change : state.labels) {
    for (std::size_t row = 0; row < labels.size(); ++row) {
      if (labels[row] != change.from) continue;
      if (concerns(names, change.which, change.share, names.ids[row])) labels[row] = change.to;
    }
  }
}

WaveDraw::WaveDraw(const DataState& state, RunKey run, HospitalId hospital,
                   std::function<double(std::int32_t, std::int32_t)> value,
                   std::function<float(std::int32_t)> label)
    : state_(state),
      run_(run),
      hospital_(hospital),
      value_(std::move(value)),
      label_(std::move(label)) {}

SplitRows WaveDraw::draw(const SplitRows& rows) const {
  // log weight of one unit of each column: per standard deviation among the training rows
  std::vector<double> per_unit;
  for (const auto& [column, weight] : state_.mix) {
    double n = 0;
    double sum = 0;
    for (const std::int32_t row : rows.train) {
      const double x = value_(column, row);
      if (std::isnan(x)) continue;
      n += 1;
      sum += x;
    }
    const double mean = n > 0 ? sum / n : 0;
    double squares = 0;
    for (const std::int32_t row : rows.train) {
      const double x = value_(column, row);
      if (!std::isnan(x)) squares += (x - mean) * (x - mean);
    }
    const double sd = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
    per_unit.push_back(sd > 0 ? weight / sd : 0);
    per_unit.push_back(mean);
  }
  return {draw_split(rows.train, per_unit), draw_split(rows.validation, per_unit),
          draw_split(rows.test, per_unit)};
}

std::vector<std::int32_t> WaveDraw::draw_split(std::span<const std::int32_t> rows,
                                               std::span<const double> scale) const {
  std::vector<double> weight;
  for (const std::int32_t row : rows) {
    double log_weight = 0;
    std::size_t k = 0;
    for (const auto& [column, unused] : state_.mix) {
      const double x = value_(column, row);
      if (!std::isnan(x)) log_weight += scale[k] * (x - scale[k + 1]);
      k += 2;
    }
    const auto odds = state_.log_odds.find(static_cast<std::int32_t>(label_(row)));
    if (odds != state_.log_odds.end()) log_weight += odds->second;
    weight.push_back(log_weight);
  }
  if (weight.empty()) return {};
  const double highest = *std::max_element(weight.begin(), weight.end());
  for (double& w : weight) w = math::exp(w - highest);
  std::vector<double> sums(weight.size());
  std::partial_sum(weight.begin(), weight.end(), sums.begin());

  // P(slot i holds r) = (1/n) [w_r / max + (1 - sum w / (n max)) n w_r / sum w] = w_r / sum w, over
  // the slots: exact importance resampling with as many rows left alone as can be
  std::vector<std::int32_t> drawn(rows.begin(), rows.end());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Stream stream(run_, Purpose::kCohort, hospital_.value, kDrawStep,
                  static_cast<std::uint64_t>(rows[i]));
    if (stream.uniform() < weight[i]) continue;
    const double u = stream.uniform() * sums.back();
    const auto place = std::upper_bound(sums.begin(), sums.end(), u) - sums.begin();
    drawn[i] = rows[static_cast<std::size_t>(std::min(place, std::ssize(rows) - 1))];
  }
  return drawn;
}

}  // namespace polyclinic
