// One model goes round: each hospital trains it in its turn and sends it to the next (Chang et al.
// 2018, cyclical weight transfer). No server; a round is once round all hospitals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "fed/evaluator.hpp"
#include "fed/members.hpp"
#include "fed/protocol.hpp"
#include "fed/stores.hpp"
#include "fed/stragglers.hpp"
#include "fed/turns.hpp"
#include "fed/version_maker.hpp"
#include "fed/visit.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

class CyclicServer final : public Protocol {
 public:
  // References outlive it.
  struct Setup {
    Simulation* simulation = nullptr;
    Members* members = nullptr;
    Evaluator* evaluator = nullptr;
    VersionStore* versions = nullptr;
    const Model* model = nullptr;
    Visits* visits = nullptr;
    VersionMaker* maker = nullptr;  // counts trainings
    StragglerRule stragglers;
    CyclicOptions options;
    RunKey run;
    std::vector<HospitalId> hospitals;  // in order
    std::function<void(const Event&)> emit;
    // Called after each round at the instant's end; true ends the federation.
    std::function<bool(const RoundClosed&)> after_round;
  };
  explicit CyclicServer(Setup setup) : s_(std::move(setup)) {}

  Task<void> serve() override;
  void abandon() override;

 private:
  struct Participant : Visit {
    bool trained = false;
  };
  struct Round {
    std::int64_t index = 0;  // from 0
    TimeNs opened;
    std::vector<Participant> participants;  // in the order of their turns
    std::vector<HospitalId> learnt;
    double loss = 0;  // of those, summed
    std::int64_t rows_visited = 0;
    std::int64_t steps = 0;
  };
  // One hospital has the model, or gets it.
  struct Turn {
    explicit Turn(Simulation& simulation) : scope(simulation, "turn"), inbox("end") {}
    Scope scope;
    Mailbox<bool> inbox;
  };

  void open(Round& round);
  Task<void> take_turn(Participant& self);
  Task<void> live(Turn& turn, Participant& self);
  // What it learnt becomes part of the model, which it has then.
  void learn(Round& round, Participant& self);
  RoundClosed close(Round& round);
  [[nodiscard]] std::vector<HospitalId> order_of(std::int64_t round) const;

  Setup s_;
  VersionPtr model_;                  // that goes round
  std::optional<HospitalId> holder_;  // who has it; none: all begin with it
  std::unique_ptr<Round> round_;      // the open one
  std::unique_ptr<Turn> turn_;        // the one that is going on
};

}  // namespace polyclinic
