// System: the results database. Expectation: every event becomes its rows, a round is committed as
// soon as the next one opens, and a process that is killed leaves whole rounds behind.
#include "record/database.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>  // NOLINT: kill, too
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "record/sqlite.hpp"
#include "record/stored_run.hpp"
#include "samples.hpp"

namespace polyclinic {
namespace {

std::string cell(const std::string& path, const std::string& sql) {
  const Sqlite file(path, Sqlite::Mode::read_only);
  SqliteStatement row = file.prepare(sql);
  return row.step() ? row.text(0) : "no row";
}

TEST_CASE("every event becomes its row") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  ResultsDatabase database(path);
  database.open(test::profile);
  test::feed(database, 3);
  SecurePhaseClosed phase;
  phase.at = test::seconds(250);
  phase.round = 3;
  phase.phase = "share keys";
  phase.asked = 2;
  phase.answered = 1;
  phase.threshold = 2;
  database.on(phase);
  database.finish(test::result(), "done");

  CHECK(cell(path,
             "SELECT round || phase || closed_ns || '|' || answered || '/' || asked || '|' || "
             "threshold FROM secure_phases") == "3share keys250000000000|1/2|2");
  CHECK(cell(path, "PRAGMA integrity_check") == "ok");
  CHECK(cell(path, "PRAGMA journal_mode") == "wal");
  CHECK(cell(path, "SELECT value FROM about WHERE key = 'note'") ==
        "simulation, not for clinical use");
  CHECK(cell(path,
             "SELECT title || '|' || seed || '|' || world || '|' || state || '|' || reason "
             "|| '|' || outcome || '|' || converged || '|' || ended_ns FROM runs") ==
        "Two hospitals|7|0000000000abcdef|done|all rounds are done|sepsis|0|300000000000");
  CHECK(cell(path, "SELECT count(*) FROM rounds WHERE closed_ns IS NOT NULL") == "3");
  CHECK(cell(path, "SELECT group_concat(version || ':' || made_ns) FROM versions") ==
        "1:100000000000,2:200000000000,3:300000000000");
  CHECK(cell(path, "SELECT count(*) FROM participants") == "6");
  CHECK(cell(path,
             "SELECT training_started_ns || '|' || training_ns || '|' || arrived_ns FROM "
             "participants WHERE round = 2 AND hospital = 0") ==
        "110500000000|20000000000|131500000000");
  CHECK(
      cell(path, "SELECT arrived_ns IS NULL FROM participants WHERE round = 2 AND hospital = 1") ==
      "1");
  CHECK(cell(path,
             "SELECT group_concat(direction || attempts || completed || bytes || '/' || "
             "bytes_moved) FROM transfers WHERE round = 1 AND hospital = 0") ==
        "down115000/5000,up215000/7000");
  CHECK(cell(path, "SELECT reason || '|' || detail || '|' || at_ns FROM drops WHERE round = 3") ==
        "late|training|300000000000");
  CHECK(cell(path,
             "SELECT arm || '|' || average || '|' || value || '|' || low FROM metrics_named "
             "WHERE version = 2 AND hospital IS NULL") == "federated|macro|0.62|0.5");
  CHECK(cell(path,
             "SELECT (value IS NULL) || n || reason FROM metrics_named WHERE version = 2 AND "
             "hospital IS NOT NULL") == "112one class only");
  CHECK(cell(path, "SELECT group_concat(name, ';') FROM hospitals") ==
        "Lyon;Malm\xc3\xb6, \"S\";Oslo");
  CHECK(cell(path,
             "SELECT drops || '|' || down_ns || '|' || role FROM hospitals WHERE hospital = "
             "1") == "3|50000000000|member");
  CHECK(cell(path, "SELECT from_ns || '-' || until_ns FROM outages") ==
        "110000000000-160000000000");
  CHECK(cell(path, "SELECT text FROM notes") == "auroc 0.610");
  CHECK(cell(path, "SELECT text FROM remarks") == "a remark");
  CHECK(cell(path, "SELECT group_concat(key || '=' || value) FROM provenance") ==
        "version=0,threads=1");
  CHECK(cell(path, "SELECT standardisation FROM arms WHERE name = 'pooled'") == "all together");
}

TEST_CASE("attacks and attackers become rows, with no time for who never attacked") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  ResultsDatabase database(path);
  database.open(test::profile);
  test::feed(database, 1);
  RunResult result = test::result();
  AttackAccount attack;
  attack.attack = "alie";
  attack.settings = "attack.alie { z = 1.5 }";
  attack.knows = "nothing";
  attack.attackers = 2;
  attack.versions = 4;
  attack.hospitals = {{test::id(0), "Lyon", 5, 4, 1, test::seconds(1), test::seconds(9)},
                      {test::id(1), "Oslo"}};
  result.attacks = {attack, attack};
  database.finish(result, "done");
  CHECK(cell(path,
             "SELECT group_concat(attack || name || settings || knows || attackers || versions) "
             "FROM attacks") ==
        "1alieattack.alie { z = 1.5 }nothing24,2alieattack.alie { z = 1.5 }nothing24");
  CHECK(cell(path,
             "SELECT group_concat(hospital || ':' || trainings || counted || left_out || "
             "ifnull(first_ns || '-' || last_ns, 'never')) FROM attackers WHERE attack = 2") ==
        "0:5411000000000-9000000000,1:000never");
}

