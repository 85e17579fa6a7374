#include "script/sandbox.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/hash.hpp"
#include "base/utf8.hpp"

namespace polyclinic::script {

namespace {

constexpr std::string_view kTooDeep = "calls are nested too deeply";

constexpr const char* kFailureType = "polyclinic.failure";
// The hook runs every so many instructions; a step of it is cheap beside them.
constexpr int kHookStep = 1000;
// Longer strings are refused: comparing two of them is one instruction, however long they are.
constexpr std::size_t kTextMax = std::size_t{16} << 20U;
// Bytes allocated for which one instruction is charged.
constexpr std::int64_t kBytesPerWork = 16;
// How far up the stack the place named by an error message is looked for.
constexpr int kLevelsSearched = 10;

// How Lua abbreviates a chunk's name in its messages (luaO_chunkid).
std::string short_name(const std::string& name) {
  constexpr std::size_t kLength = LUA_IDSIZE - 1;
  if (name.size() <= kLength) return name;
  return "..." + name.substr(name.size() - (kLength - 3));
}

// The name a message of Lua ends with, "(field 'clents')" or "near 'x'", with what it is.
std::pair<std::string, bool> blamed_name(const std::string& message) {
  for (const char* what : {"field '", "method '", "global '", "local '", "upvalue '", "near '"}) {
    const std::size_t begin = message.rfind(what);
    if (begin == std::string::npos) continue;
    const std::size_t name = begin + std::string_view(what).size();
    const std::size_t end = message.find('\'', name);
    const bool member = *what == 'f' || *what == 'm';
    if (end != std::string::npos) return {message.substr(name, end - name), member};
  }
  return {{}, false};
}

Mistake clean_message(SourcePosition where, std::string message) {
  if (message.find("stack overflow") != std::string::npos) {
    return {std::move(where), std::string(kTooDeep) + " (stack overflow)",
            "does a function call itself without end?"};
  }
  return {std::move(where), std::move(message), {}};
}

int collect_failure(lua_State* L) {
  auto** box = static_cast<std::vector<Mistake>**>(lua_touserdata(L, 1));
  delete *box;
  *box = nullptr;
  return 0;
}

int failure_text(lua_State* L) {
  const auto* mistakes = to_failure(L, 1);
  const std::string text = mistakes ? Failure(*mistakes).what() : "";
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

}  // namespace

Failure::Failure(std::vector<Mistake> mistakes)
    : std::runtime_error(ScenarioError(mistakes).what()), mistakes_(std::move(mistakes)) {}

// From C++ into Lua and back: the outermost one gives fresh budgets.
class Sandbox::Entry {
 public:
  Entry(Sandbox& sandbox, lua_State* thread)
      : sandbox_(sandbox), running_(sandbox.running_), bounded_(sandbox.bounded_) {
    if (sandbox.entries_++ == 0) {
      sandbox.work_ = 0;
      sandbox.limit_ = Limit::none;
      sandbox.refused_ = Limit::none;
    }
    sandbox.running_ = thread;
    sandbox.bounded_ = true;
    lua_sethook(thread, count_hook, LUA_MASKCOUNT, kHookStep);
  }
  ~Entry() {
    --sandbox_.entries_;
    sandbox_.running_ = running_;
    sandbox_.bounded_ = bounded_;
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  Sandbox& sandbox_;
  lua_State* running_;
  bool bounded_;
};

Sandbox::Sandbox(std::int64_t memory_bytes_max, std::int64_t work_max)
    : bytes_max_(memory_bytes_max), work_max_(work_max) {
  main_ = lua_newstate(allocate, this);
  if (main_ == nullptr) throw std::bad_alloc();
  *static_cast<Sandbox**>(lua_getextraspace(main_)) = this;
  running_ = main_;
  luaL_newmetatable(main_, kFailureType);
  lua_pushcfunction(main_, collect_failure);
  lua_setfield(main_, -2, "__gc");
  lua_pushcfunction(main_, failure_text);
  lua_setfield(main_, -2, "__tostring");
  lua_pushboolean(main_, 0);
  lua_setfield(main_, -2, "__metatable");
  lua_pop(main_, 1);
}

Sandbox::~Sandbox() {
  lua_close(main_);
}

Sandbox& Sandbox::of(lua_State* L) {
  return **static_cast<Sandbox**>(lua_getextraspace(L));
}

void* Sandbox::allocate(void* self, void* block, std::size_t old_size, std::size_t size) {
  auto& sandbox = *static_cast<Sandbox*>(self);
  const std::size_t before = block != nullptr ? old_size : 0;
  if (size == 0) {
    std::free(block);
    sandbox.bytes_ -= static_cast<std::int64_t>(before);
    return nullptr;
  }
  if (size > before && sandbox.bounded_ && !sandbox.has_room(block, old_size, size)) return nullptr;
  void* result = std::realloc(block, size);
  if (result == nullptr) return nullptr;
  sandbox.bytes_ += static_cast<std::int64_t>(size) - static_cast<std::int64_t>(before);
  return result;
}

bool Sandbox::has_room(void* block, std::size_t old_size, std::size_t size) {
  const std::size_t before = block != nullptr ? old_size : 0;
  const auto growth = static_cast<std::int64_t>(std::min(size - before, std::size_t{1} << 60U));

  // with no block, old_size says what kind of object is wanted
  Limit why = Limit::none;
  if (block == nullptr && old_size == LUA_TSTRING && size > kTextMax) why = Limit::text;
  if (growth > bytes_max_ - native_bytes_ - bytes_) why = Limit::memory;
  if (why == Limit::none) {
    work_ += growth / kBytesPerWork;
    if (work_ <= work_max_) return true;
    why = Limit::work;
  }
  refused_ = why;
  limit_where_ = line_of(running_);
  return false;
}

void Sandbox::reach(Limit limit, lua_State* L) {
  if (limit_ == Limit::none) limit_where_ = line_of(L);
  limit_ = limit;
  // from now on every instruction raises again, whoever catches the error
  lua_sethook(L, count_hook, LUA_MASKCOUNT, 1);
  throw Failure({limit_mistake()});
}

bool Sandbox::exhausted(int status) {
  if (status == LUA_ERRMEM && limit_ == Limit::none) {
    limit_ = refused_ == Limit::none ? Limit::memory : refused_;
  }
  return limit_ != Limit::none;
}

void Sandbox::charge(lua_State* L, std::int64_t work) {
  if (entries_ == 0) return;
  work_ += std::max<std::int64_t>(work, 0);
  if (work_ > work_max_) reach(Limit::work, L);
}

void Sandbox::adopt(lua_State* L, std::int64_t bytes) {
  native_bytes_ += bytes;
  if (!bounded_ || native_bytes_ + bytes_ <= bytes_max_) return;
  try {
    charge(L, bytes_ / kBytesPerWork);
    lua_gc(L, LUA_GCCOLLECT);
    if (native_bytes_ + bytes_ > bytes_max_) reach(Limit::memory, L);
  } catch (const Failure&) {
    native_bytes_ -= bytes;
    throw;
  }
}

void Sandbox::count_hook(lua_State* L, lua_Debug*) {
  auto& sandbox = of(L);
  try {
    sandbox.charge(L, kHookStep);
  } catch (const Failure& failure) {
    push_failure(L, failure.mistakes());
  }
  if (sandbox.limit_ != Limit::none) lua_error(L);
}

Mistake Sandbox::limit_mistake() const {
  switch (limit_) {
    case Limit::memory:
      return {limit_where_,
              fmt::format("the script needs more than {} MiB of memory", bytes_max_ >> 20U),
              "a table or string that grows without end?"};
    case Limit::text:
      return {limit_where_, fmt::format("a string longer than {} MiB", kTextMax >> 20U),
              "data belongs into files: data \"...\""};
    case Limit::work:
    case Limit::none: break;
  }
  return {limit_where_,
          fmt::format("the script computes for too long: more than {} instructions", work_max_),
          "an endless loop? The file and each function called later have this budget"};
}

namespace {

// Lua itself takes any bytes; they would come out again in names, titles and files.
void check_text(std::string_view text, const std::string& name) {
  const bool compiled = text.starts_with(LUA_SIGNATURE[0]);
  int line = 1;
  while (!text.empty() && !compiled) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      throw Failure({{{name, line, 0},
                      "this is not UTF-8 text",
                      "save the file as UTF-8, for Western European text by: iconv -f windows-1252 "
                      "-t utf-8 FILE"}});
    }
    if (text.front() == '\n') ++line;
    text.remove_prefix(length);
  }
}

}  // namespace

void Sandbox::load(lua_State* L, std::string text, const std::string& name, std::string shown) {
  try {
    check_text(text, name);
  } catch (const Failure&) {
    lua_pop(L, 1);
    throw;
  }
  int status = LUA_OK;
  {
    const Entry entry(*this, L);
    status = luaL_loadbufferx(L, text.data(), text.size(), ("@" + name).c_str(), "t");
  }
  if (shown.empty()) shown = std::move(text);
  sources_.insert_or_assign(name, std::make_unique<SourceText>(name, std::move(shown)));
  if (status == LUA_OK) {
    lua_insert(L, -2);
    lua_setupvalue(L, -2, 1);
    return;
  }
  std::vector<Mistake> mistakes;
  if (status == LUA_ERRSYNTAX) {
    mistakes.push_back(syntax_mistake(L, name));
  } else {
    mistakes = finish(L, status);
    // the parser's own stack has no line to show, and what it nests are no calls
    for (Mistake& mistake : mistakes) {
      if (mistake.where.file.empty()) mistake.where.file = name;
      if (!mistake.message.starts_with(kTooDeep)) continue;
      mistake.message =
          "brackets, functions or blocks are nested too deeply: about 200 are allowed";
      mistake.hint = "give the inner ones names: local inner = { ... }";
    }
  }
  lua_pop(L, 2);
  throw Failure(std::move(mistakes));
}

Mistake Sandbox::syntax_mistake(lua_State* L, const std::string& name) const {
  std::string message = luaL_tolstring(L, -1, nullptr);
  lua_pop(L, 1);
  const std::string prefix = short_name(name) + ":";
  if (message.compare(0, prefix.size(), prefix) != 0) {
    // "attempt to load a binary chunk": there is no line
    if (message.find("binary") != std::string::npos) {
      return {{name, 0, 0}, "this is compiled Lua, not source text", "give the .lua file itself"};
    }
    return {{name, 0, 0}, message, {}};
  }
  message.erase(0, prefix.size());
  int line = std::atoi(message.c_str());
  // what is missing at the end of the file is said where its text ends
  const auto blank = [&](int number) {
    return source(name)->line(number).find_first_not_of(" \t") == std::string_view::npos;
  };
  while (line > 1 && blank(line)) --line;
  const std::size_t colon = message.find(": ");
  if (colon != std::string::npos) message.erase(0, colon + 2);
  const auto [word, member] = blamed_name(message);
  SourcePosition where{name, line, 0};
  const std::size_t column =
      word.empty() ? std::string::npos : source(name)->line(line).rfind(word);
  if (column != std::string_view::npos) {
    where.column = static_cast<int>(column) + 1;
  } else {
    where = point_at(where, {}, false);
  }
  Mistake mistake = clean_message(std::move(where), message);
  if (mistake.message == message) mistake.message = "Lua cannot read this: " + message;
  return mistake;
}

void Sandbox::call(int arguments, int results) {
  const int function = lua_gettop(main_) - arguments;
  std::vector<Mistake> mistakes;
  {
    const Entry entry(*this, main_);
    lua_pushcfunction(main_, message_handler);
    lua_insert(main_, function);
    const int status = lua_pcall(main_, arguments, results, function);
    lua_remove(main_, function);
    if (status == LUA_OK) return;
    mistakes = finish(main_, status);
  }
  lua_pop(main_, 1);
  throw Failure(std::move(mistakes));
}

bool Sandbox::resume(lua_State* thread, int arguments) {
  const Entry entry(*this, thread);
  int results = 0;
  const int status = lua_resume(thread, nullptr, arguments, &results);
  if (status == LUA_YIELD) return true;
  if (status == LUA_OK) return false;
  handler_where_ = where(thread);
  throw Failure(finish(thread, status));
}

int Sandbox::message_handler(lua_State* L) {
  auto& sandbox = of(L);
  sandbox.handler_where_ = sandbox.where(L);
  if (to_failure(L, 1) == nullptr) push_failure(L, sandbox.mistakes_of(L));
  return 1;
}

std::vector<Mistake> Sandbox::finish(lua_State* L, int status) {
  if (exhausted(status)) return {limit_mistake()};
  if (status == LUA_ERRERR && to_failure(L, -1) == nullptr) {
    return {clean_message(handler_where_, "stack overflow")};
  }
  return mistakes_of(L);
}

std::vector<Mistake> Sandbox::mistakes_of(lua_State* L) const {
  if (const auto* mistakes = to_failure(L, -1)) return *mistakes;
  if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) {
    return {
        {where(L),
         fmt::format("the script raised an error that is no text but a {}", luaL_typename(L, -1)),
         "write error(\"what is wrong\")"}};
  }
  std::size_t length = 0;
  const char* text = lua_tolstring(L, -1, &length);
  std::string message(text, length);

