// What one run of a study found, and the values of it that can be compared.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "world/result.hpp"

namespace polyclinic {

enum class RunState : std::uint8_t {
  done,         // its values count
  failed,       // it has a reason and no values
  interrupted,  // it was cut short: not kept
};
std::string_view name(RunState state);

struct StudyRun {
  std::int64_t run = 0;  // from 1, fixed by the plan
  std::size_t arm = 0;
  std::int64_t replication = 0;
  std::uint64_t seed = 0;
  RunState state = RunState::done;
  std::string reason;  // why it ended; of a failed one, why it failed
  std::uint64_t world_hash = 0;
  std::string fingerprint;
  std::string outcome, model, standardisation;
  std::int64_t hospitals = 0, parameters = 0, rounds_planned = 0, versions = 0;
  // Of the federation; none for a reference, which needs no network.
  std::optional<TimeNs> ended;
  std::optional<std::int64_t> bytes_up, bytes_down;
  Convergence convergence;
  std::vector<MeasuredAverages> averages;  // of the arm's last model
};

// Values beside the measured ones, of every run of a federation.
inline constexpr std::array<std::string_view, 4> kOtherValues{"sim_seconds", "bytes_up",
                                                              "bytes_down", "versions"};

// Whether a value of this name exists where these are measured: "auroc" (its macro average),
// "auroc.worst", "auroc.weighted", "auroc.micro", or one of kOtherValues.
bool is_value_name(std::string_view name, const std::vector<std::string>& measured);

// nullopt: the run failed, or has no such value.
std::optional<double> value_of(const StudyRun& run, std::string_view name);

}  // namespace polyclinic
