// System: messages between machines: hospitals, a regional aggregator, the server. Expectation:
// times in closed form of what each message crosses; bytes of hospitals add up.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "transfers.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

using Ends = std::vector<std::int64_t>;
constexpr auto kUp = TransferDirection::up;
constexpr auto kDown = TransferDirection::down;
constexpr double kMB = 1e6;
constexpr std::int64_t kSix = 6'000'000;

std::int64_t ns(double s) {
  return at_seconds(s).ns;
}
HostId host(std::uint32_t hospital) {
  return host_of(HospitalId{hospital});
}

const NamedPopulation& countries() {
  static const NamedPopulation population(
      {{"Oslo", "Norway"}, {"Bergen", "Norway"}, {"Lund", "Sweden"}});
  return population;
}

// Lines of 3 MB/s and 0.1 s for both countries, the server at 2 MB/s.
Part lines() {
  return part("network", "regions",
              {{"server", bytes_per_s(2 * kMB)},
               {"up", bytes_per_s(3 * kMB)},
               {"down", bytes_per_s(3 * kMB)},
               {"latency", seconds(0.1)}});
}

// Hospitals send at 4 MB/s, receive at 6 MB/s and are 10 ms away.
void attach_all(Transfers& world) {
  for (std::uint32_t i = 0; i < countries().count(); ++i) {
    world.hospital(access(4 * kMB, 6 * kMB, 0.01, countries().profile({i}).region));
  }
}

}  // namespace

TEST_CASE("a message crosses both ends' own links, and of the shared ones only those between") {
  const Part part_of_lines = lines();
  Transfers world(part_of_lines, &countries());
  attach_all(world);
  // in one country: the sender's 4 MB/s and twice 10 ms; abroad: two lines of 3 MB/s and 0.1 s
  world.message(host(0), host(1), kSix);
  world.message(host(0), host(2), kSix, at_seconds(10));
  CHECK(world.run() == Ends{ns(0.02 + 1.5), ns(10 + 0.22 + 2)});
  CHECK(world.network().bytes_of(HospitalId{0}, kUp) == 2 * kSix);
  CHECK(world.network().bytes_of(HospitalId{0}, kDown) == 0);
  CHECK(world.network().bytes_of(HospitalId{1}, kDown) == kSix);
  CHECK(world.network().bytes_total(kUp) == 2 * kSix);
  CHECK(world.network().bytes_total(kDown) == 2 * kSix);
}

TEST_CASE("messages share the receiver's link, the sender's link, and the lines") {
  const Part part_of_lines = lines();
  {
    // two to one: 6 MB/s for both, 3 MB/s each
    Transfers world(part_of_lines, &countries());
    attach_all(world);
    world.hospital(access(4 * kMB, 6 * kMB, 0.01, "Norway"));
    world.message(host(0), host(3), kSix);
    world.message(host(1), host(3), kSix);
    CHECK(world.run() == Ends{ns(0.02 + 2), ns(0.02 + 2)});
  }
  {
    // one to two: 2 MB/s each of its 4; what comes the other way does not disturb
    Transfers world(part_of_lines, &countries());
    attach_all(world);
    world.hospital(access(4 * kMB, 6 * kMB, 0.01, "Norway"));
    world.message(host(0), host(1), kSix);
    world.message(host(0), host(3), kSix);
    world.message(host(1), host(0), kSix);
    CHECK(world.run() == Ends{ns(0.02 + 3), ns(0.02 + 3), ns(0.02 + 1.5)});
  }
  {
    // two of a country send abroad: 1.5 MB/s each of its line
    Transfers world(part_of_lines, &countries());
    attach_all(world);
    world.message(host(0), host(2), kSix);
    world.message(host(1), host(2), kSix);
    CHECK(world.run() == Ends{ns(0.22 + 4), ns(0.22 + 4)});
  }
}

TEST_CASE("an aggregator is on its region's side of the line, the server behind its own links") {
  const Part part_of_lines = lines();
  Transfers world(part_of_lines, &countries());
  attach_all(world);
  const HostId norway = world.network().add_host(access(5 * kMB, 1 * kMB, 0, "Norway"));
  const HostId server = world.network().server_host();
  world.message(host(0), norway, kSix);                      // the aggregator takes in 1 MB/s
  world.message(norway, host(0), kSix, at_seconds(20));      // and gives out 5 MB/s
  world.message(norway, server, kSix, at_seconds(40));       // the server takes in 2 MB/s
  world.message(server, norway, 2'000'000, at_seconds(60));  // the aggregator 1 MB/s
  CHECK(world.run() == Ends{ns(0.01 + 6), ns(20 + 0.01 + 1.2), ns(40 + 0.1 + 3), ns(60.1 + 2)});
  // of hospitals only
  CHECK(world.network().bytes_total(kUp) == kSix);
  CHECK(world.network().bytes_total(kDown) == kSix);
}

TEST_CASE("the server's links change for messages too") {
  const Part part_of_lines = lines();
  Transfers world(part_of_lines, &countries());
  attach_all(world);
  const HostId norway = world.network().add_host(access(5 * kMB, 5 * kMB, 0, "Norway"));
  world.network().set_server(kUp, 1 * kMB);
  world.network().set_link("Norway", kDown, 0.5 * kMB);
  world.message(norway, world.network().server_host(), kSix);
  world.message(world.network().server_host(), norway, kSix);
  CHECK(world.run() == Ends{ns(0.1 + 6), ns(0.1 + 12)});
}

TEST_CASE("a message needs both ends; an outage of either sends it back, or lets it go on") {
  for (const bool resume : {false, true}) {
    for (const std::uint32_t down : {0U, 1U}) {
      const Part star = part(
          "network", "star",
          {{"interrupted", resume ? "resume" : "abort"}, {"back_off", seconds(1)}, {"retries", 1}});
      Transfers world(star);
      for (std::uint32_t i = 0; i < 2; ++i) {
        std::vector<TimeNs> outage;
        if (i == down) outage = {at_seconds(1), at_seconds(3)};
        world.hospital(access(3 * kMB, 3 * kMB, 0), outage);
      }
      world.message(host(0), host(1), kSix);
      // 3 MB are there after a second. Resumed: 1 s more from 3 s. Anew: a pause of 1 s, 2 s more.
      CHECK(world.run() == Ends{ns(resume ? 4 : 6)});
      CHECK(world.network().bytes_of(HospitalId{0}, kUp) == (resume ? 6 : 9) * 1'000'000);
      CHECK(world.network().bytes_of(HospitalId{1}, kDown) == (resume ? 6 : 9) * 1'000'000);
    }
  }
}

TEST_CASE("a message that is given up, or whose ends never meet, moves what it moved") {
  const Part star = part("network", "star", {});
  Transfers world(star);
  world.hospital(access(1 * kMB, 1 * kMB, 0));
  world.hospital(access(1 * kMB, 1 * kMB, 0), {TimeNs{1}});
  world.hospital(access(1 * kMB, 1 * kMB, 0));
  world.message(host(0), host(2), kSix, {}, at_seconds(2));
  world.message(host(2), host(1), kSix, at_seconds(1), at_seconds(2));
  CHECK(world.run() == Ends{-1, -1});
  CHECK(world.network().bytes_of(HospitalId{0}, kUp) == 2'000'000);
  CHECK(world.network().bytes_of(HospitalId{2}, kDown) == 2'000'000);
  CHECK(world.network().bytes_of(HospitalId{2}, kUp) == 0);
  CHECK(world.network().bytes_of(HospitalId{1}, kDown) == 0);
}
