// System: network.regions, network.mesh and the models of flows, by whole transfers. Expectation:
// times in closed form; messages in full.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "transfers.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

using Ends = std::vector<std::int64_t>;
constexpr auto kUp = TransferDirection::up;
constexpr auto kDown = TransferDirection::down;

std::int64_t ns(double s) {
  return at_seconds(s).ns;
}
Value text(const char* words) {
  return words;
}
Value mb(double rate) {
  return bytes_per_s(rate * 1e6);
}
Value link(const char* from, const char* to, double rate_mb, double latency_s) {
  return part(
      "link", "",
      {{"from", from}, {"to", to}, {"bandwidth", mb(rate_mb)}, {"latency", seconds(latency_s)}});
}

// Two countries and a hospital of none, all with links of 10 MB/s and 10 ms.
const NamedPopulation& countries() {
  static const NamedPopulation population(
      {{"Oslo", "Norway"}, {"Bergen", "Norway"}, {"Lund", "Sweden"}, {"Graz", ""}});
  return population;
}

void attach_all(Transfers& transfers, double rate_mb = 10, double latency_s = 0.01) {
  for (std::uint32_t i = 0; i < countries().count(); ++i) {
    const double rate = rate_mb * 1e6;
    transfers.hospital(access(rate, rate, latency_s, countries().profile({i}).region));
  }
}

// Times to send 6 MB from each of the four at once.
Ends send_all(Transfers& transfers, TransferDirection direction = kUp) {
  attach_all(transfers);
  for (std::uint32_t i = 0; i < countries().count(); ++i) {
    transfers.send({i}, direction, 6'000'000);
  }
  return transfers.run();
}

std::string mistake(const std::string& name, const Given& given) {
  return mistake_text([&] {
    const Part network = part("network", name, given);
    Transfers transfers(network, &countries());
  });
}

}  // namespace

TEST_CASE("regions: hospitals of a region share its line, the others do not feel it") {
  // Norway 2 MB/s and 40 ms: 1 MB/s each, 6 s after 50 ms. Sweden and Graz: own links of 10 MB/s,
  // 0.6 s after 110 ms and 10 ms; the server's 125 MB/s bind nobody
  const Given given = {
      {"server", mb(125)},
      {"latency", seconds(0.1)},
      {"region", Table{{"Norway", Table{{"latency", seconds(0.04)}, {"up", mb(2)}}}}}};
  Transfers up(part("network", "regions", given), &countries());
  CHECK(send_all(up) == Ends{ns(6.05), ns(6.05), ns(0.71), ns(0.61)});
  // down nobody shares anything that binds
  Transfers down(part("network", "regions", given), &countries());
  CHECK(send_all(down, kDown) == Ends{ns(0.65), ns(0.65), ns(0.71), ns(0.61)});
}

TEST_CASE("regions: the server's link binds those that their region lets through") {
  // server 8 MB/s: Norway 2 MB/s together, Sweden and Graz 3 MB/s each: 2 s; Norway still 1 MB/s
  // each: 6 s. Latencies 0 but for the hospitals' 10 ms
  Transfers transfers(
      part("network", "regions",
           {{"server", mb(8)}, {"region", Table{{"Norway", Table{{"up", mb(2)}}}}}}),
      &countries());
  CHECK(send_all(transfers) == Ends{ns(6.01), ns(6.01), ns(2.01), ns(2.01)});
}

TEST_CASE("regions: a script narrows a line in mid-flight") {
  // 10 MB/s of Lund from 10 ms on; at 0.31 s 3 MB are there, then 1 MB/s
  Transfers transfers(part("network", "regions", {}), &countries());
  attach_all(transfers);
  transfers.send({2}, kUp, 6'000'000);
  CHECK(transfers.network().links() == std::vector<std::string>{"server", "Norway", "Sweden"});
  CHECK(transfers.network().link("Sweden", kUp) == 125e6);
  transfers.sim().run_until(at_seconds(0.31));
  transfers.network().set_link("Sweden", kUp, 1e6);
  CHECK(transfers.network().link("Sweden", kUp) == 1e6);
  CHECK(transfers.network().link("Sweden", kDown) == 125e6);
  CHECK(transfers.run() == Ends{ns(3.31)});
}

TEST_CASE("the bound that schedulers use is the time of a transfer alone, on any topology") {
  Transfers transfers(
      part("network", "regions",
           {{"region", Table{{"Norway", Table{{"latency", seconds(0.04)}, {"up", mb(2)}}}}},
            {"flow", part("flow", "lv08", {})}}),
      &countries());
  attach_all(transfers);
  const TimeNs bound = transfers.network().least_time({0}, kUp, 6'000'000);
  transfers.send({0}, kUp, 6'000'000);
  CHECK(transfers.run() == Ends{bound.ns});
}

