// Values as a person reads them, and as JSON.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

constexpr int kDepthMax = 40;
constexpr std::size_t kWidth = 96;
constexpr int kEntriesMax = 1'000'000;

std::string quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
         });
}

std::string indented(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "  ";
  }
  return result;
}

// `head { a, b }` on one line where it fits, else a line for each entry.
std::string block(const std::string& head, const std::vector<std::string>& entries) {
  std::string line = head + "{";
  for (std::size_t i = 0; i < entries.size(); ++i) line += (i > 0 ? ", " : " ") + entries[i];
  line += entries.empty() ? "}" : " }";
  if (line.size() <= kWidth && line.find('\n') == std::string::npos) return line;
  std::string lines = head + "{";
  for (const std::string& entry : entries) lines += "\n  " + indented(entry) + ",";
  return lines + "\n}";
}

std::string show(const Value& value);

std::string show_part(const Part& part) {
  std::vector<std::string> entries;
  for (const FieldValue& field : part.fields) {
    if (!field.value.absent()) entries.push_back(field.name + " = " + show(field.value));
  }
  return block(part.name.empty() ? part.kind + " " : part.kind + "." + part.name + " ", entries);
}

std::string show(const Value& value) {
  if (const Part* part = value.part()) return show_part(*part);
  if (const auto* text = value.get_if<std::string>()) return quote(*text);
  if (const auto* list = value.get_if<List>()) {
    std::vector<std::string> entries;
    for (const Value& item : *list) entries.push_back(show(item));
    return block("", entries);
  }
  if (const auto* table = value.get_if<Table>()) {
    std::vector<std::string> entries;
    for (const auto& [name, item] : *table) {
      entries.push_back((is_name(name) ? name : "[" + quote(name) + "]") + " = " + show(item));
    }
    return block("", entries);
  }
  return to_text(value);
}

// The keys of a table: its list items in order, then names sorted.
struct Keys {
  lua_Integer items = 0;
  std::vector<std::string> names;  // as shown
  bool others = false;
};

Keys keys_of(lua_State* L, int index) {
  Keys keys;
  lua_pushnil(L);
  lua_Integer integers = 0;
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    if (lua_isinteger(L, -1)) {
      ++integers;
    } else if (lua_type(L, -1) == LUA_TSTRING) {
      keys.names.emplace_back(lua_tostring(L, -1));
    } else {
      keys.others = true;
    }
  }
  while (keys.items < integers) {
    const int type = lua_rawgeti(L, index, keys.items + 1);
    lua_pop(L, 1);
    if (type == LUA_TNIL) break;
    ++keys.items;
  }
  keys.others = keys.others || keys.items < integers;
  std::sort(keys.names.begin(), keys.names.end());
  return keys;
}

class Shower {
 public:
  explicit Shower(lua_State* L) : L_(L) {}

  std::string show_at(int index) {
    index = lua_absindex(L_, index);
    if (lua_type(L_, index) != LUA_TTABLE) return show_plain(index);
    if (++depth_ > kDepthMax) fail(L_, "this table is nested too deeply to be shown");
    if (++tables_ > kEntriesMax) fail(L_, "this table is too large to be shown");
    lua_pushvalue(L_, index);
    if (push_contents(L_, -1)) lua_remove(L_, -2);
    const int table = lua_gettop(L_);
    luaL_checkstack(L_, 8, "tables within tables");
    const Keys keys = keys_of(L_, table);
    std::vector<std::string> entries;
    for (lua_Integer i = 1; i <= keys.items; ++i) {
      lua_rawgeti(L_, table, i);
      entries.push_back(show_at(-1));
      lua_pop(L_, 1);
    }
    for (const std::string& name : keys.names) {
      lua_pushlstring(L_, name.data(), name.size());
      lua_rawget(L_, table);
      entries.push_back((is_name(name) ? name : "[" + quote(name) + "]") + " = " + show_at(-1));
      lua_pop(L_, 1);
    }
    if (keys.others) entries.emplace_back("...");
    lua_settop(L_, table - 1);
    --depth_;
    return block("", entries);
  }

