// `vec`: a flat vector of doubles in one block of Lua's own heap, so that the memory limit sees it
// and nothing has to be freed.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

struct lua_State;

namespace polyclinic::script {

struct VecView {
  const double* data = nullptr;
  std::size_t size = 0;
  bool is_vec = false;
  [[nodiscard]] bool valid() const { return is_vec; }
  [[nodiscard]] const double* begin() const { return data; }
  [[nodiscard]] const double* end() const { return data + size; }
  [[nodiscard]] std::span<const double> span() const { return {data, size}; }
};

// Registers the type; pushes the library table (vec.zeros, vec.mean, ...), callable: vec { 1, 2 }.
void push_vec_library(lua_State* L);

// Pushes a new vec and returns its numbers (of `frozen` ones scripts cannot change items).
std::span<double> push_new_vec(lua_State* L, std::size_t size, bool frozen = false);
void push_vec(lua_State* L, std::span<const double> values, bool frozen = false);

// Not valid when the value is none.
VecView to_vec(lua_State* L, int index);
// A vec, or a table of numbers; throws Failure otherwise. `what` names it in the message.
std::vector<double> check_numbers(lua_State* L, int index, const char* what);
// A list of vecs of equal length.
std::vector<std::vector<double>> check_vectors(lua_State* L, int index, const char* what);

}  // namespace polyclinic::script
