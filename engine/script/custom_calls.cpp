#include "script/custom_calls.hpp"

#include <fmt/format.h>
#include <lua.h>

#include <algorithm>
#include <cmath>

#include "script/call_context.hpp"
#include "script/custom_parts.hpp"
#include "script/interpreter.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

bool finite(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
}

// Updates of a call that hold only finite numbers, and what ctx says of each.
struct Given {
  std::vector<std::vector<double>> updates;
  std::vector<double> weights;  // sum 1
  std::vector<double> steps;
  std::vector<double> accumulated;
  std::vector<double> losses;  // empty: not told
};

Given given_updates(lua_State* L, const Part& part, const CallContext& told) {
  const auto all = check_vectors(L, 2, told.what().c_str());
  const std::vector<double> weights = told.weights(part, all.size());
  const std::vector<double> steps = told.positive("steps", all.size(), 1.0);
  const std::vector<double> accumulated = told.positive("accumulated", all.size(), 1.0);
  const std::vector<double> losses =
      told.has("losses") ? told.positive("losses", all.size(), 1.0) : std::vector<double>();
  Given given;
  double total = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!finite(all[i])) continue;
    given.updates.push_back(all[i]);
    given.weights.push_back(weights[i]);
    given.steps.push_back(steps[i]);
    given.accumulated.push_back(accumulated[i]);
    if (!losses.empty()) given.losses.push_back(losses[i]);
    total += weights[i];
  }
  if (given.updates.empty()) {
    fail(L, all.empty() ? "an aggregation of no updates"
                        : "an aggregation of updates that are all not finite");
  }
  for (double& weight : given.weights) weight /= total;
  return given;
}

// Sets a field of the new ctx on the top of the stack to that of the given one, if it has it.
bool hand_on(lua_State* L, const CallContext& told, const char* name) {
  if (!told.has(name)) return false;
  lua_getfield(L, 3, name);
  lua_setfield(L, -2, name);
  return true;
}

// The ctx of a run; what the call does not tell is as in a first round.
void push_context(lua_State* L, const CallContext& told, const Given& given) {
  lua_createtable(L, 0, 8);
  push_vec(L, given.weights, true);
  lua_setfield(L, -2, "weights");
  push_vec(L, given.steps, true);
  lua_setfield(L, -2, "steps");
  push_vec(L, given.accumulated, true);
  lua_setfield(L, -2, "accumulated");
  if (!given.losses.empty()) {
    push_vec(L, given.losses, true);
    lua_setfield(L, -2, "losses");
  }
  const std::size_t size = given.updates[0].size();
  for (const char* name : {"global", "previous"}) {
    if (!told.has(name)) continue;
    const std::vector<double> numbers = told.numbers(name);
    if (numbers.size() != size) {
      fail(L,
           fmt::format("ctx.{} has {} numbers, the updates have {}", name, numbers.size(), size));
    }
    push_vec(L, numbers, true);
    lua_setfield(L, -2, name);
  }
  if (!told.has("global")) {
    push_vec(L, std::vector<double>(size, 0.0), true);
    lua_setfield(L, -2, "global");
  }
  lua_pushinteger(L, told.integer("version", 1, 1));
  lua_setfield(L, -2, "version");
  lua_pushinteger(L, static_cast<lua_Integer>(told.seed()));
  lua_setfield(L, -2, "seed");
  if (!hand_on(L, told, "state")) {
    lua_newtable(L);
    lua_setfield(L, -2, "state");
  }
}

