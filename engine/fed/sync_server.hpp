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
#include "fed/members.hpp"
#include "fed/parts.hpp"
#include "fed/protocol.hpp"
#include "fed/secure_rule.hpp"
#include "fed/secure_sum.hpp"
#include "fed/stragglers.hpp"
#include "fed/version_maker.hpp"
#include "fed/visit.hpp"
#include "net/network.hpp"
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
  bool empty_rounds = false;                    // nobody's reply makes a version, too
  TimeNs pause;                                 // between rounds
  std::int64_t control_bytes = 1000;            // beside the parameters, each way
  TimeNs poll_wait;                             // for losses, where a selection asks for them
};

// Whose machine gathers the updates of a round where there is no server: a hospital's, another in
// each round (Warnat-Herresthal et al. 2021, Swarm Learning). The model of the next round comes
// from it.
struct AggregatorRule {
  bool drawn = false;  // at random; otherwise in turn
};

// A server beside the server. Its availability outlives it; null: always up.
struct HelperServer {
  HostId host;
  Availability* availability = nullptr;
};

class SyncServer final : public Protocol {
 public:
  // References outlive the server.
  struct Setup {
    Simulation* simulation = nullptr;
    Network* network = nullptr;
    Members* members = nullptr;
    const VersionStore* versions = nullptr;
    const ControlVectors* control = nullptr;
    Selection* selection = nullptr;
    const Model* model = nullptr;
    Wire* wire = nullptr;
    Visits* visits = nullptr;
    VersionMaker* maker = nullptr;
    StragglerRule stragglers;
    std::optional<SecureRule> secure;          // updates are summed under masks, or in shares
    std::vector<HelperServer> helpers;         // the others that have shares
    std::optional<AggregatorRule> aggregator;  // none: a server
    bool by_size = true;                       // hospitals count with their rows
    SyncOptions options;
    RunKey run;
    std::vector<HospitalId> candidates;  // who may be invited, in order
    Evaluator* evaluator = nullptr;      // for losses that a selection asks for
    std::function<void(const Event&)> emit;
    // Called after each round at the instant's end; true ends the federation.
    std::function<bool(const RoundClosed&)> after_round;
  };
  explicit SyncServer(Setup setup);

  Task<void> serve() override;
  void abandon() override;
  void join(HospitalId hospital) override { add_in_order(s_.candidates, hospital); }
  void leave(HospitalId hospital) override;
  void go_down(HospitalId hospital) override { stop(hospital, Stop::goes_down); }
  [[nodiscard]] bool holds(HospitalId hospital) const override;
  std::optional<RoundClosed> interrupt(DropReason reason, const std::string& why) override;
  [[nodiscard]] SecureAccount secure_account() const override;

 private:
  // What the hospital is at ends now.
  void stop(HospitalId hospital, Stop why);
  // A visit, and what the server has of it.
  struct Participant : Visit {
    bool arrived = false;
    // in a secure sum
    bool advertised = false;
    bool shared = false;
    bool confirmed = false;
    bool revealed = false;
    std::uint32_t helpers = 0;  // of its shares: bit j for the one that helper j has
    secure::Refusal refusal = secure::Refusal::none;  // in the phase after
  };
  struct Round {
    Round(Simulation& simulation, std::int64_t number, std::int64_t where)
        : index(number), place(where), scope(simulation, "round"), inbox("replies") {}
    std::int64_t index;  // from 0
    std::int64_t place;  // in the plan: the same, unless rounds were undone
    bool announced = false;
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
    SecurePlan plan;                                    // of a secure sum
    std::uint32_t helpers_answered = 0;                 // bit j: helper j, to the last question
    std::string failure;                                // why there is no sum, or nobody to train
    std::optional<HospitalId> aggregator;               // none: the server
    HospitalId holder;                                  // who sends the model then
    // a selection by loss: who was asked and answered, and who is to train
    std::vector<HospitalId> polled;
    std::vector<std::uint8_t> answered;
    std::vector<HospitalId> by_loss;
  };

  // hospitals that aggregate in turn (sync_swarm.cpp)
  void elect(Round& round);
  void send_by(const Round& round, Participant& participant) const;
  void take_over(const Round& round);
  [[nodiscard]] bool reachable(HospitalId hospital) const;
  [[nodiscard]] HospitalId holder(HospitalId aggregator) const;
  // selections by loss (sync_poll.cpp)
  Task<void> poll(Round& round);
  Task<void> tell_loss(Round& round, std::size_t index, TimeNs until);
  Task<bool> try_to_tell(std::int64_t number, HospitalId hospital, TimeNs until);
  void choose_by_loss(Round& round);
  void teach_selection(const Round& round);

