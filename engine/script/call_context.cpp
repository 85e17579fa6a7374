#include "script/call_context.hpp"

#include <fmt/format.h>
#include <lua.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "fed/weights.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

constexpr int kPlace = 3;

}  // namespace

CallContext::CallContext(lua_State* L, std::string what, const std::vector<std::string>& fields)
    : L_(L), what_(std::move(what)), given_(lua_type(L, kPlace) == LUA_TTABLE) {
  if (lua_gettop(L) > kPlace) {
    fail(L, fmt::format("{} is called with a list and a ctx, found {} values", what_,
                        lua_gettop(L) - 1));
  }
  if (lua_isnoneornil(L, kPlace)) return;
  if (!given_) {
    fail(L, fmt::format("ctx of {} is a table, found {}", what_, describe_argument(L, kPlace)));
  }
  lua_pushnil(L);
  while (lua_next(L, kPlace) != 0) {
    lua_pop(L, 1);
    const std::string name =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : describe_argument(L, -1);
    if (std::find(fields.begin(), fields.end(), name) != fields.end()) continue;
    std::string hint = did_you_mean(name, fields);
    if (hint.empty()) hint = fmt::format("it may hold {}", join_names(fields));
    fail(L, fmt::format("ctx of {} has no field '{}'", what_, name), std::move(hint));
  }
}

bool CallContext::has(const char* name) const {
  if (!given_) return false;
  const bool found = lua_getfield(L_, kPlace, name) != LUA_TNIL;
  lua_pop(L_, 1);
  return found;
}

std::vector<double> CallContext::numbers(const char* name) const {
  if (!has(name)) return {};
  lua_getfield(L_, kPlace, name);
  std::vector<double> numbers = check_numbers(L_, -1, fmt::format("ctx.{}", name).c_str());
  lua_pop(L_, 1);
  return numbers;
}

std::vector<double> CallContext::positive(const char* name, std::size_t count,
                                          double standard) const {
  if (!has(name)) return std::vector<double>(count, standard);
  std::vector<double> values = numbers(name);
  if (values.size() != count) {
    fail(L_, fmt::format("ctx.{} has {} numbers for {} updates", name, values.size(), count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i]) && values[i] > 0) continue;
    fail(L_, fmt::format("ctx.{}: item {} is {}, expected a number above zero", name, i + 1,
                         values[i]));
  }
  return values;
}

std::int64_t CallContext::integer(const char* name, std::int64_t standard,
                                  std::int64_t least) const {
  if (!has(name)) return standard;
  lua_getfield(L_, kPlace, name);
  int exact = 0;
  const lua_Integer value =
      lua_type(L_, -1) == LUA_TNUMBER ? lua_tointegerx(L_, -1, &exact) : lua_Integer{0};
  if (exact == 0) {
    fail(L_, fmt::format("ctx.{} is a whole number, found {}", name, describe_argument(L_, -1)));
  }
  lua_pop(L_, 1);
  if (value < least) fail(L_, fmt::format("ctx.{} is at least {}, found {}", name, least, value));
  return value;
}

std::uint64_t CallContext::seed() const {
  return static_cast<std::uint64_t>(integer("seed", 0, std::numeric_limits<std::int64_t>::min()));
}

std::vector<double> CallContext::weights(const Part& part, std::size_t count) const {
  const bool by = part.given("weights");
  if (by && part.text("weights") == "equal") return std::vector<double>(count, 1.0);
  if (by && !has("weights")) {
    fail(L_,
         fmt::format("{}.{} counts updates by size, and the call tells no sizes", part.kind,
                     part.name),
         "ctx.weights, one number per update; or weights = \"equal\"");
  }
  std::vector<double> sizes = positive("weights", count, 1.0);
  if (!part.given("max_share")) return sizes;
  WeightRule rule;
  rule.max_share = part.number("max_share");
  return shares(rule, std::span<const double>(sizes)).share;
}

std::vector<std::string> CallContext::of_aggregation() {
  return {"weights",  "steps",   "accumulated", "losses", "global",
          "previous", "version", "seed",        "state"};
}

}  // namespace polyclinic::script
