// Every way out of the sandbox that notes-lua-and-sweeps.md names, and those of its neighbours.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "help.hpp"

using namespace polyclinic;
using test::eval;

namespace {

// Small budgets: a scenario's own are larger, the way to their end is the same.
ScriptOptions small() {
  ScriptOptions options;
  options.instructions_max = 2'000'000;
  options.memory_bytes_max = 8 << 20;
  return options;
}

std::string over_budget(const std::string& line) {
  return fmt::format(
      "s.lua:1: the script computes for too long: more than 2000000 instructions\n    {}\n    ^\n"
      "    an endless loop? The file and each function called later have this budget",
      line);
}

}  // namespace

TEST_CASE("an endless loop ends, and no pcall, xpcall, __close or coroutine keeps it alive") {
  for (const char* code : {
           "while true do end",
           "pcall(function() while true do end end) return 1",
           "while true do pcall(function() while true do end end) end",
           "xpcall(function() while true do end end, function() while true do end end)",
           "local x <close> = setmetatable({}, {__close = function() while true do end end}) "
           "error()",
           "repeat local ok = pcall(error) until false",
           "local t = setmetatable({}, {__lt = function() return true end}) while true do local b "
           "= t "
           "< t end",
       }) {
    CHECK(eval(code, small()) == over_budget(code));
  }
}

TEST_CASE("work in C is counted: patterns, repetitions, lists without end") {
  for (const char* code : {
           "string.find((\"a\"):rep(24), (\"a-\"):rep(11) .. \"b\")",
           "string.match((\"a\"):rep(40), (\"a?\"):rep(40) .. (\"a\"):rep(40) .. \"b\")",
           "string.gsub((\"a\"):rep(30), (\"a*\"):rep(12) .. \"b\", \"\")",
           "for w in string.gmatch((\"a\"):rep(30), (\"a*\"):rep(12) .. \"b\") do end",
           "for i = 1, 1e9 do pcall(string.rep, \"x\", 1e6) end",
           "for i = 1, 1e9 do local s = (\"x\"):rep(1e6):upper() end",
           "table.move({}, 1, 1e9, 2)",
           "table.insert(setmetatable({}, {__len = function() return 1e15 end}), 1, 1)",
           "table.remove(setmetatable({}, {__len = function() return 1e15 end}), 1)",
           "table.concat(setmetatable({}, {__index = function() return \"\" end}), \"\", 1, 1e15)",
           "local v = vec.zeros(1e5) while true do v = v + 1 end",
       }) {
    CHECK(eval(code, small()) == over_budget(code));
  }
  CHECK(eval("return string.rep(\"\", 1e15)", small()) == "\"\"");
}

TEST_CASE("memory has a limit that pcall does not swallow") {
  const std::string hint = "    a table or string that grows without end?";
  for (const char* code : {
           "local t = {} while true do t[#t + 1] = {} end",
           "local t = {} pcall(function() while true do t[#t + 1] = {} end end) return 1",
           "local t = {} for i = 1, 1e6 do t[i] = vec.zeros(1000) end",
           "return vec.zeros(1e9)",
           "local t = {} for i = 1, 1e5 do t[i] = nightly(22, 6) end",
           "local t = { 1 } for i = 1, 30 do t = { t, t } end return stop { after = t }",
       }) {
    CHECK(eval(code, small()) ==
          fmt::format("s.lua:1: the script needs more than 8 MiB of memory\n    {}\n    ^\n{}",
                      code, hint));
  }
}

TEST_CASE("strings have a largest length") {
  CHECK(eval("local s = \"x\" while true do s = s .. s end") ==
        "s.lua:1: a string longer than 16 MiB\n"
        "    local s = \"x\" while true do s = s .. s end\n"
        "    ^\n"
        "    data belongs into files: data \"...\"");
  CHECK(eval("return (\"x\"):rep(1e9)") ==
        "s.lua:1: string.rep makes a string longer than 16 MiB\n"
        "    return (\"x\"):rep(1e9)\n"
        "                 ^\n"
        "    data belongs into files: data \"...\"");
}

TEST_CASE("deep recursion and deep nesting end with a message") {
  CHECK(eval("local function f() return 1 + f() end f()") ==
        "s.lua:1: calls are nested too deeply (stack overflow)\n"
        "    local function f() return 1 + f() end f()\n"
        "    ^\n"
        "    does a function call itself without end?");
  const std::string nested = "return " + std::string(300, '(') + "1" + std::string(300, ')');
  CHECK(eval(nested) ==
        "s.lua: brackets, functions or blocks are nested too deeply: about 200 are allowed\n"
        "    give the inner ones names: local inner = { ... }");
  CHECK(eval("local t = {} t[1] = t return stop { after = t }") ==
        "s.lua:1: stop: 'after': tables are nested more than 60 deep\n"
        "    local t = {} t[1] = t return stop { after = t }\n"
        "                                        ^\n"
        "    does a table contain itself?");
}

