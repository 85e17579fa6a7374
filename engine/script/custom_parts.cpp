#include "script/custom_parts.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/hash.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

// A hash of what a function closes over: to find out whether a call changed it. Tables count by
// contents in any order, functions by identity and what they close over in turn.
class UpvalueHasher {
 public:
  explicit UpvalueHasher(lua_State* L) : L_(L) {}

  std::uint64_t hash(int index) {
    index = lua_absindex(L_, index);
    Hasher hasher;
    hasher.word(static_cast<std::uint64_t>(lua_type(L_, index)));
    switch (lua_type(L_, index)) {
      case LUA_TNIL: break;
      case LUA_TBOOLEAN: hasher.word(lua_toboolean(L_, index) != 0 ? 1 : 0); break;
      case LUA_TNUMBER: hasher.number(lua_tonumber(L_, index)); break;
      case LUA_TSTRING: hasher.text(lua_tostring(L_, index)); break;
      case LUA_TTABLE: hasher.word(hash_table(index)); break;
      case LUA_TFUNCTION: hasher.word(hash_function(index)); break;
      default: hasher.word(hash_userdata(index)); break;
    }
    return hasher.value();
  }

 private:
  static std::uint64_t identity(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);  // compared within one call, never kept
  }

  std::uint64_t hash_userdata(int index) {
    Hasher hasher;
    hasher.word(identity(lua_topointer(L_, index)));
    const VecView vec = to_vec(L_, index);
    for (const double x : vec) hasher.number(x);
    return hasher.value();
  }

  std::uint64_t hash_table(int index) {
    const void* pointer = lua_topointer(L_, index);
    luaL_checkstack(L_, 8, "tables within tables");
    if (push_contents(L_, index)) {
      lua_pop(L_, 1);  // cannot be changed
      return identity(pointer);
    }
    if (!seen_.insert(pointer).second) return identity(pointer);
    std::uint64_t sum = identity(pointer);
    lua_pushnil(L_);
    while (lua_next(L_, index) != 0) {
      Hasher entry;
      entry.word(hash(-2));
      entry.word(hash(-1));
      sum += entry.value();
      lua_pop(L_, 1);
    }
    return sum;
  }

  std::uint64_t hash_function(int index) {
    const void* pointer = lua_topointer(L_, index);
    luaL_checkstack(L_, 8, "functions within functions");
    Hasher hasher;
    hasher.word(identity(pointer));
    if (lua_iscfunction(L_, index) != 0 || !seen_.insert(pointer).second) return hasher.value();
    for (int i = 1; lua_getupvalue(L_, index, i) != nullptr; ++i) {
      hasher.word(hash(-1));
      lua_pop(L_, 1);
    }
    return hasher.value();
  }

  lua_State* L_;
  std::set<const void*> seen_;
};

struct Upvalue {
  std::string name;
  std::uint64_t hash = 0;
};

std::vector<Upvalue> upvalues_of(lua_State* L, int index) {
  index = lua_absindex(L, index);
  std::vector<Upvalue> all;
  for (int i = 1; const char* name = lua_getupvalue(L, index, i); ++i) {
    all.push_back({name, UpvalueHasher(L).hash(-1)});
    lua_pop(L, 1);
  }
  return all;
}

[[noreturn]] void refuse(const FunctionRef& function, std::string message, std::string hint = {}) {
  throw RunError(function.where, std::move(message), std::move(hint));
}

RunError run_error(const Failure& failure, const FunctionRef& function) {
  const Mistake& mistake = failure.mistakes().front();
  return {mistake.where.file.empty() ? function.where : mistake.where, mistake.message,
          mistake.hint};
}

void push_floats(lua_State* L, const ParameterVector& vector) {
  const std::vector<float> values = vector.compact();
  const std::span<double> out = push_new_vec(L, values.size(), true);
  std::copy(values.begin(), values.end(), out.begin());
}

