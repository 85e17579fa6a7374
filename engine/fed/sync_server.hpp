// Synchronous rounds: invite, wait for enough replies or the deadline, aggregate, next round
// (Bonawitz et al. 2019, Towards Federated Learning at Scale, section 2). Server and hospitals are
// coroutines on the simulated clock; arithmetic happens when a round closes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "fed/control.hpp"
#include "fed/evaluator.hpp"
#include "fed/members.hpp"
#include "fed/parts.hpp"
#include "fed/secure_rule.hpp"
#include "fed/secure_sum.hpp"
#include "fed/stores.hpp"
#include "fed/stragglers.hpp"
#include "fed/weights.hpp"
#include "net/network.hpp"
#include "privacy/ledger.hpp"
#include "secure/sizes.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

struct SyncOptions {
  std::int64_t rounds = 30;
  TimeNs deadline = kNever;                     // after the round opened; kNever: none
  double over_selection = 1.0;                  // invited = target x this, rounded up
  std::optional<std::int64_t> minimum_replies;  // none: max(2, ceil(2/3 of the target))
  TimeNs pause;                                 // between rounds
  std::int64_t control_bytes = 1000;            // beside the parameters, each way
};

// What privacy would cost a hospital with so many training rows, if it trained in every round.
privacy::HospitalTerms hospital_terms(const TrainingPlan& plan, std::int64_t train_rows,
                                      std::int64_t rounds);

class SyncServer {
 public:
  // References outlive the server.
  struct Setup {
    Simulation* simulation = nullptr;
    Network* network = nullptr;
    Members* members = nullptr;
    Evaluator* evaluator = nullptr;
    VersionStore* versions = nullptr;
    ControlVectors* control = nullptr;
    Selection* selection = nullptr;
    AggregationRule* aggregation = nullptr;
    ServerOptimizer* optimizer = nullptr;
    const Model* model = nullptr;
    const TrainingPlan* plan = nullptr;
    const PersonalRule* personal = nullptr;
    privacy::Ledger* ledger = nullptr;  // of record-level privacy; null: there is none
    WeightRule weights;
    StragglerRule stragglers;
    std::optional<SecureRule> secure;  // updates are summed under masks
    SyncOptions options;
    RunKey run;
    std::vector<HospitalId> candidates;  // who may be invited, in order
    Interruption interruption = Interruption::abort;
    PartFunctions* functions = nullptr;
    const FunctionRef* batch_order = nullptr;  // the scenario's batch order, or null
    std::function<void(const Event&)> emit;
    // Called after each round at the instant's end; true ends the federation.
    std::function<bool(const RoundClosed&)> after_round;
  };
  explicit SyncServer(Setup setup);

  // The server's life: returns when the rounds are done or it was told to stop.
  Task<void> serve();

  // The run ends now, whatever the server is doing: frees the hospitals of an open round and says
  // of each that it was at work. Called from outside the event loop.
  void abandon();

  [[nodiscard]] bool weights_were_capped() const { return weights_capped_; }
  // Rows that trainings visited which became part of a version: what a fair reference may visit.
  [[nodiscard]] std::int64_t rows_visited() const { return rows_visited_; }
  // Optimiser steps of the same trainings.
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  // Trainings begun that did not count: their hospitals' control vectors stayed as they were.
  [[nodiscard]] std::int64_t controls_kept() const { return controls_kept_; }
  // What became of secure sums; all zero where there are none.
  [[nodiscard]] const SecureAccount& secure_account() const { return secure_account_; }