  // Lua puts the place in front: find out which level of the stack it means
  lua_Debug record;
  for (int level = 0; level < kLevelsSearched && lua_getstack(L, level, &record) != 0; ++level) {
    lua_getinfo(L, "Sl", &record);
    const std::string prefix = fmt::format("{}:{}: ", record.short_src, record.currentline);
    if (message.compare(0, prefix.size(), prefix) != 0) continue;
    message.erase(0, prefix.size());
    const auto [word, member] = blamed_name(message);
    const SourcePosition place{record.source + 1, record.currentline, 0};
    return {
        clean_message(word.empty() ? point_at_call(L, level, place) : point_at(place, word, member),
                      std::move(message))};
  }
  return {clean_message(where(L), std::move(message))};
}

SourcePosition Sandbox::where(lua_State* L) const {
  lua_Debug record;
  SourcePosition ours;
  for (int level = 0; lua_getstack(L, level, &record) != 0; ++level) {
    lua_getinfo(L, "Sl", &record);
    if (record.currentline <= 0 || record.source[0] != '@') continue;
    const SourcePosition place{record.source + 1, record.currentline, 0};
    if (std::find(embedded_.begin(), embedded_.end(), place.file) == embedded_.end()) {
      return point_at_call(L, level, place);
    }
    if (ours.file.empty()) ours = place;
  }
  return ours;
}

