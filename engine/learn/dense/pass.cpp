#include "learn/dense/pass.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic::dense {

NetworkWorkspace::NetworkWorkspace(const Network& network, const Kernels& used) : kernels(used) {
  const auto packed = static_cast<std::size_t>(network.packed_size());
  for (FloatBuffer* buffer : {&parameters, &start, &gradient, &moment1, &moment2}) {
    buffer->resize(packed);
  }
  transposed.resize(static_cast<std::size_t>(network.transposed_size()));
  const std::size_t hidden = network.layers().size() - 1;
  activations.resize(hidden + 1);
  for (std::vector<FloatBuffer>* buffers : {&slopes, &masks, &errors}) buffers->resize(hidden);
  if (network.spec().norm != Norm::none) norms.resize(hidden);
  reserve_rows(network, kChunk);
}

void NetworkWorkspace::reserve_rows(const Network& network, std::int64_t rows) {
  if (rows <= room_) return;
  room_ = (rows + kChunk - 1) / kChunk * kChunk;
  const auto make = [this](FloatBuffer& buffer, std::int64_t width) {
    buffer.resize(static_cast<std::size_t>(room_ * width));
  };
  for (std::size_t l = 0; l < activations.size(); ++l) {
    const Layer& layer = network.layers()[l];
    make(activations[l], layer.inputs_padded);
    if (l == slopes.size()) break;
    make(slopes[l], layer.outputs_padded);
    if (network.spec().dropout > 0) make(masks[l], layer.outputs_padded);
    make(errors[l], layer.outputs_padded);
    if (!norms.empty()) reserve_norm(network, l);
  }
  const Layer& last = network.layers().back();
  make(scores, last.single ? 1 : last.outputs_padded);
  make(score_errors, last.single ? 1 : last.outputs_padded);
  for (FloatBuffer* buffer : {&labels, &weights, &input_squares, &error_squares, &squares}) {
    make(*buffer, 1);
  }
}

void NetworkWorkspace::reserve_norm(const Network& network, std::size_t l) {
  const std::int64_t width = network.layers()[l].outputs_padded;
  NormWork& norm = norms[l];
  for (FloatBuffer* buffer : {&norm.normed, &norm.scale_terms, &norm.shift_terms}) {
    buffer->resize(static_cast<std::size_t>(room_ * width));
  }
  if (network.spec().norm == Norm::batch) {
    for (FloatBuffer* buffer : {&norm.inverse, &norm.mean, &norm.variance}) {
      buffer->resize(static_cast<std::size_t>(width));
    }
    return;
  }
  norm.inverse.resize(static_cast<std::size_t>(room_ * network.spec().groups));
  const auto two_parts = static_cast<std::size_t>(2 * width);
  if (norm_scratch.size() < two_parts) norm_scratch.resize(two_parts);
}

void Pass::refresh_transposed() {
  for (const Layer& layer : network_.layers()) {
    if (layer.transposed < 0) continue;
    k_.transpose(work_.parameters.data() + layer.weights, layer.inputs, layer.outputs,
                 layer.outputs_padded, work_.transposed.data() + layer.transposed,
                 layer.inputs_padded);
  }
}

void Pass::load_chunk(const Batch& batch, std::int64_t first, std::int64_t count) {
  const Layer& layer = network_.layers().front();
  const Dataset& data = *batch.data;
  batch_ = &batch;
  first_ = first;
  const float* x = data.x.data();
  if (batch.rows == nullptr) x += first * layer.inputs;
  k_.gather(x, layer.inputs, batch.rows != nullptr ? batch.rows + first : nullptr, count,
            work_.activations.front().data(), layer.inputs_padded);
}

