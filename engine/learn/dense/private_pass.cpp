// A step of DP-SGD (Abadi et al. 2016, Alg. 1) without a gradient per row or per patient.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.hpp"
#include "learn/dense/pass.hpp"

namespace polyclinic::dense {

// The gradient of one row's loss with respect to a layer's weights is the outer product of the
// error e at its outputs and of its inputs a, that of its bias is e: the squared norm over all
// layers is sum |e|^2 (|a|^2 + 1)  (Goodfellow 2015, arXiv 1510.01799, section 4). Of a
// normalised layer the terms of scale and shift are at hand, a vector each.
void Pass::ghost_norms(std::int64_t count) {
  std::fill(work_.squares.begin(), work_.squares.end(), 0.0F);
  for (std::size_t l = 0; l < network_.layers().size(); ++l) {
    const Layer& layer = network_.layers()[l];
    k_.row_squares(work_.activations[l].data(), layer.inputs_padded, count, layer.inputs_padded,
                   work_.input_squares.data());
    const float* errors = errors_of(l);
    if (!layer.single) {
      k_.row_squares(errors, layer.outputs_padded, count, layer.outputs_padded,
                     work_.error_squares.data());
    }
    const float bias = layer.bias >= 0 ? 1.0F : 0.0F;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const float error = layer.single ? errors[i] * errors[i] : work_.error_squares[row];
      work_.squares[row] += error * (work_.input_squares[row] + bias);
    }
    if (layer.norm >= 0) add_norm_squares(l, count);
  }
}

void Pass::add_norm_squares(std::size_t l, std::int64_t count) {
  const std::int64_t stride = network_.layers()[l].outputs_padded;
  for (const FloatBuffer* terms : {&work_.norms[l].scale_terms, &work_.norms[l].shift_terms}) {
    k_.row_squares(terms->data(), stride, count, stride, work_.error_squares.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto row = static_cast<std::size_t>(i);
      work_.squares[row] += work_.error_squares[row];
    }
  }
}

// A row whose gradient is no number counts as nothing: infinity times zero would be none either.
void Pass::erase_row(std::int64_t row) {
  for (std::size_t l = 0; l < network_.layers().size(); ++l) {
    const Layer& layer = network_.layers()[l];
    std::fill_n(work_.activations[l].data() + row * layer.inputs_padded, layer.inputs_padded, 0.0F);
    const std::int64_t width = layer.single ? 1 : layer.outputs_padded;
    std::fill_n(errors_of(l) + row * width, width, 0.0F);
    if (layer.norm < 0) continue;
    std::fill_n(work_.norms[l].scale_terms.data() + row * width, width, 0.0F);
    std::fill_n(work_.norms[l].shift_terms.data() + row * width, width, 0.0F);
  }
}

// The squared norm of the sum of the gradients of the chunk's rows first .. end - 1: the sum of
// their products, <g_i, g_j> = sum over layers of <e_i, e_j> (<a_i, a_j> + 1), and the products of
// what they add to scales and shifts. Products of both
// signs cancel while their roundings do not: those are below 2^-16 of the sum of |<g_i, g_j>|,
// which is at most the number of rows times the sum of their squared norms.
double Pass::unit_square(std::int64_t first, std::int64_t end) {
  double own = 0;
  for (std::int64_t i = first; i < end; ++i) own += work_.squares[static_cast<std::size_t>(i)];
  if (end - first == 1) return own;
  double cross = 0;
  std::array<float, kChunk> inputs{};
  std::array<float, kChunk> outputs{};
  for (std::size_t l = 0; l < network_.layers().size(); ++l) {
    const Layer& layer = network_.layers()[l];
    const float* a = work_.activations[l].data();
    const float* e = errors_of(l);
    const double bias = layer.bias >= 0 ? 1.0 : 0.0;
    for (std::int64_t i = first; i + 1 < end; ++i) {
      const std::int64_t others = end - i - 1;
      k_.dots(a + (i + 1) * layer.inputs_padded, layer.inputs_padded, others,
              a + i * layer.inputs_padded, layer.inputs_padded, 0.0F, inputs.data());
      if (layer.single) {
        for (std::int64_t j = 0; j < others; ++j) {
          outputs[static_cast<std::size_t>(j)] = e[i] * e[i + 1 + j];
        }
      } else {
        k_.dots(e + (i + 1) * layer.outputs_padded, layer.outputs_padded, others,
                e + i * layer.outputs_padded, layer.outputs_padded, 0.0F, outputs.data());
      }
      for (std::int64_t j = 0; j < others; ++j) {
        const auto at = static_cast<std::size_t>(j);
        cross += static_cast<double>(outputs[at]) * (static_cast<double>(inputs[at]) + bias);
      }
      if (layer.norm < 0) continue;
      for (const FloatBuffer* terms : {&work_.norms[l].scale_terms, &work_.norms[l].shift_terms}) {
        const float* t = terms->data();
        k_.dots(t + (i + 1) * layer.outputs_padded, layer.outputs_padded, others,
                t + i * layer.outputs_padded, layer.outputs_padded, 0.0F, outputs.data());
        for (std::int64_t j = 0; j < others; ++j) {
          cross += static_cast<double>(outputs[static_cast<std::size_t>(j)]);
        }
      }
    }
  }
  return std::max(own + 2 * cross, 0.0) + 0x1p-16 * static_cast<double>(end - first) * own;
}

