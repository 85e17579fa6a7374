// The whole text of every kind of mistake, as the terminal shows it.
#include <doctest/doctest.h>

#include "help.hpp"

using namespace polyclinic;
using test::eval;

TEST_CASE("a misspelt field points at itself and lists what is allowed") {
  CHECK(eval("return column {\n  nam = \"age\",\n}") ==
        "s.lua:2: column has no field 'nam'\n"
        "      nam = \"age\",\n"
        "      ^\n"
        "    did you mean 'name'?\n"
        "    its fields are name and names");
}

TEST_CASE("all mistakes of a call are told at once, in the order of the source") {
  CHECK(eval("return stop {\n  aftr = days(1), versoins = 3,\n  auroc = 7,\n}") ==
        "s.lua:2: stop has no field 'aftr'\n"
        "      aftr = days(1), versoins = 3,\n"
        "      ^\n"
        "    did you mean 'after'?\n"
        "    its fields are after, versions, auroc and loss\n"
        "s.lua:2: stop has no field 'versoins'\n"
        "      aftr = days(1), versoins = 3,\n"
        "                      ^\n"
        "    did you mean 'versions'?\n"
        "    its fields are after, versions, auroc and loss\n"
        "s.lua:3: stop: 'auroc' expected a number from 0 to 1, found the plain number 7\n"
        "      auroc = 7,\n"
        "      ^\n"
        "    auroc: at least this macro AUROC");
}

TEST_CASE("mistakes of several calls are told together") {
  CHECK(eval("local a = column { nam = \"age\" }\nlocal b = stop { vers = 1 }\nreturn a, b") ==
        "s.lua:1: column has no field 'nam'\n"
        "    local a = column { nam = \"age\" }\n"
        "                       ^\n"
        "    did you mean 'name'?\n"
        "    its fields are name and names\n"
        "s.lua:2: stop has no field 'vers'\n"
        "    local b = stop { vers = 1 }\n"
        "                     ^\n"
        "    its fields are after, versions, auroc and loss");
}

TEST_CASE("a plain number where a unit is needed shows the call to write") {
  CHECK(eval("return stop { after = 5 }") ==
        "s.lua:1: stop: 'after' expected a time with its unit, found the plain number 5: write for "
        "example minutes(5)\n"
        "    return stop { after = 5 }\n"
        "                  ^\n"
        "    after: simulated time");
}

TEST_CASE("a quantity of another kind says both kinds") {
  CHECK(eval("return stop { after = mbit(5) }") ==
        "s.lua:1: stop: 'after' expected a time such as minutes(5) above 0 ns, found 5 Mbit/s "
        "(bandwidth)\n"
        "    return stop { after = mbit(5) }\n"
        "                  ^\n"
        "    after: simulated time");
  CHECK(eval("return hours(1) + mbit(3)") ==
        "s.lua:1: 1 h (time) and 3 Mbit/s (bandwidth) cannot be added\n"
        "    return hours(1) + mbit(3)\n"
        "                    ^\n"
        "    only quantities of the same kind can be");
  CHECK(eval("return hours(1) < 3") ==
        "s.lua:1: 1 h (time) and the plain number 3 cannot be compared\n"
        "    return hours(1) < 3\n"
        "                    ^\n"
        "    a time has a unit: write for example minutes(5)");
}

TEST_CASE("a misspelt member of a namespace gives the nearest and all") {
  CHECK(eval("return selection.unifrom { count = 3 }") ==
        "s.lua:1: selection has no 'unifrom'\n"
        "    return selection.unifrom { count = 3 }\n"
        "                     ^\n"
        "    did you mean 'uniform'?\n"
        "    there are all, custom, oort, poisson, power_of_choice, reliable, round_robin, uniform "
        "and "
        "weighted");
}

