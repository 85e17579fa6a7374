#include "record/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "base/plain_text.hpp"
#include "record/drop_reasons.hpp"
#include "record/progress.hpp"
#include "record/sqlite.hpp"
#include "record/stored_run.hpp"
#include "trace/event.hpp"

namespace polyclinic {

namespace {

std::string since(std::int64_t ns) {
  return rough_duration(static_cast<double>(ns) * 1e-9);
}

std::string count_text(std::int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

// "3, 5 to 9 and 12" from increasing numbers.
std::string ranges(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (end - i > 2) {
      parts.push_back(fmt::format("{} to {}", numbers[i], numbers[end - 1]));
    } else {
      for (std::size_t k = i; k < end; ++k) parts.push_back(fmt::format("{}", numbers[k]));
    }
    i = end;
  }
  return join_names(parts);
}

// The words for a reason that was stored by its short name.
std::string reason_words(const std::string& stored) {
  for (DropReason reason : drop_reasons()) {
    if (name(reason) == stored) return std::string(describe(reason));
  }
  return stored;
}

struct RoundRow {
  std::int64_t round = 0;
  std::int64_t opened = 0;
  std::optional<std::int64_t> deadline, closed;
  std::int64_t version = 0;
  std::int64_t invited = 0;
  std::int64_t aggregated = 0;
  bool failed = false;
};

struct ParticipantRow {
  std::int64_t round = 0;
  std::int64_t hospital = 0;
  std::string name;
  std::optional<std::int64_t> training_started, training, arrived;
  std::string drop;  // short name of the reason; empty: not dropped
  std::string detail;
  std::int64_t dropped_at = 0;
  // of a visit without common rounds
  std::optional<std::int64_t> invited, deadline;
  std::optional<std::int64_t> version;  // that it became part of
  std::int64_t staleness = 0;
};

std::optional<std::int64_t> maybe(const SqliteStatement& row, int column) {
  return row.null(column) ? std::nullopt : std::optional(row.integer(column));
}

class Story {
 public:
  Story(const std::string& database, const ExplainQuestion& question)
      : run_(read_stored_run(database)),
        file_(database, Sqlite::Mode::read_only),
        folder_(question.folder) {
    SqliteStatement visits =
        file_.prepare("SELECT count(*) FROM participants WHERE invited_ns IS NOT NULL");
    visits.step();
    visits_ = visits.integer(0) > 0;
    if (question.hospital) hospital_ = find_hospital(*question.hospital);
    round_ = question.round;
  }

  std::string tell() {
    std::string text = heading();
    if (round_) {
      const std::string regional = regional_rounds(*round_);
      if (!regional.empty()) return text + regional;
      const RoundRow round = find_round(*round_);
      if (visits_) return text + one_version(round);
      text += round_sentence(round);
      text += secure_phases(*round_);
      for (const ParticipantRow& p : participants()) text += "  " + sentence(p, round) + "\n";
      if (hospital_ && participants().empty()) {
        text += fmt::format("  {} was not invited to it.\n", hospital_name(*hospital_));
      }
      return text;
    }
    text += invitations();
    if (hospital_) {
      text += one_hospital();
    } else {
      text += every_hospital();
    }
    return text + notes() + privacy();
  }

 private:
  std::string heading() const {
    std::string text =
        (run_.title.empty() ? run_.scenario : fmt::format("{} ({})", run_.title, run_.scenario));
    text += fmt::format(", seed {}. Simulation, not for clinical use.\n", run_.seed);
    if (!visits_)
      text += count_text(run_.rounds_committed, "round was", "rounds were") + " closed and ";
    text += fmt::format("{} {}made in {} of simulated time",
                        count_text(run_.versions, "version", "versions"),
                        !visits_             ? ""
                        : run_.versions == 1 ? "was "
                                             : "were ",
                        since(run_.last.ns));
    if (run_.state == "running") {
      text += run_.rounds_planned > 0 ? fmt::format(", of {} planned", run_.rounds_planned) : "";
      return text + "; the run was killed or still goes on.\n";
    }
    if (run_.state == "failed") return text + "; then the run failed: " + failure() + ".\n";
    return text + (run_.reason.empty() ? "" : "; " + escaped(run_.reason)) + ".\n";
  }