void push_context(lua_State* L, std::span<const Update> updates, const AggregationContext& context,
                  const Value& state) {
  lua_createtable(L, 0, 8);
  const auto number_of_each = [&](const char* name, auto number) {
    const std::span<double> out = push_new_vec(L, updates.size(), true);
    std::transform(updates.begin(), updates.end(), out.begin(), number);
    lua_setfield(L, -2, name);
  };
  number_of_each("weights", [](const Update& update) { return update.weight; });
  number_of_each("steps", [](const Update& update) { return static_cast<double>(update.steps); });
  number_of_each("accumulated", [](const Update& update) { return update.accumulated; });
  if (context.losses) {
    number_of_each("losses", [](const Update& update) { return update.told_loss; });
  }
  if (context.global != nullptr) {
    push_floats(L, *context.global);
    lua_setfield(L, -2, "global");
  }
  if (context.previous != nullptr) {
    push_floats(L, *context.previous);
    lua_setfield(L, -2, "previous");
  }
  lua_pushinteger(L, context.version);
  lua_setfield(L, -2, "version");
  lua_pushinteger(L, static_cast<lua_Integer>(context.seed));
  lua_setfield(L, -2, "seed");
  push_value(L, state);
  lua_setfield(L, -2, "state");
}

// Numbers, text, true and false, vecs, and tables of them.
bool can_be_saved(const Value& value) {
  if (const auto* list = value.get_if<List>()) {
    return std::all_of(list->begin(), list->end(), can_be_saved);
  }
  if (const auto* table = value.get_if<Table>()) {
    return std::all_of(table->begin(), table->end(),
                       [](const auto& entry) { return can_be_saved(entry.second); });
  }
  return value.number() || value.get_if<std::string>() || value.get_if<bool>() ||
         value.get_if<Numbers>();
}

}  // namespace

std::string wrong_indices(std::span<const double> numbers, std::int64_t limit, const char* what) {
  std::set<double> seen;
  for (const double x : numbers) {
    if (!(x >= 1 && x <= static_cast<double>(limit)) || x != std::floor(x)) {
      return fmt::format("{} holds {}, and there are {} of them", what, x, limit);
    }
    if (!seen.insert(x).second) return fmt::format("{} holds {} twice", what, x);
  }
  return {};
}

void CustomParts::call(const FunctionRef& function, int arguments, int results) {
  lua_State* L = interpreter_.lua();
  const int at = lua_gettop(L) - arguments;
  lua_pushvalue(L, at);
  lua_insert(L, at);  // a copy stays below for the comparison afterwards
  const std::vector<Upvalue> before = upvalues_of(L, at);
  try {
    interpreter_.call(arguments, results);
  } catch (const Failure& failure) {
    lua_settop(L, at - 1);
    throw run_error(failure, function);
  }
  const std::vector<Upvalue> after = upvalues_of(L, at);
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].hash == after[i].hash) continue;
    lua_settop(L, at - 1);
    refuse(
        function,
        fmt::format("this function changed '{}', which lives outside of it", before[i].name),
        "what it remembers from one call to the next goes into ctx.state, so that it can be saved");
  }
  lua_remove(L, at);
}

