// Hospitals without a server: each trains its own model, sends it to its neighbours and mixes what
// it gets (Lian et al. 2017, D-PSGD; Assran et al. 2019, stochastic gradient push).
//
// Rounds open for all at once: hospitals keep to a schedule. A round is over when nobody trains or
// sends any more, or at its deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "fed/evaluator.hpp"
#include "fed/gossip.hpp"
#include "fed/graph.hpp"
#include "fed/members.hpp"
#include "fed/protocol.hpp"
#include "fed/stores.hpp"
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

// What hospitals hold, and how it is mixed. Arithmetic only.
class GossipModels {
 public:
  // All hospitals begin with the same.
  GossipModels(std::size_t hospitals, const VersionPtr& initial);
  // Or each with its own.
  explicit GossipModels(std::vector<VersionPtr> initial);

  // What hospital i trains from and is scored with.
  [[nodiscard]] const VersionPtr& of(std::size_t i) const { return models_[i]; }
  [[nodiscard]] double weight(std::size_t i) const { return weights_[i]; }
  // What it learnt, before models are mixed.
  void learn(std::size_t i, const ParameterVector& change);
  // x_i <- sum_j M_ij x_j, w_i <- sum_j M_ij w_j in the order of j, and the model is x_i / w_i.
  // Columns of M sum to 1, so that sum x and sum w stay; rows too where weights are all 1. False:
  // a model overflowed. workers may be null.
  [[nodiscard]] bool mix(const MixingMatrix& matrix, Workers* workers);
  // sum x / sum w.
  [[nodiscard]] ParameterVector mean() const;
  // Root mean square distance of the models from `mean`.
  [[nodiscard]] double distance(const ParameterVector& mean) const;

 private:
  std::vector<VersionPtr> models_;
  std::vector<ParameterVector> sums_;  // x
  std::vector<double> weights_;        // w
};

class GossipServer final : public Protocol {
 public:
  // References outlive it.
  struct Setup {
    Simulation* simulation = nullptr;
    Network* network = nullptr;
    Members* members = nullptr;
    Evaluator* evaluator = nullptr;
    VersionStore* versions = nullptr;
    const Model* model = nullptr;
    Visits* visits = nullptr;
    VersionMaker* maker = nullptr;  // counts trainings
    StragglerRule stragglers;
    GossipOptions options;
    RunKey run;
    std::vector<HospitalId> hospitals;  // in order
    std::function<void(const Event&)> emit;
    // Called after each round at the instant's end; true ends the federation.
    std::function<bool(const RoundClosed&)> after_round;
  };
  explicit GossipServer(Setup setup);

  Task<void> serve() override;
  void abandon() override;
  [[nodiscard]] const ParameterVector* model_of(HospitalId hospital) const override;
  [[nodiscard]] std::optional<GossipAccount> gossip_account() const override { return account_; }

 private:
  struct Participant : Visit {
    bool trained = false;
  };
  using Edge = std::pair<std::int32_t, std::int32_t>;  // from, to
  struct Round {
    Round(Simulation& simulation, std::int64_t number)
        : index(number), scope(simulation, "round"), inbox("ends") {}
    std::int64_t index;  // from 0
    TimeNs opened;
    TimeNs ends = kNever;
    Graph graph;
    std::vector<Participant> participants;
    std::size_t open = 0;  // hospitals at work and messages under way
    std::set<Edge> arrived;
    std::int64_t messages = 0;
    Scope scope;
    Mailbox<bool> inbox;  // something of `open` ended
  };

  void open(Round& round);
  Task<void> gather(Round& round);
  Task<void> live(Round& round, std::size_t index);
  Task<void> tell(Round& round, std::int32_t from, std::int32_t to);
  void count_messages(const Round& round);
  RoundClosed close(Round& round);
  // The updates become part of what their hospitals send and mix; whose, by place in the order.
  std::vector<std::size_t> learn(Round& round, RoundClosed& closed);
  void mix(Round& round);
  [[nodiscard]] std::size_t place_of(HospitalId hospital) const;
  [[nodiscard]] std::int64_t message_bytes() const;

  Setup s_;
  GossipModels models_;
  std::unique_ptr<Round> round_;  // the open one
  GossipAccount account_;
};

}  // namespace polyclinic
