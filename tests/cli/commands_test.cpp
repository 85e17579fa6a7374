// System: the program's commands. Expectation: what they print, leave behind and return.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace polyclinic {
namespace {

using Json = nlohmann::json;

TEST_CASE("--version names build, instruction set and libraries") {
  const test::Folder folder;
  const test::Outcome outcome = test::run(folder, {"--version"});
  CHECK(outcome.exit == 0);
  CHECK(outcome.out.find("polyclinic ") == 0);
  for (const char* needed : {"\nbuild ", "\ncompiler ", "\ninstruction_set ", "Lua 5.4.",
                             "SQLite 3.", "libzip ", "oneTBB ", "fmt ", "Eigen 3.", "JSON 3.",
                             "CLI11 ", "Simulation, not for clinical use.\n"}) {
    CHECK_MESSAGE(outcome.out.find(needed) != std::string::npos, needed);
  }
}

TEST_CASE("--json is exactly one object, on stdout, with where it comes from") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--json", "--seed", "5"});
  CHECK(outcome.exit == 0);
  CHECK(outcome.error.empty());
  const Json json = Json::parse(outcome.out);  // throws on anything before or after
  CHECK(json["seed"] == 5);
  CHECK(json["state"] == "done");
  CHECK(json["versions"] == 4);
  CHECK(json["hospitals"].size() == 3);
  CHECK(json["metrics"]["auroc"].contains("macro"));
  CHECK(json["baselines"]["pooled"].contains("auroc"));
  CHECK(json["fingerprint"].get<std::string>().size() == 33);
  for (const char* key : {"version", "build", "compiler", "instruction_set", "libraries", "threads",
                          "host", "wall_seconds", "command"}) {
    CHECK_MESSAGE(json["provenance"].contains(key), key);
  }
  CHECK(json["provenance"]["command"] == "polyclinic run a.lua --json --seed 5");
}

TEST_CASE("the table goes to stdout, the progress to stderr, and --quiet keeps both") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  const test::Outcome loud = test::run(folder, {"run", "a.lua"});
  CHECK(loud.exit == 0);
  CHECK(loud.out.find("\nThree hospitals\n") == 0);
  CHECK(loud.out.find("Simulation, not for clinical use.") != std::string::npos);
  CHECK(loud.error.find("round 4/4 | ") != std::string::npos);
  CHECK(loud.error.find('\r') == std::string::npos);
  const test::Outcome quiet = test::run(folder, {"run", "a.lua", "--quiet"});
  CHECK(quiet.exit == 0);
  CHECK(quiet.out.empty());
  CHECK(quiet.error.empty());
}

TEST_CASE("recording changes no bit; the model goes on from where it was kept") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  const Json plain = Json::parse(test::run(folder, {"run", "a.lua", "--json"}).out);
  const test::Outcome kept = test::run(folder, {"run", "a.lua", "--json", "--out", "r"});
  CHECK(kept.exit == 0);
  CHECK(Json::parse(kept.out)["fingerprint"] == plain["fingerprint"]);
  CHECK(Json::parse(folder.read("r/result.json"))["fingerprint"] == plain["fingerprint"]);

  // no round: the metrics of a run that starts at the kept model are those of that model
  folder.write("b.lua", R"LUA(
return scenario {
  hospitals = hospitals { names = { "Lyon", "Oslo", "Graz" }, patients = 400 },
  cohort = cohort.ehr {}, model = model.logistic { init = data "r/model.npz" }, rounds = 0,
  baselines = false,
})LUA");
  const test::Outcome next = test::run(folder, {"run", "b.lua", "--json"});
  CHECK(next.error.empty());
  REQUIRE(next.exit == 0);
  CHECK(Json::parse(next.out)["metrics"]["auroc"] == plain["metrics"]["auroc"]);

  folder.write("c.lua", R"LUA(
return scenario { cohort = cohort.ehr {},
  model = model.mlp { hidden = { 4 }, init = data "r/model.npz" } })LUA");
  const test::Outcome wrong = test::run(folder, {"run", "c.lua"});
  CHECK(wrong.exit == 2);
  CHECK(wrong.error.find("c.lua:3") == 0);
  CHECK(wrong.error.find("r/model.npz: there is no array ") != std::string::npos);
  CHECK(wrong.error.find("this model's arrays are ") != std::string::npos);
}

