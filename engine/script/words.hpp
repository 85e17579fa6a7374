// Words of the language that are functions rather than parts, and the members of objects: for docs,
// editor stubs and messages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polyclinic::script {

struct Word {
  std::string_view name;       // "wait", "vec.zeros"
  std::string_view arguments;  // "duration", as a signature shows them
  std::string_view result;     // Lua type for the stub: "quantity", "vec", ""
  std::string_view doc;
  std::string_view example;
};

std::span<const Word> words();

// What an object that scripts are handed shows: fields (`arguments` empty) and methods.
struct Member {
  std::string_view object;     // "vec", "world"
  std::string_view name;       // "median"
  std::string_view arguments;  // of a method "()", "(q)"; of a field ""
  std::string_view result;     // Lua type for the stub, "" for nothing
  std::string_view doc;
};

std::span<const Member> members();
// The names of one object's members, sorted.
std::vector<std::string> member_names(std::string_view object);

// How a script comes by an object, for its page.
struct Object {
  std::string_view name;
  std::string_view doc;
  std::string_view example;
};

std::span<const Object> objects();

}  // namespace polyclinic::script
