// Normalisation of hidden layers within a Pass: forward, back, and running statistics.
#include <algorithm>

#include "base/check.hpp"
#include "learn/dense/pass.hpp"

namespace polyclinic::dense {

// Moments couple the rows of a batch: it goes through the layers as a whole then.
std::int64_t Pass::rows_at_once(const Batch& batch) {
  const bool whole = network_.spec().norm == Norm::batch && moments_ == Moments::of_batch;
  if (!whole) return kChunk;
  work_.reserve_rows(network_, batch.count);
  return std::max<std::int64_t>(batch.count, 1);
}

bool Pass::learns_statistics(const Layer& layer) const {
  if (moments_ == Moments::running) return false;
  return slices_.empty() || slices_[layer.norm_slice + 2] != SliceUse::frozen;
}

void Pass::normalise(std::size_t l, std::int64_t count) {
  const Layer& layer = network_.layers()[l];
  NormWork& norm = work_.norms[l];
  const float* parameters = work_.parameters.data();
  Normalisation terms{.rows = count,
                      .width = layer.outputs,
                      .stride = layer.outputs_padded,
                      .groups = network_.spec().groups,
                      .scale = parameters + layer.scale(),
                      .shift = parameters + layer.shift(),
                      .mean = nullptr,
                      .variance = nullptr,
                      .epsilon = kNormEpsilon,
                      .x = work_.activations[l + 1].data(),
                      .normed = norm.normed.data(),
                      .inverse = norm.inverse.data(),
                      .scratch = work_.norm_scratch.data()};
  if (network_.spec().norm != Norm::batch) {
    k_.norm_rows(terms);
    return;
  }
  // a single row differs from its mean by nothing: it is taken as in a prediction
  norm.rows_of_batch = count > 1 && learns_statistics(layer) ? count : 0;
  terms.mean = parameters + layer.mean();
  terms.variance = parameters + layer.variance();
  if (norm.rows_of_batch > 0) {
    k_.column_moments(terms.x, terms.stride, count, terms.stride, norm.mean.data(),
                      norm.variance.data());
    terms.mean = norm.mean.data();
    terms.variance = norm.variance.data();
  }
  k_.norm_columns(terms);
}

// What each row adds to the gradients of scale and shift; errors are at what `normalise` wrote.
void Pass::norm_terms(std::size_t l, std::int64_t count) {
  const std::int64_t n = count * network_.layers()[l].outputs_padded;
  NormWork& norm = work_.norms[l];
  k_.multiply(n, work_.errors[l].data(), norm.normed.data(), norm.scale_terms.data());
  std::copy_n(work_.errors[l].data(), n, norm.shift_terms.data());
}

void Pass::norm_gradient(std::size_t l, std::int64_t count, bool accumulate) {
  const Layer& layer = network_.layers()[l];
  const NormWork& norm = work_.norms[l];
  float* out = work_.gradient.data();
  k_.column_sums(norm.scale_terms.data(), layer.outputs_padded, count, layer.outputs_padded,
                 accumulate, out + layer.scale());
  k_.column_sums(norm.shift_terms.data(), layer.outputs_padded, count, layer.outputs_padded,
                 accumulate, out + layer.shift());
  // running statistics are no parameters of the loss
  std::fill_n(out + layer.mean(), (layer.norm_arrays - 2) * layer.outputs_padded, 0.0F);
}

// errors at what was normalised = errors at what came of it, through the moments, too
void Pass::propagate_norm(std::size_t l, std::int64_t count) {
  const Layer& layer = network_.layers()[l];
  NormWork& norm = work_.norms[l];
  const float* sums = work_.gradient.data();  // of a batch that is one chunk: norm_gradient's
  const NormSlopes terms{.rows = count,
                         .width = layer.outputs,
                         .stride = layer.outputs_padded,
                         .groups = network_.spec().groups,
                         .scale = work_.parameters.data() + layer.scale(),
                         .normed = norm.normed.data(),
                         .inverse = norm.inverse.data(),
                         .rows_of_statistics = norm.rows_of_batch,
                         .shift_sums = sums + layer.shift(),
                         .scale_sums = sums + layer.scale(),
                         .error = work_.errors[l].data(),
                         .scratch = work_.norm_scratch.data()};
  if (network_.spec().norm == Norm::batch) {
    k_.norm_columns_back(terms);
  } else {
    k_.norm_rows_back(terms);
  }
}

namespace {

// The variance that a batch estimates is of all rows there could be: divided by n - 1.
float unbiased(float variance, std::int64_t rows) {
  return variance * (static_cast<float>(rows) / static_cast<float>(rows - 1));
}

}  // namespace

void Pass::move_statistics() {
  if (network_.spec().norm != Norm::batch) return;
  for (std::size_t l = 0; l < work_.norms.size(); ++l) {
    const Layer& layer = network_.layers()[l];
    const NormWork& norm = work_.norms[l];
    if (norm.rows_of_batch == 0) continue;
    float* mean = work_.parameters.data() + layer.mean();
    float* variance = work_.parameters.data() + layer.variance();
    for (std::int64_t j = 0; j < layer.outputs; ++j) {
      const auto at = static_cast<std::size_t>(j);
      mean[j] += kStatisticShare * (norm.mean[at] - mean[j]);
      variance[j] +=
          kStatisticShare * (unbiased(norm.variance[at], norm.rows_of_batch) - variance[j]);
    }
  }
}

void Pass::estimate_statistics(const Dataset& data) {
  const Batch batch{
      .data = &data, .rows = nullptr, .count = data.rows, .class_weights = {}, .unit_ends = {}};
  work_.reserve_rows(network_, data.rows);
  load_chunk(batch, 0, data.rows);
  forward(data.rows, nullptr, false);
  for (std::size_t l = 0; l < work_.norms.size(); ++l) {
    const Layer& layer = network_.layers()[l];
    const NormWork& norm = work_.norms[l];
    float* mean = work_.parameters.data() + layer.mean();
    float* variance = work_.parameters.data() + layer.variance();
    for (std::int64_t j = 0; j < layer.outputs; ++j) {
      const auto at = static_cast<std::size_t>(j);
      mean[j] = norm.mean[at];
      variance[j] = unbiased(norm.variance[at], norm.rows_of_batch);
    }
  }
}

}  // namespace polyclinic::dense
