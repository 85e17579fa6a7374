#include "base/schema.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace polyclinic;

namespace {

// What fit says; "" when the value fits.
std::string complaint(const Type& type, Value value) {
  return fit(type, value).value_or("");
}

// The value as the type converts it. REQUIRES: it fits.
Value fitted(const Type& type, Value value) {
  const auto why = fit(type, value);
  REQUIRE_MESSAGE(!why, why.value_or(""));
  return value;
}

Quantity ms(double x) {
  return make_quantity(x, *find_unit("ms"));
}
Quantity mbit(double x) {
  return make_quantity(x, *find_unit("mbit"));
}

Field field(std::string name, Type type, Value standard = {}, bool required = false) {
  Field f;
  f.name = std::move(name);
  f.type = std::move(type);
  f.standard = std::move(standard);
  f.doc = "what " + f.name + " is";
  f.required = required;
  return f;
}

Schema network() {
  Schema schema;
  schema.kind = "network";
  schema.name = "star";
  schema.fields = {field("latency", type::quantity(Dimension::time), ms(40)),
                   field("uplink", type::distribution(Dimension::bandwidth), {}, true),
                   field("retries", type::integer().at_least(0), 3),
                   field("loss", type::number().between(0, 1), 0.0), field("name", type::text())};
  return schema;
}

FieldValue given(std::string name, Value value, int line) {
  return {std::move(name), std::move(value), {"s.lua", line, 3}, false};
}

Part cohort() {
  Part part;
  part.kind = "cohort";
  part.name = "ehr";
  return part;
}

}  // namespace

TEST_CASE("fit: plain types accept their own and say what they found otherwise") {
  CHECK(complaint(type::boolean(), true).empty());
  CHECK(complaint(type::boolean(), 1) == "expected true or false, found the plain number 1");
  CHECK(complaint(type::text(), "abc").empty());
  CHECK(complaint(type::text(), 2.5) == "expected a string, found the plain number 2.5");
  CHECK(complaint(type::number(), "abc") == "expected a number, found the string \"abc\"");
  CHECK(complaint(type::function(), FunctionRef{}).empty());
  CHECK(complaint(type::function(), true) == "expected a function, found true");
  CHECK(complaint(type::moment(), Moment{Moment::Kind::from_version, {}, 3}).empty());
  CHECK(complaint(type::moment(), 3) ==
        "expected a moment such as from_version(10), found the plain number 3");
  CHECK(complaint(type::all(), All{}).empty());
  CHECK(complaint(type::file(), FilePath{"a.csv", "/x/a.csv"}).empty());
  CHECK(complaint(type::file(), "a.csv").empty());
  CHECK(complaint(type::any(), List{}).empty());
}

TEST_CASE("fit: text is UTF-8, for files and terminals") {
  CHECK(complaint(type::text(), Value("Z\xC3\xBCrich")).empty());
  CHECK(complaint(type::text(), Value("Z\xFCrich")) ==
        "expected a string of UTF-8 text, found the string \"Z\xFCrich\"");
}

TEST_CASE("fit: integers, also written as floats, and their ranges") {
  CHECK(fitted(type::integer(), 5).as<std::int64_t>() == 5);
  CHECK(fitted(type::integer(), 5.0).as<std::int64_t>() == 5);
  CHECK(complaint(type::integer(), 5.5) == "expected a whole number, found the plain number 5.5");
  CHECK(complaint(type::integer().at_least(1), 0) ==
        "expected a whole number of at least 1, found the plain number 0");
  CHECK(complaint(type::integer().between(1, 8), 9) ==
        "expected a whole number from 1 to 8, found the plain number 9");
  CHECK(complaint(type::integer().between(1, 8), 8).empty());
}

TEST_CASE("fit: open and closed ranges of numbers; NaN fits no range") {
  CHECK(complaint(type::number().above(0), 1e-9).empty());
  CHECK(complaint(type::number().above(0), 0) ==
        "expected a number above 0, found the plain number 0");
  CHECK(complaint(type::number().above(0), std::numeric_limits<double>::infinity()) ==
        "expected a number above 0, found an infinite number");
  CHECK(complaint(type::number().inside(0, 1), 0.5).empty());
  CHECK(complaint(type::number().inside(0, 1), 1) ==
        "expected a number above 0 and below 1, found the plain number 1");
  CHECK(complaint(type::number().between(0, 1), 1).empty());
  CHECK_FALSE(complaint(type::number(), std::nan("")).empty());
}

TEST_CASE("fit: a quantity needs its unit and the right dimension") {
  const Type time = type::quantity(Dimension::time);
  CHECK(complaint(time, ms(40)).empty());
  CHECK(complaint(time, 40) ==
        "expected a time with its unit, found the plain number 40: write for example minutes(5)");
  CHECK(complaint(time, mbit(20)) ==
        "expected a time such as minutes(5), found 20 Mbit/s (bandwidth)");
  CHECK(complaint(time.above(0), ms(0)) ==
        "expected a time such as minutes(5) above 0 ns, found 0 ns (time)");
  CHECK(complaint(time.between(1e6, 1e9), ms(2000)) ==
        "expected a time such as minutes(5) from 1 ms to 1 s, found 2 s (time)");
}

