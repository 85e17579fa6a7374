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

PoissonLoader::PoissonLoader(const TrainingTask& task, std::vector<std::int32_t>& chosen)
    : task_(task),
      chosen_(chosen),
      rows_(task.data->rows),
      rate_(sampling_rate(*task.plan, task.data->rows)),
      expected_(static_cast<double>(batch_shape(*task.plan, task.data->rows).batch)) {
  chosen_.resize(static_cast<std::size_t>(rows_));
  if (rate_ < 1) log_tails_ = math::log1p(-rate_);
}

std::span<const std::int32_t> PoissonLoader::at(std::int64_t step) {
  if (rate_ >= 1) {
    std::iota(chosen_.begin(), chosen_.end(), 0);
    return chosen_;
  }
  // coins that fall tails before the next heads are geometric: floor(ln u / ln(1 - q)) of them
  // (Devroye 1986, X.2), one draw for each row that is taken instead of one for each row
  Stream stream(task_.run, Purpose::kPrivateBatch, task_.entity,
                static_cast<std::uint64_t>(task_.round), static_cast<std::uint64_t>(step));
  std::size_t count = 0;
  for (std::int64_t row = -1;;) {
    const double tails = std::floor(math::log(stream.uniform_open()) / log_tails_);
    if (tails >= static_cast<double>(rows_ - 1 - row)) break;
    row += 1 + static_cast<std::int64_t>(tails);
    chosen_[count++] = static_cast<std::int32_t>(row);
  }
  return {chosen_.data(), count};
}

}  // namespace polyclinic
