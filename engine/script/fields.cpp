// The argument of a call of the vocabulary: a Lua table to named fields with their places.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <map>

#include "script/interpreter.hpp"
#include "script/user_words.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

using Kind = Type::Kind;

bool accepts(const Type& type, Kind kind) {
  return std::any_of(type.alternatives.begin(), type.alternatives.end(),
                     [&](const Type::Alternative& a) { return a.kind == kind; });
}

// Turns Lua's values into what a field's type means: `stop = { after = ... }` into a part, a plain
// path into a file that was found.
class Adapter {
 public:
  Adapter(lua_State* L, std::vector<Mistake>& mistakes) : L_(L), mistakes_(mistakes) {}

  void adapt(const Type& type, Value& value, const SourcePosition& where,
             const TablePlaces* places) {
    for (const Type::Alternative& a : type.alternatives) {
      if (a.kind == Kind::file && value.get_if<std::string>() && !accepts(type, Kind::text)) {
        value = find_data(L_, value.as<std::string>());
        return;
      }
      if (a.kind == Kind::part && adapt_part(type, a, value, where, places)) return;
      if (a.kind == Kind::list) adapt_list(a, value, where, places);
      if (a.kind == Kind::table) adapt_table(a, value, where, places);
    }
  }

 private:
  bool adapt_part(const Type& type, const Type::Alternative& a, Value& value,
                  const SourcePosition& where, const TablePlaces* places) {
    const auto* table = value.get_if<Table>();
    const auto* list = value.get_if<List>();
    if ((!table && !list) || accepts(type, Kind::list) || accepts(type, Kind::table)) return false;
    const Schema* schema = Interpreter::of(L_).catalogue.find(a.names[0], "");
    if (schema == nullptr || (list && !list->empty() && schema->items_field.empty())) return false;
    std::vector<FieldValue> fields;
    std::map<std::string, std::string> repairs;
    if (table) {
      for (const auto& [name, item] : *table) {
        FieldValue field{name, item, where, true};
        const TablePlaces* inner = nullptr;
        if (places) {
          const auto place = places->fields.find(name);
          if (place != places->fields.end()) field.where = place->second;
          const auto nested = places->tables.find(name);
          if (nested != places->tables.end()) inner = &nested->second;
        }
        const Field* declared = schema->find(name);
        if (declared) {
          adapt(declared->type, field.value, field.where, inner);
          const std::string hint = hint_for(declared->type, field.value);
          if (!hint.empty()) repairs[name] = hint;
        }
        fields.push_back(std::move(field));
      }
    } else if (!list->empty()) {
      fields.push_back({schema->items_field, *list, where, true});
    }
    const std::size_t before = mistakes_.size();
    value = Value(schema->resolve(std::move(fields), where, mistakes_));
    add_repairs(*schema, repairs, before);
    return true;
  }

  // What to write instead of a value that does not fit, or "".
  std::string hint_for(const Type& type, const Value& value) {
    Value copy = value;
    if (!fit(type, copy)) return "";
    if (const auto* function = value.get_if<FunctionRef>()) {
      Interpreter::of(L_).push_function(L_, *function);
    } else {
      lua_pushnil(L_);
    }
    std::string hint = repair(L_, type, value);
    lua_pop(L_, 1);
    return hint;
  }

  void add_repairs(const Schema& schema, const std::map<std::string, std::string>& repairs,
                   std::size_t first) {
    for (const auto& [name, hint] : repairs) {
      const std::string beginning = fmt::format("{}: '{}' ", schema.full_name(), name);
      for (std::size_t i = first; i < mistakes_.size(); ++i) {
        Mistake& mistake = mistakes_[i];
        if (mistake.message.starts_with(beginning)) mistake.hint = hint + "\n" + mistake.hint;
      }
    }
  }

  void adapt_list(const Type::Alternative& a, Value& value, const SourcePosition& where,
                  const TablePlaces* places) {
    const auto* items = value.get_if<List>();
    if (!items) return;
    List adapted = *items;
    // items that were left out (false) or made by a loop have no places of their own
    const bool placed = places != nullptr && places->items.size() == adapted.size() &&
                        places->item_tables.size() == adapted.size();
    for (std::size_t i = 0; i < adapted.size(); ++i) {
      adapt(*a.element, adapted[i], placed ? places->items[i] : where,
            placed ? &places->item_tables[i] : nullptr);
    }
    value = Value(std::move(adapted));
  }

  void adapt_table(const Type::Alternative& a, Value& value, const SourcePosition& where,
                   const TablePlaces* places) {
    const auto* entries = value.get_if<Table>();
    if (!entries) return;
    Table adapted = *entries;
    for (auto& [name, item] : adapted) {
      SourcePosition place = where;
      if (places) {
        const auto found = places->fields.find(name);
        if (found != places->fields.end()) place = found->second;
      }
      adapt(*a.element, item, place, nullptr);
    }
    value = Value(std::move(adapted));
  }

