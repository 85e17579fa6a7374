// params { rounds = 30 }: what a scenario lets its user set, with --set rounds=50.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

// 3, 0.1, true, none, 40ms; anything else is text.
Value parse_setting(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  if (text == "none") return None{};
  if (text == "all") return All{};
  const char* begin = text.data();
  const char* end = begin + text.size();
  std::int64_t integer = 0;
  if (const auto r = std::from_chars(begin, end, integer); r.ec == std::errc{} && r.ptr == end) {
    return integer;
  }
  double number = 0;
  if (const auto r = std::from_chars(begin, end, number);
      r.ec == std::errc{} && r.ptr == end && std::isfinite(number)) {
    return number;
  }
  if (const auto quantity = parse_quantity(text)) return *quantity;
  return text;
}

enum class Sort : unsigned char { number, quantity, text, flag, other };

Sort sort_of(const Value& value) {
  if (value.number()) return Sort::number;
  if (value.get_if<Quantity>()) return Sort::quantity;
  if (value.get_if<std::string>()) return Sort::text;
  if (value.get_if<bool>()) return Sort::flag;
  return Sort::other;
}

// Words that people write for true and false elsewhere. Lua would take each of them for true.
bool means_flag(const std::string& text) {
  constexpr std::array kWords{"no", "off", "yes", "on",   "n",     "y",
                              "f",  "t",   "0",   "true", "false", ""};
  std::string lower = text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// `true` stays a flag. `false` also stands for "not there" and may become anything but a word for
// true or false that is not Lua's. none and all fit everywhere else.
bool fits(const Value& standard, const Value& value, const std::string& text) {
  const Sort wanted = sort_of(standard);
  const Sort found = sort_of(value);
  if (wanted == Sort::flag) {
    return found == Sort::flag || (!standard.as<bool>() && !means_flag(text));
  }
  if (wanted == Sort::other || found == Sort::other) return true;
  if (found == Sort::flag) return !value.as<bool>();
  if (wanted != found) return false;
  return wanted != Sort::quantity ||
         standard.as<Quantity>().dimension == value.as<Quantity>().dimension;
}

std::string example_setting(std::string_view option, const std::string& name,
                            const Value& standard) {
  std::string text = to_text(standard);
  if (sort_of(standard) == Sort::quantity) std::erase(text, ' ');
  if (sort_of(standard) == Sort::text) text = standard.as<std::string>();
  return fmt::format("{} {}={}", option, name, text);
}

// The option that the nth setting comes from.
std::string_view option_of(const ScriptOptions& options, std::size_t n) {
  return n + options.varied < options.settings.size() ? "--set" : "--vary";
}

void apply(lua_State* L, Table& params, std::string_view option, const std::string& name,
           const std::string& text) {
  const auto it = std::find_if(params.begin(), params.end(),
                               [&](const auto& entry) { return entry.first == name; });
  if (it == params.end()) {
    std::vector<std::string> names;
    for (const auto& entry : params) names.push_back(entry.first);
    std::string hint = did_you_mean(name, names);
    if (!names.empty()) {
      hint += fmt::format("{}its params are {}", hint.empty() ? "" : "\n", join_names(names));
    }
    fail(L, fmt::format("{} {}={}: the scenario has no param '{}'", option, name, text, name),
         hint);
  }
  Value value = parse_setting(text);
  // text may look like a number
  if (sort_of(it->second) == Sort::text) value = text;
  if (!fits(it->second, value, text)) {
    if (sort_of(it->second) == Sort::flag) {
      fail(L,
           fmt::format("--set {}={}: '{}' is {} in the scenario", name, text, name,
                       to_text(it->second)),
           fmt::format("switch it with --set {0}=true or --set {0}=false", name));
    }
    fail(L,
         fmt::format("{} {}={}: '{}' is {} in the scenario, and this is {}", option, name, text,
                     name, describe(it->second), describe(value)),
         fmt::format("write it like this: {}", example_setting(option, name, it->second)));
  }
  it->second = std::move(value);
}

}  // namespace

int declare_params(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const SourcePosition where = interpreter.where(L);
  if (interpreter.params_where) {
    fail(L, "params is called twice",
         fmt::format("the first call is at line {}", interpreter.params_where->line));
  }
  if (lua_type(L, 1) != LUA_TTABLE || lua_gettop(L) != 1) {
    fail(L, fmt::format("params takes one table of names, found {}", describe_argument(L, 1)),
         "for example: local p = params { rounds = 30, rate = 0.1 }");
  }
  const Value given = to_value(L, 1);
  Table params = given.get_if<Table>() ? given.as<Table>() : Table{};
  if (const List* list = given.get_if<List>(); list && !list->empty()) {
    fail(L, "params takes names, not a list", "for example: params { rounds = 30 }");
  }
  for (const auto& [name, value] : params) {
    if (value.get_if<List>() || value.get_if<Table>() || value.get_if<FunctionRef>() ||
        value.part()) {
      fail(L, fmt::format("the param '{}' is {}", name, describe(value)),
           "a param is a number, a text, true or false, or a quantity such as ms(40)");
    }
  }
  interpreter.params_where = where;
  const ScriptOptions& options = interpreter.options;
  for (std::size_t n = 0; n < options.settings.size(); ++n) {
    const auto& [name, text] = options.settings[n];
    apply(L, params, option_of(options, n), name, text);
  }
  interpreter.params = params;
  push_value(L, Value(std::move(params)));
  push_locked(L, "params");
  return 1;
}

void check_settings(Interpreter& interpreter) {
  if (interpreter.params_where || interpreter.options.settings.empty()) return;
  const auto& [name, text] = interpreter.options.settings[0];
  throw Failure({{{interpreter.file, 0, 0},
                  fmt::format("{} {}={}: the scenario has no params",
                              option_of(interpreter.options, 0), name, text),
                  fmt::format("declare it in the file: local p = params {{ {} = {} }}", name,
                              to_text(parse_setting(text)))}});
}

}  // namespace polyclinic::script
