// Built-in parts as functions: aggregation.mean {}({ { 1, 2 }, { 3, 4 } }).
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "fed/aggregation/pre.hpp"
#include "fed/told_losses.hpp"
#include "script/call_context.hpp"
#include "script/custom_calls.hpp"
#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/sandbox.hpp"
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

// Vectors of a call as updates of as many hospitals. What holds a NaN or an infinity is left out,
// as in a run.
struct GivenVectors {
  std::shared_ptr<const ParameterLayout> layout;
  std::vector<Update> updates;
};

// One per update where the rule looks at them, and what a training would say besides.
std::vector<double> told_losses(lua_State* L, const Part& part, const CallContext& told,
                                std::size_t count) {
  if (tells_losses(part, nullptr) && !told.has("losses")) {
    fail(L,
         fmt::format("aggregation.{} goes by the losses that hospitals tell, and the call tells "
                     "none",
                     part.name),
         "ctx.losses, one number per update");
  }
  if (part.name == "q_fair" && !part.find("lipschitz")) {
    fail(L, "aggregation.q_fair takes 1 / learning rate for lipschitz, and here is no training",
         "aggregation.q_fair { lipschitz = 20 }");
  }
  return told.positive("losses", count, 0.0);
}

GivenVectors given_vectors(lua_State* L, const Part& part, const CallContext& told) {
  const std::string& what = told.what();
  const auto vectors = check_vectors(L, 2, what.c_str());
  if (vectors.empty()) fail(L, fmt::format("{} of no updates", what));
  if (vectors[0].empty()) fail(L, fmt::format("{} of updates without a number", what));
  const std::size_t count = vectors.size();
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(count * vectors[0].size()));
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("parameters", {static_cast<std::int64_t>(vectors[0].size())}, Role::weight);
  const std::vector<double> weights = told.weights(part, count);
  const std::vector<double> steps = told.positive("steps", count, 1.0);
  const std::vector<double> accumulated = told.positive("accumulated", count, 1.0);
  const std::vector<double> losses = told_losses(L, part, told, count);
  GivenVectors given{layout, {}};
  for (std::size_t i = 0; i < count; ++i) {
    Update update;
    update.hospital = HospitalId{static_cast<std::uint32_t>(i)};
    update.delta = to_parameters(layout, vectors[i]);
    update.rows = 1;
    update.steps = std::llround(steps[i]);
    update.accumulated = accumulated[i];
    update.told_loss = losses[i];
    update.weight = weights[i];
    if (update.delta.finite()) given.updates.push_back(std::move(update));
  }
  if (given.updates.empty()) fail(L, fmt::format("{} of updates that are all not finite", what));
  return given;
}

// A field of ctx as parameters, or none.
std::optional<ParameterVector> parameters_told(
    lua_State* L, const CallContext& told, const char* name,
    const std::shared_ptr<const ParameterLayout>& layout) {
  if (!told.has(name)) return std::nullopt;
  const std::vector<double> numbers = told.numbers(name);
  if (static_cast<std::int64_t>(numbers.size()) != layout->size()) {
    fail(L, fmt::format("ctx.{} has {} numbers, the updates have {}", name, numbers.size(),
                        layout->size()));
  }
  ParameterVector vector = to_parameters(layout, numbers);
  if (!vector.finite()) fail(L, fmt::format("ctx.{} holds a number that is not finite", name));
  return vector;
}

void check_root(lua_State* L, const Part& part, bool root) {
  if (part.name != "fltrust") {
    if (root)
      fail(L, fmt::format("aggregation.{} trusts no update: leave out ctx.root", part.name));
    return;
  }
  const bool trusted = part.find("trusted") != nullptr;
  if (root && trusted) fail(L, "aggregation.fltrust trusts one update: trusted or ctx.root");
  if (!root && !trusted) {
    fail(L, "aggregation.fltrust needs an update that it trusts",
         "ctx.root, or trusted = 1 for the first one");
  }
}

