// table with its work counted, and a sort that is stable: Lua's own picks pivots by the clock.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "script/libraries.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

void check_table(lua_State* L, int index, const char* what) {
  if (lua_type(L, index) != LUA_TTABLE) {
    fail(L, fmt::format("{} takes a table, found {}", what, describe_argument(L, index)));
  }
}

int insert(lua_State* L) {
  check_table(L, 1, "table.insert");
  const lua_Integer end = luaL_len(L, 1) + 1;
  lua_Integer position = end;
  const int arguments = lua_gettop(L);
  if (arguments == 3) {
    position = luaL_checkinteger(L, 2);
    if (position < 1 || position > end) {
      fail(L,
           fmt::format("table.insert: position {} is outside the list of {}", position, end - 1));
    }
    Sandbox::of(L).charge(L, end - position);
    for (lua_Integer i = end; i > position; --i) {
      lua_geti(L, 1, i - 1);
      lua_seti(L, 1, i);
    }
  } else if (arguments != 2) {
    fail(L, "table.insert takes a list, perhaps a position, and a value");
  }
  lua_seti(L, 1, position);
  return 0;
}

int remove(lua_State* L) {
  check_table(L, 1, "table.remove");
  const lua_Integer size = luaL_len(L, 1);
  lua_Integer position = luaL_optinteger(L, 2, size);
  if (lua_gettop(L) > 1 && !(size == 0 && position == 0) && (position < 1 || position > size + 1)) {
    fail(L, fmt::format("table.remove: position {} is outside the list of {}", position, size));
  }
  Sandbox::of(L).charge(L, size - position);
  lua_geti(L, 1, position);
  for (; position < size; ++position) {
    lua_geti(L, 1, position + 1);
    lua_seti(L, 1, position);
  }
  lua_pushnil(L);
  lua_seti(L, 1, position);
  return 1;
}

int move(lua_State* L) {
  const int to_table = lua_isnoneornil(L, 5) ? 1 : 5;
  check_table(L, 1, "table.move");
  check_table(L, to_table, "table.move");
  const lua_Integer first = luaL_checkinteger(L, 2);
  const lua_Integer last = luaL_checkinteger(L, 3);
  const lua_Integer to = luaL_checkinteger(L, 4);
  if (last >= first) {
    constexpr lua_Integer kMost = lua_Integer{1} << 31U;
    if (first < -kMost || last > kMost || to > kMost || to < -kMost) {
      fail(L, "table.move: too many items");
    }
    Sandbox::of(L).charge(L, last - first + 1);
    const bool upwards = to > last || to <= first || to_table != 1;
    for (lua_Integer k = 0; k <= last - first; ++k) {
      const lua_Integer i = upwards ? k : last - first - k;
      lua_geti(L, 1, first + i);
      lua_seti(L, to_table, to + i);
    }
  }
  lua_pushvalue(L, to_table);
  return 1;
}

int concat(lua_State* L) {
  check_table(L, 1, "table.concat");
  std::size_t between_size = 0;
  const char* between = luaL_optlstring(L, 2, "", &between_size);
  const lua_Integer first = luaL_optinteger(L, 3, 1);
  const lua_Integer last = lua_isnoneornil(L, 4) ? luaL_len(L, 1) : luaL_checkinteger(L, 4);
  constexpr std::size_t kLengthMax = std::size_t{16} << 20U;
  std::string out;
  for (lua_Integer i = first; i <= last; ++i) {
    Sandbox::of(L).charge(L, 1);
    lua_geti(L, 1, i);
    if (lua_isstring(L, -1) == 0) {
      fail(L, fmt::format("table.concat: item {} is {}, expected text or a number", i,
                          describe_argument(L, -1)));
    }
    std::size_t size = 0;
    const char* text = lua_tolstring(L, -1, &size);
    out.append(text, size);
    lua_pop(L, 1);
    if (i == last) break;
    out.append(between, between_size);
    if (out.size() > kLengthMax) fail(L, "table.concat makes a string longer than 16 MiB");
  }
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

int unpack(lua_State* L) {
  const lua_Integer first = luaL_optinteger(L, 2, 1);
  const lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
  if (first > last) return 0;
  constexpr lua_Unsigned kMost = 100'000;
  const auto count = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
  if (count >= kMost || lua_checkstack(L, static_cast<int>(count) + 1) == 0) {
    fail(L, "table.unpack: too many results");
  }
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(count) + 1);
  for (lua_Integer i = first; i < last; ++i) lua_geti(L, 1, i);
  lua_geti(L, 1, last);
  return static_cast<int>(count) + 1;
}

