// What a federation remembers: versions of the global parameters, and hospitals' own state.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "base/ids.hpp"
#include "fed/compression/compressor.hpp"
#include "learn/parameters.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

// Shared because orders in flight keep the version alive that they start from; it goes when the
// last of them is done or dropped.
using VersionPtr = std::shared_ptr<const ParameterVector>;

// The newest version, and through their orders all that somebody still needs.
class VersionStore {
 public:
  explicit VersionStore(ParameterVector initial)
      : current_(std::make_shared<const ParameterVector>(std::move(initial))) {}

  [[nodiscard]] std::int64_t current() const { return version_; }
  [[nodiscard]] const VersionPtr& parameters() const { return current_; }
  // Makes the next version.
  void publish(ParameterVector parameters) {
    current_ = std::make_shared<const ParameterVector>(std::move(parameters));
    ++version_;
  }
  // An older one becomes the next version.
  void publish_again(VersionPtr old) {
    current_ = std::move(old);
    ++version_;
  }

 private:
  std::int64_t version_ = 0;
  VersionPtr current_;
};

// What a hospital keeps between its trainings.
struct HospitalState {
  TrainerState trainer;
  ParameterVector personal;     // its own model, or layers of it (fed/personal.hpp); empty: it
                                // has none yet
  std::optional<double> share;  // of its own model in the mixture that it is scored with; none
                                // before its first training
  ParameterVector previous;     // its last local model, where a loss contrasts with it
  compression::Memory update;   // what its compressed updates left out
  compression::Memory control;  // the same of its control vector
};

// The state that hospitals keep between trainings, made when first asked for. Not thread-safe; the
// states themselves may be used by one worker each.
class StateStore {
 public:
  HospitalState& of(HospitalId hospital) { return states_[hospital]; }
  [[nodiscard]] const HospitalState* find(HospitalId hospital) const {
    const auto it = states_.find(hospital);
    return it == states_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] std::size_t size() const { return states_.size(); }
  void erase(HospitalId hospital) { states_.erase(hospital); }
  void clear() { states_.clear(); }

 private:
  std::map<HospitalId, HospitalState> states_;
};

}  // namespace polyclinic
