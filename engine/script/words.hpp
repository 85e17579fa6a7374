// Words of the language that are functions rather than parts: for docs and editor stubs.
#pragma once

#include <span>
#include <string_view>

namespace polyclinic::script {

struct Word {
  std::string_view name;       // "wait", "vec.zeros"
  std::string_view arguments;  // "duration", as a signature shows them
  std::string_view result;     // Lua type for the stub: "quantity", "vec", ""
  std::string_view doc;
  std::string_view example;
};

std::span<const Word> words();

}  // namespace polyclinic::script
