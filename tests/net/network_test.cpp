#include "net/network.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "base/stream.hpp"
#include "net_parts.hpp"
#include "sim/scope.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

constexpr double kMB = 1e6;
std::int64_t ns(double s) {
  return at_seconds(s).ns;
}
constexpr auto kUp = TransferDirection::up;
constexpr auto kDown = TransferDirection::down;

struct Asked {
  std::uint32_t hospital = 0;
  TransferDirection direction = kUp;
  double start_s = 0;
  std::int64_t bytes = 0;
  TimeNs give_up = kNever;
};

Task<void> ask(Simulation& sim, Network& network, Asked asked, TransferOutcome& out, bool& done) {
  const HospitalId hospital{asked.hospital};
  co_await sim.at(at_seconds(asked.start_s));
  out = co_await network.transfer(hospital, asked.direction, asked.bytes, asked.give_up);
  done = true;
}

// A server of `server_mb` MB/s each way and hospitals behind links of their own.
struct Star {
  explicit Star(double server_mb, Given more = {}) {
    more.emplace_back("server", mbit(server_mb * 8));
    options = part("network", "star", more);
    network = make_network(&options, sim);
  }
  // A hospital that sends at up_mb and receives at ten times that.
  std::uint32_t hospital(double up_mb, double latency_s = 0, std::vector<TimeNs> changes = {},
                         double loss = 0) {
    AccessLink link;
    link.up_bytes_per_s = up_mb * kMB;
    link.down_bytes_per_s = 10 * up_mb * kMB;
    link.latency = at_seconds(latency_s);
    link.loss = loss;
    availability.push_back(std::make_unique<Changes>(std::move(changes)));
    const auto id = static_cast<std::uint32_t>(availability.size() - 1);
    network->attach(HospitalId{id}, link, availability.back().get());
    return id;
  }
  // Asks for a transfer; its outcome is there after run().
  std::size_t send(Asked asked) {
    outcomes.emplace_back();
    done.push_back(false);
    sim.spawn(scope, ask(sim, *network, asked, outcomes.back(), done.back()), "transfer",
              asked.hospital);
    return outcomes.size() - 1;
  }
  // Nanosecond at which it ended.
  std::int64_t ended(std::size_t transfer) const { return outcomes[transfer].ended.ns; }

  Simulation sim;
  Scope scope{sim};
  std::vector<std::unique_ptr<Changes>> availability;
  Part options;
  std::unique_ptr<Network> network;
  std::deque<TransferOutcome> outcomes;
  std::deque<bool> done;
};

Task<void> call_at(Simulation& sim, TimeNs at, void (*action)(Star&), Star& star) {
  co_await sim.at(at, Priority::timeline);
  action(star);
}

}  // namespace

TEST_CASE("a transfer alone takes its latency and its bytes at the narrowest link") {
  Star star(4);
  const auto slow = star.hospital(2, 0.04);
  const auto fast = star.hospital(8, 0.01);
  const auto a = star.send({slow, kUp, 0, 2'000'000});
  const auto b = star.send({fast, kUp, 10, 2'000'000});    // limited by the server
  const auto c = star.send({slow, kDown, 10, 2'000'000});  // full duplex, other direction
  star.sim.run();
  CHECK(star.outcomes[a].completed);
  CHECK(star.outcomes[a].attempts == 1);
  CHECK(star.outcomes[a].started == TimeNs{});
  CHECK(star.outcomes[a].bytes_on_wire == 2'000'000);
  CHECK(star.ended(a) == ns(1.04));
  CHECK(star.ended(b) == ns(10.51));
  CHECK(star.ended(c) == ns(10.54));
  CHECK(star.network->bytes_total(kUp) == 4'000'000);
  CHECK(star.network->bytes_total(kDown) == 2'000'000);
  // the bound that schedulers use is that time
  CHECK(star.network->least_time(HospitalId{slow}, kUp, 2'000'000) == at_seconds(1.04));
  CHECK(star.network->least_time(HospitalId{fast}, kUp, 2'000'000) == at_seconds(0.51));
}