  // What the reason says behind "it failed: ".
  [[nodiscard]] std::string failure() const {
    constexpr std::string_view kSays = "it failed: ";
    const bool says = run_.reason.rfind(kSays, 0) == 0;
    return escaped(says ? run_.reason.substr(kSays.size()) : run_.reason);
  }

  std::int64_t find_hospital(const std::string& name) {
    SqliteStatement rows = file_.prepare("SELECT hospital, name FROM hospitals ORDER BY hospital");
    std::vector<std::string> names;
    while (rows.step()) {
      if (rows.text(1) == name) return rows.integer(0);
      names.push_back(rows.text(1));
    }
    std::string hint = did_you_mean(name, names);
    if (names.size() <= 30)
      hint += (hint.empty() ? "" : "\n") + ("hospitals are " + join_names(names));
    throw ScenarioError({}, fmt::format("there is no hospital \"{}\" in these results", name),
                        hint);
  }

  std::string hospital_name(std::int64_t id) {
    SqliteStatement row = file_.prepare("SELECT name FROM hospitals WHERE hospital = ?");
    row.reset().bind(1, id);
    return row.step() ? row.text(0) : fmt::format("hospital {}", id);
  }

  RoundRow find_round(std::int64_t number) {
    SqliteStatement row = file_.prepare(
        "SELECT opened_ns, deadline_ns, closed_ns, version, invited, aggregated, failed "
        "FROM rounds WHERE round = ?");
    row.reset().bind(1, number);
    if (!row.step()) {
      SqliteStatement last = file_.prepare("SELECT coalesce(max(round), 0) FROM rounds");
      last.step();
      throw ScenarioError({}, fmt::format("there is no round {} in these results", number),
                          fmt::format("rounds 1 to {} are recorded", last.integer(0)));
    }
    RoundRow round;
    round.round = number;
    round.opened = row.integer(0);
    round.deadline = maybe(row, 1);
    round.closed = maybe(row, 2);
    round.version = row.integer(3);
    round.invited = row.integer(4);
    round.aggregated = row.integer(5);
    round.failed = row.integer(6) != 0;
    return round;
  }

  // The round that a participant names: of its region, where there are such, or of the server.
  RoundRow round_of(const ParticipantRow& p) {
    if (has_table("regional_rounds")) {
      SqliteStatement row = file_.prepare(
          "SELECT r.opened_ns, r.deadline_ns, r.closed_ns, r.invited, r.aggregated, r.failed "
          "FROM regional_rounds r JOIN hospitals h ON h.region = r.region "
          "WHERE r.number = ? AND h.hospital = ?");
      row.reset().bind(1, p.round).bind(2, p.hospital);
      if (row.step()) return regional_row(row, 0, p.round);
    }
    return find_round(p.round);
  }

  // From columns that begin with opened_ns.
  static RoundRow regional_row(const SqliteStatement& row, int first, std::int64_t number) {
    RoundRow round;
    round.round = number;
    round.opened = row.integer(first);
    round.deadline = maybe(row, first + 1);
    round.closed = maybe(row, first + 2);
    round.invited = row.integer(first + 3);
    round.aggregated = row.integer(first + 4);
    round.failed = row.integer(first + 5) != 0;
    return round;
  }

  // The rounds of that number of all regions; empty where there are no regional aggregators.
  std::string regional_rounds(std::int64_t number) {
    if (!has_table("regional_rounds")) return {};
    SqliteStatement row = file_.prepare(
        "SELECT region, round, opened_ns, deadline_ns, closed_ns, invited, aggregated, failed "
        "FROM regional_rounds WHERE number = ? ORDER BY region");
    row.reset().bind(1, number);
    std::string text;
    while (row.step()) {
      const RoundRow round = regional_row(row, 2, number);
      text += fmt::format("Round {} of {}, in round {} of the server, opened on {}", number,
                          row.text(0), row.integer(1), clock_text(round.opened));
      text += round.closed ? fmt::format(" and closed {} later with {} of {} updates{}.\n",
                                         since(*round.closed - round.opened), round.aggregated,
                                         round.invited, round.failed ? "; it failed" : "")
                           : std::string(" and was not closed.\n");
      for (const ParticipantRow& p : participants()) {
        if (region_of(p.hospital) == row.text(0)) text += "  " + sentence(p, round) + "\n";
      }
    }
    return text;
  }