  lua_State* L_;
  std::vector<Mistake>& mistakes_;
};

struct GivenFields {
  std::vector<FieldValue> fields;
  SourcePosition where;
  std::vector<Mistake> mistakes;
  std::map<std::string, std::string> repairs;  // by field, where its value does not fit
};

// One call's arguments.
class FieldReader {
 public:
  FieldReader(lua_State* L, const Schema& schema, int first)
      : L_(L), schema_(schema), first_(first), count_(lua_gettop(L) - first + 1) {}

  GivenFields read() {
    const bool one_table = count_ == 1 && lua_type(L_, first_) == LUA_TTABLE;
    if (one_table) list_keys();
    locate();
    if (one_table && !is_bare_list()) {
      read_items();
      for (const std::string& name : names_) read_field(name);
    } else if (count_ > 0) {
      read_positional();
    }
    return std::move(given_);
  }

 private:
  // The table's names, sorted, and the number of its list items.
  void list_keys() {
    lua_pushnil(L_);
    while (lua_next(L_, first_) != 0) {
      lua_pop(L_, 1);
      if (lua_type(L_, -1) == LUA_TSTRING) {
        names_.emplace_back(lua_tostring(L_, -1));
      } else if (lua_isinteger(L_, -1)) {
        ++items_;
      } else {
        fail(
            L_,
            fmt::format("{}: a field's name is {}", schema_.full_name(), describe_argument(L_, -1)),
            "names are words: rate = 0.1");
      }
    }
    Sandbox::of(L_).charge(L_, static_cast<std::int64_t>(names_.size()) + items_);
    std::sort(names_.begin(), names_.end());
  }

  // choice { 1, 2 } where the first field takes a list and nothing is named.
  [[nodiscard]] bool is_bare_list() const {
    if (!schema_.positional || !schema_.items_field.empty() || !names_.empty() || items_ == 0) {
      return false;
    }
    const Type& first = schema_.fields[0].type;
    return accepts(first, Kind::list) || accepts(first, Kind::numbers);
  }

  void locate() {
    auto& interpreter = Interpreter::of(L_);
    constexpr std::int64_t kWork = 100;  // looking through the source
    interpreter.charge(L_, kWork);
    given_.where = interpreter.where(L_);
    const SourceText* source = interpreter.source(given_.where.file);
    if (source == nullptr) return;
    const std::string word = schema_.full_name();
    std::string key = word;
    for (const std::string& name : names_) key += " " + name;
    const int nth = interpreter.next_call(given_.where, key);
    CallPlace call = source->find_call(given_.where.line, word, names_, nth);
    given_.where = call.where;
    places_ = std::move(call.arguments);
  }

  void read_items() {
    if (items_ == 0) return;
    const auto fields = static_cast<lua_Integer>(schema_.fields.size());
    if (schema_.items_field.empty() && schema_.positional && items_ <= fields) {
      // column { "sex", names = { ... } }: the first fields by position
      for (lua_Integer i = 1; i <= items_; ++i) {
        const auto n = static_cast<std::size_t>(i) - 1;
        const SourcePosition where = n < places_.items.size() ? places_.items[n] : given_.where;
        lua_rawgeti(L_, first_, i);
        convert(schema_.fields[n].name, where);
        lua_pop(L_, 1);
      }
      return;
    }
    if (schema_.items_field.empty()) {
      SourcePosition where = places_.items.empty() ? given_.where : places_.items[0];
      given_.mistakes.push_back(
          {std::move(where),
           fmt::format("{} takes named fields, and an item has no name", schema_.full_name()),
           example()});
      return;
    }
    List list;
    for (lua_Integer i = 1; i <= items_; ++i) {
      if (lua_rawgeti(L_, first_, i) == LUA_TNIL) {
        lua_pop(L_, 1);
        given_.mistakes.push_back(
            {given_.where, fmt::format("{} has a hole: item {} is nil", schema_.full_name(), i),
             "an unknown variable? Use false for an item that is to be left out"});
        return;
      }
      const bool skipped = lua_isboolean(L_, -1) && lua_toboolean(L_, -1) == 0;
      if (!skipped) list.push_back(to_value(L_, -1));
      lua_pop(L_, 1);
    }
    const SourcePosition where = places_.items.empty() ? given_.where : places_.items[0];
    add(schema_.items_field, Value(std::move(list)), where);
  }

  void read_field(const std::string& name) {
    const auto place = places_.fields.find(name);
    const SourcePosition where = place == places_.fields.end() ? given_.where : place->second;
    lua_pushlstring(L_, name.data(), name.size());
    lua_rawget(L_, first_);
    convert(name, where);
    lua_pop(L_, 1);
  }

