// A hospital from invitation to reply, whatever the protocol that invites it: the model comes down,
// the board approves, the queue and the window let it start, it trains, the update goes up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "fed/compression/wire.hpp"
#include "fed/control.hpp"
#include "fed/evaluator.hpp"
#include "fed/members.hpp"
#include "fed/pace.hpp"
#include "fed/parts.hpp"
#include "fed/run_privacy.hpp"
#include "fed/stores.hpp"
#include "fed/stragglers.hpp"
#include "fed/told_losses.hpp"
#include "net/network.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

// What a hospital is doing: the reason when a round closes over its head.
enum class VisitStage : std::uint8_t {
  invited,
  downloading,
  approval,
  waiting_for_window,
  starting,
  training,
  uploading,
  done
};

// Why a hospital stops in the middle of what it is doing.
enum class Stop : std::uint8_t { leaves, goes_down };

struct Visit {
  HospitalId hospital;
  std::optional<HostId> with;   // whose machine invites it; none: the server's
  std::optional<HostId> to;     // whose machine gets its update; none: the same
  std::int64_t number = 0;      // from 0: round, address of its random numbers, place in schedules
  TimeNs invited;               // when
  TimeNs deadline = kNever;     // nothing counts after it
  std::int64_t bytes_down = 0;  // of the invitation with the model, before compression
  std::int64_t bytes_up = 0;    // of the update, too
  bool has_model = false;       // it got the newest version before
  TimeNs before_upload;         // what its processor does to the update first (masks)
  // What it sends to others before its update (seeds of shares); empty: nothing. The visit goes on
  // whatever becomes of it.
  std::function<Task<void>()> sends_first;
  std::int64_t epochs = 0;  // a straggler: how far it gets; 0: it finishes
  std::int64_t asked = 0;   // epochs that the server asks it for; 0: those of the plan
  // Without common rounds the version that it was sent says where in schedules it is and gives the
  // address of its random numbers, and idle workers may train ahead.
  bool by_version = false;
  std::int64_t back = 0;         // rounds (or versions) that were undone: schedules do not see them
  std::unique_ptr<Scope> scope;  // of its coroutine alone, where it may be ended by itself
  VisitStage stage = VisitStage::invited;
  // what it was sent, from then on
  VersionPtr start;  // where somebody else than the server invites it: from the beginning
  VersionPtr server_control;
  std::int64_t version = 0;
  Acts acts = 0;  // attacks that its training is part of
  double trained_epochs = 0;
  TimeNs trained_for;
  Deferred<TrainingResult> result;    // once trained
  std::optional<DropReason> dropped;  // why it came to an end without a reply

  // It came to an end without a reply.
  [[nodiscard]] bool gave_up() const { return stage == VisitStage::done && !result.valid(); }
};

class Visits {
 public:
  // References outlive it.
  struct Setup {
    Simulation* simulation = nullptr;
    Network* network = nullptr;
    Members* members = nullptr;
    Evaluator* evaluator = nullptr;
    const VersionStore* versions = nullptr;
    ControlVectors* control = nullptr;
    Wire* wire = nullptr;
    const Model* model = nullptr;
    const TrainingPlan* plan = nullptr;
    const PersonalRule* personal = nullptr;
    Adversary* adversary = nullptr;              // null: every hospital is honest
    RunPrivacy* privacy = nullptr;               // null: there is none
    const AdaptiveProximal* proximal = nullptr;  // null: mu is what the plan says
    bool tell_losses = false;  // of the model that they receive, on all their rows
    StragglerRule stragglers;
    RunKey run;
    Interruption interruption = Interruption::abort;
    bool uploads_last = false;  // what has arrived of an upload outlasts a machine that goes down
    PartFunctions* functions = nullptr;
    const FunctionRef* batch_order = nullptr;  // the scenario's batch order, or null
    std::function<void(const Event&)> emit;
  };
  explicit Visits(Setup setup) : s_(std::move(setup)) {
    if (s_.stragglers.pace) pace_.emplace(*s_.stragglers.pace);
  }

  // The visit from beginning to end; true when its update is with the server. Otherwise why not has
  // been said. The visit stays where it is until then.
  Task<bool> run(Visit& visit);
  // It does not count: says why, and forgets the result.
  void drop(Visit& visit, DropReason reason, std::string detail);
  // The hospital stops in the middle of it. REQUIRES: the visit has a scope and has not ended.
  void end(Visit& visit, Stop why);
  // Whether it goes on by itself: its machine goes down, and its update is on the way. REQUIRES: as
  // end().
  [[nodiscard]] bool outlasts(const Visit& visit, Stop why) const {
    return why == Stop::goes_down && s_.uploads_last && visit.stage == VisitStage::uploading;
  }
  // The federation went back: from now on a place in a schedule is used again.
  void begin_anew() { ++life_; }
  // What the server learnt of the hospital, or of all, from the times of their replies is erased.
  void forget_times(HospitalId hospital);
  void forget_times();
  // Its round closed over its head.
  void cut_off(Visit& visit);
  // Says that a message went, for visits and for whatever else a protocol sends.
  void record_transfer(HospitalId hospital, std::int64_t number, TransferDirection direction,
                       const TransferOutcome& outcome, std::int64_t bytes);

  // Bytes that the visits' own messages moved.
  struct Moved {
    std::int64_t up = 0;
    std::int64_t down = 0;
  };
  [[nodiscard]] const Moved& moved() const { return moved_; }
  // Epochs of the trainings that were not interrupted.
  struct Work {
    std::int64_t trainings = 0;
    double epochs = 0;  // of all
    double least = 0;   // of one
    double most = 0;
    std::int64_t stopped = 0;  // ended by themselves before their last epoch
  };
  [[nodiscard]] const Work& work_done() const { return work_; }
  // Trainings begun that did not count: their hospitals' control vectors stayed as they were.
  [[nodiscard]] std::int64_t controls_kept() const { return controls_kept_; }

 private:
  Task<bool> reach(Visit& visit, Member& member);
  [[nodiscard]] bool may_spend(Visit& visit);
  void ask(Visit& visit, const Member& member) const;
  // What the server wants of the training that the hospital begins next.
  [[nodiscard]] TrainingExtent asked_of(const Visit& visit, const Member& member) const;
  void account(Visit& visit, Member& member, const TrainingExtent& amount, std::int64_t all_steps,
               TimeNs duration);
  Task<bool> prepare(Visit& visit, Member& member);
  Task<bool> compute(Visit& visit, Member& member);
  void stop_early(Order& order, const Member& member, TrainingExtent& amount);
  Task<bool> upload(Visit& visit, Member& member);
  void give_up(Visit& visit, DropReason reason, std::string detail);
  [[nodiscard]] Order order_for(const Visit& visit, Member& member,
                                std::int64_t epochs_begun) const;
  [[nodiscard]] DropReason late_or_cut_off(const Visit& visit) const;
  [[nodiscard]] TimeNs compute_time(const Member& member, const TrainingExtent& amount) const;
  [[nodiscard]] std::vector<std::int32_t> given_order(const Member& member,
                                                      std::int64_t epochs) const;
  Task<TransferOutcome> carry(const Visit& visit, TransferDirection direction, std::int64_t bytes);
  // Whether the message came whole.
  Task<bool> move(Visit& visit, TransferDirection direction, std::int64_t bytes);

  Setup s_;
  Moved moved_;
  Work work_;
  std::optional<Pace> pace_;  // what the server knows of the hospitals' times; none: it needs none
  std::int64_t controls_kept_ = 0;
  std::int64_t life_ = 0;
};

}  // namespace polyclinic
