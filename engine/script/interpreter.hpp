// A sandbox with the vocabulary in it: what reads one scenario, and what keeps its functions
// afterwards. Internal to the script floor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/stream.hpp"
#include "script/sandbox.hpp"
#include "script/scenario_script.hpp"
#include "script/timeline.hpp"
#include "world/catalogue.hpp"

namespace polyclinic::script {

// A scenario is written by people; what is longer is data in the wrong place.
constexpr std::int64_t kSourceBytesMax = 4LL << 20U;

class Interpreter : public Sandbox {
 public:
  // library: our own Lua is being read; loading: the user's file; running: the world is.
  enum class Phase : std::uint8_t { library, loading, running };

  // Opens libraries and vocabulary and reads scripts/. `file` is the scenario's path: its folder is
  // where data and `require` look first.
  Interpreter(ScriptOptions options, const std::string& file);

  static Interpreter& of(lua_State* L) { return static_cast<Interpreter&>(Sandbox::of(L)); }

  // Runs a chunk with the scenario's globals; leaves its results on the main thread's stack and
  // returns their number. Throws Failure with every mistake collected.
  int run(std::string text, const std::string& name, std::string shown = {});
  // Pushes a chunk, its globals the scenario's.
  void load_chunk(lua_State* L, std::string text, const std::string& name, std::string shown = {});

  // Mistakes in fields are collected, so that one reading of the file reports all of them; while
  // the world runs they are raised at once.
  void report(std::vector<Mistake> found);

  // Functions that the engine calls later.
  FunctionRef function_at(lua_State* L, int index);
  void push_function(lua_State* L, const FunctionRef& function);

  // part(updates, ...): built-in parts are callable.
  int call_part(lua_State* L);
  // Counts the calls of one word in one line, so that twins are told apart.
  int next_call(const SourcePosition& where, const std::string& word);

  ScriptOptions options;
  std::string file;
  std::string folder;  // of the scenario; "." when the file has none
  Phase phase = Phase::library;
  Catalogue catalogue;
  Stream random;
  Timeline timeline;
  // `params` of the file.
  Table params;
  std::optional<SourcePosition> params_where;
  std::vector<Mistake> mistakes;
  // build functions of strategies, by name
  std::map<std::string, FunctionRef> strategy_builds;

 private:
  void read_library();

  std::map<const void*, FunctionRef> functions_by_address_;  // looked up only, never iterated
  std::vector<int> function_refs_;
  std::map<std::tuple<std::string, int, std::string>, int> calls_;
};

// Vocabulary: pushes the contents of the globals (vocabulary.cpp).
void push_globals(Interpreter& interpreter);
// Pushes these contents again.
void push_vocabulary(lua_State* L);
// Adds a callable for a schema to its namespace, or to the globals for a plain word.
void add_word(Interpreter& interpreter, const Schema& schema);
// strategy.NAME becomes the function at the top of L's stack, which is popped.
void add_strategy(lua_State* L, const std::string& name);
// A call of the vocabulary (fields.cpp), its arguments on L's stack from index `first` on: read
// with their places and resolved. `mistakes` are those found, in the order of the source.
Part resolve_call(lua_State* L, const Schema& schema, int first, std::vector<Mistake>& mistakes);
// The same; mistakes are reported. `good`: there were none.
Part read_part(lua_State* L, const Schema& schema, int first, bool* good = nullptr);

// data "...": finds a file, or throws Failure (files.cpp).
FilePath find_data(lua_State* L, const std::string& asked);

// Makes the composition of a strategy anew from its fields (define.cpp). Throws Failure.
void rebuild_strategy(Interpreter& interpreter, Part& strategy);

// Lua functions of other files.
int define_strategy(lua_State* L);    // define.cpp
int declare_params(lua_State* L);     // params.cpp
int data_file(lua_State* L);          // files.cpp
int require_module(lua_State* L);     // files.cpp
int make_distribution(lua_State* L);  // distributions.cpp
int inspect_value(lua_State* L);      // inspect.cpp

// Everything that this floor adds to the Catalogue: distributions, at, every.
std::vector<Schema> script_schemas();
std::vector<Schema> distribution_schemas();

// The value at `index` as `inspect` shows it, and as JSON.
std::string inspect_text(lua_State* L, int index);
std::string json_text(lua_State* L, int index);

// Texts of scripts/*.lua, by file name ("scripts/strategies.lua"); generated at build time.
const std::vector<std::pair<std::string, std::string>>& embedded_scripts();

// Raised for the options: --set of something the file does not declare.
void check_settings(Interpreter& interpreter);

}  // namespace polyclinic::script
