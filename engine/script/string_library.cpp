// string without dump, %p and unbounded patterns or repetitions; utf8 with its work counted.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "script/libraries.hpp"
#include "script/pattern.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kFormatKey = "polyclinic.format";

std::string_view check_text(lua_State* L, int index, const char* what) {
  if (lua_type(L, index) != LUA_TSTRING && lua_type(L, index) != LUA_TNUMBER) {
    fail(L, fmt::format("{} takes a string, found {}", what, describe_argument(L, index)));
  }
  std::size_t length = 0;
  const char* text = lua_tolstring(L, index, &length);
  return {text, length};
}

Pattern make_pattern(lua_State* L, std::string_view text, std::string_view pattern) {
  return {text, pattern, [L](std::int64_t work) { Sandbox::of(L).charge(L, work); }};
}

// A relative start (-1: the last character) to an index from 0; nullopt-like: beyond the end.
std::size_t start_index(lua_State* L, int index, std::size_t length) {
  const lua_Integer start = luaL_optinteger(L, index, 1);
  if (start > 0) return static_cast<std::size_t>(start) - 1;
  if (start == 0 || static_cast<std::size_t>(-start) > length) return 0;
  return length - static_cast<std::size_t>(-start);
}

void push_capture(lua_State* L, std::string_view text, const Pattern::Capture& capture) {
  if (capture.length == Pattern::kPosition) {
    lua_pushinteger(L, static_cast<lua_Integer>(capture.begin) + 1);
  } else {
    lua_pushlstring(L, text.data() + capture.begin, capture.length);
  }
}

// All captures, or the whole match where there are none; returns their number.
int push_captures(lua_State* L, std::string_view text, const Pattern& pattern, std::size_t begin,
                  std::size_t end, bool whole_if_none) {
  const auto& captures = pattern.captures();
  if (captures.empty()) {
    if (!whole_if_none) return 0;
    lua_pushlstring(L, text.data() + begin, end - begin);
    return 1;
  }
  luaL_checkstack(L, static_cast<int>(captures.size()), "too many captures");
  for (const Pattern::Capture& capture : captures) push_capture(L, text, capture);
  return static_cast<int>(captures.size());
}

int push_found(lua_State* L, std::size_t begin, std::size_t end) {
  lua_pushinteger(L, static_cast<lua_Integer>(begin) + 1);
  lua_pushinteger(L, static_cast<lua_Integer>(end));
  return 2;
}

int search(lua_State* L, bool find) {
  const std::string_view text = check_text(L, 1, find ? "string.find" : "string.match");
  const std::string_view wanted = check_text(L, 2, find ? "string.find" : "string.match");
  std::size_t begin = start_index(L, 3, text.size());
  if (begin > text.size()) {
    lua_pushnil(L);
    return 1;
  }
  const bool plain = find && (lua_toboolean(L, 4) != 0 ||
                              wanted.find_first_of("^$*+?.([%-") == std::string_view::npos);
  if (plain) {
    Sandbox::of(L).charge(L, static_cast<std::int64_t>((text.size() - begin) / 4));
    const std::size_t at = text.find(wanted, begin);
    if (at != std::string_view::npos) return push_found(L, at, at + wanted.size());
    lua_pushnil(L);
    return 1;
  }
  Pattern pattern = make_pattern(L, text, wanted);
  do {
    std::size_t end = 0;
    Sandbox::of(L).charge(L, 1);
    if (!pattern.match(begin, &end)) continue;
    if (!find) return push_captures(L, text, pattern, begin, end, true);
    push_found(L, begin, end);
    return 2 + push_captures(L, text, pattern, begin, end, false);
  } while (begin++ < text.size() && !pattern.anchored());
  lua_pushnil(L);
  return 1;
}

// PatternError becomes a message at the script's place.
template <int (*F)(lua_State*)>
int with_pattern(lua_State* L) {
  try {
    return F(L);
  } catch (const PatternError& e) {
    fail(L, fmt::format("the pattern \"{}\": {}", check_text(L, 2, "pattern"), e.message));
  }
}

int find(lua_State* L) {
  return search(L, true);
}
int match(lua_State* L) {
  return search(L, false);
}

