// Hospitals, regional aggregators and a server (Liu et al. 2020, Client-Edge-Cloud Hierarchical
// Federated Learning, Algorithm 1). In a round of the server every region gets the model, makes so
// many rounds of its own with its hospitals, and sends the sum of what they learnt. Nothing of one
// hospital leaves its region.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "fed/border.hpp"
#include "fed/hierarchy.hpp"
#include "fed/members.hpp"
#include "fed/parts.hpp"
#include "fed/protocol.hpp"
#include "fed/stragglers.hpp"
#include "fed/version_maker.hpp"
#include "fed/visit.hpp"
#include "net/network.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

class HierarchicalServer final : public Protocol {
 public:
  struct Region {
    std::string name;
    std::vector<HospitalId> candidates;  // who may be invited, in order
    std::optional<HospitalId> at;        // whose machine aggregates; none: one of its own
    HostId aggregator;
    std::unique_ptr<Selection> selection;
    std::unique_ptr<AggregationRule> rule;
  };
  // References outlive the server.
  struct Setup {
    Simulation* simulation = nullptr;
    Network* network = nullptr;
    Members* members = nullptr;
    const VersionStore* versions = nullptr;
    const Model* model = nullptr;
    Visits* visits = nullptr;
    VersionMaker* maker = nullptr;
    StragglerRule stragglers;
    bool by_size = true;  // hospitals count with their rows
    HierarchyOptions options;
    RunKey run;
    std::vector<Region> regions;
    std::function<void(const Event&)> emit;
    // Called after each round of the server at the instant's end; true ends the federation.
    std::function<bool(const RoundClosed&)> after_round;
  };
  explicit HierarchicalServer(Setup setup);

  Task<void> serve() override;
  void abandon() override;
  void join(HospitalId hospital) override;
  // REQUIRES: no region's aggregator is at it.
  void leave(HospitalId hospital) override;
  void go_down(HospitalId hospital) override { stop(hospital, Stop::goes_down); }
  [[nodiscard]] bool holds(HospitalId hospital) const override;
  std::optional<RoundClosed> interrupt(DropReason reason, const std::string& why) override;
  void go_back(std::int64_t place, std::int64_t versions) override;
  [[nodiscard]] std::vector<BorderAccount> borders() const override { return border_.regions(); }

 private:
  // What the hospital is at ends now.
  void stop(HospitalId hospital, Stop why);
  struct Participant : Visit {
    bool arrived = false;
  };
  // A round of a region with its hospitals.
  struct RegionalRound {
    RegionalRound(Scope& parent, std::int64_t index, std::int64_t where)
        : number(index), place(where), scope(parent, "regional round"), inbox("replies") {}
    std::int64_t number;  // from 0, counted through the run: the same for all regions at one step
    std::int64_t place;   // in the plan: the same, unless rounds were undone
    TimeNs opened;
    TimeNs deadline = kNever;
    std::size_t target = 0;
    std::size_t minimum = 0;
    std::size_t open = 0;
    std::size_t arrived = 0;
    std::vector<Participant> participants;
    Scope scope;
    Mailbox<std::size_t> inbox;
    std::vector<std::pair<std::size_t, double>> used;  // participants in the sum, and their shares
  };
  // What a region does in a round of the server.
  struct Work {
    VersionPtr model;     // of the region: the server's, then moved on by its own rounds
    ParameterVector sum;  // of what its rounds changed
    std::deque<RegionalRound> rounds;
    std::int64_t counted = 0;          // rounds that are part of the sum
    std::int64_t hospitals_least = 0;  // in one of them
    double weight = 0;                 // of the hospitals that counted, summed over these rounds
    double loss = 0;
    std::int64_t rows_visited = 0;
    std::int64_t steps = 0;
    bool arrived = false;  // the sum is with the server
  };
  struct Round {
    Round(Simulation& simulation, std::int64_t number)
        : index(number), scope(simulation, "round"), inbox("regional sums") {}
    std::int64_t index;  // from 0
    TimeNs opened;
    TimeNs ends = kNever;
    Scope scope;
    std::deque<Work> work;  // of each region
    Mailbox<std::size_t> inbox;
    bool interrupted = false;
  };

  void drop_all(DropReason reason);
  void open(Round& round);
  Task<void> gather(Round& round);
  Task<void> work_region(Round& round, std::size_t region);
  Task<bool> cross(Round& round, std::size_t region, TransferDirection direction);
  void open_regional(const Round& round, std::size_t region, RegionalRound& regional);
  Task<void> gather_regional(std::size_t region, RegionalRound& regional);
  Task<void> participate(RegionalRound& regional, std::size_t index);
  // Whether it became part of the region's sum.
  bool close_regional(Round& round, std::size_t region, RegionalRound& regional);
  bool combine(Round& round, std::size_t region, RegionalRound& regional,
               RegionalRoundClosed& closed);
  void move_on(Work& work, const ParameterVector& change, std::int64_t round) const;
  RoundClosed close(Round& round);
  [[nodiscard]] std::string refusal(const Round& round) const;
  void make_version(Round& round, RoundClosed& closed);
  // Those whose update is in a region's sum: it is part of the version, in which the region has
  // that share; or it is not. Returns how many there were.
  std::int64_t account(Work& work, double share);
  void drop_used(Work& work, DropReason reason, const std::string& detail);

  Setup s_;
  Border border_;
  std::unique_ptr<Round> round_;  // the open one
  std::unique_ptr<Round> lost_;   // one that was interrupted: whoever serves it waits in it
  std::vector<ParameterVector> previous_;  // the last change of each region
};

}  // namespace polyclinic
