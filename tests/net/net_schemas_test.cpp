#include <doctest/doctest.h>

#include <set>

#include "net_parts.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

TEST_CASE("every name of the net floor is documented and its defaults fit their types") {
  std::set<std::string> names;
  for (const Schema& schema : net_schemas()) {
    CAPTURE(schema.kind);
    CAPTURE(schema.name);
    CHECK(names.insert(schema.kind + "." + schema.name).second);
    CHECK_FALSE(schema.doc.empty());
    CHECK_FALSE(schema.example.empty());
    for (const Field& field : schema.fields) {
      CAPTURE(field.name);
      CHECK_FALSE(field.doc.empty());
      if (field.standard.absent()) continue;
      Value value = field.standard;
      CHECK_FALSE(fit(field.type, value).has_value());
    }
  }
  for (const char* name :
       {"availability.always", "availability.markov", "availability.diurnal", "availability.trace",
        "availability.regional_outage", "availability.maintenance", "hospitals.", "group.",
        "network.star", "window.nightly"}) {
    CAPTURE(name);
    CHECK(names.count(name) == 1);
  }
}

TEST_CASE("impossible figures are refused by their range, in full") {
  const auto first = [](const std::string& kind, const std::string& name, const Given& given) {
    std::vector<Mistake> mistakes;
    resolve(kind, name, given, mistakes);
    return mistakes.empty() ? std::string("accepted") : mistakes.front().message;
  };
  CHECK(first("hospitals", "", {{"uplink", 20}}) ==
        "hospitals: 'uplink' expected a bandwidth with its unit, found the plain number 20: write "
        "for example mbit(20)");
  CHECK(first("hospitals", "", {{"count", 0}}).starts_with("hospitals: 'count' expected"));
  CHECK(
      first("hospitals", "", {{"size_follows", Table{{"speed", 1}}}}) ==
      "hospitals: 'size_follows' 'speed': expected a number above -1 and below 1, found the plain "
      "number 1");
  Distribution normal;
  normal.kind = Distribution::Kind::normal;
  normal.a = 10;
  normal.b = 5;
  CHECK(first("hospitals", "", {{"patients", normal}}).find("reaches from -25") !=
        std::string::npos);
  CHECK(first("network", "star", {{"server", mbit(0)}}).starts_with("network.star: 'server' "));
  CHECK(first("availability", "markov", {{"up", seconds(0)}}).starts_with("availability.markov"));
  CHECK(first("hospitals", "", {{"loss", 1}}) != "accepted");
}
