// Pages and editor stubs from the Catalogue.
#pragma once

#include <string>
#include <vector>

#include "world/catalogue.hpp"

namespace polyclinic::script {

// "a time such as minutes(5)" and the like, short enough for a table.
std::string type_text(const Type& type);
// The default as a scenario writes it; "" when there is none.
std::string default_text(const Field& field);

// A page: one schema, a word, a unit, or a whole namespace ("cohort"). "" when unknown.
std::string page_of(const Catalogue& catalogue, const std::string& name);
// The reference page of one namespace.
std::string kind_page(const Catalogue& catalogue, const std::string& kind);
std::string units_page();
std::string functions_page();
std::string index_page(const Catalogue& catalogue);

// scripts/meta/polyclinic.lua for the Lua language server.
std::string editor_stub(const Catalogue& catalogue);

}  // namespace polyclinic::script
