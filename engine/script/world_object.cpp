// `world` in a timeline: what it shows and what can be done to it.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "net/network.hpp"
#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/timeline.hpp"
#include "script/values.hpp"
#include "script/words.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kWorld = "world";
constexpr const char* kHospitals = "world.hospital";
constexpr const char* kHospital = "a hospital";
constexpr const char* kNetwork = "world.network";
constexpr const char* kServer = "world.network.server";
constexpr const char* kMachine = "world.server";
constexpr const char* kRegions = "world.region";
constexpr const char* kRegion = "a region";
constexpr const char* kLinks = "world.network.link";
constexpr const char* kLink = "a link";
constexpr const char* kMetrics = "world.metric";

WorldControl& control(lua_State* L) {
  WorldControl* world = Interpreter::of(L).timeline.world();
  if (world == nullptr) fail(L, "there is no world yet, or no longer");
  return *world;
}

[[noreturn]] void no_member(lua_State* L, const char* what, const std::vector<std::string>& names) {
  auto& sandbox = Sandbox::of(L);
  if (lua_type(L, 2) != LUA_TSTRING) {
    fail(L, fmt::format("{} has no {}", what, describe_argument(L, 2)));
  }
  const std::string word = lua_tostring(L, 2);
  const std::string near = did_you_mean(word, names);
  throw Failure(
      {{sandbox.point_at(sandbox.where(L), word, true), fmt::format("{} has no '{}'", what, word),
        (near.empty() ? "" : near + "\n") + "there are " + join_names(names)}});
}

std::string key(lua_State* L) {
  return lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : std::string();
}

int cannot_set(lua_State* L) {
  luaL_getmetafield(L, 1, "__name");
  const std::string what = lua_tostring(L, -1);
  fail(L, fmt::format("{} cannot be set here", what),
       "what can be changed: world.network.server.up and .down, links by "
       "world.network.link[\"name\"].up and .down, hospitals by "
       "world.hospital[\"name\"]:disconnect(), :reconnect(), :join(), :leave(), :forget(), "
       ":outage(time) and :change(change.scanner { ... }), regions by "
       "world.region[\"name\"]:outage(time) and :change(...), and the server by "
       "world.server:crash(time)");
}

// An object without contents of its own, made on first use. Names of types begin with "polyclinic."
// in the registry; messages use the bare name.
void push_object(lua_State* L, const char* what, lua_CFunction index,
                 lua_CFunction set_index = guarded<cannot_set>) {
  lua_newuserdatauv(L, 0, 0);
  if (luaL_newmetatable(L, (std::string("polyclinic.") + what).c_str()) != 0) {
    lua_pushstring(L, what);
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, set_index);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
}

// The same with a name, kept as a user value: a hospital, a link.
void push_named(lua_State* L, const char* what, const std::string& name, lua_CFunction index,
                lua_CFunction set_index = guarded<cannot_set>) {
  lua_newuserdatauv(L, 0, 1);
  lua_pushlstring(L, name.data(), name.size());
  lua_setiuservalue(L, -2, 1);
  push_object(L, what, index, set_index);
  lua_getmetatable(L, -1);
  lua_setmetatable(L, -3);
  lua_pop(L, 1);
}

std::string hospital_name(lua_State* L) {
  if (luaL_testudata(L, 1, (std::string("polyclinic.") + kHospital).c_str()) == nullptr) {
    fail(L, fmt::format("expected a hospital, found {}", describe_argument(L, 1)),
         "write world.hospital[\"name\"]:disconnect(), with a colon");
  }
  lua_getiuservalue(L, 1, 1);
  std::string name = lua_tostring(L, -1);
  lua_pop(L, 1);
  return name;
}

int disconnect(lua_State* L) {
  control(L).disconnect(hospital_name(L));
  return 0;
}

int reconnect(lua_State* L) {
  control(L).reconnect(hospital_name(L));
  return 0;
}

int join(lua_State* L) {
  control(L).join(hospital_name(L));
  return 0;
}

int leave(lua_State* L) {
  control(L).leave(hospital_name(L));
  return 0;
}

int forget(lua_State* L) {
  control(L).forget(hospital_name(L));
  return 0;
}

// How long something lasts, the first argument behind the object.
TimeNs lasting(lua_State* L, const char* what) {
  const Quantity* time = to_quantity(L, 2);
  const bool is_time = time != nullptr && time->dimension == Dimension::time;
  if (!is_time || !(time->value >= 0 && time->value <= static_cast<double>(kTimeMax.ns))) {
    fail(L, fmt::format("{} takes how long it lasts, found {}", what, describe_argument(L, 2)),
         "for example minutes(20)");
  }
  return TimeNs{std::llround(time->value)};
}

int hospital_outage(lua_State* L) {
  const std::string name = hospital_name(L);
  control(L).outage(name, lasting(L, "outage"));
  return 0;
}

