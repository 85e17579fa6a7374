// Parts as a scenario would make them, for the tests of the net floor.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "net/network.hpp"

namespace polyclinic::testing {

using Given = std::vector<std::pair<std::string, Value>>;

inline Schema schema_of(const std::string& kind, const std::string& name) {
  for (Schema& schema : net_schemas()) {
    if (schema.kind == kind && schema.name == name) return std::move(schema);
  }
  FAIL("no such schema");
  return {};
}

// The part, as the schema resolves it, at line 7 of world.lua; its mistakes go to `mistakes`.
inline Part resolve(const std::string& kind, const std::string& name, const Given& given,
                    std::vector<Mistake>& mistakes) {
  std::vector<FieldValue> fields;
  for (const auto& [field, value] : given) {
    fields.push_back({field, value, SourcePosition{"world.lua", 7, 3}, true});
  }
  return schema_of(kind, name)
      .resolve(std::move(fields), SourcePosition{"world.lua", 6, 1}, mistakes);
}

inline Part part(const std::string& kind, const std::string& name, const Given& given) {
  std::vector<Mistake> mistakes;
  Part result = resolve(kind, name, given, mistakes);
  for (const Mistake& mistake : mistakes) MESSAGE(mistake.message);
  REQUIRE(mistakes.empty());
  return result;
}

inline Value seconds(double s) {
  return Quantity{s * 1e9, Dimension::time};
}
inline Value hours(double h) {
  return seconds(h * 3600);
}
inline Value mbit(double rate) {
  return Quantity{rate * 125e3, Dimension::bandwidth};
}
inline Value lognormal(double median, double spread, Dimension dimension = Dimension::none) {
  Distribution d;
  d.kind = Distribution::Kind::lognormal;
  d.dimension = dimension;
  d.a = median;
  d.b = spread;
  return d;
}

inline TimeNs at_seconds(double s) {
  return {static_cast<std::int64_t>(s * 1e9 + 0.5)};
}

// The text of the only mistake of what `action` throws, as the terminal shows it.
template <class Action>
std::string mistake_text(Action action) {
  try {
    action();
  } catch (const ScenarioError& error) {
    std::string text;
    for (const Mistake& mistake : error.mistakes()) {
      text += (text.empty() ? "" : "\n") + to_text(mistake);
    }
    return text;
  }
  return "nothing was thrown";
}

// Up at time 0, then changes at the given times. Counts how often it was asked.
class Changes final : public Availability {
 public:
  Changes() = default;
  explicit Changes(std::vector<TimeNs> times, bool up_at_start = true)
      : times_(std::move(times)), up_at_start_(up_at_start) {}
  [[nodiscard]] bool up_at(TimeNs time) override {
    ++asked;
    return up_at_start_ == ((after(time) - times_.begin()) % 2 == 0);
  }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    ++asked;
    const auto it = after(time);
    return it == times_.end() ? kNever : *it;
  }
  int asked = 0;

 private:
  std::vector<TimeNs>::const_iterator after(TimeNs time) const {
    return std::upper_bound(times_.begin(), times_.end(), time);
  }
  std::vector<TimeNs> times_;
  bool up_at_start_ = true;
};

}  // namespace polyclinic::testing
