// Short ways to run Lua in tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../temporary_folder.hpp"
#include "base/error.hpp"
#include "script/scenario_script.hpp"
#include "world/script_host.hpp"

namespace polyclinic::test {

// What the code returns, or the whole text of its mistakes as the terminal shows it.
inline std::string eval(const std::string& code, const ScriptOptions& options = {},
                        bool json = false) {
  try {
    return evaluate_lua(code, "s.lua", options, json);
  } catch (const ScenarioError& error) {
    std::string text;
    for (const Mistake& mistake : error.mistakes()) {
      text += (text.empty() ? "" : "\n") + to_text(mistake);
    }
    return text;
  }
}

using Folder = TemporaryFolder;

// A world that only writes down what it is asked, and wakes its script in order of time.
class FakeWorld : public WorldControl {
 public:
  [[nodiscard]] TimeNs now() const override { return now_; }
  [[nodiscard]] std::int64_t version() const override { return version_; }
  [[nodiscard]] std::vector<std::string> hospital_names() const override {
    return {"Lyon", "Oslo"};
  }
  void disconnect(std::string_view hospital) override { log("disconnect " + check(hospital)); }
  void reconnect(std::string_view hospital) override { log("reconnect " + check(hospital)); }
  [[nodiscard]] bool connected(std::string_view hospital) const override {
    (void)check(hospital);
    return true;
  }
  void join(std::string_view hospital) override { log("join " + check(hospital)); }
  void leave(std::string_view hospital) override { log("leave " + check(hospital)); }
  void forget(std::string_view hospital) override { log("forget " + check(hospital)); }
  [[nodiscard]] bool takes_part(std::string_view hospital) const override {
    return check(hospital) == "Lyon";
  }
  void outage(std::string_view hospital, TimeNs time) override {
    log("outage of " + check(hospital) + " for " + to_text(time));
  }
  void outage_in(std::string_view region, TimeNs time) override {
    log("outage of " + std::string(region) + " for " + to_text(time));
  }
  [[nodiscard]] std::vector<std::string> regions() const override { return {"EU", "US"}; }
  void change_data(std::string_view hospital, const Part& change) override {
    log("change of " + check(hospital) + ": " + to_text(change));
  }
  void change_data_in(std::string_view region, const Part& change) override {
    log("change of " + std::string(region) + ": " + to_text(change));
  }
  void change_all_data(const Part& change) override { log("change of all: " + to_text(change)); }
  void crash_server(TimeNs down) override { log("crash for " + to_text(down)); }
  [[nodiscard]] std::int64_t participations(std::string_view) const override { return 7; }
  [[nodiscard]] std::vector<std::string> links() const override { return {"server", "EU"}; }
  void set_link(std::string_view name, TransferDirection direction, double bytes_per_s) override {
    log((name == "server" ? "" : std::string(name) + " ") +
        (direction == TransferDirection::up ? "up " : "down ") +
        to_text(Quantity{bytes_per_s, Dimension::bandwidth}));
  }
  [[nodiscard]] double link(std::string_view, TransferDirection) const override { return 125e6; }
  void note(std::string text) override { log("note " + text); }
  std::optional<double> metric(std::string_view name) override {
    if (name == "auroc") return 0.75;
    return std::nullopt;
  }
  void stop(std::string reason) override {
    log("stop " + reason);
    stopped_ = true;
  }
  void wake_at(TimeNs time, std::uint64_t token) override { wakes_.push_back({time, token}); }
  void wake_at_version(std::int64_t version, std::uint64_t token) override {
    versions_.push_back({version, token});
  }

  // Runs until `end`; version n is made at n hours.
  void run(ScriptHost& host, TimeNs end) {
    constexpr std::int64_t kHour = 3600 * kNsPerSecond;
    for (const auto& [version, token] : std::exchange(versions_, {})) {
      wakes_.push_back({TimeNs{version * kHour}, token});
    }
    while (!wakes_.empty() && !stopped_) {
      std::size_t first = 0;
      for (std::size_t i = 1; i < wakes_.size(); ++i) {
        if (wakes_[i].first < wakes_[first].first) first = i;
      }
      const auto [time, token] = wakes_[first];
      if (time > end) break;
      wakes_.erase(wakes_.begin() + static_cast<std::ptrdiff_t>(first));
      now_ = time;
      version_ = time.ns / kHour;
      host.resume(token);
    }
  }
  std::vector<std::string> lines;

 private:
  static std::string check(std::string_view hospital) {
    if (hospital == "Lyon" || hospital == "Oslo") return std::string(hospital);
    throw RunError({}, "there is no hospital '" + std::string(hospital) + "'",
                   did_you_mean(hospital, {"Lyon", "Oslo"}));
  }
  void log(const std::string& what) { lines.push_back(to_text(now_) + " " + what); }

  TimeNs now_;
  std::int64_t version_ = 0;
  bool stopped_ = false;
  std::vector<std::pair<TimeNs, std::uint64_t>> wakes_;
  std::vector<std::pair<std::int64_t, std::uint64_t>> versions_;
};

}  // namespace polyclinic::test
