#include "fed/gossip_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.hpp"
#include "base/error.hpp"

namespace polyclinic {

GossipModels::GossipModels(std::size_t hospitals, const VersionPtr& initial)
    : GossipModels(std::vector<VersionPtr>(hospitals, initial)) {}

GossipModels::GossipModels(std::vector<VersionPtr> initial)
    : models_(std::move(initial)), weights_(models_.size(), 1.0) {
  for (const VersionPtr& model : models_) sums_.push_back(*model);
}

void GossipModels::learn(std::size_t i, const ParameterVector& change) {
  sums_[i].add_scaled(change, 1.0F);
}

bool GossipModels::mix(const MixingMatrix& matrix, Workers* workers) {
  const std::size_t n = sums_.size();
  std::vector<ParameterVector> next(n);
  std::vector<double> weights(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (const auto& [j, share] : matrix[i])
      weights[i] += share * weights_[static_cast<std::size_t>(j)];
  }
  std::vector<VersionPtr> models(n);
  std::vector<std::uint8_t> finite(n, 0);
  const auto body = [&](std::size_t i, int /*slot*/) {
    constexpr std::size_t kBlock = 1024;
    std::array<double, kBlock> sum;
    ParameterVector mixed(sums_[i].shared_layout());
    ParameterVector model(sums_[i].shared_layout());
    const std::size_t size = mixed.padded().size();
    for (std::size_t at = 0; at < size; at += kBlock) {
      const std::size_t length = std::min(kBlock, size - at);
      sum.fill(0.0);
      for (const auto& [j, share] : matrix[i]) {
        const float* values = sums_[static_cast<std::size_t>(j)].padded().data() + at;
        for (std::size_t k = 0; k < length; ++k) sum[k] += share * double{values[k]};
      }
      for (std::size_t k = 0; k < length; ++k) {
        mixed.padded()[at + k] = static_cast<float>(sum[k]);
        model.padded()[at + k] = static_cast<float>(sum[k] / weights[i]);
      }
    }
    finite[i] = model.finite() ? 1 : 0;
    next[i] = std::move(mixed);
    models[i] = std::make_shared<const ParameterVector>(std::move(model));
  };
  if (workers != nullptr) {
    workers->for_each(n, body);
  } else {
    for (std::size_t i = 0; i < n; ++i) body(i, 0);
  }
  if (std::count(finite.begin(), finite.end(), 1) != static_cast<std::ptrdiff_t>(n)) return false;
  sums_ = std::move(next);
  weights_ = std::move(weights);
  models_ = std::move(models);
  return true;
}

ParameterVector GossipModels::mean() const {
  ParameterVector mean(sums_.front().shared_layout());
  std::vector<double> sum(mean.padded().size(), 0.0);
  double weight = 0;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const std::span<const float> values = sums_[i].padded();
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += double{values[k]};
    weight += weights_[i];
  }
  for (std::size_t k = 0; k < sum.size(); ++k) {
    mean.padded()[k] = static_cast<float>(sum[k] / weight);
  }
  return mean;
}

double GossipModels::distance(const ParameterVector& mean) const {
  double all = 0;
  for (const VersionPtr& model : models_) {
    const std::span<const float> values = model->padded();
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double off = double{values[k]} - double{mean.padded()[k]};
      all += off * off;
    }
  }
  return std::sqrt(all / static_cast<double>(models_.size()));
}

namespace {

std::string graph_name(const GraphRule& rule) {
  switch (rule.kind) {
    case GraphKind::ring: return "ring";
    case GraphKind::complete: return "complete";
    case GraphKind::regular: return fmt::format("regular, degree {}", rule.degree);
    case GraphKind::matching: return "matching";
    case GraphKind::exponential: return "exponential";
  }
  return {};
}

}  // namespace

GossipServer::GossipServer(Setup setup)
    : s_(std::move(setup)), models_(s_.hospitals.size(), s_.versions->parameters()) {
  constexpr std::int32_t kGapMost = 512;  // of which the eigenvalues are computed: n^3
  const auto n = static_cast<std::int32_t>(s_.hospitals.size());
  const Graph graph = make_graph(s_.options.graph, n, s_.run, 0);
  account_.graph = graph_name(s_.options.graph);
  account_.exchange = s_.options.push_sum ? "push_sum" : "average";
  account_.hospitals = n;
  for (const auto& neighbours : graph.to) {
    account_.links += static_cast<std::int64_t>(neighbours.size());
  }
  if (graph.symmetric()) account_.links /= 2;
  if (!s_.options.push_sum && !changes_with_time(s_.options.graph.kind) && n <= kGapMost) {
    account_.spectral_gap = spectral_gap(metropolis(graph));
  }
}

