// A Spread for programs: the same fields wherever one is told.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "study/summary.hpp"

namespace polyclinic {

class CsvRow;

// Ends of Student's interval, where there is one.
std::optional<double> low(const Spread& spread);
std::optional<double> high(const Spread& spread);

// null where there is no value, or one that JSON has no number for.
nlohmann::ordered_json number_json(const std::optional<double>& value);
// {n, mean, sd, low, high, bootstrap_low, bootstrap_high}
nlohmann::ordered_json spread_json(const Spread& spread);
// Cells mean, sd, low and high.
void add_spread(CsvRow& row, const Spread& spread);

}  // namespace polyclinic
