#include "learn/loader.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"

namespace polyclinic {

BatchShape batch_shape(const TrainingPlan& plan, std::int64_t rows) {
  ENSURE(rows > 0, "an epoch has rows");
  BatchShape shape;
  shape.batch = plan.batch == 0 ? rows : std::min(plan.batch, rows);
  shape.full = rows / shape.batch;
  shape.rest = plan.drop_last ? 0 : rows % shape.batch;
  return shape;
}

Loader::Loader(const TrainingTask& task, std::vector<std::int32_t>& order)
    : task_(task),
      order_(order),
      shape_(batch_shape(*task.plan, task.data->rows)),
      rows_(task.data->rows),
      position_(shape_.rows_per_epoch()) {
  order_.resize(static_cast<std::size_t>(rows_));
  const TrainerState* state = task.state;
  if (task.plan->steps == 0 || state == nullptr) return;
  epoch_ = state->epoch;
  if (static_cast<std::int64_t>(state->order.size()) != rows_) return;
  order_ = state->order;
  position_ = state->position;
}

void Loader::begin_epoch() {
  if (!task_.given_order.empty()) {
    const auto n = static_cast<std::size_t>(rows_);
    const auto from = static_cast<std::size_t>(begun_) * n;
    ENSURE(from + n <= task_.given_order.size(),
           "a row order is given for every epoch that begins");
    std::copy_n(task_.given_order.begin() + static_cast<std::ptrdiff_t>(from), n, order_.begin());
  } else {
    std::iota(order_.begin(), order_.end(), 0);
    if (task_.plan->batch != 0) {
      Stream stream(task_.run, Purpose::kBatchOrder, task_.entity,
                    static_cast<std::uint64_t>(task_.round), static_cast<std::uint64_t>(epoch_));
      draw::shuffle(stream, order_);
    }
  }
  position_ = 0;
  ++epoch_;
  ++begun_;
}

std::span<const std::int32_t> Loader::next() {
  const std::int64_t end = shape_.rows_per_epoch();
  if (position_ >= end) begin_epoch();
  const std::int64_t count = std::min(shape_.batch, end - position_);
  const std::span<const std::int32_t> rows(order_.data() + position_,
                                           static_cast<std::size_t>(count));
  position_ += count;
  return rows;
}

PatientRows rows_by_patient(const Dataset& data, std::int64_t most) {
  ENSURE(static_cast<std::int64_t>(data.patient.size()) == data.rows, "rows know their patients");
  // places of patients as they first appear
  std::vector<std::int32_t> order(data.patient.size());
  std::iota(order.begin(), order.end(), 0);
  const auto id = [&](std::int32_t row) { return data.patient[static_cast<std::size_t>(row)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return id(a) < id(b); });
  struct Run {
    std::size_t begin, end;  // in order
  };
  std::vector<Run> runs;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || id(order[i]) != id(order[i - 1])) runs.push_back({i, i});
    ++runs.back().end;
  }
  std::sort(runs.begin(), runs.end(),
            [&](const Run& a, const Run& b) { return order[a.begin] < order[b.begin]; });
  PatientRows result;
  for (const Run& run : runs) {
    const std::size_t end = std::min(run.end, run.begin + static_cast<std::size_t>(most));
    for (std::size_t i = run.begin; i < end; ++i) result.rows.push_back(order[i]);
    result.ends.push_back(static_cast<std::int32_t>(result.rows.size()));
  }
  return result;
}

PoissonLoader::PoissonLoader(const TrainingTask& task, std::vector<std::int32_t>& chosen)
    : task_(task),
      chosen_(chosen),
      units_(task.data->rows),
      rate_(sampling_rate(*task.plan, task.data->rows)),
      expected_(static_cast<double>(batch_shape(*task.plan, task.data->rows).batch)) {
  chosen_.resize(static_cast<std::size_t>(units_));
  if (task.plan->privacy.patients) {
    patients_ = rows_by_patient(*task.data, kPatientRowsMost);
    units_ = static_cast<std::int64_t>(patients_.ends.size());
  }
  if (rate_ < 1) log_tails_ = math::log1p(-rate_);
}

std::span<const std::int32_t> PoissonLoader::at(std::int64_t step) {
  const bool patients = task_.plan->privacy.patients;
  std::size_t count = 0;
  ends_.clear();
  const auto take = [&](std::int64_t unit) {
    if (!patients) {
      chosen_[count++] = static_cast<std::int32_t>(unit);
      return;
    }
    const auto u = static_cast<std::size_t>(unit);
    const std::int32_t begin = u == 0 ? 0 : patients_.ends[u - 1];
    for (std::int32_t i = begin; i < patients_.ends[u]; ++i) {
      chosen_[count++] = patients_.rows[static_cast<std::size_t>(i)];
    }
    ends_.push_back(static_cast<std::int32_t>(count));
  };
  if (rate_ >= 1) {
    for (std::int64_t unit = 0; unit < units_; ++unit) take(unit);
    return {chosen_.data(), count};
  }
  // coins that fall tails before the next heads are geometric: floor(ln u / ln(1 - q)) of them
  // (Devroye 1986, X.2), one draw for each unit that is taken instead of one for each unit
  Stream stream(task_.run, Purpose::kPrivateBatch, task_.entity,
                static_cast<std::uint64_t>(task_.round), static_cast<std::uint64_t>(step));
  for (std::int64_t unit = -1;;) {
    const double tails = std::floor(math::log(stream.uniform_open()) / log_tails_);
    if (tails >= static_cast<double>(units_ - 1 - unit)) break;
    unit += 1 + static_cast<std::int64_t>(tails);
    take(unit);
  }
  return {chosen_.data(), count};
}

}  // namespace polyclinic