// upvalues: text, pattern, next start, end of the last match (so that an empty one is not met
// twice).
int gmatch_step(lua_State* L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  const std::string_view text = check_text(L, 1, "string.gmatch");
  const std::string_view wanted = check_text(L, 2, "string.gmatch");
  Pattern pattern = make_pattern(L, text, wanted);
  const lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
  auto begin = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(3)));
  for (; begin <= text.size(); ++begin) {
    std::size_t end = 0;
    Sandbox::of(L).charge(L, 1);
    if (!pattern.match(begin, &end) || static_cast<lua_Integer>(end) == last) continue;
    lua_pushinteger(L, static_cast<lua_Integer>(end));
    lua_copy(L, -1, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return push_captures(L, text, pattern, begin, end, true);
  }
  return 0;
}

int gmatch(lua_State* L) {
  const std::string_view text = check_text(L, 1, "string.gmatch");
  check_text(L, 2, "string.gmatch");
  const std::size_t begin = std::min(start_index(L, 3, text.size()), text.size() + 1);
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(begin));
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, guarded<with_pattern<gmatch_step>>, 4);
  return 1;
}

// Adds the replacement text of gsub with %0 to %9 filled in.
void add_template(lua_State* L, std::string& out, std::string_view text, const Pattern& pattern,
                  std::size_t begin, std::size_t end) {
  const std::string_view with = check_text(L, 3, "string.gsub");
  for (std::size_t i = 0; i < with.size(); ++i) {
    if (with[i] != '%') {
      out += with[i];
      continue;
    }
    const char c = ++i < with.size() ? with[i] : '\0';
    if (c == '%') {
      out += '%';
    } else if (c == '0') {
      out += text.substr(begin, end - begin);
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      const int count = push_captures(L, text, pattern, begin, end, true);
      if (c - '0' > count) throw PatternError{"invalid capture index in the replacement"};
      const int at = lua_gettop(L) - count + (c - '0');
      out += check_text(L, at, "string.gsub");
      lua_pop(L, count);
    } else {
      throw PatternError{"invalid use of '%' in the replacement"};
    }
  }
}

// Adds what a table or function says; the match itself where they say false or nil.
void add_looked_up(lua_State* L, std::string& out, std::string_view text, const Pattern& pattern,
                   std::size_t begin, std::size_t end) {
  if (lua_type(L, 3) == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    const int count = push_captures(L, text, pattern, begin, end, true);
    lua_call(L, count, 1);
  } else {
    const int count = push_captures(L, text, pattern, begin, end, true);
    lua_pop(L, count - 1);
    lua_gettable(L, 3);
  }
  if (lua_toboolean(L, -1) == 0) {
    out += text.substr(begin, end - begin);
  } else {
    out += check_text(L, -1, "string.gsub's replacement");
  }
  lua_pop(L, 1);
}

int gsub(lua_State* L) {
  const std::string_view text = check_text(L, 1, "string.gsub");
  const std::string_view wanted = check_text(L, 2, "string.gsub");
  const int type = lua_type(L, 3);
  const bool looked_up = type == LUA_TTABLE || type == LUA_TFUNCTION;
  if (!looked_up) check_text(L, 3, "string.gsub");
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(text.size()) + 1);
  Pattern pattern = make_pattern(L, text, wanted);
  std::string out;
  lua_Integer count = 0;
  std::size_t begin = 0;
  std::size_t last = std::string_view::npos;
  while (count < most) {
    std::size_t end = 0;
    Sandbox::of(L).charge(L, 1 + static_cast<std::int64_t>(out.size() >> 20U));
    if (pattern.match(begin, &end) && end != last) {
      ++count;
      if (looked_up) {
        add_looked_up(L, out, text, pattern, begin, end);
      } else {
        add_template(L, out, text, pattern, begin, end);
      }
      constexpr std::size_t kOutMax = std::size_t{16} << 20U;
      if (out.size() > kOutMax) fail(L, "string.gsub makes a string longer than 16 MiB");
      begin = last = end;
    } else if (begin < text.size()) {
      out += text[begin++];
    } else {
      break;
    }
    if (pattern.anchored()) break;
  }
  if (begin < text.size()) out += text.substr(begin);
  lua_pushlstring(L, out.data(), out.size());
  lua_pushinteger(L, count);
  return 2;
}

