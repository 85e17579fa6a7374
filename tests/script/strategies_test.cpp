// The strategies of scripts/, and those that a scenario defines itself.
#include <doctest/doctest.h>

#include "help.hpp"

using namespace polyclinic;
using test::eval;

TEST_CASE("named strategies are the compositions of their papers") {
  const auto composed = [](const std::string& call) {
    return eval("return " + call + ".composition");
  };
  CHECK(composed("strategy.fedavg {}") == "composition {}");
  CHECK(composed("strategy.fedavg { weighted = false }") ==
        "composition { aggregation = aggregation.mean { weights = \"equal\", max_share = 0.5 } }");
  CHECK(composed("strategy.fedprox {}") ==
        "composition { objective = objective.proximal { mu = 0.01, adapt = 0, falls = 5 } }");
  CHECK(composed("strategy.fedprox { mu = 1 }") ==
        "composition { objective = objective.proximal { mu = 1, adapt = 0, falls = 5 } }");
  CHECK(composed("strategy.fedavgm {}") ==
        "composition { server = server.sgd { rate = 1, momentum = 0.9 } }");
  CHECK(composed("strategy.fedadagrad {}") ==
        "composition { server = server.adagrad { rate = 0.1, beta1 = 0, tau = 0.001 } }");
  CHECK(composed("strategy.fedadam { rate = 0.01 }") ==
        "composition { server = server.adam { rate = 0.01, beta1 = 0.9, beta2 = 0.99, tau = 0.001 "
        "} }");
  CHECK(
      composed("strategy.fedyogi { tau = 0.1 }") ==
      "composition { server = server.yogi { rate = 0.1, beta1 = 0.9, beta2 = 0.99, tau = 0.1 } }");
}

TEST_CASE("a strategy knows its fields, and the scenario's as shorthands") {
  CHECK(
      eval("return strategy.fedprox { mu = -1 }") ==
      "s.lua:1: strategy.fedprox: 'mu' expected a number of at least 0, found the plain number -1\n"
      "    return strategy.fedprox { mu = -1 }\n"
      "                              ^\n"
      "    mu: strength of the pull");
  CHECK(eval("return strategy.fedavg { rounds = 30, deadline = minutes(5) }.rounds") == "30");
  CHECK(eval("return strategy.fedproxx { }").find("did you mean 'fedprox'?") != std::string::npos);
}

TEST_CASE("define.strategy declares a part with schema and errors at the user's line") {
  const std::string definition =
      "define.strategy {\n"
      "  name = \"slow\", doc = \"Small steps.\",\n"
      "  params = { rate = { default = 0.5, low = 0, high = 1, doc = \"of the server\" } },\n"
      "  build = function(p) return compose { server = server.sgd { rate = p.rate } } end,\n"
      "}\n";
  CHECK(eval(definition + "return strategy.slow { rate = 0.25 }.composition") ==
        "composition { server = server.sgd { rate = 0.25, momentum = 0 } }");
  CHECK(eval(definition + "return strategy.slow { rate = 2 }") ==
        "s.lua:6: strategy.slow: 'rate' expected a number from 0 to 1, found the plain number 2\n"
        "    return strategy.slow { rate = 2 }\n"
        "                           ^\n"
        "    rate: of the server");
  CHECK(eval(definition + definition) ==
        "s.lua:7: strategy.slow is there already\n"
        "      name = \"slow\", doc = \"Small steps.\",\n"
        "      ^\n"
        "    choose another name");
  CHECK(eval("define.strategy { name = \"odd\", build = function(p) return 3 end }\n"
             "return strategy.odd {}") ==
        "s.lua:2: the build function of strategy.odd returned the plain number 3\n"
        "    return strategy.odd {}\n"
        "                    ^\n"
        "    it returns compose { ... }");
  CHECK(
      eval("define.strategy { name = \"odd\", params = { x = { defalt = 1 } }, build = print }") ==
      "s.lua:1: the param 'x' has no 'defalt'\n"
      "    define.strategy { name = \"odd\", params = { x = { defalt = 1 } }, build = print }\n"
      "                                    ^\n"
      "    did you mean 'default'?\n"
      "    there are default, low, high, doc, one_of and whole");
  CHECK(eval("define.strategy { name = \"odd\", params = { x = 1 }, build = function(p) return p.y "
             "end }\nreturn strategy.odd {}")
            .find("s.lua:1: p has no 'y'") == 0);
}
