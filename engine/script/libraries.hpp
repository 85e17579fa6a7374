// Lua's own libraries as a scenario sees them: nothing that reads the machine, depends on addresses
// or runs without being counted.
#pragma once

#include <string>

struct lua_State;

namespace polyclinic {
struct Part;
}

namespace polyclinic::script {

// attack.x {}(honest, ctx): the part is called with what lies on the stack from 2 on.
int call_attack(lua_State* L, const Part& part);
// compression.x {}(vec, ctx), in the same way.
int call_compression(lua_State* L, const Part& part);

// Each pushes the contents of one library; none is locked yet.
void push_base_library(lua_State* L);
void push_string_library(lua_State* L);
void push_table_library(lua_State* L);
void push_math_library(lua_State* L);
void push_utf8_library(lua_State* L);

// `tostring` of the value at `index`, without addresses: tables are numbered as they are met.
std::string text_of(lua_State* L, int index);
// string.format of the arguments from `first` on; pushes the text. `nil_text`, where it is given,
// stands for an argument that is nil, whatever its conversion.
void push_formatted(lua_State* L, int first, const char* nil_text = nullptr);

}  // namespace polyclinic::script