TEST_CASE("fit: a distribution, or a constant that becomes one") {
  const Type bandwidth = type::distribution(Dimension::bandwidth);
  const Value constant = fitted(bandwidth, mbit(20));
  CHECK(constant.as<Distribution>() == Distribution::constant(2.5e6, Dimension::bandwidth));
  CHECK(fitted(type::distribution(), 3).as<Distribution>() == Distribution::constant(3));

  Distribution law;
  law.kind = Distribution::Kind::lognormal;
  law.dimension = Dimension::bandwidth;
  law.a = 2.5e6;
  law.b = 0.5;
  CHECK(fitted(bandwidth, law).as<Distribution>() == law);
  CHECK(complaint(type::distribution(Dimension::time), law) ==
        "expected a time such as minutes(5) or a distribution of it, "
        "found a distribution of bandwidth");
  CHECK(
      complaint(bandwidth, 20) ==
      "expected a bandwidth with its unit, found the plain number 20: write for example mbit(20)");

  SUBCASE("what the law can give must lie in the range") {
    Distribution normal;
    normal.kind = Distribution::Kind::normal;
    normal.a = 1;
    normal.b = 1;
    const Type positive = type::distribution().at_least(0);
    CHECK_FALSE(complaint(positive, normal).empty());
    normal.low = 0;
    CHECK(complaint(positive, normal).empty());
  }
}

TEST_CASE("fit: choices suggest the nearest name") {
  const Type kind = type::choice({"sync", "async", "buffered"});
  CHECK(complaint(kind, "async").empty());
  CHECK(complaint(kind, "asinc") ==
        "expected one of \"sync\", \"async\" and \"buffered\", found \"asinc\"; did you mean "
        "'async'?");
  CHECK(complaint(kind, "zzzzz") ==
        "expected one of \"sync\", \"async\" and \"buffered\", found \"zzzzz\"");
  CHECK(complaint(kind, true) ==
        "expected one of \"sync\", \"async\" and \"buffered\", found true");
}

TEST_CASE("fit: parts by kind, none, and alternatives") {
  const Type data = type::part("cohort") | type::none();
  CHECK(complaint(data, cohort()).empty());
  CHECK(fitted(data, false).get_if<None>() != nullptr);
  CHECK(complaint(data, None{}).empty());
  CHECK(complaint(type::part("model"), cohort()) == "expected a part model.*, found cohort.ehr");
  CHECK(complaint(data, 3) == "expected a part cohort.* or none, found the plain number 3");

  const Type participants =
      type::integer().at_least(1) | type::all() | type::quantity(Dimension::fraction);
  CHECK(complaint(participants, All{}).empty());
  CHECK(complaint(participants, 4).empty());
  CHECK(complaint(participants, Quantity{0.5, Dimension::fraction}).empty());
  CHECK(
      complaint(participants, "some") ==
      "expected a whole number of at least 1, all or a fraction such as fraction(0.75), found the "
      "string \"some\"");
}

TEST_CASE("fit: lists, tables and numbers convert their items and name the wrong one") {
  const Type widths = type::list(type::integer().at_least(1));
  const Value list = fitted(widths, List{Value(16.0), Value(8)});
  CHECK(list.as<List>().at(0).as<std::int64_t>() == 16);
  CHECK(complaint(widths, List{Value(16), Value(0)}) ==
        "item 2 of the list: expected a whole number of at least 1, found the plain number 0");
  CHECK(fitted(widths, Table{}).as<List>().empty());
  CHECK_FALSE(complaint(widths, 3).empty());

  const Type follows = type::table(type::number().between(-1, 1));
  CHECK(complaint(follows, Table{{"speed", 0.6}}).empty());
  CHECK(complaint(follows, Table{{"speed", 0.6}, {"uplink", 2}}) ==
        "'uplink': expected a number from -1 to 1, found the plain number 2");
  CHECK(fitted(follows, List{}).as<Table>().empty());

  const Value numbers = fitted(type::numbers(), List{Value(1), Value(2.5)});
  CHECK(*numbers.as<Numbers>() == std::vector<double>{1, 2.5});
  CHECK_FALSE(complaint(type::numbers(), List{Value("x")}).empty());
}

TEST_CASE("fit leaves a value alone that does not fit") {
  Value value = List{Value(16.0), Value("x")};
  CHECK(fit(type::list(type::integer()), value).has_value());
  CHECK(value.as<List>().at(0).get_if<double>() != nullptr);
}

