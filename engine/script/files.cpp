// Files that a scenario names: data under its own folder and --data, Lua sources beside it. Nothing
// else of the machine can be named.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

namespace fs = std::filesystem;

constexpr const char* kModulesKey = "polyclinic.modules";

bool climbs(const fs::path& path) {
  return std::any_of(path.begin(), path.end(), [](const fs::path& step) { return step == ".."; });
}

// Whether the file lies in the folder once links are followed.
bool lies_in(const fs::path& file, const fs::path& folder) {
  std::error_code error;
  const fs::path real_file = fs::canonical(file, error);
  if (error) return false;
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) return false;
  const auto [end, ignored] =
      std::mismatch(real_folder.begin(), real_folder.end(), real_file.begin(), real_file.end());
  return end == real_folder.end();
}

std::string known_folders(const Interpreter& interpreter) {
  std::vector<std::string> folders{interpreter.folder};
  folders.insert(folders.end(), interpreter.options.data_folders.begin(),
                 interpreter.options.data_folders.end());
  return join_names(folders);
}

std::string check_name(lua_State* L, const char* what) {
  if (lua_type(L, 1) != LUA_TSTRING) {
    fail(L, fmt::format("{} takes a file's name, found {}", what, describe_argument(L, 1)),
         fmt::format("for example: {} \"icu.csv\"", what));
  }
  return lua_tostring(L, 1);
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) || fs::is_directory(path, error);
}

}  // namespace

FilePath find_data(lua_State* L, const std::string& asked) {
  auto& interpreter = Interpreter::of(L);
  const fs::path path(asked);
  if (asked.empty()) fail(L, "a file's name is empty");
  if (climbs(path)) {
    fail(L, fmt::format("the file \"{}\" climbs out of its folder with ..", asked),
         "name the folder with --data DIR, and the file relative to it");
  }
  if (path.is_absolute()) {
    std::vector<std::string> folders = interpreter.options.data_folders;
    folders.push_back(interpreter.folder);
    const bool inside = std::any_of(folders.begin(), folders.end(),
                                    [&](const std::string& f) { return lies_in(path, f); });
    if (inside && is_file(path)) return {asked, asked};
    fail(L, fmt::format("the file \"{}\" is not in a folder that this scenario may read", asked),
         fmt::format("it may read {}\nname further ones with --data DIR",
                     known_folders(interpreter)));
  }
  // a scenario may come from a stranger: a link beside it must not lead out of its folder
  const fs::path beside = fs::path(interpreter.folder) / path;
  if (is_file(beside) && lies_in(beside, interpreter.folder)) return {asked, beside.string()};
  for (const std::string& folder : interpreter.options.data_folders) {
    const fs::path candidate = fs::path(folder) / path;
    if (is_file(candidate)) return {asked, candidate.string()};
  }
  fail(L, fmt::format("there is no file \"{}\"", asked),
       fmt::format("looked in {}\nname its folder with --data DIR", known_folders(interpreter)));
}

int data_file(lua_State* L) {
  push_value(L, Value(find_data(L, check_name(L, lua_tostring(L, lua_upvalueindex(1))))));
  return 1;
}

// require "parts" reads parts.lua beside the scenario, once.
int require_module(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const std::string name = check_name(L, "require");
  const bool good = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (!good || name.empty() || name.front() == '.' || name.find("..") != std::string::npos) {
    fail(L, fmt::format("require \"{}\": a module's name has letters, digits, _ and dots", name),
         "require \"lib.parts\" reads lib/parts.lua beside the scenario");
  }
  lua_settop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, kModulesKey);
  if (lua_getfield(L, -1, name.c_str()) != LUA_TNIL) {
    if (lua_islightuserdata(L, -1)) {
      fail(L, fmt::format("require \"{}\": the module requires itself", name));
    }
    return 1;
  }
  lua_pop(L, 1);
  std::string relative = name;
  std::replace(relative.begin(), relative.end(), '.', '/');
  const fs::path path = fs::path(interpreter.folder) / (relative + ".lua");
  std::error_code error;
  if (!is_file(path) || !lies_in(path, interpreter.folder)) {
    fail(L, fmt::format("there is no module \"{}\"", name),
         fmt::format("looked for {}", path.string()));
  }
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error || bytes > std::uintmax_t{kSourceBytesMax}) {
    fail(L, fmt::format("{} is too large for a Lua source: more than 4 MiB", path.string()),
         "data belong into files: data \"...\"");
  }
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();

  lua_pushlightuserdata(L, &interpreter);
  lua_setfield(L, 2, name.c_str());
  interpreter.load_chunk(L, text.str(), path.string());
  lua_call(L, 0, 1);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushboolean(L, 1);
  }
  lua_pushvalue(L, -1);
  lua_setfield(L, 2, name.c_str());
  return 1;
}

}  // namespace polyclinic::script
