#include "script/vec.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "base/math.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kVecType = "polyclinic.vec";
constexpr lua_Integer kSizeMax = lua_Integer{1} << 31U;
constexpr std::size_t kItemsShown = 6;
// A pass over that many numbers costs about one Lua instruction.
constexpr std::int64_t kNumbersPerWork = 4;
// Sorting a million numbers takes about as long as this many passes over them.
constexpr std::int64_t kSortPasses = 40;

// In front of the numbers.
struct Header {
  std::size_t size;
  std::size_t frozen;  // 0 or 1; a word, so that the numbers are aligned
};

Header* header_of(lua_State* L, int index) {
  return static_cast<Header*>(luaL_testudata(L, index, kVecType));
}

double* numbers_of(Header* header) {
  return reinterpret_cast<double*>(header + 1);
}

// `passes`: how often the numbers are gone through, about.
VecView check_vec(lua_State* L, int index, std::int64_t passes = 1) {
  const VecView vec = to_vec(L, index);
  if (!vec.valid()) fail(L, fmt::format("expected a vec, found {}", describe_argument(L, index)));
  Sandbox::of(L).charge(L, passes * static_cast<std::int64_t>(vec.size) / kNumbersPerWork);
  return vec;
}

double check_number(lua_State* L, int index, const char* what) {
  if (lua_type(L, index) != LUA_TNUMBER) {
    fail(L, fmt::format("{} takes a number, found {}", what, describe_argument(L, index)));
  }
  return lua_tonumber(L, index);
}

// A vec, or a table of numbers in its place: valid() says whether it is either.
class Operand {
 public:
  Operand(lua_State* L, int index) : view_(to_vec(L, index)) {
    if (view_.valid() || lua_type(L, index) != LUA_TTABLE) return;
    numbers_ = check_numbers(L, index, "a vec");
    view_ = {numbers_.data(), numbers_.size(), true};
  }
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;

  [[nodiscard]] const VecView& view() const { return view_; }

 private:
  std::vector<double> numbers_;
  VecView view_;
};

void check_same_size(lua_State* L, std::size_t a, std::size_t b) {
  if (a != b) {
    fail(L, fmt::format("vecs of {} and {} numbers do not go together", a, b),
         "all vecs of one operation have the same length");
  }
}

// Elementwise, between two vecs or a vec and a number; a table of numbers is a vec too.
template <double (*F)(double, double)>
int elementwise(lua_State* L) {
  const Operand left(L, 1);
  const Operand right(L, 2);
  const VecView a = left.view();
  const VecView b = right.view();
  const bool numbers_fit =
      (a.valid() || lua_type(L, 1) == LUA_TNUMBER) && (b.valid() || lua_type(L, 2) == LUA_TNUMBER);
  if (!numbers_fit) {
    fail(L,
         fmt::format("{} and {} do not go together", describe_argument(L, 1),
                     describe_argument(L, 2)),
         "a vec goes with a vec or a list of numbers of its length, or with a number");
  }
  if (a.valid() && b.valid()) check_same_size(L, a.size, b.size);
  const std::size_t size = a.valid() ? a.size : b.size;
  const double x = a.valid() ? 0 : lua_tonumber(L, 1);
  const double y = b.valid() ? 0 : lua_tonumber(L, 2);
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(size) / kNumbersPerWork);
  const std::span<double> out = push_new_vec(L, size);
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = F(a.valid() ? a.data[i] : x, b.valid() ? b.data[i] : y);
  }
  return 1;
}

double plus(double x, double y) {
  return x + y;
}
double minus(double x, double y) {
  return x - y;
}
double times(double x, double y) {
  return x * y;
}
double over(double x, double y) {
  return x / y;
}

template <double (*F)(double)>
int each(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  const std::span<double> out = push_new_vec(L, vec.size);
  for (std::size_t i = 0; i < vec.size; ++i) out[i] = F(vec.data[i]);
  return 1;
}

double negated(double x) {
  return -x;
}
double absolute(double x) {
  return std::fabs(x);
}
double root(double x) {
  return std::sqrt(x);
}

double sum_of(VecView vec) {
  double sum = 0;
  for (const double x : vec) sum += x;
  return sum;
}

void check_not_empty(lua_State* L, VecView vec, const char* what) {
  if (vec.size == 0) fail(L, fmt::format("the {} of an empty vec", what));
}

int sum(lua_State* L) {
  lua_pushnumber(L, sum_of(check_vec(L, 1)));
  return 1;
}

int mean(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  check_not_empty(L, vec, "mean");
  lua_pushnumber(L, sum_of(vec) / static_cast<double>(vec.size));
  return 1;
}

