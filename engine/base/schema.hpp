// Schemas: everything a scenario can name is declared once, as data. Validation, errors,
// `polyclinic docs`, editor stubs and the reference pages all come from here.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/value.hpp"

namespace polyclinic {

// What a field accepts: one of several alternatives.
struct Type {
  enum class Kind : std::uint8_t {
    boolean,
    integer,       // low..high
    number,        // low..high
    text,          // any string
    choice,        // one of `names`
    quantity,      // of `dimension`, low..high in base units
    distribution,  // of `dimension` (none: plain numbers); a constant is accepted too
    part,          // of kind `names[0]` (any of `names`)
    list,          // of `element`
    table,         // names to `element`
    file,          // data "..." or a plain path
    function,
    moment,
    numbers,  // a vec or a table of numbers
    all,      // the word `all`
    none,     // `none` or false: the part is absent
    any,
  };
  struct Alternative {
    Kind kind = Kind::any;
    Dimension dimension = Dimension::none;
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    bool low_open = false;   // low itself is not allowed
    bool high_open = false;  // high itself is not allowed
    std::vector<std::string> names;
    std::shared_ptr<const Type> element;  // shared: a type is copied with its schema
  };
  std::vector<Alternative> alternatives;

  // `type | other`: either.
  friend Type operator|(Type a, const Type& b);
  // The range as part of the type: low <= x <= high.
  [[nodiscard]] Type between(double low, double high) const;
  [[nodiscard]] Type at_least(double low) const;
  // low < x.
  [[nodiscard]] Type above(double low) const;
  // low < x < high.
  [[nodiscard]] Type inside(double low, double high) const;
};

namespace type {
Type boolean();
Type integer();
Type number();
Type text();
Type choice(std::vector<std::string> names);
Type quantity(Dimension dimension);
Type distribution(Dimension dimension = Dimension::none);
Type part(std::string kind);
Type list(Type element);
Type table(Type element);
Type file();
Type function();
Type moment();
Type numbers();
Type all();
Type none();
Type any();
}  // namespace type

struct Field {
  std::string name;
  Type type;
  Value standard;   // the default; absent: the field is optional and absent by default
  std::string doc;  // one line, no full stop needed
  bool required = false;
  // What the docs say of the default where it is computed ("all up to 50").
  std::string standard_text = {};
};

// The declaration of one name of the vocabulary.
struct Schema {
  std::string kind = {};   // namespace: "cohort"
  std::string name = {};   // "ehr"; empty for a plain word such as `scenario`
  std::string doc = {};    // a sentence or two
  std::string paper = {};  // source, where there is one
  std::vector<Field> fields = {};
  // Its first argument may be the bare value of the first field: column "site".
  bool positional = false;
  // List items of the argument go to this field: measure { "auroc", "brier" }.
  std::string items_field = {};
  bool any_fields = false;   // takes further named fields (params)
  std::string example = {};  // a line of Lua that works
  std::string word = {};     // the Lua word where it is not kind.name: window.nightly is `nightly`

  // As a scenario writes it: "cohort.ehr", "scenario", "nightly".
  [[nodiscard]] std::string full_name() const;
  [[nodiscard]] const Field* find(std::string_view field) const;

  // Checks the given fields and fills in defaults. Appends every mistake (unknown field with the
  // nearest names, wrong type, out of range, missing) to `mistakes`; the part is usable only when
  // none was added.
  [[nodiscard]] Part resolve(std::vector<FieldValue> given, const SourcePosition& where,
                             std::vector<Mistake>& mistakes) const;
};

// Checks one value against a type and converts where the language says so (a float with an integer
// value to an integer, a number or quantity to a constant distribution, a list of numbers to
// numbers, a string to a file). Returns what is wrong ("expected a time such as minutes(5), found a
// plain number 5"), or nullopt and the converted value.
std::optional<std::string> fit(const Type& type, Value& value);

// "integer, at least 1", "time", "one of 'a' and 'b'", "cohort part".
std::string describe(const Type& type);

}  // namespace polyclinic