// The part change.* behind the object.
const Part& change_argument(lua_State* L) {
  const Value* value = to_boxed(L, 2);
  const Part* part = value == nullptr ? nullptr : value->part();
  if (part == nullptr || part->kind != "change") {
    fail(L, fmt::format("change takes what changes, found {}", describe_argument(L, 2)),
         "for example change.scanner { features = { \"lactate\" }, scale = 1.3 }");
  }
  return *part;
}

int hospital_change(lua_State* L) {
  control(L).change_data(hospital_name(L), change_argument(L));
  return 0;
}

int world_change(lua_State* L) {
  control(L).change_all_data(change_argument(L));
  return 0;
}

int hospital_index(lua_State* L) {
  const std::string name = hospital_name(L);
  const std::string word = key(L);
  if (word == "name") {
    lua_pushlstring(L, name.data(), name.size());
  } else if (word == "connected") {
    lua_pushboolean(L, control(L).connected(name) ? 1 : 0);
  } else if (word == "participations") {
    lua_pushinteger(L, control(L).participations(name));
  } else if (word == "takes_part") {
    lua_pushboolean(L, control(L).takes_part(name) ? 1 : 0);
  } else if (word == "join") {
    lua_pushcfunction(L, guarded<join>);
  } else if (word == "leave") {
    lua_pushcfunction(L, guarded<leave>);
  } else if (word == "forget") {
    lua_pushcfunction(L, guarded<forget>);
  } else if (word == "outage") {
    lua_pushcfunction(L, guarded<hospital_outage>);
  } else if (word == "change") {
    lua_pushcfunction(L, guarded<hospital_change>);
  } else if (word == "disconnect") {
    lua_pushcfunction(L, guarded<disconnect>);
  } else if (word == "reconnect") {
    lua_pushcfunction(L, guarded<reconnect>);
  } else {
    no_member(L, kHospital, member_names("hospital"));
  }
  return 1;
}

int hospitals_index(lua_State* L) {
  std::string name;
  if (lua_type(L, 2) == LUA_TSTRING) {
    name = lua_tostring(L, 2);
    (void)control(L).connected(name);  // an unknown name is refused here
  } else {
    const std::vector<std::string> names = control(L).hospital_names();
    const lua_Integer i = lua_tointeger(L, 2);
    if (i < 1 || static_cast<std::size_t>(i) > names.size()) {
      fail(L,
           fmt::format("there are {} hospitals, and no {}", names.size(), describe_argument(L, 2)),
           "write world.hospital[\"name\"]");
    }
    name = names[static_cast<std::size_t>(i) - 1];
  }
  push_named(L, kHospital, name, guarded<hospital_index>);
  return 1;
}

bool link_direction(lua_State* L, TransferDirection* direction) {
  const std::string word = key(L);
  if (word != "up" && word != "down") return false;
  *direction = word == "up" ? TransferDirection::up : TransferDirection::down;
  return true;
}

int get_rate(lua_State* L, const char* what, const std::string& link) {
  TransferDirection direction{};
  if (!link_direction(L, &direction)) no_member(L, what, member_names("link"));
  push_quantity(L, {control(L).link(link, direction), Dimension::bandwidth});
  return 1;
}

// `shown` is the link as a script writes it.
int set_rate(lua_State* L, const char* what, const std::string& shown, const std::string& link) {
  TransferDirection direction{};
  if (!link_direction(L, &direction)) no_member(L, what, member_names("link"));
  const Quantity* rate = to_quantity(L, 3);
  if (rate == nullptr || rate->dimension != Dimension::bandwidth || !(rate->value > 0)) {
    fail(L,
         fmt::format("{}.{} is a bandwidth above 0, found {}", shown, key(L),
                     describe_argument(L, 3)),
         "write for example mbit(200)");
  }
  control(L).set_link(link, direction, rate->value);
  return 0;
}

int server_index(lua_State* L) {
  return get_rate(L, kServer, kServerLink);
}

int server_set(lua_State* L) {
  return set_rate(L, kServer, kServer, kServerLink);
}

// These two are reached through the object that keeps the name alone: it has no other metatable.
std::string link_name(lua_State* L) {
  lua_getiuservalue(L, 1, 1);
  std::string name = lua_tostring(L, -1);
  lua_pop(L, 1);
  return name;
}

int link_index(lua_State* L) {
  return get_rate(L, kLink, link_name(L));
}

int link_set(lua_State* L) {
  const std::string name = link_name(L);
  return set_rate(L, kLink, fmt::format("{}[\"{}\"]", kLinks, name), name);
}

int links_index(lua_State* L) {
  const std::vector<std::string> names = control(L).links();
  if (std::find(names.begin(), names.end(), key(L)) == names.end()) no_member(L, kLinks, names);
  push_named(L, kLink, key(L), guarded<link_index>, guarded<link_set>);
  return 1;
}