int dot(lua_State* L) {
  const VecView a = check_vec(L, 1);
  const Operand right(L, 2);
  const VecView b = right.view();
  if (!b.valid()) {
    fail(L, fmt::format("dot takes a vec or a list of numbers, found {}", describe_argument(L, 2)));
  }
  check_same_size(L, a.size, b.size);
  double result = 0;
  for (std::size_t i = 0; i < a.size; ++i) result += a.data[i] * b.data[i];
  lua_pushnumber(L, result);
  return 1;
}

int norm(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  double squares = 0;
  for (const double x : vec) squares += x * x;
  lua_pushnumber(L, std::sqrt(squares));
  return 1;
}

int largest(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  check_not_empty(L, vec, "maximum");
  lua_pushnumber(L, *std::max_element(vec.begin(), vec.end()));
  return 1;
}

int smallest(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  check_not_empty(L, vec, "minimum");
  lua_pushnumber(L, *std::min_element(vec.begin(), vec.end()));
  return 1;
}

// A total order, NaN last, so that sorting is defined whatever the numbers are.
bool before(double a, double b) {
  return std::isnan(b) ? !std::isnan(a) : a < b;
}

// Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996). Sorts `values`.
double quantile_of(std::vector<double>& values, double q) {
  std::sort(values.begin(), values.end(), before);
  const double position = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double share = position - static_cast<double>(below);
  if (share == 0) return values[below];
  return values[below] + share * (values[above] - values[below]);
}

double check_share(lua_State* L, int index) {
  const double q = check_number(L, index, "quantile");
  if (!(q >= 0 && q <= 1)) fail(L, fmt::format("a quantile is between 0 and 1, found {}", q));
  return q;
}

int push_quantile(lua_State* L, double q) {
  const VecView vec = check_vec(L, 1, kSortPasses);
  check_not_empty(L, vec, "quantile");
  std::vector<double> values(vec.begin(), vec.end());
  lua_pushnumber(L, quantile_of(values, q));
  return 1;
}

int quantile(lua_State* L) {
  return push_quantile(L, check_share(L, 2));
}
int median(lua_State* L) {
  return push_quantile(L, 0.5);
}

int sorted(lua_State* L) {
  const VecView vec = check_vec(L, 1, kSortPasses);
  const std::span<double> out = push_new_vec(L, vec.size);
  std::copy(vec.begin(), vec.end(), out.begin());
  std::sort(out.begin(), out.end(), before);
  return 1;
}

int copy(lua_State* L) {
  push_vec(L, check_vec(L, 1).span());
  return 1;
}

int slice(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  const double first = check_number(L, 2, "slice");
  const double last =
      lua_isnoneornil(L, 3) ? static_cast<double>(vec.size) : check_number(L, 3, "slice");
  if (!(first >= 1 && last <= static_cast<double>(vec.size) && first <= last + 1)) {
    fail(L, fmt::format("slice({}, {}) of a vec of {} numbers", first, last, vec.size),
         "the first and the last item that are wanted, from 1");
  }
  const auto begin = static_cast<std::size_t>(first) - 1;
  push_vec(L, vec.span().subspan(begin, static_cast<std::size_t>(last) - begin));
  return 1;
}

int map(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  if (!lua_isfunction(L, 2)) {
    fail(L, fmt::format("map takes a function, found {}", describe_argument(L, 2)));
  }
  const std::span<double> out = push_new_vec(L, vec.size);
  for (std::size_t i = 0; i < vec.size; ++i) {
    lua_pushvalue(L, 2);
    lua_pushnumber(L, vec.data[i]);
    lua_call(L, 1, 1);
    out[i] = check_number(L, -1, "map's function returns; it");
    lua_pop(L, 1);
  }
  return 1;
}

int to_table(lua_State* L) {
  const VecView vec = check_vec(L, 1);
  lua_createtable(L, static_cast<int>(vec.size), 0);
  for (std::size_t i = 0; i < vec.size; ++i) {
    lua_pushnumber(L, vec.data[i]);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  return 1;
}

int length(lua_State* L) {
  lua_pushinteger(L, static_cast<lua_Integer>(to_vec(L, 1).size));
  return 1;
}

int equal(lua_State* L) {
  const VecView a = to_vec(L, 1);
  const VecView b = to_vec(L, 2);
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(a.size) / kNumbersPerWork);
  lua_pushboolean(L, a.valid() && b.valid() && std::equal(a.begin(), a.end(), b.begin(), b.end()));
  return 1;
}

