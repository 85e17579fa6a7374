// Inside the net floor: names of hospitals, given or made ("hospital-01"), and back to their ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"

namespace polyclinic {

// Costs memory only for names that were given.
class HospitalNames {
 public:
  HospitalNames() = default;
  explicit HospitalNames(std::int64_t count) : count_(count) {}

  // Gives a name. REQUIRES: id.value < count, given in order of ids, once each.
  void give(HospitalId id, std::string name);
  // Call after the last give(). Returns a name that two hospitals have, if there is one.
  [[nodiscard]] std::optional<std::string> close();

  [[nodiscard]] bool any_given() const { return !given_.empty(); }
  [[nodiscard]] std::string name(HospitalId id) const;
  [[nodiscard]] std::optional<HospitalId> find(std::string_view name) const;
  // Names that were given, in order of ids.
  [[nodiscard]] std::vector<std::string> given() const;
  // Whether a name has the form of made ones, of this or another population.
  [[nodiscard]] static bool looks_made(std::string_view name);
  [[nodiscard]] std::string made(HospitalId id) const;

 private:
  [[nodiscard]] const std::string* given(HospitalId id) const;
  [[nodiscard]] std::optional<HospitalId> find_made(std::string_view name) const;

  std::int64_t count_ = 0;
  std::vector<std::pair<std::uint32_t, std::string>> given_;  // by id
  std::vector<std::uint32_t> by_name_;                        // indices into given_
};

}  // namespace polyclinic