  void open(Round& round);
  Task<void> gather(Round& round);
  // secure sums (sync_secure.cpp)
  struct Call {  // what a phase asks of a hospital
    TimeNs until;
    std::int64_t bytes_down = 0;
    std::int64_t bytes_up = 0;
    double seconds = 0;                               // of its processor, between the two
    secure::Refusal refusal = secure::Refusal::none;  // instead of an answer
  };
  // Who has got how far in a secure sum.
  using Flag = bool Participant::*;
  [[nodiscard]] static std::vector<secure::Place> places(const Round& round, Flag flag);
  // Of those, the others with whom one shares: all, or its neighbours.
  [[nodiscard]] static std::size_t others(const Round& round, std::size_t index, Flag flag);
  [[nodiscard]] static std::size_t with_itself(const Round& round, std::size_t others);
  Task<bool> exchange_keys(Round& round);
  bool plan_sum(Round& round);
  void leave_out(Round& round, Flag flag);
  void drop_waiting(Round& round);
  Task<void> unmask(Round& round);
  Task<void> run_phase(Round& round, secure::Phase phase);
  Task<void> answer(Round& round, std::size_t index, Call call);
  void lose(Round& round, std::size_t index, DropReason reason, std::string_view doing);
  void refuse(Round& round, std::size_t index, secure::Refusal why);
  void lose_silent(Round& round);
  // A server that lies (sync_lies.cpp).
  [[nodiscard]] static std::vector<SecureParty> parties_of(const Round& round);
  [[nodiscard]] std::optional<Lie> lie_of(const Round& round) const;
  [[nodiscard]] bool tells_two_lists(const Round& round) const;
  [[nodiscard]] secure::Refusal refusal_of(const Round& round, secure::Phase phase,
                                           std::size_t index) const;
  [[nodiscard]] static std::string refused_text(const Round& round, secure::Phase phase);
  void note_lies(const Round& round);
  [[nodiscard]] static Flag flag_of(secure::Phase phase);
  [[nodiscard]] bool takes_part(const Participant& participant, secure::Phase phase) const;
  [[nodiscard]] Call call_of(const Round& round, secure::Phase phase, std::size_t index) const;
  [[nodiscard]] secure::MessageSizes message_sizes(const Round& round) const;
  Task<std::size_t> hear_answers(Round& round, secure::Phase phase, std::size_t asked);
  void end_phase(Round& round, secure::Phase phase, std::size_t asked, std::size_t answered);
  [[nodiscard]] static std::size_t missing_secrets(const Round& round);
  void note_sum(const Round& round);
  [[nodiscard]] TimeNs masking_time(const Round& round, std::size_t index) const;
  [[nodiscard]] bool secure_mean(const Round& round, UpdateStream& updates, ParameterVector& out);

  // masks in coded pieces (sync_light.cpp)
  [[nodiscard]] secure::LightSettings light_settings(const Round& round) const;
  [[nodiscard]] secure::LightSizes light_sizes(const Round& round) const;
  [[nodiscard]] Call light_call(const Round& round, secure::Phase phase, std::size_t index) const;
  [[nodiscard]] TimeNs light_unmasking(const Round& round) const;

  // encrypted sums (sync_paillier.cpp)
  [[nodiscard]] secure::PaillierShape paillier_shape(const Round& round) const;
  [[nodiscard]] Call decrypt_call(const Round& round) const;
  Task<void> decrypt_sum(Round& round);

  // shares to several servers (sync_shares.cpp)
  struct Question {  // to the other servers
    TimeNs until;
    std::int64_t bytes_there = 0;
    std::int64_t bytes_back = 0;
    TimeNs work;                // of their processors
    bool lists_places = false;  // they answer with whose shares they have, instead of bytes_back
  };
  void send_in_shares(Round& round, std::size_t index);
  Task<void> send_seeds(Round& round, std::size_t index);
  Task<void> find_sum(Round& round);
  Task<bool> agree_on_shares(Round& round, TimeNs until);
  void leave_incomplete(Round& round);
  Task<bool> ask_helpers(Round& round, Question question, const char* doing);
  Task<void> ask_helper(Round& round, std::size_t helper, Question question);
  Task<bool> compare_shares(Round& round, TimeNs until);
  Task<void> pass_between(Round& round, std::size_t from, std::size_t to, std::int64_t bytes,
                          TimeNs until);
  Task<bool> exchange_between(Round& round, std::int64_t bytes, TimeNs until);
  void miss_sum(Round& round, std::string failure);
  void close_sum(const Round& round);
  [[nodiscard]] HostId share_server(std::size_t number) const;
  [[nodiscard]] secure::ShareSizes share_sizes(const Round& round) const;
  // Of those that the server heard, whose share reached this one, too.
  [[nodiscard]] static std::size_t with_share(const Round& round, std::size_t helper);

  Task<void> participate(Round& round, std::size_t index);
  void drop_all(Round& round, DropReason reason, const std::string& detail);
  void drop_unfinished(Round& round);
  void record_transfer(const Round& round, HospitalId hospital, TransferDirection direction,
                       const TransferOutcome& outcome, std::int64_t bytes);
  RoundClosed close(Round& round);
  bool aggregate(Round& round, RoundClosed& closed);
  std::int64_t account(Round& round, const VersionMaker::Outcome& outcome);
  [[nodiscard]] std::int64_t message_bytes() const;
  [[nodiscard]] std::int64_t bytes_down(const Round& round, std::size_t index) const;
  [[nodiscard]] std::int64_t bytes_up(const Round& round) const;

  Setup s_;
  Round* open_round_ = nullptr;                // lives in the frame of serve()
  std::optional<HospitalId> last_aggregator_;  // that made the newest version
  SecureAccount secure_account_;
  std::optional<SecureSum> secure_sum_;
};

}  // namespace polyclinic