TEST_CASE("two transfers at the same instant share the server's link, whoever came first") {
  // style.md's example: caps 1, 4, 10 MB/s on 6 MB/s, 6 MB each: 6.0, 2.4, 2.4 s
  for (const bool reversed : {false, true}) {
    Star star(6);
    std::vector<double> caps = {1, 4, 10};
    if (reversed) std::reverse(caps.begin(), caps.end());
    std::vector<std::pair<double, std::size_t>> sent;
    for (const double cap : caps) {
      sent.emplace_back(cap, star.send({star.hospital(cap), kUp, 0, 6'000'000}));
    }
    star.sim.run();
    for (const auto& [cap, transfer] : sent)
      CHECK(star.ended(transfer) == (cap == 1 ? ns(6.0) : ns(2.4)));
  }
}

TEST_CASE("a late arrival slows the others down from the end of its latency on") {
  // server 2 MB/s. A: 4 MB from 0. B asked at 0.5, latency 0.5: flows from 1 s. As in the solver's
  // test: B ends at 2 s, A at 2.5 s
  Star star(2);
  const auto a = star.send({star.hospital(2), kUp, 0, 4'000'000});
  const auto b = star.send({star.hospital(2, 0.5), kUp, 0.5, 1'000'000});
  star.sim.run();
  CHECK(star.ended(a) == ns(2.5));
  CHECK(star.ended(b) == ns(2.0));
}

TEST_CASE("loss makes goodput: rate x (1 - loss)") {
  // 20 % lost: 4 MB at 2 MB/s take 4 / 1.6 = 2.5 s; the payload is what counts
  Star star(100);
  const auto a = star.send({star.hospital(2, 0, {}, 0.2), kUp, 0, 4'000'000});
  star.sim.run();
  CHECK(star.ended(a) == ns(2.5));
  CHECK(star.outcomes[a].bytes_on_wire == 4'000'000);
}

TEST_CASE("a message of no bytes takes its latency") {
  Star star(1);
  const auto a = star.send({star.hospital(1, 0.25), kDown, 1, 0});
  star.sim.run();
  CHECK(star.outcomes[a].completed);
  CHECK(star.ended(a) == ns(1.25));
}

TEST_CASE("break at half way, resume: the outage and a second latency are added") {
  // 4 MB at 2 MB/s with 0.1 s latency: would end at 2.1. Down from 1.1 (half way) to 5: the second
  // half starts after the latency, 5.1, and ends at 6.1
  Star star(100, {{"interrupted", "resume"}});
  const auto a =
      star.send({star.hospital(2, 0.1, {at_seconds(1.1), at_seconds(5)}), kUp, 0, 4'000'000});
  star.sim.run();
  CHECK(star.outcomes[a].completed);
  CHECK(star.ended(a) == ns(6.1));
  CHECK(star.outcomes[a].attempts == 2);
  CHECK(star.outcomes[a].bytes_on_wire == 4'000'000);
}

// Chunks of 1.5 MB, one round trip and 0.2 MB of questions before an upload goes on.
Given resumable() {
  const Value way = part("resumable", "",
                         {{"chunk", Quantity{1.5e6, Dimension::data}},
                          {"round_trips", 1},
                          {"handshake", Quantity{0.2e6, Dimension::data}}});
  return {{"interrupted", way}};
}

TEST_CASE("break in the middle of a chunk, resumable: that chunk again, after a round trip") {
  // 4 MB at 2 MB/s with 0.1 s latency. Down at 1.1, with 2 MB sent: one chunk of 1.5 MB has
  // arrived. Up at 5: latency and a round trip until 5.3, then 0.2 + 2.5 MB: 6.65
  Star star(100, resumable());
  const auto a =
      star.send({star.hospital(2, 0.1, {at_seconds(1.1), at_seconds(5)}), kUp, 0, 4'000'000});
  // down at 1.6: 3 MB are two whole chunks; 5.3, then 0.2 + 1 MB: 5.9
  const auto b =
      star.send({star.hospital(2, 0.1, {at_seconds(1.6), at_seconds(5)}), kUp, 0, 4'000'000});
  // down at 1.1, and again at 5.35 with half of the questions: up at 6, then as before: 7.65
  const std::uint32_t twice =
      star.hospital(2, 0.1, {at_seconds(1.1), at_seconds(5), at_seconds(5.35), at_seconds(6)});
  const auto c = star.send({twice, kUp, 0, 4'000'000});
  // down before the first byte: nothing has arrived; 5.3 and 0.2 + 4 MB: 7.4
  const auto d =
      star.send({star.hospital(2, 0.1, {at_seconds(0.05), at_seconds(5)}), kUp, 0, 4'000'000});
  star.sim.run();
  CHECK(star.ended(a) == ns(6.65));
  CHECK(star.outcomes[a].attempts == 2);
  CHECK(star.outcomes[a].bytes_on_wire == 4'700'000);
  CHECK(star.ended(b) == ns(5.9));
  CHECK(star.outcomes[b].bytes_on_wire == 4'200'000);
  CHECK(star.ended(c) == ns(7.65));
  CHECK(star.outcomes[c].attempts == 3);
  CHECK(star.outcomes[c].bytes_on_wire == 4'800'000);
  CHECK(star.ended(d) == ns(7.4));
  CHECK(star.outcomes[d].bytes_on_wire == 4'200'000);
}