int pack(lua_State* L) {
  const int count = lua_gettop(L);
  lua_createtable(L, count, 1);
  lua_insert(L, 1);
  for (int i = count; i >= 1; --i) lua_rawseti(L, 1, i);
  lua_pushinteger(L, count);
  lua_setfield(L, 1, "n");
  return 1;
}

// The items in slots 3 (a copy of the list), the comparison in slot 2 or nil there.
class Sorter {
 public:
  explicit Sorter(lua_State* L) : L_(L) {}

  // Merge sort of positions, from runs of one upwards: stable, whatever the comparison says.
  std::vector<lua_Integer> sort(lua_Integer count) {
    std::vector<lua_Integer> order(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<lua_Integer>(i) + 1;
    std::vector<lua_Integer> merged(order.size());
    for (std::size_t width = 1; width < order.size(); width *= 2) {
      for (std::size_t begin = 0; begin < order.size(); begin += 2 * width) {
        const std::size_t middle = std::min(begin + width, order.size());
        const std::size_t end = std::min(begin + 2 * width, order.size());
        merge(order, merged, begin, middle, end);
      }
      order.swap(merged);
    }
    return order;
  }

 private:
  void merge(const std::vector<lua_Integer>& from, std::vector<lua_Integer>& to, std::size_t begin,
             std::size_t middle, std::size_t end) {
    std::size_t left = begin;
    std::size_t right = middle;
    for (std::size_t out = begin; out < end; ++out) {
      const bool take_right = left == middle || (right < end && less(from[right], from[left]));
      to[out] = take_right ? from[right++] : from[left++];
    }
  }

  bool less(lua_Integer a, lua_Integer b) {
    Sandbox::of(L_).charge(L_, 2);
    const bool own = !lua_isnil(L_, 2);
    if (own) lua_pushvalue(L_, 2);
    lua_rawgeti(L_, 3, a);
    lua_rawgeti(L_, 3, b);
    if (!own) {
      const bool result = lua_compare(L_, -2, -1, LUA_OPLT) != 0;
      lua_pop(L_, 2);
      return result;
    }
    lua_call(L_, 2, 1);
    const bool result = lua_toboolean(L_, -1) != 0;
    lua_pop(L_, 1);
    return result;
  }

  lua_State* L_;
};

int sort(lua_State* L) {
  check_table(L, 1, "table.sort");
  const lua_Integer count = luaL_len(L, 1);
  constexpr lua_Integer kMost = lua_Integer{1} << 28U;
  if (count < 0 || count > kMost) fail(L, "table.sort: too many items");
  lua_settop(L, 2);
  if (!lua_isnil(L, 2) && lua_type(L, 2) != LUA_TFUNCTION) {
    fail(L, fmt::format("table.sort takes a function, found {}", describe_argument(L, 2)));
  }
  Sandbox::of(L).charge(L, 2 * count);
  lua_newtable(L);
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_geti(L, 1, i);
    lua_rawseti(L, 3, i);
  }
  const std::vector<lua_Integer> order = Sorter(L).sort(count);
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, 3, order[static_cast<std::size_t>(i) - 1]);
    lua_seti(L, 1, i);
  }
  return 0;
}

}  // namespace

void push_table_library(lua_State* L) {
  const luaL_Reg functions[] = {{"insert", guarded<insert>}, {"remove", guarded<remove>},
                                {"move", guarded<move>},     {"concat", guarded<concat>},
                                {"unpack", guarded<unpack>}, {"pack", guarded<pack>},
                                {"sort", guarded<sort>},     {nullptr, nullptr}};
  luaL_newlib(L, functions);
}

}  // namespace polyclinic::script
