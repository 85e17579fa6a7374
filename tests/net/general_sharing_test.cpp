// System: the solver for any topology. Expectation: closed forms; on random topologies weighted
// max-min fairness by its definition (no link overfull, every flow at its cap or at a bottleneck);
// bytes conserved; the star's times on stars; no bit that depends on the order of arrival.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "base/stream.hpp"
#include "net/sharing.hpp"
#include "sharing_oracle.hpp"

using namespace polyclinic;

namespace {

using Route = std::vector<LinkId>;

struct Case {
  struct Flow {
    std::int64_t start_ns = 0;
    double bytes = 0;
    double cap = 0;
    double weight = 1;
    Route route;
  };
  std::vector<double> capacities;
  std::vector<Flow> flows;
};

FlowDemand demand(const Case::Flow& flow) {
  FlowDemand d;
  d.bytes = flow.bytes;
  d.cap_bytes_per_s = flow.cap;
  d.weight = flow.weight;
  d.route = flow.route;
  return d;
}

std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

// Runs the flows to the end; those that start at one instant do so in the given order. Returns the
// nanosecond at which each completed.
std::vector<std::int64_t> run(BandwidthSharing& sharing, const Case& world,
                              std::vector<std::size_t> order) {
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return world.flows[a].start_ns < world.flows[b].start_ns;
  });
  std::vector<std::size_t> owner(order.size());
  std::vector<std::int64_t> ends(order.size(), -1);
  std::vector<FlowId> done;
  std::size_t next = 0;
  while (next < order.size() || sharing.running() > 0) {
    TimeNs when = next < order.size() ? TimeNs{world.flows[order[next]].start_ns} : kNever;
    if (const auto end = sharing.next_completion()) when = std::min(when, *end);
    REQUIRE(when != kNever);
    sharing.advance(when);
    done.clear();
    sharing.take_completed(done);
    for (const FlowId id : done) ends[owner[id.value]] = when.ns;
    while (next < order.size() && world.flows[order[next]].start_ns == when.ns) {
      owner[sharing.start(demand(world.flows[order[next]])).value] = order[next];
      ++next;
    }
  }
  return ends;
}

std::vector<std::int64_t> run(const Case& world) {
  auto sharing = make_general_sharing(world.capacities);
  return run(*sharing, world, in_order(world.flows.size()));
}

double log_uniform(Stream& stream, double low, double decades) {
  return low * std::pow(10.0, decades * stream.uniform());
}

// Up to 6 links, routes over any of them, some flows at one instant, some caps and capacities
// equal.
Case random_case(Stream& stream) {
  Case world;
  const std::size_t links = 1 + stream.below(6);
  for (std::size_t i = 0; i < links; ++i) {
    world.capacities.push_back(stream.below(4) == 0 ? 1e6 : log_uniform(stream, 1e5, 2));
  }
  const std::size_t flows = 1 + stream.below(16);
  for (std::size_t i = 0; i < flows; ++i) {
    Case::Flow flow;
    flow.start_ns = static_cast<std::int64_t>(stream.below(4)) * 250'000'000;
    flow.bytes = log_uniform(stream, 1e4, 3);
    flow.cap = stream.below(3) == 0 ? 2e5 : log_uniform(stream, 1e4, 3);
    flow.weight = stream.below(2) == 0 ? 1 : log_uniform(stream, 0.1, 2);
    for (std::uint32_t link = 0; link < links; ++link) {
      if (stream.below(3) == 0) flow.route.push_back(LinkId{link});
    }
    world.flows.push_back(std::move(flow));
  }
  return world;
}

// What runs in a solver, for the definition of fairness.
struct Live {
  FlowId id;
  Case::Flow flow;
  double moved = 0;
};

// Weighted max-min fairness: rates fill no link beyond its capacity, and a flow below its cap
// crosses a full link on which nobody has more per weight (Bertsekas and Gallager, section 6.5.2).
void check_fair(BandwidthSharing& sharing, const std::vector<double>& capacities,
                const std::vector<Live>& live) {
  // sums of at most 30 rates, each rounded to 2^-53 of itself, of levels rounded thrice
  constexpr double kSlack = 1e-13;
  std::vector<double> load(capacities.size(), 0.0);
  std::vector<double> level(capacities.size(), 0.0);
  for (const Live& one : live) {
    const double rate = sharing.rate(one.id);
    CHECK(rate <= one.flow.cap);
    for (const LinkId link : one.flow.route) {
      load[link.value] += rate;
      level[link.value] = std::max(level[link.value], rate / one.flow.weight);
    }
  }
  for (std::size_t i = 0; i < load.size(); ++i) CHECK(load[i] <= capacities[i] * (1 + kSlack));
  for (const Live& one : live) {
    const double rate = sharing.rate(one.id);
    if (rate >= one.flow.cap) continue;
    const bool bound = std::any_of(one.flow.route.begin(), one.flow.route.end(), [&](LinkId link) {
      return load[link.value] >= capacities[link.value] * (1 - kSlack) &&
             rate / one.flow.weight >= level[link.value] * (1 - kSlack);
    });
    CHECK(bound);
  }
}

}  // namespace