  void read_positional() {
    if (!schema_.positional) {
      given_.mistakes.push_back(
          {given_.where,
           fmt::format(
               "{} takes one table of named fields, found {}", schema_.full_name(),
               count_ == 1 ? describe_argument(L_, first_) : fmt::format("{} arguments", count_)),
           example()});
      return;
    }
    if (static_cast<std::size_t>(count_) > schema_.fields.size()) {
      given_.mistakes.push_back({given_.where,
                                 fmt::format("{} takes at most {} values, found {}",
                                             schema_.full_name(), schema_.fields.size(), count_),
                                 example()});
      return;
    }
    for (int i = 0; i < count_; ++i) {
      const auto n = static_cast<std::size_t>(i);
      const SourcePosition where = n < places_.items.size() ? places_.items[n] : given_.where;
      lua_pushvalue(L_, first_ + i);
      convert(schema_.fields[n].name, where);
      lua_pop(L_, 1);
    }
  }

  // The value at the top of the stack; what cannot be one is a mistake at the field's place.
  void convert(const std::string& name, const SourcePosition& where) {
    try {
      add(name, to_value(L_, -1), where);
    } catch (const Failure& failure) {
      if (Sandbox::of(L_).exhausted(LUA_OK)) throw;
      for (const Mistake& mistake : failure.mistakes()) {
        given_.mistakes.push_back(
            {where, fmt::format("{}: '{}': {}", schema_.full_name(), name, mistake.message),
             mistake.hint});
      }
    }
  }

  void add(const std::string& name, Value value, const SourcePosition& where) {
    if (const Field* field = schema_.find(name)) {
      const auto inner = places_.tables.find(name);
      Adapter(L_, given_.mistakes)
          .adapt(field->type, value, where,
                 inner == places_.tables.end() ? nullptr : &inner->second);
      Value copy = value;
      const bool single = !schema_.items_field.empty() && name == schema_.items_field;
      if (!single && fit(field->type, copy)) {
        given_.repairs[name] = repair(L_, field->type, value);
      }
    }
    given_.fields.push_back({name, std::move(value), where, true});
  }

  [[nodiscard]] std::string example() const {
    return schema_.example.empty() ? "" : "for example: " + schema_.example;
  }

  lua_State* L_;
  const Schema& schema_;
  int first_;
  int count_;
  lua_Integer items_ = 0;
  std::vector<std::string> names_;
  TablePlaces places_;
  GivenFields given_;
};

}  // namespace

namespace {

// A misspelt field is not missing as well.
void forget_misspelt(const Schema& schema, const std::vector<std::string>& given,
                     std::vector<Mistake>& mistakes) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  for (const std::string& word : given) {
    if (schema.find(word) || schema.any_fields) continue;
    const std::vector<std::string> near = nearest_names(word, names);
    if (near.empty()) continue;
    const std::string missing =
        fmt::format("{} needs the field '{}'", schema.full_name(), near.front());
    std::erase_if(mistakes, [&](const Mistake& mistake) { return mistake.message == missing; });
  }
}

}  // namespace

Part resolve_call(lua_State* L, const Schema& schema, int first, std::vector<Mistake>& mistakes) {
  GivenFields given = FieldReader(L, schema, first).read();
  mistakes = std::move(given.mistakes);
  const std::size_t before = mistakes.size();
  // what could not be read is not missing as well
  const bool unreadable = before > 0 && given.fields.empty();
  std::vector<std::string> words;
  for (const FieldValue& field : given.fields) words.push_back(field.name);
  Part part = schema.resolve(std::move(given.fields), given.where, mistakes);
  if (unreadable) mistakes.resize(before);
  for (const auto& [name, hint] : given.repairs) {
    const std::string beginning = fmt::format("{}: '{}' expected", schema.full_name(), name);
    for (Mistake& mistake : mistakes) {
      if (hint.empty() || !mistake.message.starts_with(beginning)) continue;
      mistake.hint = mistake.hint.empty() ? hint : hint + "\n" + mistake.hint;
    }
  }
  put_in_user_words(mistakes);
  forget_misspelt(schema, words, mistakes);
  std::stable_sort(mistakes.begin(), mistakes.end(), [](const Mistake& a, const Mistake& b) {
    return a.where.line != b.where.line ? a.where.line < b.where.line
                                        : a.where.column < b.where.column;
  });
  return part;
}

Part read_part(lua_State* L, const Schema& schema, int first, bool* good) {
  std::vector<Mistake> mistakes;
  Part part = resolve_call(L, schema, first, mistakes);
  if (good) *good = mistakes.empty();
  Interpreter::of(L).report(std::move(mistakes));
  return part;
}

}  // namespace polyclinic::script
