#include "script/words.hpp"

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

}  // namespace

std::span<const Word> words() {
  return kWords;
}

}  // namespace polyclinic::script
