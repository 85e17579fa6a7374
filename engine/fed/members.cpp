#include "fed/members.hpp"

namespace polyclinic {

Member& Members::of(HospitalId hospital) {
  Member*& found = found_[hospital];
  if (found != nullptr) return *found;
  auto& slot = members_[hospital];
  slot = std::make_unique<Member>();
  Member& member = *slot;
  member.profile = population_.profile(hospital);
  AvailabilityContext context;
  context.run = run_;
  context.hospital = hospital;
  context.name = member.profile.name;
  context.region = member.profile.region;
  member.availability = make_availability(&member.profile.availability, context);
  member.train_rows = cohort_.train_rows(hospital);
  AccessLink link;
  link.up_bytes_per_s = member.profile.up_bytes_per_s;
  link.down_bytes_per_s = member.profile.down_bytes_per_s;
  link.latency = member.profile.latency;
  link.loss = member.profile.loss;
  link.region = member.profile.region;
  network_.attach(hospital, link, member.availability.get());
  found = &member;
  return member;
}

}  // namespace polyclinic
