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
  member.availability =
      std::make_unique<Outages>(make_availability(&member.profile.availability, context));
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

TimeNs Members::drawn_out(HospitalId hospital, TimeNs time) const {
  const DataEpochPtr data = cohort_.now(hospital).data;
  if (data == nullptr || data->busy == 1 || time == kNever) return time;
  const double seconds = time.seconds() * data->busy;
  return seconds < kTimeMax.seconds() ? ceil_to_ns(seconds) : kNever;
}

void Members::count_in(Member& member, std::int64_t version, double share) {
  ++member.participations;
  member.shares += share;
  if (member.first_version >= 0) return;
  member.first_version = version;
  newcomer_in_ = version;
}

namespace {

void begin_anew(Member& member) {
  member.steps_done = 0;
  member.epochs_begun = 0;
  member.version_held = -1;
  member.last_start = -1;
  member.repeats = 0;
}

}  // namespace

void Members::go_back(std::int64_t version) {
  for (auto& [id, member] : members_) {
    begin_anew(*member);
    if (member->first_version > version) member->first_version = -1;
  }
}

void Members::forget(HospitalId hospital) {
  Member& member = of(hospital);
  begin_anew(member);
  member.approved_at = kNever;
}

}  // namespace polyclinic
