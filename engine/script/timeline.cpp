#include "script/timeline.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <cmath>
#include <utility>

#include "base/check.hpp"
#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

lua_State* thread_of(lua_State* L, int ref) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
  lua_State* thread = lua_tothread(L, -1);
  lua_pop(L, 1);  // the registry keeps it
  ENSURE(thread != nullptr, "a sleeper keeps its coroutine");
  return thread;
}

}  // namespace

std::uint64_t Timeline::add(Sleeper sleeper) {
  sleepers_.emplace(next_token_, std::move(sleeper));
  return next_token_++;
}

void Timeline::start(Interpreter& interpreter, const List& happenings, WorldControl& world) {
  interpreter.phase = Interpreter::Phase::running;
  world_ = &world;
  for (const Value& item : happenings) {
    const Part* part = item.part();
    ENSURE(part != nullptr, "the schema of timeline asks for parts");
    const auto& when = part->at("when").as<Moment>();
    Sleeper sleeper;
    sleeper.start = part->at("run").as<FunctionRef>();
    if (when.kind == Moment::Kind::every) sleeper.period = when.time;
    const std::uint64_t token = add(std::move(sleeper));
    if (when.kind == Moment::Kind::from_version) {
      world.wake_at_version(when.version, token);
    } else {
      world.wake_at(when.time, token);
    }
  }
}

void Timeline::resume(Interpreter& interpreter, std::uint64_t token) {
  const auto it = sleepers_.find(token);
  ENSURE(it != sleepers_.end(), "the world wakes only what asked for it");
  Sleeper sleeper = it->second;
  if (sleeper.start.id < 0) {
    sleepers_.erase(it);
    run(interpreter, sleeper.thread_ref, sleeper.arguments);
    return;
  }

  // an entry of the timeline: a new coroutine each time; every(t) comes at t, 2t, 3t, ...
  if (sleeper.period.ns > 0) {
    const std::int64_t next = ++it->second.count + 1;
    if (next < kTimeMax.ns / sleeper.period.ns) {
      world_->wake_at(TimeNs{sleeper.period.ns * next}, token);
    }
  } else {
    sleepers_.erase(it);
  }
  lua_State* L = interpreter.lua();
  lua_State* thread = lua_newthread(L);
  const int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  interpreter.push_function(thread, sleeper.start);
  push_world(thread);
  run(interpreter, ref, 1);
}

void Timeline::run(Interpreter& interpreter, int thread_ref, int arguments) {
  lua_State* L = interpreter.lua();
  lua_State* thread = thread_of(L, thread_ref);
  bool waits = false;
  try {
    waits = interpreter.resume(thread, arguments);
  } catch (const Failure&) {
    luaL_unref(L, LUA_REGISTRYINDEX, thread_ref);
    throw;
  }
  if (waits) {
    sleep(thread, thread_ref);
  } else {
    luaL_unref(L, LUA_REGISTRYINDEX, thread_ref);
  }
}

// The coroutine yielded what it waits for; wait_for has checked it.
void Timeline::sleep(lua_State* thread, int thread_ref) {
  Sleeper sleeper;
  sleeper.thread_ref = thread_ref;
  const std::uint64_t token = add(std::move(sleeper));
  const Quantity* duration = to_quantity(thread, -1);
  const Value* moment = to_boxed(thread, -1);
  ENSURE(duration != nullptr || moment != nullptr, "wait yields a time or a moment");
  if (duration) {
    const TimeNs time{std::llround(duration->value)};
    lua_pop(thread, 1);
    world_->wake_at(world_->now() + time, token);
  } else {
    const std::int64_t version = moment->as<Moment>().version;
    lua_pop(thread, 1);
    world_->wake_at_version(version, token);
  }
}

void Timeline::spawn(lua_State* L) {
  lua_State* thread = lua_newthread(L);
  lua_insert(L, -2);
  lua_xmove(L, thread, 1);
  push_world(thread);
  Sleeper sleeper;
  sleeper.thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  sleeper.arguments = 1;
  world_->wake_at(world_->now(), add(std::move(sleeper)));
}

void Timeline::finish(Interpreter& interpreter) {
  for (const auto& [token, sleeper] : sleepers_) {
    if (sleeper.start.id < 0) luaL_unref(interpreter.lua(), LUA_REGISTRYINDEX, sleeper.thread_ref);
  }
  sleepers_.clear();
  world_ = nullptr;
}

int wait_for(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  if (interpreter.timeline.world() == nullptr || L == interpreter.lua()) {
    fail(L, "wait works only in a timeline",
         "put it into at(when, function(world) ... end), every(...) or spawn(...)");
  }
  if (lua_isyieldable(L) == 0) {
    fail(L, "wait cannot be used in a function that another function calls back",
         "table.sort, string.gsub and the like end before the clock moves");
  }
  const Quantity* duration = to_quantity(L, 1);
  const Value* boxed = to_boxed(L, 1);
  const Moment* moment = boxed ? boxed->get_if<Moment>() : nullptr;
  const bool is_time = duration && duration->dimension == Dimension::time;
  const bool is_version = moment && moment->kind == Moment::Kind::from_version;
  if (!is_time && !is_version) {
    fail(L, fmt::format("wait takes a time, found {}", describe_argument(L, 1)),
         "write for example wait(minutes(5)) or wait(from_version(10))");
  }
  if (is_time && !(duration->value >= 0 && duration->value <= static_cast<double>(kTimeMax.ns))) {
    fail(L, fmt::format("wait({}): from 0 to 100 years", to_text(*duration)));
  }
  lua_settop(L, 1);
  return lua_yield(L, 1);
}

int spawn_function(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  if (interpreter.timeline.world() == nullptr) {
    fail(L, "spawn works only while the world runs",
         "call it in a function of the timeline: at(when, function(world) spawn(f) end)");
  }
  if (lua_type(L, 1) != LUA_TFUNCTION) {
    fail(L, fmt::format("spawn takes a function, found {}", describe_argument(L, 1)),
         "for example: spawn(function(world) ... end)");
  }
  lua_settop(L, 1);
  interpreter.timeline.spawn(L);
  return 0;
}

}  // namespace polyclinic::script
