#include "fed/hierarchical_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "fed/invited.hpp"

namespace polyclinic {

namespace {

std::vector<BorderAccount> empty_accounts(const std::vector<HierarchicalServer::Region>& regions,
                                          const Members& members) {
  std::vector<BorderAccount> accounts;
  for (const HierarchicalServer::Region& region : regions) {
    BorderAccount account;
    account.region = region.name;
    account.hospitals = static_cast<std::int64_t>(region.candidates.size());
    if (region.at) account.aggregator = members.population().name(*region.at);
    accounts.push_back(std::move(account));
  }
  return accounts;
}

TimeNs after(TimeNs start, TimeNs duration) {
  return duration == kNever ? kNever : start + duration;
}

}  // namespace

HierarchicalServer::HierarchicalServer(Setup setup)
    : s_(std::move(setup)),
      border_(empty_accounts(s_.regions, *s_.members)),
      previous_(s_.regions.size()) {}

Task<void> HierarchicalServer::serve() {
  Simulation& sim = *s_.simulation;
  lost_.reset();
  while (place() < s_.options.rounds) {
    round_ = std::make_unique<Round>(sim, over_);
    Round& round = *round_;
    open(round);
    co_await gather(round);
    closed_ = close(round);
    round_.reset();
    ++over_;
    // measurements see everything that happened in this nanosecond
    co_await sim.at(sim.now(), Priority::measurement);
    const RoundClosed closed = *std::exchange(closed_, std::nullopt);
    const bool stop = s_.after_round(closed);
    if (stop) co_return;
    // a timeline that waited for this version acts before the next round opens
    co_await sim.at(sim.now(), Priority::measurement);
    const bool last = place() == s_.options.rounds;
    if (s_.options.pause.ns > 0 && !last) co_await sim.delay(s_.options.pause);
  }
}

void HierarchicalServer::open(Round& round) {
  // an aggregator's machine is known before it is sent anything
  for (const Region& region : s_.regions) {
    if (region.at) s_.members->of(*region.at);
  }
  round.opened = s_.simulation->now();
  round.ends = after(round.opened, s_.options.global_deadline);
  round.work.resize(s_.regions.size());
  RoundOpened opened;
  opened.at = round.opened;
  opened.round = round.index + 1;
  opened.version = s_.versions->current();
  opened.deadline = round.ends;
  s_.emit(opened);
}

// Every region ends by itself: when its sum is there, or at the deadline.
Task<void> HierarchicalServer::gather(Round& round) {
  for (std::uint32_t i = 0; i < s_.regions.size(); ++i) {
    s_.simulation->spawn(round.scope, work_region(round, i), "region", i);
  }
  for (std::size_t open = s_.regions.size(); open > 0; --open) co_await round.inbox.receive();
}

Task<void> HierarchicalServer::work_region(Round& round, std::size_t region) {
  Simulation& sim = *s_.simulation;
  Work& work = round.work[region];
  work.model = s_.versions->parameters();
  const bool received = co_await cross(round, region, TransferDirection::down);
  for (std::int64_t k = 0; received && k < s_.options.regional_rounds; ++k) {
    if (sim.now() >= round.ends || round.interrupted) break;
    const std::int64_t number = round.index * s_.options.regional_rounds + k;
    const std::int64_t where = number - back_ * s_.options.regional_rounds;
    RegionalRound& regional = work.rounds.emplace_back(round.scope, number, where);
    open_regional(round, region, regional);
    co_await gather_regional(region, regional);
    const bool made = close_regional(round, region, regional);
    // who declined would decline again before the deadline
    const bool wait = !made && !round.interrupted && regional.deadline != kNever;
    if (wait && sim.now() < regional.deadline) co_await sim.at(regional.deadline);
  }
  if (work.counted > 0 && !round.interrupted) {
    const bool sent = co_await cross(round, region, TransferDirection::up);
    work.arrived = sent;
  }
  round.inbox.send(region);
}

// A message between a region and the server: the model down, or the region's sum up.
Task<bool> HierarchicalServer::cross(Round& round, std::size_t region,
                                     TransferDirection direction) {
  const bool up = direction == TransferDirection::up;
  const HostId here = s_.regions[region].aggregator;
  const HostId server = s_.network->server_host();
  BorderCrossed message;
  message.round = round.index + 1;
  message.region = s_.regions[region].name;
  message.direction = direction;
  message.hospitals = up ? round.work[region].hospitals_least : 0;
  message.bytes =
      s_.versions->parameters()->layout().size() * static_cast<std::int64_t>(sizeof(float)) +
      s_.options.control_bytes;
  border_.pass(region, direction, message.hospitals);
  const TransferOutcome outcome =
      co_await s_.network->send(up ? here : server, up ? server : here, message.bytes, round.ends);
  message.at = s_.simulation->now();
  message.bytes_moved = outcome.bytes_on_wire;
  message.started = outcome.started;
  message.completed = outcome.completed;
  message.attempts = outcome.attempts;
  border_.ended(region, message);
  s_.emit(message);
  co_return outcome.completed;
}

void HierarchicalServer::open_regional(const Round& round, std::size_t region,
                                       RegionalRound& regional) {
  const Region& place = s_.regions[region];
  regional.opened = s_.simulation->now();
  regional.deadline = std::min(after(regional.opened, s_.options.deadline), round.ends);
  // regions that select draw each at an address of its own
  const RunKey run = make_run_key(s_.run.value, region + 1);
  const Invited invited =
      invite(*place.selection, place.candidates, run, regional.place, s_.options.over_selection);
  regional.target = invited.target;
  regional.minimum = std::max(replies_needed(invited.target, s_.options.minimum_replies),
                              static_cast<std::size_t>(kLeastInSum));
  // all are known before any is invited: an interruption while their data are made leaves no round
  for (const HospitalId id : invited.hospitals) s_.members->of(id);
  RegionalRoundOpened opened;
  opened.at = regional.opened;
  opened.round = round.index + 1;
  opened.number = regional.number + 1;
  opened.region = place.name;
  opened.participants = invited.hospitals;
  opened.deadline = regional.deadline;
  s_.emit(opened);
  const std::int64_t bytes =
      s_.versions->parameters()->layout().size() * static_cast<std::int64_t>(sizeof(float)) +
      s_.options.control_bytes;
  const auto epochs = straggler_epochs(s_.stragglers, invited.hospitals, s_.run, regional.place);
  regional.participants.resize(invited.hospitals.size());
  for (std::size_t i = 0; i < invited.hospitals.size(); ++i) {
    Participant& participant = regional.participants[i];
    participant.hospital = invited.hospitals[i];
    participant.number = regional.number;
    participant.back = regional.number - regional.place;
    participant.invited = regional.opened;
    participant.deadline = regional.deadline;
    participant.bytes_down = bytes;
    participant.bytes_up = bytes;
    participant.epochs = epochs[i];
    participant.with = place.aggregator;
    participant.start = round.work[region].model;
    ++s_.members->of(participant.hospital).invitations;
  }
}

Task<void> HierarchicalServer::gather_regional(std::size_t region, RegionalRound& regional) {
  regional.open = regional.participants.size();
  for (std::size_t i = 0; i < regional.participants.size(); ++i) {
    const HospitalId id = regional.participants[i].hospital;
    const std::string& home = s_.members->of(id).profile.region;
    border_.pass_inside(region, home, Content::invitation);
    Participant& participant = regional.participants[i];
    participant.scope = std::make_unique<Scope>(regional.scope, "visit");
    s_.simulation->spawn(*participant.scope, participate(regional, i), "hospital", id.value);
  }
  while (regional.open > 0 && regional.arrived < regional.target) {
    const std::optional<std::size_t> index =
        co_await regional.inbox.receive_until(regional.deadline);
    if (!index) break;
    --regional.open;
    Participant& participant = regional.participants[*index];
    if (participant.gave_up()) continue;
    border_.pass_inside(region, s_.members->of(participant.hospital).profile.region,
                        Content::update);
    participant.arrived = true;
    ++regional.arrived;
  }
  regional.scope.cancel();
}

Task<void> HierarchicalServer::participate(RegionalRound& regional, std::size_t index) {
  co_await s_.visits->run(regional.participants[index]);
  regional.inbox.send(index);
}

bool HierarchicalServer::close_regional(Round& round, std::size_t region, RegionalRound& regional) {
  const bool enough = regional.arrived >= regional.target;
  for (Participant& participant : regional.participants) {
    if (participant.arrived || participant.gave_up()) continue;
    if (enough) {
      s_.visits->drop(participant, DropReason::not_needed, {});
    } else {
      s_.visits->cut_off(participant);
    }
  }
  RegionalRoundClosed closed;
  closed.round = round.index + 1;
  closed.number = regional.number + 1;
  closed.region = s_.regions[region].name;
  closed.opened = regional.opened;
  closed.invited = static_cast<std::int64_t>(regional.participants.size());
  closed.failed = regional.arrived < regional.minimum;
  if (closed.failed) {
    closed.reason = fmt::format("{} of {} replied, {} are needed", regional.arrived,
                                regional.participants.size(), regional.minimum);
    for (Participant& participant : regional.participants) {
      if (!participant.arrived) continue;
      s_.visits->drop(participant, DropReason::round_failed, closed.reason);
    }
  } else {
    closed.failed = !combine(round, region, regional, closed);
  }
  closed.at = s_.simulation->now();
  border_.round_closed(region, closed.failed);
  s_.emit(closed);
  return !closed.failed;
}

// What a region's hospitals learnt moves the region's model, and becomes part of its sum.
bool HierarchicalServer::combine(Round& round, std::size_t region, RegionalRound& regional,
                                 RegionalRoundClosed& closed) {
  Work& work = round.work[region];
  std::vector<VersionMaker::Arrival> arrivals;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < regional.participants.size(); ++i) {
    const Participant& participant = regional.participants[i];
    if (!participant.arrived) continue;
    arrivals.push_back({participant.hospital, participant.result});
    places.push_back(i);
  }
  VersionMaker::Place place;
  place.rule = s_.regions[region].rule.get();
  place.global = work.model.get();
  place.previous = previous_[region].empty() ? nullptr : &previous_[region];
  place.lane = 1 + static_cast<std::uint64_t>(regional.number) * s_.regions.size() + region;
  ParameterVector change;
  const VersionMaker::Outcome outcome =
      s_.maker->combine(arrivals, regional.minimum, place, change);
  round.interrupted = round.interrupted || outcome.interrupted;
  if (!outcome.made && closed.reason.empty()) closed.reason = outcome.refusal;
  double sum = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    Participant& participant = regional.participants[places[i]];
    const HospitalId id = participant.hospital;
    const auto& diverged = outcome.diverged;
    if (outcome.interrupted) {
      s_.visits->drop(participant, DropReason::run_ended, {});
    } else if (std::find(diverged.begin(), diverged.end(), id) != diverged.end()) {
      s_.visits->drop(participant, DropReason::diverged, "its update was left out");
    } else if (!outcome.made) {
      s_.visits->drop(participant, DropReason::round_failed, outcome.refusal);
    } else {
      regional.used.emplace_back(places[i], outcome.shares[i]);
      sum += outcome.shares[i];
      work.weight += s_.by_size ? static_cast<double>(s_.members->of(id).train_rows) : 1.0;
    }
  }
  if (!outcome.made) return false;
  // what diverged leaves its share to the others
  for (auto& [index, share] : regional.used) share /= sum;
  const auto used = static_cast<std::int64_t>(regional.used.size());
  closed.aggregated = used;
  closed.mean_loss = outcome.mean_loss;
  work.hospitals_least = work.counted == 0 ? used : std::min(work.hospitals_least, used);
  ++work.counted;
  work.loss += outcome.mean_loss;
  work.rows_visited += outcome.rows_visited;
  work.steps += outcome.steps;
  move_on(work, change, round.index);
  previous_[region] = std::move(change);
  return true;
}

