// A whole local training, called once: so many steps of an optimiser over one site's rows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/schema.hpp"
#include "base/stream.hpp"
#include "learn/model.hpp"

namespace polyclinic {

// A learning rate over the rounds of a run (and, where it says so, over the steps of one training).
struct Schedule {
  enum class Kind : std::uint8_t { constant, step, exponential, cosine, linear };
  Kind kind = Kind::constant;
  double rate = 0.1;
  double decay = 1.0;        // step, exponential: factor
  std::int64_t every = 1;    // step: rounds between factors
  double rate_end = 0.0;     // cosine, linear: rate at the end of `rounds`
  std::int64_t rounds = 0;   // cosine, linear
  std::int64_t warmup = 0;   // rounds of linear warm-up from 0
  // Rate of the given round, counted from 0.
  [[nodiscard]] double at(std::int64_t round) const;
};

// How a hospital trains; the same for a whole run unless a strategy says otherwise. Plain data.
struct TrainingPlan {
  enum class Optimizer : std::uint8_t { sgd, momentum, adam, adamw };
  Optimizer optimizer = Optimizer::sgd;
  Schedule schedule;
  std::int64_t batch = 32;      // 0: all rows in one batch
  double epochs = 1;            // used when steps == 0
  std::int64_t steps = 0;       // > 0: this many steps, going round the data as often as needed
  bool drop_last = false;       // leave out the last short batch of an epoch
  double momentum = 0.9;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;    // adamw: decoupled; others: L2 added to the gradient
  bool keep_optimizer_state = false;  // moments stay at the hospital between rounds
  double proximal = 0.0;        // mu of FedProx: + mu/2 |w - w_global|^2
  double clip_gradient = 0.0;   // > 0: norm of the batch gradient is cut to it
  std::vector<double> class_weights;  // empty: all one
};

// State that a hospital keeps between its trainings.
struct TrainerState {
  ParameterVector moment1;
  ParameterVector moment2;
  std::int64_t steps_done = 0;
  std::int64_t epoch = 0;             // epochs begun: part of the batch order's address
  std::vector<std::int32_t> order;    // steps mode: the current epoch's order and where in it
  std::int64_t position = 0;
};

struct TrainingTask {
  const Dataset* data = nullptr;
  const ParameterVector* global = nullptr;  // where training starts and what proximal terms pull to
  const TrainingPlan* plan = nullptr;
  std::int64_t round = 0;                   // from 0: for the schedule
  // Address of batch orders and dropout masks: entity = hospital, step = round.
  RunKey run;
  std::uint64_t entity = 0;
  TrainerState* state = nullptr;            // may be null: nothing is kept
  // Row order per epoch given from outside (to reproduce other people's runs); empty: shuffled at
  // the address. One permutation of the rows after another.
  std::span<const std::int32_t> given_order;
};

struct TrainingResult {
  ParameterVector delta;      // parameters after training minus the global ones
  std::int64_t rows = 0;      // rows of the training set (the weight in FedAvg)
  std::int64_t steps = 0;
  std::int64_t rows_visited = 0;
  double mean_loss = 0;       // over the visited rows, at the parameters of their step
  bool finite = true;         // false: the parameters overflowed; delta must not be used
};

// Trains. Deterministic for its arguments; allocates only while the workspace grows.
TrainingResult train(const Model& model, const TrainingTask& task, Workspace& workspace);

// Steps and row visits that `train` will make: known without training, so that the clock can be set.
struct TrainingExtent {
  std::int64_t steps = 0;
  std::int64_t rows_visited = 0;
};
TrainingExtent extent(const TrainingPlan& plan, std::int64_t rows);

// The plan of a resolved part `training.*`, with an `objective.*` part or nullptr.
TrainingPlan make_plan(const Part& training, const Part* objective);

}  // namespace polyclinic
