#include "record/stored_run.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.hpp"
#include "record/sqlite.hpp"

namespace polyclinic {

namespace {

ScenarioError unreadable(const std::string& database, const std::string& why) {
  return {{},
          fmt::format("{} is no results database: {}", database, why),
          "results are kept by `polyclinic run FILE --out DIR`"};
}

}  // namespace

std::string database_path(const std::string& folder) {
  return (std::filesystem::path(folder) / "results.sqlite").string();
}

std::optional<std::string> describe_stored_study(const std::string& database) {
  try {
    const Sqlite file(database, Sqlite::Mode::read_only);
    SqliteStatement table =
        file.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'study'");
    if (!table.step()) return std::nullopt;
    SqliteStatement row = file.prepare(
        "SELECT title, scenario, state, runs_planned, (SELECT count(*) FROM study_runs) "
        "FROM study");
    if (!row.step()) return std::nullopt;
    const std::string title = row.text(0);
    std::string text = title.empty() ? row.text(1) : fmt::format("{} ({})", title, row.text(1));
    text += fmt::format(", a study: {} of {} runs have ended", row.integer(4), row.integer(3));
    return row.text(2) == "running" ? text + "; it was killed or still runs" : text;
  } catch (const SqliteError& error) {
    throw unreadable(database, error.what());
  }
}

StoredRun read_stored_run(const std::string& database) {
  if (const auto study = describe_stored_study(database)) {
    throw ScenarioError({}, fmt::format("{} holds no single run: {}", database, *study),
                        "its runs.csv and arms.csv say what came out; to look into one run, repeat "
                        "it with `polyclinic run FILE --seed N --out DIR`");
  }
  StoredRun run;
  try {
    const Sqlite file(database, Sqlite::Mode::read_only);
    SqliteStatement rows = file.prepare(
        "SELECT scenario, title, seed, state, reason, outcome, model, convergence, fingerprint, "
        "hospitals, rounds_planned, versions, ended_ns FROM runs");
    if (!rows.step()) throw unreadable(database, "no round of a run has been closed in it");
    run.scenario = rows.text(0);
    run.title = rows.text(1);
    run.seed = rows.text(2);
    run.state = rows.text(3);
    run.reason = rows.text(4);
    run.outcome = rows.text(5);
    run.model = rows.text(6);
    run.convergence = rows.text(7);
    run.fingerprint = rows.text(8);
    run.hospitals = rows.integer(9);
    run.rounds_planned = rows.integer(10);
    run.versions = rows.integer(11);
    run.last = TimeNs{rows.integer(12)};
    SqliteStatement rounds = file.prepare(
        "SELECT count(*), max(closed_ns), max(version) FROM rounds WHERE closed_ns IS NOT NULL");
    rounds.step();
    run.rounds_committed = rounds.integer(0);
    if (run.state == "running") {
      run.last = TimeNs{rounds.integer(1)};
      run.versions = rounds.integer(2);
    }
  } catch (const SqliteError& error) {
    throw unreadable(database, error.what());
  }
  return run;
}

std::string describe(const StoredRun& run) {
  std::string text = run.title.empty() ? run.scenario : run.title;
  if (!run.title.empty()) text += fmt::format(" ({})", run.scenario);
  text += fmt::format(", seed {}: {}", run.seed, run.rounds_committed);
  if (run.rounds_planned > 0) text += fmt::format(" of {}", run.rounds_planned);
  text += " rounds";
  if (run.state == "running") return text + "; it was killed or still runs";
  return text + (run.reason.empty() ? "" : "; " + run.reason);
}

ScenarioError holds_results(const std::string& folder) {
  const std::string database = database_path(folder);
  std::string found;
  std::string hint = fmt::format(
      "`polyclinic explain {}` tells what happened in it; give another folder with --out DIR, or "
      "remove this one",
      folder);
  std::error_code unknown;
  try {
    if (std::filesystem::file_size(database, unknown) == 0) {
      found = "a run has just begun there";
    } else if (const auto study = describe_stored_study(database)) {
      found = *study;
      hint = "give another folder with --out DIR, or remove this one";
    } else {
      found = describe(read_stored_run(database));
    }
  } catch (const ScenarioError& error) {
    found = error.mistakes().front().message;
  }
  return {{}, fmt::format("{} already holds results: {}", folder, found), hint};
}

}  // namespace polyclinic