TEST_CASE("a folder with results is not written again") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  REQUIRE(test::run(folder, {"run", "a.lua", "--quiet", "--out", "r"}).exit == 0);
  const test::Outcome again = test::run(folder, {"run", "a.lua", "--out", "r"});
  CHECK(again.exit == 2);
  CHECK(again.error ==
        "r already holds results: Three hospitals (a.lua), seed 1: 4 of 4 rounds; all 4 rounds are "
        "done\n"
        "    `polyclinic explain r` tells what happened in it; give another folder with --out DIR, "
        "or remove this one\n");
  const test::Outcome story = test::run(folder, {"explain", "r"});
  CHECK(story.exit == 0);
  CHECK(story.out.find("Three hospitals (a.lua), seed 1. Simulation, not for clinical use.\n"
                       "4 rounds were closed and 4 versions made in ") == 0);
  CHECK(story.out.find("version 2\n") != std::string::npos);
}

TEST_CASE("two programs that start at once into one folder: one runs, one is refused") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  // whichever is ahead, and however far
  for (const std::string out : {"r1", "r2", "r3", "r4"}) {
    std::string command = "cd '" + folder.path("") + "'";
    for (const char* n : {"1", "2"}) {
      command += std::string("; (") + POLYCLINIC_PROGRAM + " run a.lua -q --out " + out +
                 " 2>error" + n + "; echo $? >exit" + n + ") &";
      command += n[0] == '1' ? " :" : " wait";
    }
    REQUIRE(std::system(command.c_str()) == 0);
    const std::string exits = folder.read("exit1") + folder.read("exit2");
    CHECK((exits == "0\n2\n" || exits == "2\n0\n"));
    const std::string errors = folder.read("error1") + folder.read("error2");
    CHECK(errors.find(out + " already holds results: ") == 0);
    const test::Outcome story = test::run(folder, {"explain", out});
    CHECK(story.exit == 0);
    CHECK(story.out.find("4 rounds were closed and 4 versions made in ") != std::string::npos);
    CHECK(folder.has(out + "/model.npz"));
  }
}

TEST_CASE("a user's mistake leaves no folder behind") {
  const test::Folder folder;
  folder.write("a.lua", "return scenario { cohort = cohort.ehr { patents = 3 } }");
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--out", "r"});
  CHECK(outcome.exit == 2);
  CHECK(outcome.error.find("a.lua:1") == 0);
  CHECK(!folder.has("r"));
}

TEST_CASE("a script that fails ends the run with 1; the results so far are kept") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  const test::Outcome outcome =
      test::run(folder, {"run", "a.lua", "--set", "fail=1", "--json", "--out", "r"});
  CHECK(outcome.exit == 1);
  CHECK(outcome.error.find("as asked") != std::string::npos);
  const Json json = Json::parse(outcome.out);
  CHECK(json["versions"] == 2);
  CHECK(folder.has("r/model.npz"));
  const test::Outcome story = test::run(folder, {"explain", "r"});
  CHECK(story.out.find("; then the run failed: as asked.\n") != std::string::npos);
  CHECK(json["state"] == "failed");
  CHECK(json["stopped"] == "it failed: as asked");
  CHECK(Json::parse(folder.read("r/result.json"))["state"] == "failed");
}

