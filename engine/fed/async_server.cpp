#include "fed/async_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.hpp"

namespace polyclinic {

namespace {
// A round in which so many times the hospitals and updates that it needs have brought nothing will
// not have its version: without an end to it a federation in which nobody succeeds would never end.
constexpr std::size_t kPatience = 20;
}  // namespace

AsyncServer::AsyncServer(Setup setup)
    : s_(std::move(setup)),
      idle_(s_.run, s_.candidates,
            [this](HospitalId hospital, TimeNs now) { return next_up(hospital, now); }),
      scope_(*s_.simulation, "visits"),
      inbox_("replies") {}

TimeNs AsyncServer::next_up(HospitalId hospital, TimeNs now) const {
  return polyclinic::next_up(*s_.members->of(hospital).availability, now);
}

Task<void> AsyncServer::serve() {
  Simulation& sim = *s_.simulation;
  open();
  while (place() < s_.options.rounds) {
    if (may_invite()) invite();
    if (nobody_left()) break;
    const TimeNs until = wake_time();
    const std::optional<std::int64_t> first = co_await inbox_.receive_until(until);
    if (first) hear(*first);
    // whatever else comes in this nanosecond is there before anything is decided
    co_await sim.at(sim.now(), Priority::measurement);
    while (const std::optional<std::int64_t> next = inbox_.try_receive()) hear(*next);
    while (place() < s_.options.rounds && due()) {
      const RoundClosed closed = close();
      ++over_;
      const bool stop = s_.after_round(closed);
      if (stop) co_return;
      // a timeline that waited for this version acts before anybody is sent it
      co_await sim.at(sim.now(), Priority::measurement);
      open();
    }
  }
}

void AsyncServer::open() {
  opened_ = s_.simulation->now();
  invited_ = 0;
  in_vain_ = 0;
  just_opened_ = true;
  if (place() >= s_.options.rounds) return;
  round_open_ = true;
  RoundOpened opened;
  opened.at = opened_;
  opened.round = over_ + 1;
  opened.version = s_.versions->current();
  opened.deadline = ticks() ? opened_ + s_.options.every : kNever;
  s_.emit(opened);
}

bool AsyncServer::may_invite() const {
  // whoever is idle between two ticks waits for the next: all train from its version
  if (ticks() && !just_opened_) return false;
  return at_work_.size() < s_.options.concurrency;
}

void AsyncServer::invite() {
  just_opened_ = false;
  while (at_work_.size() < s_.options.concurrency) {
    const std::optional<HospitalId> hospital = idle_.take(s_.simulation->now());
    if (!hospital) return;
    invite(*hospital);
  }
}

void AsyncServer::invite(HospitalId hospital) {
  Simulation& sim = *s_.simulation;
  Member& member = s_.members->of(hospital);
  const std::int64_t call = calls_++;
  Visit& visit = at_work_[call];
  visit.hospital = hospital;
  visit.number = member.invitations++;
  visit.by_version = true;
  visit.back = versions_back_;
  visit.invited = sim.now();
  if (s_.options.deadline != kNever) visit.deadline = sim.now() + s_.options.deadline;
  visit.bytes_down = message_bytes();
  visit.bytes_up = message_bytes();
  ++invited_;
  HospitalInvited invited;
  invited.at = sim.now();
  invited.hospital = hospital;
  invited.round = visit.number + 1;
  invited.deadline = visit.deadline;
  s_.emit(invited);
  visit.scope = std::make_unique<Scope>(scope_, "visit");
  sim.spawn(*visit.scope, attend(call), "hospital", hospital.value);
}

std::int64_t AsyncServer::message_bytes() const {
  return s_.versions->parameters()->layout().size() * static_cast<std::int64_t>(sizeof(float)) +
         s_.options.control_bytes;
}

Task<void> AsyncServer::attend(std::int64_t call) {
  Visit& visit = at_work_.at(call);
  co_await s_.visits->run(visit);
  inbox_.send(call);
}

// A visit came to its end.
void AsyncServer::hear(std::int64_t call) {
  auto node = at_work_.extract(call);
  if (node.empty()) return;  // it was cut off since, or this is but a call to look again
  Visit& visit = node.mapped();
  const std::optional<std::int64_t>& most = s_.options.staleness_most;
  if (!visit.gave_up() && most && s_.versions->current() - visit.version > *most) {
    s_.visits->drop(visit, DropReason::too_stale,
                    fmt::format("{} versions", s_.versions->current() - visit.version));
  }
  if (visit.gave_up()) {
    ++in_vain_;
    let_rest(visit);
    return;
  }
  put_back(visit.hospital, s_.simulation->now());
  buffer_.push_back(std::move(visit));
}

// It brought nothing: when it may be asked again.
void AsyncServer::let_rest(const Visit& visit) {
  const DropReason reason = visit.dropped.value_or(DropReason::late);
  if (reason == DropReason::too_few_rows || reason == DropReason::budget_spent) return;  // never
  TimeNs since = s_.simulation->now();
  if (reason != DropReason::too_stale) since += s_.options.rest;
  // who had no time until its deadline has none before it
  const bool declined = reason == DropReason::not_approved || reason == DropReason::window_closed;
  if (declined) since = std::max(since, visit.deadline);
  put_back(visit.hospital, since);
}

void AsyncServer::put_back(HospitalId hospital, TimeNs since) {
  if (is_among(s_.candidates, hospital)) idle_.put_back(hospital, since);
}

TimeNs AsyncServer::wake_time() const {
  if (ticks()) return opened_ + s_.options.every;
  return at_work_.size() < s_.options.concurrency ? idle_.next_return() : kNever;
}

bool AsyncServer::nobody_left() {
  if (!at_work_.empty() || idle_.any()) return false;
  ending_ = "no hospital is left that could be invited";
  return true;
}

bool AsyncServer::due() const {
  if (ticks()) return s_.simulation->now() >= opened_ + s_.options.every;
  return buffer_.size() >= s_.options.buffer || impatient();
}

bool AsyncServer::impatient() const {
  return in_vain_ >= kPatience * (s_.options.concurrency + s_.options.buffer);
}

RoundClosed AsyncServer::close() {
  RoundClosed closed;
  closed.round = over_ + 1;
  closed.opened = opened_;
  closed.invited = invited_;
  closed.asynchronous = true;
  if (ticks() ? buffer_.empty() : buffer_.size() < s_.options.buffer) {
    closed.failed = true;
    closed.reason = ticks() ? "no update had arrived"
                            : fmt::format("{} visits in it brought no update", in_vain_);
  } else {
    closed.failed = !make(closed);
  }
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  round_open_ = false;
  s_.emit(closed);
  return closed;
}

// Makes the next version of the updates that came first; false when there was nothing usable.
bool AsyncServer::make(RoundClosed& closed) {
  const std::size_t count = ticks() ? buffer_.size() : s_.options.buffer;
  // a sum's order is that of the hospitals, not that of a nanosecond
  std::vector<Visit*> used;
  for (std::size_t i = 0; i < count; ++i) used.push_back(&buffer_[i]);
  std::sort(used.begin(), used.end(), [](const Visit* a, const Visit* b) {
    return std::tie(a->hospital, a->number) < std::tie(b->hospital, b->number);
  });
  std::vector<VersionMaker::Arrival> arrivals;
  arrivals.reserve(used.size());
  for (const Visit* visit : used) arrivals.push_back(arrival(*visit));
  const std::int64_t version = s_.versions->current();
  const VersionMaker::Outcome outcome = s_.maker->make(arrivals, 1, over_ + 1);
  if (outcome.interrupted) return false;  // whoever is in the buffer is accounted for at the end
  closed.mean_loss = outcome.mean_loss;
  if (!outcome.made) closed.reason = outcome.refusal;
  account(used, outcome, version, closed);
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
  return outcome.made;
}

VersionMaker::Arrival AsyncServer::arrival(const Visit& visit) const {
  const AsyncOptions& options = s_.options;
  VersionMaker::Arrival arrival;
  arrival.hospital = visit.hospital;
  arrival.result = visit.result;
  arrival.factor = options.staleness.factor(s_.versions->current() - visit.version);
  if (options.mixing) {
    // w <- (1 - alpha s) w + alpha s (w' + delta) = w + alpha s ((w' - w) + delta), w' the version
    // that the training started from (Xie et al. 2019, Algorithm 1)
    arrival.factor *= *options.mixing;
    arrival.start = visit.start;
  }
  return arrival;
}

// Who took part in the version that was made of `version`, with which share of it.
void AsyncServer::account(const std::vector<Visit*>& used, const VersionMaker::Outcome& outcome,
                          std::int64_t version, RoundClosed& closed) {
  double sum = 0;
  std::vector<bool> counts(used.size(), outcome.made);
  for (const std::size_t i : outcome.diverged_places) counts[i] = false;
  for (std::size_t i = 0; i < used.size(); ++i) sum += counts[i] ? outcome.shares[i] : 0.0;
  std::int64_t stale = 0;
  for (const std::size_t i : outcome.diverged_places) {
    s_.visits->drop(*used[i], DropReason::diverged, "its update was left out");
  }
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i]->gave_up()) continue;
    if (!outcome.made) {
      s_.visits->drop(*used[i], DropReason::round_failed, outcome.refusal);
      continue;
    }
    Member& member = s_.members->of(used[i]->hospital);
    // what diverged leaves its share to the others
    const double share = sum > 0 ? outcome.shares[i] / sum : 0.0;
    s_.members->count_in(member, s_.versions->current(), share);
    UpdateUsed event;
    event.at = s_.simulation->now();
    event.hospital = used[i]->hospital;
    event.round = used[i]->number + 1;
    event.version = s_.versions->current();
    event.staleness = version - used[i]->version;
    event.share = share;
    s_.emit(event);
    ++closed.aggregated;
    stale += event.staleness;
    closed.staleness_most = std::max(closed.staleness_most, event.staleness);
  }
  if (closed.aggregated > 0) {
    closed.staleness_mean = static_cast<double>(stale) / static_cast<double>(closed.aggregated);
  }
}

