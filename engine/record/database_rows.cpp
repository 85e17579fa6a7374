#include "record/database_rows.hpp"

#include <fmt/format.h>

#include <cmath>

#include "record/database_schema.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kRun = 1;  // `run --out` keeps one run

std::optional<std::int64_t> nanoseconds(TimeNs time) {
  return time == kNever ? std::nullopt : std::optional(time.ns);
}

std::string role_name(HospitalRole role) {
  return name(role);
}

std::string hexadecimal(std::uint64_t word) {
  return fmt::format("{:016x}", word);
}

std::string_view direction_name(TransferDirection direction) {
  return direction == TransferDirection::up ? "up" : "down";
}

}  // namespace

Sqlite create_results_database(const std::string& path) {
  Sqlite database(path, Sqlite::Mode::create);
  // NORMAL: with a write-ahead log a commit survives the death of the process without a sync
  database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN;");
  database.run(kDatabaseSchema);
  database.prepare("INSERT INTO about VALUES ('note', 'simulation, not for clinical use')").run();
  database.prepare("INSERT INTO about VALUES ('format', ?)").run(std::int64_t{kDatabaseFormat});
  database.run("COMMIT;");
  return database;
}

DatabaseRows::DatabaseRows(const std::string& path)
    : database_(create_results_database(path)),
      run_(database_.prepare("INSERT INTO runs (run, scenario, title, seed, world, hospitals, "
                             "rounds_planned, parameters, state) VALUES (?,?,?,?,?,?,?,?,?)")),
      end_(database_.prepare("UPDATE runs SET state = ?, reason = ?, ended_ns = ?, versions = ?, "
                             "fingerprint = ? WHERE run = ?")),
      arm_(database_.prepare("INSERT INTO arms (arm, run, name) VALUES (?,?,?)")),
      hospital_(database_.prepare("INSERT OR IGNORE INTO hospitals (run, hospital, name, region, "
                                  "role) VALUES (?,?,?,?,?)")),
      round_(database_.prepare("INSERT INTO rounds (run, round, opened_ns, deadline_ns, "
                               "start_version, invited) VALUES (?,?,?,?,?,?)")),
      close_(database_.prepare("UPDATE rounds SET closed_ns = ?, version = ?, invited = ?, "
                               "aggregated = ?, failed = ?, mean_loss = ?, staleness_mean = ?, "
                               "staleness_max = ?, consensus = ?, aggregator = ? WHERE run = ? "
                               "AND round = ?")),
      regional_round_(database_.prepare("INSERT INTO regional_rounds (run, number, region, round, "
                                        "opened_ns, deadline_ns, invited) VALUES (?,?,?,?,?,?,?)")),
      regional_close_(database_.prepare("UPDATE regional_rounds SET closed_ns = ?, aggregated = ?, "
                                        "failed = ?, mean_loss = ?, reason = ? "
                                        "WHERE run = ? AND number = ? AND region = ?")),
      crossing_(database_.prepare("INSERT INTO crossings VALUES (?,?,?,?,?,?,?,?,?,?,?)")),
      version_(database_.prepare("INSERT OR IGNORE INTO versions VALUES (?,?,?,?)")),
      participant_(database_.prepare("INSERT INTO participants (run, round, hospital) "
                                     "VALUES (?,?,?)")),
      invited_(database_.prepare("INSERT INTO participants (run, round, hospital, invited_ns, "
                                 "deadline_ns) VALUES (?,?,?,?,?)")),
      used_(database_.prepare("UPDATE participants SET version = ?, staleness = ?, share = ? "
                              "WHERE run = ? AND round = ? AND hospital = ?")),
      training_(database_.prepare("UPDATE participants SET training_started_ns = ?, "
                                  "training_ns = ? WHERE run = ? AND round = ? AND hospital = ?")),
      arrival_(database_.prepare("UPDATE participants SET arrived_ns = ? "
                                 "WHERE run = ? AND round = ? AND hospital = ?")),
      metric_(database_.prepare("INSERT INTO metrics VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)")),
      transfer_(database_.prepare("INSERT INTO transfers VALUES (?,?,?,?,?,?,?,?,?,?)")),
      drop_(database_.prepare("INSERT INTO drops VALUES (?,?,?,?,?,?)")),
      phase_(database_.prepare("INSERT INTO secure_phases VALUES (?,?,?,?,?,?,?)")),
      happening_(database_.prepare("INSERT INTO happenings VALUES (?,?,?,?,?,?)")),
      note_(database_.prepare("INSERT INTO notes VALUES (?,?,?)")) {}

