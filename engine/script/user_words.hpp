// How the parts of a scenario are called by those who write one: compose { ... } for the part that
// the engine knows as composition, at(...) for happening.at.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/value.hpp"
#include "world/catalogue.hpp"

struct lua_State;

namespace polyclinic::script {

// A message of the engine with the names of parts as they are written.
std::string in_user_words(std::string message);
void put_in_user_words(std::vector<Mistake>& mistakes);

// What to write instead of a value that a field of this type does not take, or "": a word that was
// not called, a part by its bare name, one thing where a list is wanted. The value lies at the top
// of L's stack too, as Lua sees it.
std::string repair(lua_State* L, const Type& type, const Value& value);

}  // namespace polyclinic::script
