// Built-in parts as functions: aggregation.mean {}({ { 1, 2 }, { 3, 4 } }).
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "fed/aggregation/pre.hpp"
#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

// Updates that lie in memory.
class GivenUpdates : public UpdateStream {
 public:
  explicit GivenUpdates(const std::vector<Update>& updates) : updates_(updates) {}
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }
  const Update* next() override { return next_ < updates_.size() ? &updates_[next_++] : nullptr; }

 private:
  const std::vector<Update>& updates_;
  std::size_t next_ = 0;
};

ParameterVector to_parameters(const std::shared_ptr<const ParameterLayout>& layout,
                              const std::vector<double>& numbers) {
  std::vector<float> floats;
  floats.reserve(numbers.size());
  for (const double x : numbers) floats.push_back(static_cast<float>(x));
  ParameterVector vector(layout);
  vector.assign_compact(floats);
  return vector;
}

// ctx.name as numbers, empty where it is not given.
std::vector<double> context_numbers(lua_State* L, const char* name) {
  if (lua_type(L, 3) != LUA_TTABLE) return {};
  std::vector<double> numbers;
  if (lua_getfield(L, 3, name) != LUA_TNIL) numbers = check_numbers(L, -1, name);
  lua_pop(L, 1);
  return numbers;
}

std::uint64_t context_seed(lua_State* L) {
  if (lua_type(L, 3) != LUA_TTABLE) return 0;
  lua_getfield(L, 3, "seed");
  const auto seed = static_cast<std::uint64_t>(lua_tointeger(L, -1));
  lua_pop(L, 1);
  return seed;
}

// Vectors of a call as updates of as many hospitals. What holds a NaN or an infinity is left out,
// as in a run.
struct GivenVectors {
  std::shared_ptr<const ParameterLayout> layout;
  std::vector<Update> updates;
};

GivenVectors given_vectors(lua_State* L, const char* what) {
  const auto vectors = check_vectors(L, 2, what);
  if (vectors.empty()) fail(L, fmt::format("{} of no updates", what));
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("parameters", {static_cast<std::int64_t>(vectors[0].size())}, Role::weight);
  std::vector<double> weights = context_numbers(L, "weights");
  if (weights.empty()) weights.assign(vectors.size(), 1.0 / static_cast<double>(vectors.size()));
  if (weights.size() != vectors.size()) {
    fail(L, fmt::format("{} weights for {} updates", weights.size(), vectors.size()));
  }
  GivenVectors given{layout, {}};
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    Update update;
    update.hospital = HospitalId{static_cast<std::uint32_t>(i)};
    update.delta = to_parameters(layout, vectors[i]);
    update.rows = 1;
    update.steps = 1;
    update.weight = weights[i];
    if (update.delta.finite()) given.updates.push_back(std::move(update));
  }
  if (given.updates.empty()) fail(L, fmt::format("{} of updates that are all not finite", what));
  return given;
}

// ctx.name as parameters, or none.
std::optional<ParameterVector> context_parameters(
    lua_State* L, const char* name, const std::shared_ptr<const ParameterLayout>& layout) {
  const std::vector<double> numbers = context_numbers(L, name);
  if (numbers.empty()) return std::nullopt;
  if (static_cast<std::int64_t>(numbers.size()) != layout->size()) {
    fail(L, fmt::format("ctx.{} has {} numbers, the updates have {}", name, numbers.size(),
                        layout->size()));
  }
  ParameterVector vector = to_parameters(layout, numbers);
  if (!vector.finite()) fail(L, fmt::format("ctx.{} holds a number that is not finite", name));
  return vector;
}

