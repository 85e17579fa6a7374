// Timing is decided first, arithmetic later: an Order says what to compute, a Deferred stands for
// its result, and the Evaluator computes those that somebody looks at, in parallel.
//
// An order that nobody looks at costs nothing, unless the plan keeps state at the hospitals: then
// the orders of a hospital form a chain that is evaluated in order (the hospital did train).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/parallel.hpp"
#include "base/time.hpp"
#include "data/cohort.hpp"
#include "fed/adversary.hpp"
#include "fed/compression/compressor.hpp"
#include "fed/parts.hpp"
#include "fed/personal.hpp"
#include "fed/stores.hpp"
#include "fed/update_privacy.hpp"
#include "learn/model.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

// A local training, frozen when it is issued.
struct Order {
  HospitalId hospital;
  std::int64_t round = 0;       // from 0: schedule and address of its random numbers
  std::int64_t repeat = 0;      // trainings of this hospital in this round before it
  std::int64_t life = 0;        // tells random numbers apart of rounds that are done again
  std::int64_t epochs = 0;      // what it is to finish; 0: what the plan says
  std::int64_t rows_tried = 0;  // visited beyond these, by epochs that early stopping ran in vain
  double noise = 0;             // multiplier of a private training
  std::optional<double> proximal;  // mu that the server sent, where it moves
  Acts acts = 0;                   // attacks that it is part of
  DataEpochPtr data;               // its rows as they are when it begins; null: the first
  VersionPtr start;                // parameters it starts from
  VersionPtr server_control;       // control vectors (fed/control.hpp); null: zero
  VersionPtr own_control;
  std::vector<std::int32_t> given_order;  // rows, when the scenario gives the batch order
  bool sent = true;  // false: whatever comes out, the hospital will not send it
};

// A handle to a result that may not have been computed yet. Cheap to copy.
template <class T>
class Deferred {
 public:
  Deferred() = default;
  [[nodiscard]] bool valid() const { return slot_ != nullptr; }

 private:
  friend class Evaluator;
  struct Slot {
    Order order;
    std::optional<T> result;
    bool taken_up = false;     // computed, or about to be
    TimeNs expected = kNever;  // when somebody will look at it
    bool lost = false;         // on its way to the server
  };
  explicit Deferred(Order&& order) : slot_(std::make_shared<Slot>()) {
    slot_->order = std::move(order);
  }
  std::shared_ptr<Slot> slot_;  // shared by the reply in flight and the hospital's chain
};

// Of a model on many rows: the mean of their losses, or the root of the mean of their squares.
enum class LossOf : std::uint8_t { mean, root_of_squares };

class Evaluator {
 public:
  struct Setup {
    const Model* model = nullptr;
    const Cohort* cohort = nullptr;
    const TrainingPlan* plan = nullptr;
    const PersonalRule* personal = nullptr;
    const Adversary* adversary = nullptr;  // null: every hospital is honest
    // Of updates and of changes of control vectors, on their way to the server; null: they travel
    // as they are. A result is what the server decodes.
    const compression::Compressor* compressor = nullptr;
    const compression::Compressor* control_compressor = nullptr;
    Workers* workers = nullptr;
    RunKey run;
    // Every update is cut and noised before it leaves the hospital, with the order's multiplier.
    std::optional<UpdateCut> local_privacy;
    bool tell_losses = false;  // of the parameters that a training starts from, on all its rows
    const std::atomic<bool>* interrupt = nullptr;  // set: evaluations end early, results unusable
  };
  explicit Evaluator(const Setup& setup);