void DatabaseRows::begin() {
  if (in_transaction_) return;
  database_.run("BEGIN");
  in_transaction_ = true;
}

void DatabaseRows::commit() {
  if (!in_transaction_) return;
  database_.run("COMMIT");
  in_transaction_ = false;
}

std::int64_t DatabaseRows::arm(const std::string& name) {
  const auto [it, added] = arms_.emplace(name, static_cast<std::int64_t>(arms_.size()) + 1);
  if (added) arm_.run(it->second, kRun, name);
  return it->second;
}

struct DatabaseRows::Writing {
  DatabaseRows& db;

  void operator()(const RunStarted& e) const {
    db.run_.run(kRun, e.scenario, e.title, fmt::format("{}", e.seed), hexadecimal(e.world_hash),
                e.hospitals, e.rounds_planned, e.parameters, std::string_view("running"));
  }
  void operator()(const RoundOpened& e) const {
    db.round_.run(kRun, e.round, e.at.ns, nanoseconds(e.deadline), e.version,
                  static_cast<std::int64_t>(e.participants.size()));
    for (HospitalId id : e.participants) {
      db.participant_.run(kRun, e.round, std::int64_t{id.value});
    }
  }
  void operator()(const TrainingStarted& e) const {
    db.training_.run(e.at.ns, e.duration.ns, kRun, e.round, std::int64_t{e.hospital.value});
  }
  void operator()(const TransferEnded& e) const {
    db.transfer_.run(kRun, e.round, std::int64_t{e.hospital.value}, direction_name(e.direction),
                     e.started.ns, e.at.ns, e.bytes, e.bytes_moved, std::int64_t{e.completed},
                     std::int64_t{e.attempts});
  }
  void operator()(const UpdateArrived& e) const {
    db.arrival_.run(e.at.ns, kRun, e.round, std::int64_t{e.hospital.value});
  }
  void operator()(const HospitalDropped& e) const {
    db.drop_.run(kRun, e.round, std::int64_t{e.hospital.value}, e.at.ns, name(e.reason), e.detail);
  }
  void operator()(const SecurePhaseClosed& e) const {
    db.phase_.run(kRun, e.round, e.phase, e.at.ns, e.asked, e.answered, e.threshold);
  }
  void operator()(const RegionalRoundOpened& e) const {
    db.regional_round_.run(kRun, e.number, e.region, e.round, e.at.ns, nanoseconds(e.deadline),
                           static_cast<std::int64_t>(e.participants.size()));
    for (HospitalId id : e.participants) {
      db.participant_.run(kRun, e.number, std::int64_t{id.value});
    }
  }
  void operator()(const RegionalRoundClosed& e) const {
    db.regional_close_.run(e.at.ns, e.aggregated, std::int64_t{e.failed}, e.mean_loss, e.reason,
                           kRun, e.number, e.region);
  }
  void operator()(const BorderCrossed& e) const {
    db.crossing_.run(kRun, e.round, e.region, direction_name(e.direction), e.hospitals,
                     e.started.ns, e.at.ns, e.bytes, e.bytes_moved, std::int64_t{e.completed},
                     std::int64_t{e.attempts});
  }
  void operator()(const HospitalInvited& e) const {
    db.invited_.run(kRun, e.round, std::int64_t{e.hospital.value}, e.at.ns,
                    nanoseconds(e.deadline));
  }
  void operator()(const UpdateUsed& e) const {
    db.used_.run(e.version, e.staleness, e.share, kRun, e.round, std::int64_t{e.hospital.value});
  }
  void operator()(const RoundClosed& e) const {
    const bool aged = e.asynchronous && !e.failed;
    db.close_.run(e.at.ns, e.version, e.invited, e.aggregated, std::int64_t{e.failed}, e.mean_loss,
                  aged ? std::optional(e.staleness_mean) : std::nullopt,
                  aged ? std::optional(e.staleness_most) : std::nullopt, e.consensus,
                  e.aggregator ? std::optional(std::int64_t{e.aggregator->value}) : std::nullopt,
                  kRun, e.round);
    if (!e.failed) db.version_.run(kRun, e.version, e.round, e.at.ns);
  }
  void operator()(const MetricMeasured& e) const {
    const std::int64_t arm = db.arm(e.arm);
    SqliteStatement& row = db.metric_.reset();
    row.bind(1, kRun).bind(2, arm).bind(3, e.version).bind(4, e.metric);
    if (e.hospital) {
      row.bind(5, std::int64_t{e.hospital->value}).bind(10, e.n).bind(11, e.events);
    } else {
      row.bind(6, name(e.average)).bind(12, e.hospitals_counted);
    }
    row.bind(7, e.value).bind(8, e.low).bind(9, e.high);
    if (!e.reason.empty()) row.bind(13, e.reason);
    row.step();
  }
  void operator()(const Happened& e) const {
    db.happening_.run(
        kRun, e.at.ns, name(e.kind),
        e.hospital ? std::optional<std::int64_t>(std::int64_t{e.hospital->value}) : std::nullopt,
        e.version, e.text);
    if (e.kind != HappeningKind::went_back) return;
    db.version_.run(kRun, e.version, std::int64_t{0}, e.at.ns);
  }
  void operator()(const Note& e) const { db.note_.run(kRun, e.at.ns, e.text); }
  void operator()(const RunEnded& e) const {
    db.end_.run(std::string_view(e.interrupted ? "interrupted" : "done"), e.reason, e.at.ns,
                e.version, e.fingerprint, kRun);
  }
};

