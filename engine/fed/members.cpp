#include "fed/members.hpp"

namespace polyclinic {

Member& Members::of(HospitalId hospital) {
  if (const auto there = found_.find(hospital); there != found_.end()) return *there->second;
  // in the list only when whole: making its data may be interrupted
  auto made = std::make_unique<Member>();
  Member& member = *made;
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
  members_.emplace(hospital, std::move(made));
  found_[hospital] = &member;
  return member;
}

}  // namespace polyclinic
