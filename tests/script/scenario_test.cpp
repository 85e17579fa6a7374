// Whole scenario files: from text to a WorldSpec.
#include <doctest/doctest.h>

#include "help.hpp"

using namespace polyclinic;
using test::Folder;

namespace {

std::string load_error(const std::string& path, const ScriptOptions& options = {}) {
  try {
    (void)ScenarioScript::load(path, options);
  } catch (const ScenarioError& error) {
    return to_text(error.mistakes().front());
  }
  return "loaded";
}

}  // namespace

TEST_CASE("a scenario like heart_disease.lua becomes a resolved world") {
  const Folder folder;
  folder.write("heart/a.data", "1,0\n");
  folder.write("heart/b.data", "2,1\n");
  const std::string path = folder.write("s.lua", R"(
local p = params { rounds = 50, rate = 0.01, name = "x" }
return scenario {
  cohort = cohort.csv {
    files   = { A = data "heart/a.data", B = "heart/b.data" },
    columns = { "age", "num" },
    missing = { "?" }, rows_with_missing = "drop",
    outcome = positive "num",
    split   = split.stratified { train = 0.66, test = 0.34 },
  },
  model = model.logistic {}, training = training.sgd { rate = p.rate, batch = 4 }, rounds = p.rounds,
  strategy = strategy.fedavg { deadline = minutes(10) },
}
)");
  ScriptOptions options;
  options.settings = {{"rounds", "7"}};
  options.seed = 42;
  const auto script = ScenarioScript::load(path, options);
  const Part& scenario = script->spec().scenario;
  CHECK(script->spec().seed == 42);
  CHECK(script->spec().file == path);
  CHECK(scenario.integer("rounds") == 7);
  CHECK(scenario.quantity("deadline") == 600e9);
  CHECK(scenario.part("training")->number("rate") == 0.01);
  const Part* cohort = scenario.part("cohort");
  REQUIRE(cohort != nullptr);
  CHECK(cohort->name == "csv");
  CHECK(cohort->where_of("outcome").line == 8);
  const auto& files = cohort->at("files").as<Table>();
  CHECK(files[0].second.as<FilePath>().found == folder.path() + "/heart/a.data");
  CHECK(files[1].second.as<FilePath>().asked == "heart/b.data");  // a plain path is one too
  CHECK(script->params().size() == 3);
  CHECK(to_text(Value(script->params())) == "{ name = \"x\", rate = 0.01, rounds = 7 }");
}

TEST_CASE("--set parses numbers, truth, quantities and text by what the param is") {
  ScriptOptions options;
  options.settings = {{"a", "3"},   {"b", "true"}, {"c", "40ms"},
                      {"d", "0.5"}, {"e", "3"},    {"f", "2.5 h"}};
  CHECK(test::eval(
            "local p = params { a = 1, b = false, c = ms(1), d = 1, e = \"x\", f = false } return "
            "p.a, p.b, p.c, p.d, p.e, p.f",
            options) == "3\ntrue\n40 ms\n0.5\n\"3\"\n2.5 h");
}

TEST_CASE("--set switches a flag with true and false and takes no other word for them") {
  const auto set = [](const std::string& name, const std::string& text) {
    ScriptOptions options;
    options.settings = {{name, text}};
    return test::eval("local p = params { calm = false, fast = true }\nreturn p.calm, p.fast",
                      options);
  };
  CHECK(set("calm", "true") == "true\ntrue");
  CHECK(set("calm", "false") == "false\ntrue");
  CHECK(set("fast", "false") == "false\nfalse");
  for (const char* word : {"no", "off", "0", "No", "yes", "on", "False", "TRUE", ""}) {
    CHECK(set("calm", word) == std::string("s.lua:1: --set calm=") + word +
                                   ": 'calm' is false in the scenario\n"
                                   "    local p = params { calm = false, fast = true }\n"
                                   "              ^\n"
                                   "    switch it with --set calm=true or --set calm=false");
  }
  // true is no "not there": nothing else can take its place
  for (const char* word : {"no", "3", "none", "1"}) {
    CHECK(set("fast", word).find(": 'fast' is true in the scenario\n") != std::string::npos);
  }
}

