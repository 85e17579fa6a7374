// polyclinic eval: what a piece of Lua returns, as text and as JSON.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "help.hpp"

using namespace polyclinic;
using test::eval;

TEST_CASE("an expression needs no return; a program may have several results or none") {
  CHECK(eval("1 + 1") == "2");
  CHECK(eval("local x = 3 return x, x * 2") == "3\n6");
  CHECK(eval("local x = 3") == "");
  CHECK(eval("return nil") == "nil");
}

TEST_CASE("tables print in order, on one line where they fit") {
  CHECK(eval("{ b = 1, a = { 1, \"two\", true }, [\"not a name\"] = hours(1) }") ==
        "{ a = { 1, \"two\", true }, b = 1, [\"not a name\"] = 1 h }");
  CHECK(eval("{ 1, 2, x = 3 }") == "{ 1, 2, x = 3 }");
  CHECK(eval("{}") == "{}");
  const std::string text = eval("local t = {} for i = 1, 40 do t[i] = 1000 + i end return t");
  CHECK(text.substr(0, 20) == "{\n  1001,\n  1002,\n  ");
  CHECK(eval("{ [1] = 1, [3] = 3 }") == "{ 1, ... }");
}

TEST_CASE("JSON has quantities with their dimension, parts with their fields") {
  const auto json = [](const std::string& code) {
    return nlohmann::json::parse(eval(code, {}, true));
  };
  CHECK(json("{ a = 1, b = { 1, 2.5 } }") == nlohmann::json({{"a", 1}, {"b", {1, 2.5}}}));
  CHECK(json("ms(40)") ==
        nlohmann::json({{"value", 4e7}, {"dimension", "time"}, {"text", "40 ms"}}));
  CHECK(json("vec { 1, 2 }") == nlohmann::json({1, 2}));
  CHECK(json("stop { versions = 3 }") ==
        nlohmann::json({{"part", "stop"}, {"fields", {{"versions", 3}}}}));
  CHECK(json("1, \"x\"") == nlohmann::json({1, "x"}));
  CHECK(json("0 / 0").is_null());
  CHECK(json("local x = 1").is_null());
  CHECK(json("{}") == nlohmann::json::array());
  CHECK(json("uniform(1, 2)") == "uniform { low = 1, high = 2 }");
}

TEST_CASE("inspect returns what it shows") {
  CHECK(eval("return inspect(1) + 1") == "2");
}
