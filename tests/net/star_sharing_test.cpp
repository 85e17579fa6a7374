#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/stream.hpp"
#include "net/indexed_heap.hpp"
#include "net/sharing.hpp"
#include "sharing_oracle.hpp"

using namespace polyclinic;
using oracle::OracleFlow;

namespace {

constexpr LinkId kTrunk{0};

TimeNs at_seconds(double s) {
  return {static_cast<std::int64_t>(std::llround(s * 1e9))};
}

FlowDemand demand(double bytes, double cap, double weight = 1) {
  FlowDemand d;
  d.bytes = bytes;
  d.cap_bytes_per_s = cap;
  d.weight = weight;
  return d;
}

// Runs flows with their starts to the end; returns the nanosecond at which each completed.
std::vector<std::int64_t> run(const std::vector<OracleFlow>& flows, double capacity,
                              const std::vector<std::size_t>& order) {
  auto sharing = make_star_sharing(capacity);
  std::vector<std::size_t> by_start = order;
  std::stable_sort(by_start.begin(), by_start.end(), [&](std::size_t a, std::size_t b) {
    return flows[a].start_s < flows[b].start_s;
  });
  std::vector<std::size_t> owner;
  std::vector<std::int64_t> ends(flows.size(), -1);
  std::vector<FlowId> done;
  std::size_t next = 0;
  while (next < by_start.size() || sharing->running() > 0) {
    TimeNs when = next < by_start.size() ? at_seconds(flows[by_start[next]].start_s) : kNever;
    if (const auto end = sharing->next_completion()) when = std::min(when, *end);
    REQUIRE(when != kNever);
    sharing->advance(when);
    done.clear();
    sharing->take_completed(done);
    for (const FlowId id : done) ends[owner[id.value]] = when.ns;
    while (next < by_start.size() && at_seconds(flows[by_start[next]].start_s) == when) {
      const OracleFlow& flow = flows[by_start[next]];
      const FlowId id = sharing->start(demand(flow.bytes, flow.cap, flow.weight));
      if (id.value >= owner.size()) owner.resize(id.value + std::size_t{1});
      owner[id.value] = by_start[next++];
    }
  }
  return ends;
}

std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

std::vector<std::int64_t> run(const std::vector<OracleFlow>& flows, double capacity) {
  return run(flows, capacity, in_order(flows.size()));
}

// A random case: some flows start together, caps and sizes over three powers of ten, some equal.
std::vector<OracleFlow> random_flows(Stream& stream, bool weighted) {
  const std::size_t count = 1 + stream.below(12);
  std::vector<OracleFlow> flows(count);
  for (OracleFlow& flow : flows) {
    flow.start_s = stream.below(2) == 0 ? 0.0 : 0.25 * static_cast<double>(stream.below(20));
    flow.bytes = 1e3 * std::pow(10.0, 3.0 * stream.uniform());
    flow.cap = stream.below(3) == 0 ? 1e5 : 1e4 * std::pow(10.0, 3.0 * stream.uniform());
    flow.weight = weighted ? 0.1 + 4.0 * stream.uniform() : 1.0;
  }
  return flows;
}

}  // namespace

