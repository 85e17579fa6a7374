// A model: parameters to predictions, loss and gradient. Immutable and thread-safe; everything that
// changes lives in a Workspace of the caller.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "base/stream.hpp"
#include "data/dataset.hpp"
#include "learn/parameters.hpp"

namespace polyclinic {

// Scratch memory of one worker for one model; reused between trainings so that steps allocate
// nothing.
class Workspace {
 public:
  virtual ~Workspace() = default;
};

struct TrainingTask;
struct TrainingResult;

class Model {
 public:
  virtual ~Model() = default;

  [[nodiscard]] virtual std::string name() const = 0;  // "mlp"
  [[nodiscard]] virtual const std::shared_ptr<const ParameterLayout>& layout() const = 0;
  // Scores per row: 1, or the number of classes.
  [[nodiscard]] virtual std::int32_t outputs() const = 0;
  // Floating-point operations of forward and backward for one row; the clock's training time comes
  // from it.
  [[nodiscard]] virtual double flops_per_row() const = 0;
  [[nodiscard]] virtual std::unique_ptr<Workspace> make_workspace() const = 0;

  // Writes initial parameters (a law per model, stated in its schema).
  virtual void initialise(ParameterVector& parameters, Stream stream) const = 0;

  // Predictions for every row: probabilities (logistic, softmax, mlp on classes), the mean
  // (regression, count), or the log-hazard ratio (Cox). out: rows x outputs().
  virtual void predict(const ParameterVector& parameters, const Dataset& data, std::span<float> out,
                       Workspace& workspace) const = 0;

  // Mean loss over the given rows and, unless null, its gradient (written, not added). Dropout is
  // off, and where batches normalise the running statistics stand in for theirs, as in `predict`.
  virtual double loss(const ParameterVector& parameters, const Dataset& data,
                      std::span<const std::int32_t> rows, ParameterVector* gradient,
                      Workspace& workspace) const = 0;

  // Makes the running statistics (Role::norm_statistic) those of all rows, whose outcomes are not
  // looked at; a model without any, and data of less than two rows, leave the parameters as they
  // are.
  virtual void estimate_statistics(ParameterVector& /*parameters*/, const Dataset& /*data*/,
                                   Workspace& /*workspace*/) const {}

  // A whole local training; called by `train` of trainer.hpp, which says what it does.
  virtual TrainingResult train(const TrainingTask& task, Workspace& workspace) const = 0;
};

// What a model must fit.
struct ModelShape {
  std::int32_t features = 0;
  OutcomeKind task = OutcomeKind::binary;
  std::int32_t classes = 2;
};

// The parameters that a run starts with: the field `init` of the model's part where it is given
// (numbers in compact order: slices as in the layout, weights outputs x inputs row after row), else
// the model's own law at the stream. Where `init` is a file the caller has read it into
// `from_file`. Throws ScenarioError when the count does not fit or a number is not finite.
ParameterVector initial_parameters(const Model& model, const Part& part, Stream stream,
                                   std::span<const float> from_file = {});

// Builds the model of a resolved part `model.*`; throws ScenarioError when it does not fit the
// data's task (a Cox model on a binary outcome).
std::unique_ptr<Model> make_model(const Part& part, const ModelShape& shape);

// Schemas of model.*, training.*, schedule.*, objective.*.
std::vector<Schema> learn_schemas();

}  // namespace polyclinic
