// Custom parts as functions: called with what a run would give them, and held to the same.
#pragma once

#include <cstddef>

#include "base/schema.hpp"

struct lua_State;

namespace polyclinic::script {

// part(...), the part at 1 and what it is called with from 2 on; returns the number of results.
int call_custom(lua_State* L, const Part& part, const FunctionRef& function);

// How many candidates a selection is called with: the list at 2.
std::size_t check_candidates(lua_State* L);

}  // namespace polyclinic::script