void Pass::load_labels(const Batch& batch, std::int64_t first, std::int64_t count) {
  const float* label = batch.data->label.data();
  float* to = work_.labels.data();
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = label[batch.rows != nullptr ? batch.rows[first + i] : first + i];
  }
  if (network_.spec().head == Head::softmax) {
    for (std::int64_t i = 0; i < count; ++i) {
      ENSURE(to[i] >= 0.0F, "a class is no negative number");
      ENSURE(to[i] < static_cast<float>(network_.spec().outputs),
             "a class below the number of classes");
    }
  }
  weighted_ = !batch.class_weights.empty();
  if (!weighted_) return;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label_class = static_cast<std::size_t>(to[i]);
    DENSURE(label_class < batch.class_weights.size(), "one weight per class");
    work_.weights[static_cast<std::size_t>(i)] =
        static_cast<float>(batch.class_weights[label_class]);
  }
}

// A unit stays with probability 1 - p and is then scaled by 1 / (1 - p) (Srivastava et al. 2014,
// inverted), so that evaluation needs no change. 32 bits decide one unit.
void Pass::draw_mask(std::size_t hidden, std::int64_t count, Stream& stream) {
  const Layer& layer = network_.layers()[hidden];
  const double p = network_.spec().dropout;
  const auto threshold = static_cast<std::uint64_t>(p * 4294967296.0);
  const auto kept = static_cast<float>(1.0 / (1.0 - p));
  float* mask = work_.masks[hidden].data();
  for (std::int64_t i = 0; i < count; ++i, mask += layer.outputs_padded) {
    for (std::int64_t j = 0; j < layer.outputs; j += 2) {
      const std::uint64_t word = stream.next_u64();
      mask[j] = (word & 0xFFFFFFFFULL) < threshold ? 0.0F : kept;
      if (j + 1 < layer.outputs) mask[j + 1] = (word >> 32U) < threshold ? 0.0F : kept;
    }
  }
}

void Pass::apply_layer(std::size_t l, std::int64_t count, Product::Finish finish) {
  const Layer& layer = network_.layers()[l];
  const bool last = l + 1 == network_.layers().size();
  const float* in = work_.activations[l].data();
  const float* w = work_.parameters.data() + layer.weights;
  const float* bias = layer.bias >= 0 ? work_.parameters.data() + layer.bias : nullptr;
  float* out = last ? work_.scores.data() : work_.activations[l + 1].data();
  if (layer.single) {
    const float start = bias != nullptr ? *bias : 0.0F;
    k_.dots(in, layer.inputs_padded, count, w, layer.inputs_padded, start, out);
    return;
  }
  k_.product({.m = count,
              .n = layer.outputs_padded,
              .k = layer.inputs,
              .a = in,
              .a_row = layer.inputs_padded,
              .a_step = 1,
              .b = w,
              .b_step = layer.outputs_padded,
              .c = out,
              .c_row = layer.outputs_padded,
              .bias = bias,
              .accumulate = false,
              .finish = finish,
              .aux = nullptr});
}

void Pass::forward(std::int64_t count, Stream* dropout, bool keep_slopes) {
  const std::size_t hidden = network_.layers().size() - 1;
  const Activation activation = network_.spec().activation;
  const bool slopes = keep_slopes && stores_slopes();
  const bool fused_relu =
      activation == Activation::relu && !slopes && dropout == nullptr && !normalises();
  for (std::size_t l = 0; l < hidden; ++l) {
    apply_layer(l, count, fused_relu ? Product::Finish::relu : Product::Finish::none);
    if (fused_relu) continue;
    if (normalises()) normalise(l, count);
    if (dropout != nullptr) draw_mask(l, count, *dropout);
    k_.activate(activation, count * network_.layers()[l].outputs_padded,
                work_.activations[l + 1].data(), slopes ? work_.slopes[l].data() : nullptr,
                dropout != nullptr ? work_.masks[l].data() : nullptr);
  }
  apply_layer(hidden, count, Product::Finish::none);
}

double Pass::score_loss(std::int64_t count, float scale) {
  const Layer& last = network_.layers().back();
  return k_.loss({.head = network_.spec().head,
                  .rows = count,
                  .outputs = last.outputs,
                  .z = work_.scores.data(),
                  .row_stride = last.single ? 1 : last.outputs_padded,
                  .label = work_.labels.data(),
                  .weight = weighted_ ? work_.weights.data() : nullptr,
                  .scale = scale,
                  .slope = work_.score_errors.data()});
}

