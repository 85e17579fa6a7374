#include "script/interpreter.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kEnvironmentKey = "polyclinic.globals";
// A loop that makes the same mistake a thousand times is not reported a thousand times.
constexpr std::size_t kMistakesMax = 40;

std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

// The source text of a function, and the plain values it closes over.
std::uint64_t code_hash(lua_State* L, int index, const lua_Debug& record) {
  Hasher hasher;
  if (const SourceText* text = Sandbox::of(L).source(record.source + 1)) {
    hasher.text(text->lines(record.linedefined, record.lastlinedefined));
  }
  for (int i = 1; const char* name = lua_getupvalue(L, index, i); ++i) {
    hasher.text(name);
    const int type = lua_type(L, -1);
    const bool plain = type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN ||
                       to_quantity(L, -1) != nullptr || to_vec(L, -1).valid();
    if (plain) hash_value(hasher, to_value(L, -1));
    lua_pop(L, 1);
  }
  return hasher.value();
}

bool same_mistake(const Mistake& a, const Mistake& b) {
  return a.message == b.message && a.where.line == b.where.line && a.where.file == b.where.file &&
         a.where.column == b.where.column;
}

}  // namespace

Interpreter::Interpreter(ScriptOptions given, const std::string& scenario)
    : Sandbox(given.memory_bytes_max, given.instructions_max),
      options(std::move(given)),
      file(scenario),
      folder(folder_of(scenario)),
      random(make_run_key(options.seed.value_or(1), 0), Purpose::kLuaRandom, 0) {
  for (Schema& schema : script_schemas()) catalogue.add(std::move(schema));
  for (Schema& schema : study_schemas(*catalogue.find("scenario", ""))) {
    catalogue.add(std::move(schema));
  }
  lua_State* L = lua();
  open_values(L);
  push_globals(*this);
  push_locked(L, "");
  lua_setfield(L, LUA_REGISTRYINDEX, kEnvironmentKey);
  read_library();
  phase = Phase::loading;
}

void Interpreter::read_library() {
  for (const auto& [name, text] : embedded_scripts()) {
    set_embedded(name);
    lua_pop(lua(), run(text, name));
  }
}

int Interpreter::run(std::string text, const std::string& name, std::string shown) {
  lua_State* L = lua();
  const int before = lua_gettop(L);
  try {
    load_chunk(L, std::move(text), name, std::move(shown));
    call(0, LUA_MULTRET);
  } catch (const Failure& failure) {
    // what was found before may be the cause: show it first
    std::vector<Mistake> all = std::move(mistakes);
    mistakes.clear();
    for (const Mistake& mistake : failure.mistakes()) all.push_back(mistake);
    throw Failure(std::move(all));
  }
  if (!mistakes.empty()) {
    std::vector<Mistake> all = std::move(mistakes);
    mistakes.clear();
    throw Failure(std::move(all));
  }
  return lua_gettop(L) - before;
}

void Interpreter::load_chunk(lua_State* L, std::string text, const std::string& name,
                             std::string shown) {
  lua_getfield(L, LUA_REGISTRYINDEX, kEnvironmentKey);
  load(L, std::move(text), name, std::move(shown));
}

void Interpreter::report(std::vector<Mistake> found) {
  if (found.empty()) return;
  if (phase == Phase::running) throw Failure(std::move(found));
  for (Mistake& mistake : found) {
    const bool known = std::any_of(mistakes.begin(), mistakes.end(), [&](const Mistake& other) {
      return same_mistake(mistake, other);
    });
    if (known) continue;
    mistakes.push_back(std::move(mistake));
    if (mistakes.size() >= kMistakesMax) {
      std::vector<Mistake> all = std::move(mistakes);
      mistakes.clear();
      throw Failure(std::move(all));
    }
  }
}

FunctionRef Interpreter::function_at(lua_State* L, int index) {
  index = lua_absindex(L, index);
  const void* address = lua_topointer(L, index);
  const auto known = functions_by_address_.find(address);
  if (known != functions_by_address_.end()) return known->second;
  lua_Debug record;
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &record);
  FunctionRef ref;
  ref.id = static_cast<std::int32_t>(function_refs_.size());
  if (record.source[0] == '@') {
    ref.where = point_at({record.source + 1, record.linedefined, 0}, "function", false);
  }
  ref.code_hash = code_hash(L, index, record);
  // anchored for the life of the state, so that its address stays its own
  lua_pushvalue(L, index);
  function_refs_.push_back(luaL_ref(L, LUA_REGISTRYINDEX));
  functions_by_address_.emplace(address, ref);
  return ref;
}

void Interpreter::push_function(lua_State* L, const FunctionRef& function) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, function_refs_.at(static_cast<std::size_t>(function.id)));
}

int Interpreter::next_call(const SourcePosition& where, const std::string& word) {
  return calls_[{where.file, where.line, word}]++;
}

}  // namespace polyclinic::script