int repeat(lua_State* L) {
  const std::string_view text = check_text(L, 1, "string.rep");
  const lua_Integer count = luaL_checkinteger(L, 2);
  const std::string_view between = lua_isnoneornil(L, 3) ? "" : check_text(L, 3, "string.rep");
  const std::size_t each = text.size() + between.size();
  if (count <= 0 || each == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  constexpr std::size_t kLengthMax = std::size_t{16} << 20U;
  if (static_cast<std::size_t>(count) > kLengthMax / each + 1) {
    fail(L, "string.rep makes a string longer than 16 MiB",
         "data belongs into files: data \"...\"");
  }
  std::string out;
  out.reserve(each * static_cast<std::size_t>(count));
  for (lua_Integer i = 0; i < count; ++i) {
    if (i > 0) out += between;
    out += text;
  }
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

int format(lua_State* L) {
  push_formatted(L, 1);
  return 1;
}

// Where the conversion that begins with the % at `at` has its letter (or its second %).
std::size_t conversion_end(std::string_view format, std::size_t at) {
  std::size_t i = at + 1;
  if (i < format.size() && format[i] == '%') return i;
  while (i < format.size() && std::isalpha(static_cast<unsigned char>(format[i])) == 0) ++i;
  return i;
}

// The conversion as one of text with the same width and side: "%-8.3f" is "%-8s".
std::string as_text(std::string_view conversion) {
  std::string width;
  for (const char c : conversion.substr(1)) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (c == '.' || std::isalpha(static_cast<unsigned char>(c)) != 0) break;
    // of the flags only - goes with text
    if (c == '-' || (digit && (c != '0' || !width.empty()))) width += c;
  }
  return "%" + width + "s";
}

// A function of Lua's own (upvalue 1), its work counted by the length of its text.
int counted(lua_State* L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    Sandbox::of(L).charge(L, static_cast<std::int64_t>(lua_rawlen(L, 1) / 4));
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

// Copies functions from the table below the top one, their work counted or not.
void take(lua_State* L, std::initializer_list<const char*> names, bool count) {
  for (const char* name : names) {
    lua_getfield(L, -2, name);
    if (count) lua_pushcclosure(L, guarded<counted>, 1);
    lua_setfield(L, -2, name);
  }
}

}  // namespace

void push_formatted(lua_State* L, int first, const char* nil_text) {
  const std::string_view wanted = check_text(L, first, "string.format");
  std::string used;  // the format with the conversions of nil replaced
  const int last = lua_gettop(L);
  luaL_checkstack(L, last + 4, "too many arguments");
  lua_getfield(L, LUA_REGISTRYINDEX, kFormatKey);
  for (int i = first; i <= last; ++i) lua_pushvalue(L, i);
  const int base = last + 2;  // the format itself; its arguments follow
  int argument = base;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::size_t begin = i;
    if (wanted[i] == '%') i = conversion_end(wanted, i);
    used += wanted.substr(begin, i + 1 - begin);
    if (wanted[begin] != '%' || i >= wanted.size() || wanted[i] == '%') continue;
    ++argument;
    if (wanted[i] == 'p') fail(L, "string.format has no %p", "addresses differ from run to run");
    if (argument > lua_gettop(L)) continue;
    const bool shown = nil_text != nullptr && lua_isnil(L, argument);
    if (shown) {
      used.resize(used.size() - (i + 1 - begin));
      used += as_text(wanted.substr(begin, i + 1 - begin));
    } else if (wanted[i] != 's') {
      continue;
    }
    const std::string text = shown ? nil_text : text_of(L, argument);
    lua_pushlstring(L, text.data(), text.size());
    lua_replace(L, argument);
  }
  lua_pushlstring(L, used.data(), used.size());
  lua_replace(L, base);
  lua_call(L, last - first + 1, 1);
}

void push_string_library(lua_State* L) {
  luaL_requiref(L, "string", luaopen_string, 0);
  lua_getfield(L, -1, "format");
  lua_setfield(L, LUA_REGISTRYINDEX, kFormatKey);
  lua_newtable(L);
  take(L, {"byte", "char", "len", "sub", "pack", "packsize"}, false);
  take(L, {"lower", "upper", "reverse", "unpack"}, true);
  const luaL_Reg ours[] = {{"find", guarded<with_pattern<find>>},
                           {"match", guarded<with_pattern<match>>},
                           {"gmatch", guarded<gmatch>},
                           {"gsub", guarded<with_pattern<gsub>>},
                           {"rep", guarded<repeat>},
                           {"format", guarded<format>},
                           {nullptr, nullptr}};
  luaL_setfuncs(L, ours, 0);
  lua_remove(L, -2);

  // ("x"):rep(3) finds our functions and no others
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

void push_utf8_library(lua_State* L) {
  luaL_requiref(L, "utf8", luaopen_utf8, 0);
  lua_newtable(L);
  take(L, {"char", "charpattern", "codes"}, false);
  take(L, {"len", "codepoint", "offset"}, true);
  lua_remove(L, -2);
}

}  // namespace polyclinic::script