SourcePosition Sandbox::line_of(lua_State* L) const {
  return point_at(where(L), {}, false);
}

SourcePosition Sandbox::point_at_call(lua_State* L, int level, const SourcePosition& where) const {
  const SourceText* text = source(where.file);
  if (text == nullptr) return where;
  lua_Debug callee;
  const bool calls = level > 0 && lua_getstack(L, level - 1, &callee) != 0 &&
                     lua_getinfo(L, "n", &callee) != 0 && callee.name != nullptr;
  if (!calls) return text->find_name(where.line, {}, false);

  // the arguments of the innermost call lie on the stack
  const auto argument = [&](int index) -> std::string_view {
    return level == 1 && lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
  };
  const std::string_view name = callee.name;
  const std::string_view what = callee.namewhat;
  if (what == "metamethod") {
    const bool key = name == "index" || name == "newindex";
    return key ? text->find_key(where.line, argument(2)) : text->find_operator(where.line, name);
  }
  return text->find_called(where.line, name, what == "method" || what == "field", argument(1));
}

const SourceText* Sandbox::source(std::string_view name) const {
  const auto it = sources_.find(name);
  return it == sources_.end() ? nullptr : it->second.get();
}

std::uint64_t Sandbox::source_hash() const {
  Hasher hasher;
  for (const auto& [name, source] : sources_) {
    hasher.text(name);
    hasher.text(source->text());
  }
  return hasher.value();
}