void HierarchicalServer::move_on(Work& work, const ParameterVector& change,
                                 std::int64_t round) const {
  if (work.sum.empty()) {
    work.sum = change;
  } else {
    work.sum.add_scaled(change, 1.0F);
  }
  ParameterVector next = *work.model;
  next.add_scaled(change, 1.0F);
  if (!next.finite()) {
    throw RunError({}, fmt::format("a regional model overflowed in round {}", round + 1),
                   "lower the learning rate of training");
  }
  work.model = std::make_shared<const ParameterVector>(std::move(next));
}

RoundClosed HierarchicalServer::close(Round& round) {
  RoundClosed closed;
  closed.round = round.index + 1;
  closed.opened = round.opened;
  for (const Work& work : round.work) {
    for (const RegionalRound& regional : work.rounds) {
      closed.invited += static_cast<std::int64_t>(regional.participants.size());
    }
  }
  closed.reason = refusal(round);
  closed.failed = !closed.reason.empty() || round.interrupted;
  if (!closed.failed) {
    make_version(round, closed);
  } else {
    for (Work& work : round.work) {
      if (round.interrupted) {
        drop_used(work, DropReason::run_ended, {});
      } else {
        drop_used(work, work.arrived ? DropReason::round_failed : DropReason::sum_lost,
                  work.arrived ? closed.reason : "");
      }
    }
  }
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  s_.emit(closed);
  return closed;
}