void Pass::weight_gradient(std::size_t l, std::int64_t count, bool accumulate) {
  const Layer& layer = network_.layers()[l];
  const float* in = work_.activations[l].data();
  const float* error = errors_of(l);
  float* out = work_.gradient.data();
  // several outputs: inputs^T errors; a single one: errors^T inputs
  const Product p{.m = layer.single ? 1 : layer.inputs,
                  .n = layer.single ? layer.inputs_padded : layer.outputs_padded,
                  .k = count,
                  .a = layer.single ? error : in,
                  .a_row = 1,
                  .a_step = layer.single ? 1 : layer.inputs_padded,
                  .b = layer.single ? in : error,
                  .b_step = layer.single ? layer.inputs_padded : layer.outputs_padded,
                  .c = out + layer.weights,
                  .c_row = layer.outputs_padded,
                  .bias = nullptr,
                  .accumulate = accumulate,
                  .finish = Product::Finish::none,
                  .aux = nullptr};
  k_.product(p);
  if (layer.bias < 0) return;
  if (layer.single) {
    // errors beyond the last row are zero up to the next multiple of kLanes
    const float total = k_.sum(error, (count + kLanes - 1) / kLanes * kLanes);
    out[layer.bias] = accumulate ? out[layer.bias] + total : total;
  } else {
    k_.column_sums(error, layer.outputs_padded, count, layer.outputs_padded, accumulate,
                   out + layer.bias);
  }
}

// errors of layer l - 1 = (errors of l times its weights) times the slope of the activation
void Pass::propagate(std::size_t l, std::int64_t count) {
  const Layer& layer = network_.layers()[l];
  const float* weights = layer.single ? work_.parameters.data() + layer.weights
                                      : work_.transposed.data() + layer.transposed;
  const bool gate = !stores_slopes();
  k_.product({.m = count,
              .n = layer.inputs_padded,
              .k = layer.outputs,
              .a = errors_of(l),
              .a_row = layer.single ? 1 : layer.outputs_padded,
              .a_step = 1,
              .b = weights,
              .b_step = layer.inputs_padded,
              .c = errors_of(l - 1),
              .c_row = layer.inputs_padded,
              .bias = nullptr,
              .accumulate = false,
              .finish = gate ? Product::Finish::gate : Product::Finish::scale,
              .aux = gate ? work_.activations[l].data() : work_.slopes[l - 1].data()});
}

void Pass::backward(std::int64_t count, bool accumulate) {
  for (std::size_t l = network_.layers().size(); l-- > 0;) {
    if (normalises() && l + 1 < network_.layers().size()) {
      norm_terms(l, count);
      norm_gradient(l, count, accumulate);
      propagate_norm(l, count);
    }
    weight_gradient(l, count, accumulate);
    if (l > 0) propagate(l, count);
    if (contrast_ != nullptr && l + 1 == network_.layers().size()) add_contrast(count);
  }
}

double Pass::penalty(bool with_gradient) {
  const double l2 = network_.spec().l2;
  if (l2 == 0) return 0;
  double squares = 0;
  for (const Layer& layer : network_.layers()) {
    const float* w = work_.parameters.data() + layer.weights;
    for (std::int64_t i = 0; i < layer.weights_size; ++i) {
      squares += static_cast<double>(w[i]) * static_cast<double>(w[i]);
    }
    if (with_gradient) {
      k_.axpy(layer.weights_size, static_cast<float>(l2), w, work_.gradient.data() + layer.weights);
    }
  }
  return l2 / 2 * squares;
}

double Pass::gradient(const Batch& batch, std::optional<Stream> dropout) {
  Stream* masks = dropout ? &*dropout : nullptr;
  refresh_transposed();
  if (network_.spec().head == Head::cox) return cox_gradient(batch, masks) + penalty(true);
  double total = 0;
  const auto scale = static_cast<float>(1.0 / static_cast<double>(batch.count));
  const std::int64_t most = rows_at_once(batch);
  for (std::int64_t first = 0; first < batch.count; first += most) {
    const std::int64_t count = std::min(most, batch.count - first);
    load_chunk(batch, first, count);
    load_labels(batch, first, count);
    forward(count, masks, true);
    total += score_loss(count, scale);
    backward(count, first > 0);
  }
  return total / static_cast<double>(batch.count) + penalty(true);
}

