// The one stream that a run emits: plain data, a struct per kind. Progress, results database,
// report and viewer are observers of it; none of them can change the run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace polyclinic {

// Why a hospital that was invited to a round did not contribute to it.
enum class DropReason : std::uint8_t {
  unreachable,        // it was down when invited and did not come back before the deadline
  not_approved,       // its approval had not come when the round closed
  window_closed,      // its training window did not open before the deadline
  train_interrupted,  // an outage stopped the training and the scenario aborts interrupted work
  send_failed,        // the upload broke off and was given up
  late,               // it was still at work when the deadline came
  not_needed,         // the round had enough replies (over-selection)
  diverged,           // its training overflowed: the update holds no numbers
  too_few_rows,       // it has nothing to train on
  round_failed,       // it replied in time, but too few others did: the round was void
  run_ended,          // the run ended while it was at work
  partial_work,       // a straggler: it finished some of its epochs, and only whole work counts
  budget_spent,       // another training would cost its patients more privacy than was guaranteed
  too_stale,          // its update came from a version older than the scenario lets count
  sum_lost,           // its region's sum, of which it is a part, did not become part of a version
  resting,            // noise that is correlated over rounds does not cover it again so soon
  left,               // it left the federation
  gone_back,          // the federation went back to an older version, to forget a hospital
  server_crashed,     // what the server had not made a version of was lost
  refused,            // it ended its part of a secure sum: what the server sent cannot be honest
};
// "its update arrived after the deadline" and the like, for people.
std::string_view describe(DropReason reason);
// Short name, as in results: "late".
std::string_view name(DropReason reason);

// Where an average over hospitals stands.
enum class Average : std::uint8_t { macro, weighted, micro, worst };
std::string_view name(Average average);

enum class TransferDirection : std::uint8_t { down, up };

