#include "net/profiles.hpp"

#include <utility>

#include "net/schema_help.hpp"

namespace polyclinic {

namespace {

constexpr double kMbit = 125e3;   // bytes per second
constexpr double kMinute = 60e9;  // nanoseconds
constexpr double kHour = 60 * kMinute;

FieldValue lognormal(const char* field, double median, double spread, Dimension dimension) {
  Distribution d;
  d.kind = Distribution::Kind::lognormal;
  d.dimension = dimension;
  d.a = median;
  d.b = spread;
  return {field, Value(d), {}, true};
}

FieldValue constant(const char* field, double value, Dimension dimension) {
  return {field, Value(Distribution::constant(value, dimension)), {}, true};
}

FieldValue markov(double up_hours, double down_hours) {
  Part part;
  part.kind = "availability";
  part.name = "markov";
  part.fields = {constant("up", up_hours * kHour, Dimension::time),
                 constant("down", down_hours * kHour, Dimension::time)};
  return {"availability", Value(std::move(part)), {}, true};
}

FieldValue follows() {
  // in the order of the names' bytes, as every Table
  Table table = {{"case_mix", 0.3}, {"prevalence", 0.2}, {"speed", 0.6}, {"uplink", 0.5}};
  return {"size_follows", Value(std::move(table)), {}, true};
}

}  // namespace

std::vector<ProfileClass> profile_classes(std::string_view profile) {
  if (profile == "mixed") return {{"university", 0.2}, {"rural", 0.3}, {"", 0.5}};
  return {{std::string(profile), 1.0}};
}

std::vector<FieldValue> profile_figures(std::string_view class_name) {
  if (class_name == "university") {
    return {lognormal("patients", 2500, 0.5, Dimension::none),
            lognormal("speed", 300e9, 0.5, Dimension::speed),
            lognormal("uplink", 200 * kMbit, 0.4, Dimension::bandwidth),
            lognormal("downlink", 500 * kMbit, 0.4, Dimension::bandwidth),
            lognormal("latency", 12e6, 0.4, Dimension::time),
            lognormal("overhead", 8 * kMinute, 0.8, Dimension::time),
            markov(500, 1),
            follows()};
  }
  if (class_name == "rural") {
    return {lognormal("patients", 180, 0.6, Dimension::none),
            lognormal("speed", 15e9, 0.4, Dimension::speed),
            lognormal("uplink", 5 * kMbit, 0.6, Dimension::bandwidth),
            lognormal("downlink", 25 * kMbit, 0.5, Dimension::bandwidth),
            lognormal("latency", 60e6, 0.5, Dimension::time),
            constant("loss", 0.005, Dimension::none),
            lognormal("overhead", 3 * kMinute, 0.8, Dimension::time),
            markov(30, 2),
            follows()};
  }
  return {follows()};
}

}  // namespace polyclinic
