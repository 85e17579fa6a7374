// The Lua state of one scenario and its limits: memory, work, and errors that no script can
// swallow.
//
// Work is counted in Lua instructions, by a hook that all coroutines share; our own functions add
// what they do in C++, and every allocation adds its size, so that no loop over large strings runs
// past the budget. Memory is what Lua allocates plus what its values hold natively.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "script/source.hpp"

struct lua_State;
struct lua_Debug;

namespace polyclinic::script {

// Thrown by our functions towards Lua, and by Sandbox towards C++: the script cannot go on.
class Failure : public std::runtime_error {
 public:
  explicit Failure(std::vector<Mistake> mistakes);
  [[nodiscard]] const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<Mistake> mistakes_;
};

class Sandbox {
 public:
  Sandbox(std::int64_t memory_bytes_max, std::int64_t work_max);
  virtual ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  static Sandbox& of(lua_State* L);
  [[nodiscard]] lua_State* lua() const { return main_; }

  // Adds to the work done. Throws Failure when the budget is used up.
  void charge(lua_State* L, std::int64_t work);
  // Memory outside Lua's own heap. Throws Failure when there is no room for it.
  void adopt(lua_State* L, std::int64_t bytes);
  void release(std::int64_t bytes) { native_bytes_ -= bytes; }
  // For whoever catches a Lua error, with its status: true when a limit was reached, so that it
  // must be raised again.
  [[nodiscard]] bool exhausted(int status);

  // Reads source text (never bytecode) and pushes it as a function whose globals are the table at
  // the top of L's stack, which it pops. `shown` is what messages quote where that is not the text.
  // Throws Failure for a syntax error.
  void load(lua_State* L, std::string text, const std::string& name, std::string shown = {});
  // Calls the function below its arguments on the main thread. Budgets are fresh unless this is a
  // call within a call. Throws Failure.
  void call(int arguments, int results);
  // Starts or continues a coroutine; true when it yielded, its values are then on its stack.
  // Throws Failure.
  bool resume(lua_State* thread, int arguments);

  // The place of the scenario that is being executed, the user's rather than our own Lua's: the
  // call in its line where that can be told, else the line's first character.
  [[nodiscard]] SourcePosition where(lua_State* L) const;
  // The text of that name, or nullptr.
  [[nodiscard]] const SourceText* source(std::string_view name) const;
  // Of the names and texts of everything that was read.
  [[nodiscard]] std::uint64_t source_hash() const;
  // Where `name` stands in the line of `where`.
  [[nodiscard]] SourcePosition point_at(const SourcePosition& where, std::string_view name,
                                        bool member) const;
  // Parts of the program written in Lua: their lines are not shown while the user's can be.
  void set_embedded(std::string name) { embedded_.push_back(std::move(name)); }

  // Error value at the top of the stack to mistakes; looks at the stack of L for the place.
  [[nodiscard]] std::vector<Mistake> mistakes_of(lua_State* L) const;

 private:
  enum class Limit : std::uint8_t { none, work, memory, text };
  class Entry;

  // The first character of the line where Lua stands: which of its calls went over a limit is
  // chance.
  [[nodiscard]] SourcePosition line_of(lua_State* L) const;
  // Where the function at `level` of the stack, which stands in the line of `where`, has written
  // what it calls at this moment.
  [[nodiscard]] SourcePosition point_at_call(lua_State* L, int level,
                                             const SourcePosition& where) const;
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t size);
  static void count_hook(lua_State* L, lua_Debug* record);
  static int message_handler(lua_State* L);
  [[nodiscard]] bool has_room(void* block, std::size_t old_size, std::size_t size);
  void reach(Limit limit, lua_State* L);
  [[nodiscard]] Mistake limit_mistake() const;
  [[nodiscard]] Mistake syntax_mistake(lua_State* L, const std::string& name) const;
  // The mistakes of a call that ended with this status, its error value at the top of L's stack.
  [[nodiscard]] std::vector<Mistake> finish(lua_State* L, int status);

  lua_State* main_ = nullptr;
  lua_State* running_ = nullptr;
  std::int64_t bytes_ = 0;
  std::int64_t native_bytes_ = 0;
  std::int64_t bytes_max_;
  std::int64_t work_ = 0;
  std::int64_t work_max_;
  int entries_ = 0;
  bool bounded_ = false;
  Limit limit_ = Limit::none;
  Limit refused_ = Limit::none;  // why the last allocation failed; Lua may still find room
  SourcePosition limit_where_;
  SourcePosition handler_where_;  // of the last error
  std::map<std::string, std::unique_ptr<SourceText>, std::less<>> sources_;
  std::vector<std::string> embedded_;
};

// Throws a Failure at the place where Lua stands.
[[noreturn]] void fail(lua_State* L, std::string message, std::string hint = {});

// Pushes mistakes as an error value; takes them from one (nullptr: the value is something else).
void push_failure(lua_State* L, std::vector<Mistake> mistakes);
const std::vector<Mistake>* to_failure(lua_State* L, int index);

// Lua calls `guarded<f>`: exceptions of ours become Lua errors. Lua's own errors and yields, which
// are exceptions of another type, pass through untouched.
int raise_current_exception(lua_State* L);
template <int (*F)(lua_State*)>
int guarded(lua_State* L) {
  try {
    return F(L);
  } catch (const std::exception&) {
    return raise_current_exception(L);
  }
}

}  // namespace polyclinic::script