TEST_CASE("resumable without a cost, byte by byte, is resume") {
  const Value free = part("resumable", "",
                          {{"chunk", Quantity{1, Dimension::data}},
                           {"round_trips", 0},
                           {"handshake", Quantity{0, Dimension::data}}});
  Star star(100, {{"interrupted", free}});
  const auto a =
      star.send({star.hospital(2, 0.1, {at_seconds(1.1), at_seconds(5)}), kUp, 0, 4'000'000});
  star.sim.run();
  CHECK(star.ended(a) == ns(6.1));
  CHECK(star.outcomes[a].bytes_on_wire == 4'000'000);
}

TEST_CASE("break at half way, abort: it starts anew after the back-off and moves half again") {
  // down from 1.1 to 5, back-off 2 s: second attempt at 7 + 0.1 + 2 = 9.1 s; 2 + 4 MB on the wire
  Star star(100, {{"interrupted", "abort"}, {"back_off", seconds(2)}});
  const auto a =
      star.send({star.hospital(2, 0.1, {at_seconds(1.1), at_seconds(5)}), kUp, 0, 4'000'000});
  star.sim.run();
  CHECK(star.outcomes[a].completed);
  CHECK(star.ended(a) == ns(9.1));
  CHECK(star.outcomes[a].attempts == 2);
  CHECK(star.outcomes[a].bytes_on_wire == 6'000'000);
  CHECK(star.network->bytes_total(kUp) == 6'000'000);
}

TEST_CASE("retries are limited and the back-off doubles") {
  // up for 1 s, down for 9 s, again and again; 4 MB at 2 MB/s never fit. Back-off 0.1, 0.2, ...
  std::vector<TimeNs> changes;
  for (int i = 0; i < 20; ++i) {
    changes.push_back(at_seconds(10 * i + 1));
    changes.push_back(at_seconds(10 * i + 10));
  }
  Star star(100, {{"retries", 2}, {"back_off", seconds(0.1)}});
  const auto a = star.send({star.hospital(2, 0, changes), kUp, 0, 4'000'000});
  star.sim.run();
  CHECK_FALSE(star.outcomes[a].completed);
  CHECK(star.outcomes[a].attempts == 3);
  CHECK(star.ended(a) == ns(21.0));  // the third attempt breaks in the third second of being up
  // 1 s, 0.9 s and 0.8 s at 2 MB/s
  CHECK(star.outcomes[a].bytes_on_wire == 5'400'000);
}

TEST_CASE("a transfer waits for a hospital that is down, and is given up when the time has come") {
  Star star(100);
  const auto down = star.hospital(2, 0, {TimeNs{}, at_seconds(10)});
  const auto a = star.send({down, kUp, 1, 2'000'000});
  const auto b = star.send({down, kUp, 1, 2'000'000, at_seconds(5)});
  star.sim.run();
  CHECK(star.outcomes[a].completed);
  CHECK(star.ended(a) == ns(11.0));
  CHECK(star.outcomes[a].attempts == 1);
  CHECK_FALSE(star.outcomes[b].completed);
  CHECK(star.ended(b) == ns(5.0));
  CHECK(star.outcomes[b].attempts == 0);
  CHECK(star.outcomes[b].bytes_on_wire == 0);
}

