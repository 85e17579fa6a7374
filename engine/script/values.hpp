// Values between Lua and the engine. Numbers, strings and tables are Lua's own; everything else is
// a userdata that holds a Value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/value.hpp"

struct lua_State;

namespace polyclinic::script {

// Registers the types of userdata; once per state.
void open_values(lua_State* L);

// Pushes a value: a List or Table becomes a fresh Lua table, Numbers a vec.
void push_value(lua_State* L, const Value& value);
void push_quantity(lua_State* L, Quantity quantity);

// The Lua value at `index`. Functions are registered with the interpreter. Throws Failure for what
// cannot be a value (a table with holes, mixed keys, a table within itself).
Value to_value(lua_State* L, int index);
// A Lua table used as a list: its items, `false` skipped. `what` names it in messages.
List to_list(lua_State* L, int index, const std::string& what);

// The quantity or value held by a userdata, or nullptr.
const Quantity* to_quantity(lua_State* L, int index);
const Value* to_boxed(lua_State* L, int index);

// What an argument is, in words for messages.
std::string describe_argument(lua_State* L, int index);

// ms(40) and its siblings, as functions in the table at the top of the stack.
void add_units(lua_State* L);

// A table that scripts cannot change: pops the table at the top, pushes one that reads from it and
// answers unknown names with the nearest ones. `what` names it in messages: "cohort", "math".
// With `call` the table at the top of the stack lies below a function, which is called for it.
void push_locked(lua_State* L, const std::string& what, bool call = false);
// Pushes the contents of a locked table; false (nothing pushed) when the value is none.
bool push_contents(lua_State* L, int index);

}  // namespace polyclinic::script