int text(lua_State* L) {
  const VecView vec = to_vec(L, 1);
  std::string result = "vec {";
  for (std::size_t i = 0; i < std::min(vec.size, kItemsShown); ++i) {
    result += fmt::format("{} {:.6g}", i > 0 ? "," : "", vec.data[i]);
  }
  if (vec.size > kItemsShown) result += fmt::format(", ... {} in all", vec.size);
  result += " }";
  lua_pushlstring(L, result.data(), result.size());
  return 1;
}

std::size_t check_index(lua_State* L, int index, std::size_t size) {
  int exact = 0;
  const lua_Integer i = lua_tointegerx(L, index, &exact);
  if (exact == 0 || i < 1 || static_cast<std::size_t>(i) > size) {
    fail(L,
         fmt::format("a vec of {} numbers has no item {}", size,
                     exact != 0 ? std::to_string(i) : describe_argument(L, index)),
         "items are counted from 1");
  }
  return static_cast<std::size_t>(i) - 1;
}

// upvalue 1: the methods, a locked table that names the nearest ones.
int index(lua_State* L) {
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    lua_gettable(L, lua_upvalueindex(1));
    return 1;
  }
  const VecView vec = to_vec(L, 1);
  lua_pushnumber(L, vec.data[check_index(L, 2, vec.size)]);
  return 1;
}

int set_index(lua_State* L) {
  Header* header = header_of(L, 1);
  if (header->frozen != 0) {
    fail(L, "this vec belongs to the engine and cannot be changed", "change a copy: v:copy()");
  }
  const std::size_t i = check_index(L, 2, header->size);
  numbers_of(header)[i] = check_number(L, 3, "an item of a vec");
  return 0;
}

std::size_t check_size(lua_State* L, int index) {
  int exact = 0;
  const lua_Integer size = lua_tointegerx(L, index, &exact);
  if (exact == 0 || size < 0 || size > kSizeMax) {
    fail(L, fmt::format("a vec's length is a whole number from 0 to {}, found {}", kSizeMax,
                        describe_argument(L, index)));
  }
  return static_cast<std::size_t>(size);
}

int filled(lua_State* L, double value) {
  const std::size_t size = check_size(L, 1);
  const std::span<double> out = push_new_vec(L, size);
  std::fill(out.begin(), out.end(), value);
  return 1;
}

int zeros(lua_State* L) {
  return filled(L, 0);
}
int ones(lua_State* L) {
  return filled(L, 1);
}

int from_table(lua_State* L) {
  push_vec(L, check_numbers(L, 1, "vec"));
  return 1;
}

// vec { 1, 2 }: the library itself is the first argument.
int call_library(lua_State* L) {
  push_vec(L, check_numbers(L, 2, "vec"));
  return 1;
}

std::vector<std::vector<double>> check_some(lua_State* L, const char* what) {
  auto vectors = check_vectors(L, 1, what);
  if (vectors.empty()) fail(L, fmt::format("{} of an empty list", what));
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(vectors.size() * vectors[0].size()));
  return vectors;
}

int mean_of_list(lua_State* L) {
  const auto vectors = check_some(L, "vec.mean");
  const std::span<double> out = push_new_vec(L, vectors[0].size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double total = 0;
    for (const auto& v : vectors) total += v[i];
    out[i] = total / static_cast<double>(vectors.size());
  }
  return 1;
}

int sum_of_list(lua_State* L) {
  const auto vectors = check_some(L, "vec.sum");
  const std::span<double> out = push_new_vec(L, vectors[0].size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double total = 0;
    for (const auto& v : vectors) total += v[i];
    out[i] = total;
  }
  return 1;
}

int quantiles_of_list(lua_State* L, double q, const char* what) {
  const auto vectors = check_some(L, what);
  const auto numbers = static_cast<std::int64_t>(vectors.size() * vectors[0].size());
  Sandbox::of(L).charge(L, 4 * numbers);
  const std::span<double> out = push_new_vec(L, vectors[0].size());
  std::vector<double> column(vectors.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t k = 0; k < vectors.size(); ++k) column[k] = vectors[k][i];
    out[i] = quantile_of(column, q);
  }
  return 1;
}

int median_of_list(lua_State* L) {
  return quantiles_of_list(L, 0.5, "vec.median");
}
int quantile_of_list(lua_State* L) {
  return quantiles_of_list(L, check_share(L, 2), "vec.quantile");
}