  std::string region_of(std::int64_t hospital) {
    SqliteStatement row = file_.prepare("SELECT region FROM hospitals WHERE hospital = ?");
    row.reset().bind(1, hospital);
    return row.step() ? row.text(0) : std::string();
  }

  // Of the asked round and hospital, in order of round and hospital.
  std::vector<ParticipantRow> participants(bool only_dropped = false) {
    return participants_where(
        fmt::format("(?1 IS NULL OR p.round = ?1) AND (?2 IS NULL OR p.hospital = ?2) {}",
                    only_dropped ? "AND d.reason IS NOT NULL" : ""),
        round_, std::nullopt);
  }

  // ?1 and ?3 are what the condition makes of them, ?2 the asked hospital.
  std::vector<ParticipantRow> participants_where(const std::string& condition,
                                                 std::optional<std::int64_t> first,
                                                 std::optional<std::int64_t> third) {
    SqliteStatement row = file_.prepare(fmt::format(
        "SELECT p.round, p.hospital, h.name, p.training_started_ns, p.training_ns, p.arrived_ns, "
        "coalesce(d.reason, ''), coalesce(d.detail, ''), coalesce(d.at_ns, 0), p.invited_ns, "
        "p.deadline_ns, p.version, coalesce(p.staleness, 0) FROM participants p "
        "LEFT JOIN hospitals h ON h.hospital = p.hospital "
        "LEFT JOIN drops d ON d.round = p.round AND d.hospital = p.hospital "
        "WHERE {} ORDER BY p.round, p.hospital",
        condition));
    row.reset().bind(1, first).bind(2, hospital_);
    if (third) row.bind(3, third);
    std::vector<ParticipantRow> found;
    while (row.step()) {
      ParticipantRow p;
      p.round = row.integer(0);
      p.hospital = row.integer(1);
      p.name = row.text(2);
      p.training_started = maybe(row, 3);
      p.training = maybe(row, 4);
      p.arrived = maybe(row, 5);
      p.drop = row.text(6);
      p.detail = row.text(7);
      p.dropped_at = row.integer(8);
      p.invited = maybe(row, 9);
      p.deadline = maybe(row, 10);
      p.version = maybe(row, 11);
      p.staleness = row.integer(12);
      found.push_back(std::move(p));
    }
    return found;
  }

  // What a participant's times are told relative to: its round, or its own visit.
  RoundRow frame_of(const ParticipantRow& p) {
    if (!p.invited) return round_of(p);
    RoundRow visit;
    visit.round = p.round;
    visit.opened = *p.invited;
    visit.deadline = p.deadline;
    return visit;
  }

  // How a version was made where rounds are not common: of which updates, and what came to nothing
  // meanwhile.
  std::string one_version(const RoundRow& r) {
    std::string text;
    if (!r.closed) {
      text = fmt::format("Version {} was being made when the record ends", r.version + 1);
    } else if (r.failed) {
      text = fmt::format("On {} no version could be made", clock_text(*r.closed));
    } else {
      text = fmt::format("Version {} was made on {}, {} after the one before, of {}", r.version,
                         clock_text(*r.closed), since(*r.closed - r.opened),
                         count_text(r.aggregated, "update", "updates"));
    }
    text += ".\n";
    std::vector<ParticipantRow> used;
    if (r.closed && !r.failed) {
      used = participants_where("p.version = ?1 AND (?2 IS NULL OR p.hospital = ?2)", r.version,
                                std::nullopt);
    }
    for (const ParticipantRow& p : used) {
      text +=
          fmt::format("  From version {}{}: {}\n", r.version - 1 - p.staleness,
                      p.staleness == 0 ? ", the newest" : fmt::format(", {} behind", p.staleness),
                      sentence(p, frame_of(p)));
    }
    const std::int64_t until = r.closed.value_or(run_.last.ns);
    const std::vector<ParticipantRow> lost = participants_where(
        "d.at_ns > ?1 AND d.at_ns <= ?3 AND (?2 IS NULL OR p.hospital = ?2)", r.opened, until);
    for (const ParticipantRow& p : lost) text += "  " + sentence(p, frame_of(p)) + "\n";
    if (hospital_ && used.empty() && lost.empty()) {
      text += fmt::format("  Nothing of {} ended meanwhile.\n", hospital_name(*hospital_));
    }
    return text;
  }

