// Strong numbers for the things of a world, so that a hospital's cannot be taken for a flow's.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace polyclinic {

template <class Tag>
struct Id {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(Id, Id) = default;
};

// Index of a hospital in the world, from 0, in the order of the scenario.
using HospitalId = Id<struct HospitalTag>;
// A machine in the network: a hospital's has the hospital's number, others come after all of them.
using HostId = Id<struct HostTag>;
constexpr HostId host_of(HospitalId hospital) {
  return {hospital.value};
}

}  // namespace polyclinic

template <class Tag>
struct std::hash<polyclinic::Id<Tag>> {
  std::size_t operator()(polyclinic::Id<Tag> id) const noexcept { return id.value; }
};