 private:
  std::string show_plain(int index) {
    if (lua_type(L_, index) == LUA_TSTRING) return quote(text_of(L_, index));
    if (lua_type(L_, index) == LUA_TFUNCTION) return "function";
    if (const Value* value = to_boxed(L_, index)) return show(*value);
    return text_of(L_, index);
  }

  lua_State* L_;
  int depth_ = 0;
  int tables_ = 0;
};

using Json = nlohmann::ordered_json;

Json to_json(const Value& value);

struct JsonVisitor {
  const Value& value;
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(None) const { return nullptr; }
  Json operator()(All) const { return "all"; }
  Json operator()(bool flag) const { return flag; }
  Json operator()(std::int64_t number) const { return number; }
  Json operator()(double number) const { return number; }
  Json operator()(const std::string& text) const { return text; }
  Json operator()(const Quantity& quantity) const {
    return {{"value", quantity.value},
            {"dimension", std::string(dimension_name(quantity.dimension))},
            {"text", to_text(quantity)}};
  }
  Json operator()(const FilePath& path) const { return path.asked; }
  Json operator()(const Numbers& numbers) const { return *numbers; }
  Json operator()(const List& list) const {
    Json result = Json::array();
    for (const Value& item : list) result.push_back(to_json(item));
    return result;
  }
  Json operator()(const Table& table) const {
    Json result = Json::object();
    for (const auto& [name, item] : table) result[name] = to_json(item);
    return result;
  }
  Json operator()(const std::shared_ptr<const Part>& part) const {
    Json fields = Json::object();
    for (const FieldValue& field : part->fields) {
      if (!field.value.absent()) fields[field.name] = to_json(field.value);
    }
    return {{"part", part->name.empty() ? part->kind : part->kind + "." + part->name},
            {"fields", std::move(fields)}};
  }
  template <class T>
  Json operator()(const T&) const {
    return to_text(value);
  }
};

Json to_json(const Value& value) {
  return std::visit(JsonVisitor{value}, value.data());
}

class JsonWriter {
 public:
  explicit JsonWriter(lua_State* L) : L_(L) {}

  Json write(int index) {
    index = lua_absindex(L_, index);
    if (lua_type(L_, index) == LUA_TFUNCTION) return "function";
    if (lua_type(L_, index) != LUA_TTABLE) return to_json(to_value(L_, index));
    if (++depth_ > kDepthMax) fail(L_, "this table is nested too deeply for JSON");
    if (++tables_ > kEntriesMax) fail(L_, "this table is too large for JSON");
    lua_pushvalue(L_, index);
    if (push_contents(L_, -1)) lua_remove(L_, -2);
    const int table = lua_gettop(L_);
    luaL_checkstack(L_, 8, "tables within tables");
    const Keys keys = keys_of(L_, table);
    if (keys.others) fail(L_, "JSON has lists without holes and tables of names, no others");
    Json result = keys.names.empty() ? Json::array() : Json::object();
    for (lua_Integer i = 1; i <= keys.items; ++i) {
      lua_rawgeti(L_, table, i);
      if (keys.names.empty()) {
        result.push_back(write(-1));
      } else {
        result[std::to_string(i)] = write(-1);
      }
      lua_pop(L_, 1);
    }
    for (const std::string& name : keys.names) {
      lua_pushlstring(L_, name.data(), name.size());
      lua_rawget(L_, table);
      result[name] = write(-1);
      lua_pop(L_, 1);
    }
    lua_settop(L_, table - 1);
    --depth_;
    return result;
  }

 private:
  lua_State* L_;
  int depth_ = 0;
  int tables_ = 0;
};

}  // namespace

std::string inspect_text(lua_State* L, int index) {
  return Shower(L).show_at(index);
}

std::string json_text(lua_State* L, int index) {
  return JsonWriter(L).write(index).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

int inspect_value(lua_State* L) {
  if (Interpreter::of(L).options.silent) return lua_gettop(L);
  for (int i = 1; i <= lua_gettop(L); ++i) {
    const std::string text = inspect_text(L, i) + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return lua_gettop(L);
}

}  // namespace polyclinic::script