TEST_CASE("an unknown global gives the nearest names; assigning one says local") {
  CHECK(eval("return fractoin(0.5)") ==
        "s.lua:1: unknown name 'fractoin'\n"
        "    return fractoin(0.5)\n"
        "           ^\n"
        "    did you mean 'fraction'?");
  CHECK(eval("rounds = 3") ==
        "s.lua:1: 'rounds' is not declared\n"
        "    rounds = 3\n"
        "    ^\n"
        "    write: local rounds = ...");
}

TEST_CASE("wrong arguments show an example") {
  CHECK(eval("return stop(5)") ==
        "s.lua:1: stop takes one table of named fields, found the plain number 5\n"
        "    return stop(5)\n"
        "           ^\n"
        "    for example: stop = stop { after = days(10), auroc = 0.85 }");
  CHECK(eval("return stop { 5 }") ==
        "s.lua:1: stop takes named fields, and an item has no name\n"
        "    return stop { 5 }\n"
        "                  ^\n"
        "    for example: stop = stop { after = days(10), auroc = 0.85 }");
  CHECK(eval("return nightly(22, 6, 7)") ==
        "s.lua:1: nightly takes at most 2 values, found 3\n"
        "    return nightly(22, 6, 7)\n"
        "           ^\n"
        "    for example: window = nightly(22, 6)");
  CHECK(eval("return minutes \"5\"") ==
        "s.lua:1: minutes takes a number, found the string \"5\"\n"
        "    return minutes \"5\"\n"
        "           ^\n"
        "    write for example minutes(5)");
}

TEST_CASE("a hole in a list is named; false is skipped") {
  CHECK(eval("return measure { \"auroc\", nil, \"brier\" }") ==
        "s.lua:1: measure has a hole: item 2 is nil\n"
        "    return measure { \"auroc\", nil, \"brier\" }\n"
        "           ^\n"
        "    an unknown variable? Use false for an item that is to be left out");
  CHECK(eval("return measure { \"auroc\", false, \"brier\" }.metrics") ==
        "{ \"auroc\", \"brier\" }");
}

TEST_CASE("twins in one line are told apart") {
  CHECK(eval("return hospitals { group { count = 2 }, group { count = -3 } }") ==
        "s.lua:1: group: 'count' expected a whole number from 1 to 100000000, found the plain "
        "number -3\n"
        "    return hospitals { group { count = 2 }, group { count = -3 } }\n"
        "                                                    ^\n"
        "    count: how many");
}

TEST_CASE("a plain table where a part of one kind is meant is checked like the part") {
  CHECK(eval("return scenario {\n  cohort = cohort.ehr {},\n  stop = { after = days(1), aurc = 1 },"
             "\n}") ==
        "s.lua:3: stop has no field 'aurc'\n"
        "      stop = { after = days(1), aurc = 1 },\n"
        "                                ^\n"
        "    did you mean 'auroc'?\n"
        "    its fields are after, versions, auroc and loss");
}

TEST_CASE("a part written almost right shows what to write") {
  const std::string before = "return scenario { cohort = cohort.ehr {}, ";
  const auto hint = [&](const std::string& field) {
    const std::string text = eval(before + field + " }");
    const std::size_t caret = text.find("^\n");
    REQUIRE_MESSAGE(caret != std::string::npos, text);
    return text.substr(caret + 6, text.find('\n', caret + 2) - caret - 6);
  };
  CHECK(eval("return scenario { cohort = cohort.ehr }") ==
        "s.lua:1: scenario: 'cohort' expected a part cohort.*, found a function\n"
        "    return scenario { cohort = cohort.ehr }\n"
        "                      ^\n"
        "    call it: cohort.ehr {}\n"
        "    cohort: the patients");
  CHECK(hint("strategy = strategy.fedavg") == "call it: strategy.fedavg {}");
  CHECK(hint("deadline = minutes") == "call it: minutes(...)");
  CHECK(eval(before + "strategy = \"fedavg\" }") ==
        "s.lua:1: scenario: 'strategy' expected a part strategy.* or compose { ... }, found the "
        "string \"fedavg\"\n"
        "    " +
            before +
            "strategy = \"fedavg\" }\n"
            "                                              ^\n"
            "    write strategy.fedavg {}\n"
            "    strategy: a named set of choices for the parts below");
  CHECK(hint("model = \"mpl\"") == "did you mean model.mlp {}?");
  CHECK(hint("timeline = at(hours(1), print)") == "put it in a list: { at(...) }");
  CHECK(eval(before + "model = at(hours(1), print) }").find("found at(...)") != std::string::npos);
}

