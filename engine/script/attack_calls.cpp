// Attacks as functions: attack.sign_flip {}(honest, { byzantine = 2 }) -> list of what they send.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>

#include "attack/poisoning.hpp"
#include "script/call_context.hpp"
#include "script/libraries.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

attack::Vector to_vector(const std::vector<double>& numbers) {
  attack::Vector vector;
  vector.reserve(numbers.size());
  for (const double x : numbers) vector.push_back(static_cast<float>(x));
  return vector;
}

bool finite(const attack::Vector& vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); });
}

void push_vector(lua_State* L, const attack::Vector& vector) {
  const std::span<double> out = push_new_vec(L, vector.size());
  std::copy(vector.begin(), vector.end(), out.begin());
}

void push_vectors(lua_State* L, const attack::Vectors& vectors) {
  lua_createtable(L, static_cast<int>(vectors.size()), 0);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    push_vector(L, vectors[i]);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
}

// Calls the rule at this place of the stack: a function, or a part that is callable.
attack::Vector call_rule(lua_State* L, int rule, const attack::Vectors& updates) {
  lua_pushvalue(L, rule);
  push_vectors(L, updates);
  lua_call(L, 1, 1);
  attack::Vector result = to_vector(check_numbers(L, -1, "the result of ctx.rule"));
  lua_pop(L, 1);
  if (result.size() != updates[0].size()) {
    fail(L, fmt::format("ctx.rule returned {} numbers for updates of {}", result.size(),
                        updates[0].size()));
  }
  return result;
}

}  // namespace

int call_attack(lua_State* L, const Part& part) {
  constexpr std::int64_t kByzantineMost = 10'000;
  constexpr std::size_t kNumbersMost = std::size_t{1} << 27U;  // of all that attackers send
  if (attack::changes_rows(part)) {
    fail(L,
         fmt::format("attack.{} changes the rows that attackers train on: there is no update to "
                     "apply it to",
                     part.name),
         "it works in a scenario: attacks = { ... }");
  }
  const CallContext told(L, "an attack", {"byzantine", "seed", "own", "rule"});
  lua_settop(L, 3);
  attack::Vectors honest;
  for (const auto& numbers : check_vectors(L, 2, "an attack")) {
    attack::Vector vector = to_vector(numbers);
    if (finite(vector)) honest.push_back(std::move(vector));
  }
  if (honest.empty() || honest[0].empty()) fail(L, "an attack looks at honest updates: none given");
  attack::Knowledge know;
  know.honest = &honest;
  const std::int64_t byzantine = told.integer("byzantine", 1, 1);
  if (byzantine > kByzantineMost) {
    fail(L, fmt::format("ctx.byzantine is at most {}, found {}", kByzantineMost, byzantine));
  }
  know.byzantine = static_cast<std::size_t>(byzantine);
  if (know.byzantine * honest[0].size() > kNumbersMost) {
    fail(L, fmt::format("{} attackers would send {} numbers each: more than {} in all are too many",
                        byzantine, honest[0].size(), kNumbersMost));
  }
  Sandbox::of(L).charge(
      L, static_cast<std::int64_t>((know.byzantine + honest.size()) * honest[0].size()));
  know.seed = told.seed();
  if (told.has("own")) {
    lua_getfield(L, 3, "own");
    for (const auto& numbers : check_vectors(L, -1, "ctx.own")) {
      know.own.push_back(to_vector(numbers));
      if (know.own.back().size() != honest[0].size()) {
        fail(L, fmt::format("ctx.own has {} numbers, the honest updates have {}",
                            know.own.back().size(), honest[0].size()));
      }
    }
    if (know.own.empty()) fail(L, "ctx.own is a list of updates: none given");
    lua_pop(L, 1);
  }
  if (told.has("rule")) {
    lua_getfield(L, 3, "rule");
    const int rule = lua_gettop(L);
    know.rule = [L, rule](const attack::Vectors& updates) { return call_rule(L, rule, updates); };
  }
  push_vectors(L, attack::poison(part, know));
  return 1;
}

}  // namespace polyclinic::script
