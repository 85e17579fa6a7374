// System: the parties of sums in shares. Expectation: whatever reaches which server, the sum is
// that of the hospitals whose shares all of them have, or there is none; any servers but all see
// noise; a server tells one sum. Reason: this is what shares promise.
#include "secure/shares.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "base/stream.hpp"
#include "secure/comparison.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic::secure {
namespace {

using Values = std::vector<std::uint32_t>;

struct Split {
  Values rest;  // to server 1
  std::vector<SealedSeed> seeds;
};

struct Parties {
  std::vector<ShareServer> servers;
  std::vector<Split> hospitals;
  std::vector<Values> inputs;
};

Parties made(const ShareSettings& settings, int bits, std::size_t hospitals = 5) {
  const RunKey run = make_run_key(4, 0);
  Parties parties;
  std::vector<Key> keys;
  for (std::size_t number = 1; number <= settings.servers; ++number) {
    parties.servers.emplace_back(settings, number, SecretStream(run, 1000 + number, 0));
    if (number > 1) keys.push_back(parties.servers.back().key());
  }
  Stream stream(make_run_key(3, 0), Purpose::kTest, 1);
  for (std::size_t i = 0; i < hospitals; ++i) {
    Values input;
    for (std::size_t k = 0; k < settings.values; ++k) {
      input.push_back(static_cast<std::uint32_t>(stream.below(std::uint64_t{1} << bits)));
    }
    input[0] = (1U << bits) - 1U;  // the largest of all: their sum must not wrap around
    SecretStream secrets(run, i, 0);
    Split one{input, {}};
    one.seeds = *split(settings, static_cast<Place>(i + 1), keys, secrets, one.rest);
    parties.inputs.push_back(std::move(input));
    parties.hospitals.push_back(std::move(one));
  }
  return parties;
}

ShareSettings five(std::size_t servers) {
  ShareSettings settings;
  settings.servers = servers;
  settings.least = 3;
  settings.values = 7;
  settings.modulus_bits = modulus_bits(5, 24);
  return settings;
}

// The server with the shares of those hospitals whose bits are set.
ShareServer with(const Parties& parties, std::size_t number, unsigned from) {
  ShareServer server = parties.servers[number - 1];
  for (std::size_t i = 0; i < parties.hospitals.size(); ++i) {
    if ((from >> i & 1U) == 0) continue;
    const Split& one = parties.hospitals[i];
    REQUIRE((number == 1 ? server.receive(static_cast<Place>(i + 1), one.rest)
                         : server.receive(one.seeds[number - 2])));
  }
  return server;
}

std::optional<Values> played(const ShareSettings& settings, std::vector<ShareServer> servers) {
  std::vector<Place> agreed = servers[0].holds();
  for (const ShareServer& server : servers) agreed = server.common(agreed);
  std::vector<Values> sums;
  for (ShareServer& server : servers) {
    auto sum = server.sum(agreed);
    if (!sum) return std::nullopt;
    sums.push_back(*std::move(sum));
  }
  return combine(settings, sums);
}

TEST_CASE("every pattern of shares of five hospitals that reach servers") {
  for (const std::size_t count : {2U, 3U}) {
    const ShareSettings settings = five(count);
    const Parties parties = made(settings, 24);
    // what a server can have: 32 sets of hospitals
    std::vector<std::vector<ShareServer>> states(count);
    for (std::size_t number = 1; number <= count; ++number) {
      for (unsigned from = 0; from < 32; ++from) {
        states[number - 1].push_back(with(parties, number, from));
      }
    }
    int sums = 0;
    const unsigned patterns = count == 2 ? 32U * 32U : 32U * 32U * 32U;
    for (unsigned pattern = 0; pattern < patterns; ++pattern) {
      std::vector<ShareServer> servers;
      unsigned all = 31;
      for (std::size_t j = 0; j < count; ++j) {
        const unsigned from = pattern >> (5 * j) & 31U;
        all &= from;
        servers.push_back(states[j][from]);
      }
      Values expected(settings.values, 0);
      int members = 0;
      for (std::size_t i = 0; i < 5; ++i) {
        if ((all >> i & 1U) == 0) continue;
        ++members;
        for (std::size_t k = 0; k < 7; ++k) expected[k] += parties.inputs[i][k];
      }
      const auto sum = played(settings, std::move(servers));
      REQUIRE(sum.has_value() == (members >= 3));
      if (!sum) continue;
      ++sums;
      REQUIRE(*sum == expected);
    }
    // m hospitals are with all servers, each other with 2^s - 1 sets of servers:
    // C(5,3) q^2 + C(5,4) q + 1
    const int q = (1 << count) - 1;
    CHECK(sums == 10 * q * q + 5 * q + 1);
  }
}

TEST_CASE("split by exclusive or, shares give each vector back") {
  ShareSettings settings = five(3);
  settings.bits = true;
  settings.least = 1;
  settings.modulus_bits = 24;
  const Parties parties = made(settings, 24);
  for (unsigned i = 0; i < 5; ++i) {
    std::vector<ShareServer> servers;
    for (std::size_t number = 1; number <= 3; ++number) {
      servers.push_back(with(parties, number, 1U << i));
    }
    CHECK(played(settings, std::move(servers)) == parties.inputs[i]);
  }
}

// Chi-square of the values' top four bits against uniform.
double chi_square(const Values& values, int bits) {
  std::array<double, 16> cells{};
  for (std::uint32_t value : values) cells[value >> (bits - 4)] += 1;
  const double expected = static_cast<double>(values.size()) / 16.0;
  double sum = 0;
  for (double cell : cells) sum += (cell - expected) * (cell - expected) / expected;
  return sum;
}

TEST_CASE("servers but one see noise") {
  ShareSettings settings = five(3);
  settings.least = 1;
  settings.values = 20000;
  settings.modulus_bits = 27;
  const Parties parties = made(settings, 3);  // eight of 2^27 values
  for (const bool of_third : {false, true}) {
    for (unsigned i = 0; i < 5; ++i) {
      ShareServer first = with(parties, 1, 1U << i);
      ShareServer other = with(parties, of_third ? 3 : 2, 1U << i);
      const std::vector<Place> one{i + 1};
      const Values rest = *first.sum(one);
      const Values expanded = *other.sum(one);
      // 15 degrees of freedom: the upper 1e-6 quantile is 56.5; alone and together
      CHECK(chi_square(rest, 27) < 56.5);
      CHECK(chi_square(expanded, 27) < 56.5);
      CHECK(chi_square(combine(settings, std::vector<Values>{rest, expanded}), 27) < 56.5);
    }
  }
}

TEST_CASE("a server tells one sum, of enough, of hospitals whose shares it has") {
  const ShareSettings settings = five(2);
  const Parties parties = made(settings, 24);
  const std::vector<Place> four{1, 2, 3, 4};
  for (const std::size_t number : {1U, 2U}) {
    ShareServer server = with(parties, number, 15);
    CHECK(server.holds() == four);
    CHECK(server.common(std::vector<Place>{5, 4, 1}) == std::vector<Place>{1, 4});
    CHECK_FALSE(server.sum(std::vector<Place>{1, 2}));
    CHECK_FALSE(server.sum(std::vector<Place>{1, 2, 5}));
    CHECK_FALSE(server.sum(std::vector<Place>{1, 1, 2, 2}));
    CHECK(server.sum(four));
    // the difference of this one would be hospital 4
    CHECK_FALSE(server.sum(std::vector<Place>{1, 2, 3}));
  }
}

TEST_CASE("shares that are not for a server, broken or sent twice are not taken") {
  const ShareSettings settings = five(3);
  const Parties parties = made(settings, 24);
  const std::vector<SealedSeed>& seeds = parties.hospitals[0].seeds;
  ShareServer second = parties.servers[1];
  CHECK_FALSE(second.receive(seeds[1]));
  CHECK_FALSE(second.receive(1, parties.hospitals[0].rest));
  SealedSeed broken = seeds[0];
  broken.sealed[5] ^= 1U;
  CHECK_FALSE(second.receive(broken));
  SealedSeed of_other = seeds[0];
  of_other.from = 2;
  CHECK_FALSE(second.receive(of_other));
  CHECK(second.receive(seeds[0]));
  CHECK_FALSE(second.receive(seeds[0]));
  ShareServer first = parties.servers[0];
  CHECK_FALSE(first.receive(1, Values(3, 0)));
  CHECK_FALSE(first.receive(seeds[0]));
  CHECK(first.receive(1, parties.hospitals[0].rest));
  CHECK_FALSE(first.receive(1, parties.hospitals[0].rest));
}

TEST_CASE("sizes are those of the messages") {
  const Parties parties = made(five(2), 24);
  const SealedSeed& seed = parties.hospitals[0].seeds[0];
  CHECK(ShareSizes::seed() ==
        static_cast<std::int64_t>(sizeof seed.from + seed.open.size() + seed.sealed.size()));
  // 4,738 values of 27 bits; a second whole vector instead of a seed would be 190 times its size
  const ShareSizes sizes{4738, 27};
  CHECK(sizes.vector() == (4738 * 27 + 7) / 8);
  CHECK(ShareSizes::places(5) == 28);
}

// The same gates counted on the circuit itself: of the halves of k bits one needs whether the high
// one is less and whether it is equal, and whether the low one is less.
struct Gates {
  std::int64_t less = 0;  // without whether they are equal
  std::int64_t with_equal = 0;
  std::int64_t depth = 0;
};
Gates gates(int k) {
  if (k == 1) return {1, 1, 1};
  // the low half is the larger: nobody asks along its own low halves whether they are equal
  const Gates low = gates(k - k / 2);
  const Gates high = gates(k / 2);
  return {high.with_equal + low.less + 1, high.with_equal + low.with_equal + 2,
          std::max(high.depth, low.depth) + 1};
}

TEST_CASE("comparisons cost what their circuits do") {
  for (const int k : {1, 2, 3, 8, 16, 24, 31}) {
    const Gates circuit = gates(k);
    const ComparisonCost one = cost({.values = 1, .bits = k, .comparators = 1, .depth = 1});
    CHECK(one.and_gates == circuit.less + k);
    // comparison, swap, and opening the result
    CHECK(one.rounds == circuit.depth + 1 + 1);
    CHECK(one.bytes_before == one.and_gates * 16);
  }
  // 33 coordinates of 24 bits, 19 comparators in 6 steps: 89 gates each
  const ComparisonCost eight =
      cost({.values = 33, .bits = 24, .comparators = 19, .depth = 6, .kept = 2});
  CHECK(eight.and_gates == 33 * 19 * 89);
  CHECK(eight.rounds == 6 * 7 + 3);
  // two numbers of each are converted, their sum of 25 bits is opened
  CHECK(eight.bytes_before == (33 * 19 * 89 + 33 * 2 * 24) * 16);
  const double online = 33 * 19 * 89 * 2 + 33 * 2 * 300 + 33 * 25;
  CHECK(static_cast<double>(eight.bytes_round * eight.rounds) >= online / 8);
  // rounded up by less than two bytes in each round
  CHECK(static_cast<double>(eight.bytes_round * eight.rounds) < online / 8 + 2 * 45);
}

}  // namespace
}  // namespace polyclinic::secure
