// Timelines: Lua coroutines on a clock.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "help.hpp"
#include "script/words.hpp"

using namespace polyclinic;
using test::FakeWorld;
using test::Folder;

namespace {

constexpr std::int64_t kHour = 3600 * kNsPerSecond;

// What the timeline did in `hours` hours, or how it failed.
std::vector<std::string> run_timeline(const std::string& timeline, std::int64_t hours) {
  const Folder folder;
  const std::string path = folder.write(
      "s.lua", "return scenario { cohort = cohort.ehr {}, timeline = {\n" + timeline + "\n} }\n");
  const auto script = ScenarioScript::load(path, {});
  FakeWorld world;
  try {
    script->start(script->spec().scenario.list("timeline"), world);
    world.run(*script, TimeNs{hours * kHour});
  } catch (const RunError& error) {
    std::string text = to_text(error.mistake());
    text.erase(0, folder.path().size() + 1);
    world.lines.push_back(text);
  }
  script->finish();
  return world.lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("at waits in simulated time") {
  CHECK(run_timeline(R"(at(days(2), function(world)
    world.hospital["Lyon"]:disconnect()
    wait(hours(36))
    world.hospital["Lyon"]:reconnect()
  end))",
                     100) == Lines{"2 days disconnect Lyon", "3.5 days reconnect Lyon"});
}

TEST_CASE("every comes at multiples of its time, whatever it waits for") {
  CHECK(run_timeline(R"(every(hours(6), function(world)
    wait(hours(1))
    world:note("auroc %.3f at version %d", world.metric.auroc, world.version)
  end))",
                     20) == Lines{"7 h note auroc 0.750 at version 7",
                                  "13 h note auroc 0.750 at version 13",
                                  "19 h note auroc 0.750 at version 19"});
}

TEST_CASE("a note shows a value that is not there as -, whatever its conversion") {
  CHECK(run_timeline(R"(at(hours(1), function(world)
    world:note("auroc %.3f", world.metric.auprc)
    world:note("[%8.3f] [%-4d] [%05d] %s 100%% %.1f", nil, nil, nil, nil, 0.25)
    world:note("%s", string.format("%s", nil))
  end))",
                     2) ==
        Lines{"1 h note auroc -", "1 h note [       -] [-   ] [    -] - 100% 0.2", "1 h note nil"});
}

TEST_CASE("from_version, setting links, reading state") {
  CHECK(run_timeline(R"(at(from_version(10), function(world)
    world.network.server.up = mbit(200)
    world.network.server.down = 2 * world.network.server.up
    world:note("%s", world.time)
    wait(from_version(12))
    world:note("%s %d %s %s", world.hospitals[2], world.hospital.Oslo.participations,
      world.hospital[1].name, world.metric.nothing)
  end))",
                     20) == Lines{"10 h up 200 Mbit/s", "10 h down 2 Gbit/s", "10 h note 10 h"});
}

TEST_CASE("the network's links by name") {
  CHECK(run_timeline(R"(at(hours(1), function(world)
    local line = world.network.link["EU"]
    line.up = line.up / 2
    line.down = mbit(3)
    world.network.link.server.up = mbit(200)
  end))",
                     2) ==
        Lines{"1 h EU up 500 Mbit/s", "1 h EU down 3 Mbit/s", "1 h up 200 Mbit/s"});
  CHECK(run_timeline("at(hours(1), function(world)\n  world.network.link.UE.up = mbit(1)\nend)",
                     2) == Lines{"s.lua:3: world.network.link has no 'UE'\n"
                                 "      world.network.link.UE.up = mbit(1)\n"
                                 "                         ^\n"
                                 "    did you mean 'EU'?\n"
                                 "    there are server and EU"});
  CHECK(
      run_timeline("at(hours(1), function(world)\n  world.network.link.EU.up = 5\nend)", 2) ==
      Lines{"s.lua:3: world.network.link[\"EU\"].up is a bandwidth above 0, found the plain number "
            "5\n"
            "      world.network.link.EU.up = 5\n"
            "                            ^\n"
            "    write for example mbit(200)"});
}

TEST_CASE("spawn starts at this instant, each coroutine by itself; stop ends the run") {
  CHECK(run_timeline(R"(at(hours(1), function(world)
    for i = 1, 2 do
      spawn(function(w) wait(hours(i)) w:note("spawned %d", i) end)
    end
    world:note("first")
    wait(hours(4))
    world:stop("enough")
    wait(hours(1))
    world:note("never")
  end))",
                     20) ==
        Lines{"1 h note first", "2 h note spawned 1", "3 h note spawned 2", "5 h stop enough"});
}