TEST_CASE("mesh: transfers take the way of least latency, of equal ones that of fewest links") {
  // A - B - S is 20 ms, A - S 30 ms: by B. C - S and C - B - S are 20 ms both: straight
  const std::vector<Value> links = {link("A", "B", 2, 0.01), link("B", "S", 4, 0.01),
                                    link("A", "S", 9, 0.03), link("C", "B", 9, 0.01),
                                    link("C", "S", 1, 0.02)};
  const Given given = {
      {"links", links},
      {"server", mb(125)},
      {"server_at", "S"},
      {"at", Table{{"*", text("S")}, {"Norway", text("A")}, {"Sweden", text("C")}}}};
  Transfers transfers(part("network", "mesh", given), &countries());
  // Norway: 1 MB/s each on A - B. Sweden 1 MB/s. Graz at the server: its own 10 MB/s
  CHECK(send_all(transfers) == Ends{ns(6.03), ns(6.03), ns(6.03), ns(0.61)});
  CHECK(transfers.network().links() ==
        std::vector<std::string>{"server", "A-B", "B-S", "A-S", "C-B", "C-S"});
}

TEST_CASE("mesh: a hospital's own place comes before its region's, a router's name is a region's") {
  const std::vector<Value> links = {link("Norway", "S", 2, 0), link("Sweden", "S", 3, 0),
                                    link("Graz's", "S", 1, 0)};
  Transfers transfers(part("network", "mesh",
                           {{"links", links},
                            {"server", mb(125)},
                            {"server_at", "S"},
                            {"at", Table{{"Bergen", text("Sweden")}, {"Graz", text("Graz's")}}}}),
                      &countries());
  // Oslo alone on 2 MB/s; Bergen and Lund share 3; Graz 1
  CHECK(send_all(transfers) == Ends{ns(3.01), ns(4.01), ns(4.01), ns(6.01)});
}

TEST_CASE("flow.fair with factors: a longer start, fewer bytes of payload, a window") {
  // 2 x 10 ms; 0.8 of 10 MB/s: 6 MB take 0.75 s
  Transfers factors(
      part("network", "star",
           {{"flow", part("flow", "fair", {{"latency_factor", 2}, {"bandwidth_factor", 0.8}})}}));
  attach_all(factors);
  factors.send({0}, kUp, 6'000'000);
  CHECK(factors.run() == Ends{ns(0.77)});
  // 60 kB per 2 x 10 ms: 3 MB/s, for each of two flows, less than half of the link
  Transfers window(
      part("network", "star",
           {{"flow", part("flow", "fair", {{"window", Quantity{60e3, Dimension::data}}})}}));
  attach_all(window);
  window.send({0}, kUp, 6'000'000);
  window.send({0}, kUp, 3'000'000);
  CHECK(window.run() == Ends{ns(2.01), ns(1.01)});
}

TEST_CASE("flow.cm02: shares of a full link are as 1 / latency; fair ones are equal") {
  const auto ends = [](const char* model) {
    Transfers transfers(
        part("network", "star", {{"server", mb(4)}, {"flow", part("flow", model, {})}}));
    const HospitalId near = transfers.hospital(access(9e6, 9e6, 0.1));
    const HospitalId far = transfers.hospital(access(9e6, 9e6, 0.3));
    // together from 0.3 s on: near has moved 0.8 MB by then
    transfers.send(near, kUp, 3'800'000);
    transfers.send(far, kUp, 3'000'000);
    return transfers.run();
  };
  // 2 MB/s each: near has 3 MB left, both end at 1.8 s
  CHECK(ends("fair") == Ends{ns(1.8), ns(1.8)});
  // 3 and 1 MB/s: near ends at 1.3 s, far has 2 MB left at 4 MB/s then: 1.8 s
  CHECK(ends("cm02") == Ends{ns(1.3), ns(1.8)});
}