SourcePosition Sandbox::point_at(const SourcePosition& where, std::string_view name,
                                 bool member) const {
  const SourceText* text = source(where.file);
  return text ? text->find_name(where.line, name, member) : where;
}

void fail(lua_State* L, std::string message, std::string hint) {
  throw Failure({{Sandbox::of(L).where(L), std::move(message), std::move(hint)}});
}

void push_failure(lua_State* L, std::vector<Mistake> mistakes) {
  auto** box = static_cast<std::vector<Mistake>**>(lua_newuserdatauv(L, sizeof(void*), 0));
  *box = nullptr;
  luaL_setmetatable(L, kFailureType);
  // freed by collect_failure
  *box = std::make_unique<std::vector<Mistake>>(std::move(mistakes)).release();
}

const std::vector<Mistake>* to_failure(lua_State* L, int index) {
  auto** box = static_cast<std::vector<Mistake>**>(luaL_testudata(L, index, kFailureType));
  return box ? *box : nullptr;
}

int raise_current_exception(lua_State* L) {
  std::vector<Mistake> mistakes;
  try {
    throw;
  } catch (const Failure& e) {
    mistakes = e.mistakes();
  } catch (const ScenarioError& e) {
    mistakes = e.mistakes();
  } catch (const RunError& e) {
    mistakes.push_back(e.mistake());
  } catch (const std::exception& e) {
    mistakes.push_back({{}, e.what(), {}});
  }
  // a place is better than none: where the script is
  for (Mistake& mistake : mistakes) {
    if (mistake.where.file.empty()) mistake.where = Sandbox::of(L).where(L);
  }
  push_failure(L, std::move(mistakes));
  mistakes = {};
  return lua_error(L);
}

}  // namespace polyclinic::script