  // Freezes a training that the hospital has begun, on the data that it has now.
  [[nodiscard]] Deferred<TrainingResult> issue(Order order) const;
  // How far the hospital would get with it before it stops by itself, and what of that counts:
  // found by training on copies of all that it keeps, so nothing has happened, and the order may be
  // issued with `counted` epochs. REQUIRES: the plan stops early.
  struct Stopped {
    std::int64_t ran = 0;           // epochs; 0: all, and nobody looked
    std::int64_t counted = 0;       // of them, in what it sends; 0: all
    std::int64_t rows_checked = 0;  // rows of the forward passes of the checks
  };
  [[nodiscard]] Stopped epochs_until_stop(Order order);
  // The hospital finished that training on the clock: its state moves on, whoever hears of it. Not
  // called for a training that was interrupted.
  void trained(const Deferred<TrainingResult>& deferred);
  // The hospital learnt that the message with this result broke off: what it left out of the next
  // ones is not lost for good.
  void lost(const Deferred<TrainingResult>& deferred);
  // The server will look at it about then. Workers that have nothing else to do compute what is
  // expected next, at most kAheadMost each: work that is wasted where the update gets lost, and
  // changes no bit. Without it asynchronous protocols, which look at few at a time, would run on
  // one core. Where hospitals keep state only trainings that are over are computed ahead.
  void expect(const Deferred<TrainingResult>& deferred, TimeNs at);
  // Computes all of them (and what their chains need first), each on one worker; several of one
  // hospital one after the other. REQUIRES: those of one hospital in the order in which it trained.
  void force(std::span<const Deferred<TrainingResult>> wanted);
  // REQUIRES: forced.
  [[nodiscard]] TrainingResult take(Deferred<TrainingResult>& deferred) const;
  // Attacks that the training is part of. REQUIRES: valid.
  [[nodiscard]] Acts acts(const Deferred<TrainingResult>& deferred) const;
  [[nodiscard]] static std::int64_t rows_tried(const Deferred<TrainingResult>& deferred);

  // Loss of these parameters on each hospital's training rows; infinite where there are none. Where
  // layers stay at home, of these and the hospital's own as they stand.
  [[nodiscard]] std::vector<double> losses(std::span<const HospitalId> hospitals,
                                           const ParameterVector& parameters, LossOf of);

  // The hospitals' own models as they stand, after all that they trained on the clock; empty for
  // one that has none. global and version: what fine-tuning starts from, or what layers at home are
  // joined with (those of a hospital without any are fitted first: never empty).
  [[nodiscard]] std::vector<ParameterVector> personal_models(std::span<const HospitalId> hospitals,
                                                             const ParameterVector& global,
                                                             std::int64_t version);
  // Whether something of its own came of the hospital's trainings that were evaluated.
  [[nodiscard]] bool has_own(HospitalId hospital) const;

  // The share of its own model in the mixture that it is scored with; none before it trained.
  [[nodiscard]] std::optional<double> own_share(HospitalId hospital) const;

  // What the hospital keeps between trainings is erased.
  void forget(HospitalId hospital);
  // The same of all. REQUIRES: no result that was issued before is looked at any more.
  void begin_anew();

  [[nodiscard]] Workers* workers() const { return setup_.workers; }
  [[nodiscard]] bool tells_losses() const { return setup_.tell_losses; }
  [[nodiscard]] bool interrupted() const;
  [[nodiscard]] std::int64_t trainings() const { return trainings_; }

 private:
  using Slot = Deferred<TrainingResult>::Slot;
  // Orders that one worker must evaluate one after the other.
  struct Batch {
    HospitalState* state = nullptr;
    std::vector<std::shared_ptr<Slot>> slots;
  };
  // A chain is evaluated when it has grown to this, so that old versions can go.
  static constexpr std::size_t kChainMax = 4;
  // Results that wait for somebody to look at them, for each worker.
  static constexpr std::size_t kAheadMost = 2;

