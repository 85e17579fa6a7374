// Everything that a scenario can name, in one place: the schemas of all floors, and those of
// strategies that scripts define.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic {

class Catalogue {
 public:
  // All schemas that the engine declares, sorted by kind and name.
  Catalogue();

  // Adds one (define.strategy). REQUIRES: its full name is new.
  void add(Schema schema);
  [[nodiscard]] const Schema* find(std::string_view kind, std::string_view name) const;
  // "cohort.csv", "scenario".
  [[nodiscard]] const Schema* find(std::string_view full_name) const;
  [[nodiscard]] const std::vector<Schema>& all() const { return schemas_; }
  [[nodiscard]] std::vector<std::string> kinds() const;
  // Names of one namespace, sorted.
  [[nodiscard]] std::vector<std::string> names(std::string_view kind) const;

 private:
  std::vector<Schema> schemas_;
};

}  // namespace polyclinic
