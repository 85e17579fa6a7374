// The words for sampling, adjacency, accountants and grids of orders.
#include <algorithm>
#include <cmath>

#include "privacy/account.hpp"

namespace polyclinic::privacy {

namespace {

template <class Enum>
std::optional<Enum> find(const std::vector<std::string>& names, const std::string& name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) return std::nullopt;
  return static_cast<Enum>(it - names.begin());
}

void add_range(Orders& orders, int from, int to, double unit) {
  for (int i = from; i <= to; ++i) orders.push_back(i / unit);
}

}  // namespace

const std::vector<std::string>& sampling_names() {
  static const std::vector<std::string> names{"none", "poisson", "without_replacement", "shuffled"};
  return names;
}
const std::vector<std::string>& adjacency_names() {
  static const std::vector<std::string> names{"add_remove", "replace_one"};
  return names;
}
const std::vector<std::string>& accountant_names() {
  static const std::vector<std::string> names{"rdp",  "pld",      "prv",    "gdp",
                                              "zcdp", "advanced", "classic"};
  return names;
}
const std::vector<std::string>& orders_names() {
  static const std::vector<std::string> names{"standard", "opacus", "tf_privacy",
                                              "integer",  "fine",   "dp_accounting"};
  return names;
}

std::string name_of(Sampling sampling) {
  return sampling_names()[static_cast<std::size_t>(sampling)];
}
std::string name_of(Adjacency adjacency) {
  return adjacency_names()[static_cast<std::size_t>(adjacency)];
}
std::string name_of(Accountant accountant) {
  return accountant_names()[static_cast<std::size_t>(accountant)];
}
std::optional<Sampling> sampling_of(const std::string& name) {
  return find<Sampling>(sampling_names(), name);
}
std::optional<Adjacency> adjacency_of(const std::string& name) {
  return find<Adjacency>(adjacency_names(), name);
}
std::optional<Accountant> accountant_of(const std::string& name) {
  return find<Accountant>(accountant_names(), name);
}

std::optional<Orders> orders_of(const std::string& name) {
  Orders orders;
  if (name == "standard" || name == "dp_accounting") return standard_orders();
  if (name == "opacus") {
    add_range(orders, 11, 109, 10);
    add_range(orders, 12, 63, 1);
  } else if (name == "tf_privacy") {
    orders = {1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5};
    add_range(orders, 5, 63, 1);
    orders.insert(orders.end(), {128, 256, 512});
  } else if (name == "integer") {
    add_range(orders, 2, 128, 1);
    orders.push_back(256);
  } else if (name == "fine") {
    add_range(orders, 1001, 1099, 1000);
    add_range(orders, 110, 1999, 100);
    add_range(orders, 200, 640, 10);
    for (double order = 72; order < 70'000; order = std::floor(order * 1.125)) {
      orders.push_back(order);
    }
  } else {
    return std::nullopt;
  }
  return orders;
}

Adjacency usual_adjacency(Sampling sampling) {
  return sampling == Sampling::without_replacement ? Adjacency::replace_one : Adjacency::add_remove;
}

}  // namespace polyclinic::privacy
