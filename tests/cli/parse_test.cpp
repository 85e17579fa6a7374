// System: the command line. Expectation: every mistake in it is one sentence with what to do, on
// stderr, exit code 2, and nothing has happened.
#include <doctest/doctest.h>

#include "program.hpp"

namespace polyclinic {
namespace {

struct Wrong {
  std::vector<std::string> arguments;
  const char* error;
};

const Wrong kWrong[] = {
    {{},
     "a command is needed\n"
     "    commands are run, sweep, contribution, join, check, eval, list, docs, explain, new and "
     "account; see polyclinic --help\n"},
    {{"runn", "x.lua"},
     "there is no command \"runn\"\n"
     "    did you mean 'run'?\n"
     "    commands are run, sweep, contribution, join, check, eval, list, docs, explain, new and "
     "account; see polyclinic --help\n"},
    {{"run"},
     "run needs a FILE\n"
     "    usage: polyclinic run FILE [OPTIONS]; see polyclinic run --help\n"},
    {{"run", "a.lua", "--sed", "5"},
     "run has no option --sed\n"
     "    did you mean '--seed' or '--set'?\n"
     "    its options are --help, -h, --set, --seed, --data, --threads, --out, --json, --quiet and "
     "-q\n"},
    {{"run", "a.lua", "--outt=x"},
     "run has no option --outt\n"
     "    did you mean '--out'?\n"
     "    its options are --help, -h, --set, --seed, --data, --threads, --out, --json, --quiet and "
     "-q\n"},
    {{"run", "a.lua", "b.lua"},
     "run does not know what to do with \"b.lua\"\n"
     "    usage: polyclinic run FILE [OPTIONS]; see polyclinic run --help\n"},
    {{"run", "a.lua", "--seed"},
     "--seed needs a value\n"
     "    usage: polyclinic run FILE [OPTIONS]; see polyclinic run --help\n"},
    {{"run", "a.lua", "--seed", "abc"},
     "--seed takes a whole number from 0 to 9223372036854775807, not \"abc\"\n"
     "    for example --seed 1\n"},
    {{"run", "a.lua", "--seed", "-1"},
     "--seed takes a whole number from 0 to 9223372036854775807, not \"-1\"\n"
     "    for example --seed 1\n"},
    {{"run", "a.lua", "--seed", "9223372036854775808"},
     "--seed takes a whole number from 0 to 9223372036854775807, not \"9223372036854775808\"\n"
     "    for example --seed 1\n"},
    {{"run", "a.lua", "--threads", "0"},
     "--threads takes a whole number from 1 to 1024, not \"0\"\n"
     "    for example --threads 1\n"},
    {{"run", "a.lua", "--threads", "2.5"},
     "--threads takes a whole number from 1 to 1024, not \"2.5\"\n"
     "    for example --threads 1\n"},
    {{"run", "a.lua", "--set", "rounds"},
     "--set rounds has no name and '='\n"
     "    write --set name=value, for example --set rounds=50\n"},
    {{"run", "a.lua", "--set", "=3"},
     "--set =3 has no name and '='\n"
     "    write --set name=value, for example --set rounds=50\n"},
    {{"run", "a.lua", "--data", "/nowhere"},
     "--data /nowhere is no folder that is there\n"
     "    name a folder with data files: --data DIR\n"},
    {{"eval", "-e", "return 1", "--data", ".", "--data", "/dev/null"},
     "--data /dev/null is no folder\n"
     "    name a folder with data files: --data DIR\n"},
    {{"run", "a.lua", "--out", ""},
     "--out needs the name of a folder\n"
     "    usage: polyclinic run FILE [OPTIONS]; see polyclinic run --help\n"},
    {{"--json", "run", "a.lua"},
     "--json stands before the command\n"
     "    write the command first: usage: polyclinic run FILE [OPTIONS]; see polyclinic run "
     "--help\n"},
    {{"check", "a.lua", "--out", "x"},
     "check has no option --out\n"
     "    its options are --help, -h, --set, --seed, --data and --json\n"},
    {{"eval"},
     "eval needs a FILE or -e CODE\n"
     "    for example polyclinic eval -e \"return mbit(20) / 2\"\n"},
    {{"eval", "a.lua", "-e", "return 1"},
     "eval takes a FILE or -e CODE, not both\n"
     "    for example polyclinic eval -e \"return mbit(20) / 2\"\n"},
    {{"explain"},
     "explain needs a RUN\n"
     "    usage: polyclinic explain RUN [OPTIONS]; see polyclinic explain --help\n"},
    {{"explain", "x", "--round", "0"},
     "--round takes a whole number from 1 to 1000000000, not \"0\"\n"
     "    for example --round 1\n"},
    {{"explain", "nowhere"},
     "there are no results in nowhere\n"
     "    give the folder that `polyclinic run FILE --out DIR` filled\n"},
    {{"new"},
     "new needs a NAME\n"
     "    usage: polyclinic new NAME [OPTIONS]; see polyclinic new --help\n"},
    {{"docs", "cohort.cvs"},
     "there is no word \"cohort.cvs\"\n"
     "    did you mean 'cohort.csv' or 'cohort.ehr'?\n"
     "    `polyclinic list` names them all\n"},
    {{"docs", "csv"}, "there is no word \"csv\"\n    did you mean 'cohort.csv'?\n"},
    {{"eval", "."}, ". is a folder\n    give a file with Lua code\n"},
    {{"eval", "none.lua"},
     "none.lua cannot be opened: No such file or directory\n"
     "    give a file with Lua code, or the code itself with -e\n"},
};

TEST_CASE("each mistake is one sentence, exit code 2, and nothing on stdout") {
  const test::Folder folder;
  for (const Wrong& wrong : kWrong) {
    const test::Outcome outcome = test::run(folder, wrong.arguments);
    CHECK(outcome.error == wrong.error);
    CHECK(outcome.exit == 2);
    CHECK(outcome.out.empty());
  }
}

TEST_CASE("a kind that is not there is said with those that are") {
  const test::Folder folder;
  const test::Outcome outcome = test::run(folder, {"list", "modle"});
  CHECK(outcome.exit == 2);
  CHECK(outcome.error.find("there is no kind \"modle\"\n    did you mean 'model'?\n    kinds are "
                           "aggregation, arm, attack, audit, availability, ") == 0);
}

TEST_CASE("an instruction set that is not there") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  REQUIRE(setenv("POLYCLINIC_ISA", "avx9", 1) == 0);
  const test::Outcome version = test::run(folder, {"--version"});
  const test::Outcome outcome = test::run(folder, {"run", "a.lua"});
  unsetenv("POLYCLINIC_ISA");
  CHECK(version.exit == 2);
  CHECK(outcome.exit == 2);
  CHECK(outcome.error.find("avx9") != std::string::npos);
}

TEST_CASE("options that may be given again do not swallow the file") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  std::filesystem::create_directories(folder.path("y"));
  const test::Outcome outcome =
      test::run(folder, {"check", "--data", ".", "--data", "y", "--set", "rounds=3", "--seed", "1",
                         "--seed", "9", "a.lua"});
  CHECK(outcome.exit == 0);
  CHECK(outcome.out.find("seed         9\n") != std::string::npos);
  CHECK(outcome.out.find("rounds       3") != std::string::npos);
}

TEST_CASE("help is asked for, and so goes to stdout") {
  const test::Folder folder;
  const test::Outcome all = test::run(folder, {"--help"});
  CHECK(all.exit == 0);
  CHECK(all.error.empty());
  for (const char* command : {"run", "check", "eval", "list", "docs", "explain", "new"}) {
    CHECK_MESSAGE(all.out.find(std::string("\n  ") + command + " ") != std::string::npos, command);
  }
  const test::Outcome one = test::run(folder, {"run", "--help"});
  CHECK(one.exit == 0);
  CHECK(one.out.find("Usage: polyclinic run [OPTIONS] FILE") != std::string::npos);
}

}  // namespace
}  // namespace polyclinic