TEST_CASE("an arrival at the moment of giving up counts; an outage at that moment breaks it") {
  Star star(100);
  const auto a = star.send({star.hospital(2), kUp, 0, 2'000'000, at_seconds(1)});
  const auto b = star.send({star.hospital(2), kUp, 0, 2'000'002, at_seconds(1)});
  const auto c =
      star.send({star.hospital(2, 0, {at_seconds(1), at_seconds(3)}), kUp, 0, 2'000'000});
  star.sim.run();
  CHECK(star.outcomes[a].completed);
  CHECK_FALSE(star.outcomes[b].completed);
  CHECK(star.outcomes[b].ended == at_seconds(1));
  // state comes before the end of a transfer: tried again at 3 s + 1 s back-off
  CHECK(star.outcomes[c].completed);
  CHECK(star.ended(c) == ns(5.0));
}

TEST_CASE("the server's link may change in mid-flight") {
  // 4 MB on 4 MB/s; at 0.5 s the server falls to 1 MB/s: 2 MB left, ends at 2.5 s
  Star star(4);
  const auto a = star.send({star.hospital(9), kUp, 0, 4'000'000});
  star.sim.spawn(
      star.scope,
      call_at(
          star.sim, at_seconds(0.5), [](Star& s) { s.network->set_server(kUp, 1 * kMB); }, star),
      "timeline");
  star.sim.run();
  CHECK(star.ended(a) == ns(2.5));
  CHECK(star.network->server(kUp) == 1 * kMB);
  CHECK(star.network->server(kDown) == 4 * kMB);
}

TEST_CASE("a script cuts a hospital off and lets it back on top of its availability") {
  // cut at 1 s with 2 of 4 MB moved, back at 4 s while the hospital itself is down until 6 s
  Star star(4, {{"interrupted", "resume"}});
  const auto h = star.hospital(2, 0, {at_seconds(3), at_seconds(6)});
  const auto a = star.send({h, kUp, 0, 4'000'000});
  star.sim.spawn(star.scope,
                 call_at(
                     star.sim, at_seconds(1),
                     [](Star& s) { s.network->set_connected(HospitalId{0}, false); }, star),
                 "timeline");
  star.sim.spawn(star.scope,
                 call_at(
                     star.sim, at_seconds(4),
                     [](Star& s) { s.network->set_connected(HospitalId{0}, true); }, star),
                 "timeline");
  star.sim.run_until(at_seconds(2));
  CHECK_FALSE(star.network->connected(HospitalId{h}));
  CHECK(star.network->bytes_total(kUp) == 2'000'000);
  star.sim.run();
  CHECK(star.ended(a) == ns(7.0));
}

TEST_CASE("a hospital may be cut off before anybody attached it") {
  Star star(4);
  star.network->set_connected(HospitalId{0}, false);
  const auto a = star.send({star.hospital(2), kUp, 0, 1, at_seconds(2)});
  star.sim.run();
  CHECK_FALSE(star.outcomes[a].completed);
}

TEST_CASE("transfers of one hospital share its own link, and get it back") {
  // 2 MB/s link, 2 MB and 4 MB together: 1 MB/s each; the first ends at 2 s, the second has 2 MB
  // left and ends at 3 s. The other direction is not touched
  Star star(100);
  const auto h = star.hospital(2);
  const auto a = star.send({h, kUp, 0, 2'000'000});
  const auto b = star.send({h, kUp, 0, 4'000'000});
  const auto c = star.send({h, kDown, 0, 20'000'000});
  star.sim.run();
  CHECK(star.ended(a) == ns(2.0));
  CHECK(star.ended(b) == ns(3.0));
  CHECK(star.ended(c) == ns(1.0));
}