void DatabaseRows::write(const HospitalProfile& profile) {
  begin();
  hospital_.run(kRun, std::int64_t{profile.id.value}, profile.name, profile.region,
                role_name(profile.role));
}

void DatabaseRows::write(const Event& event) {
  // a round is whole when the next one opens: its measurements lie between
  if (std::holds_alternative<RoundOpened>(event)) commit();
  begin();
  std::visit(Writing{*this}, event);
  const bool at_an_end =
      std::holds_alternative<RunStarted>(event) || std::holds_alternative<RunEnded>(event);
  if (at_an_end) commit();
}

void DatabaseRows::write_account(const HospitalAccount& a) {
  HospitalProfile profile;
  profile.id = a.hospital;
  profile.name = a.name;
  profile.region = a.region;
  profile.role = a.role;
  write(profile);
  std::int64_t drops = 0;
  for (const auto& [reason, count] : a.drops) drops += count;
  database_
      .prepare(
          "UPDATE hospitals SET patients = ?, train_rows = ?, weight = ?, bytes_up = ?, "
          "bytes_down = ?, invitations = ?, participations = ?, drops = ?, busy_ns = ?, "
          "outages = ?, down_ns = ?, median_round_ns = ?, remarks = ? "
          "WHERE run = ? AND hospital = ?")
      .run(a.patients, a.train_rows, a.weight, a.bytes_up, a.bytes_down, a.invitations,
           a.participations, drops, a.busy.ns, a.outages, a.down.ns, a.median_round.ns,
           fmt::format("{}", fmt::join(a.remarks, "; ")), kRun, std::int64_t{a.hospital.value});
  SqliteStatement outage = database_.prepare("INSERT INTO outages VALUES (?,?,?,?)");
  for (const auto& [from, until] : a.outage_times) {
    outage.run(kRun, std::int64_t{a.hospital.value}, from.ns, until.ns);
  }
}