struct RunStarted {
  std::string title;
  std::string scenario;  // path
  std::uint64_t seed = 0;
  std::uint64_t world_hash = 0;
  std::int64_t hospitals = 0;
  std::int64_t rounds_planned = 0;  // 0: open end
  std::int64_t parameters = 0;
};
struct RoundOpened {
  TimeNs at;
  std::int64_t round = 0;  // from 1
  std::int64_t version = 0;
  std::vector<HospitalId> participants;
  TimeNs deadline;  // kNever: none
};
struct TrainingStarted {
  TimeNs at;
  HospitalId hospital;
  std::int64_t round = 0;
  TimeNs duration;
};
struct TransferEnded {
  TimeNs at;
  HospitalId hospital;
  std::int64_t round = 0;
  TransferDirection direction = TransferDirection::down;
  std::int64_t bytes = 0;  // of the message
  std::int64_t bytes_moved =
      0;  // by all attempts: more where it was sent again, less where given up
  TimeNs started;
  bool completed = true;
  std::int32_t attempts = 1;
};
struct UpdateArrived {
  TimeNs at;
  HospitalId hospital;
  std::int64_t round = 0;
  bool in_time = true;
};
struct HospitalDropped {
  TimeNs at;
  HospitalId hospital;
  std::int64_t round = 0;
  DropReason reason = DropReason::late;
  std::string detail;  // "down from 14:02 to 16:10 on day 2"
};
// Without common rounds hospitals are invited one by one. In all that is said of such a visit
// `round` is its number among those to this hospital, from 1.
struct HospitalInvited {
  TimeNs at;
  HospitalId hospital;
  std::int64_t round = 0;
  TimeNs deadline;  // kNever: none
};
// Such a visit's update became part of a version.
struct UpdateUsed {
  TimeNs at;
  HospitalId hospital;
  std::int64_t round = 0;
  std::int64_t version = 0;    // the new one
  std::int64_t staleness = 0;  // versions that were made since it started
  double share = 0;            // among the updates of the version
};
// A phase of a secure sum is over.
struct SecurePhaseClosed {
  TimeNs at;
  std::int64_t round = 0;
  std::string_view phase;  // "share keys"
  std::int64_t asked = 0;
  std::int64_t answered = 0;
  std::int64_t threshold = 0;  // with fewer answers the round has failed
};
struct RoundClosed {
  TimeNs at;
  std::int64_t round = 0;
  std::int64_t version = 0;  // the new one; unchanged when the round failed
  TimeNs opened;
  std::int64_t invited = 0;
  std::int64_t aggregated = 0;
  bool failed = false;   // fewer replies than the minimum: the model did not change
  double mean_loss = 0;  // training loss over the updates, weighted as they were
  std::string reason;    // why it failed, where more than the number of replies is to be said
  // Without common rounds a round is the making of a version: `invited` counts the visits that
  // began in it, `aggregated` the updates that it was made of.
  bool asynchronous = false;
  double staleness_mean = 0;  // of these updates
  std::int64_t staleness_most = 0;
  // Without a server: root mean square distance of the hospitals' models from their mean.
  std::optional<double> consensus;
  // Where hospitals aggregate in turn: who did.
  std::optional<HospitalId> aggregator;
  std::int64_t undone = 0;  // rounds until it that do not count: the federation went back
};
// A region of a hierarchical federation asks its hospitals; events of these hospitals name `number`
// as their round. The round of the server, in which regions make several of their own, is `round`.
struct RegionalRoundOpened {
  TimeNs at;
  std::int64_t round = 0;   // from 1
  std::int64_t number = 0;  // from 1, counted through the run
  std::string region;
  std::vector<HospitalId> participants;
  TimeNs deadline;  // kNever: none
};
struct RegionalRoundClosed {
  TimeNs at;
  std::int64_t round = 0;
  std::int64_t number = 0;
  std::string region;
  TimeNs opened;
  std::int64_t invited = 0;
  std::int64_t aggregated = 0;
  bool failed = false;
  double mean_loss = 0;
  std::string reason;  // of a failed one
};
// A message between a region and the server ended: the model down, or a regional sum up.
struct BorderCrossed {
  TimeNs at;
  std::int64_t round = 0;  // of the server
  std::string region;
  TransferDirection direction = TransferDirection::down;
  std::int64_t hospitals = 0;  // in a sum
  std::int64_t bytes = 0;
  std::int64_t bytes_moved = 0;
  TimeNs started;
  bool completed = true;
  std::int32_t attempts = 1;
};
// One number of one hospital (or of an average) for one version.
struct MetricMeasured {
  TimeNs at;
  std::int64_t version = 0;
  std::string arm;                     // "federated", "pooled", "local_only"
  std::string metric;                  // "auroc"
  std::optional<HospitalId> hospital;  // none: an average
  Average average = Average::macro;
  std::optional<double> value;  // none: see reason
  std::optional<double> low, high;
  std::int64_t n = 0;
  std::int64_t events = 0;
  std::int64_t hospitals_counted = 0;  // averages only
  std::string reason;                  // why there is no value
};
struct Note {
  TimeNs at;
  std::string text;
};
// Something of the timeline that changes the federation itself.
enum class HappeningKind : std::uint8_t {
  joined,          // a hospital may be invited from now on
  left,            // it may not any more
  forgotten,       // what it left behind is erased
  went_back,       // an older version is the newest again
  caught_up,       // as much has been learnt again as was undone
  server_crashed,  // the server lost what it was doing
  server_back,     // it goes on with the newest version
  outage,          // hospitals went down
  outage_over,     // they are back
  data_changed,    // what hospitals record is other than before
  wave_began,      // for some time other patients come
  wave_peak,       // the most of them, where it began
  wave_over,       // none of them any more
};
// Short name, as in results: "went_back".
std::string_view name(HappeningKind kind);
struct Happened {
  TimeNs at;
  HappeningKind kind = HappeningKind::joined;
  std::optional<HospitalId> hospital;  // none: it is nobody's in particular
  std::int64_t version = 0;            // the newest, once it has happened
  std::string text;                    // in words
};
struct RunEnded {
  TimeNs at;
  std::int64_t version = 0;
  bool interrupted = false;
  std::string reason;  // "all 30 rounds done"
  std::string fingerprint;
};

using Event = std::variant<RunStarted, RoundOpened, HospitalInvited, TrainingStarted, TransferEnded,
                           UpdateArrived, UpdateUsed, HospitalDropped, SecurePhaseClosed,
                           RegionalRoundOpened, RegionalRoundClosed, BorderCrossed, RoundClosed,
                           MetricMeasured, Note, Happened, RunEnded>;

class Observer {
 public:
  virtual ~Observer() = default;
  // Called on the event loop, in order. Must not throw for reasons of content.
  virtual void on(const Event& event) = 0;
};

// What a person or a script asks of a running world; recorded with its time.
struct Command {
  TimeNs at;
  std::uint64_t dispatched = 0;  // events dispatched when it came
  std::string text;
};

}  // namespace polyclinic
