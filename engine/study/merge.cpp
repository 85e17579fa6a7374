#include "study/merge.hpp"

#include <algorithm>

namespace polyclinic {

namespace {

// What a script built from the other fields.
constexpr std::string_view kBuilt = "composition";

bool same_kind(const Value& a, const Value& b) {
  return a.part() && b.part() && a.part()->kind == b.part()->kind &&
         a.part()->name == b.part()->name;
}

Value merged_value(const Value& base, const Value& change, const RebuildStrategy& rebuild) {
  if (!same_kind(base, change)) return change;
  Part part = merge_part(*base.part(), *change.part(), rebuild);
  if (part.kind == "strategy" && rebuild) rebuild(part);
  return Value(std::move(part));
}

// A value with only what was written.
Value as_written(const Value& value);

Part as_written(const Part& part) {
  Part written;
  written.kind = part.kind;
  written.name = part.name;
  for (const FieldValue& field : part.fields) {
    if (!field.given || field.name == kBuilt) continue;
    written.fields.push_back({field.name, as_written(field.value), field.where, true});
  }
  return written;
}

Value as_written(const Value& value) {
  if (const Part* part = value.part()) return Value(as_written(*part));
  const auto* list = value.get_if<List>();
  if (!list) return value;
  List written;
  for (const Value& item : *list) written.push_back(as_written(item));
  return Value(std::move(written));
}

}  // namespace

Part merge_part(const Part& base, const Part& change, const RebuildStrategy& rebuild) {
  Part merged = base;
  for (const FieldValue& field : change.fields) {
    if (!field.given) continue;
    const auto it = std::find_if(merged.fields.begin(), merged.fields.end(),
                                 [&](const FieldValue& f) { return f.name == field.name; });
    if (it == merged.fields.end()) {
      merged.fields.push_back(field);  // compositions hold only what was written
      continue;
    }
    it->value = merged_value(it->value, field.value, rebuild);
    it->where = field.where;
    it->given = !field.value.absent();
  }
  return merged;
}

std::string changes_text(const Part& arm) {
  std::string text;
  for (const FieldValue& field : as_written(arm).fields) {
    if (field.name == "name") continue;
    text += (text.empty() ? "" : ", ") + field.name + " = " + to_text(field.value);
  }
  return text;
}

}  // namespace polyclinic
