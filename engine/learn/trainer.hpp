// A whole local training, called once: so many steps of an optimiser over one site's rows.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/schema.hpp"
#include "base/stream.hpp"
#include "learn/early_stopping.hpp"
#include "learn/model.hpp"

namespace polyclinic {

// A learning rate over the rounds of a run (and, where it says so, over the steps of one training).
struct Schedule {
  enum class Kind : std::uint8_t { constant, step, exponential, cosine, linear };
  Kind kind = Kind::constant;
  double rate = 0.1;
  double decay = 1.0;       // step, exponential: factor
  std::int64_t every = 1;   // step: rounds between factors
  double rate_end = 0.0;    // cosine, linear: rate at the end of `rounds`
  std::int64_t rounds = 0;  // cosine, linear
  std::int64_t warmup = 0;  // rounds of linear warm-up from 0
  // Rate of the given round, counted from 0.
  [[nodiscard]] double at(std::int64_t round) const;
};

// Differential privacy inside a training (DP-SGD: Abadi et al. 2016, Alg. 1). Every step takes each
// row by a coin of its own, cuts the gradient of each row's loss to the norm `clip`, adds Gaussian
// noise to their sum and divides by the rows that are expected. By patients, a coin takes all rows
// of one together, and it is the sum of their gradients that is cut.
struct RecordPrivacy {
  double clip = 0;   // > 0: on
  double noise = 0;  // standard deviation of the noise on the sum, over clip
  bool patients = false;
};
// Of a patient with more training rows, a private training by patients takes the first so many.
inline constexpr std::int64_t kPatientRowsMost = 64;

// A model of the hospital's own that the steps of a training make besides the shared one.
struct OwnModel {
  enum class Kind : std::uint8_t {
    none,
    // pFedMe (Dinh, Tran, Nguyen 2020, Algorithm 1): on the rows of each step `inner` steps of
    // descent bring the own model theta near the least of f(theta) + lambda/2 |theta - w|^2, and
    // then w <- w - rate lambda (w - theta). theta goes on from step to step, from w at first.
    envelope,
    // APFL (Deng, Kamani, Mahdavi 2020, Algorithm 1): w trains as ever, and on the same rows
    // v <- v - rate share grad f(m) with m = share v + (1 - share) w. For training.sgd alone.
    mixture,
  };
  Kind kind = Kind::none;
  double lambda = 0;
  double rate = 0;         // envelope: of w
  std::int64_t inner = 1;  // envelope
  bool adapts = false;  // mixture: the share takes a step at the first step of a training
};

// MOON (Li, He, Song 2021, Algorithm 1): each row's loss has weight * log(1 + exp((s' - s) /
// temperature)) besides, s the cosine of what the last hidden layer makes of the row and of what
// that of the global model does, s' the same with the hospital's last local model.
struct Contrast {
  double weight = 0;  // mu; > 0: on
  double temperature = 0.5;
};

// How a hospital trains; the same for a whole run unless a strategy says otherwise. Plain data.
struct TrainingPlan {
  enum class Optimizer : std::uint8_t { sgd, momentum, adam, adamw };
  // What every gradient of a local training is corrected by. c: the server's control vector, c_i:
  // the hospital's, x: the global parameters, y: the local ones after K steps of rate eta.
  enum class Control : std::uint8_t {
    none,
    // SCAFFOLD (Karimireddy et al. 2020, Algorithm 1): gradient - c_i + c, and then
    gradient,    // option I: c_i becomes the gradient over all rows at x
    difference,  // option II: c_i becomes c_i - c + (x - y) / (K eta)
    // FedDyn (Acar et al. 2021, Algorithm 1): gradient - c_i + alpha (y - x) with alpha =
    // `proximal`, and then c_i becomes c_i - alpha (y - x)
    dynamic,
  };
  Optimizer optimizer = Optimizer::sgd;
  Schedule schedule;
  std::int64_t batch = 32;  // 0: all rows in one batch
  double epochs = 1;        // used when steps == 0
  std::int64_t steps = 0;   // > 0: this many steps, going round the data as often as needed
  bool drop_last = false;   // leave out the last short batch of an epoch
  double momentum = 0.9;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;          // adamw: decoupled; others: L2 added to the gradient
  bool keep_optimizer_state = false;  // moments stay at the hospital between rounds
  double proximal = 0.0;              // mu of FedProx: + mu/2 |w - w_global|^2
  double proximal_step = 0.0;         // > 0: the server moves mu by so much (fed/told_losses.hpp)
  std::int64_t proximal_falls = 5;    // falls of the loss in a row after which mu shrinks
  Control control = Control::none;
  double clip_gradient = 0.0;         // > 0: norm of the batch gradient is cut to it, before
                                      // proximal term, control and weight decay are added
  std::vector<double> class_weights;  // factor of a row's loss by its label; empty: all one
  RecordPrivacy privacy;
  EarlyStopping early_stopping;  // at the hospitals (fed/evaluator.hpp), not in references
  OwnModel own;
  Contrast contrast;

