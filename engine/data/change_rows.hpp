// What a DataState does to the rows of one hospital, the same for every cohort.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/stream.hpp"
#include "data/change.hpp"
#include "data/split.hpp"

namespace polyclinic {

// Whose rows they are, and a number for each that it keeps as long as the run lasts: it decides
// which rows a share concerns.
struct RowNames {
  RunKey run;
  HospitalId hospital;
  std::span<const std::int64_t> ids;
};

// Scanners and codings, on a table's columns. REQUIRES: facts and ids fit the table.
void change_columns(const DataState& state, std::span<const ColumnFacts> facts,
                    const RowNames& names, RawTable& table);
// Labels, one after the other as the changes came.
void change_labels(const DataState& state, const RowNames& names, std::span<float> labels);

// The patients of a wave, drawn from those that there are. Of each split slot i holds row r with
// probability w_r / sum w: it keeps its own row with probability w_i / max w, and is drawn by the
// weights otherwise. So a weak wave changes few, a stronger one those and others, and none none.
class WaveDraw {
 public:
  // value(column, row) and label(row) are those of the beginning.
  WaveDraw(const DataState& state, RunKey run, HospitalId hospital,
           std::function<double(std::int32_t, std::int32_t)> value,
           std::function<float(std::int32_t)> label);
  // The rows of every split as they are drawn; the features of `rows.train` are the scale of `mix`.
  [[nodiscard]] SplitRows draw(const SplitRows& rows) const;

 private:
  [[nodiscard]] std::vector<std::int32_t> draw_split(std::span<const std::int32_t> rows,
                                                     std::span<const double> scale) const;

  const DataState& state_;
  RunKey run_;
  HospitalId hospital_;
  std::function<double(std::int32_t, std::int32_t)> value_;
  std::function<float(std::int32_t)> label_;
};

}  // namespace polyclinic