int network_index(lua_State* L) {
  const std::string word = key(L);
  if (word == "server") {
    push_object(L, kServer, guarded<server_index>, guarded<server_set>);
  } else if (word == "link") {
    push_object(L, kLinks, guarded<links_index>);
  } else {
    no_member(L, kNetwork, member_names("network"));
  }
  return 1;
}

int crash(lua_State* L) {
  control(L).crash_server(lasting(L, "world.server:crash"));
  return 0;
}

int machine_index(lua_State* L) {
  if (key(L) != "crash") no_member(L, kMachine, member_names("server"));
  lua_pushcfunction(L, guarded<crash>);
  return 1;
}

std::string region_name(lua_State* L) {
  if (luaL_testudata(L, 1, (std::string("polyclinic.") + kRegion).c_str()) == nullptr) {
    fail(L, fmt::format("expected a region, found {}", describe_argument(L, 1)),
         "write world.region[\"name\"]:outage(hours(12)), with a colon");
  }
  return link_name(L);
}

int region_outage(lua_State* L) {
  const std::string name = region_name(L);
  control(L).outage_in(name, lasting(L, "outage"));
  return 0;
}

int region_change(lua_State* L) {
  const std::string name = region_name(L);
  control(L).change_data_in(name, change_argument(L));
  return 0;
}

int region_index(lua_State* L) {
  if (key(L) == "change") {
    lua_pushcfunction(L, guarded<region_change>);
    return 1;
  }
  if (key(L) != "outage") no_member(L, kRegion, member_names("region"));
  lua_pushcfunction(L, guarded<region_outage>);
  return 1;
}

int regions_index(lua_State* L) {
  const std::vector<std::string> names = control(L).regions();
  if (names.empty()) {
    fail(L, "no hospital is in a region", "group { region = \"EU\", count = 5 } gives them one");
  }
  if (std::find(names.begin(), names.end(), key(L)) == names.end()) no_member(L, kRegions, names);
  push_named(L, kRegion, key(L), guarded<region_index>);
  return 1;
}

int metric_index(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) {
    fail(L, fmt::format("world.metric takes a name, found {}", describe_argument(L, 2)));
  }
  const auto value = control(L).metric(key(L));
  if (value) {
    lua_pushnumber(L, *value);
  } else {
    lua_pushnil(L);
  }
  return 1;
}

// world:note("auroc %.3f", x). A value that is nil is shown as -, whatever the format asks for: a
// metric has none before it was measured first.
int note(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING) {
    fail(L, fmt::format("world:note takes a text, found {}", describe_argument(L, 2)),
         "for example: world:note(\"auroc %.3f\", world.metric.auroc)");
  }
  push_formatted(L, 2, "-");
  const std::string text = lua_tostring(L, -1);
  if (!is_utf8(text)) fail(L, "world:note takes UTF-8 text");
  control(L).note(text);
  return 0;
}

int stop(lua_State* L) {
  if (!lua_isnoneornil(L, 2) && lua_type(L, 2) != LUA_TSTRING) {
    fail(L, fmt::format("world:stop takes the reason, found {}", describe_argument(L, 2)));
  }
  if (lua_type(L, 2) == LUA_TSTRING && !is_utf8(lua_tostring(L, 2))) {
    fail(L, "world:stop takes the reason as UTF-8 text");
  }
  control(L).stop(lua_isnoneornil(L, 2) ? "the timeline stopped the run" : lua_tostring(L, 2));
  return 0;
}

int world_index(lua_State* L) {
  const std::string word = key(L);
  if (word == "hospital") {
    push_object(L, kHospitals, guarded<hospitals_index>);
  } else if (word == "hospitals") {
    List names;
    for (std::string& name : control(L).hospital_names()) names.emplace_back(std::move(name));
    push_value(L, Value(std::move(names)));
  } else if (word == "network") {
    push_object(L, kNetwork, guarded<network_index>);
  } else if (word == "region") {
    push_object(L, kRegions, guarded<regions_index>);
  } else if (word == "server") {
    push_object(L, kMachine, guarded<machine_index>);
  } else if (word == "metric") {
    push_object(L, kMetrics, guarded<metric_index>);
  } else if (word == "time") {
    push_quantity(L, {static_cast<double>(control(L).now().ns), Dimension::time});
  } else if (word == "version") {
    lua_pushinteger(L, control(L).version());
  } else if (word == "change") {
    lua_pushcfunction(L, guarded<world_change>);
  } else if (word == "note") {
    lua_pushcfunction(L, guarded<note>);
  } else if (word == "stop") {
    lua_pushcfunction(L, guarded<stop>);
  } else {
    no_member(L, kWorld, member_names("world"));
  }
  return 1;
}

}  // namespace

void push_world(lua_State* L) {
  push_object(L, kWorld, guarded<world_index>);
}

}  // namespace polyclinic::script