  static std::string round_sentence(const RoundRow& r) {
    std::string text = fmt::format("Round {} opened on {}", r.round, clock_text(r.opened));
    if (!r.closed) {
      return text + fmt::format(" with {} and was not closed.\n",
                                count_text(r.invited, "invitation", "invitations"));
    }
    text += fmt::format(" and closed {} later", since(*r.closed - r.opened));
    if (r.deadline && *r.closed == *r.deadline) text += ", at its deadline,";
    text += fmt::format(" with {} of {} updates; ", r.aggregated, r.invited);
    if (r.failed) return text + "too few: the model did not change.\n";
    return text + fmt::format("they made version {}.\n", r.version);
  }

  // "Lyon was left out on ...: ... It had received the model in 4 ms and waited ...".
  std::string sentence(const ParticipantRow& p, const RoundRow& round) {
    const std::vector<std::string> steps = steps_of(p, round);
    if (p.drop.empty()) {
      std::string text =
          p.arrived ? fmt::format("{} replied after {}", p.name, since(*p.arrived - round.opened))
                    : p.name + " had not replied when the record ends";
      return text + (steps.empty() ? "." : ": it " + join_names(steps) + ".");
    }
    std::string text = fmt::format("{} was left out on {}: {}", p.name, clock_text(p.dropped_at),
                                   reason_words(p.drop));
    if (!p.detail.empty()) text += " (" + p.detail + ")";
    text += ".";
    if (!steps.empty()) text += " It had " + join_names(steps) + ".";
    return text + outage_sentence(p, round);
  }

  // When it was down while the round was open; the record knows once the run has ended.
  std::string outage_sentence(const ParticipantRow& p, const RoundRow& round) {
    SqliteStatement row = file_.prepare(
        "SELECT from_ns, until_ns FROM outages "
        "WHERE hospital = ? AND from_ns <= ? AND until_ns > ? ORDER BY from_ns");
    row.reset().bind(1, p.hospital).bind(2, p.dropped_at).bind(3, round.opened);
    std::vector<std::string> times;
    while (row.step()) {
      times.push_back(
          fmt::format("from {} to {}", clock_text(row.integer(0)), clock_text(row.integer(1))));
    }
    return times.empty() ? "" : fmt::format(" It was down {}.", join_names(times));
  }

  // What it did in that round, each beginning with a verb in the past.
  std::vector<std::string> steps_of(const ParticipantRow& p, const RoundRow& round) {
    SqliteStatement row = file_.prepare(
        "SELECT direction, started_ns, ended_ns, completed, attempts FROM transfers "
        "WHERE round = ? AND hospital = ? ORDER BY ended_ns, direction");
    row.reset().bind(1, p.round).bind(2, p.hospital);
    std::vector<std::string> steps;
    std::vector<std::string> uploads;
    std::int64_t received = round.opened;
    while (row.step()) {
      const bool down = row.text(0) == "down";
      const std::string lasted = since(row.integer(2) - row.integer(1));
      std::string step;
      if (row.integer(3) != 0) {
        step = fmt::format("{} in {}", down ? "received the model" : "sent its update", lasted);
        if (down) received = row.integer(2);
      } else {
        step = fmt::format("given up {} after {}",
                           down ? "receiving the model" : "sending its update", lasted);
      }
      if (row.integer(4) > 1) step += fmt::format(" and {} attempts", row.integer(4));
      (down ? steps : uploads).push_back(std::move(step));
    }
    if (p.training_started) {
      steps.push_back(fmt::format("waited {}", since(*p.training_started - received)));
      steps.push_back(training_step(p, round));
    }
    steps.insert(steps.end(), uploads.begin(), uploads.end());
    return steps;
  }