TEST_CASE("Ctrl-C ends within a second with 130 and keeps what there is") {
  const test::Folder folder;
  folder.write("long.lua", test::kLong);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string out = signal == SIGINT ? "i" : "t";
    test::Disturbance disturbance;
    disturbance.signal = signal;
    disturbance.when = [&] {
      return folder.read(".stderr").find("round ") != std::string::npos ||
             test::keeps_rounds(folder, out);
    };
    const test::Outcome outcome =
        test::run(folder, {"run", "long.lua", "--json", "--out", out}, disturbance);
    CHECK(outcome.exit == 130);
    CHECK(outcome.seconds_after_signal < 1.0);
    const Json json = Json::parse(outcome.out);
    CHECK(json["interrupted"] == true);
    CHECK(json["state"] == "interrupted");
    CHECK(json["versions"].get<int>() > 0);
    CHECK(folder.has(out + "/model.npz"));
    CHECK(folder.has(out + "/README.txt"));
    const test::Outcome story = test::run(folder, {"explain", out});
    CHECK(story.out.find("; interrupted.\n") != std::string::npos);
  }
}

TEST_CASE("Ctrl-C ends a sweep with 130 and keeps the runs that had ended") {
  const test::Folder folder;
  folder.write("small.lua", test::kSmall);
  test::Disturbance disturbance;
  disturbance.signal = SIGINT;
  // the first line comes at a tenth of the runs
  disturbance.when = [&] { return folder.read(".stderr").find("run 50/500") != std::string::npos; };
  const test::Outcome outcome =
      test::run(folder, {"sweep", "small.lua", "--seeds", "500", "--threads", "2", "--out", "o"},
                disturbance);
  CHECK(outcome.exit == 130);
  CHECK(outcome.seconds_after_signal < 1.0);
  CHECK(outcome.out.find("of 500 runs are done, interrupted") != std::string::npos);
  CHECK(folder.read("o/README.txt").find("state        interrupted") != std::string::npos);
  const std::string rows = folder.read("o/runs.csv");
  const auto count = std::count(rows.begin(), rows.end(), '\n') - 1;
  CHECK(count >= 50);
  CHECK(count < 500);
}