double Pass::loss(const Batch& batch) {
  if (network_.spec().head == Head::cox) {
    all_scores(batch, nullptr);
    return cox_value(batch, false) + penalty(false);
  }
  double total = 0;
  for (std::int64_t first = 0; first < batch.count; first += kChunk) {
    const std::int64_t count = std::min(kChunk, batch.count - first);
    load_chunk(batch, first, count);
    load_labels(batch, first, count);
    forward(count, nullptr, false);
    total += score_loss(count, 1.0F);
  }
  return total / static_cast<double>(batch.count) + penalty(false);
}

void Pass::all_scores(const Batch& batch, Stream* dropout) {
  const auto n = static_cast<std::size_t>(batch.count);
  for (auto* buffer :
       {&work_.batch_scores, &work_.batch_slopes, &work_.batch_times, &work_.batch_events}) {
    buffer->resize(n);
  }
  const std::int64_t most = rows_at_once(batch);
  for (std::int64_t first = 0; first < batch.count; first += most) {
    const std::int64_t count = std::min(most, batch.count - first);
    load_chunk(batch, first, count);
    forward(count, dropout, false);
    std::copy_n(work_.scores.data(), count, work_.batch_scores.data() + first);
  }
}

double Pass::cox_value(const Batch& batch, bool with_slopes) {
  const bool stratified = !batch.data->stratum.empty();
  work_.batch_strata.resize(stratified ? work_.batch_times.size() : 0);
  for (std::size_t i = 0; i < work_.batch_times.size(); ++i) {
    const auto row = batch.rows != nullptr ? static_cast<std::size_t>(batch.rows[i]) : i;
    work_.batch_times[i] = batch.data->label[row];
    work_.batch_events[i] = batch.data->event[row];
    if (stratified) work_.batch_strata[i] = batch.data->stratum[row];
  }
  const std::span<float> slopes =
      with_slopes ? std::span<float>(work_.batch_slopes) : std::span<float>();
  return cox_loss({work_.batch_scores, work_.batch_times, work_.batch_events, work_.batch_strata},
                  network_.spec().ties, slopes, work_.cox);
}

// The loss couples all rows: scores of all chunks first, then a second pass with the slopes known.
double Pass::cox_gradient(const Batch& batch, Stream* dropout) {
  std::optional<Stream> again;  // the same masks in the second pass
  if (dropout != nullptr) again = *dropout;
  all_scores(batch, dropout);
  const double value = cox_value(batch, true);
  const std::int64_t most = rows_at_once(batch);
  for (std::int64_t first = 0; first < batch.count; first += most) {
    const std::int64_t count = std::min(most, batch.count - first);
    load_chunk(batch, first, count);
    forward(count, again ? &*again : nullptr, true);
    std::fill(work_.score_errors.begin(), work_.score_errors.end(), 0.0F);
    std::copy_n(work_.batch_slopes.data() + first, count, work_.score_errors.data());
    backward(count, first > 0);
  }
  return value;
}

void Pass::predict(const Dataset& data, std::span<float> out) {
  const Layer& last = network_.layers().back();
  const std::int64_t stride = last.single ? 1 : last.outputs_padded;
  const Batch batch{.data = &data, .rows = nullptr, .count = data.rows, .class_weights = {}};
  ENSURE(static_cast<std::int64_t>(out.size()) == data.rows * last.outputs, "room for all rows");
  for (std::int64_t first = 0; first < data.rows; first += kChunk) {
    const std::int64_t count = std::min(kChunk, data.rows - first);
    load_chunk(batch, first, count);
    forward(count, nullptr, false);
    k_.link(network_.spec().head, work_.scores.data(), stride, count, last.outputs);
    for (std::int64_t i = 0; i < count; ++i) {
      std::copy_n(work_.scores.data() + i * stride, last.outputs,
                  out.data() + (first + i) * last.outputs);
    }
  }
}

}  // namespace polyclinic::dense
