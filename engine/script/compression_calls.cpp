// Compressions as functions: compression.top_k {}(vec, { residual = r }) -> { vec, bytes, residual
// }.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>

#include "fed/compression/compressor.hpp"
#include "script/call_context.hpp"
#include "script/libraries.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

std::vector<float> to_floats(lua_State* L, const std::vector<double>& numbers, const char* what) {
  std::vector<float> floats;
  floats.reserve(numbers.size());
  for (const double x : numbers) {
    floats.push_back(static_cast<float>(x));
    if (std::isfinite(floats.back())) continue;
    fail(L, fmt::format("{} holds a number that is not finite", what));
  }
  return floats;
}

// One vector, or with ctx.rows a matrix of so many rows, row after row.
std::shared_ptr<const ParameterLayout> layout_of(lua_State* L, const CallContext& told,
                                                 std::size_t size) {
  const auto numbers = static_cast<std::int64_t>(size);
  std::vector<std::int64_t> shape{numbers};
  if (told.has("rows")) {
    const std::int64_t rows = told.integer("rows", 1, 1);
    if (numbers % rows != 0) {
      fail(L, fmt::format("{} numbers are no matrix of {} rows", numbers, rows));
    }
    shape = {rows, numbers / rows};
  }
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("vector", std::move(shape), Role::weight);
  return layout;
}

void push_floats(lua_State* L, const std::vector<float>& numbers) {
  const std::span<double> out = push_new_vec(L, numbers.size());
  std::copy(numbers.begin(), numbers.end(), out.begin());
}

}  // namespace

int call_compression(lua_State* L, const Part& part) {
  const CallContext told(L, "a compression", {"seed", "residual", "rows"});
  const std::string word = fmt::format("compression.{}", part.name);
  if (part.name == "each_way") {
    fail(L, "compression.each_way cannot be called", "call one of its methods");
  }
  const auto compressor = compression::make_compressor(part);
  const std::vector<float> values = to_floats(L, check_numbers(L, 2, word.c_str()), word.c_str());
  if (values.empty()) fail(L, fmt::format("{} of a vec without a number", word));
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(values.size()));
  compression::Memory memory;
  memory.residual = to_floats(L, told.numbers("residual"), "ctx.residual");
  if (!memory.residual.empty() && !compressor->error_feedback()) {
    fail(L, fmt::format("{} without error feedback has no residual", word),
         "error_feedback = true");
  }
  if (!memory.residual.empty() && memory.residual.size() != values.size()) {
    fail(L, fmt::format("ctx.residual has {} numbers, the vec has {}", memory.residual.size(),
                        values.size()));
  }
  ParameterVector vector(layout_of(L, told, values.size()));
  vector.assign_compact(values);
  const Stream stream(RunKey{told.seed()}, Purpose::kCompression, 0);
  const ParameterVector sent = compression::send(*compressor, vector, stream, memory);
  if (!sent.finite()) fail(L, fmt::format("{}: the result is not finite", word));
  lua_createtable(L, 0, 3);
  push_floats(L, sent.compact());
  lua_setfield(L, -2, "vec");
  lua_pushinteger(L, compressor->bytes(vector.layout()));
  lua_setfield(L, -2, "bytes");
  if (compressor->error_feedback()) {
    push_floats(L, memory.residual);
    lua_setfield(L, -2, "residual");
  }
  return 1;
}

}  // namespace polyclinic::script