void DatabaseRows::write_privacy(const PrivacyReport& report) {
  const auto bounded = [](double epsilon) {
    return std::isfinite(epsilon) ? std::optional(epsilon) : std::nullopt;
  };
  SqliteStatement row = database_.prepare("INSERT INTO privacy VALUES (?,?,?,?,?,?,?,?,?,?,?)");
  SqliteStatement line = database_.prepare("INSERT INTO privacy_ledger VALUES (?,?,?,?,?,?)");
  for (const PrivacyAccount& a : report.hospitals) {
    const std::int64_t hospital{a.hospital.value};
    row.run(kRun, hospital, a.rows, a.rate, a.noise, report.delta, a.steps_planned, a.steps,
            bounded(a.guarantee), bounded(a.spent),
            a.stopped ? std::optional(a.stopped->ns) : std::nullopt);
    for (const PrivacyEntry& entry : a.entries) {
      line.run(kRun, hospital, entry.at.ns, entry.round, entry.steps, bounded(entry.epsilon));
    }
  }
  SqliteStatement sentence = database_.prepare("INSERT INTO privacy_statement VALUES (?,?,?)");
  for (const auto& [heading, text] : report.statement) sentence.run(kRun, heading, text);
}

void DatabaseRows::write_attacks(const std::vector<AttackAccount>& attacks) {
  if (attacks.empty()) return;
  SqliteStatement row = database_.prepare("INSERT INTO attacks VALUES (?,?,?,?,?,?,?)");
  SqliteStatement line = database_.prepare("INSERT INTO attackers VALUES (?,?,?,?,?,?,?,?)");
  std::int64_t number = 0;
  for (const AttackAccount& a : attacks) {
    row.run(kRun, ++number, a.attack, a.settings, a.knows, a.attackers, a.versions);
    for (const AttackerAccount& h : a.hospitals) {
      const auto when = [&](TimeNs time) {
        return h.trainings > 0 ? std::optional(time.ns) : std::nullopt;
      };
      line.run(kRun, number, std::int64_t{h.hospital.value}, h.trainings, h.counted, h.left_out,
               when(h.first), when(h.last));
    }
  }
}

void DatabaseRows::write_groups(const ArmResult& a) {
  SqliteStatement level_row =
      database_.prepare("INSERT INTO group_metrics VALUES (?,?,?,?,?,?,?,?,?,?,?,NULLIF(?,''))");
  SqliteStatement gap_row = database_.prepare(
      "INSERT INTO group_gaps VALUES (?,?,?,?,?,?,?,?,NULLIF(?,''),NULLIF(?,''),?,NULLIF(?,''))");
  for (const GroupResult& group : a.groups) {
    const std::string_view labels = group.true_labels ? "true" : "recorded";
    for (const GroupLevel& level : group.levels) {
      for (const auto& [metric, v] : level.metrics) {
        level_row.run(kRun, arm(a.name), group.variable, labels, level.level, metric, v.value,
                      v.low, v.high, v.n, v.events, v.reason);
      }
    }
    for (const GroupGap& gap : group.gaps) {
      gap_row.run(kRun, arm(a.name), group.variable, labels, gap.metric, gap.gap.value, gap.gap.low,
                  gap.gap.high, gap.largest, gap.smallest, gap.levels_counted, gap.gap.reason);
    }
  }
}

void DatabaseRows::write_fairness(const RunResult& result) {
  std::vector<const ArmResult*> arms{&result.federated};
  for (const ArmResult& one : result.baselines) arms.push_back(&one);
  SqliteStatement row = database_.prepare("INSERT INTO spreads VALUES (?,?,?,?,?,?,?,?,?,?)");
  for (const ArmResult* one : arms) {
    for (const MeasuredAverages& m : one->averages) {
      row.run(kRun, arm(one->name), m.metric, m.hospitals_counted, m.macro, m.worst,
              m.bottom_decile, m.spread, m.spread_chance, m.jain);
    }
    write_groups(*one);
  }
  if (!result.cross_site) return;
  SqliteStatement cell =
      database_.prepare("INSERT INTO cross_site VALUES (?,?,?,?,?,?,?,?,?,NULLIF(?,''))");
  for (const CrossSite::Row& of : result.cross_site->rows) {
    for (const HospitalMetrics& at : of.hospitals) {
      for (const auto& [metric, v] : at.metrics) {
        cell.run(kRun, std::int64_t{of.model.value}, std::int64_t{at.hospital.value}, metric,
                 v.value, v.low, v.high, v.n, v.events, v.reason);
      }
    }
  }
}