TEST_CASE("what reads the machine is not there") {
  for (const char* name :
       {"os", "debug", "package", "load", "loadstring", "collectgarbage", "_G"}) {
    const std::string code = fmt::format("return {}", name);
    CHECK(eval(code) ==
          fmt::format("s.lua:1: unknown name '{}'\n    {}\n           ^\n    a scenario "
                      "cannot use this part of Lua: see polyclinic docs functions",
                      name, code));
  }
  for (const char* name : {"io", "dofile", "loadfile"}) {
    const std::string code = fmt::format("return {}", name);
    CHECK(eval(code) ==
          fmt::format("s.lua:1: unknown name '{}'\n    {}\n           ^\n    a scenario "
                      "reads files by data \"...\" and require \"...\" only",
                      name, code));
  }
  CHECK(eval("return coroutine.wrap") ==
        "s.lua:1: unknown name 'coroutine'\n"
        "    return coroutine.wrap\n"
        "           ^\n"
        "    a scenario has no coroutines but those of its timeline: wait, spawn");
  for (const char* code : {"return string.dump", "return (\"x\").dump"}) {
    CHECK(eval(code).find("s.lua:1: string has no 'dump'") == 0);
  }
  CHECK(eval("math.randomseed(1)") ==
        "s.lua:1: math.randomseed is not there: the run's seed decides all random numbers\n"
        "    math.randomseed(1)\n"
        "         ^\n"
        "    use --seed, or the scenario's field 'seed'");
}

TEST_CASE("bytecode is refused") {
  CHECK(eval("\x1bLua") ==
        "s.lua: this is compiled Lua, not source text\n    give the .lua file itself");
}

TEST_CASE("finalisers, weak tables and locked metatables are refused, also when added later") {
  for (const char* name : {"__gc", "__mode", "__metatable"}) {
    const std::string code = fmt::format("setmetatable({{}}, {{ {} = \"k\" }})", name);
    CHECK(eval(code) ==
          fmt::format(
              "s.lua:1: a metatable cannot have {}\n    {}\n    ^\n    finalisers, weak tables "
              "and locked metatables are not there: their effect would depend on when memory "
              "is collected",
              name, code));
  }
  // a table keeps its values although its metatable says weak afterwards
  CHECK(eval("local mt = {} local t = setmetatable({}, mt) mt.__mode = \"v\" t[1] = {}\n"
             "for i = 1, 1e5 do local x = {} end return #t, getmetatable(t) == mt") == "1\ntrue");
}

TEST_CASE("libraries, namespaces and globals cannot be changed") {
  CHECK(eval("string.rep = nil") ==
        "s.lua:1: string cannot be changed\n"
        "    string.rep = nil\n"
        "           ^\n"
        "    make a table of your own");
  CHECK(eval("rawset(_ENV, \"x\", 1)") ==
        "s.lua:1: this table cannot be changed\n"
        "    rawset(_ENV, \"x\", 1)\n"
        "    ^\n"
        "    make a table of your own");
  CHECK(eval("setmetatable(math, {})") ==
        "s.lua:1: this table's metatable cannot be changed\n"
        "    setmetatable(math, {})\n"
        "    ^");
  CHECK(eval("return getmetatable(\"\"), getmetatable(math), getmetatable(vec { 1 })") ==
        "false\nfalse\nfalse");
  CHECK(eval("table.insert(cohort, 1)").find("s.lua:1: cohort cannot be changed") == 0);
}

TEST_CASE("addresses are never seen") {
  CHECK(eval("local a, b = {}, {} return tostring(b), tostring(a), tostring(b), tostring(print)") ==
        "\"table: 1\"\n\"table: 2\"\n\"table: 1\"\n\"function: 3\"");
  CHECK(eval("local a = {} return string.format(\"%s %5.1f %s\", a, 2.25, print)") ==
        "\"table: 1   2.2 function: 2\"");
  CHECK(eval("return string.format(\"%p\", {})") ==
        "s.lua:1: string.format has no %p\n"
        "    return string.format(\"%p\", {})\n"
        "                  ^\n"
        "    addresses differ from run to run");
}

TEST_CASE("pairs and next go in sorted order") {
  CHECK(
      eval(
          "local r = {} for k in pairs { b = 1, a = 1, [2.5] = 1, [-1] = 1, [true] = 1, B = 1 } do "
          "r[#r + 1] = tostring(k) end return r") ==
      "{ \"-1\", \"2.5\", \"B\", \"a\", \"b\", \"true\" }");
  CHECK(
      eval("local t, r = { c = 1, a = 2, b = 3 }, {} local k, v = next(t) while k do r[#r + 1] = k "
           "t[k] = nil k, v = next(t) end return r") == "{ \"a\", \"b\", \"c\" }");
  CHECK(
      eval(
          "local r = {} for k, v in pairs { a = 1, b = 2, c = 3 } do r[#r + 1] = v end return r") ==
      "{ 1, 2, 3 }");
  // what is removed during the loop is not met
  CHECK(eval("local t, r = { a = 1, b = 2, c = 3 }, {} for k in pairs(t) do r[#r + 1] = k t.b = "
             "nil end "
             "return r") == "{ \"a\", \"c\" }");
  CHECK(eval("for k in pairs { [{}] = 1, [{}] = 2 } do end") ==
        "s.lua:1: pairs over a table whose keys are tables or functions: they have no order\n"
        "    for k in pairs { [{}] = 1, [{}] = 2 } do end\n"
        "             ^\n"
        "    use names or numbers as keys");
}