  [[nodiscard]] bool is_private() const { return privacy.clip > 0; }
};

// State that a hospital keeps between its trainings. A training that overflowed moves the place in
// the data on (the clock counted its steps before anybody knew) and leaves the moments alone; one
// that was stopped changes nothing.
struct TrainerState {
  ParameterVector moment1;
  ParameterVector moment2;
  std::int64_t moment_steps = 0;    // steps that the moments have seen, for Adam's corrections
  std::int64_t steps_done = 0;      // of all trainings, also of those that overflowed
  std::int64_t epoch = 0;           // steps mode: epochs begun, part of the batch order's address
  std::vector<std::int32_t> order;  // steps mode: the current epoch's order and where in it
  std::int64_t position = 0;
};

// What a training does with a slice of the parameters.
enum class SliceUse : std::uint8_t {
  trained,   // all that the plan says
  unpulled,  // trained, but no proximal term pulls it and no control vector corrects it
  frozen,    // stays as it is, and is no part of a gradient that is cut to a norm
};

struct TrainingTask {
  const Dataset* data = nullptr;
  const ParameterVector* global = nullptr;  // where training starts
  const ParameterVector* anchor = nullptr;  // what proximal terms pull to; null: global
  const TrainingPlan* plan = nullptr;
  std::int64_t round = 0;  // from 0: for the schedule
  // Address of batch orders, dropout masks, coins and noise: entity = hospital, step = round.
  RunKey run;
  std::uint64_t entity = 0;
  TrainerState* state = nullptr;  // may be null: nothing is kept
  // With plan->control: c and c_i; null stands for zero.
  const ParameterVector* server_control = nullptr;
  const ParameterVector* own_control = nullptr;
  // With plan->own.mixture: v and the share of it; null: v begins as the global parameters.
  const ParameterVector* own = nullptr;
  double own_share = 0;
  // With plan->contrast: the last local model; null: there is none yet, and nothing to contrast.
  const ParameterVector* previous = nullptr;
  // Row order per epoch given from outside (to reproduce other people's runs); empty: shuffled at
  // the address. One permutation of the rows after another, the k-th for the k-th epoch that begins
  // in this training (TrainingExtent::epochs_begun of them).
  std::span<const std::int32_t> given_order;
  // By slice of the model's layout; empty: all are trained. In private trainings (plan->privacy)
  // the cut and the noise are those of all slices, frozen ones too.
  std::span<const SliceUse> slices;
  // Called after each whole epoch with the mean loss of its steps and the parameters; false ends
  // the training there, as if the plan had no more epochs. Empty: nobody looks. REQUIRES: epoch
  // mode.
  std::function<bool(double mean_loss, const ParameterVector& parameters)> after_epoch;
  // Looked at before each step: true ends the training at once, with TrainingResult::stopped.
  const std::atomic<bool>* stop = nullptr;
};

struct TrainingResult {
  ParameterVector delta;    // parameters after training minus the global ones
  ParameterVector control;  // new c_i minus old; empty without plan->control
  ParameterVector own;      // theta or v after the training; empty without plan->own
  double own_share = 0;     // the share of v after it
  std::int64_t rows = 0;    // rows of the training set (the weight in FedAvg)
  std::int64_t steps = 0;
  std::int64_t rows_visited = 0;
  // |a_i|_1 of FedNova: how often each gradient counts in delta, in sum (accumulated_steps).
  double accumulated = 0;
  double rate = 0;       // learning rate of this training
  double mean_loss = 0;  // over the visited rows, at the parameters of their step
  double told_loss = 0;  // over all rows, at the global parameters; 0 where nobody asks for it
  bool finite = true;    // false: the parameters overflowed; delta must not be used
  bool stopped = false;  // ended by the stop token: nothing of it must be used
};

// Trains. Deterministic for its arguments; allocates only while the workspace grows. In epoch mode
// every training begins with a fresh epoch; in steps mode (plan.steps > 0) the rows go on where the
// last training with the same state left off, and an epoch's last short batch is kept unless
// drop_last. With batch = 0 rows are taken in their own order.
TrainingResult train(const Model& model, const TrainingTask& task, Workspace& workspace);

// Steps and row visits that `train` will make: known without training, so that the clock can be
// set.
struct TrainingExtent {
  std::int64_t steps = 0;
  std::int64_t rows_visited = 0;
  std::int64_t epochs_begun = 0;  // permutations that given_order must hold
  std::int64_t rows_beside = 0;   // work besides, in rows of a step: gradients that make no step
                                  // (Control::gradient), or that are taken again of a step's rows
                                  // (OwnModel), and passes forward, a third each (Contrast)
  std::int64_t rows_checked = 0;  // rows of forward passes besides: checks of early stopping
};
// steps_before: steps that trainings with the same state have made (TrainerState::steps_done); only
// steps mode depends on it. A fraction of an epoch is rounded to whole batches, at least one. A
// site without rows makes no step; one with fewer rows than a batch keeps its one short batch.
// Under record-level privacy the steps are as many, and the visits those that are expected: how
// many rows the coins take is nobody's business, and a clock that showed it would tell.
TrainingExtent extent(const TrainingPlan& plan, std::int64_t rows, std::int64_t steps_before = 0);

// Sum of the coefficients a with which the gradients g_k of `steps` steps enter the change of the
// parameters, -rate sum_k a_k g_k: `steps` for plain descent, less under a proximal term, more with
// momentum (Wang et al. 2020, section 3.2). 0 for adam and adamw, which are not of that form, and
// for momentum that is kept between rounds.
double accumulated_steps(const TrainingPlan& plan, std::int64_t steps, std::int64_t round);

// The probability with which a step of a private training takes a row. REQUIRES: rows > 0.
double sampling_rate(const TrainingPlan& plan, std::int64_t rows);

// The plan of a resolved part `training.*`, with an `objective.*` part or nullptr. `model` sets the
// default rate where `training` names none (see default_rate). Throws ScenarioError when fields
// contradict each other.
TrainingPlan make_plan(const Part& training, const Part* objective, const Part* model = nullptr);

// The rate that a part `training.*` has when none is written: sgd .05 (linear family .1), momentum
// .01, adam and adamw .001.
double default_rate(const Part& training, const Part* model);

// Fits the plan to the outcome: survival models take all rows at once unless `batch` is given.
// Throws ScenarioError when it does not fit (class weights for another number of classes).
void fit_plan(TrainingPlan& plan, const Part& training, const ModelShape& shape);

}  // namespace polyclinic