void DatabaseRows::write_membership(const MembershipResult& found) {
  SqliteStatement row =
      database_.prepare("INSERT INTO membership VALUES (?,?,?,?,?,?,?,?,NULLIF(?,''))");
  using Hospital = std::optional<std::int64_t>;
  const auto add = [&](std::string_view quantity, Hospital hospital, const MeasuredValue& v,
                       std::int64_t members, std::int64_t others) {
    row.run(kRun, quantity, hospital, v.value, v.low, v.high, members, others, v.reason);
  };
  for (const MembershipResult::Hospital& one : found.hospitals) {
    add("auc_within", std::int64_t{one.hospital.value}, one.auc, one.members, one.others);
  }
  add("auc_within", std::nullopt, found.auc_within, found.members, found.others);
  add("auc_across", std::nullopt, found.auc_pooled, found.members, found.others);
  add("true_positive_rate", std::nullopt, found.true_positive_rate, found.balanced, found.balanced);
  if (found.epsilon) {
    MeasuredValue epsilon;
    epsilon.value = found.epsilon->at_least;
    const bool member = found.epsilon->says_member;
    add("epsilon_at_least", std::nullopt, epsilon,
        member ? found.epsilon->right_of : found.epsilon->wrong_of,
        member ? found.epsilon->wrong_of : found.epsilon->right_of);
  }
  SqliteStatement sentence = database_.prepare("INSERT INTO membership_statement VALUES (?,?,?)");
  for (const auto& [heading, text] : found.statement) sentence.run(kRun, heading, text);
}

void DatabaseRows::write_forgettings(const std::vector<ForgettingRecord>& forgotten) {
  if (forgotten.empty()) return;
  SqliteStatement row =
      database_.prepare("INSERT INTO forgettings VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const ForgettingRecord& f : forgotten) {
    using Optional = std::optional<std::int64_t>;
    const auto& again = f.again;
    row.run(kRun, std::int64_t{f.hospital.value}, f.at.ns, f.from_version, f.to_version,
            f.new_version, f.participations, f.rounds, f.versions, f.bytes_up, f.bytes_down,
            f.steps, f.time.ns, again ? Optional(again->at.ns) : std::nullopt,
            again ? Optional(again->rounds) : std::nullopt,
            again ? Optional(again->bytes_up) : std::nullopt,
            again ? Optional(again->bytes_down) : std::nullopt,
            again ? Optional(again->steps) : std::nullopt);
  }
}

void DatabaseRows::write(const RunResult& result, std::string_view state) {
  begin();
  SqliteStatement run = database_.prepare(
      "UPDATE runs SET state = ?, outcome = ?, model = ?, bytes_up = ?, bytes_down = ?, "
      "convergence = ?, "
      "converged = ? WHERE run = ?");
  const Convergence& c = result.convergence;
  run.run(state, result.outcome, result.model, result.bytes_up, result.bytes_down, c.text,
          c.checked ? std::optional(std::int64_t{c.converged}) : std::nullopt, kRun);
  for (const HospitalAccount& account : result.hospitals) write_account(account);
  if (result.privacy) write_privacy(*result.privacy);
  if (result.membership) write_membership(*result.membership);
  write_attacks(result.attacks);
  write_forgettings(result.forgotten);
  SqliteStatement standardisation =
      database_.prepare("UPDATE arms SET standardisation = ? WHERE arm = ?");
  standardisation.run(result.federated.standardisation, arm(result.federated.name));
  for (const ArmResult& a : result.baselines) standardisation.run(a.standardisation, arm(a.name));
  write_fairness(result);
  SqliteStatement remark = database_.prepare("INSERT INTO remarks VALUES (?,?)");
  for (const std::string& text : result.remarks) remark.run(kRun, text);
  SqliteStatement fact = database_.prepare("INSERT INTO provenance VALUES (?,?,?)");
  for (const auto& [key, value] : result.provenance) fact.run(kRun, key, value);
  commit();
}

}  // namespace polyclinic