int call_aggregation(lua_State* L, const Part& part) {
  const GivenVectors given = given_vectors(L, "an aggregation");
  const std::optional<ParameterVector> global = context_parameters(L, "global", given.layout);
  const std::optional<ParameterVector> previous = context_parameters(L, "previous", given.layout);
  const std::optional<ParameterVector> root = context_parameters(L, "root", given.layout);
  const ParameterVector zero(given.layout);
  AggregationContext context;
  context.global = global ? &*global : &zero;
  context.previous = previous ? &*previous : nullptr;
  context.root = root ? &*root : nullptr;
  context.version = 1;
  context.seed = context_seed(L);
  std::vector<HospitalId> from;
  for (const Update& update : given.updates) from.push_back(update.hospital);
  const auto rule = make_aggregation(part, nullptr);
  const std::string refusal = rule->refusal(from, false);
  if (!refusal.empty()) fail(L, refusal);
  if (part.name == "fltrust" && !root && !part.find("trusted")) {
    fail(L, "aggregation.fltrust needs an update that it trusts",
         "ctx.root, or trusted = 1 for the first one");
  }
  GivenUpdates stream(given.updates);
  const std::vector<float> result = rule->combine(stream, context).compact();
  const std::span<double> out = push_new_vec(L, result.size());
  std::copy(result.begin(), result.end(), out.begin());
  return 1;
}

// A pre-aggregation gives a list of vectors.
int call_pre(lua_State* L, const Part& part) {
  const GivenVectors given = given_vectors(L, "a pre-aggregation");
  const std::string refusal = aggregation::refusal(part, given.updates.size());
  if (!refusal.empty()) fail(L, refusal);
  std::vector<const float*> rows;
  std::vector<double> weights;
  for (const Update& update : given.updates) {
    rows.push_back(update.delta.padded().data());
    weights.push_back(update.weight);
  }
  ParameterVector made(given.layout);
  const aggregation::VectorSet set(std::move(rows), made.padded().size(), nullptr);
  const aggregation::VectorSet after = aggregation::apply_pre(part, set, context_seed(L), weights);
  lua_createtable(L, static_cast<int>(after.count()), 0);
  for (std::size_t i = 0; i < after.count(); ++i) {
    const std::size_t one[] = {i};
    after.mean_of(one, made.padded().data());
    const std::vector<float> numbers = made.compact();
    const std::span<double> out = push_new_vec(L, numbers.size());
    std::copy(numbers.begin(), numbers.end(), out.begin());
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  return 1;
}

int call_selection(lua_State* L, const Part& part) {
  if (lua_type(L, 2) != LUA_TTABLE) {
    fail(L,
         fmt::format("a selection takes a list of candidates, found {}", describe_argument(L, 2)));
  }
  std::vector<HospitalId> candidates;
  for (std::uint32_t i = 0; i < lua_rawlen(L, 2); ++i) candidates.push_back(HospitalId{i});
  const auto selection = make_selection(part, nullptr);
  const auto chosen = selection->choose(candidates, RunKey{context_seed(L)}, 1);
  lua_createtable(L, static_cast<int>(chosen.size()), 0);
  lua_Integer count = 0;
  for (const HospitalId id : chosen) {
    lua_pushinteger(L, static_cast<lua_Integer>(id.value) + 1);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

// A part that is a Lua function is called as it is, with a context of its own.
int call_custom(lua_State* L, const FunctionRef& function) {
  Interpreter::of(L).push_function(L, function);
  lua_replace(L, 1);
  if (lua_gettop(L) == 2) {
    lua_newtable(L);
    lua_newtable(L);
    lua_setfield(L, -2, "state");
  }
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

}  // namespace

int Interpreter::call_part(lua_State* L) {
  const Value value = *to_boxed(L, 1);
  const Part* part = value.part();
  if (part != nullptr && part->name == "custom") {
    for (const FieldValue& field : part->fields) {
      if (const auto* own = field.value.get_if<FunctionRef>()) return call_custom(L, *own);
    }
  }
  if (part != nullptr && part->kind == "aggregation") return call_aggregation(L, *part);
  if (part != nullptr && part->kind == "pre") return call_pre(L, *part);
  if (part != nullptr && part->kind == "attack") return call_attack(L, *part);
  if (part != nullptr && part->kind == "selection") return call_selection(L, *part);
  fail(L, fmt::format("{} cannot be called", describe_argument(L, 1)),
       "only aggregations, pre-aggregations, attacks, selections and custom parts are functions");
}

}  // namespace polyclinic::script