std::int64_t GossipServer::message_bytes() const {
  return s_.model->layout()->size() * static_cast<std::int64_t>(sizeof(float)) +
         s_.options.control_bytes;
}

const ParameterVector* GossipServer::model_of(HospitalId hospital) const {
  const auto it = std::lower_bound(s_.hospitals.begin(), s_.hospitals.end(), hospital);
  if (it == s_.hospitals.end() || *it != hospital) return nullptr;
  return models_.of(static_cast<std::size_t>(it - s_.hospitals.begin())).get();
}

std::size_t GossipServer::place_of(HospitalId hospital) const {
  const auto it = std::lower_bound(s_.hospitals.begin(), s_.hospitals.end(), hospital);
  return static_cast<std::size_t>(it - s_.hospitals.begin());
}

Task<void> GossipServer::serve() {
  Simulation& sim = *s_.simulation;
  for (std::int64_t index = 0; index < s_.options.rounds; ++index) {
    round_ = std::make_unique<Round>(sim, index);
    Round& round = *round_;
    open(round);
    co_await gather(round);
    const RoundClosed closed = close(round);
    const TimeNs ends = round.ends;
    round_.reset();
    // measurements see everything that happened in this nanosecond
    co_await sim.at(sim.now(), Priority::measurement);
    const bool stop = s_.after_round(closed);
    if (stop) co_return;
    // who declined would decline again before the deadline
    if (closed.failed && ends != kNever && sim.now() < ends) co_await sim.at(ends);
    // a timeline that waited for this version acts before the next round opens
    co_await sim.at(sim.now(), Priority::measurement);
    const bool last = index + 1 == s_.options.rounds;
    if (s_.options.pause.ns > 0 && !last) co_await sim.delay(s_.options.pause);
  }
}

void GossipServer::open(Round& round) {
  round.opened = s_.simulation->now();
  if (s_.options.deadline != kNever) round.ends = round.opened + s_.options.deadline;
  const auto n = static_cast<std::int32_t>(s_.hospitals.size());
  round.graph = make_graph(s_.options.graph, n, s_.run, round.index);
  // all are known before any begins: an interruption while their data are made leaves no round
  for (const HospitalId id : s_.hospitals) s_.members->of(id);
  RoundOpened opened;
  opened.at = round.opened;
  opened.round = round.index + 1;
  opened.version = s_.versions->current();
  opened.participants = s_.hospitals;
  opened.deadline = round.ends;
  s_.emit(opened);
  const auto epochs = straggler_epochs(s_.stragglers, s_.hospitals, s_.run, round.index);
  round.participants.resize(s_.hospitals.size());
  for (std::size_t i = 0; i < s_.hospitals.size(); ++i) {
    Participant& participant = round.participants[i];
    participant.hospital = s_.hospitals[i];
    participant.number = round.index;
    participant.invited = round.opened;
    participant.deadline = round.ends;
    participant.epochs = epochs[i];
    // it asks itself, with the model that it has
    participant.with = host_of(s_.hospitals[i]);
    participant.start = models_.of(i);
    ++s_.members->of(participant.hospital).invitations;
  }
}

Task<void> GossipServer::gather(Round& round) {
  round.open = round.participants.size();
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    s_.simulation->spawn(round.scope, live(round, i), "hospital",
                         round.participants[i].hospital.value);
  }
  while (round.open > 0) {
    const std::optional<bool> ended = co_await round.inbox.receive_until(round.ends);
    if (!ended) break;
    --round.open;
  }
  // what ends at the deadline says so itself
  co_await s_.simulation->at(s_.simulation->now(), Priority::measurement);
  round.scope.cancel();
}

Task<void> GossipServer::live(Round& round, std::size_t index) {
  Participant& self = round.participants[index];
  const bool trained = co_await s_.visits->run(self);
  self.trained = trained;
  if (trained) {
    for (const std::int32_t to : round.graph.to[index]) {
      ++round.open;
      ++round.messages;
      const auto from = static_cast<std::int32_t>(index);
      s_.simulation->spawn(round.scope, tell(round, from, to), "message", self.hospital.value);
    }
  }
  round.inbox.send(true);
}

