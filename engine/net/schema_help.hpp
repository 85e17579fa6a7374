// Inside the net floor: its schemas by name, and what factories need when they read parts.
#pragma once

#include <string>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic {

Schema hospitals_schema();
Schema group_schema();
// What `site = { Lyon = { ... } }` may hold; not a name of the vocabulary.
Schema site_schema(std::string name);
Schema network_star_schema();
// What `region = { EU = { ... } }` of network.regions may hold; not a name of the vocabulary.
Schema region_link_schema(std::string name);
// network.*, link, flow.*
std::vector<Schema> network_schemas();

// The part that the schema makes of no fields at all. REQUIRES: none is required.
Part part_defaults(const Schema& schema);

// Throws a mistake at the field for the first key of its table that is not among `allowed`.
void check_keys(const Part& part, std::string_view field, const Table& table,
                const std::vector<std::string>& allowed);

}  // namespace polyclinic
