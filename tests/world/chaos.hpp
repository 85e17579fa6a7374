// A small federation in which parties are killed, and what must hold of any run of it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../temporary_folder.hpp"
#include "fed/parts.hpp"
#include "parts.hpp"

namespace polyclinic::testing {

inline const std::vector<std::string> kHospitals{"Lyon", "Oslo", "Graz", "Gent"};
constexpr std::int64_t kChaosRounds = 3;

// Twelve rows for each of four hospitals: made in no time, and no two trainings alike.
inline Part chaos_cohort() {
  static const test::TemporaryFolder folder;
  static const std::string path = [] {
    std::string text = "site,x,y\n";
    for (std::size_t site = 0; site < kHospitals.size(); ++site) {
      for (int row = 0; row < 12; ++row) {
        const double x = 0.1 * row + static_cast<double>(site);
        text += fmt::format("{},{},{}\n", kHospitals[site], x, 0.5 * x + 0.01 * ((7 * row) % 5));
      }
    }
    return folder.write("chaos.csv", text);
  }();
  return part("cohort", "csv",
              {{"file", Value(FilePath{"chaos.csv", path})},
               {"hospital", part("column", "", {{"name", "site"}})},
               {"outcome", part("column", "", {{"name", "y"}})},
               {"task", "regression"},
               {"standardise", "none"}});
}

// Hospitals whose every step takes its time; more replaces or adds.
inline Fields chaos_hospitals(const Fields& more = {}) {
  Fields fields{{"overhead", seconds(120)},
                {"latency", seconds(1)},
                {"uplink", mbit(0.05)},
                {"downlink", mbit(0.05)},
                {"speed", gflops(1e-8)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

// They train for three rounds, of which each (a regional one, a visit, a turn) has a deadline;
// without one: the protocol's own.
inline WorldSpec three_rounds(std::optional<double> deadline, const Fields& hospitals,
                              const Fields& more) {
  Fields fields{{"rounds", kChaosRounds},
                {"cohort", chaos_cohort()},
                {"model", part("model", "linear")},
                {"training", part("training", "sgd", {{"rate", 0.01}, {"batch", 4}})},
                {"hospitals", part("hospitals", "", hospitals)},
                {"measure", part("measure", "", {{"metrics", list({"rmse"})}, {"every", "end"}})}};
  if (deadline) fields.emplace_back("deadline", seconds(*deadline));
  fields.insert(fields.end(), more.begin(), more.end());
  return small_world(fields);
}

// Writes down what an observer of the run hears.
class Listener final : public Observer {
 public:
  using Place = std::pair<std::int64_t, std::uint32_t>;  // round, hospital

  void on(const Event& event) override {
    ++events_after_end_;
    std::visit([&](const auto& e) { hear(e); }, event);
  }

  struct Round {
    std::vector<HospitalId> invited;
    std::int64_t aggregated = -1;  // -1: it never closed
    bool failed = false;
    std::int64_t version = 0;
  };
  std::map<std::int64_t, Round> rounds;
  std::map<std::pair<std::int64_t, std::string>, Round> regional;  // by number and region
  std::vector<BorderCrossed> crossings;
  std::vector<Happened> happenings;
  [[nodiscard]] std::int64_t count(HappeningKind kind) const {
    return std::count_if(happenings.begin(), happenings.end(),
                         [&](const Happened& e) { return e.kind == kind; });
  }
  // Whether this version is an older one again: it is made in no round.
  [[nodiscard]] bool made_again(std::int64_t version) const {
    return std::any_of(happenings.begin(), happenings.end(), [&](const Happened& e) {
      return e.kind == HappeningKind::went_back && e.version == version;
    });
  }
  std::map<Place, int> arrivals;
  std::map<Place, std::vector<DropReason>> drops;
  std::map<Place, int> sent;  // uploads that were completed
  // without common rounds: how often a visit began, and the versions that its update is part of
  std::map<Place, int> visits;
  std::map<Place, std::vector<std::int64_t>> used;
  std::int64_t bytes_moved_up = 0;
  std::int64_t bytes_moved_down = 0;
  int ends = 0;
  std::string reason;
  TimeNs last;
  bool time_went_back = false;
  [[nodiscard]] int events_after_end() const { return ends == 0 ? 0 : events_after_end_; }

 private:
  template <class T>
  void see_time(const T& event) {
    time_went_back = time_went_back || event.at < last;
    last = event.at;
  }
  void hear(const RunStarted&) {}
  void hear(const TrainingStarted& e) { see_time(e); }
  void hear(const MetricMeasured& e) { see_time(e); }
  void hear(const HospitalInvited& e) {
    see_time(e);
    ++visits[{e.round, e.hospital.value}];
  }
  void hear(const UpdateUsed& e) {
    see_time(e);
    used[{e.round, e.hospital.value}].push_back(e.version);
  }
  void hear(const SecurePhaseClosed& e) { see_time(e); }
  void hear(const Note& e) { see_time(e); }
  void hear(const Happened& e) {
    see_time(e);
    happenings.push_back(e);
  }
  void hear(const RoundOpened& e) {
    see_time(e);
    rounds[e.round].invited = e.participants;
  }
  void hear(const TransferEnded& e) {
    see_time(e);
    const bool up = e.direction == TransferDirection::up;
    (up ? bytes_moved_up : bytes_moved_down) += e.bytes_moved;
    if (up && e.completed) ++sent[{e.round, e.hospital.value}];
  }
  void hear(const UpdateArrived& e) {
    see_time(e);
    ++arrivals[{e.round, e.hospital.value}];
  }
  void hear(const HospitalDropped& e) {
    see_time(e);
    drops[{e.round, e.hospital.value}].push_back(e.reason);
  }
  void hear(const RegionalRoundOpened& e) {
    see_time(e);
    regional[{e.number, e.region}].invited = e.participants;
  }
  void hear(const RegionalRoundClosed& e) {
    see_time(e);
    regional[{e.number, e.region}].aggregated = e.aggregated;
    regional[{e.number, e.region}].failed = e.failed;
  }
  void hear(const BorderCrossed& e) {
    see_time(e);
    crossings.push_back(e);
  }
  void hear(const RoundClosed& e) {
    see_time(e);
    rounds[e.round].aggregated = e.aggregated;
    rounds[e.round].failed = e.failed;
    rounds[e.round].version = e.version;
  }
  void hear(const RunEnded& e) {
    see_time(e);
    ++ends;
    reason = e.reason;
    events_after_end_ = 0;
  }

  int events_after_end_ = 0;
};

// The scenario's side: a rule that looks at every update it is given, and a clock to be woken by.
class ChaosHost final : public ScriptHost {
 public:
  // What happens when the world reaches a time that wake_at asked for.
  std::function<void()> on_wake;
  std::set<std::uint64_t> seen;     // hashes of the updates
  std::vector<std::size_t> counts;  // updates of each call
  std::vector<std::string> complaints;
  bool may_repeat = false;  // a hospital may be in a version twice

  std::vector<double> aggregate(const FunctionRef&, std::span<const Update> updates,
                                const AggregationContext& context) override {
    counts.push_back(updates.size());
    std::vector<double> mean(static_cast<std::size_t>(context.global->layout().size()), 0.0);
    double weights = 0;
    std::set<std::uint32_t> hospitals;
    for (const Update& update : updates) {
      // no two trainings of the run give the same bits: they differ in data or in their start
      if (!seen.insert(update.delta.hash()).second) complaints.emplace_back("an update came twice");
      if (!hospitals.insert(update.hospital.value).second && !may_repeat)
        complaints.emplace_back("a hospital came twice");
      const std::vector<float> delta = update.delta.compact();
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += update.weight * double{delta[i]};
      weights += update.weight;
    }
    if (std::abs(weights - 1) > 1e-12) complaints.emplace_back("weights do not sum to 1");
    return mean;
  }
  std::vector<std::int32_t> select(const FunctionRef&, std::span<const std::string>, std::int64_t,
                                   std::uint64_t) override {
    return {};
  }
  double metric(const FunctionRef&, std::span<const double>, std::span<const double>,
                std::span<const PatientGroups>) override {
    return 0;
  }
  std::vector<std::int32_t> batch_order(const FunctionRef&, std::string_view, std::int64_t,
                                        std::int64_t) override {
    return {};
  }
  // what is done again gives the same bits as before
  void begin_anew() override { seen.clear(); }
  void start(const List&, WorldControl&) override {}
  void resume(std::uint64_t) override { on_wake(); }
  void finish() override {}
};

}  // namespace polyclinic::testing