TEST_CASE("messages call values by the words of the scenario") {
  CHECK(eval("return 3 + cohort.ehr {}") ==
        "s.lua:1: the plain number 3 and cohort.ehr cannot be added\n"
        "    return 3 + cohort.ehr {}\n"
        "             ^");
  CHECK(eval("return compose {} .. \"x\"") ==
        "s.lua:1: compose { ... } and the string \"x\" cannot be joined\n"
        "    return compose {} .. \"x\"\n"
        "                      ^");
  CHECK(eval("return at(hours(1), print).wen").find("at(...) has no field 'wen'") !=
        std::string::npos);
  CHECK(eval("local x = hours(2) return \"it takes \" .. x")
            .find("attempt to concatenate a quantity value (local 'x')") != std::string::npos);
}

TEST_CASE("Lua's own errors get a caret") {
  CHECK(eval("local t = {}\nreturn t.clients.count") ==
        "s.lua:2: attempt to index a nil value (field 'clients')\n"
        "    return t.clients.count\n"
        "             ^");
  CHECK(eval("error(\"no such thing\")") ==
        "s.lua:1: no such thing\n"
        "    error(\"no such thing\")\n"
        "    ^");
  CHECK(eval("error {}") ==
        "s.lua:1: the script raised an error that is no text but a table\n"
        "    error {}\n"
        "    ^\n"
        "    write error(\"what is wrong\")");
}

TEST_CASE("syntax errors have line and caret") {
  CHECK(eval("local a = {\n  b = = 2,\n}") ==
        "s.lua:2: Lua cannot read this: unexpected symbol near '='\n"
        "      b = = 2,\n"
        "          ^");
  CHECK(eval("local a = {") ==
        "s.lua:1: Lua cannot read this: unexpected symbol near <eof>\n"
        "    local a = {\n"
        "    ^");
  // the line after the last one has nothing to show
  CHECK(eval("local a = {\n  b = 1,\n\n  \n") ==
        "s.lua:2: Lua cannot read this: unexpected symbol near <eof>\n"
        "      b = 1,\n"
        "      ^");
}

TEST_CASE("distributions check their parameters and dimensions") {
  CHECK(eval("return lognormal { median = ms(3), spred = 1 }") ==
        "s.lua:1: lognormal has no field 'spred'\n"
        "    return lognormal { median = ms(3), spred = 1 }\n"
        "                                       ^\n"
        "    did you mean 'spread'?\n"
        "    its fields are median, spread, low and high");
  CHECK(eval("return normal { mean = ms(1), sd = 2 }") ==
        "s.lua:1: normal: 'sd' is the plain number 2, and what stands before it is a time\n"
        "    return normal { mean = ms(1), sd = 2 }\n"
        "                                  ^\n"
        "    all values of one distribution are of one kind");
  CHECK(eval("return lognormal { median = 0, spread = 1 }") ==
        "s.lua:1: lognormal: 'median' must be above 0\n"
        "    return lognormal { median = 0, spread = 1 }\n"
        "                       ^");
}