std::vector<std::int64_t> AsyncServer::calls_in_order() const {
  std::vector<std::int64_t> calls;
  calls.reserve(at_work_.size());
  for (const auto& [call, visit] : at_work_) calls.push_back(call);
  std::sort(calls.begin(), calls.end());
  return calls;
}

void AsyncServer::drop_all(DropReason reason) {
  scope_.cancel();
  for (const std::int64_t call : calls_in_order()) {
    Visit& visit = at_work_.at(call);
    if (!visit.gave_up()) s_.visits->drop(visit, reason, {});
  }
  for (Visit& visit : buffer_) s_.visits->drop(visit, reason, {});
}

void AsyncServer::abandon() {
  drop_all(DropReason::run_ended);
  at_work_.clear();
  buffer_.clear();
}

constexpr std::int64_t kLookAgain = -1;  // no call has this number

void AsyncServer::join(HospitalId hospital) {
  add_in_order(s_.candidates, hospital);
  idle_.put_back(hospital, s_.simulation->now());
  inbox_.send(kLookAgain);
}

void AsyncServer::leave(HospitalId hospital) {
  remove_in_order(s_.candidates, hospital);
  idle_.remove(hospital);
  stop(hospital, Stop::leaves);
}

void AsyncServer::stop(HospitalId hospital, Stop why) {
  for (const std::int64_t call : calls_in_order()) {
    Visit& visit = at_work_.at(call);
    if (visit.hospital != hospital || visit.stage == VisitStage::done) continue;
    if (s_.visits->outlasts(visit, why)) continue;
    s_.visits->end(visit, why);
    inbox_.send(call);
  }
}

bool AsyncServer::holds(HospitalId hospital) const {
  const auto its = [&](const Visit& visit) {
    return visit.hospital == hospital && visit.stage == VisitStage::done && visit.result.valid();
  };
  return std::any_of(buffer_.begin(), buffer_.end(), its) ||
         std::any_of(at_work_.begin(), at_work_.end(),
                     [&](const auto& call) { return its(call.second); });
}

std::optional<RoundClosed> AsyncServer::interrupt(DropReason reason, const std::string& why) {
  drop_all(reason);
  for (const std::int64_t call : calls_in_order()) {
    put_back(at_work_.at(call).hospital, s_.simulation->now());
  }
  at_work_.clear();
  buffer_.clear();
  if (!round_open_) return std::nullopt;
  RoundClosed closed;
  closed.round = over_ + 1;
  closed.opened = opened_;
  closed.invited = invited_;
  closed.asynchronous = true;
  closed.failed = true;
  closed.reason = why;
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  round_open_ = false;
  ++over_;
  s_.emit(closed);
  return closed;
}

}  // namespace polyclinic