int call_aggregation(lua_State* L, const Part& part) {
  std::vector<std::string> fields = CallContext::of_aggregation();
  fields.emplace_back("root");
  const CallContext told(L, "an aggregation", fields);
  const GivenVectors given = given_vectors(L, part, told);
  const auto global = parameters_told(L, told, "global", given.layout);
  const auto previous = parameters_told(L, told, "previous", given.layout);
  const auto root = parameters_told(L, told, "root", given.layout);
  check_root(L, part, root.has_value());
  const ParameterVector zero(given.layout);
  AggregationContext context;
  context.global = global ? &*global : &zero;
  context.previous = previous ? &*previous : nullptr;
  context.root = root ? &*root : nullptr;
  context.version = told.integer("version", 1, 1);
  context.seed = told.seed();
  std::vector<HospitalId> from;
  for (const Update& update : given.updates) from.push_back(update.hospital);
  const auto rule = make_aggregation(part, nullptr);
  const std::string refusal = rule->refusal(from, Demand::possible);
  if (!refusal.empty()) fail(L, refusal);
  GivenUpdates stream(given.updates);
  const ParameterVector combined = rule->combine(stream, context);
  if (!combined.finite()) {
    fail(L, fmt::format("aggregation.{}: the result is not finite", part.name));
  }
  const std::vector<float> result = combined.compact();
  const std::span<double> out = push_new_vec(L, result.size());
  std::copy(result.begin(), result.end(), out.begin());
  return 1;
}

// A pre-aggregation gives a list of vectors.
int call_pre(lua_State* L, const Part& part) {
  const CallContext told(L, "a pre-aggregation", CallContext::of_aggregation());
  const GivenVectors given = given_vectors(L, part, told);
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
  const aggregation::VectorSet after = aggregation::apply_pre(part, set, told.seed(), weights);
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
  if (part.name == "power_of_choice" || part.name == "reliable" || part.name == "oort") {
    fail(L, fmt::format("selection.{} cannot be called: it goes by what hospitals answer in a run",
                        part.name));
  }
  const CallContext told(L, "a selection", {"seed", "round", "sizes"});
  const std::size_t count = check_candidates(L);
  std::vector<HospitalId> candidates;
  for (std::uint32_t i = 0; i < count; ++i) candidates.push_back(HospitalId{i});
  const std::vector<double> sizes = told.positive("sizes", count, 1.0);
  SelectionFacts facts;
  facts.train_rows = [&](HospitalId id) {
    return std::llround(std::clamp(sizes[id.value], 1.0, 1e15));
  };
  const auto selection = make_selection(part, nullptr, std::move(facts));
  const auto chosen =
      selection->choose(candidates, RunKey{told.seed()}, told.integer("round", 1, 1) - 1);
  lua_createtable(L, static_cast<int>(chosen.size()), 0);
  lua_Integer at = 0;
  for (const HospitalId id : chosen) {
    lua_pushinteger(L, static_cast<lua_Integer>(id.value) + 1);
    lua_rawseti(L, -2, ++at);
  }
  return 1;
}

}  // namespace

int Interpreter::call_part(lua_State* L) {
  const Value value = *to_boxed(L, 1);
  const Part* part = value.part();
  if (part != nullptr && part->name == "custom") {
    for (const FieldValue& field : part->fields) {
      if (const auto* own = field.value.get_if<FunctionRef>()) return call_custom(L, *part, *own);
    }
  }
  if (part != nullptr && part->kind == "aggregation") return call_aggregation(L, *part);
  if (part != nullptr && part->kind == "pre") return call_pre(L, *part);
  if (part != nullptr && part->kind == "attack") return call_attack(L, *part);
  if (part != nullptr && part->kind == "compression") return call_compression(L, *part);
  if (part != nullptr && part->kind == "selection") return call_selection(L, *part);
  fail(L, fmt::format("{} cannot be called", describe_argument(L, 1)),
       "only aggregations, pre-aggregations, attacks, compressions, selections and custom parts "
       "are functions");
}

}  // namespace polyclinic::script