TEST_CASE("what a membership attack found becomes rows, with the reason where there is no value") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  RunResult result = test::result();
  MembershipResult found;
  found.members = 30;
  found.others = 10;
  found.balanced = 10;
  found.hospitals = {{test::id(0), 30, 10, {0.6, 0.5, 0.7, 40, 30, ""}}};
  found.auc_within = {0.6, 0.5, 0.7, 40, 30, ""};
  found.auc_pooled = {0.75, 0.7, 0.8, 40, 30, ""};
  found.true_positive_rate.reason = "it takes at least 1000 non-members, and there are 10";
  MembershipResult::Epsilon epsilon;
  epsilon.at_least = 0.25;
  epsilon.says_member = false;
  epsilon.right_of = 4;
  epsilon.wrong_of = 5;
  found.epsilon = epsilon;
  found.statement = {{"epsilon", "empirical epsilon is at least 0.250"}};
  result.membership = found;
  ResultsDatabase database(path);
  database.open(test::profile);
  test::feed(database, 1);
  database.finish(result, "done");
  CHECK(cell(path,
             "SELECT group_concat(quantity || ' ' || ifnull(hospital, 'all') || ' ' || "
             "ifnull(value, 'none') || ' ' || members || ' ' || non_members || ' ' || "
             "ifnull(reason, '')) FROM membership") ==
        "auc_within 0 0.6 30 10 ,auc_within all 0.6 30 10 ,auc_across all 0.75 30 10 ,"
        "true_positive_rate all none 10 10 it takes at least 1000 non-members, and there are 10,"
        "epsilon_at_least all 0.25 5 4 ");
  CHECK(cell(path, "SELECT low || ' ' || high FROM membership WHERE quantity = 'auc_across'") ==
        "0.7 0.8");
  CHECK(cell(path, "SELECT heading || ': ' || sentence FROM membership_statement") ==
        "epsilon: empirical epsilon is at least 0.250");
}

TEST_CASE("the queue is bounded and nothing is lost beyond it") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  ResultsDatabase database(path);
  database.open(test::profile);
  // 11 events a round: more than twice the queue
  const std::int64_t rounds = 2 * static_cast<std::int64_t>(ResultsDatabase::kQueueMax) / 10;
  test::feed(database, rounds);
  database.finish(test::result(), "done");
  CHECK(cell(path, "SELECT count(*) FROM drops") == std::to_string(rounds));
  CHECK(cell(path, "SELECT count(*) FROM transfers") == std::to_string(3 * rounds));
}

TEST_CASE("a process that is killed leaves whole rounds") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ResultsDatabase database(path);
    database.open(test::profile);
    database.on(test::started(0));
    for (std::int64_t n = 1;; ++n) {
      for (const Event& event : test::round_events(n)) database.on(event);
    }
  }
  // killed somewhere in the middle, as soon as rounds were committed: the log is longer than the
  // making of the tables leaves it
  for (int i = 0; i < 2000; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::error_code none;
    if (!std::filesystem::exists(path + "-wal", none)) continue;
    if (std::filesystem::file_size(path + "-wal", none) > 1'000'000) break;
  }
  REQUIRE(kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));

  CHECK(cell(path, "PRAGMA integrity_check") == "ok");
  const StoredRun run = read_stored_run(path);
  CHECK(run.state == "running");
  CHECK(run.rounds_committed > 0);
  CHECK(run.versions == run.rounds_committed);
  CHECK(run.last.ns == run.rounds_committed * 100'000'000'000);
  CHECK(describe(run) ==
        "Two hospitals (two.lua), seed 7: " + std::to_string(run.rounds_committed) +
            " rounds; it was killed or still runs");
  // each committed round has everything that happened in it and after it
  const std::string count = std::to_string(run.rounds_committed);
  CHECK(cell(path, "SELECT count(*) FROM rounds") == count);
  CHECK(cell(path, "SELECT count(*) FROM drops") == count);
  CHECK(cell(path, "SELECT count(*) FROM participants WHERE arrived_ns IS NOT NULL") == count);
  CHECK(cell(path, "SELECT count(*) FROM metrics WHERE average = 'macro'") == count);
}

TEST_CASE("a folder that is not there is the user's mistake") {
  ResultsDatabase database("/nowhere/at/all/results.sqlite");
  try {
    database.open(test::profile);
    CHECK(false);
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().at(0).message ==
          "/nowhere/at/all/results.sqlite cannot be created: No such file or directory");
  }
}

// A disk that is full, made by a limit on the size of files.
TEST_CASE("a full disk is said once, when a round has closed; what was committed stays") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  int errors = 0;
  std::string message;
  {
    ResultsDatabase database(path);
    database.open(test::profile);
    rlimit small = before;
    small.rlim_cur = 400'000;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    database.on(test::started(0));
    for (std::int64_t n = 1; n <= 4000; ++n) {
      for (const Event& event : test::round_events(n)) {
        try {
          database.on(event);
        } catch (const RunError& error) {
          ++errors;
          message = error.mistake().message;
          CHECK(std::holds_alternative<RoundClosed>(event));
        }
      }
    }
    CHECK_NOTHROW(database.finish(test::result(), "failed"));  // it was said already
  }
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(errors == 1);
  CHECK(message.find(path + " cannot be written any more: ") == 0);
  CHECK(cell(path, "PRAGMA integrity_check") == "ok");
  CHECK(read_stored_run(path).rounds_committed > 0);
}

TEST_CASE("a disk that is full from the start leaves nothing half-made") {
  const test::Folder folder;
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 20'000;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  ResultsDatabase database(folder.path("results.sqlite"));
  CHECK_THROWS_AS(database.open(test::profile), ScenarioError);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("no results database is said to be none") {
  const test::Folder folder;
  const std::string path = folder.path("results.sqlite");
  std::ofstream(path) << "this is a text, long enough to be taken for a header of a database file";
  try {
    read_stored_run(path);
    CHECK(false);
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().at(0).message ==
          path + " is no results database: file is not a database");
  }
}

}  // namespace
}  // namespace polyclinic
