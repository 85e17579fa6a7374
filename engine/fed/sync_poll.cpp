// Selections by loss. Before a round opens the server asks candidates how large the loss of the
// newest model is on their own rows. The question carries the model, the answer takes a pass over
// the rows; who does not answer in time is not chosen. Or losses come with updates, for later
// rounds.
#include <algorithm>

#include "fed/sync_server.hpp"

namespace polyclinic {

Task<void> SyncServer::poll(Round& round) {
  Simulation& sim = *s_.simulation;
  round.polled = s_.selection->polled(s_.candidates, s_.run, round.place);
  if (round.polled.empty()) co_return;
  // all are known before any is asked: an interruption while their data are made asks nobody
  for (const HospitalId id : round.polled) s_.members->of(id);
  round.answered.assign(round.polled.size(), 0);
  const TimeNs until = sim.now() + s_.options.poll_wait;
  for (std::size_t i = 0; i < round.polled.size(); ++i) {
    sim.spawn(round.scope, tell_loss(round, i, until), "hospital", round.polled[i].value);
  }
  for (std::size_t open = round.polled.size(); open > 0; --open) {
    const std::optional<std::size_t> index = co_await round.inbox.receive_until(until);
    if (!index) break;
  }
  round.scope.cancel();
  while (round.inbox.try_receive()) {
  }
  choose_by_loss(round);
}

// A candidate: asked, at its rows, answering. The server hears of it when it is done, one way or
// the other.
Task<void> SyncServer::tell_loss(Round& round, std::size_t index, TimeNs until) {
  const HospitalId hospital = round.polled[index];
  const bool told = co_await try_to_tell(round.index, hospital, until);
  round.answered[index] = told ? 1 : 0;
  round.inbox.send(index);
}

Task<bool> SyncServer::try_to_tell(std::int64_t number, HospitalId hospital, TimeNs until) {
  Simulation& sim = *s_.simulation;
  Member& member = s_.members->of(hospital);
  const bool up = co_await wait_until_up(sim, *member.availability, until);
  if (!up) co_return false;
  const std::int64_t version = s_.versions->current();
  const std::int64_t held = member.version_held;
  const std::int64_t model = message_bytes() - s_.wire->saved_down(held, version);
  const TransferOutcome asked =
      co_await s_.network->transfer(hospital, TransferDirection::down, model, until);
  s_.visits->record_transfer(hospital, number, TransferDirection::down, asked, model);
  s_.wire->count_down(asked.completed, held, version);
  if (!asked.completed) co_return false;
  member.version_held = version;
  // its board lets it compute on its patients, or does not yet
  if (member.approved_at == kNever) member.approved_at = sim.now() + member.profile.approval;
  if (member.approved_at >= until) co_return false;
  // a forward pass is a third of a step's work
  const double flops = s_.model->flops_per_row() / 3 * static_cast<double>(member.train_rows);
  const double seconds = flops / member.profile.speed_flops;
  const TimeNs ready = std::max(member.approved_at, sim.now());
  if (seconds >= (until - ready).seconds()) co_return false;
  co_await sim.at(ready + ceil_to_ns(seconds));
  const std::int64_t answer = s_.options.control_bytes;
  const TransferOutcome told =
      co_await s_.network->transfer(hospital, TransferDirection::up, answer, until);
  s_.visits->record_transfer(hospital, number, TransferDirection::up, told, answer);
  co_return told.completed;
}

void SyncServer::choose_by_loss(Round& round) {
  std::vector<HospitalId> heard;
  for (std::size_t i = 0; i < round.polled.size(); ++i) {
    const bool left = !is_among(s_.candidates, round.polled[i]);
    if (round.answered[i] != 0 && !left) heard.push_back(round.polled[i]);
  }
  const std::vector<double> losses =
      s_.evaluator->losses(heard, *s_.wire->model(*s_.versions), LossOf::mean);
  std::vector<Selection::Answer> answers;
  for (std::size_t i = 0; i < heard.size(); ++i) answers.push_back({heard[i], losses[i]});
  round.by_loss = s_.selection->choose_by_loss(answers, s_.candidates, s_.run, round.place);
  if (heard.empty()) round.failure = "no candidate told its loss in time";
}

// What the updates that arrived tell a selection that goes by the past.
void SyncServer::teach_selection(const Round& round) {
  if (!s_.selection->learns()) return;
  std::vector<HospitalId> heard;
  std::vector<Selection::Reply> replies;
  VersionPtr start;
  for (const Participant& participant : round.participants) {
    if (!participant.arrived) continue;
    const Member& member = s_.members->of(participant.hospital);
    Selection::Reply reply;
    reply.hospital = participant.hospital;
    reply.rows = member.train_rows;
    reply.duration_s = member.round_durations.back().seconds();
    replies.push_back(reply);
    heard.push_back(participant.hospital);
    start = participant.start;  // the same for all: no version is made while a round is open
  }
  if (!heard.empty()) {
    const std::vector<double> losses = s_.evaluator->losses(heard, *start, LossOf::root_of_squares);
    for (std::size_t i = 0; i < replies.size(); ++i) replies[i].root_loss = losses[i];
  }
  s_.selection->learn(replies, round.place);
}

}  // namespace polyclinic