  static std::string training_step(const ParticipantRow& p, const RoundRow& round) {
    const std::int64_t due = *p.training_started + p.training.value_or(0);
    const std::string whole = since(p.training.value_or(0));
    if (p.drop.empty() || due <= p.dropped_at) return "trained for " + whole;
    std::string step =
        fmt::format("trained for {} of {}", since(p.dropped_at - *p.training_started), whole);
    if (round.deadline && due > *round.deadline) {
      step += fmt::format(" (it would have been ready {} after the deadline)",
                          since(due - *round.deadline));
    }
    return step;
  }

  // Of the asked hospital, or of all.
  std::string invitations() {
    SqliteStatement total = file_.prepare(
        "SELECT count(*), coalesce(sum(p.arrived_ns IS NOT NULL AND d.reason IS NULL), 0) "
        "FROM participants p "
        "LEFT JOIN drops d ON d.round = p.round AND d.hospital = p.hospital "
        "WHERE ?1 IS NULL OR p.hospital = ?1");
    total.reset().bind(1, hospital_);
    total.step();
    const std::int64_t updates = total.integer(1);
    const std::string who = hospital_ ? " to " + hospital_name(*hospital_) : std::string();
    std::string text = fmt::format(
        "{}{} brought {} that {} used.", count_text(total.integer(0), "invitation", "invitations"),
        who, count_text(updates, "update", "updates"), updates == 1 ? "was" : "were");
    SqliteStatement row = file_.prepare(
        "SELECT reason, count(*) AS n FROM drops WHERE ?1 IS NULL OR hospital = ?1 "
        "GROUP BY reason ORDER BY n DESC, reason");
    row.reset().bind(1, hospital_);
    bool first = true;
    while (row.step()) {
      text += fmt::format("{}\n  {:>5} {}: {}", first ? " The others:" : "", row.integer(1),
                          row.text(0), reason_words(row.text(0)));
      first = false;
    }
    return text + "\n";
  }

  std::string one_hospital() {
    const std::vector<ParticipantRow> dropped = participants(true);
    std::string text;
    if (dropped.empty()) {
      text = fmt::format("{} was never left out of {} it was invited to.\n",
                         hospital_name(*hospital_), visits_ ? "what" : "a round");
    }
    for (const ParticipantRow& p : dropped) {
      text += fmt::format("{} {}: {}\n", visits_ ? "Visit" : "Round", p.round,
                          sentence(p, frame_of(p)));
    }
    return text;
  }

  // A line for each hospital that was ever left out: in which rounds and why.
  std::string every_hospital() {
    constexpr std::size_t kLinesMost = 40;
    std::map<std::pair<std::int64_t, std::string>, std::map<std::string, std::vector<std::int64_t>>>
        dropped;
    for (const ParticipantRow& p : participants(true)) {
      dropped[{p.hospital, p.name}][p.drop].push_back(p.round);
    }
    std::string text;
    std::size_t lines = 0;
    for (const auto& [hospital, reasons] : dropped) {
      if (++lines > kLinesMost) break;
      std::vector<std::string> parts;
      for (const auto& [reason, rounds] : reasons) {
        parts.push_back(fmt::format("{} in {}{} {}", reason, visits_ ? "visit" : "round",
                                    rounds.size() == 1 ? "" : "s", ranges(rounds)));
      }
      text += fmt::format("{} was left out: {}.\n", hospital.second, fmt::join(parts, "; "));
    }
    if (dropped.size() > kLinesMost) {
      text += fmt::format("... and {} more hospitals.\n", dropped.size() - kLinesMost);
    }
    if (!dropped.empty()) {
      const auto& [hospital, reasons] = *dropped.begin();
      text +=
          fmt::format("More: polyclinic explain {} --hospital \"{}\"{}\n", folder_, hospital.second,
                      visits_ ? "" : fmt::format(" --round {}", reasons.begin()->second.front()));
    }
    return text;
  }