// Why the sums that came make no version, or "".
std::string HierarchicalServer::refusal(const Round& round) const {
  const auto arrived = std::count_if(round.work.begin(), round.work.end(),
                                     [](const Work& work) { return work.arrived; });
  const auto regions = static_cast<std::int64_t>(s_.regions.size());
  const std::int64_t needed = s_.options.minimum_regions.value_or((2 * regions + 2) / 3);
  if (arrived >= needed) return {};
  return fmt::format("the sums of {} of {} regions came, {} are needed", arrived, regions, needed);
}

// w <- w + server(sum over regions of W_r / W times the region's change), W_r the training rows (or
// the number) of the hospitals that counted per regional round (Liu et al. 2020, equation 6)
void HierarchicalServer::make_version(Round& round, RoundClosed& closed) {
  double total = 0;
  const auto weight = [](const Work& work) {
    return work.weight / static_cast<double>(work.counted);
  };
  for (const Work& work : round.work) total += work.arrived ? weight(work) : 0.0;
  const VersionPtr global = s_.versions->parameters();
  std::vector<double> sum(global->padded().size(), 0.0);
  for (const Work& work : round.work) {
    if (!work.arrived) continue;
    const double share = weight(work) / total;
    const std::span<const float> values = work.sum.padded();
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += share * double{values[j]};
    closed.mean_loss += share * work.loss / static_cast<double>(work.counted);
  }
  ParameterVector combined(global->shared_layout());
  const std::span<float> out = combined.padded();
  for (std::size_t j = 0; j < sum.size(); ++j) out[j] = static_cast<float>(sum[j]);
  s_.maker->publish(*global, std::move(combined), round.index + 1);
  for (Work& work : round.work) {
    if (!work.arrived) {
      drop_used(work, DropReason::sum_lost, {});
      continue;
    }
    closed.aggregated += account(work, weight(work) / total);
    s_.maker->count(work.rows_visited, work.steps);
  }
}

