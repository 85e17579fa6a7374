// The parts of a strategy: what a federation is composed of. Named algorithms are compositions of
// these (scripts/strategies.lua); each is an interface with implementations in C++ and one in Lua.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/parallel.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "learn/parameters.hpp"

namespace polyclinic {

// The attacks that one training is part of: bit k for the k-th of the scenario; 0: it is honest.
using Acts = std::uint64_t;

// What a hospital sends: a change of the parameters and what the parts of the strategy need to
// know.
struct Update {
  HospitalId hospital;
  ParameterVector delta;
  ParameterVector control;  // change of its control vector (fed/control.hpp); empty: it has none
  std::int64_t rows = 0;    // training rows: summable
  std::int64_t steps = 0;   // summable
  double accumulated = 1;   // how often its gradients count in delta, in sum: individual
  double mean_loss = 0;     // summable (with rows)
  double rate = 0;          // learning rate of its training, which the server set; 0: nobody says
  double told_loss = 0;   // of the model it began with, on all its rows: individual, and told only
                          // where a part asks for it (fed/told_losses.hpp)
  bool replaced = false;  // an attacker sent this instead of what it learnt
  std::size_t place = 0;  // among those that arrived for its version
  double weight = 0;      // set by the server before aggregation; all weights sum to 1
  Acts acts = 0;          // nobody but the attackers knows (fed/adversary.hpp)
};

// Updates of one version in hospital order, handed over one at a time so that a linear rule never
// needs all of them in memory.
class UpdateStream {
 public:
  virtual ~UpdateStream() = default;
  // Number of updates in all.
  [[nodiscard]] virtual std::size_t count() const = 0;
  // The next one, valid until the next call; nullptr at the end. All are finite: who makes the
  // stream leaves out what holds a NaN or an infinity.
  virtual const Update* next() = 0;
  // The next one to keep; false at the end. Streams that own their updates move them out.
  virtual bool take(Update& update) {
    const Update* found = next();
    if (found != nullptr) update = *found;
    return found != nullptr;
  }
};

// What a rule may look at beside the updates.
struct AggregationContext {
  const ParameterVector* global = nullptr;
  const ParameterVector* previous = nullptr;  // the last aggregate; null in the first version
  std::int64_t version = 0;                   // being made, from 1
  std::int64_t round = 0;                     // that makes it, from 1; 0: there is none
  std::uint64_t seed = 0;                     // addressed: for rules that draw
  std::uint64_t lane = 0;                     // tells combinations of one version apart
  const ParameterVector* root = nullptr;      // an update that the server trusts, if it has one
  Workers* workers = nullptr;                 // null: one thread
  bool losses = false;                        // hospitals told theirs (Update::told_loss)
};

// What a rule is held to: what its formula can do, when it is called as a function; what its paper
// demands, in a round; and before a run, what fewer updates could not meet either.
enum class Demand : std::uint8_t { possible, guaranteed, ever };

// Updates to one vector of the same layout.
class AggregationRule {
 public:
  virtual ~AggregationRule() = default;
  // Zero when there is nothing to combine (`refusal` tells why).
  [[nodiscard]] virtual ParameterVector combine(UpdateStream& updates,
                                                const AggregationContext& context) = 0;
  // How much each update of the last combine() counted, by its place; empty: as its weight says.
  struct Counted {
    std::size_t place = 0;
    double share = 0;  // all sum to 1, or are 0
  };
  [[nodiscard]] virtual std::span<const Counted> counted() const { return {}; }
  // Why the rule cannot combine updates of these hospitals, or "".
  [[nodiscard]] virtual std::string refusal(std::span<const HospitalId> /*from*/,
                                            Demand /*demand*/) const {
    return {};
  }
};

// What the server does with the aggregate: w <- w + step(aggregate).
class ServerOptimizer {
 public:
  virtual ~ServerOptimizer() = default;
  virtual void step(ParameterVector& global, const ParameterVector& aggregate) = 0;
  // One that goes on from here by itself.
  [[nodiscard]] virtual std::unique_ptr<ServerOptimizer> clone() const = 0;
};

// Who is invited to a round.
class Selection {
 public:
  virtual ~Selection() = default;
  // Those whose loss on their own rows, with the newest model, the server asks for before it
  // chooses: messages that take time and may be lost. Empty: none. In increasing order.
  [[nodiscard]] virtual std::vector<HospitalId> polled(std::span<const HospitalId> /*candidates*/,
                                                       RunKey /*run*/, std::int64_t /*round*/) {
    return {};
  }
  // From the answers that came, in increasing order of hospital.
  struct Answer {
    HospitalId hospital;
    double loss = 0;
  };
  [[nodiscard]] virtual std::vector<HospitalId> choose_by_loss(
      std::span<const Answer> /*answers*/, std::span<const HospitalId> /*candidates*/,
      RunKey /*run*/, std::int64_t /*round*/) {
    return {};
  }
  // What an update that arrived tells of its hospital besides.
  struct Reply {
    HospitalId hospital;
    std::int64_t rows = 0;  // that it trained on
    double root_loss = 0;   // root of the mean squared loss of a row, of the model it began with
    double duration_s = 0;  // from invitation to arrival
  };
  [[nodiscard]] virtual bool learns() const { return false; }
  // After each round; in increasing order of hospital.
  virtual void learn(std::span<const Reply> /*replies*/, std::int64_t /*round*/) {}
  // Members of `candidates` in increasing order; deterministic for (run, round).
  [[nodiscard]] virtual std::vector<HospitalId> choose(std::span<const HospitalId> candidates,
                                                       RunKey run, std::int64_t round) = 0;
};

// One way to divide patients (sex), as a metric sees it: the level of every patient, and their
// names.
struct PatientGroups {
  std::string_view name;
  std::span<const std::string> levels;
  std::span<const std::uint8_t> of_patient;
};

// Functions of the scenario that stand in for a part. Implemented by the script floor; called on
// the event loop only, never inside a parallel evaluation. All may throw RunError.
class PartFunctions {
 public:
  virtual ~PartFunctions() = default;
  virtual std::vector<double> aggregate(const FunctionRef& function,
                                        std::span<const Update> updates,
                                        const AggregationContext& context) = 0;
  // Places in the list of candidates' names, from 0, increasing. round counts from 1.
  virtual std::vector<std::int32_t> select(const FunctionRef& function,
                                           std::span<const std::string> candidates,
                                           std::int64_t round, std::uint64_t seed) = 0;
  virtual double metric(const FunctionRef& function, std::span<const double> scores,
                        std::span<const double> labels, std::span<const PatientGroups> groups) = 0;
  // Row order of one epoch: a permutation of 0..rows-1.
  virtual std::vector<std::int32_t> batch_order(const FunctionRef& function,
                                                std::string_view hospital, std::int64_t epoch,
                                                std::int64_t rows) = 0;
  // What the functions remember (ctx.state) is erased.
  virtual void begin_anew() {}
};

// Does this aggregation.* do something to the updates before its rule?
bool has_pre(const Part& aggregation);

// Hospitals that may take part, for rules that keep something of each; called once, in a round.
// Empty: those whose updates a rule sees first.
using AbleHospitals = std::function<std::vector<HospitalId>()>;

// Build parts from resolved `aggregation.*`, `server.*`, `selection.*`. functions may be null when
// none of them is written in Lua.
std::unique_ptr<AggregationRule> make_aggregation(const Part& part, PartFunctions* functions,
                                                  AbleHospitals able = {});
std::unique_ptr<ServerOptimizer> make_server_optimizer(const Part& part);
// What a selection may ask of a hospital: what the server knows of it. Parts ask only for what they
// need; what nobody asks for may be empty.
struct SelectionFacts {
  std::function<std::string(HospitalId)> name;
  std::function<std::int64_t(HospitalId)> train_rows;
  std::function<double(HospitalId)> speed_flops;  // of its machine
  struct Past {
    std::int64_t invitations = 0;
    std::int64_t replies = 0;  // updates that arrived
  };
  std::function<Past(HospitalId)> past;
};
std::unique_ptr<Selection> make_selection(const Part& part, PartFunctions* functions,
                                          SelectionFacts facts = {});

// Refuses a selection that tells the server what other parts keep from it, and one whose questions
// a protocol does not ask. secure and privacy may be null.
std::vector<Mistake> selection_conflicts(const Part& selection, const Part& protocol,
                                         const Part* secure, const Part* privacy);

// Schemas of aggregation.*, server.*, selection.*, protocol.*, stragglers.*, compose.
std::vector<Schema> fed_schemas();

}  // namespace polyclinic