TEST_CASE("flow.lv08 adds what links cost to the weights") {
  // weights 1 / (0.1 + 20,000 / 1e6 + 20,000 / 1e6) and 1 / (0.1 + 20,000 / 50e3 + 20,000 / 1e6):
  // 1 / 0.14 and 1 / 0.52; the second is held by its own 50 kB/s, the first has the rest
  const Part flow = part("flow", "lv08",
                         {{"latency_factor", 1},
                          {"bandwidth_factor", 1},
                          {"weight", Quantity{20e3, Dimension::data}}});
  Transfers held(part("network", "star", {{"server", mb(1)}, {"flow", flow}}));
  held.send(held.hospital(access(1e6, 1e6, 0.1)), kUp, 950'000);
  held.send(held.hospital(access(50e3, 50e3, 0.1)), kUp, 50'000);
  CHECK(held.run() == Ends{ns(1.1), ns(1.1)});
  // links of 200 kB/s: 1 / (0.1 + 0.1 + 0.1) and, of 100 kB/s, 1 / (0.1 + 0.2 + 0.1), on a server
  // of 200 kB/s that is full; the second would have 3/7 of it, 86 kB/s
  Transfers full(part("network", "star", {{"server", mb(0.2)}, {"flow", flow}}));
  full.send(full.hospital(access(0.2e6, 0.2e6, 0.1)), kUp, 4'000);
  full.send(full.hospital(access(0.1e6, 0.1e6, 0.1)), kUp, 3'000);
  CHECK(full.run() == Ends{ns(0.135), ns(0.135)});
}

TEST_CASE("extreme settings end, each in a time that makes sense") {
  // latencies of 0 and of 50 years, a window of a byte, all of them at once on one link
  for (const char* model : {"fair", "cm02", "lv08"}) {
    Transfers transfers(
        part("network", "star",
             {{"server", bytes_per_s(1)},
              {"flow", part("flow", model, {{"window", Quantity{1, Dimension::data}}})}}));
    transfers.send(transfers.hospital(access(1e15, 1e15, 0)), kUp, 100'000'000);
    transfers.send(transfers.hospital(access(1, 1, 0)), kUp, 1);
    transfers.send(transfers.hospital(access(1e15, 1e15, 50 * 365.0 * 86400)), kUp, 1);
    const Ends ends = transfers.run();
    CAPTURE(model);
    // 1 B/s carries 100,000,001 B in so many seconds; lv08 puts them into 1 / 0.97 as many
    CHECK(ends[0] >= ns(1e8 - 1));
    CHECK(ends[0] <= ns(1.04e8));
    CHECK(ends[1] >= ns(1));
    CHECK(ends[1] <= ends[0]);
  }
}

TEST_CASE("what makes no sense in a network is said with the names that would") {
  CHECK(mistake("regions", {{"region", Table{{"Norwy", Table{{"up", mb(1)}}}}}}) ==
        "world.lua:7: network.regions: no hospital is in the region 'Norwy'\n"
        "    did you mean 'Norway'?\n"
        "    regions are Norway and Sweden");
  CHECK(mistake("regions", {{"region", Table{{"Norway", Table{{"speed", mb(1)}}}}}}) ==
        "world.lua:7: region.Norway has no field 'speed'\n    its fields are up, down and latency");
  CHECK(mistake("regions", {{"server", Table{{"up", mb(1)}}}}) ==
        "world.lua:7: network.regions: 'server' lacks 'down'\n"
        "    write server = { up = gbit(1), down = gbit(1) }, or one rate for both");
  const std::vector<Value> links = {link("A", "B", 1, 0), link("C", "D", 1, 0)};
  const Value elsewhere = Table{{"*", text("A")}};
  CHECK(mistake("mesh", {{"links", links}, {"server_at", "E"}, {"at", elsewhere}}) ==
        "world.lua:7: network.mesh: no link has a router 'E'\n"
        "    routers are A, B, C and D");
  CHECK(mistake("mesh", {{"links", links}, {"server_at", "A"}}) ==
        "world.lua:6: network.mesh: hospital 'Graz' is at no router\n"
        "    write at = { [\"Graz\"] = \"A\" }; * stands for any other");
  CHECK(
      mistake("mesh", {{"links", links}, {"server_at", "A"}, {"at", Table{{"Graz", text("A")}}}}) ==
      "world.lua:7: network.mesh: the region 'Norway' is at no router\n"
      "    write at = { [\"Norway\"] = \"A\" }; * stands for any other");
  CHECK(mistake("mesh", {{"links", links}, {"server_at", "A"}, {"at", Table{{"*", text("D")}}}}) ==
        "world.lua:7: network.mesh: no way leads from 'D' to the server at 'A'\n"
        "    add a link");
  CHECK(mistake("mesh", {{"links", links}, {"server_at", "A"}, {"at", Table{{"Grz", text("A")}}}})
            .starts_with("world.lua:7: network.mesh: 'Grz' is no region and no hospital\n"));
  const std::vector<Value> twice = {link("A", "B", 1, 0), link("B", "A", 1, 0)};
  CHECK(mistake("mesh", {{"links", twice}, {"server_at", "A"}})
            .starts_with("world.lua:7: link: 'B' and 'A' are linked twice\n"));
  const std::vector<Value> loop = {link("A", "A", 1, 0)};
  CHECK(mistake("mesh", {{"links", loop}, {"server_at", "A"}})
            .starts_with("world.lua:7: link: 'A' is linked with itself\n"));
  CHECK(
      mistake("mesh", {{"server_at", "A"}}).starts_with("world.lua:6: network.mesh: there are no"));
}

TEST_CASE("a population knows its regions: those of groups and of single hospitals") {
  const Part group = part("group", "", {{"count", 2}, {"region", "EU"}});
  const Part others = part("group", "", {{"names", List{"Oslo", "Lund"}}});
  const Part hospitals = part("hospitals", "",
                              {{"groups", List{Value(group), Value(others)}},
                               {"site", Table{{"Lund", Table{{"region", "North"}}}}}});
  const auto population = make_population(&hospitals, {});
  CHECK(population->regions() == std::vector<std::string>{"", "EU", "North"});
}
