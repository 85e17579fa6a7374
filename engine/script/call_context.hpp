// What a part that is called as a function is told beside its vectors: the fields of ctx.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/schema.hpp"

struct lua_State;

namespace polyclinic::script {

// Fields that do not exist and values of the wrong kind are refused: none is ignored.
class CallContext {
 public:
  // ctx is the third value of the stack: a table that holds nothing but `fields`, or absent.
  // `what` names the part in messages: "an aggregation".
  CallContext(lua_State* L, std::string what, const std::vector<std::string>& fields);

  [[nodiscard]] bool has(const char* name) const;
  // Empty where it is not given.
  [[nodiscard]] std::vector<double> numbers(const char* name) const;
  // One per update, all above zero; `standard` for each where it is not given.
  [[nodiscard]] std::vector<double> positive(const char* name, std::size_t count,
                                             double standard) const;
  // A whole number, at least `least`.
  [[nodiscard]] std::int64_t integer(const char* name, std::int64_t standard,
                                     std::int64_t least) const;
  [[nodiscard]] std::uint64_t seed() const;
  // How much each update counts: ctx.weights, or all alike; the fields weights and max_share of the
  // part apply where they are written.
  [[nodiscard]] std::vector<double> weights(const Part& part, std::size_t count) const;
  [[nodiscard]] const std::string& what() const { return what_; }

  // What an aggregation written in Lua finds in its ctx, and may hand on.
  static std::vector<std::string> of_aggregation();

 private:
  lua_State* L_;
  std::string what_;
  bool given_;
};

}  // namespace polyclinic::script