  std::string notes() {
    SqliteStatement row = file_.prepare("SELECT at_ns, text FROM notes ORDER BY rowid LIMIT 40");
    std::string text;
    while (row.step()) {
      text += fmt::format("Note of {}: {}\n", clock_text(row.integer(0)), escaped(row.text(1)));
    }
    if (!run_.convergence.empty()) text += "As to the model, " + run_.convergence + ".\n";
    return text;
  }

  // An older database may lack it.
  bool has_table(std::string_view table) {
    SqliteStatement known =
        file_.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
    known.reset().bind(1, table);
    return known.step();
  }

  // How far the secure sum of a round came.
  std::string secure_phases(std::int64_t round) {
    if (!has_table("secure_phases")) return {};
    SqliteStatement row = file_.prepare(
        "SELECT phase, answered, asked, threshold FROM secure_phases WHERE round = ? "
        "ORDER BY closed_ns, rowid");
    row.reset().bind(1, round);
    std::string text;
    while (row.step()) {
      text += fmt::format("{} {} of {}", text.empty() ? "  Answers in its secure sum:" : ",",
                          row.integer(1), row.integer(2));
      text += fmt::format(" ({})", row.text(0));
      if (row.integer(1) < row.integer(3)) {
        text += fmt::format(", where {} were needed", row.integer(3));
      }
    }
    return text.empty() ? text : text + ".\n";
  }

  // What the ledger of record-level privacy says, with the statement that belongs to its numbers.
  std::string privacy() {
    if (!has_table("privacy")) return {};
    SqliteStatement row = file_.prepare(
        "SELECT h.name, p.guarantee, p.spent, p.delta, p.noise, p.steps, p.steps_planned, "
        "p.stopped_ns FROM privacy p JOIN hospitals h USING (run, hospital) "
        "WHERE ?1 IS NULL OR hospital = ?1 ORDER BY hospital LIMIT 40");
    row.reset().bind(1, hospital_);
    std::string text;
    while (row.step()) {
      const auto epsilon = [&](int column) {
        return row.null(column) ? std::string("without bound")
                                : fmt::format("{:.3f}", row.number(column));
      };
      text += fmt::format(
          "Privacy at {}: epsilon {} was guaranteed and {} spent at delta {:g}, by {} of {} "
          "planned "
          "steps with noise {:.3f}",
          row.text(0), epsilon(1), epsilon(2), row.number(3), row.integer(5), row.integer(6),
          row.number(4));
      if (!row.null(7)) text += ", then its budget was spent: " + clock_text(row.integer(7));
      text += ".\n";
    }
    SqliteStatement line = file_.prepare("SELECT heading, sentence FROM privacy_statement");
    while (line.step()) text += fmt::format("  {}: {}.\n", line.text(0), line.text(1));
    return text;
  }

  StoredRun run_;
  Sqlite file_;
  std::string folder_;
  bool visits_ = false;  // hospitals were invited one by one: rounds are not common to all
  std::optional<std::int64_t> hospital_;
  std::optional<std::int64_t> round_;
};

}  // namespace

std::string clock_text(std::int64_t at_ns) {
  const std::int64_t seconds = at_ns / kNsPerSecond;
  const std::int64_t of_day = seconds % 86'400;
  return fmt::format("day {}, {:02}:{:02}:{:02}", seconds / 86'400, of_day / 3600, of_day / 60 % 60,
                     of_day % 60);
}

std::string explain_run(const ExplainQuestion& question) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool folder = fs::is_directory(question.folder, ignored);
  const std::string database = folder ? database_path(question.folder) : question.folder;
  if (!fs::exists(database, ignored)) {
    throw ScenarioError({}, fmt::format("there are no results in {}", question.folder),
                        "give the folder that `polyclinic run FILE --out DIR` filled");
  }
  try {
    return Story(database, question).tell();
  } catch (const SqliteError& error) {
    throw ScenarioError({}, fmt::format("{} cannot be read: {}", database, error.what()));
  }
}

}  // namespace polyclinic
