// What a scenario is made of once Lua has been read: plain values, hashable and printable as JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/distribution.hpp"
#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/quantity.hpp"

namespace polyclinic {

class Value;
struct Part;

// `none`: this field or part is to be absent.
struct None {
  friend bool operator==(None, None) = default;
};
// `all`.
struct All {
  friend bool operator==(All, All) = default;
};
// A file found by `data "..."` or `file "..."`.
struct FilePath {
  std::string asked;  // as written in the scenario
  std::string found;  // the path to open
  friend bool operator==(const FilePath& a, const FilePath& b) { return a.asked == b.asked; }
};
// A moment on a timeline or the beginning of a part: a time, or the birth of a version.
struct Moment {
  enum class Kind : unsigned char { at, every, from_version };
  Kind kind = Kind::at;
  TimeNs time;               // at, every
  std::int64_t version = 0;  // from_version
  friend bool operator==(const Moment&, const Moment&) = default;
};
// A function of the scenario, kept by the script floor under this number.
struct FunctionRef {
  std::int32_t id = -1;
  SourcePosition where;
  std::uint64_t code_hash = 0;  // of its source text, so that the world's hash sees a change
  friend bool operator==(const FunctionRef& a, const FunctionRef& b) { return a.id == b.id; }
};

using List = std::vector<Value>;
// A table with names as keys, in the order of the names' bytes.
using Table = std::vector<std::pair<std::string, Value>>;
// Numbers in native memory (a `vec`, or a table of numbers where a vec is expected).
using Numbers = std::shared_ptr<const std::vector<double>>;  // shared: values are copied freely

class Value {
 public:
  using Data = std::variant<std::monostate, None, All, bool, std::int64_t, double, std::string,
                            Quantity, Distribution, Moment, FilePath, FunctionRef, Numbers, List,
                            Table, std::shared_ptr<const Part>>;

  Value() = default;
  template <class T, class = std::enable_if_t<std::is_constructible_v<Data, T> &&
                                              !std::is_same_v<std::decay_t<T>, Value>>>
  Value(T&& value) : data_(std::forward<T>(value)) {}  // NOLINT: values convert freely
  Value(int value) : data_(std::int64_t{value}) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(Part part);

  [[nodiscard]] bool absent() const { return std::holds_alternative<std::monostate>(data_); }
  template <class T>
  [[nodiscard]] const T* get_if() const {
    return std::get_if<T>(&data_);
  }
  // REQUIRES: the value is a T (a schema has said so).
  template <class T>
  [[nodiscard]] const T& as() const {
    return std::get<T>(data_);
  }
  // The part, or nullptr.
  [[nodiscard]] const Part* part() const;
  // An integer or a float as double; nullopt for anything else.
  [[nodiscard]] std::optional<double> number() const;
  // An integer, or a float with an integer value; nullopt for anything else.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] const Data& data() const { return data_; }

 private:
  Data data_;
};

struct FieldValue {
  std::string name;
  Value value;
  SourcePosition where;
  bool given = false;  // written by the user; false: filled in from the schema's default
};

// One call of the vocabulary: `cohort.ehr { ... }` is kind "cohort", name "ehr". After
// Schema::resolve every field of the schema is there, in the schema's order.
struct Part {
  std::string kind;
  std::string name;
  std::vector<FieldValue> fields;
  SourcePosition where;

  // nullptr when there is no such field or it is absent.
  [[nodiscard]] const Value* find(std::string_view field) const;
  [[nodiscard]] bool given(std::string_view field) const;
  // The position of the field where it was written, else that of the part.
  [[nodiscard]] SourcePosition where_of(std::string_view field) const;

  // Typed reading. REQUIRES: the schema guarantees presence and type (else: our bug).
  [[nodiscard]] const Value& at(std::string_view field) const;
  [[nodiscard]] double number(std::string_view field) const;
  [[nodiscard]] std::int64_t integer(std::string_view field) const;
  [[nodiscard]] bool flag(std::string_view field) const;
  [[nodiscard]] const std::string& text(std::string_view field) const;
  [[nodiscard]] TimeNs time(std::string_view field) const;
  // A Quantity's value in base units, whatever its dimension.
  [[nodiscard]] double quantity(std::string_view field) const;
  // A Distribution; a plain number or quantity becomes a constant one.
  [[nodiscard]] Distribution distribution(std::string_view field) const;
  // nullptr when the field is absent, none or false.
  [[nodiscard]] const Part* part(std::string_view field) const;
  // Empty when absent.
  [[nodiscard]] List list(std::string_view field) const;

  // A mistake at this part's field, for factories that find combinations which make no sense.
  [[nodiscard]] ScenarioError mistake(std::string_view field, std::string message,
                                      std::string hint = {}) const;
};

// Adds the value to the hash: names, types and numbers, never source positions.
void hash_value(Hasher& hasher, const Value& value);
void hash_part(Hasher& hasher, const Part& part);

// As a scenario would write it, on one line: `training.sgd { rate = 0.05, batch = 32 }`.
std::string to_text(const Value& value);
std::string to_text(const Part& part);
// What the value is, for error messages: "the plain number 3", "40 ms (time)", "cohort.ehr".
std::string describe(const Value& value);

}  // namespace polyclinic
