// A small run by hand: two members and an external hospital, three rounds, one of them failed.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "../temporary_folder.hpp"
#include "record/database.hpp"
#include "trace/event.hpp"
#include "world/result.hpp"

namespace polyclinic::test {

using Folder = TemporaryFolder;

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline TimeNs seconds(double s) {
  return {static_cast<std::int64_t>(s * 1e9)};
}
inline HospitalId id(std::uint32_t n) {
  return HospitalId{n};
}

inline HospitalProfile profile(HospitalId hospital) {
  HospitalProfile p;
  p.id = hospital;
  p.name = hospital.value == 0 ? "Lyon" : hospital.value == 1 ? "Malm\xc3\xb6, \"S\"" : "Oslo";
  p.region = "EU";
  p.role = hospital.value == 2 ? HospitalRole::external : HospitalRole::member;
  return p;
}

inline MetricMeasured measured(std::int64_t version, const char* arm, double value) {
  MetricMeasured m;
  m.at = seconds(100.0 * static_cast<double>(version));
  m.version = version;
  m.arm = arm;
  m.metric = "auroc";
  m.value = value;
  m.hospitals_counted = 2;
  return m;
}

// Round `n` of a hundred seconds in which Lyon replies and the other is late while training.
inline std::vector<Event> round_events(std::int64_t n) {
  const TimeNs opened = seconds(100.0 * static_cast<double>(n - 1));
  const auto at = [&](double s) { return opened + seconds(s); };
  std::vector<Event> events;
  RoundOpened open;
  open.at = opened;
  open.round = n;
  open.version = n - 1;
  open.participants = {id(0), id(1)};
  open.deadline = at(100);
  events.emplace_back(open);
  for (std::uint32_t h : {0U, 1U}) {
    TransferEnded down;
    down.hospital = id(h);
    down.round = n;
    down.bytes = 5000;
    down.bytes_moved = 5000;
    down.started = opened;
    down.at = at(0.5);
    events.emplace_back(down);
    TrainingStarted training;
    training.at = at(10.5);
    training.hospital = id(h);
    training.round = n;
    training.duration = seconds(h == 0 ? 20 : 120);
    events.emplace_back(training);
  }
  TransferEnded up;
  up.hospital = id(0);
  up.round = n;
  up.direction = TransferDirection::up;
  up.bytes = 5000;
  up.bytes_moved = 7000;  // the first attempt broke off after 2000
  up.started = at(30.5);
  up.at = at(31.5);
  up.attempts = 2;
  events.emplace_back(up);
  UpdateArrived arrived;
  arrived.at = at(31.5);
  arrived.hospital = id(0);
  arrived.round = n;
  events.emplace_back(arrived);
  HospitalDropped dropped;
  dropped.at = at(100);
  dropped.hospital = id(1);
  dropped.round = n;
  dropped.detail = "training";
  events.emplace_back(dropped);
  RoundClosed closed;
  closed.at = at(100);
  closed.round = n;
  closed.version = n;
  closed.opened = opened;
  closed.invited = 2;
  closed.aggregated = 1;
  closed.mean_loss = 0.5;
  events.emplace_back(closed);
  MetricMeasured macro = measured(n, "federated", 0.6 + 0.01 * static_cast<double>(n));
  macro.low = 0.5;
  macro.high = 0.9;
  events.emplace_back(macro);
  MetricMeasured none;
  none.at = at(100);
  none.version = n;
  none.arm = "federated";
  none.metric = "auroc";
  none.hospital = id(1);
  none.n = 12;
  none.events = 0;
  none.reason = "one class only";
  events.emplace_back(none);
  return events;
}

inline RunStarted started(std::int64_t rounds) {
  RunStarted s;
  s.title = "Two hospitals";
  s.scenario = "two.lua";
  s.seed = 7;
  s.world_hash = 0xABCDEF;
  s.hospitals = 3;
  s.rounds_planned = rounds;
  s.parameters = 3;
  return s;
}

inline RunEnded ended(std::int64_t rounds) {
  RunEnded e;
  e.at = seconds(100.0 * static_cast<double>(rounds));
  e.version = rounds;
  e.reason = "all rounds are done";
  e.fingerprint = "0123456789abcdef-0123456789abcdef";
  return e;
}

inline MeasuredValue value(double v, std::int64_t n, std::int64_t events) {
  MeasuredValue m;
  m.value = v;
  m.low = v - 0.1;
  m.high = v + 0.1;
  m.n = n;
  m.events = events;
  return m;
}

inline ArmResult arm(const char* name, double shift) {
  ArmResult a;
  a.name = name;
  a.standardisation = name == std::string("pooled") ? "all together" : "each by itself";
  MeasuredAverages averages;
  averages.metric = "auroc";
  averages.macro = 0.75 + shift;
  averages.macro_low = 0.7 + shift;
  averages.macro_high = 0.8 + shift;
  averages.weighted = 0.76 + shift;
  averages.micro = 0.81 + shift;
  averages.worst = 0.75 + shift;
  averages.worst_hospital = "Lyon";
  averages.hospitals_counted = 1;
  averages.hospitals_null = 1;
  a.averages = {averages};
  averages.metric = "brier_within";
  a.averages.push_back(averages);
  MeasuredValue none;
  none.n = 12;
  none.reason = "one class only";
  for (std::uint32_t h : {0U, 1U, 2U}) {
    HospitalMetrics hospital;
    hospital.hospital = id(h);
    hospital.metrics = {{"auroc", h == 1 ? none : value(0.75 + shift, 100, 20)},
                        {"brier_within", value(0.001, 100, 20)}};
    a.hospitals.push_back(hospital);
  }
  return a;
}

inline RunResult result() {
  RunResult r;
  r.scenario = "two.lua";
  r.title = "Two hospitals";
  r.seed = 7;
  r.world_hash = 0xABCDEF;
  r.rounds = 3;
  r.versions = 3;
  r.ended = seconds(300);
  r.stop_reason = "all rounds are done";
  r.outcome = "sepsis";
  r.model = "logistic, 3 parameters";
  r.parameters = 3;
  r.federated = arm("federated", 0);
  r.baselines = {arm("pooled", 0.02), arm("local_only", -0.03)};
  for (std::uint32_t h : {0U, 1U, 2U}) {
    const HospitalProfile p = profile(id(h));
    HospitalAccount a;
    a.hospital = p.id;
    a.name = p.name;
    a.region = p.region;
    a.role = p.role;
    a.patients = 500 + h;
    a.train_rows = 300;
    a.weight = h == 0 ? 1.0 : 0.0;
    a.bytes_up = h == 0 ? 15000 : 0;
    a.bytes_down = 15000;
    a.invitations = h == 2 ? 0 : 3;
    a.participations = h == 0 ? 3 : 0;
    if (h == 1) {
      a.drops[DropReason::late] = 3;
      a.outages = 1;
      a.down = seconds(50);
      a.outage_times = {{seconds(110), seconds(160)}};
    }
    a.median_round = seconds(h == 0 ? 31.5 : 0);
    r.hospitals.push_back(a);
  }
  r.hospitals_total = 3;
  r.hospitals_evaluated = 3;
  for (std::int64_t n = 1; n <= 3; ++n) {
    RoundRecord round;
    round.round = n;
    round.version = n;
    round.opened = seconds(100.0 * static_cast<double>(n - 1));
    round.closed = seconds(100.0 * static_cast<double>(n));
    round.invited = 2;
    round.aggregated = 1;
    r.round_records.push_back(round);
  }
  r.bytes_up = 15000;
  r.bytes_down = 30000;
  r.convergence.checked = true;
  r.convergence.converged = false;
  r.convergence.text = "not converged: auroc still improves by 0.0100 per round";
  r.notes = {{seconds(150), "auroc 0.610"}};
  r.remarks = {"a remark"};
  r.fingerprint = "0123456789abcdef-0123456789abcdef";
  r.final_parameters = {0.5F, -1.0F, 0.25F};
  r.parameter_slices = {{"weight", {1, 2}}, {"bias", {1}}};
  r.provenance = {{"version", "0"}, {"threads", "1"}};
  return r;
}

// Feeds a whole run of that many rounds.
inline void feed(Observer& observer, std::int64_t rounds) {
  observer.on(started(rounds));
  for (std::int64_t n = 1; n <= rounds; ++n) {
    for (const Event& event : round_events(n)) observer.on(event);
  }
  Note note;
  note.at = seconds(150);
  note.text = "auroc 0.610";
  observer.on(note);
  observer.on(ended(rounds));
}

}  // namespace polyclinic::test
