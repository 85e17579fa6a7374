#include "study/study_folder.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/check.hpp"
#include "base/error.hpp"
#include "record/database_rows.hpp"
#include "record/results_folder.hpp"
#include "record/stored_run.hpp"
#include "record/whole_file.hpp"

namespace polyclinic {

namespace {

namespace fs = std::filesystem;

RunError write_error(const std::string& database, const SqliteError& error) {
  return {{},
          fmt::format("{} cannot be written any more: {}", database, error.what()),
          "what was committed before is kept there; give another folder with --out DIR"};
}

std::string readme(const StudyResult& result) {
  const StudyPlan& plan = result.plan;
  return fmt::format(
      "{}\n\n"
      "Simulation, not for clinical use.\n\n"
      "study        {}\n"
      "runs         {} of {} ({} arms, {} seeds from {}), {} failed\n"
      "state        {}\n\n"
      "results.sqlite  every run: view study_named, and metrics_named by run\n"
      "study.json      the study as `sweep --json` prints it\n"
      "runs.csv        a row per run\n"
      "arms.csv        a row per arm and value: mean, spread, interval, paired difference\n",
      plan.title.empty() ? plan.file : plan.title, plan.file, result.runs.size(), plan.runs(),
      plan.arms.size(), plan.seeds, plan.first_seed, failed_runs(result), state_of(result));
}

}  // namespace

struct StudyFolder::Database {
  explicit Database(const std::string& path)
      : file(create_results_database(path)),
        run(file.prepare(
            "INSERT INTO runs (run, scenario, title, seed, world, outcome, model, "
            "hospitals, rounds_planned, parameters, state, reason, ended_ns, versions, "
            "bytes_up, bytes_down, converged, convergence, fingerprint) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        study_run(file.prepare("INSERT INTO study_runs VALUES (?,?,?)")),
        arm(file.prepare("INSERT INTO arms VALUES (?,?,?,?)")),
        metric(file.prepare("INSERT INTO metrics (run, arm, version, metric, average, value, low, "
                            "high, hospitals_counted) VALUES (?,?,?,?,?,?,?,?,?)")) {}

  void write(const StudyPlan& study) {
    file.run("BEGIN");
    file.prepare("INSERT INTO study VALUES (?,?,?,?,?,?,?)")
        .run(study.title, study.file, std::string_view("running"), study.metric,
             fmt::format("{}", study.first_seed), study.seeds, study.runs());
    SqliteStatement row = file.prepare("INSERT INTO study_arms VALUES (?,?,?,?,?,?)");
    for (std::size_t a = 0; a < study.arms.size(); ++a) {
      const PlannedArm& planned = study.arms[a];
      row.reset().bind(1, static_cast<std::int64_t>(a) + 1).bind(2, planned.name);
      row.bind(3, settings_text(study.points[planned.point])).bind(4, planned.changes);
      if (!planned.reference.empty()) row.bind(5, planned.reference);
      if (planned.against != a) row.bind(6, static_cast<std::int64_t>(planned.against) + 1);
      row.step();
    }
    file.run("COMMIT");
    plan = &study;
  }

  void write(const StudyRun& r) {
    file.run("BEGIN");
    const auto ended_ns = r.ended ? std::optional(r.ended->ns) : std::nullopt;
    const auto converged =
        r.convergence.checked ? std::optional(std::int64_t{r.convergence.converged}) : std::nullopt;
    run.run(r.run, plan->file, plan->title, fmt::format("{}", r.seed),
            fmt::format("{:016x}", r.world_hash), r.outcome, r.model, r.hospitals, r.rounds_planned,
            r.parameters, name(r.state), r.reason, ended_ns, r.versions, r.bytes_up, r.bytes_down,
            converged, r.convergence.text, r.fingerprint);
    study_run.run(r.run, static_cast<std::int64_t>(r.arm) + 1, r.replication);
    const std::string& reference = plan->arms[r.arm].reference;
    if (r.state == RunState::done) {
      arm.run(r.run, r.run, reference.empty() ? std::string("federated") : reference,
              r.standardisation);
    }
    for (const MeasuredAverages& a : r.averages) write(r, a);
    file.run("COMMIT");
  }

  void write(const StudyRun& r, const MeasuredAverages& a) {
    const std::pair<std::string_view, std::optional<double>> averages[] = {
        {"macro", a.macro}, {"weighted", a.weighted}, {"micro", a.micro}, {"worst", a.worst}};
    for (const auto& [average, value] : averages) {
      const bool macro = average == "macro";
      metric.run(r.run, r.run, r.versions, a.metric, average, value,
                 macro ? a.macro_low : std::nullopt, macro ? a.macro_high : std::nullopt,
                 a.hospitals_counted);
    }
  }

  Sqlite file;
  const StudyPlan* plan = nullptr;
  SqliteStatement run, study_run, arm, metric;
};

StudyFolder::StudyFolder(std::string path) : path_(std::move(path)) {
  refuse_results(path_);
}

StudyFolder::~StudyFolder() = default;

void StudyFolder::open(const StudyPlan& plan) {
  make_results_folder(path_);
  const std::string database = database_path(path_);
  try {
    database_ = std::make_unique<Database>(database);
    database_->write(plan);
  } catch (const SqliteError& error) {
    database_.reset();
    // nothing lay there before: nothing half-made stays
    for (const char* end : {"", "-wal", "-shm", "-journal"}) std::remove((database + end).c_str());
    throw ScenarioError({}, fmt::format("{} cannot be created: {}", database, error.what()),
                        "give a folder that can be written with --out DIR");
  }
}

void StudyFolder::add(const StudyRun& run) {
  ENSURE(database_ != nullptr, "a folder is opened before runs are added");
  try {
    database_->write(run);
  } catch (const SqliteError& error) {
    throw write_error(database_path(path_), error);
  }
}

void StudyFolder::finish(const StudyResult& result) {
  ENSURE(database_ != nullptr, "a folder is opened before it is finished");
  try {
    database_->file.prepare("UPDATE study SET state = ?").run(state_of(result));
    SqliteStatement fact = database_->file.prepare("INSERT INTO provenance VALUES (0,?,?)");
    for (const auto& [key, value] : result.provenance) fact.run(key, value);
  } catch (const SqliteError& error) {
    throw write_error(database_path(path_), error);
  }
  database_.reset();
  const auto write = [&](const char* name, const std::string& text) {
    write_whole_file((fs::path(path_) / name).string(), text,
                     "give a folder that can be written with --out DIR");
  };
  write("study.json", study_json(result, 2) + "\n");
  write("runs.csv", runs_csv(result));
  write("arms.csv", arms_csv(result));
  write("README.txt", readme(result));
}

}  // namespace polyclinic
