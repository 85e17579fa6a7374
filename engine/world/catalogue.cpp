#include "world/catalogue.hpp"

#include <algorithm>

#include "attack/poisoning.hpp"
#include "base/check.hpp"
#include "data/cohort.hpp"
#include "fed/parts.hpp"
#include "learn/model.hpp"
#include "net/network.hpp"
#include "privacy/account.hpp"
#include "privacy/mechanisms.hpp"
#include "world/membership.hpp"
#include "world/world_spec.hpp"

namespace polyclinic {

namespace {

bool before(const Schema& a, const Schema& b) {
  return a.kind != b.kind ? a.kind < b.kind : a.name < b.name;
}

void append(std::vector<Schema>& all, std::vector<Schema> some) {
  all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
}

}  // namespace

Catalogue::Catalogue() {
  append(schemas_, data_schemas());
  append(schemas_, net_schemas());
  append(schemas_, learn_schemas());
  append(schemas_, fed_schemas());
  append(schemas_, attack::schemas());
  append(schemas_, privacy::privacy_schemas());
  append(schemas_, privacy::mechanism_schemas());
  append(schemas_, audit_schemas());
  append(schemas_, world_schemas());
  std::sort(schemas_.begin(), schemas_.end(), before);
}

void Catalogue::add(Schema schema) {
  ENSURE(!find(schema.kind, schema.name), "a name is declared once");
  const auto place = std::upper_bound(schemas_.begin(), schemas_.end(), schema, before);
  schemas_.insert(place, std::move(schema));
}

const Schema* Catalogue::find(std::string_view kind, std::string_view name) const {
  const auto it = std::find_if(schemas_.begin(), schemas_.end(),
                               [&](const Schema& s) { return s.kind == kind && s.name == name; });
  return it == schemas_.end() ? nullptr : &*it;
}

const Schema* Catalogue::find(std::string_view full_name) const {
  const auto it = std::find_if(schemas_.begin(), schemas_.end(),
                               [&](const Schema& s) { return s.full_name() == full_name; });
  return it == schemas_.end() ? nullptr : &*it;
}

std::vector<std::string> Catalogue::kinds() const {
  std::vector<std::string> result;
  for (const Schema& schema : schemas_) {
    if (result.empty() || result.back() != schema.kind) result.push_back(schema.kind);
  }
  return result;
}

std::vector<std::string> Catalogue::names(std::string_view kind) const {
  std::vector<std::string> result;
  for (const Schema& schema : schemas_) {
    if (schema.kind == kind) result.push_back(schema.name);
  }
  return result;
}

}  // namespace polyclinic
