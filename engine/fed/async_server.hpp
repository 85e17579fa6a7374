// Federations without common rounds: hospitals are invited one by one, each trains from the version
// that it was sent, and its update counts whenever it comes. Three ways to make versions of them:
//
// buffered          of every K updates that arrived (Nguyen et al. 2022, FedBuff, Algorithm 1)
// asynchronous      of every update, mixed into the model (Xie et al. 2019, FedAsync, Algorithm 1)
// semi-synchronous  at fixed times, of what has arrived by then; the rest counts in the next
//
// What is called a round here is the making of a version: it opens when the one before is closed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "fed/idle_pool.hpp"
#include "fed/protocol.hpp"
#include "fed/staleness.hpp"
#include "fed/version_maker.hpp"
#include "fed/visit.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

struct AsyncOptions {
  std::int64_t rounds = 30;      // versions to make
  std::size_t concurrency = 1;   // hospitals at work at a time
  std::size_t buffer = 1;        // a version is made of so many updates
  TimeNs every = kNever;         // semi-synchronous: at these times instead, of all that arrived
  std::optional<double> mixing;  // asynchronous: alpha; none: updates are changes that add up
  StalenessRule staleness;
  std::optional<std::int64_t> staleness_most;  // an older update is left out
  TimeNs deadline = kNever;                    // of a reply, from its invitation on
  TimeNs rest;                                 // how long who brought nothing is left alone
  std::int64_t control_bytes = 1000;           // beside the parameters, each way
};

// Whether a resolved part `protocol.*` is one of these.
bool is_asynchronous(const Part& protocol);
// Reads it, where so many hospitals are at work at a time.
AsyncOptions async_options(const Part& protocol, std::size_t concurrency);
// Schemas of protocol.buffered, protocol.async, protocol.semi_sync.
std::vector<Schema> async_schemas();

class AsyncServer final : public Protocol {
 public:
  // References outlive the server.
  struct Setup {
    Simulation* simulation = nullptr;
    Members* members = nullptr;
    const VersionStore* versions = nullptr;
    const Model* model = nullptr;
    Visits* visits = nullptr;
    VersionMaker* maker = nullptr;
    AsyncOptions options;
    RunKey run;
    std::vector<HospitalId> candidates;  // who may be invited, in order
    std::function<void(const Event&)> emit;
    // Called after each round at the instant's end; true ends the federation.
    std::function<bool(const RoundClosed&)> after_round;
  };
  explicit AsyncServer(Setup setup);

  Task<void> serve() override;
  void abandon() override;
  void join(HospitalId hospital) override;
  void leave(HospitalId hospital) override;
  void go_down(HospitalId hospital) override { stop(hospital, Stop::goes_down); }
  [[nodiscard]] bool holds(HospitalId hospital) const override;
  std::optional<RoundClosed> interrupt(DropReason reason, const std::string& why) override;
  [[nodiscard]] std::string ending() const override { return ending_; }

 private:
  // What the hospital is at ends now.
  void stop(HospitalId hospital, Stop why);
  void open();
  [[nodiscard]] bool may_invite() const;
  void invite();
  void invite(HospitalId hospital);
  Task<void> attend(std::int64_t call);
  void hear(std::int64_t call);
  void let_rest(const Visit& visit);
  void put_back(HospitalId hospital, TimeNs since);
  [[nodiscard]] std::vector<std::int64_t> calls_in_order() const;
  void drop_all(DropReason reason);
  [[nodiscard]] bool nobody_left();
  [[nodiscard]] TimeNs wake_time() const;
  [[nodiscard]] bool due() const;
  [[nodiscard]] bool impatient() const;
  RoundClosed close();
  bool make(RoundClosed& closed);
  [[nodiscard]] VersionMaker::Arrival arrival(const Visit& visit) const;
  void account(const std::vector<Visit*>& used, const VersionMaker::Outcome& outcome,
               std::int64_t version, RoundClosed& closed);
  [[nodiscard]] bool ticks() const { return s_.options.every != kNever; }
  [[nodiscard]] std::int64_t message_bytes() const;
  [[nodiscard]] TimeNs next_up(HospitalId hospital, TimeNs now) const;

  Setup s_;
  IdlePool idle_;
  Scope scope_;
  Mailbox<std::int64_t> inbox_;  // calls that arrived or gave up
  // By call, which are in order of invitation (calls_in_order). Found three times in each visit.
  std::unordered_map<std::int64_t, Visit> at_work_;
  std::deque<Visit> buffer_;  // arrived, in this order; part of no version yet
  std::int64_t calls_ = 0;

  // the round
  TimeNs opened_;
  std::int64_t invited_ = 0;
  std::size_t in_vain_ = 0;  // visits that brought nothing
  bool just_opened_ = true;
  bool round_open_ = false;
  std::string ending_;
};

}  // namespace polyclinic
