#include "script/words.hpp"

#include <algorithm>
#include <array>

namespace polyclinic::script {

namespace {

constexpr std::array kWords{
    Word{"params", "defaults", "table",
         "What the scenario lets its user set, with --set name=value; false stands for \"not "
         "there\", and a flag is switched by true and false only, not by no, off or 0.",
         "local p = params { rounds = 30, epsilon = false }"},
    Word{"data", "name", "file",
         "A data file, looked for in the scenario's folder and in every --data folder.",
         "file = data \"icu.csv\""},
    Word{"file", "name", "file", "The same as data, for files that are not data.",
         "init = file \"model.npz\""},
    Word{"require", "name", "any",
         "Reads a Lua source beside the scenario, once: \"lib.parts\" is lib/parts.lua.",
         "local parts = require \"parts\""},
    Word{"from_version", "version", "moment", "The moment a version of the model is made.",
         "at(from_version(10), function(world) end)"},
    Word{"wait", "duration", "", "In a timeline: sleeps for a time, or until from_version(n).",
         "wait(hours(36))"},
    Word{"spawn", "start", "", "In a timeline: starts another coroutine at this instant.",
         "spawn(function(world) end)"},
    Word{"inspect", "value", "any",
         "Prints anything, readably, on standard error, and returns it unchanged.",
         "inspect(cohort.ehr {})"},
    Word{"print", "...", "", "Prints on standard error; results go nowhere else.",
         "print(p.rounds)"},
    Word{"vec", "numbers", "vec", "A vector of numbers in native memory, from a list.",
         "vec { 1, 2, 3 }"},
    Word{"vec.zeros", "size", "vec", "All 0.", "vec.zeros(3)"},
    Word{"vec.ones", "size", "vec", "All 1.", "vec.ones(3)"},
    Word{"vec.from", "numbers", "vec", "From a list; the same as vec { ... }.",
         "vec.from { 1, 2 }"},
    Word{"vec.mean", "list", "vec", "The mean of vectors, item by item.",
         "vec.mean { { 1, 2 }, { 3, 4 } }"},
    Word{"vec.sum", "list", "vec", "The sum of vectors, item by item.",
         "vec.sum { { 1, 2 }, { 3, 4 } }"},
    Word{"vec.median", "list", "vec", "The median of vectors, item by item.",
         "vec.median { { 1, 2 }, { 3, 4 }, { 9, 9 } }"},
    Word{"vec.quantile", "list, q", "vec", "A quantile of vectors, item by item.",
         "vec.quantile({ { 1 }, { 2 }, { 4 } }, 0.25)"},
};

constexpr std::array kObjects{
    Object{"vec",
           "A vector of numbers in native memory: parameters, updates and losses come as one. `+`, "
           "`-`, `*`, `/` and `^` go item by item, with a vec or list of the same length or with a "
           "number; `#v` is its length, `v[i]` an item from 1. What the engine hands out cannot be "
           "changed; `copy` can.",
           "local v = vec { 1, 2, 4 }\ninspect((v / v:norm()):max())"},
    Object{"world", "The running world, as a timeline's functions get it.",
           "at(hours(1), function(world) world:note(\"version %d\", world.version) end)"},
    Object{"hospital", "One hospital of a world: `world.hospital[\"name\"]`, or by number from 1.",
           "at(hours(1), function(world) world.hospital[1]:disconnect() end)"},
    Object{"region", "The hospitals of a region: `world.region[\"name\"]`.",
           "at(hours(1), function(world) world.region[\"EU\"]:outage(days(2)) end)"},
    Object{"server", "The server's machine: `world.server`.",
           "at(hours(1), function(world) world.server:crash(minutes(20)) end)"},
    Object{"network", "The wires of a world: `world.network`.",
           "at(hours(1), function(world) world.network.server.up = mbit(20) end)"},
    Object{"link",
           "A link that many hospitals share: `world.network.server`, or "
           "`world.network.link[\"name\"]`. Its rates can be set.",
           "at(hours(1), function(world) world.network.server.down = mbit(20) end)"},
};

constexpr std::array kMembers{
    Member{"vec", "sum", "()", "number", "The sum of its items."},
    Member{"vec", "mean", "()", "number", "Their mean."},
    Member{"vec", "median", "()", "number", "Their median."},
    Member{"vec", "max", "()", "number", "The largest."},
    Member{"vec", "min", "()", "number", "The smallest."},
    Member{"vec", "norm", "()", "number", "The Euclidean norm."},
    Member{"vec", "dot", "(other)", "number", "The inner product with a vec of the same length."},
    Member{"vec", "quantile", "(q)", "number",
           "The q-quantile, 0 to 1, linear between neighbours."},
    Member{"vec", "sorted", "()", "vec", "A new vec, ascending."},
    Member{"vec", "copy", "()", "vec", "A new vec that can be changed."},
    Member{"vec", "abs", "()", "vec", "Item by item: the absolute value."},
    Member{"vec", "sqrt", "()", "vec", "Item by item: the square root."},
    Member{"vec", "exp", "()", "vec", "Item by item: the exponential."},
    Member{"vec", "log", "()", "vec", "Item by item: the natural logarithm."},
    Member{"vec", "slice", "(first, last)", "vec",
           "Items from first to last, both included; without last to the end."},
    Member{"vec", "map", "(f)", "vec", "What f returns for each item."},
    Member{"vec", "table", "()", "number[]", "The items as a Lua list."},
    Member{"world", "hospital", "", "table<string, hospital>",
           "Hospitals by name, or by number from 1."},
    Member{"world", "hospitals", "", "string[]", "The names of all hospitals."},
    Member{"world", "network", "", "network", "Links that can be slowed down."},
    Member{"world", "region", "", "table<string, region>", "Regions by name."},
    Member{"world", "server", "", "server", "The server's machine."},
    Member{"world", "metric", "", "table<string, number?>",
           "The newest macro average of a metric: `world.metric.auroc`; nil before it is measured "
           "first. The run's output says that a script read it."},
    Member{"world", "time", "", "time", "Simulated time since the start."},
    Member{"world", "version", "", "integer",
           "The newest version of the model; 0 before the first round has closed."},
    Member{"world", "change", "(change)", "",
           "The data of all hospitals are other: an epidemic wave, a new code book."},
    Member{"world", "note", "(format, ...)", "",
           "A line of the output, as string.format makes it; a value that is nil is shown as -."},
    Member{"world", "stop", "(reason)", "", "Ends the run after what happens at this instant."},
    Member{"hospital", "name", "", "string", "Its name."},
    Member{"hospital", "connected", "", "boolean",
           "Whether the timeline has left it connected; its own outages are not shown."},
    Member{"hospital", "participations", "", "integer",
           "How many of its updates were aggregated until now."},
    Member{"hospital", "takes_part", "", "boolean", "Whether it is one that may be invited."},
    Member{"hospital", "join", "()", "",
           "It takes part from the end of this instant on: one of the role \"later\", or one that "
           "left."},
    Member{"hospital", "leave", "()", "",
           "It takes part no more. What it is at ends at once; updates that arrived count."},
    Member{"hospital", "forget", "()", "",
           "It leaves and is forgotten: what it keeps is erased, and the federation goes back to "
           "the last version that it had no part in and learns anew from there."},
    Member{"hospital", "outage", "(time)", "",
           "It is down for that time: what it was doing is lost, whatever `interrupted` says."},
    Member{"hospital", "change", "(change)", "",
           "Its data are other from the end of this instant on: change.scanner, change.coding and "
           "their like. Trainings that have begun go on with the rows that they had."},
    Member{"hospital", "disconnect", "()", "", "Takes it off the network until reconnect."},
    Member{"hospital", "reconnect", "()", "", "Ends disconnect."},
    Member{"region", "outage", "(time)", "",
           "All its hospitals are down for that time: what they were doing is lost."},
    Member{"region", "change", "(change)", "", "The data of all its hospitals are other."},
    Member{"server", "crash", "(time)", "",
           "It loses the round that is open with all that arrived for it, and goes on after that "
           "time with the newest version."},
    Member{"network", "server", "", "link", "The server's own link."},
    Member{"network", "link", "", "table<string, link>",
           "Links of `network.regions` and `network.mesh` by name."},
    Member{"link", "up", "", "bandwidth", "Towards the server."},
    Member{"link", "down", "", "bandwidth", "From the server."},
};

}  // namespace

std::span<const Word> words() {
  return kWords;
}

std::span<const Member> members() {
  return kMembers;
}

std::vector<std::string> member_names(std::string_view object) {
  std::vector<std::string> names;
  for (const Member& member : kMembers) {
    if (member.object == object) names.emplace_back(member.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::span<const Object> objects() {
  return kObjects;
}

}  // namespace polyclinic::script
