#include "learn/dense/network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "learn/dense/dispatch.hpp"
#include "learn/dense/pass.hpp"

namespace polyclinic::dense {
namespace {

std::int64_t padded(std::int64_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

NetworkWorkspace& own(Workspace& workspace) {
  auto* work = dynamic_cast<NetworkWorkspace*>(&workspace);
  ENSURE(work != nullptr, "a workspace comes from the model that uses it");
  return *work;
}

}  // namespace

Network::Network(NetworkSpec spec) : spec_(std::move(spec)) {
  ENSURE(spec_.features > 0, "a model needs features");
  ENSURE(spec_.outputs > 0, "a model needs outputs");
  ParameterLayout layout;
  std::int64_t inputs = spec_.features;
  for (const std::int32_t width : spec_.hidden) {
    add_layer(inputs, width, false, layout);
    inputs = width;
  }
  add_layer(inputs, spec_.outputs, true, layout);
  layout_ = std::make_shared<const ParameterLayout>(std::move(layout));
}

void Network::add_layer(std::int64_t inputs, std::int64_t outputs, bool last,
                        ParameterLayout& layout) {
  const std::string name = last ? "output" : "hidden" + std::to_string(layers_.size() + 1);
  Layer layer;
  layer.inputs = inputs;
  layer.outputs = outputs;
  layer.inputs_padded = padded(inputs);
  layer.outputs_padded = padded(outputs);
  layer.weights = packed_size_;
  layer.single = last && outputs == 1;
  layer.weights_size = layer.single ? layer.inputs_padded : inputs * layer.outputs_padded;
  layer.weight_slice = layout.add(name + ".weight", {outputs, inputs}, Role::weight);
  packed_size_ += layer.weights_size;
  // a bias at the output would cancel in Cox's partial likelihood
  if (!last || spec_.head != Head::cox) {
    layer.bias = packed_size_;
    layer.bias_slice = layout.add(name + ".bias", {outputs}, Role::bias);
    packed_size_ += layer.outputs_padded;
  }
  // errors travel back through every layer but the first
  if (!layers_.empty() && !layer.single) {
    layer.transposed = transposed_size_;
    transposed_size_ += outputs * layer.inputs_padded;
  }
  layers_.push_back(layer);
}

// Forward: one multiplication and one addition per parameter; backward twice that (gradient of the
// weights and of the inputs). The first layer needs no gradient of its inputs; the usual 6 per
// parameter is kept, so that simulated times compare with other tools' estimates.
double Network::flops_per_row() const {
  return 6.0 * static_cast<double>(layout_->size());
}

std::unique_ptr<Workspace> Network::make_workspace() const {
  return make_workspace(dense::kernels());
}

std::unique_ptr<Workspace> Network::make_workspace(const Kernels& kernels) const {
  return std::make_unique<NetworkWorkspace>(*this, kernels);
}

void Network::pack(const Kernels& k, const ParameterVector& from, float* to) const {
  clear_padding(to);
  for (const Layer& layer : layers_) {
    const float* weights = from.slice(layer.weight_slice).data();
    if (layer.single) {
      k.gather(weights, layer.inputs, nullptr, 1, to + layer.weights, layer.inputs_padded);
    } else {
      k.transpose(weights, layer.outputs, layer.inputs, layer.inputs, to + layer.weights,
                  layer.outputs_padded);
    }
    if (layer.bias >= 0) {
      k.gather(from.slice(layer.bias_slice).data(), layer.outputs, nullptr, 1, to + layer.bias,
               layer.outputs_padded);
    }
  }
}

void Network::unpack(const Kernels& k, const float* from, ParameterVector& to) const {
  for (const Layer& layer : layers_) {
    float* weights = to.slice(layer.weight_slice).data();
    if (layer.single) {
      k.gather(from + layer.weights, layer.inputs, nullptr, 1, weights, layer.inputs);
    } else {
      k.transpose(from + layer.weights, layer.inputs, layer.outputs, layer.outputs_padded, weights,
                  layer.inputs);
    }
    if (layer.bias >= 0) {
      k.gather(from + layer.bias, layer.outputs, nullptr, 1, to.slice(layer.bias_slice).data(),
               layer.outputs);
    }
  }
}

void Network::clear_padding(float* packed) const {
  for (const Layer& layer : layers_) {
    const std::int64_t width = layer.single ? layer.inputs_padded : layer.outputs_padded;
    const std::int64_t used = layer.single ? layer.inputs : layer.outputs;
    for (std::int64_t at = 0; used < width && at < layer.weights_size; at += width) {
      std::fill_n(packed + layer.weights + at + used, width - used, 0.0F);
    }
    if (layer.bias < 0) continue;
    std::fill_n(packed + layer.bias + layer.outputs, layer.outputs_padded - layer.outputs, 0.0F);
  }
}

Network::Packed Network::packed(std::size_t slice) const {
  for (const Layer& layer : layers_) {
    if (slice == layer.weight_slice) return {layer.weights, layer.weights_size};
    if (layer.bias >= 0 && slice == layer.bias_slice) return {layer.bias, layer.outputs_padded};
  }
  ENSURE(false, "every slice belongs to a layer");
  return {};
}

void Network::initialise(ParameterVector& parameters, Stream stream) const {
  parameters = ParameterVector(layout_);
  // a convex loss starts at zero: every hospital's first gradient is then about the data alone
  if (spec_.hidden.empty()) return;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    // uniform in +-bound; relu and gelu: He et al. 2015 (variance 2 / inputs); tanh and the output
    // layer: Glorot and Bengio 2010 (variance 2 / (inputs + outputs)); biases zero
    const bool he = i + 1 < layers_.size() && spec_.activation != Activation::tanh;
    const auto fan = static_cast<double>(he ? layer.inputs : layer.inputs + layer.outputs);
    const double bound = std::sqrt(6.0 / fan);
    Stream own = stream.lane(i);
    for (float& w : parameters.slice(layer.weight_slice)) {
      w = static_cast<float>(draw::uniform(own, -bound, bound));
    }
  }
}

void Network::predict(const ParameterVector& parameters, const Dataset& data, std::span<float> out,
                      Workspace& workspace) const {
  ENSURE(data.columns == spec_.features, "the data have the features that the model was made for");
  NetworkWorkspace& work = own(workspace);
  pack(work.kernels, parameters, work.parameters.data());
  Pass(*this, work).predict(data, out);
}

double Network::loss(const ParameterVector& parameters, const Dataset& data,
                     std::span<const std::int32_t> rows, ParameterVector* gradient,
                     Workspace& workspace) const {
  ENSURE(data.columns == spec_.features, "the data have the features that the model was made for");
  NetworkWorkspace& work = own(workspace);
  pack(work.kernels, parameters, work.parameters.data());
  const Batch batch{.data = &data,
                    .rows = rows.data(),
                    .count = static_cast<std::int64_t>(rows.size()),
                    .class_weights = {}};
  if (rows.empty()) {
    if (gradient != nullptr) *gradient = ParameterVector(layout_);
    return 0;
  }
  if (gradient == nullptr) return Pass(*this, work).loss(batch);
  const double value = Pass(*this, work).gradient(batch, std::nullopt);
  if (gradient->shared_layout() != layout_) *gradient = ParameterVector(layout_);
  unpack(work.kernels, work.gradient.data(), *gradient);
  return value;
}

}  // namespace polyclinic::dense