TEST_CASE("three flows on two links: the textbook's example") {
  // a crosses both links (1 and 2 MB/s), b the first, c the second: a and b get 0.5 each, c the
  // rest, 1.5. With 1, 1 and 3 MB all end at 2 s
  Case world;
  world.capacities = {1e6, 2e6};
  world.flows = {{0, 1e6, 9e6, 1, {LinkId{0}, LinkId{1}}},
                 {0, 1e6, 9e6, 1, {LinkId{0}}},
                 {0, 3e6, 9e6, 1, {LinkId{1}}}};
  CHECK(run(world) == std::vector<std::int64_t>{2'000'000'000, 2'000'000'000, 2'000'000'000});
}

TEST_CASE("a two-level tree: a region's line binds its own, the server's the others") {
  // server 6 MB/s; region 1 (2 MB/s) has flows a, b; region 2 (9 MB/s) has c. a and b get 1 each, c
  // 4. c: 4 MB, ends at 1 s; a: 1 MB, ends at 1 s too; b: 3 MB, then has its region alone: 2 MB/s
  Case world;
  world.capacities = {6e6, 2e6, 9e6};
  world.flows = {{0, 1e6, 9e6, 1, {LinkId{1}, LinkId{0}}},
                 {0, 3e6, 9e6, 1, {LinkId{1}, LinkId{0}}},
                 {0, 4e6, 9e6, 1, {LinkId{2}, LinkId{0}}}};
  CHECK(run(world) == std::vector<std::int64_t>{1'000'000'000, 2'000'000'000, 1'000'000'000});
}

TEST_CASE("a flow that crosses no shared link has its cap, whatever the others do") {
  Case world;
  world.capacities = {1e6};
  world.flows = {{0, 2e6, 4e6, 1, {}}, {0, 1e6, 4e6, 1, {LinkId{0}}}};
  CHECK(run(world) == std::vector<std::int64_t>{500'000'000, 1'000'000'000});
}

TEST_CASE("a link that is stopped stops what crosses it, and nothing else") {
  auto sharing = make_general_sharing({1e6, 1e6});
  const Case::Flow on_both{0, 1e6, 9e6, 1, {LinkId{0}, LinkId{1}}};
  const Case::Flow on_second{0, 1e6, 9e6, 1, {LinkId{1}}};
  const FlowId a = sharing->start(demand(on_both));
  const FlowId b = sharing->start(demand(on_second));
  CHECK(sharing->rate(a) == 0.5e6);
  sharing->set_capacity(LinkId{0}, 0);
  CHECK(sharing->rate(a) == 0);
  CHECK(sharing->rate(b) == 1e6);
  CHECK(sharing->next_completion() == TimeNs{1'000'000'000});
  sharing->advance(TimeNs{1'000'000'000});
  std::vector<FlowId> done;
  sharing->take_completed(done);
  CHECK(done == std::vector<FlowId>{b});
  CHECK_FALSE(sharing->next_completion().has_value());
  sharing->set_capacity(LinkId{0}, 2e6);
  CHECK(sharing->next_completion() == TimeNs{2'000'000'000});
}

TEST_CASE("on stars its times are those of the star's solver") {
  // both round each of up to 16 completions up to 1 ns; what a late completion takes from another
  // flow at that flow's highest rate, it must make up for at its lowest
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 11);
    Case world = random_case(stream);
    world.capacities.resize(1);
    std::vector<oracle::OracleFlow> flows;
    for (Case::Flow& flow : world.flows) {
      flow.route = {LinkId{0}};
      flows.push_back(
          {static_cast<double>(flow.start_ns) / 1e9, flow.bytes, flow.cap, flow.weight});
    }
    double swing = 1;
    static_cast<void>(oracle::finish_times(flows, world.capacities.front(), &swing));
    auto star = make_star_sharing(world.capacities.front());
    const std::vector<std::int64_t> expected = run(*star, world, in_order(world.flows.size()));
    const std::vector<std::int64_t> found = run(world);
    for (std::size_t i = 0; i < found.size(); ++i) {
      CAPTURE(seed);
      CHECK(static_cast<double>(std::abs(found[i] - expected[i])) <= 2 * 17 * swing);
    }
  }
}

TEST_CASE("the order in which flows start at one instant changes no bit on any topology") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 12);
    const Case world = random_case(stream);
    std::vector<std::size_t> order = in_order(world.flows.size());
    const std::vector<std::int64_t> straight = run(world);
    std::reverse(order.begin(), order.end());
    auto reversed = make_general_sharing(world.capacities);
    CAPTURE(seed);
    CHECK(run(*reversed, world, order) == straight);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
    auto shuffled = make_general_sharing(world.capacities);
    CHECK(run(*shuffled, world, order) == straight);
  }
}

TEST_CASE("random changes on random topologies: fair at every instant, bytes conserved") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 13);
    std::vector<double> capacities = random_case(stream).capacities;
    auto sharing = make_general_sharing(capacities);
    std::vector<Live> live;
    std::vector<FlowId> done;
    TimeNs now;
    for (int step = 0; step < 60; ++step) {
      const std::uint64_t kind = stream.below(6);
      if (kind < 3 || live.empty()) {
        Live one;
        one.flow.bytes = 1e5 * (0.01 + stream.uniform());
        one.flow.cap = 1e6 * (0.01 + stream.uniform());
        one.flow.weight = 0.5 + stream.uniform();
        for (std::uint32_t link = 0; link < capacities.size(); ++link) {
          if (stream.below(2) == 0) one.flow.route.push_back(LinkId{link});
        }
        one.id = sharing->start(demand(one.flow));
        live.push_back(one);
      } else if (kind == 3) {
        const std::size_t link = stream.below(capacities.size());
        capacities[link] = 2e6 * (0.01 + stream.uniform());
        sharing->set_capacity(LinkId{static_cast<std::uint32_t>(link)}, capacities[link]);
      } else if (kind == 4) {
        Live& chosen = live[stream.below(live.size())];
        chosen.flow.cap = 1e6 * (0.01 + stream.uniform());
        sharing->set_cap(chosen.id, chosen.flow.cap);
      } else {
        const std::size_t which = stream.below(live.size());
        const double left = sharing->abort(live[which].id);
        // what it moved by its rates and what it hands back make the whole. Each of up to 60 terms
        // is rounded to 2^-53 of at most 1e5 bytes
        CHECK(live[which].moved + left == doctest::Approx(live[which].flow.bytes).epsilon(1e-12));
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(which));
      }
      check_fair(*sharing, capacities, live);
      TimeNs until = now + TimeNs{static_cast<std::int64_t>(stream.below(20'000'000))};
      if (const auto end = sharing->next_completion()) until = std::min(until, *end);
      for (Live& one : live) one.moved += sharing->rate(one.id) * (until - now).seconds();
      sharing->advance(until);
      now = until;
      done.clear();
      sharing->take_completed(done);
      for (const FlowId id : done) {
        const auto it =
            std::find_if(live.begin(), live.end(), [&](const Live& one) { return one.id == id; });
        REQUIRE(it != live.end());
        // rounded up to 1 ns at no more than 1.01e6 B/s: 1.01e-3 bytes
        CHECK(std::fabs(it->moved - it->flow.bytes) <= 1.02e-3);
        live.erase(it);
      }
    }
  }
}

TEST_CASE("a component that nobody touches keeps its rates to the bit") {
  // two trees side by side; 10,000 short flows in one. The long flow of the other is never anchored
  // anew: what it has left is what its rate over the whole time leaves, exactly
  auto sharing = make_general_sharing({1e6, 3e6});
  const Case::Flow steady{0, 1e9, 9e6, 1, {LinkId{1}}};
  const FlowId a = sharing->start(demand(steady));
  const FlowId b = sharing->start(demand(steady));
  std::vector<FlowId> done;
  for (int i = 0; i < 10'000; ++i) {
    const Case::Flow brief{0, 100, 9e6, 1, {LinkId{0}}};
    static_cast<void>(sharing->start(demand(brief)));
    sharing->advance(*sharing->next_completion());
    done.clear();
    sharing->take_completed(done);
    REQUIRE(done.size() == 1);
  }
  CHECK(sharing->clock() == TimeNs{1'000'000'000});  // 100 B at 1 MB/s are 100 us
  CHECK(sharing->remaining(a) == 1e9 - 1.5e6);
  CHECK(sharing->remaining(b) == 1e9 - 1.5e6);
}