Task<void> GossipServer::tell(Round& round, std::int32_t from, std::int32_t to) {
  const HospitalId sender = s_.hospitals[static_cast<std::size_t>(from)];
  const HospitalId receiver = s_.hospitals[static_cast<std::size_t>(to)];
  const std::int64_t bytes = message_bytes();
  const TransferOutcome outcome =
      co_await s_.network->send(host_of(sender), host_of(receiver), bytes, round.ends);
  s_.visits->record_transfer(sender, round.index, TransferDirection::up, outcome, bytes);
  s_.visits->record_transfer(receiver, round.index, TransferDirection::down, outcome, bytes);
  if (outcome.completed) round.arrived.emplace(from, to);
  round.inbox.send(true);
}

void GossipServer::count_messages(const Round& round) {
  account_.messages += round.messages;
  account_.lost += round.messages - static_cast<std::int64_t>(round.arrived.size());
}

RoundClosed GossipServer::close(Round& round) {
  for (Participant& participant : round.participants) {
    if (!participant.trained && !participant.gave_up()) s_.visits->cut_off(participant);
  }
  count_messages(round);
  RoundClosed closed;
  closed.round = round.index + 1;
  closed.opened = round.opened;
  closed.invited = static_cast<std::int64_t>(round.participants.size());
  const std::vector<std::size_t> learnt = learn(round, closed);
  closed.failed = learnt.empty();
  if (closed.failed) {
    if (!s_.evaluator->interrupted()) closed.reason = "no hospital trained";
  } else {
    mix(round);
    for (const std::size_t i : learnt) {
      Member& member = s_.members->of(s_.hospitals[i]);
      ++member.participations;
      member.shares += 1.0 / static_cast<double>(learnt.size());
    }
    closed.aggregated = static_cast<std::int64_t>(learnt.size());
    ParameterVector mean = models_.mean();
    account_.consensus = models_.distance(mean);
    closed.consensus = account_.consensus;
    s_.versions->publish(std::move(mean));
  }
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  s_.emit(closed);
  return closed;
}

std::vector<std::size_t> GossipServer::learn(Round& round, RoundClosed& closed) {
  std::vector<std::size_t> learnt;
  std::vector<DeferredUpdates::Item> items;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    Participant& participant = round.participants[i];
    if (!participant.trained) continue;
    DeferredUpdates::Item item;
    item.hospital = participant.hospital;
    item.result = participant.result;
    item.weight = 1.0;
    items.push_back(std::move(item));
    places.push_back(i);
  }
  if (items.empty()) return learnt;
  constexpr std::size_t kWindow = 64;  // updates in memory at once; not a function of threads
  DeferredUpdates updates(*s_.evaluator, std::move(items), kWindow);
  while (const Update* update = updates.next()) {
    learnt.push_back(place_of(update->hospital));
    models_.learn(learnt.back(), update->delta);
  }
  if (s_.evaluator->interrupted()) {
    // the run ends: nothing is mixed, so that the models stay as they were
    for (const std::size_t i : places) {
      s_.visits->drop(round.participants[i], DropReason::run_ended, {});
    }
    return {};
  }
  closed.mean_loss = updates.mean_loss();
  // a hospital whose training overflowed knows, and goes on with the model that it had
  for (const HospitalId id : updates.diverged()) {
    s_.visits->drop(round.participants[place_of(id)], DropReason::diverged,
                    "it sent the model that it had");
  }
  s_.maker->count(updates.rows_visited(), updates.steps());
  return learnt;
}

void GossipServer::mix(Round& round) {
  const auto came = [&](std::int32_t from, std::int32_t to) {
    return round.arrived.count({from, to}) > 0;
  };
  MixingMatrix matrix;
  if (s_.options.push_sum) {
    matrix = push_shares(round.graph, came);
  } else {
    for (const Edge& edge : round.arrived) {
      if (!came(edge.second, edge.first)) ++account_.one_sided;
    }
    matrix = metropolis(round.graph,
                        [&](std::int32_t i, std::int32_t j) { return came(i, j) && came(j, i); });
  }
  if (!models_.mix(matrix, s_.evaluator->workers())) {
    throw RunError({}, fmt::format("a hospital's model overflowed in round {}", round.index + 1),
                   "lower the learning rate of training");
  }
}

void GossipServer::abandon() {
  if (round_ == nullptr) return;
  Round& round = *round_;
  round.scope.cancel();
  count_messages(round);
  for (Participant& participant : round.participants) {
    if (!participant.gave_up()) s_.visits->drop(participant, DropReason::run_ended, {});
  }
  round_.reset();
}

}  // namespace polyclinic