TEST_CASE("wait goes through pcall") {
  CHECK(run_timeline(R"(at(hours(1), function(world)
    local ok, what = pcall(function() wait(hours(1)) error("boom", 0) end)
    world:note("%s %s", ok, what)
  end))",
                     20) == Lines{"2 h note false boom"});
}

TEST_CASE("mistakes while the world runs have their place") {
  CHECK(run_timeline("at(hours(1), function(world) world.hospital.Lion:disconnect() end)", 2) ==
        Lines{"s.lua:2: there is no hospital 'Lion'\n"
              "    at(hours(1), function(world) world.hospital.Lion:disconnect() end)\n"
              "                                                ^\n"
              "    did you mean 'Lyon'?"});
  CHECK(run_timeline("at(hours(1), function(world)\n  wait(5)\nend)", 2) ==
        Lines{"s.lua:3: wait takes a time, found the plain number 5\n"
              "      wait(5)\n"
              "      ^\n"
              "    write for example wait(minutes(5)) or wait(from_version(10))"});
  CHECK(run_timeline("at(hours(1), function(world)\n  world.network.server.up = 5\nend)", 2) ==
        Lines{"s.lua:3: world.network.server.up is a bandwidth above 0, found the plain number 5\n"
              "      world.network.server.up = 5\n"
              "                           ^\n"
              "    write for example mbit(200)"});
  CHECK(
      run_timeline("at(hours(1), function(world)\n  world.hopsital.Lyon:disconnect()\nend)", 2) ==
      Lines{
          "s.lua:3: world has no 'hopsital'\n"
          "      world.hopsital.Lyon:disconnect()\n"
          "            ^\n"
          "    did you mean 'hospital' or 'hospitals'?\n"
          "    there are change, hospital, hospitals, metric, network, note, region, server, stop, "
          "time and "
          "version"});
  CHECK(run_timeline(
            "at(hours(1), function(world)\n  table.sort({ 2, 1 }, function(a, b) wait(hours(1)) "
            "return a < b end)\nend)",
            2) ==
        Lines{"s.lua:3: wait cannot be used in a function that another function calls back\n"
              "      table.sort({ 2, 1 }, function(a, b) wait(hours(1)) return a < b end)\n"
              "                                          ^\n"
              "    table.sort, string.gsub and the like end before the clock moves"});
  CHECK(run_timeline("at(hours(1), function(world)\n  local t = {}\n  t.x.y = 1\nend)", 2) ==
        Lines{"s.lua:4: attempt to index a nil value (field 'x')\n"
              "      t.x.y = 1\n"
              "        ^"});
}

TEST_CASE("coroutines share the budget of one callback and cannot run on") {
  const Folder folder;
  const std::string path = folder.write("s.lua", R"(
return scenario { cohort = cohort.ehr {}, timeline = {
  at(hours(1), function(world) while true do pcall(function() while true do end end) end end),
} }
)");
  ScriptOptions options;
  options.instructions_max = 3'000'000;
  const auto script = ScenarioScript::load(path, options);
  FakeWorld world;
  script->start(script->spec().scenario.list("timeline"), world);
  try {
    world.run(*script, TimeNs{2 * kHour});
    FAIL("it ran on");
  } catch (const RunError& error) {
    CHECK(error.mistake().where.line == 3);
    CHECK(error.mistake().message ==
          "the script computes for too long: more than 3000000 instructions");
  }
  script->finish();
}

TEST_CASE("every documented member of world and what it leads to can be read") {
  const std::pair<const char*, const char*> objects[] = {{"world", "world"},
                                                         {"hospital", "world.hospital[1]"},
                                                         {"network", "world.network"},
                                                         {"link", "world.network.link[\"EU\"]"}};
  for (const auto& [object, expression] : objects) {
    std::string code = "at(hours(1), function(world)\n";
    Lines expected;
    for (const script::Member& member : script::members()) {
      if (member.object != object) continue;
      code += fmt::format("world:note(\"{0} %s\", type({1}.{0}) == \"function\")\n", member.name,
                          expression);
      expected.push_back(fmt::format("1 h note {} {}", member.name, !member.arguments.empty()));
    }
    REQUIRE(!expected.empty());
    CHECK(run_timeline(code + "end)", 2) == expected);
  }
}