  [[nodiscard]] bool stateful() const;
  void note_expected(const std::shared_ptr<Slot>& slot);
  void append(std::vector<Batch>& batches, const std::shared_ptr<Slot>& slot);
  void add_ahead(std::vector<Batch>& batches);
  void run(std::vector<Batch>& batches);
  void evaluate(Slot& slot, HospitalState* state, Workspace& workspace) const;
  [[nodiscard]] TrainingTask task_of(const Order& order, const Dataset& rows,
                                     const TrainingPlan& plan, HospitalState* state) const;
  [[nodiscard]] TrainingResult untrained(const Order& order, const Dataset& rows) const;
  [[nodiscard]] double loss_of(const ParameterVector& parameters, const Dataset& rows,
                               Workspace& workspace) const;
  void compress(Slot& slot, HospitalState* state) const;
  void catch_up(std::span<const HospitalId> hospitals);
  [[nodiscard]] ParameterVector with_own_layers(const ParameterVector& shared,
                                                const HospitalState& state) const;
  [[nodiscard]] ParameterVector kept_model(const HospitalState& state,
                                           const ParameterVector& global) const;
  [[nodiscard]] TrainingResult train_whole(TrainingTask task, HospitalState* state,
                                           Workspace& workspace) const;
  [[nodiscard]] TrainingResult train_layers(TrainingTask task, const Order& order,
                                            HospitalState& state, Workspace& workspace) const;
  [[nodiscard]] TrainingTask kept_alone(const Dataset& rows, const ParameterVector& whole) const;
  [[nodiscard]] ParameterVector joined(HospitalId hospital, const ParameterVector& shared,
                                       std::int64_t version, bool fit, Workspace& workspace) const;
  void train_personal(const Order& order, HospitalState& state, Workspace& workspace) const;
  [[nodiscard]] ParameterVector fine_tuned(HospitalId hospital, const ParameterVector& global,
                                           std::int64_t version, Workspace& workspace) const;
  Workspace& workspace_of(int slot);
  std::vector<std::shared_ptr<Slot>> take_chain(HospitalId hospital, const Slot* upto);

  Setup setup_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;  // one per worker slot
  std::unique_ptr<Workspace> checks_;  // of early stopping, beside a training's own
  StateStore states_;
  std::map<HospitalId, std::deque<std::shared_ptr<Slot>>> chains_;
  // what will be looked at, by when and in which order it was said
  std::map<std::pair<TimeNs, std::uint64_t>, std::weak_ptr<Slot>> expected_;
  std::uint64_t expectations_ = 0;
  std::vector<std::weak_ptr<Slot>> ahead_;  // computed, and not taken yet
  std::int64_t trainings_ = 0;
};

// Results of orders as a stream of updates in the order given, evaluated a window at a time so that
// memory does not grow with the number of participants. Updates that overflowed are skipped.
class DeferredUpdates final : public UpdateStream {
 public:
  struct Item {
    HospitalId hospital;
    Deferred<TrainingResult> result;
    double weight = 0;
  };
  // heard: told of each update before it is handed on; may be empty.
  DeferredUpdates(Evaluator& evaluator, std::vector<Item> items, std::size_t window,
                  std::function<void(Update&)> heard = {});

  [[nodiscard]] std::size_t count() const override { return items_.size(); }
  const Update* next() override;
  bool take(Update& update) override;
  // After the end: hospitals whose training overflowed, and what was learnt on the way.
  [[nodiscard]] const std::vector<HospitalId>& diverged() const { return diverged_; }
  // The same as places in the items.
  [[nodiscard]] const std::vector<std::size_t>& diverged_places() const { return places_; }
  // Training loss over the updates, weighted as they were.
  [[nodiscard]] double mean_loss() const { return weight_ > 0 ? loss_ / weight_ : 0.0; }
  // Losses that the hospitals told, weighted as their updates.
  [[nodiscard]] double told_loss() const {
    return told_weight_ > 0 ? told_loss_ / told_weight_ : 0.0;
  }
  [[nodiscard]] std::int64_t rows_visited() const { return rows_visited_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }

 private:
  Evaluator& evaluator_;
  std::vector<Item> items_;
  std::size_t window_;
  std::function<void(Update&)> heard_;
  std::size_t forced_ = 0;
  std::size_t position_ = 0;
  Update current_;
  std::vector<HospitalId> diverged_;
  std::vector<std::size_t> places_;
  double loss_ = 0;
  double weight_ = 0;
  double told_loss_ = 0;
  double told_weight_ = 0;
  std::int64_t rows_visited_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace polyclinic