TEST_CASE("files: the scenario's folder first, then every --data") {
  const Folder scenario;
  const Folder data;
  scenario.write("here.csv", "");
  data.write("here.csv", "");
  const std::string there = data.write("there.csv", "");
  ScriptOptions options;
  options.data_folders = {data.path()};
  const auto found = [&](const std::string& name) {
    const std::string path =
        scenario.write("s.lua", "return scenario { cohort = cohort.csv { file = data \"" + name +
                                    "\", outcome = positive \"x\", hospital = column \"h\" } }");
    try {
      return ScenarioScript::load(path, options)
          ->spec()
          .scenario.part("cohort")
          ->at("file")
          .as<FilePath>()
          .found;
    } catch (const ScenarioError& error) {
      return error.mistakes().front().message;
    }
  };
  CHECK(found("here.csv") == scenario.path() + "/here.csv");
  CHECK(found("there.csv") == there);
  CHECK(found(there) == there);
  CHECK(found("nowhere.csv") == "there is no file \"nowhere.csv\"");
  // a link beside the scenario leads out of its folder
  const Folder elsewhere;
  elsewhere.write("secret.csv", "");
  std::filesystem::create_symlink(elsewhere.path() + "/secret.csv", scenario.path() + "/link.csv");
  CHECK(found("link.csv") == "there is no file \"link.csv\"");
}

TEST_CASE("require reads Lua sources beside the scenario, once") {
  const Folder folder;
  folder.write("lib/parts.lua",
               "local n = 0\nreturn { next = function() n = n + 1 return n end }\n");
  folder.write("self.lua", "return require \"self\"");
  folder.write("broken.lua", "local x = \nreturn x +");
  const auto run = [&](const std::string& code) {
    try {
      return evaluate_lua(code, folder.path() + "/s.lua", {}, false);
    } catch (const ScenarioError& error) {
      return error.mistakes().front().message + " at " +
             std::filesystem::path(error.mistakes().front().where.file).filename().string() + ":" +
             std::to_string(error.mistakes().front().where.line);
    }
  };
  CHECK(run("local a, b = require \"lib.parts\", require \"lib.parts\" a.next() return b.next(), a "
            "== b") == "2\ntrue");
  CHECK(run("return require \"self\"") ==
        "require \"self\": the module requires itself at self.lua:1");
  CHECK(run("return require \"broken\"") ==
        "Lua cannot read this: unexpected symbol near 'return' at broken.lua:2");
  CHECK(run("return require \"nothing\"").find("there is no module \"nothing\"") == 0);
}

TEST_CASE("a file that returns no scenario") {
  const Folder folder;
  CHECK(load_error(folder.write("a.lua", "local x = 1")) ==
        folder.path() +
            "/a.lua: the file returns nothing\n    end it with: return scenario { ... }");
  CHECK(load_error(folder.write("b.lua", "return stop {}")) ==
        folder.path() +
            "/b.lua: the file returns stop, not a scenario\n    end it with: return scenario "
            "{ ... }");
  CHECK(load_error(folder.path() + "/none.lua") ==
        folder.path() +
            "/none.lua: there is no such file\n    give the path of a scenario: a .lua file");
}

TEST_CASE("a mistake quotes the file, also where the path is long") {
  const Folder folder;
  // Lua abbreviates such a path in its messages
  const std::string below = "a_folder_with_a_long_name_so_that_lua_abbreviates_the_path/";
  const std::string path = folder.write(below + "scenario.lua", "local t = nil\nreturn t.x\n");
  CHECK(load_error(path) == path +
                                ":2: attempt to index a nil value (local 't')\n"
                                "    return t.x\n"
                                "           ^");
  const std::string broken = folder.write(below + "broken.lua", "return scenario {{\n");
  CHECK(load_error(broken).find(broken +
                                ":1: Lua cannot read this: unexpected symbol near <eof>") == 0);
}

TEST_CASE("the world's hash sees a function's text, and not where it stands") {
  const Folder folder;
  const auto hash = [&](const std::string& before, const std::string& rule) {
    const std::string path =
        folder.write("s.lua", before +
                                  "return scenario { cohort = cohort.ehr {}, aggregation = "
                                  "aggregation.custom(function(updates) return " +
                                  rule + " end) }");
    return ScenarioScript::load(path, {})->spec().hash();
  };
  CHECK(hash("", "vec.mean(updates)") == hash("", "vec.mean(updates)"));
  CHECK(hash("", "vec.mean(updates)") != hash("", "vec.median(updates)"));
  CHECK(hash("\n\n", "vec.mean(updates)") == hash("", "vec.mean(updates)"));
}