TEST_CASE("resolve: defaults are filled in, in the schema's order, and given ones kept") {
  std::vector<Mistake> mistakes;
  const Part part = network().resolve({given("retries", 5.0, 4), given("uplink", mbit(20), 5)},
                                      {"s.lua", 3, 1}, mistakes);
  REQUIRE(mistakes.empty());
  CHECK(part.kind == "network");
  CHECK(part.name == "star");
  std::vector<std::string> names;
  for (const FieldValue& f : part.fields) names.push_back(f.name);
  CHECK(names == std::vector<std::string>{"latency", "uplink", "retries", "loss", "name"});
  CHECK(part.time("latency").ns == 40'000'000);
  CHECK(part.distribution("uplink").a == 2.5e6);
  CHECK(part.integer("retries") == 5);
  CHECK(part.number("loss") == 0);
  CHECK(part.find("name") == nullptr);
  CHECK(part.given("retries"));
  CHECK_FALSE(part.given("latency"));
  CHECK(part.where_of("retries").line == 4);
  CHECK(part.where_of("latency").line == 3);
}

TEST_CASE("resolve: all unknown fields, wrong types, bad ranges and missing fields at once") {
  std::vector<Mistake> mistakes;
  static_cast<void>(network().resolve({given("latnecy", ms(1), 4), given("bandwidth", mbit(1), 5),
                                       given("latency", 40, 6), given("loss", 1.5, 7)},
                                      {"s.lua", 3, 1}, mistakes));
  std::string text;
  for (const Mistake& mistake : mistakes) text += to_text(mistake) + "\n";
  CHECK(
      text ==
      "s.lua:4: network.star has no field 'latnecy'\n"
      "    did you mean 'latency'?\n"
      "    its fields are latency, uplink, retries, loss and name\n"
      "s.lua:5: network.star has no field 'bandwidth'\n"
      "    its fields are latency, uplink, retries, loss and name\n"
      "s.lua:6: network.star: 'latency' expected a time with its unit, found the plain number 40: "
      "write for example minutes(5)\n"
      "    latency: what latency is\n"
      "s.lua:3: network.star needs the field 'uplink'\n"
      "    uplink: what uplink is (a bandwidth such as mbit(20) or a distribution of it)\n"
      "s.lua:7: network.star: 'loss' expected a number from 0 to 1, found the plain number 1.5\n"
      "    loss: what loss is\n");
}

TEST_CASE("resolve: a schema with any fields keeps further ones") {
  Schema schema = network();
  schema.any_fields = true;
  std::vector<Mistake> mistakes;
  const Part part = schema.resolve({given("uplink", mbit(1), 2), given("extra", 7, 3)},
                                   {"s.lua", 1, 1}, mistakes);
  CHECK(mistakes.empty());
  CHECK(part.integer("extra") == 7);
}

TEST_CASE("Value: numbers, integers and parts as they may be read") {
  CHECK(Value(3).number() == 3.0);
  CHECK(Value(3.5).number() == 3.5);
  CHECK_FALSE(Value("3").number().has_value());
  CHECK(Value(3.0).integer() == 3);
  CHECK_FALSE(Value(3.5).integer().has_value());
  CHECK_FALSE(Value(1e300).integer().has_value());
  CHECK_FALSE(Value(true).integer().has_value());
  CHECK(Value().absent());
  CHECK(Value(cohort()).part()->name == "ehr");
  CHECK(Value(None{}).part() == nullptr);
}

TEST_CASE("Value prints as a scenario would write it") {
  Part part = cohort();
  part.fields = {{"latency", ms(40), {}, true},
                 {"layers", List{Value(16), Value(8)}, {}, true},
                 {"on", true, {}, true},
                 {"nothing", {}, {}, false},
                 {"kind", "fast", {}, true}};
  CHECK(to_text(part) ==
        "cohort.ehr { latency = 40 ms, layers = { 16, 8 }, on = true, kind = \"fast\" }");
  CHECK(to_text(cohort()) == "cohort.ehr { }");
  CHECK(to_text(Value(Moment{Moment::Kind::every, {3600 * kNsPerSecond}, 0})) == "every(1 h)");
  CHECK(to_text(Value(Table{{"a", 1}, {"b", All{}}})) == "{ a = 1, b = all }");
  CHECK(to_text(Value(FilePath{"x.csv", "/d/x.csv"})) == "data \"x.csv\"");
}

TEST_CASE("hash_value: sees names, types and values; not positions") {
  const auto hash = [](const Value& value) {
    Hasher hasher;
    hash_value(hasher, value);
    return hasher.value();
  };
  CHECK(hash(1) != hash(2));
  CHECK(hash(1) != hash(1.0));
  CHECK(hash("a") != hash("b"));
  CHECK(hash(true) != hash(1));
  CHECK(hash(List{Value(1), Value(2)}) != hash(List{Value(2), Value(1)}));
  CHECK(hash(List{Value(List{Value(1)}), Value(2)}) != hash(List{Value(List{Value(1), Value(2)})}));
  CHECK(hash(Quantity{1, Dimension::time}) != hash(Quantity{1, Dimension::data}));
  CHECK(hash(ms(1)) == hash(Quantity{1e6, Dimension::time}));
  Part here = cohort();
  Part there = cohort();
  here.where = {"a.lua", 1, 1};
  there.where = {"b.lua", 9, 9};
  CHECK(hash(here) == hash(there));
  there.name = "csv";
  CHECK(hash(here) != hash(there));
}