TEST_CASE("files that are not there, and those that may not be read") {
  ScriptOptions options;
  options.data_folders = {"/nowhere/data"};
  CHECK(eval("return data \"icu.csv\"", options) ==
        "s.lua:1: there is no file \"icu.csv\"\n"
        "    return data \"icu.csv\"\n"
        "           ^\n"
        "    looked in . and /nowhere/data\n"
        "    name its folder with --data DIR");
  CHECK(eval("return data \"../icu.csv\"") ==
        "s.lua:1: the file \"../icu.csv\" climbs out of its folder with ..\n"
        "    return data \"../icu.csv\"\n"
        "           ^\n"
        "    name the folder with --data DIR, and the file relative to it");
  CHECK(eval("return data \"/etc/passwd\"") ==
        "s.lua:1: the file \"/etc/passwd\" is not in a folder that this scenario may read\n"
        "    return data \"/etc/passwd\"\n"
        "           ^\n"
        "    it may read .\n"
        "    name further ones with --data DIR");
  CHECK(eval("return require \"../lib\"") ==
        "s.lua:1: require \"../lib\": a module's name has letters, digits, _ and dots\n"
        "    return require \"../lib\"\n"
        "           ^\n"
        "    require \"lib.parts\" reads lib/parts.lua beside the scenario");
}

TEST_CASE("wait and spawn outside of a timeline") {
  CHECK(eval("wait(hours(1))") ==
        "s.lua:1: wait works only in a timeline\n"
        "    wait(hours(1))\n"
        "    ^\n"
        "    put it into at(when, function(world) ... end), every(...) or spawn(...)");
  CHECK(eval("spawn(print)") ==
        "s.lua:1: spawn works only while the world runs\n"
        "    spawn(print)\n"
        "    ^\n"
        "    call it in a function of the timeline: at(when, function(world) spawn(f) end)");
  CHECK(
      eval("return at(3, print)") ==
      "s.lua:1: at: 'when' expected a time such as minutes(5) of at least 0 ns or a moment such as "
      "from_version(10), found the plain number 3\n"
      "    return at(3, print)\n"
      "              ^\n"
      "    when: a simulated time, or from_version(10)");
}

TEST_CASE("vec refuses what does not go together") {
  CHECK(eval("return vec { 1, 2 } + vec { 1 }") ==
        "s.lua:1: vecs of 2 and 1 numbers do not go together\n"
        "    return vec { 1, 2 } + vec { 1 }\n"
        "                        ^\n"
        "    all vecs of one operation have the same length");
  CHECK(eval("return vec { 1, 2 }[3]") ==
        "s.lua:1: a vec of 2 numbers has no item 3\n"
        "    return vec { 1, 2 }[3]\n"
        "                        ^\n"
        "    items are counted from 1");
  CHECK(eval("return vec { 1, hours(2) }") ==
        "s.lua:1: vec: item 2 is 2 h (time), expected a number\n"
        "    return vec { 1, hours(2) }\n"
        "           ^");
}

TEST_CASE("params: unknown settings, wrong kinds, settings without params") {
  ScriptOptions options;
  options.settings = {{"epsilom", "3"}};
  CHECK(eval("local p = params { epsilon = false, rounds = 30 }\nreturn p.rounds", options) ==
        "s.lua:1: --set epsilom=3: the scenario has no param 'epsilom'\n"
        "    local p = params { epsilon = false, rounds = 30 }\n"
        "              ^\n"
        "    did you mean 'epsilon'?\n"
        "    its params are epsilon and rounds");
  options.settings = {{"latency", "3"}};
  CHECK(
      eval("local p = params { latency = ms(40) }", options) ==
      "s.lua:1: --set latency=3: 'latency' is 40 ms (time) in the scenario, and this is the plain "
      "number 3\n"
      "    local p = params { latency = ms(40) }\n"
      "              ^\n"
      "    write it like this: --set latency=40ms");
  CHECK(eval("return 1", options) ==
        "s.lua: --set latency=3: the scenario has no params\n"
        "    declare it in the file: local p = params { latency = 3 }");
  CHECK(eval("local p = params { rounds = 30 }\nreturn p.round") ==
        "s.lua:2: params has no 'round'\n"
        "    return p.round\n"
        "             ^\n"
        "    did you mean 'rounds'?\n"
        "    there is only rounds");
}
