#include "learn/dense/contrast.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "base/math.hpp"
#include "learn/dense/pass.hpp"

namespace polyclinic::dense {

namespace {

double product(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

// Cosine of z with another vector, and what its gradient by z is made of:
// other * along - z * cosine / |z|^2.
struct Cosine {
  double value = 0;
  double along = 0;
};

Cosine cosine(std::span<const float> z, std::span<const float> other, double square) {
  const double lengths = std::sqrt(square * product(other, other));
  if (lengths == 0) return {};
  return {product(z, other) / lengths, 1 / lengths};
}

}  // namespace

double contrastive_loss(std::span<const float> z, std::span<const float> near,
                        std::span<const float> far, double temperature, std::span<float> slope) {
  const double square = product(z, z);
  const Cosine to_near = cosine(z, near, square);
  const Cosine to_far = cosine(z, far, square);
  const double x = (to_far.value - to_near.value) / temperature;
  // the loss is softplus(x), its slope by x the sigmoid
  const double loss = std::max(x, 0.0) + math::log1p(math::exp(-std::fabs(x)));
  const double tail = math::exp(-std::fabs(x));
  const double share = (x >= 0 ? 1.0 : tail) / (1 + tail) / temperature;
  const double back = square > 0 ? (to_far.value - to_near.value) / square : 0.0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double way = static_cast<double>(far[i]) * to_far.along -
                       static_cast<double>(near[i]) * to_near.along -
                       static_cast<double>(z[i]) * back;
    slope[i] = static_cast<float>(share * way);
  }
  return loss;
}

void Pass::represent(const Dataset& data, FloatBuffer& out) {
  const std::int64_t width = network_.layers().back().inputs_padded;
  const Batch batch{
      .data = &data, .rows = nullptr, .count = data.rows, .class_weights = {}, .unit_ends = {}};
  out.resize(static_cast<std::size_t>(data.rows * width));
  for (std::int64_t first = 0; first < data.rows; first += kChunk) {
    const std::int64_t count = std::min(kChunk, data.rows - first);
    load_chunk(batch, first, count);
    forward(count, nullptr, false);
    std::copy_n(work_.activations.back().data(), count * width, out.data() + first * width);
  }
}

// Errors are at the values before the activation, where propagate left them.
void Pass::add_contrast(std::int64_t count) {
  const std::size_t hidden = network_.layers().size() - 1;
  const Layer& last = network_.layers().back();
  const auto units = static_cast<std::size_t>(last.inputs);
  const float* slopes = stores_slopes() ? work_.slopes[hidden - 1].data() : nullptr;
  work_.contrast_slope.resize(units);
  const double factor = contrast_->weight / static_cast<double>(batch_->count);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t at = first_ + i;
    const std::int64_t row = batch_->rows != nullptr ? batch_->rows[at] : at;
    const float* z = work_.activations[hidden].data() + i * last.inputs_padded;
    contrastive_loss({z, units}, {work_.near.data() + row * last.inputs_padded, units},
                     {work_.far.data() + row * last.inputs_padded, units}, contrast_->temperature,
                     work_.contrast_slope);
    float* error = work_.errors[hidden - 1].data() + i * last.inputs_padded;
    for (std::size_t j = 0; j < units; ++j) {
      const double gate =
          slopes != nullptr
              ? static_cast<double>(slopes[static_cast<std::size_t>(i * last.inputs_padded) + j])
              : (z[j] > 0 ? 1.0 : 0.0);
      error[j] += static_cast<float>(factor * gate * static_cast<double>(work_.contrast_slope[j]));
    }
  }
}

}  // namespace polyclinic::dense