TEST_CASE("Ctrl-C does not wait for the data of large hospitals") {
  const test::Folder folder;
  // each takes many seconds to generate; the database is made before the first of them
  folder.write("large.lua", R"LUA(
return scenario {
  hospitals = hospitals { count = 3, patients = 300000 }, cohort = cohort.ehr {}, rounds = 3,
})LUA");
  test::Disturbance disturbance;
  disturbance.signal = SIGINT;
  disturbance.when = [&] { return folder.has("i/results.sqlite-wal"); };
  const test::Outcome outcome =
      test::run(folder, {"run", "large.lua", "--json", "--out", "i"}, disturbance);
  CHECK(outcome.exit == 130);
  CHECK(outcome.seconds_after_signal < 1.0);
  const Json json = Json::parse(outcome.out);
  CHECK(json["interrupted"] == true);
  CHECK(json["stopped"] == "interrupted");
  CHECK(json["versions"] == 0);
  REQUIRE(json["hospitals"].size() == 3);
  for (const Json& hospital : json["hospitals"]) CHECK(hospital["patients"] == 300'000);
}

TEST_CASE("kill -9 leaves a database that opens; the same folder says what it holds") {
  const test::Folder folder;
  folder.write("long.lua", test::kLong);
  test::Disturbance disturbance;
  disturbance.signal = SIGKILL;
  disturbance.when = [&] { return test::keeps_rounds(folder, "r"); };
  const test::Outcome killed =
      test::run(folder, {"run", "long.lua", "--quiet", "--out", "r"}, disturbance);
  CHECK(killed.exit == -SIGKILL);
  CHECK(!folder.has("r/model.npz"));
  const test::Outcome story = test::run(folder, {"explain", "r"});
  CHECK(story.exit == 0);
  CHECK(story.out.find(", of 5000 planned; the run was killed or still goes on.\n") !=
        std::string::npos);
  const test::Outcome again = test::run(folder, {"run", "long.lua", "--out", "r"});
  CHECK(again.exit == 2);
  CHECK(again.error.find("r already holds results: Long (long.lua), seed 1: ") == 0);
  CHECK(again.error.find(" of 5000 rounds; it was killed or still runs\n") != std::string::npos);
}

TEST_CASE("output that cannot be written is no success") {
  if (!std::filesystem::exists("/dev/full")) return;
  const test::Folder folder;
  test::Disturbance full;
  full.stdout_path = "/dev/full";
  const test::Outcome outcome = test::run(folder, {"--version"}, full);
  CHECK(outcome.exit == 1);
  CHECK(outcome.error == "polyclinic: the output cannot be written: No space left on device\n");
}

TEST_CASE("eval runs Lua and prints what it returns") {
  const test::Folder folder;
  CHECK(test::run(folder, {"eval", "-e", "return mbit(20) / 2"}).out == "10 Mbit/s\n");
  const test::Outcome json =
      test::run(folder, {"eval", "--json", "-e", "return { a = 1, b = { true, 'x' } }"});
  CHECK(Json::parse(json.out) == Json::parse(R"({"a": 1, "b": [true, "x"]})"));
  folder.write("two.lua", "return 1 + 1");
  CHECK(test::run(folder, {"eval", "two.lua"}).out == "2\n");
  const test::Outcome wrong = test::run(folder, {"eval", "-e", "return 1 +"});
  CHECK(wrong.exit == 2);
  CHECK(wrong.out.empty());
  CHECK(!wrong.error.empty());
}

TEST_CASE("list and docs know the vocabulary") {
  const test::Folder folder;
  std::filesystem::create_directories(folder.path("scenarios"));
  folder.write("scenarios/mine.lua", test::kSmall);
  folder.write("scenarios/old.lua",
               "-- As Detrano et al. 1989 did. More of it.\nreturn scenario {}\n");
  const test::Outcome list = test::run(folder, {"list"});
  CHECK(list.exit == 0);
  CHECK(list.out.find("  scenarios/mine.lua  Three hospitals, quickly.\n") != std::string::npos);
  CHECK(list.out.find("  scenarios/old.lua   As Detrano et al. 1989 did.\n") != std::string::npos);
  CHECK(list.out.find("  cohort.csv ") != std::string::npos);
  CHECK(list.out.find("  strategy.fedavg ") != std::string::npos);
  const test::Outcome kind = test::run(folder, {"list", "model"});
  CHECK(kind.out.find("model\n") == 0);
  CHECK(kind.out.find("cohort.csv") == std::string::npos);
  const test::Outcome page = test::run(folder, {"docs", "cohort.csv"});
  CHECK(page.exit == 0);
  CHECK(page.out.find("cohort.csv") != std::string::npos);
  const test::Outcome written = test::run(folder, {"docs", "--write", "pages"});
  CHECK(written.exit == 0);
  CHECK(folder.has("pages"));
}

TEST_CASE("check prints the resolved world, --json as one object") {
  const test::Folder folder;
  folder.write("a.lua", R"LUA(
return scenario {
  title = "To check",
  hospitals = hospitals { count = 25, patients = 80, uplink = mbit(2), speed = gflops(50),
    latency = ms(30), overhead = minutes(4), region = "EU", window = nightly { opens = 20, closes = 6 },
    availability = availability.markov { up = hours(20), down = hours(2) },
    site = { ["hospital-02"] = { role = "external", availability = availability.always {} } } },
  cohort = cohort.ehr {}, baselines = { baseline.pooled {} }, stop = stop { versions = 7 },
  timeline = { at(hours(2), function() end), every(hours(6), function() end) },
  measure = measure { "auroc", every = 2 },
})LUA");
  const test::Outcome text = test::run(folder, {"check", "a.lua"});
  CHECK(text.exit == 0);
  for (const char* line :
       {"\nhospitals    24 and 1 external\n", "\ntrains       rate 0.1, 1 epoch, batch 32\n",
        // two thirds of 24
        "\nreplies      at least 16 in a round\n", "\nrounds       30, deadline 30 min\n",
        "\nstop         stop { versions = 7 }\n", "\nmeasured     auroc; of every 2 versions\n",
        "\nbaselines    pooled\n", "\nfeatures     56, in order: age, female, ",
        "\n  hospital-20        80  50 GFLOP/s  2 Mbit/s  100 Mbit/s    30 ms     4 min  (1)",
        "20:00-06:00  external  EU\n", "\n  ... and 5 more hospitals\n",
        "\n  (1) availability.markov { up = 20 h, down = 2 h }\n", "\na.lua is valid\n"}) {
    CHECK_MESSAGE(text.out.find(line) != std::string::npos, line);
  }
  const test::Outcome outcome = test::run(folder, {"check", "a.lua", "--json"});
  const Json json = Json::parse(outcome.out);
  CHECK(json["members"] == 24);
  CHECK(json["minimum_replies"] == 16);
  CHECK(json["rate"] == 0.1);
  CHECK(json["batch"] == 32);
  CHECK(json["features"].size() == 56);
  CHECK(json["features"][0] == "age");
  CHECK(json["parameters"] == 57);
  CHECK(json["metrics"] == Json{"auroc"});
  CHECK(json["timeline"].size() == 2);
  REQUIRE(json["hospitals"].size() == 25);
  CHECK(json["hospitals"][1]["role"] == "external");
  CHECK(json["hospitals"][1]["availability"].get<std::string>().find("always") !=
        std::string::npos);
  CHECK(json["hospitals"][24]["uplink"] == 250'000.0);
  CHECK(json["hospitals"][24]["overhead"] == 240.0);
}

TEST_CASE("a folder is no scenario") {
  const test::Folder folder;
  std::filesystem::create_directories(folder.path("d"));
  const test::Outcome outcome = test::run(folder, {"run", "d"});
  CHECK(outcome.exit == 2);
  CHECK(outcome.error == "d: this is a folder\n    give the path of a scenario: a .lua file\n");
}

TEST_CASE("one round makes one version") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--set", "rounds=1"});
  CHECK(outcome.out.find("\n  1 round made 1 version in ") != std::string::npos);
}

TEST_CASE("what a script says stays on one line") {
  const test::Folder folder;
  folder.write("a.lua", R"LUA(
return scenario {
  hospitals = hospitals { count = 2, patients = 100 }, cohort = cohort.ehr {}, rounds = 2,
  baselines = false,
  timeline = { at(minutes(1), function(world) world:note("x\ny \27[31m") end) },
})LUA");
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--out", "r"});
  CHECK(outcome.out.find("  note at 1 min: x\\ny \\x1b[31m\n") != std::string::npos);
  CHECK(test::run(folder, {"explain", "r"}).out.find(": x\\ny \\x1b[31m\n") != std::string::npos);
}

TEST_CASE("new writes a scenario that runs, once") {
  const test::Folder folder;
  const test::Outcome first = test::run(folder, {"new", "mine"});
  CHECK(first.exit == 0);
  CHECK(first.out == "mine.lua is written; try: polyclinic run mine.lua\n");
  CHECK(test::run(folder, {"check", "mine.lua"}).exit == 0);
  const test::Outcome ran = test::run(folder, {"run", "mine.lua", "--set", "rounds=2", "--json"});
  CHECK(ran.exit == 0);
  CHECK(Json::parse(ran.out)["versions"].get<int>() > 0);
  const test::Outcome second = test::run(folder, {"new", "mine.lua"});
  CHECK(second.exit == 2);
  CHECK(second.error == "mine.lua is already there\n    give another name; nothing was changed\n");
  const test::Outcome nameless = test::run(folder, {"new", ""});
  CHECK(nameless.exit == 2);
  CHECK(nameless.error == "new: \"\" names no file\n    give a name: polyclinic new mine\n");
  CHECK(!folder.has(".lua"));
  // as shipped it is long enough for a verdict on convergence
  const Json whole = Json::parse(test::run(folder, {"run", "mine.lua", "--json"}).out);
  CHECK(!whole["converged"].is_null());
}

}  // namespace
}  // namespace polyclinic
