// Rounds whose updates go in shares to servers that do not collude (secure/shares.hpp).
//
//   training -> seeds to the others, then the rest of the update to the server
//   server -> others  whose shares it has;     others -> server  which of them they have, too
//   server -> others  whose all of them have;  others -> server  the sum of their shares
//
// or, where the middle is asked for, after the first of these questions: messages between all
// servers, as many as the comparisons would take (secure/comparison.hpp).
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/quantity.hpp"
#include "fed/sync_server.hpp"

namespace polyclinic {

using secure::Phase;

secure::ShareSizes SyncServer::share_sizes(const Round& round) const {
  const auto parameters = static_cast<std::size_t>(s_.versions->parameters()->layout().size());
  secure::ShareSizes sizes;
  if (s_.secure->shares->middle) {
    sizes.values = parameters;
    sizes.modulus_bits = s_.secure->bits;
  } else {
    sizes.values = parameters + 1;  // and the weight
    sizes.modulus_bits = sum_bits(*s_.secure, round.participants.size());
  }
  return sizes;
}

HostId SyncServer::share_server(std::size_t number) const {
  return number == 0 ? s_.network->server_host() : s_.helpers[number - 1].host;
}

// The messages of the visit go over the same links as those to the other servers.
void SyncServer::send_in_shares(Round& round, std::size_t index) {
  if (!s_.secure || !s_.secure->shares) return;
  Participant& participant = round.participants[index];
  participant.with = s_.network->server_host();
  participant.start = s_.wire->model(*s_.versions);
  participant.sends_first = [this, &round, index] { return send_seeds(round, index); };
}

// One after another; for a server that is down the hospital waits a while, and goes on without.
Task<void> SyncServer::send_seeds(Round& round, std::size_t index) {
  const HospitalId hospital = round.participants[index].hospital;
  const std::int64_t bytes = secure::ShareSizes::seed();
  for (std::size_t j = 0; j < s_.helpers.size(); ++j) {
    const TimeNs until =
        std::min(s_.simulation->now() + s_.secure->wait, round.participants[index].deadline);
    const TransferOutcome sent =
        co_await s_.network->send(host_of(hospital), s_.helpers[j].host, bytes, until);
    record_transfer(round, hospital, TransferDirection::up, sent, bytes);
    if (sent.completed) round.participants[index].helpers |= 1U << j;
  }
}

std::size_t SyncServer::with_share(const Round& round, std::size_t helper) {
  const auto count = std::count_if(round.participants.begin(), round.participants.end(),
                                   [helper](const Participant& one) {
                                     return one.arrived && (one.helpers >> helper & 1U) != 0;
                                   });
  return static_cast<std::size_t>(count);
}

void SyncServer::close_sum(const Round& round) {
  SecurePhaseClosed closed;
  closed.at = s_.simulation->now();
  closed.round = round.index + 1;
  closed.phase = phase_name(secure_account_, Phase::unmask);
  closed.asked = static_cast<std::int64_t>(s_.helpers.size());
  closed.answered = std::popcount(round.helpers_answered);
  closed.threshold = closed.asked;
  s_.emit(closed);
}

void SyncServer::miss_sum(Round& round, std::string failure) {
  ++secure_account_.missed[static_cast<std::size_t>(Phase::unmask)];
  round.failure = std::move(failure);
  close_sum(round);
}

Task<void> SyncServer::find_sum(Round& round) {
  end_phase(round, Phase::masked_input, round.participants.size(), round.arrived);
  if (!round.failure.empty() || round.arrived < round.minimum) co_return;
  // who has not arrived by now is lost, whatever comes of the others
  drop_unfinished(round);
  round.phase = Phase::unmask;
  const TimeNs until = std::min(s_.simulation->now() + s_.secure->wait, round.ends);
  const bool agreed = co_await agree_on_shares(round, until);
  if (!agreed) co_return;
  const secure::ShareSizes sizes = share_sizes(round);
  const secure::ShareSeconds seconds;
  if (s_.secure->shares->middle) {
    const bool found = co_await compare_shares(round, until);
    if (!found) co_return;
  } else {
    Question question;
    question.until = until;
    question.bytes_there = secure::ShareSizes::places(round.arrived);
    question.bytes_back = sizes.vector();
    question.work = ceil_to_ns(seconds.expand(round.arrived, sizes.values));
    const bool told = co_await ask_helpers(round, question, "told its sum");
    if (!told) co_return;
    const double adding = seconds.combine(round.arrived, s_.helpers.size() + 1, sizes.values);
    co_await s_.simulation->delay(ceil_to_ns(adding));
  }
  close_sum(round);
}

// The servers tell each other whose shares they have; whoever has not reached all is left out.
Task<bool> SyncServer::agree_on_shares(Round& round, TimeNs until) {
  Question question;
  question.until = until;
  question.bytes_there = secure::ShareSizes::places(round.arrived);
  question.lists_places = true;
  const bool told = co_await ask_helpers(round, question, "told whose shares it has");
  if (!told) co_return false;
  leave_incomplete(round);
  if (round.arrived >= round.plan.answers) co_return true;
  miss_sum(round, fmt::format("the servers have {} hospitals' shares in common, {} were needed",
                              round.arrived, round.plan.answers));
  co_return false;
}

void SyncServer::leave_incomplete(Round& round) {
  const std::uint32_t all = (1U << s_.helpers.size()) - 1U;
  for (Participant& participant : round.participants) {
    if (!participant.arrived || participant.helpers == all) continue;
    participant.arrived = false;
    --round.arrived;
    ++secure_account_.incomplete;
    std::size_t reached = 1;
    for (std::size_t j = 0; j < s_.helpers.size(); ++j) reached += participant.helpers >> j & 1U;
    s_.visits->drop(
        participant, DropReason::send_failed,
        fmt::format("its shares reached {} of {} servers", reached, s_.helpers.size() + 1));
  }
}

// false: one did not answer in time, and the round has failed for it.
Task<bool> SyncServer::ask_helpers(Round& round, Question question, const char* doing) {
  round.helpers_answered = 0;
  for (std::size_t j = 0; j < s_.helpers.size(); ++j) {
    s_.simulation->spawn(round.scope, ask_helper(round, j, question), "share server",
                         static_cast<std::uint32_t>(j + 2));
  }
  for (std::size_t open = s_.helpers.size(); open > 0; --open) {
    const std::optional<std::size_t> heard = co_await round.inbox.receive_until(question.until);
    if (!heard) break;
  }
  round.scope.cancel();
  while (round.inbox.try_receive()) {
  }
  const auto unmask = static_cast<std::size_t>(Phase::unmask);
  secure_account_.asked[unmask] += static_cast<std::int64_t>(s_.helpers.size());
  std::size_t silent = 0;
  for (std::size_t j = s_.helpers.size(); j-- > 0;) {
    if ((round.helpers_answered >> j & 1U) == 0) {
      silent = j + 2;
    } else {
      ++secure_account_.answered[unmask];
    }
  }
  if (silent == 0) co_return true;
  ++secure_account_.servers_lost;
  miss_sum(round, fmt::format("server {} of {} has not {}", silent, s_.helpers.size() + 1, doing));
  co_return false;
}

Task<void> SyncServer::ask_helper(Round& round, std::size_t helper, Question question) {
  const HostId server = s_.network->server_host();
  const HostId other = s_.helpers[helper].host;
  const TransferOutcome there =
      co_await s_.network->send(server, other, question.bytes_there, question.until);
  secure_account_.bytes_between += there.bytes_on_wire;
  if (!there.completed) {
    round.inbox.send(helper);
    co_return;
  }
  co_await s_.simulation->delay(question.work);
  const std::int64_t bytes_back = question.lists_places
                                      ? secure::ShareSizes::places(with_share(round, helper))
                                      : question.bytes_back;
  const TransferOutcome back = co_await s_.network->send(other, server, bytes_back, question.until);
  secure_account_.bytes_between += back.bytes_on_wire;
  if (back.completed) round.helpers_answered |= 1U << helper;
  round.inbox.send(helper);
}

// --- the middle, by a cost model

Task<void> SyncServer::pass_between(Round& round, std::size_t from, std::size_t to,
                                    std::int64_t bytes, TimeNs until) {
  const TransferOutcome sent =
      co_await s_.network->send(share_server(from), share_server(to), bytes, until);
  secure_account_.bytes_between += sent.bytes_on_wire;
  // 0 is no server's number in the inbox: it stands for a message that did not come
  round.inbox.send(sent.completed ? std::max(from, to) : 0);
}

// One message from every server to every other.
Task<bool> SyncServer::exchange_between(Round& round, std::int64_t bytes, TimeNs until) {
  const std::size_t servers = s_.helpers.size() + 1;
  std::size_t open = 0;
  for (std::size_t from = 0; from < servers; ++from) {
    for (std::size_t to = 0; to < servers; ++to) {
      if (from == to) continue;
      s_.simulation->spawn(round.scope, pass_between(round, from, to, bytes, until), "share server",
                           static_cast<std::uint32_t>(from + 1));
      ++open;
    }
  }
  bool all = true;
  for (; open > 0; --open) {
    const std::optional<std::size_t> heard = co_await round.inbox.receive_until(until);
    if (!heard) {
      all = false;
      break;
    }
    all = all && *heard > 0;
  }
  round.scope.cancel();
  while (round.inbox.try_receive()) {
  }
  co_return all;
}

Task<bool> SyncServer::compare_shares(Round& round, TimeNs until) {
  const secure::ShareSizes sizes = share_sizes(round);
  const secure::ComparisonCost cost =
      middle_cost(*s_.secure->shares->middle, round.arrived, sizes.values, sizes.modulus_bits);
  secure_account_.gates += cost.and_gates;
  const auto others = static_cast<double>(s_.helpers.size());
  const secure::ShareSeconds seconds;
  const double work = others * cost.seconds + seconds.expand(round.arrived, sizes.values);
  const TimeNs ready = s_.simulation->now() + ceil_to_ns(work);
  co_await s_.simulation->at(std::min(ready, until));
  bool all = ready <= until;
  if (all) all = co_await exchange_between(round, cost.bytes_before, until);
  for (std::int64_t i = 0; all && i < cost.rounds; ++i) {
    all = co_await exchange_between(round, cost.bytes_round, until);
    ++secure_account_.comparison_rounds;
  }
  if (all) co_return true;
  ++secure_account_.servers_lost;
  round.helpers_answered = 0;
  miss_sum(round, fmt::format("the servers did not get to the end of their comparisons, {} "
                              "messages to and fro between every two",
                              cost.rounds + 1));
  co_return false;
}

}  // namespace polyclinic
