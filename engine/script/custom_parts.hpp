// The scenario's own aggregation rules, selections, metrics and batch orders, called by the engine.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "script/interpreter.hpp"

namespace polyclinic::script {

// What is wrong with numbers that ought to be different whole numbers from 1 to limit, or "".
std::string wrong_indices(std::span<const double> numbers, std::int64_t limit, const char* what);

// All throw RunError at the function's place when it fails or returns what it should not.
class CustomParts {
 public:
  explicit CustomParts(Interpreter& interpreter) : interpreter_(interpreter) {}

  std::vector<double> aggregate(const FunctionRef& function, std::span<const Update> updates,
                                const AggregationContext& context);
  std::vector<std::int32_t> select(const FunctionRef& function,
                                   std::span<const std::string> candidates, std::int64_t round,
                                   std::uint64_t seed);
  double metric(const FunctionRef& function, std::span<const double> scores,
                std::span<const double> labels, std::span<const PatientGroups> groups);
  std::vector<std::int32_t> batch_order(const FunctionRef& function, std::string_view hospital,
                                        std::int64_t epoch, std::int64_t rows);

  // Every ctx.state is empty again.
  void begin_anew() { states_.clear(); }

 private:
  // Calls the function, its arguments above it on the stack, and refuses changed upvalues.
  void call(const FunctionRef& function, int arguments, int results);
  // Whole numbers from 1 to `limit`, all different, at the top of the stack; returned from 0.
  std::vector<std::int32_t> take_indices(const FunctionRef& function, std::int64_t limit,
                                         const char* what);

  Interpreter& interpreter_;
  std::map<std::int32_t, Value> states_;  // ctx.state of each function
};

}  // namespace polyclinic::script