TEST_CASE("a cancelled transfer leaves the wire: the others speed up, its bytes stay counted") {
  // two of 4 MB share 2 MB/s; the second is cancelled at 2 s: the first has 2 MB left, ends at 3 s
  Star star(2);
  const auto a = star.send({star.hospital(2), kUp, 0, 4'000'000});
  Scope doomed(star.sim);
  TransferOutcome outcome;
  bool done = false;
  const Asked asked{star.hospital(2), kUp, 0, 4'000'000};
  star.sim.spawn(doomed, ask(star.sim, *star.network, asked, outcome, done), "doomed");
  star.sim.run_until(at_seconds(2));
  doomed.cancel();
  CHECK(star.network->bytes_total(kUp) == 4'000'000);
  star.sim.run();
  CHECK_FALSE(done);
  CHECK(star.ended(a) == ns(3.0));
  CHECK(star.network->bytes_total(kUp) == 6'000'000);
  CHECK(star.sim.queued() == 0);
}

TEST_CASE("a network may go before its simulation, with transfers under way") {
  Star star(2);
  const auto a = star.send({star.hospital(2, 0, {at_seconds(9)}), kUp, 0, 4'000'000});
  star.send({star.hospital(2, 5), kUp, 0, 4'000'000, at_seconds(50)});
  star.sim.run_until(at_seconds(1));
  star.network.reset();
  star.sim.run();
  CHECK_FALSE(star.done[a]);
}

TEST_CASE("availability is asked and scheduled only while somebody waits on it") {
  Star star(100);
  std::vector<TimeNs> changes;
  for (int i = 1; i < 1000; ++i) changes.push_back(at_seconds(100 * i));
  const auto idle = star.hospital(2, 0, changes);
  const auto busy = star.hospital(2, 0, changes);
  star.send({busy, kUp, 1, 2'000'000});
  star.sim.run();
  CHECK(star.availability[idle]->asked == 0);
  CHECK(star.availability[busy]->asked == 2);  // is it up, and until when
  CHECK(star.sim.now() == at_seconds(2));
}

TEST_CASE("whatever breaks, every transfer ends, and no byte is counted twice or lost") {
  // random stars with flapping hospitals; under resume the wire carries each payload exactly once
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 5);
    const bool resume = seed % 2 == 0;
    Star star(5, {{"interrupted", resume ? "resume" : "abort"}, {"back_off", seconds(0.01)}});
    std::int64_t payload = 0;
    for (int h = 0; h < 10; ++h) {
      std::vector<TimeNs> changes;
      TimeNs at;
      for (int i = 0; i < 40; ++i) {
        at += TimeNs{static_cast<std::int64_t>(1 + stream.below(500'000'000))};
        changes.push_back(at);
      }
      const auto id = star.hospital(0.2 + 3 * stream.uniform(), 0.05 * stream.uniform(), changes,
                                    0.3 * stream.uniform());
      for (int k = 0; k < 3; ++k) {
        const auto bytes = static_cast<std::int64_t>(1 + stream.below(1'000'000));
        payload += bytes;
        star.send({id, kUp, 2 * stream.uniform(), bytes});
      }
    }
    star.sim.run();
    CHECK(star.sim.actors() == 0);
    CHECK(star.sim.queued() == 0);
    std::int64_t on_wire = 0;
    for (std::size_t i = 0; i < star.outcomes.size(); ++i) {
      CHECK(star.done[i]);
      on_wire += star.outcomes[i].bytes_on_wire;
      if (resume) CHECK(star.outcomes[i].completed);
    }
    CHECK(star.network->bytes_total(kUp) == on_wire);
    if (resume) CHECK(on_wire == payload);
  }
}

TEST_CASE("the server's table names its directions, in full") {
  Simulation sim;
  const Part misspelt = part("network", "star", {{"server", Table{{"dwon", mbit(1)}}}});
  CHECK(mistake_text([&] { make_network(&misspelt, sim); }) ==
        "world.lua:7: network.star: 'server' has no 'dwon'\n"
        "    did you mean 'down'?\n"
        "    it may have up and down");
  const Part half = part("network", "star", {{"server", Table{{"down", mbit(1)}}}});
  CHECK(mistake_text([&] { make_network(&half, sim); }) ==
        "world.lua:7: network.star: 'server' lacks 'up'\n"
        "    write server = { up = gbit(1), down = gbit(1) }, or one rate for both");
  const Part both =
      part("network", "star", {{"server", Table{{"down", mbit(8)}, {"up", mbit(16)}}}});
  CHECK(make_network(&both, sim)->server(kUp) == 2e6);
  CHECK(make_network(nullptr, sim)->server(kDown) == 125e6);
}