int call_aggregation(lua_State* L, const Part& part, const FunctionRef& function) {
  const CallContext told(L, "an aggregation", CallContext::of_aggregation());
  const Given given = given_updates(L, part, told);
  const int before = lua_gettop(L);
  Interpreter::of(L).push_function(L, function);
  lua_createtable(L, static_cast<int>(given.updates.size()), 0);
  for (std::size_t i = 0; i < given.updates.size(); ++i) {
    push_vec(L, given.updates[i], true);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  push_context(L, told, given);
  lua_call(L, 2, 2);  // the aggregate, and a new state where there is one
  const std::vector<double> result = check_numbers(L, before + 1, "the result of an aggregation");
  if (result.size() != given.updates[0].size()) {
    fail(L, fmt::format("this aggregation returned {} numbers for {} parameters", result.size(),
                        given.updates[0].size()));
  }
  if (!finite(result)) fail(L, "this aggregation returned a number that is not finite");
  if (!lua_isnil(L, -1)) return 2;
  lua_pop(L, 1);
  return 1;
}

int call_selection(lua_State* L, const FunctionRef& function) {
  const CallContext told(L, "a selection", {"seed", "round"});
  const std::size_t count = check_candidates(L);
  Interpreter::of(L).push_function(L, function);
  lua_pushvalue(L, 2);
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(told.seed()));
  lua_setfield(L, -2, "seed");
  lua_pushinteger(L, told.integer("round", 1, 1));
  lua_setfield(L, -2, "round");
  lua_call(L, 2, 1);
  std::vector<double> chosen = check_numbers(L, -1, "the selection");
  const std::string wrong =
      wrong_indices(chosen, static_cast<std::int64_t>(count), "the selection");
  if (!wrong.empty()) fail(L, wrong, "whole numbers from 1, each once");
  std::sort(chosen.begin(), chosen.end());  // as a run takes them
  lua_createtable(L, static_cast<int>(chosen.size()), 0);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    lua_pushinteger(L, static_cast<lua_Integer>(chosen[i]));
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  return 1;
}

// groups: of each division of the patients as many levels as there are scores.
void check_groups(lua_State* L, std::size_t patients) {
  if (lua_isnoneornil(L, 4)) {
    lua_settop(L, 3);
    lua_newtable(L);
    return;
  }
  if (lua_type(L, 4) != LUA_TTABLE) {
    fail(L, fmt::format("groups of a metric is a table, found {}", describe_argument(L, 4)));
  }
  lua_pushnil(L);
  while (lua_next(L, 4) != 0) {
    if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) != patients) {
      fail(L, fmt::format("groups of a metric: {} is not a list of the levels of {} patients",
                          describe_argument(L, -2), patients));
    }
    lua_pop(L, 1);
  }
}

int call_metric(lua_State* L, const FunctionRef& function) {
  if (lua_gettop(L) > 4) {
    fail(L, fmt::format("a metric is called with scores, labels and groups, found {} values",
                        lua_gettop(L) - 1));
  }
  lua_settop(L, 4);
  const std::vector<double> scores = check_numbers(L, 2, "scores of a metric");
  const std::vector<double> labels = check_numbers(L, 3, "labels of a metric");
  if (scores.size() != labels.size()) {
    fail(L, fmt::format("a metric of {} scores and {} labels", scores.size(), labels.size()));
  }
  check_groups(L, scores.size());
  Interpreter::of(L).push_function(L, function);
  push_vec(L, scores, true);
  push_vec(L, labels, true);
  lua_pushvalue(L, 4);
  lua_call(L, 3, 1);
  if (lua_type(L, -1) != LUA_TNUMBER) {
    fail(L, fmt::format("this metric returned {}, expected a number", describe_argument(L, -1)));
  }
  return 1;
}

}  // namespace

std::size_t check_candidates(lua_State* L) {
  if (lua_type(L, 2) != LUA_TTABLE) {
    fail(L,
         fmt::format("a selection takes a list of candidates, found {}", describe_argument(L, 2)));
  }
  return static_cast<std::size_t>(lua_rawlen(L, 2));
}

int call_custom(lua_State* L, const Part& part, const FunctionRef& function) {
  if (part.kind == "aggregation") return call_aggregation(L, part, function);
  if (part.kind == "selection") return call_selection(L, function);
  if (part.kind == "metric") return call_metric(L, function);
  fail(L, fmt::format("{}.{} cannot be called", part.kind, part.name));
}

}  // namespace polyclinic::script