TEST_CASE("equal caps: n flows on a link of n/2 caps take twice as long as one alone") {
  // 4 flows of 1 MB, caps 1 MB/s, link 2 MB/s: each gets 0.5 MB/s and ends at 2 s
  const std::vector<OracleFlow> flows(4, OracleFlow{0, 1e6, 1e6, 1});
  CHECK(run(flows, 2e6) == std::vector<std::int64_t>(4, 2'000'000'000));
  // on a link of 4 MB/s or more the caps rule
  CHECK(run(flows, 4e6) == std::vector<std::int64_t>(4, 1'000'000'000));
  CHECK(run(flows, 9e6) == std::vector<std::int64_t>(4, 1'000'000'000));
}

TEST_CASE("unequal caps: caps 1, 4, 10 MB/s on 6 MB/s give rates 1, 2.5, 2.5") {
  // style.md's example: 6 MB each. The two fast ones end at 6 / 2.5 = 2.4 s, the slow one at 6 s
  const std::vector<OracleFlow> flows = {{0, 6e6, 1e6, 1}, {0, 6e6, 4e6, 1}, {0, 6e6, 10e6, 1}};
  CHECK(run(flows, 6e6) == std::vector<std::int64_t>{6'000'000'000, 2'400'000'000, 2'400'000'000});
}

TEST_CASE("late arrival: the first flow slows down when the second comes and speeds up after it") {
  // link 2 MB/s, caps 2. A: 4 MB from 0 s. B: 1 MB from 1 s. A moves 2 MB by 1 s; both then get
  // 1 MB/s; B ends at 2 s; A has 1 MB left, at 2 MB/s it ends at 2.5 s
  const std::vector<OracleFlow> flows = {{0, 4e6, 2e6, 1}, {1, 1e6, 2e6, 1}};
  CHECK(run(flows, 2e6) == std::vector<std::int64_t>{2'500'000'000, 2'000'000'000});
}

TEST_CASE("break at half way: an aborted flow hands back what it had left and frees its share") {
  // two flows of 4 MB on 2 MB/s: 1 MB/s each. At 2 s one is taken out with 2 MB left; the other has
  // 2 MB left too and ends at 2 + 2/2 = 3 s
  auto sharing = make_star_sharing(2e6);
  const FlowId a = sharing->start(demand(4e6, 2e6));
  const FlowId b = sharing->start(demand(4e6, 2e6));
  CHECK(sharing->next_completion() == TimeNs{4'000'000'000});
  sharing->advance(at_seconds(2));
  CHECK(sharing->abort(a) == 2e6);
  CHECK(sharing->rate(b) == 2e6);
  CHECK(sharing->next_completion() == TimeNs{3'000'000'000});
  CHECK(sharing->running() == 1);
}

TEST_CASE("weights share a bottleneck in proportion, but no flow exceeds its cap") {
  // weights 1 and 3 on 4 MB/s: 1 and 3 MB/s. With a cap of 2 on the heavy one: 2 and 2
  const std::vector<OracleFlow> free_caps = {{0, 3e6, 9e6, 1}, {0, 3e6, 9e6, 3}};
  // heavy ends at 1 s, light then has 2 MB left at 4 MB/s: 1.5 s
  CHECK(run(free_caps, 4e6) == std::vector<std::int64_t>{1'500'000'000, 1'000'000'000});
  const std::vector<OracleFlow> capped = {{0, 3e6, 9e6, 1}, {0, 3e6, 2e6, 3}};
  CHECK(run(capped, 4e6) == std::vector<std::int64_t>{1'500'000'000, 1'500'000'000});
}

TEST_CASE("a change of the shared link or of a flow's own link counts from its moment on") {
  auto sharing = make_star_sharing(4e6);
  const FlowId a = sharing->start(demand(4e6, 4e6));
  sharing->advance(at_seconds(0.5));
  // 2 MB left, at 1 MB/s from here: 2.5 s; stopped altogether: never
  sharing->set_capacity(kTrunk, 1e6);
  CHECK(sharing->next_completion() == TimeNs{2'500'000'000});
  sharing->set_capacity(kTrunk, 0);
  CHECK_FALSE(sharing->next_completion().has_value());
  sharing->advance(at_seconds(10));
  CHECK(sharing->remaining(a) == 2e6);
  sharing->set_capacity(kTrunk, 8e6);
  sharing->set_cap(a, 0.5e6);
  CHECK(sharing->next_completion() == TimeNs{14'000'000'000});
  sharing->advance(at_seconds(12));
  CHECK(sharing->remaining(a) == 1e6);
}

TEST_CASE("a completion is rounded up to a whole nanosecond, and an exact one stays") {
  auto sharing = make_star_sharing(1e9);
  // 1 byte at 3e8 B/s takes 3.33 ns
  static_cast<void>(sharing->start(demand(1, 3e8)));
  CHECK(sharing->next_completion() == TimeNs{4});
  // 0.1 is no double: 1e5 B/s for 0.7 s is 7e4 bytes exactly, however it is computed
  auto exact = make_star_sharing(1e9);
  static_cast<void>(exact->start(demand(7e4, 1e5)));
  CHECK(exact->next_completion() == TimeNs{700'000'000});
  // beyond a hundred years nothing ends
  auto slow = make_star_sharing(1e9);
  static_cast<void>(slow->start(demand(1e15, 1)));
  CHECK_FALSE(slow->next_completion().has_value());
}

TEST_CASE("thousands of random stars agree with progressive filling") {
  // each of up to 12 completions is rounded up by less than 1 ns; what a late completion takes from
  // another flow at that flow's highest rate, it must make up for at its lowest; the oracle's own
  // arithmetic on 1e3 s errs by less than 1 ns
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 1);
    const std::vector<OracleFlow> flows = random_flows(stream, seed % 2 == 1);
    const double capacity = 1e4 * std::pow(10.0, 3.0 * stream.uniform());
    double swing = 1;
    const std::vector<double> expected = oracle::finish_times(flows, capacity, &swing);
    const std::vector<std::int64_t> found = run(flows, capacity);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      CAPTURE(seed);
      CAPTURE(i);
      CHECK(std::fabs(static_cast<double>(found[i]) * 1e-9 - expected[i]) <= 13e-9 * swing);
    }
  }
}

TEST_CASE("the order in which flows start at one instant changes no bit") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 2);
    const std::vector<OracleFlow> flows = random_flows(stream, true);
    const double capacity = 1e4 * std::pow(10.0, 3.0 * stream.uniform());
    std::vector<std::size_t> order = in_order(flows.size());
    const std::vector<std::int64_t> straight = run(flows, capacity, order);
    std::reverse(order.begin(), order.end());
    CHECK(run(flows, capacity, order) == straight);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
    CHECK(run(flows, capacity, order) == straight);
  }
}

TEST_CASE("properties under random changes: capacity, a bottleneck for all, bytes conserved") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Stream stream(make_run_key(seed, 0), Purpose::kTest, 3);
    double capacity = 1e6;
    auto sharing = make_star_sharing(capacity);
    struct Live {
      FlowId id;
      double cap, weight, bytes, moved;
    };
    std::vector<Live> live;
    TimeNs now;
    std::vector<FlowId> done;
    for (int step = 0; step < 60; ++step) {
      // one random change
      const std::uint64_t kind = stream.below(6);
      if (kind < 3 || live.empty()) {
        const double bytes = 1e5 * (0.01 + stream.uniform());
        const double cap = 1e6 * (0.01 + stream.uniform());
        const double weight = 0.5 + stream.uniform();
        live.push_back({sharing->start(demand(bytes, cap, weight)), cap, weight, bytes, 0});
      } else if (kind == 3) {
        capacity = 2e6 * (0.01 + stream.uniform());
        sharing->set_capacity(kTrunk, capacity);
      } else if (kind == 4) {
        Live& chosen = live[stream.below(live.size())];
        chosen.cap = 1e6 * (0.01 + stream.uniform());
        sharing->set_cap(chosen.id, chosen.cap);
      } else {
        const std::size_t which = stream.below(live.size());
        const double left = sharing->abort(live[which].id);
        // conserved: what it moved by its rates and what it hands back make the whole. Each of up
        // to 60 terms is rounded to 2^-53 of at most 1e5 bytes
        CHECK(live[which].moved + left == doctest::Approx(live[which].bytes).epsilon(1e-12));
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(which));
      }
      // the link is not overfull; whoever is below his cap has the highest level, on a full link
      double sum = 0;
      double level = 0;
      for (const Live& flow : live) {
        const double rate = sharing->rate(flow.id);
        sum += rate;
        level = std::max(level, rate / flow.weight);
        CHECK(rate <= flow.cap * (1 + 1e-14));
      }
      CHECK(sum <= capacity * (1 + 1e-13));
      for (const Live& flow : live) {
        const double rate = sharing->rate(flow.id);
        if (rate >= flow.cap * (1 - 1e-14)) continue;
        CHECK(sum >= capacity * (1 - 1e-13));
        CHECK(rate / flow.weight >= level * (1 - 1e-13));
      }
      // let some time pass, not beyond the next completion
      TimeNs until = now + TimeNs{static_cast<std::int64_t>(stream.below(20'000'000))};
      if (const auto end = sharing->next_completion()) until = std::min(until, *end);
      const double passed_s = (until - now).seconds();
      for (Live& flow : live) flow.moved += sharing->rate(flow.id) * passed_s;
      sharing->advance(until);
      now = until;
      done.clear();
      sharing->take_completed(done);
      for (const FlowId id : done) {
        const auto it =
            std::find_if(live.begin(), live.end(), [&](const Live& f) { return f.id == id; });
        REQUIRE(it != live.end());
        // rounded up to 1 ns at no more than 1e6 B/s: 1e-3 bytes
        CHECK(std::fabs(it->moved - it->bytes) <= 1.01e-3);
        live.erase(it);
      }
    }
  }
}

TEST_CASE("remaining bytes do not drift over a million changes") {
  // one long flow of cap 1 B/s beside short ones that come and go 100,000 times: it ends when it
  // would have ended alone with the same share, here exactly: its cap is never crossed
  auto sharing = make_star_sharing(1e6);
  const FlowId steady = sharing->start(demand(1e6, 100));
  const FlowId shared = sharing->start(demand(1e12, 1e6));
  std::vector<FlowId> done;
  const int kChanges = 100'000;
  for (int i = 0; i < kChanges; ++i) {
    static_cast<void>(sharing->start(demand(1, 1e6)));
    const TimeNs end = *sharing->next_completion();
    sharing->advance(end);
    done.clear();
    sharing->take_completed(done);
    REQUIRE(done.size() == 1);
  }
  // steady: 100 B/s all the time, anchored once
  const double now_s = sharing->clock().seconds();
  CHECK(sharing->remaining(steady) == doctest::Approx(1e6 - 100 * now_s).epsilon(1e-15));
  // shared: each short flow shares half and half for ceil(1 B / 499,950 B/s) = 2001 ns; V advances
  // by 2001e-9 x 499,950 bytes each time
  CHECK(sharing->clock() == TimeNs{2001LL * kChanges});
  const double moved = 1e12 - sharing->remaining(shared);
  CHECK(moved == doctest::Approx(kChanges * 2001e-9 * 499'950.0).epsilon(1e-9));
}

TEST_CASE("indexed heap: what is done is found and removed together, whether few or many") {
  // 200 slots with keys that repeat; each bound leaves more of them done
  Stream stream(make_run_key(8, 0), Purpose::kTest, 3);
  for (const std::int64_t bound : {-1, 0, 3, 20, 49, 50}) {
    IndexedHeap<std::int64_t> heap;
    std::vector<std::pair<std::int64_t, std::uint32_t>> left;
    std::vector<std::uint32_t> expected;
    for (std::uint32_t slot = 0; slot < 200; ++slot) {
      const auto key = static_cast<std::int64_t>(stream.below(50));
      heap.push(slot, key);
      if (key <= bound) {
        expected.push_back(slot);
      } else {
        left.emplace_back(key, slot);
      }
    }
    std::vector<std::uint32_t> found;
    heap.collect([&](std::int64_t key) { return key <= bound; }, found);
    heap.remove_all(found);
    std::sort(found.begin(), found.end());
    CHECK(found == expected);
    // the rest comes out in order, and every slot can still be found
    std::sort(left.begin(), left.end());
    CHECK(heap.size() == left.size());
    for (const auto& [key, slot] : left) {
      CHECK(heap.top().key == key);
      CHECK(heap.top().slot == slot);
      heap.remove(slot);
    }
  }
}