std::vector<double> CustomParts::aggregate(const FunctionRef& function,
                                           std::span<const Update> updates,
                                           const AggregationContext& context) {
  lua_State* L = interpreter_.lua();
  const int top = lua_gettop(L);
  interpreter_.push_function(L, function);
  lua_createtable(L, static_cast<int>(updates.size()), 0);
  std::size_t size =
      context.global != nullptr ? static_cast<std::size_t>(context.global->layout().size()) : 0;
  for (std::size_t i = 0; i < updates.size(); ++i) {
    push_floats(L, updates[i].delta);
    size = to_vec(L, -1).size;
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  Value& state = states_.try_emplace(function.id, Table{}).first->second;
  push_context(L, updates, context, state);
  lua_pushvalue(L, -1);
  lua_insert(L, top + 1);  // the context stays below: its state is looked at afterwards
  call(function, 2, 2);
  try {
    std::vector<double> result = check_numbers(L, -2, "the result of an aggregation");
    if (result.size() != size) {
      refuse(function, fmt::format("this aggregation returned {} numbers for {} parameters",
                                   result.size(), size));
    }
    if (!std::all_of(result.begin(), result.end(), [](double x) { return std::isfinite(x); })) {
      refuse(function, "this aggregation returned a number that is not finite");
    }
    if (lua_isnil(L, -1)) lua_getfield(L, top + 1, "state");
    state = to_value(L, -1);
    if (!can_be_saved(state)) {
      refuse(function, "ctx.state holds something that cannot be saved",
             "it may hold numbers, text, true and false, vecs, and tables of these");
    }
    lua_settop(L, top);
    return result;
  } catch (const Failure& failure) {
    lua_settop(L, top);
    throw run_error(failure, function);
  }
}

std::vector<std::int32_t> CustomParts::take_indices(const FunctionRef& function, std::int64_t limit,
                                                    const char* what) {
  lua_State* L = interpreter_.lua();
  std::vector<double> numbers;
  try {
    numbers = check_numbers(L, -1, what);
  } catch (const Failure& failure) {
    throw run_error(failure, function);
  }
  const std::string wrong = wrong_indices(numbers, limit, what);
  if (!wrong.empty()) refuse(function, wrong, "whole numbers from 1");
  std::vector<std::int32_t> indices;
  indices.reserve(numbers.size());
  for (const double x : numbers) indices.push_back(static_cast<std::int32_t>(x) - 1);
  return indices;
}

std::vector<std::int32_t> CustomParts::select(const FunctionRef& function,
                                              std::span<const std::string> candidates,
                                              std::int64_t round, std::uint64_t seed) {
  lua_State* L = interpreter_.lua();
  const int top = lua_gettop(L);
  interpreter_.push_function(L, function);
  lua_createtable(L, static_cast<int>(candidates.size()), 0);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    lua_pushlstring(L, candidates[i].data(), candidates[i].size());
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(seed));
  lua_setfield(L, -2, "seed");
  lua_pushinteger(L, static_cast<lua_Integer>(round));
  lua_setfield(L, -2, "round");
  call(function, 2, 1);
  std::vector<std::int32_t> chosen =
      take_indices(function, static_cast<std::int64_t>(candidates.size()), "the selection");
  std::sort(chosen.begin(), chosen.end());
  lua_settop(L, top);
  return chosen;
}

double CustomParts::metric(const FunctionRef& function, std::span<const double> scores,
                           std::span<const double> labels, std::span<const PatientGroups> groups) {
  lua_State* L = interpreter_.lua();
  const int top = lua_gettop(L);
  interpreter_.push_function(L, function);
  push_vec(L, scores, true);
  push_vec(L, labels, true);
  // groups.sex[i] is the name of patient i's level; equal strings are one object in Lua
  lua_createtable(L, 0, static_cast<int>(groups.size()));
  for (const PatientGroups& group : groups) {
    lua_pushlstring(L, group.name.data(), group.name.size());
    lua_createtable(L, static_cast<int>(group.of_patient.size()), 0);
    for (std::size_t i = 0; i < group.of_patient.size(); ++i) {
      const std::string& level = group.levels[group.of_patient[i]];
      lua_pushlstring(L, level.data(), level.size());
      lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
    }
    lua_rawset(L, -3);
  }
  call(function, 3, 1);
  if (lua_type(L, -1) != LUA_TNUMBER) {
    const std::string found = describe_argument(L, -1);
    lua_settop(L, top);
    refuse(function, fmt::format("this metric returned {}, expected a number", found));
  }
  const double value = lua_tonumber(L, -1);
  lua_settop(L, top);
  return value;
}

std::vector<std::int32_t> CustomParts::batch_order(const FunctionRef& function,
                                                   std::string_view hospital, std::int64_t epoch,
                                                   std::int64_t rows) {
  lua_State* L = interpreter_.lua();
  const int top = lua_gettop(L);
  interpreter_.push_function(L, function);
  lua_pushlstring(L, hospital.data(), hospital.size());
  lua_pushinteger(L, rows);
  lua_pushinteger(L, epoch);
  call(function, 3, 1);
  std::vector<std::int32_t> order = take_indices(function, rows, "the order of rows");
  lua_settop(L, top);
  if (static_cast<std::int64_t>(order.size()) != rows) {
    refuse(function, fmt::format("the order of rows names {} of {} rows", order.size(), rows),
           "every row once");
  }
  return order;
}

}  // namespace polyclinic::script