TEST_CASE("table.sort is stable and takes any comparison") {
  CHECK(eval("local t = { 5, 3, 9, 1, 1 } table.sort(t) return t") == "{ 1, 1, 3, 5, 9 }");
  CHECK(
      eval("local t = {} for i = 1, 300 do t[i] = { i % 3, i } end\n"
           "table.sort(t, function(a, b) return a[1] < b[1] end)\n"
           "for i = 2, 300 do if t[i][1] == t[i - 1][1] then assert(t[i][2] > t[i - 1][2]) end end "
           "return t[1][2], t[300][2]") == "3\n299");
  CHECK(eval("local t = {} for i = 1, 200 do t[i] = i end\n"
             "table.sort(t, function() return true end) return #t") == "200");
}

TEST_CASE("math.random draws from the run's own stream") {
  const char* code = "return math.random(), math.random(6), math.random(10, 20), math.random(0)";
  ScriptOptions one;
  one.seed = 1;
  ScriptOptions two;
  two.seed = 2;
  CHECK(eval("return math.random(6)", one) == eval("return math.random(6)"));
  CHECK(eval("local t = {} for i = 1, 8 do t[i] = math.random() end return t", one) !=
        eval("local t = {} for i = 1, 8 do t[i] = math.random() end return t", two));
  CHECK(eval(code).find("there is no number from 1 to 0") != std::string::npos);
  CHECK(eval("for i = 1, 1000 do local x = math.random(3, 5) assert(x >= 3 and x <= 5) end return "
             "true") == "true");
}

TEST_CASE("patterns match as Lua's own do") {
  CHECK(eval("return (\"k = v\"):match(\"^(%w+)%s*=%s*(%w+)$\")") == "\"k\"\n\"v\"");
  CHECK(eval("return (\"hello world\"):gsub(\"o\", \"0\")") == "\"hell0 w0rld\"\n2");
  CHECK(eval("return (\"hello\"):gsub(\"\", \"-\")") == "\"-h-e-l-l-o-\"\n6");
  CHECK(eval("return (\"abc\"):gsub(\"%w\", \"%0%0\", 2)") == "\"aabbc\"\n2");
  CHECK(eval("return (\"a b\"):gsub(\"%a\", { a = 1 })") == "\"1 b\"\n2");
  CHECK(eval("return (\"abc\"):gsub(\".\", function(c) return c:upper() end)") == "\"ABC\"\n3");
  CHECK(eval("return (\"f(a(b)c)d\"):match(\"%b()\")") == "\"(a(b)c)\"");
  CHECK(eval("return (\"THE (quick) fox\"):find(\"%((%a+)%)\")") == "5\n11\n\"quick\"");
  CHECK(eval("return (\"THE (quick) fox\"):gsub(\"%f[%a]%a+\", \"x\")") == "\"x (x) x\"\n3");
  CHECK(eval("return (\"abab\"):match(\"^(ab)%1$\")") == "\"ab\"");
  CHECK(eval("return (\"a.b\"):find(\".\", 1, true), (\"abc\"):find(\"()c\")") == "2\n3\n3\n3");
  CHECK(eval("return (\"x]y\"):match(\"[]]\"), (\"a-z\"):match(\"[a%-]+\"), "
             "(\"q\"):match(\"[^a-c]\")") == "\"]\"\n\"a-\"\n\"q\"");
  CHECK(eval("local r = {} for k, v in (\"a=1, b=2\"):gmatch(\"(%w+)=(%w+)\") do r[k] = v end "
             "return r") == "{ a = \"1\", b = \"2\" }");
  CHECK(eval("return (\"x\"):match(\"(x\")") ==
        "s.lua:1: the pattern \"(x\": unfinished capture\n"
        "    return (\"x\"):match(\"(x\")\n"
        "                 ^");
}

TEST_CASE("errors that are caught are text without surprises") {
  CHECK(eval("return pcall(error, \"boom\")") == "false\n\"boom\"");
  CHECK(eval("return select(2, pcall(hours, \"x\"))") ==
        "\"s.lua:1: hours takes a number, found the string \\\"x\\\"\"");
  CHECK(
      eval("return xpcall(function() error(\"boom\", 0) end, function(m) return m .. \"!\" end)") ==
      "false\n\"boom!\"");
  CHECK(eval("return xpcall(function(a, b) return a + b end, print, 1, 2)") == "true\n3");
  CHECK(eval("return pcall(function(...) return select(\"#\", ...), ... end, nil, nil)") ==
        "true\n2\nnil\nnil");
}
