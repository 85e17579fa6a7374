// Quantities, vecs, distributions and parts as a scenario sees them.
#include <doctest/doctest.h>

#include "help.hpp"

using namespace polyclinic;
using test::eval;

TEST_CASE("quantities compute, compare and print") {
  CHECK(eval("return ms(40) + seconds(1)") == "1.04 s");
  CHECK(eval("return 2 * hours(3) - hours(1)") == "5 h");
  CHECK(eval("return -minutes(5) + minutes(6), minutes(3) / 2") == "1 min\n1.5 min");
  CHECK(eval("return hours(2) / minutes(1)") == "120.0");
  CHECK(eval("return ms(1000) == seconds(1), ms(1) < seconds(1), ms(1) >= seconds(1)") ==
        "true\ntrue\nfalse");
  CHECK(eval("return ms(1) == MB(1), ms(1) == 1") == "false\nfalse");
  CHECK(eval("return tostring(mbit(20)), percent(75), fraction(0.75) == percent(75)") ==
        "\"20 Mbit/s\"\n75 %\ntrue");
  CHECK(eval("return \"it takes \" .. tostring(days(2))") == "\"it takes 2 days\"");
}

TEST_CASE("vec arithmetic is elementwise and exact") {
  CHECK(
      eval("local v = vec { 1, 2, 3 } return v + 1, 2 * v, v - v, v / 2, -v, v * v, v ^ 2") ==
      "vec { 2, 3, 4 }\nvec { 2, 4, 6 }\nvec { 0, 0, 0 }\nvec { 0.5, 1, 1.5 }\nvec { -1, -2, -3 }\n"
      "vec { 1, 4, 9 }\nvec { 1, 4, 9 }");
  CHECK(eval("local v = vec { 3, 4 } return #v, v[2], v:norm(), v:dot(vec { 1, 1 }), v:sum(), "
             "v:mean(), "
             "v:max(), v:min()") == "2\n4.0\n5.0\n7.0\n7.0\n3.5\n4.0\n3.0");
  CHECK(eval("local v = vec.zeros(3) v[2] = 7 return v, vec.ones(2), vec.from { 1 }, v:sorted()") ==
        "vec { 0, 7, 0 }\nvec { 1, 1 }\nvec { 1 }\nvec { 0, 0, 7 }");
  CHECK(eval("return vec { 4, 1, 3, 2 }:median(), vec { 1, 2, 3, 4 }:quantile(0.25)") ==
        "2.5\n1.75");
  CHECK(eval("return vec { 1, 4 }:map(function(x) return x + 1 end), vec { 1, 4 }:sqrt(), vec { 1, "
             "2, 3 "
             "}:slice(2, 3), vec { -1 }:abs()") ==
        "vec { 2, 5 }\nvec { 1, 2 }\nvec { 2, 3 }\nvec { 1 }");
  CHECK(eval("return vec { 1, 2 } == vec { 1, 2 }, vec { 1 } == vec { 2 }, vec { 1, 2 }:table()") ==
        "true\nfalse\n{ 1.0, 2.0 }");
}

TEST_CASE("vec over lists of vectors, tables of numbers are accepted") {
  const std::string list = "{ vec { 1, 10 }, { 2, 20 }, { 9, 90 } }";
  CHECK(eval("return vec.mean" + list) == "vec { 4, 40 }");
  CHECK(eval("return vec.median" + list) == "vec { 2, 20 }");
  CHECK(eval("return vec.sum" + list) == "vec { 12, 120 }");
  CHECK(eval("return vec.quantile(" + list + ", 0.75)") == "vec { 5.5, 55 }");
}

TEST_CASE("vec operators and methods take tables of numbers too") {
  CHECK(
      eval(
          "local v = vec { 3, 4 } return v - { 1, 1 }, { 1, 1 } + v, v * { 2, 3 }, { 6, 8 } / v") ==
      "vec { 2, 3 }\nvec { 4, 5 }\nvec { 6, 12 }\nvec { 2, 2 }");
  CHECK(eval("return vec { 3, 4 }:dot { 1, 2 }, vec { 2, 3 } ^ { 2, 1 }") == "11.0\nvec { 4, 3 }");
  CHECK(eval("return vec { 3, 4 } - { 1 }") ==
        "s.lua:1: vecs of 2 and 1 numbers do not go together\n"
        "    return vec { 3, 4 } - { 1 }\n"
        "                        ^\n"
        "    all vecs of one operation have the same length");
  CHECK(eval("return { 1, \"b\" } + vec { 3, 4 }") ==
        "s.lua:1: a vec: item 2 is the string \"b\", expected a number\n"
        "    return { 1, \"b\" } + vec { 3, 4 }\n"
        "                      ^");
  CHECK(eval("return vec { 3 } + \"b\"") ==
        "s.lua:1: a vec and the string \"b\" do not go together\n"
        "    return vec { 3 } + \"b\"\n"
        "                     ^\n"
        "    a vec goes with a vec or a list of numbers of its length, or with a number");
  CHECK(eval("return vec { 3 }:dot(2)") ==
        "s.lua:1: dot takes a vec or a list of numbers, found the plain number 2\n"
        "    return vec { 3 }:dot(2)\n"
        "                     ^");
}

