// The scenario's timeline: Lua coroutines on the simulated clock, and `world` as they see it.
#pragma once

#include <cstdint>
#include <map>

#include "world/script_host.hpp"

struct lua_State;

namespace polyclinic::script {

class Interpreter;

class Timeline {
 public:
  // Asks the world to wake everything that the list says.
  void start(Interpreter& interpreter, const List& happenings, WorldControl& world);
  // Continues what asked to be woken with this token. Throws Failure.
  void resume(Interpreter& interpreter, std::uint64_t token);
  // Forgets the world.
  void finish(Interpreter& interpreter);

  // The world that runs, or nullptr.
  [[nodiscard]] WorldControl* world() const { return world_; }
  // spawn(f): a new coroutine that starts at this instant. The function is at the top of L's stack.
  void spawn(lua_State* L);

 private:
  struct Sleeper {
    int thread_ref = 0;      // a coroutine that waits, or
    FunctionRef start;       // a function to start: an entry of the timeline
    int arguments = 0;       // on the coroutine's stack, for its first start
    TimeNs period;           // every: the time between two starts; 0: once
    std::int64_t count = 0;  // starts so far
  };

  std::uint64_t add(Sleeper sleeper);
  void run(Interpreter& interpreter, int thread_ref, int arguments);
  void sleep(lua_State* thread, int thread_ref);

  WorldControl* world_ = nullptr;
  std::uint64_t next_token_ = 1;
  std::map<std::uint64_t, Sleeper> sleepers_;
};

// wait(duration) and spawn(f) of scenarios.
int wait_for(lua_State* L);
int spawn_function(lua_State* L);
// Pushes the object `world`.
void push_world(lua_State* L);

}  // namespace polyclinic::script
