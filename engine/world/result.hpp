// What a run found, as plain data: the end table, --json and the results database all read this.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "data/cohort.hpp"
#include "fed/border.hpp"
#include "fed/compression/wire.hpp"
#include "fed/gossip.hpp"
#include "fed/secure_rule.hpp"
#include "learn/metrics/types.hpp"
#include "net/population.hpp"
#include "trace/event.hpp"

namespace polyclinic {

struct MeasuredValue {
  std::optional<double> value;
  std::optional<double> low, high;  // 95 % interval
  std::int64_t n = 0;
  std::int64_t events = 0;
  std::string reason;  // why there is no value
};

// One metric over the hospitals of an arm.
struct MeasuredAverages {
  std::string metric;
  metrics::Better better = metrics::Better::neither;
  std::optional<double> macro, weighted, micro, worst;
  std::optional<double> macro_low, macro_high;
  std::string worst_hospital;
  std::int64_t hospitals_counted = 0;
  std::int64_t hospitals_null = 0;  // no value there: too few events, ...
  // How values differ between hospitals (metrics::Summary); none where that does not exist.
  std::optional<double> bottom_decile, spread, spread_chance, jain;
};

struct HospitalMetrics {
  HospitalId hospital;
  std::vector<std::pair<std::string, MeasuredValue>> metrics;  // in the order of `measure`
};

// One metric's difference between groups of patients.
struct GroupGap {
  std::string metric;
  metrics::Better better = metrics::Better::neither;
  MeasuredValue gap;  // largest minus smallest, with an interval that holds for every pair
  std::string largest, smallest;  // levels; empty: there is no gap
  std::int64_t levels_counted = 0;
};

// One level of a variable: its tested rows at all members together.
struct GroupLevel {
  std::string level;  // "female"
  std::int64_t rows = 0;
  std::int64_t events = 0;  // by the labels that the values are of; 0 where nothing is counted
  std::vector<std::pair<std::string, MeasuredValue>> metrics;
};

// How an arm treats groups of patients, by recorded labels or by what truly happened.
struct GroupResult {
  std::string variable;  // "sex"
  bool true_labels = false;
  std::vector<GroupLevel> levels;  // those that occur
  std::vector<GroupGap> gaps;      // one per metric of the levels, in their order
};

// One way to make a model: "federated", "pooled", "local_only".
struct ArmResult {
  std::string name;
  std::vector<MeasuredAverages> averages;
  std::vector<HospitalMetrics> hospitals;  // those evaluated, in order
  std::string standardisation;             // in words
  std::int64_t overflowed = 0;             // models of a baseline whose training overflowed
  std::string threshold;  // where decisions cut probabilities, in words; empty: none were made
  std::vector<GroupResult> groups;  // of the last model, where `measure` asks for them
};

// Every hospital's own model, tested at every hospital.
struct CrossSite {
  struct Row {
    HospitalId model;                        // whose
    std::vector<HospitalMetrics> hospitals;  // where it was tested: members, then external ones
  };
  std::vector<Row> rows;
};

// What `audit.membership` found of the last model. Intervals are at its confidence, not at 95 %.
struct MembershipResult {
  struct Hospital {
    HospitalId hospital;
    std::int64_t members = 0;  // of its training data, one row of each patient
    std::int64_t others = 0;   // of its test rows, likewise
    MeasuredValue auc;         // of pairs of its own
  };
  // An epsilon that the training has at least, by a claim that one half of the records chose and
  // the other judged.
  struct Epsilon {
    double at_least = 0;
    bool says_member = true;  // of losses up to `loss`; false: no member of those above it
    double loss = 0;
    std::int64_t chosen_on = 0;  // records of both sides together
    // of the other half: claims that were made, and records that they could be made of
    std::int64_t right = 0, right_of = 0, wrong = 0, wrong_of = 0;
  };
  double false_positive_rate = 0;  // asked
  double confidence = 0;
  double delta = 0;
  std::int64_t members = 0;  // of all hospitals
  std::int64_t others = 0;
  std::int64_t balanced = 0;        // on each side, as many at every hospital
  std::vector<Hospital> hospitals;  // those attacked, in order
  std::int64_t left_out = 0;        // hospitals without a part in the model, or attackers
  MeasuredValue auc_within;         // mean of the hospitals'
  std::int64_t hospitals_counted = 0;
  MeasuredValue auc_pooled;  // pairs of different hospitals, too: measures their shift besides
  std::int64_t others_needed = 0;  // for a true-positive rate
  MeasuredValue true_positive_rate;
  double false_positive_rate_reached = 0;
  std::optional<Epsilon> epsilon;
  // Heading and sentence: "epsilon", "empirical epsilon is at least ...".
  std::vector<std::pair<std::string, std::string>> statement;
};

struct HospitalAccount {
  HospitalId hospital;
  std::string name;
  std::string region;
  HospitalRole role = HospitalRole::member;
  std::int64_t patients = 0;  // people; several rows may be of one
  std::int64_t rows = 0;      // train + validation + test
  std::int64_t train_rows = 0;
  double weight = 0;      // mean share of the versions made: sums to 1 over hospitals
  bool attacker = false;  // listed, in no average
  std::int64_t bytes_up = 0;
  std::int64_t bytes_down = 0;
  std::int64_t invitations = 0;
  std::int64_t participations = 0;  // updates that were aggregated
  std::map<DropReason, std::int64_t> drops;
  std::int64_t partial = 0;  // trainings that had fewer epochs than the scenario says
  double epochs = 0;         // of all its trainings that were not interrupted
  TimeNs busy;               // training
  std::int64_t outages = 0;  // that began while the run lasted
  TimeNs down;               // time it was down
  std::vector<std::pair<TimeNs, TimeNs>> outage_times;  // from, until; the first 1,000
  TimeNs median_round;  // invitation to arrival, over the rounds it finished; 0: none
  std::vector<std::string> remarks;
};

// What a training cost the patients of a hospital, in the order of time.
struct PrivacyEntry {
  TimeNs at;
  std::int64_t round = 0;
  std::int64_t steps = 0;  // until then
  double epsilon = 0;      // until then; NaN: accountant pld tells it of the last alone
};

struct PrivacyAccount {
  HospitalId hospital;
  std::string name;
  std::int64_t rows = 0;  // training rows
  double rate = 1;        // probability with which a step takes a row
  double noise = 0;       // multiplier
  std::int64_t steps_planned = 0;
  std::int64_t steps = 0;
  double guarantee = 0;           // epsilon, fixed before the run; infinite without noise
  double spent = 0;               // epsilon of the steps that ran
  std::optional<TimeNs> stopped;  // when its budget first kept it from training
  std::vector<PrivacyEntry> entries;
};

// The ledger, and what must be read with its numbers.
struct PrivacyReport {
  // Of noised sums of updates, as the experimenter sees them: means over versions.
  struct Sums {
    std::int64_t releases = 0;
    double expected = 0;      // what a sum is divided by
    double signal_norm = 0;   // of the sum of cut updates, divided
    double noise_norm = 0;    // of its noise, divided
    double clip_last = 0;     // the bound at the end
    double signal_total = 0;  // norms of what all versions add up to
    double noise_total = 0;
  };
  std::string unit;
  std::string adjacency;
  std::string accountant;
  double delta = 0;
  double clip = 0;
  std::vector<PrivacyAccount> hospitals;  // those that were invited
  std::optional<Sums> sums;
  // Heading and sentence: "against", "server, ...".
  std::vector<std::pair<std::string, std::string>> statement;
};

// One hospital of an attack.
struct AttackerAccount {
  HospitalId hospital;
  std::string name;
  std::int64_t trainings = 0;  // begun as an attacker
  std::int64_t counted = 0;    // its updates that became part of a version
  std::int64_t left_out = 0;   // those that held no numbers
  TimeNs first;                // when the first of those trainings began, and the last
  TimeNs last;
};

// One attack of a run.
struct AttackAccount {
  std::string attack;                      // "alie"
  std::string settings;                    // as written
  std::string knows;                       // what the attackers see, in words
  std::int64_t attackers = 0;              // hospitals that may attack
  std::int64_t versions = 0;               // made with an update of theirs
  std::vector<AttackerAccount> hospitals;  // in order; of more than 1,000 those that attacked
};

struct RoundRecord {
  std::int64_t round = 0;
  std::int64_t version = 0;
  TimeNs opened;
  TimeNs closed;
  std::int64_t invited = 0;
  std::int64_t aggregated = 0;
  bool failed = false;
  std::string reason;  // why it failed, where more than the number of replies is to be said
  // Without common rounds: the making of a version, of updates that are so many versions old.
  double staleness_mean = 0;
  std::int64_t staleness_most = 0;
  std::optional<double> consensus;  // without a server: distance of models from their mean
  std::string aggregator;           // where hospitals aggregate in turn: who did
};

// How old the versions were that updates came from, where hospitals share no rounds.
struct StalenessAccount {
  std::int64_t updates = 0;  // that became part of a version
  double mean = 0;           // versions made since they started
  std::int64_t most = 0;
};

// What happened to the federation, in the order of time.
struct HappeningRecord {
  TimeNs at;
  HappeningKind kind = HappeningKind::joined;
  std::string hospital;  // empty: it was nobody's in particular
  std::int64_t version = 0;
  std::string text;
};

// What a change of data did to the model: means over the hospitals where it began, of those that
// are evaluated.
struct DataChangeRecord {
  struct Value {
    std::string metric;
    std::optional<double> before;  // the instant before
    std::optional<double> after;   // the same at once after it, or at a wave's height
    std::optional<double> end;     // the last model, on the data at the end
  };
  TimeNs at;
  std::string who;                    // "Lyon", "EU", "everywhere"
  std::string text;                   // "scanner, lactate: 1.3 x"
  std::int64_t hospitals = 0;         // that it reaches
  std::vector<HospitalId> evaluated;  // whose means these are
  std::int64_t version = 0;           // whose model it met
  std::optional<TimeNs> after_at;     // absent: the run ended before a wave's height
  std::int64_t after_version = 0;
  std::vector<Value> values;
};

// What it cost to forget a hospital.
struct ForgettingRecord {
  HospitalId hospital;
  std::string name;
  TimeNs at;
  std::int64_t from_version = 0;  // the newest then
  std::int64_t to_version = 0;    // what it went back to: the last that it had no part in, or older
  std::int64_t new_version = 0;   // the number under which that is the newest again
  std::int64_t participations = 0;  // its updates until then
  // done after that version and undone
  std::int64_t rounds = 0;
  std::int64_t versions = 0;
  std::int64_t bytes_up = 0;
  std::int64_t bytes_down = 0;
  std::int64_t steps = 0;
  TimeNs time;
  // until as many versions had been made again; absent: it did not come to that
  struct Again {
    TimeNs at;
    std::int64_t rounds = 0;
    std::int64_t bytes_up = 0;
    std::int64_t bytes_down = 0;
    std::int64_t steps = 0;
  };
  std::optional<Again> again;
};

struct Convergence {
  bool checked = false;  // too few measurements say nothing
  bool converged = true;
  std::string metric;  // what was looked at
  double slope_per_round = 0;
  std::string text;  // in words
};

struct RunResult {
  std::string scenario;  // path
  std::string title;
  std::uint64_t seed = 0;
  std::uint64_t world_hash = 0;
  std::int64_t rounds = 0;
  std::int64_t versions = 0;
  TimeNs ended;
  std::string stop_reason;
  bool interrupted = false;
  bool failed = false;   // a RunError ended it; stop_reason says why
  std::string outcome;   // "sepsis"
  std::string model;     // "mlp, 4737 parameters"
  std::string protocol;  // "sync"
  std::int64_t parameters = 0;
  ArmResult federated;
  std::vector<ArmResult> baselines;
  std::optional<CrossSite> cross_site;
  std::optional<MembershipResult> membership;  // none: no audit was asked for
  // What a generated cohort says could be reached at best, of true outcomes; with the baselines.
  std::optional<Oracle> oracle;
  std::vector<HospitalAccount> hospitals;  // beyond 1,000 hospitals: only those that were touched
  std::int64_t hospitals_total = 0;
  std::int64_t hospitals_evaluated = 0;
  std::vector<RoundRecord> round_records;
  std::int64_t steps = 0;  // of the optimiser, in trainings that became part of a version
  std::int64_t bytes_up = 0;
  std::int64_t bytes_down = 0;
  std::optional<PrivacyReport> privacy;       // none: no privacy was asked for
  std::optional<SecureAccount> secure;        // where updates were summed under masks
  std::optional<StalenessAccount> staleness;  // where there are no common rounds
  std::vector<AttackAccount> attacks;         // as the scenario lists them
  std::optional<WireAccount> compressed_up;   // messages that were made shorter
  std::optional<WireAccount> compressed_down;
  std::vector<BorderAccount> borders;   // of regions; empty: there are none
  std::optional<GossipAccount> gossip;  // where there is no server
  std::vector<HappeningRecord> happenings;
  std::vector<ForgettingRecord> forgotten;
  std::vector<DataChangeRecord> data_changes;
  Convergence convergence;
  std::vector<std::pair<TimeNs, std::string>> notes;
  std::vector<std::string> remarks;  // what a reader must know: sampling, weights capped, ...
  std::string fingerprint;           // "timeline-results"
  std::uint64_t events_dispatched = 0;
  // Final global parameters without padding, with their slices, for model.npz.
  std::vector<float> final_parameters;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> parameter_slices;
  // Facts about how the run was made: build, instruction set, libraries, threads, wall seconds.
  std::vector<std::pair<std::string, std::string>> provenance;
};

// "done", "interrupted" or "failed".
inline const char* state_of(const RunResult& result) {
  return result.failed ? "failed" : result.interrupted ? "interrupted" : "done";
}

}  // namespace polyclinic