std::int64_t HierarchicalServer::account(Work& work, double share) {
  std::int64_t used = 0;
  for (RegionalRound& regional : work.rounds) {
    for (const auto& [index, own] : regional.used) {
      Participant& participant = regional.participants[index];
      Member& member = s_.members->of(participant.hospital);
      const double part = share * own / static_cast<double>(work.counted);
      s_.members->count_in(member, s_.versions->current(), part);
      ++used;
    }
    regional.used.clear();
  }
  return used;
}

void HierarchicalServer::drop_used(Work& work, DropReason reason, const std::string& detail) {
  for (RegionalRound& regional : work.rounds) {
    for (const auto& [index, share] : regional.used) {
      s_.visits->drop(regional.participants[index], reason, detail);
    }
    regional.used.clear();
  }
}

void HierarchicalServer::drop_all(DropReason reason) {
  Round& round = *round_;
  round.scope.cancel();
  for (Work& work : round.work) {
    for (RegionalRound& regional : work.rounds) {
      for (Participant& participant : regional.participants) {
        if (!participant.gave_up()) s_.visits->drop(participant, reason, {});
      }
    }
  }
}

void HierarchicalServer::abandon() {
  if (round_ == nullptr) return;
  drop_all(DropReason::run_ended);
  round_.reset();
}

void HierarchicalServer::join(HospitalId hospital) {
  const std::string& home = s_.members->of(hospital).profile.region;
  for (Region& region : s_.regions) {
    if (region.name == home) add_in_order(region.candidates, hospital);
  }
}

void HierarchicalServer::leave(HospitalId hospital) {
  for (Region& region : s_.regions) remove_in_order(region.candidates, hospital);
  stop(hospital, Stop::leaves);
}

void HierarchicalServer::stop(HospitalId hospital, Stop why) {
  if (round_ == nullptr) return;
  for (Work& work : round_->work) {
    for (RegionalRound& regional : work.rounds) {
      for (std::size_t i = 0; i < regional.participants.size(); ++i) {
        Participant& participant = regional.participants[i];
        const bool at_work = participant.scope != nullptr && participant.stage != VisitStage::done;
        if (participant.hospital != hospital || !at_work) continue;
        if (s_.visits->outlasts(participant, why)) continue;
        s_.visits->end(participant, why);
        regional.inbox.send(i);
      }
    }
  }
}

bool HierarchicalServer::holds(HospitalId hospital) const {
  if (round_ == nullptr) return false;
  for (const Work& work : round_->work) {
    for (const RegionalRound& regional : work.rounds) {
      for (const Participant& one : regional.participants) {
        const bool its = one.hospital == hospital && one.stage == VisitStage::done;
        if (its && one.result.valid()) return true;
      }
    }
  }
  return false;
}

std::optional<RoundClosed> HierarchicalServer::interrupt(DropReason reason,
                                                         const std::string& why) {
  if (round_ == nullptr) return std::exchange(closed_, std::nullopt);
  drop_all(reason);
  RoundClosed closed;
  closed.round = round_->index + 1;
  closed.opened = round_->opened;
  for (const Work& work : round_->work) {
    for (const RegionalRound& regional : work.rounds) {
      closed.invited += static_cast<std::int64_t>(regional.participants.size());
    }
  }
  closed.failed = true;
  closed.reason = why;
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  lost_ = std::move(round_);
  ++over_;
  s_.emit(closed);
  return closed;
}

void HierarchicalServer::go_back(std::int64_t place, std::int64_t versions) {
  Protocol::go_back(place, versions);
  // what rules look back to is kept of no older version
  for (ParameterVector& previous : previous_) previous = {};
}

}  // namespace polyclinic