 private:
  // What a participant is doing: the reason when the round closes over its head.
  enum class Stage : std::uint8_t {
    invited,
    downloading,
    approval,
    waiting_for_window,
    starting,
    training,
    uploading,
    done
  };
  struct Participant {
    HospitalId hospital;
    Stage stage = Stage::invited;
    Deferred<TrainingResult> result;
    bool arrived = false;
    std::int64_t epochs = 0;  // a straggler: how far it gets; 0: it finishes
    // what the server has of it in a secure sum
    bool advertised = false;
    bool shared = false;
    bool revealed = false;
  };
  struct Round {
    Round(Simulation& simulation, std::int64_t number)
        : index(number), scope(simulation, "round"), inbox("replies") {}
    std::int64_t index;  // from 0
    TimeNs opened;
    TimeNs ends = kNever;      // the round is over at the latest
    TimeNs deadline = kNever;  // updates count until then: before the end where a sum is unmasked
    std::size_t target = 0;    // the round closes when so many have arrived
    std::size_t minimum = 0;
    std::size_t open = 0;  // neither arrived nor dropped
    std::size_t arrived = 0;
    std::vector<Participant> participants;  // fixed once the round is open
    Scope scope;
    Mailbox<std::size_t> inbox;  // index of a participant that arrived or gave up
    secure::Phase phase = secure::Phase::masked_input;  // without secure sums there is but this one
    std::string failure;                                // of a secure sum: why there is none
  };

  void open(Round& round);
  Task<void> gather(Round& round);
  // secure sums (sync_secure.cpp)
  struct Call {  // what a phase asks of a hospital
    TimeNs until;
    std::int64_t bytes_down = 0;
    std::int64_t bytes_up = 0;
    double seconds = 0;  // of its processor, between the two
  };
  Task<bool> exchange_keys(Round& round);
  Task<void> unmask(Round& round);
  Task<void> run_phase(Round& round, secure::Phase phase);
  Task<void> answer(Round& round, std::size_t index, Call call);
  void lose(Round& round, std::size_t index, DropReason reason, std::string_view doing);
  void lose_silent(Round& round);
  [[nodiscard]] bool takes_part(const Participant& participant, secure::Phase phase) const;
  [[nodiscard]] Call call_of(const Round& round, secure::Phase phase) const;
  [[nodiscard]] secure::MessageSizes message_sizes(const Round& round) const;
  void end_phase(Round& round, secure::Phase phase, std::size_t asked, std::size_t answered);
  [[nodiscard]] TimeNs masking_time(const Round& round) const;
  [[nodiscard]] bool secure_mean(const Round& round, UpdateStream& updates, ParameterVector& out);

  Task<void> participate(Round& round, std::size_t index);
  Task<bool> reach(Round& round, std::size_t index);
  [[nodiscard]] bool may_spend(Round& round, std::size_t index);
  Task<bool> prepare(Round& round, std::size_t index);
  Task<bool> compute(Round& round, std::size_t index);
  Task<bool> upload(Round& round, std::size_t index);
  void give_up(Round& round, std::size_t index, DropReason reason, std::string detail);
  void drop(Round& round, Participant& participant, DropReason reason, std::string detail);
  void drop_unfinished(Round& round);
  [[nodiscard]] DropReason late_or_cut_off(const Participant& participant) const;
  void record_transfer(const Round& round, Member& member, TransferDirection direction,
                       const TransferOutcome& outcome, std::int64_t bytes);
  RoundClosed close(Round& round);
  bool aggregate(Round& round, RoundClosed& closed);
  [[nodiscard]] std::string rule_refusal(const Round& round,
                                         const std::vector<HospitalId>& diverged) const;
  std::int64_t account(Round& round, const std::vector<HospitalId>& diverged,
                       const std::vector<double>& shares, bool usable, const std::string& refusal);
  [[nodiscard]] std::int64_t message_bytes() const;
  [[nodiscard]] std::int64_t bytes_down(const Round& round) const;
  [[nodiscard]] std::int64_t bytes_up(const Round& round) const;
  [[nodiscard]] TimeNs compute_time(const Member& member, const TrainingExtent& amount) const;
  [[nodiscard]] std::vector<std::int32_t> given_order(const Member& member,
                                                      std::int64_t epochs) const;

  Setup s_;
  Round* open_round_ = nullptr;  // lives in the frame of serve()
  ParameterVector previous_;     // the last aggregate, for rules that look back
  SecureAccount secure_account_;
  std::optional<SecureSum> secure_sum_;
  bool weights_capped_ = false;
  std::int64_t rows_visited_ = 0;
  std::int64_t steps_ = 0;
  std::int64_t controls_kept_ = 0;
};

}  // namespace polyclinic