void open_type(lua_State* L) {
  luaL_newmetatable(L, kVecType);
  const luaL_Reg operators[] = {{"__add", guarded<elementwise<plus>>},
                                {"__sub", guarded<elementwise<minus>>},
                                {"__mul", guarded<elementwise<times>>},
                                {"__div", guarded<elementwise<over>>},
                                {"__pow", guarded<elementwise<math::pow>>},
                                {"__unm", guarded<each<negated>>},
                                {"__len", guarded<length>},
                                {"__eq", guarded<equal>},
                                {"__tostring", guarded<text>},
                                {"__newindex", guarded<set_index>},
                                {nullptr, nullptr}};
  luaL_setfuncs(L, operators, 0);
  lua_pushliteral(L, "vec");  // in Lua's own messages
  lua_setfield(L, -2, "__name");
  const luaL_Reg methods[] = {{"sum", guarded<sum>},
                              {"mean", guarded<mean>},
                              {"dot", guarded<dot>},
                              {"norm", guarded<norm>},
                              {"max", guarded<largest>},
                              {"min", guarded<smallest>},
                              {"median", guarded<median>},
                              {"quantile", guarded<quantile>},
                              {"sorted", guarded<sorted>},
                              {"copy", guarded<copy>},
                              {"slice", guarded<slice>},
                              {"map", guarded<map>},
                              {"abs", guarded<each<absolute>>},
                              {"sqrt", guarded<each<root>>},
                              {"exp", guarded<each<math::exp>>},
                              {"log", guarded<each<math::log>>},
                              {"table", guarded<to_table>},
                              {nullptr, nullptr}};
  luaL_newlib(L, methods);
  push_locked(L, "a vec");
  lua_pushcclosure(L, guarded<index>, 1);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

}  // namespace

void push_vec_library(lua_State* L) {
  open_type(L);
  lua_pushcfunction(L, guarded<call_library>);
  const luaL_Reg functions[] = {{"zeros", guarded<zeros>},
                                {"ones", guarded<ones>},
                                {"from", guarded<from_table>},
                                {"mean", guarded<mean_of_list>},
                                {"sum", guarded<sum_of_list>},
                                {"median", guarded<median_of_list>},
                                {"quantile", guarded<quantile_of_list>},
                                {nullptr, nullptr}};
  luaL_newlib(L, functions);
  push_locked(L, "vec", true);
}

std::span<double> push_new_vec(lua_State* L, std::size_t size, bool frozen) {
  auto* header =
      static_cast<Header*>(lua_newuserdatauv(L, sizeof(Header) + size * sizeof(double), 0));
  *header = {size, frozen ? std::size_t{1} : std::size_t{0}};
  luaL_setmetatable(L, kVecType);
  return {numbers_of(header), size};
}

void push_vec(lua_State* L, std::span<const double> values, bool frozen) {
  const std::span<double> out = push_new_vec(L, values.size(), frozen);
  std::copy(values.begin(), values.end(), out.begin());
}

VecView to_vec(lua_State* L, int index) {
  Header* header = header_of(L, index);
  if (header == nullptr) return {};
  return {numbers_of(header), header->size, true};
}

std::vector<double> check_numbers(lua_State* L, int index, const char* what) {
  if (const VecView vec = to_vec(L, index); vec.valid()) return {vec.begin(), vec.end()};
  if (lua_type(L, index) != LUA_TTABLE) {
    fail(L, fmt::format("{} takes a vec or a list of numbers, found {}", what,
                        describe_argument(L, index)));
  }
  index = lua_absindex(L, index);
  const auto size = static_cast<std::size_t>(lua_rawlen(L, index));
  Sandbox::of(L).charge(L, static_cast<std::int64_t>(size));
  std::vector<double> numbers(size);
  for (std::size_t i = 0; i < size; ++i) {
    if (lua_rawgeti(L, index, static_cast<lua_Integer>(i) + 1) != LUA_TNUMBER) {
      fail(L, fmt::format("{}: item {} is {}, expected a number", what, i + 1,
                          describe_argument(L, -1)));
    }
    numbers[i] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  return numbers;
}

std::vector<std::vector<double>> check_vectors(lua_State* L, int index, const char* what) {
  if (lua_type(L, index) != LUA_TTABLE) {
    fail(L, fmt::format("{} takes a list of vecs, found {}", what, describe_argument(L, index)));
  }
  index = lua_absindex(L, index);
  const auto count = static_cast<lua_Integer>(lua_rawlen(L, index));
  std::vector<std::vector<double>> vectors;
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, i);
    vectors.push_back(check_numbers(L, -1, what));
    lua_pop(L, 1);
    check_same_size(L, vectors[0].size(), vectors.back().size());
  }
  return vectors;
}

}  // namespace polyclinic::script
