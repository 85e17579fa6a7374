#include "fed/protocol.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

void Protocol::join(HospitalId /*hospital*/) {
  ENSURE(false, "nobody joins where there is no server");
}

void Protocol::leave(HospitalId /*hospital*/) {
  ENSURE(false, "nobody leaves where there is no server");
}

void Protocol::go_down(HospitalId /*hospital*/) {
  ENSURE(false, "nobody is told that a hospital is down where there is no server");
}

bool Protocol::holds(HospitalId /*hospital*/) const {
  return false;
}

std::optional<RoundClosed> Protocol::interrupt(DropReason /*reason*/, const std::string& /*why*/) {
  ENSURE(false, "there is no server to lose anything");
  return std::nullopt;
}

void add_in_order(std::vector<HospitalId>& hospitals, HospitalId hospital) {
  hospitals.insert(std::lower_bound(hospitals.begin(), hospitals.end(), hospital), hospital);
}

void remove_in_order(std::vector<HospitalId>& hospitals, HospitalId hospital) {
  std::erase(hospitals, hospital);
}

bool is_among(const std::vector<HospitalId>& hospitals, HospitalId hospital) {
  return std::binary_search(hospitals.begin(), hospitals.end(), hospital);
}

}  // namespace polyclinic
