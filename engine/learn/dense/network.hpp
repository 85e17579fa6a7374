// Dense models: layers of weights with a link and a loss at the end. The linear family is a network
// without hidden layers, so that one implementation and one set of tests serves all.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "learn/dense/cox.hpp"
#include "learn/dense/kernels.hpp"
#include "learn/model.hpp"
#include "learn/trainer.hpp"

namespace polyclinic::dense {

// What the values of a hidden layer are normalised by, between weights and activation, before each
// unit's own scale and shift:
enum class Norm : std::uint8_t {
  none,
  batch,  // moments of the unit over the rows of a batch (Ioffe and Szegedy 2015)
  layer,  // moments of the row over the units of the layer (Ba, Kiros and Hinton 2016)
  group,  // the same within equal groups of units (Wu and He 2018)
};
// Added to a variance before its root; the share of a batch in the running statistics of batch
// normalisation. Both as in PyTorch.
constexpr float kNormEpsilon = 1e-5F;
constexpr float kStatisticShare = 0.1F;

struct NetworkSpec {
  std::string name;  // "mlp"
  std::int32_t features = 0;
  std::vector<std::int32_t> hidden;  // widths; empty: the linear family
  std::int32_t outputs = 1;
  Activation activation = Activation::relu;  // of hidden layers
  Head head = Head::sigmoid;
  Ties ties = Ties::efron;  // cox
  double l2 = 0;            // + l2/2 |w|^2 over weights, biases left out
  double dropout = 0;       // share of hidden units that a training step silences
  Norm norm = Norm::none;   // of hidden layers
  std::int64_t groups = 1;  // Norm::group: of each layer
};

// A layer and where its parameters lie while it is worked with ("packed"): transposed weights,
// inputs x outputs_padded, then the bias. An output layer of one unit (`single`) is a padded row of
// weights, then the bias. Behind it lies what normalises the layer: scale, shift and, of a batch,
// running mean and variance, outputs_padded of each.
struct Layer {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t inputs_padded = 0;
  std::int64_t outputs_padded = 0;
  std::int64_t weights = 0;       // offset in the packed buffer
  std::int64_t weights_size = 0;  // with padding
  std::int64_t bias = -1;         // offset, or -1: none (Cox; before a batch's mean is taken off)
  std::int64_t norm = -1;         // offset of the scale, or -1: nothing is normalised
  std::int64_t norm_arrays = 0;   // 2, or 4 with statistics
  std::int64_t transposed =
      -1;  // offset of outputs x inputs_padded in the workspace, or -1: unused
  std::size_t weight_slice = 0;
  std::size_t bias_slice = 0;
  std::size_t norm_slice = 0;  // of the scale; the others follow
  bool single = false;

  [[nodiscard]] std::int64_t scale() const { return norm; }
  [[nodiscard]] std::int64_t shift() const { return norm + outputs_padded; }
  [[nodiscard]] std::int64_t mean() const { return norm + 2 * outputs_padded; }
  [[nodiscard]] std::int64_t variance() const { return norm + 3 * outputs_padded; }
};

// Rows go through the layers in chunks of this many: activations of a chunk stay in the cache, and
// the shape of every sum is the same for any batch.
constexpr std::int64_t kChunk = 64;

class NetworkWorkspace;

class Network final : public Model {
 public:
  // REQUIRES: a valid spec (schemas and make_model see to it).
  explicit Network(NetworkSpec spec);

  [[nodiscard]] std::string name() const override { return spec_.name; }
  [[nodiscard]] const std::shared_ptr<const ParameterLayout>& layout() const override {
    return layout_;
  }
  [[nodiscard]] std::int32_t outputs() const override { return spec_.outputs; }
  [[nodiscard]] double flops_per_row() const override;
  [[nodiscard]] std::unique_ptr<Workspace> make_workspace() const override;
  void initialise(ParameterVector& parameters, Stream stream) const override;
  void predict(const ParameterVector& parameters, const Dataset& data, std::span<float> out,
               Workspace& workspace) const override;
  double loss(const ParameterVector& parameters, const Dataset& data,
              std::span<const std::int32_t> rows, ParameterVector* gradient,
              Workspace& workspace) const override;
  TrainingResult train(const TrainingTask& task, Workspace& workspace) const override;
  void estimate_statistics(ParameterVector& parameters, const Dataset& data,
                           Workspace& workspace) const override;

  [[nodiscard]] const NetworkSpec& spec() const { return spec_; }
  [[nodiscard]] std::span<const Layer> layers() const { return layers_; }
  // Floats of the packed buffer, a multiple of kLanes.
  [[nodiscard]] std::int64_t packed_size() const { return packed_size_; }
  [[nodiscard]] std::int64_t transposed_size() const { return transposed_size_; }
  // Where a slice of the layout lies in the packed buffer; both are multiples of kLanes.
  struct Packed {
    std::int64_t offset = 0;
    std::int64_t size = 0;
  };
  [[nodiscard]] Packed packed(std::size_t slice) const;
  // A workspace for other kernels than this processor's: tests compare instruction sets.
  [[nodiscard]] std::unique_ptr<Workspace> make_workspace(const Kernels& kernels) const;

  // Between the layout that is sent and the packed one. Padding becomes zero: a training that
  // overflowed left NaN there, which would be in every sum of the next one.
  void pack(const Kernels& kernels, const ParameterVector& from, float* to) const;
  void unpack(const Kernels& kernels, const float* from, ParameterVector& to) const;
  // Zeroes what is not a parameter.
  void clear_padding(float* packed) const;

 private:
  // Appends a layer; `last` is the output layer.
  void add_layer(std::int64_t inputs, std::int64_t outputs, bool last, ParameterLayout& layout);
  void add_norm(Layer& layer, const std::string& name, ParameterLayout& layout);

  NetworkSpec spec_;
  std::shared_ptr<const ParameterLayout> layout_;  // shared with every vector of the model
  std::vector<Layer> layers_;
  std::int64_t packed_size_ = 0;
  std::int64_t transposed_size_ = 0;
};

}  // namespace polyclinic::dense