TEST_CASE("distributions carry the dimension of their parameters") {
  CHECK(eval("return lognormal { median = mbit(20), spread = 0.5 }") ==
        "lognormal { median = 20 Mbit/s, spread = 0.5 }");
  CHECK(eval("return uniform(1, 2), exponential(hours(20)), constant(ms(4))") ==
        "uniform { low = 1, high = 2 }\nexponential { mean = 20 h }\n4 ms");
  CHECK(eval("return logit_normal { median = percent(12), spread = 0.5 }") ==
        "logit_normal { median = 0.12, spread = 0.5 }");
  CHECK(eval("return normal { mean = 60, sd = 10, low = 18 }") ==
        "normal { mean = 60, sd = 10, low = 18 }");
  CHECK(eval("return choice { values = { 1, 3 }, weights = { 3, 1 } }") ==
        "choice { 1 with 0.75, 3 with 0.25 }");
  CHECK(eval("return hospitals { uplink = lognormal { median = ms(20), spread = 0.5 } }")
            .find("found a distribution of time") != std::string::npos);
}

TEST_CASE("parts: fields by name, by position, as items; reading them; none and all") {
  CHECK(eval("return column \"site\"") == "column { name = \"site\" }");
  CHECK(eval("return column { \"sex\", names = { [\"0\"] = \"female\" } }") ==
        "column { name = \"sex\", names = { [\"0\"] = \"female\" } }");
  CHECK(eval("return nightly(20, 5).opens, nightly(20).closes") == "20\n6");
  CHECK(eval("return measure { \"auroc\", every = 5 }.every") == "5");
  CHECK(eval("return none == none, all == all, none == all, none") == "true\ntrue\nfalse\nnone");
  CHECK(eval("return stop { versions = 3.0 }") == "stop { versions = 3 }");
  CHECK(eval("stop { versions = 3 }.versions = 4") ==
        "s.lua:1: stop cannot be changed\n"
        "    stop { versions = 3 }.versions = 4\n"
        "                          ^\n"
        "    parts are values: write the field where the part is made");
}

TEST_CASE("built-in parts are callable on lists of vectors") {
  CHECK(eval("return aggregation.mean {}({ { 1, 2, 3 }, { 4, 5, 6 } })") ==
        "vec { 2.5, 3.5, 4.5 }");
  CHECK(eval("return aggregation.mean {}({ { 1 }, { 5 } }, { weights = { 0.75, 0.25 } })") ==
        "vec { 2 }");
  CHECK(eval("local last = aggregation.custom(function(updates) return updates[#updates] end)\n"
             "return last({ { 1, 2 }, vec { 3, 4 } })") == "vec { 3, 4 }");
  CHECK(eval("return selection.all {}({ \"a\", \"b\" })") == "{ 1, 2 }");
  CHECK(eval("return #selection.uniform { count = 2 }({ \"a\", \"b\", \"c\" }, { seed = 7 })") ==
        "2");
  CHECK(
      eval("return stop {}(1)") ==
      "s.lua:1: stop cannot be called\n"
      "    return stop {}(1)\n"
      "    ^\n"
      "    only aggregations, pre-aggregations, attacks, compressions, selections and custom parts "
      "are functions");
}

TEST_CASE("math uses the engine's functions") {
  CHECK(eval("return math.abs(4 * math.atan(1) - math.pi) < 1e-15, math.asin(1) == math.pi / 2, "
             "math.abs(math.acos(-1) - math.pi) < 1e-15, math.abs(math.atan(1, -1) - 3 * math.pi / "
             "4) < "
             "1e-15") == "true\ntrue\ntrue\ntrue");
  // tan of atan is the identity, to a few units in the last place of the larger of the two
  CHECK(eval("for i = 1, 400 do local x = (i - 200) / 37 assert(math.abs(math.tan(math.atan(x)) - "
             "x) <= "
             "4e-15 * (1 + x * x)) end return true") == "true");
  CHECK(eval("return math.log(8, 2), math.pow(2, 10), math.exp(0), math.sigmoid(0)") ==
        "3.0\n1024.0\n1.0\n0.5");
}
