// Forward and backward passes of a Network over chunks of rows: the inside of training and
// evaluation.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "learn/dense/network.hpp"

namespace polyclinic::dense {

// What the normalisation of one hidden layer leaves to the way back.
struct NormWork {
  FloatBuffer normed;   // rows x outputs_padded
  FloatBuffer inverse;  // by columns one for each; by rows one for each row and group
  FloatBuffer mean;     // of the columns of the last batch
  FloatBuffer variance;
  FloatBuffer scale_terms;         // rows x outputs_padded: what each row adds to the gradient of
  FloatBuffer shift_terms;         // the scale, and of the shift
  std::int64_t rows_of_batch = 0;  // whose moments were used; 0: running statistics were
};

// Everything that a network writes while it works. Sizes depend on the network alone, except for
// orders and Cox scores, which grow to the largest batch once.
class NetworkWorkspace final : public Workspace {
 public:
  NetworkWorkspace(const Network& network, const Kernels& kernels);

  const Kernels& kernels;
  // packed parameters: current, at the start, gradient, moments of the optimiser
  FloatBuffer parameters;
  FloatBuffer start;
  FloatBuffer gradient;
  FloatBuffer moment1;
  FloatBuffer moment2;
  FloatBuffer anchor;  // of a proximal term that pulls elsewhere than to the start; grows when used
  FloatBuffer own;     // v of a mixture, and the mixture; grow when used
  FloatBuffer mixed;
  FloatBuffer near;  // of each row, what the last hidden layer of the global model makes of it, and
  FloatBuffer far;   // that of the last local one; grow when used
  std::vector<float> contrast_slope;
  FloatBuffer linear;  // added to every gradient; grows when a training first has control vectors
  FloatBuffer transposed;
  // a chunk: activations[0] is the input; activations, slopes, masks and errors of each hidden
  // layer
  std::vector<FloatBuffer> activations;
  std::vector<FloatBuffer> slopes;
  std::vector<FloatBuffer> masks;
  std::vector<FloatBuffer> errors;
  FloatBuffer scores;
  FloatBuffer score_errors;
  std::vector<NormWork> norms;  // of each hidden layer, where any is normalised
  FloatBuffer norm_scratch;
  FloatBuffer labels;
  FloatBuffer weights;
  // cox: all rows of a batch
  std::vector<float> batch_scores;
  std::vector<float> batch_slopes;
  std::vector<float> batch_times;
  std::vector<float> batch_events;
  std::vector<std::int32_t> batch_strata;
  CoxScratch cox;
  // the current epoch's order of rows
  std::vector<std::int32_t> order;
  // private steps: squares, norms' factors and noise
  FloatBuffer input_squares;
  FloatBuffer error_squares;
  FloatBuffer squares;
  FloatBuffer noise;  // made by the first private training

  // Makes room for so many rows at once: kChunk, or a batch that is normalised as a whole.
  void reserve_rows(const Network& network, std::int64_t rows);

 private:
  void reserve_norm(const Network& network, std::size_t layer);

  std::int64_t room_ = 0;  // rows
};

// Rows of a dataset that one gradient is taken over.
struct Batch {
  const Dataset* data = nullptr;
  const std::int32_t* rows = nullptr;  // null: the first `count`
  std::int64_t count = 0;
  std::span<const double> class_weights;  // by label; empty: all one
  // Private steps: where the rows of each unit end; empty: every row is one. None is longer than a
  // chunk.
  std::span<const std::int32_t> unit_ends;
};

// Where batches normalise: by whose mean and variance.
enum class Moments : std::uint8_t {
  running,   // those that are parameters: to predict
  of_batch,  // its own, where it has two rows: to train
};

class Pass {
 public:
  // slices: as in TrainingTask; a layer whose running statistics are frozen is normalised by them.
  Pass(const Network& network, NetworkWorkspace& workspace, Moments moments = Moments::running,
       std::span<const SliceUse> slices = {})
      : network_(network),
        work_(workspace),
        k_(workspace.kernels),
        moments_(moments),
        slices_(slices) {}