// Errors are linear in the slope of the loss, so a row's factor on them is a factor on its
// gradient. `first`: of the chunk in the batch.
void Pass::cut_units(std::int64_t first, std::int64_t count, const Batch& batch, double clip,
                     double expected) {
  // norms are sums of positive floats in 16 running sums and a tree: up to inputs_padded / 16 + 6
  // roundings, below 2^-16 in all for a thousand inputs. So much is left between norm and bound.
  const double bound = clip * (1 - 0x1p-16);
  const auto* next = std::upper_bound(batch.unit_ends.data(),
                                      batch.unit_ends.data() + batch.unit_ends.size(), first);
  for (std::int64_t begin = 0, end = 0; begin < count; begin = end) {
    end = batch.unit_ends.empty() ? begin + 1 : *next++ - first;
    const double norm = std::sqrt(unit_square(begin, end));
    const bool finite = std::isfinite(norm);
    const double factor = norm > bound && finite ? bound / norm : 1.0;
    for (std::int64_t i = begin; i < end; ++i) {
      if (!finite) erase_row(i);
      work_.squares[static_cast<std::size_t>(i)] = static_cast<float>(factor / expected);
    }
  }
  for (std::size_t l = 0; l < network_.layers().size(); ++l) {
    const Layer& layer = network_.layers()[l];
    float* errors = errors_of(l);
    if (layer.norm >= 0) {
      for (FloatBuffer* terms : {&work_.norms[l].scale_terms, &work_.norms[l].shift_terms}) {
        k_.scale_rows(terms->data(), layer.outputs_padded, count, layer.outputs_padded,
                      work_.squares.data());
      }
    }
    if (!layer.single) {
      k_.scale_rows(errors, layer.outputs_padded, count, layer.outputs_padded,
                    work_.squares.data());
      continue;
    }
    for (std::int64_t i = 0; i < count; ++i)
      errors[i] *= work_.squares[static_cast<std::size_t>(i)];
  }
}

namespace {

// Rows of the chunk that begins at `first`: as many as fit, units whole.
std::int64_t chunk_rows(const Batch& batch, std::int64_t first) {
  const std::int64_t most = std::min(kChunk, batch.count - first);
  if (batch.unit_ends.empty()) return most;
  const auto after = std::upper_bound(batch.unit_ends.begin(), batch.unit_ends.end(), first + most);
  ENSURE(after != batch.unit_ends.begin() && *(after - 1) > first, "a unit fits a chunk");
  return *(after - 1) - first;
}

}  // namespace

double Pass::clipped_gradient(const Batch& batch, std::optional<Stream> dropout, double clip,
                              double expected) {
  ENSURE(network_.spec().head != Head::cox, "the loss of a row is its own");
  ENSURE(network_.spec().norm != Norm::batch, "a row's gradient is its own");
  Stream* masks = dropout ? &*dropout : nullptr;
  refresh_transposed();
  if (batch.count == 0) std::fill(work_.gradient.begin(), work_.gradient.end(), 0.0F);
  double total = 0;
  static_assert(kPatientRowsMost <= kChunk);
  std::int64_t count = 0;
  for (std::int64_t first = 0; first < batch.count; first += count) {
    count = chunk_rows(batch, first);
    load_chunk(batch, first, count);
    load_labels(batch, first, count);
    forward(count, masks, true);
    total += score_loss(count, 1.0F);
    for (std::size_t l = network_.layers().size(); l-- > 1;) {
      propagate(l, count);
      if (!normalises()) continue;
      norm_terms(l - 1, count);
      propagate_norm(l - 1, count);
    }
    ghost_norms(count);
    cut_units(first, count, batch, clip, expected);
    for (std::size_t l = network_.layers().size(); l-- > 0;) {
      weight_gradient(l, count, first > 0);
      if (network_.layers()[l].norm >= 0) norm_gradient(l, count, first > 0);
    }
  }
  return total;
}

void Pass::add_noise(const SecretAddress& at, double deviation) {
  const std::int64_t n = network_.packed_size();
  const std::int64_t drawn = (n + kNoiseGroup - 1) / kNoiseGroup * kNoiseGroup;
  work_.noise.resize(static_cast<std::size_t>(drawn));
  k_.normals(at, drawn, work_.noise.data());
  k_.axpy(n, static_cast<float>(deviation), work_.noise.data(), work_.gradient.data());
  network_.clear_padding(work_.gradient.data());
}

}  // namespace polyclinic::dense
