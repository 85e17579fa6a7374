#include "study/spread_export.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "record/csv_row.hpp"

namespace polyclinic {

std::optional<double> low(const Spread& spread) {
  return spread.interval ? std::optional(spread.interval->low) : std::nullopt;
}

std::optional<double> high(const Spread& spread) {
  return spread.interval ? std::optional(spread.interval->high) : std::nullopt;
}

nlohmann::ordered_json number_json(const std::optional<double>& value) {
  // an epsilon without bound is no number of JSON
  return value && std::isfinite(*value) ? nlohmann::ordered_json(*value)
                                        : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json spread_json(const Spread& spread) {
  nlohmann::ordered_json json;
  json["n"] = spread.n;
  json["mean"] = number_json(spread.mean);
  json["sd"] = number_json(spread.sd);
  json["low"] = number_json(low(spread));
  json["high"] = number_json(high(spread));
  const auto& bootstrap = spread.bootstrap;
  json["bootstrap_low"] = number_json(bootstrap ? std::optional(bootstrap->low) : std::nullopt);
  json["bootstrap_high"] = number_json(bootstrap ? std::optional(bootstrap->high) : std::nullopt);
  return json;
}

void add_spread(CsvRow& row, const Spread& spread) {
  row.add(spread.mean).add(spread.sd).add(low(spread)).add(high(spread));
}

}  // namespace polyclinic