  // Loss of the batch per row (cox: per event) at work.parameters, penalty included; writes
  // work.gradient. With `dropout` hidden units are silenced by draws from it.
  double gradient(const Batch& batch, std::optional<Stream> dropout);
  // The sum over the units (rows, or patients with all theirs) of the gradients of their own
  // losses, each cut to the norm `clip`, divided by `expected`; writes work.gradient, without
  // penalty and noise. Returns the sum of the losses. No gradient of a row is ever held: its norm
  // follows from what enters and leaves each layer. REQUIRES: a loss that is a sum over rows (not
  // Cox).
  double clipped_gradient(const Batch& batch, std::optional<Stream> dropout, double clip,
                          double expected);
  // Adds Gaussian noise with this standard deviation to every parameter of work.gradient.
  void add_noise(const SecretAddress& at, double deviation);
  // Adds the slope of the penalty l2 to work.gradient.
  void add_penalty() { penalty(true); }
  // The same loss without a gradient and without dropout.
  double loss(const Batch& batch);
  // Predictions of all rows; out: rows x outputs.
  void predict(const Dataset& data, std::span<float> out);
  // Moves the running statistics, which are in work.parameters, towards the moments of the batch
  // that the last gradient was taken over.
  void move_statistics();
  // What the last hidden layer makes of all rows: rows x the padded width of the layer.
  void represent(const Dataset& data, FloatBuffer& out);
  // Gradients have this term from now on, whose representations are in work.near and work.far. It
  // is no part of the losses that are returned. Outlives the pass. REQUIRES: a hidden layer.
  void contrast(const Contrast& terms) { contrast_ = &terms; }
  void end_contrast() { contrast_ = nullptr; }
  // Makes the running statistics those of all rows.
  void estimate_statistics(const Dataset& data);

 private:
  // Prepares what depends on the parameters.
  void refresh_transposed();
  void load_chunk(const Batch& batch, std::int64_t first, std::int64_t count);
  void load_labels(const Batch& batch, std::int64_t first, std::int64_t count);
  void draw_mask(std::size_t hidden, std::int64_t count, Stream& stream);
  void apply_layer(std::size_t layer, std::int64_t count, Product::Finish finish);
  // Rows that go through the layers together.
  [[nodiscard]] std::int64_t rows_at_once(const Batch& batch);
  // Normalisation of a hidden layer's values, in place, and the way back (norm_pass.cpp).
  [[nodiscard]] bool normalises() const { return !work_.norms.empty(); }
  void normalise(std::size_t layer, std::int64_t count);
  void norm_terms(std::size_t layer, std::int64_t count);
  void norm_gradient(std::size_t layer, std::int64_t count, bool accumulate);
  void propagate_norm(std::size_t layer, std::int64_t count);
  [[nodiscard]] bool learns_statistics(const Layer& layer) const;
  void add_norm_squares(std::size_t layer, std::int64_t count);
  void forward(std::int64_t count, Stream* dropout, bool keep_slopes);
  void backward(std::int64_t count, bool accumulate);
  void add_contrast(std::int64_t count);
  void weight_gradient(std::size_t layer, std::int64_t count, bool accumulate);
  void propagate(std::size_t layer, std::int64_t count);
  double score_loss(std::int64_t count, float scale);
  void all_scores(const Batch& batch, Stream* dropout);
  double cox_gradient(const Batch& batch, Stream* dropout);
  double cox_value(const Batch& batch, bool with_slopes);
  double penalty(bool with_gradient);
  // Private steps: squared norms of the rows' gradients; the cut of their errors.
  void ghost_norms(std::int64_t count);
  [[nodiscard]] double unit_square(std::int64_t first, std::int64_t end);
  void cut_units(std::int64_t first, std::int64_t count, const Batch& batch, double clip,
                 double expected);
  void erase_row(std::int64_t row);
  // Whether slopes of activations are stored; relu without dropout reads them off its outputs.
  [[nodiscard]] bool stores_slopes() const {
    return network_.spec().activation != Activation::relu || network_.spec().dropout > 0;
  }
  [[nodiscard]] float* errors_of(std::size_t layer) {
    return layer + 1 == network_.layers().size() ? work_.score_errors.data()
                                                 : work_.errors[layer].data();
  }

  const Network& network_;
  NetworkWorkspace& work_;
  const Kernels& k_;
  Moments moments_;
  std::span<const SliceUse> slices_;
  const Contrast* contrast_ = nullptr;
  const Batch* batch_ = nullptr;  // what the current chunk is of, and where it begins
  std::int64_t first_ = 0;
  bool weighted_ = false;  // rows of the current chunk have class weights
};

}  // namespace polyclinic::dense
