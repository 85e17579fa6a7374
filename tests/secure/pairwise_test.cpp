// System: the parties of a pairwise secure sum. Expectation: whoever is lost before whichever
// phase, the sum is that of the vectors that arrived or there is none; what the server sees of one
// hospital looks like noise; nobody tells both secrets of another. Reason: this is what the
// protocol promises (Bonawitz et al. 2017).
#include "secure/pairwise.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "round.hpp"
#include "secure/quantiser.hpp"
#include "secure/sizes.hpp"

namespace polyclinic::secure {
namespace {

std::vector<std::vector<std::uint32_t>> inputs_of(const PairwiseSettings& settings, int bits) {
  Stream stream(make_run_key(3, 0), Purpose::kTest, 1);
  std::vector<std::vector<std::uint32_t>> inputs(settings.parties);
  for (auto& input : inputs) {
    for (std::size_t k = 0; k < settings.values; ++k) {
      input.push_back(static_cast<std::uint32_t>(stream.below(std::uint64_t{1} << bits)));
    }
    input[0] = (1U << bits) - 1U;  // the largest of all: their sum must not wrap around
  }
  return inputs;
}

PairwiseSettings five() {
  PairwiseSettings settings;
  settings.parties = 5;
  settings.threshold = 3;
  settings.values = 7;
  settings.modulus_bits = modulus_bits(5, 24);
  return settings;
}

// Signatures take their time: every pattern of losses after the keys, and of those with earlier
// ones each number of losses per phase in the two orders of places.
bool worth_signing(const std::vector<int>& lost) {
  return *std::min_element(lost.begin(), lost.end()) >= 2 ||
         std::is_sorted(lost.begin(), lost.end()) || std::is_sorted(lost.rbegin(), lost.rend());
}

// Every way in which each of five hospitals is lost before one of the phases, or not at all; how
// many of these rounds have a sum.
int sums_of_all_patterns(const PairwiseSettings& settings) {
  const auto inputs = inputs_of(settings, 24);
  const std::span<const Phase> all = phases(settings.registered != nullptr);
  const int ways = static_cast<int>(all.size()) + 1;
  const int patterns = ways * ways * ways * ways * ways;
  int sums = 0;
  std::vector<int> lost(5, 0);
  for (int pattern = 0; pattern < patterns; ++pattern) {
    int rest = pattern;
    std::array<std::size_t, kPhases> reached{};
    for (int& phase : lost) {
      phase = rest % ways;
      rest /= ways;
      for (int p = 0; p < phase; ++p) ++reached[static_cast<std::size_t>(p)];
    }
    if (settings.registered && !worth_signing(lost)) continue;
    std::string missed;
    for (std::size_t p = all.size(); p-- > 0;) {
      if (reached[p] < settings.threshold) missed = name(all[p]);
    }
    const Played played = play(settings, lost, inputs);
    REQUIRE(played.failure == missed);
    REQUIRE(played.sum.has_value() == missed.empty());
    if (!missed.empty()) continue;
    ++sums;
    std::vector<std::uint32_t> expected(settings.values, 0);
    for (std::size_t i = 0; i < 5; ++i) {
      if (lost[i] <= 2) continue;
      for (std::size_t k = 0; k < settings.values; ++k) expected[k] += inputs[i][k];
    }
    REQUIRE(*played.sum == expected);
  }
  return sums;
}

TEST_CASE("every pattern of losses of five hospitals over four phases") {
  // at least 3 of 5 stay to the end: 16 sets of such, the others lost before one of 4 phases:
  // C(5,3) 4^2 + C(5,4) 4 + 1 of 5^5
  CHECK(sums_of_all_patterns(five()) == 181);
}

TEST_CASE("every pattern of losses of five hospitals over five phases, signed") {
  // after the keys C(5,3) 3^2 + C(5,4) 3 + 1; with the first loss before, 6 + 5 pairs of losses in
  // two orders
  CHECK(sums_of_all_patterns(active(five())) == 128);
}

// Chi-square of the values' top four bits against uniform.
double chi_square(const std::vector<std::uint32_t>& values, int bits) {
  std::array<double, 16> cells{};
  for (std::uint32_t value : values) cells[value >> (bits - 4)] += 1;
  const double expected = static_cast<double>(values.size()) / 16.0;
  double sum = 0;
  for (double cell : cells) sum += (cell - expected) * (cell - expected) / expected;
  return sum;
}

TEST_CASE("a masked vector is uniform, alone and beside those of colluders") {
  PairwiseSettings settings = five();
  settings.values = 20000;
  settings.modulus_bits = 27;
  // all alike and far from uniform: every value 5
  const std::vector<std::vector<std::uint32_t>> inputs(5, std::vector<std::uint32_t>(20000, 5));
  const Played played = play(settings, {4, 4, 4, 4, 4}, inputs);
  REQUIRE(played.sum);
  CHECK((*played.sum)[0] == 25);
  // 15 degrees of freedom: the upper 1e-6 quantile is 56.5
  for (const auto& masked : played.masked) CHECK(chi_square(masked, 27) < 56.5);
  // the same with the masks of T - 1 = 2 colluding hospitals taken away, as they could: the pair of
  // honest masks and the own mask remain; the difference of two honest vectors stays uniform too
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<std::uint32_t> difference(20000);
    for (std::size_t k = 0; k < 20000; ++k) {
      difference[k] = (played.masked[i][k] - played.masked[i + 1][k]) & ((1U << 27U) - 1U);
    }
    CHECK(chi_square(difference, 27) < 56.5);
  }
  // every bit is set in half of the values: 20,000 coins, five standard deviations are 354
  for (int bit = 0; bit < 27; ++bit) {
    const auto set = std::count_if(played.masked[0].begin(), played.masked[0].end(),
                                   [&](std::uint32_t v) { return (v >> bit & 1U) != 0; });
    CHECK(std::abs(set - 10000) < 354);
  }
}

TEST_CASE("masks are those of one round only") {
  PairwiseSettings settings = five();
  settings.values = 1000;
  const std::vector<std::vector<std::uint32_t>> inputs(5, std::vector<std::uint32_t>(1000, 0));
  const Played one = play(settings, {4, 4, 4, 4, 4}, inputs, 0);
  const Played again = play(settings, {4, 4, 4, 4, 4}, inputs, 0);
  const Played next = play(settings, {4, 4, 4, 4, 4}, inputs, 1);
  CHECK(one.masked == again.masked);
  for (std::size_t i = 0; i < 5; ++i) {
    int same = 0;
    for (std::size_t k = 0; k < 1000; ++k) same += one.masked[i][k] == next.masked[i][k] ? 1 : 0;
    CHECK(same <= 1);  // 1,000 chances of 2^-27
  }
}

struct Parties {
  PairwiseServer server;
  std::vector<PairwiseHospital> hospitals;
};

Parties ready(const PairwiseSettings& settings) {
  Parties parties{PairwiseServer(settings), {}};
  for (Place place = 1; place <= settings.parties; ++place) {
    parties.hospitals.emplace_back(settings, place, SecretStream(make_run_key(9, 0), place, 0));
    parties.server.advertised(parties.hospitals.back().advertise());
  }
  for (Place place = 1; place <= settings.parties; ++place) {
    PairwiseHospital& hospital = parties.hospitals[place - 1];
    parties.server.shared(place, *hospital.share_keys(parties.server.keys_for(place)));
  }
  for (Place place = 1; place <= settings.parties; ++place) {
    REQUIRE(parties.hospitals[place - 1].receive(parties.server.sharers(),
                                                 parties.server.shares_for(place)));
  }
  return parties;
}

TEST_CASE("nobody tells both secrets of another") {
  const PairwiseSettings settings = five();
  const std::vector<Place> four{1, 2, 3, 4};
  const std::vector<Place> last{5};
  SUBCASE("one hospital in both lists") {
    Parties parties = ready(settings);
    CHECK_FALSE(parties.hospitals[0].reveal(four, std::vector<Place>{4, 5}));
  }
  SUBCASE("asked a second time, the other way round") {
    Parties parties = ready(settings);
    CHECK(parties.hospitals[0].reveal(four, last));
    CHECK_FALSE(parties.hospitals[0].reveal(std::vector<Place>{1, 2, 3, 5}, std::vector<Place>{4}));
    CHECK_FALSE(parties.hospitals[0].reveal(four, last));
  }
  SUBCASE("a sum of fewer than the threshold") {
    Parties parties = ready(settings);
    CHECK_FALSE(parties.hospitals[0].reveal(std::vector<Place>{1, 2}, std::vector<Place>{3, 4, 5}));
  }
  SUBCASE("strangers, and itself among the lost") {
    Parties parties = ready(settings);
    CHECK_FALSE(parties.hospitals[0].reveal(four, std::vector<Place>{6}));
    CHECK_FALSE(parties.hospitals[4].reveal(four, last));
  }
}

TEST_CASE("a hospital does not go on with keys given twice or with too few") {
  const PairwiseSettings settings = five();
  std::vector<Advertised> keys;
  std::vector<PairwiseHospital> hospitals;
  for (Place place = 1; place <= 5; ++place) {
    hospitals.emplace_back(settings, place, SecretStream(make_run_key(9, 0), place, 0));
    keys.push_back(hospitals.back().advertise());
  }
  auto twice = keys;
  twice[3].masking = twice[2].masking;
  CHECK_FALSE(hospitals[0].share_keys(twice));
  CHECK_FALSE(hospitals[1].share_keys(std::span(keys).first(2)));
  CHECK(hospitals[2].share_keys(keys));
}

TEST_CASE("shares change hands unread and unchanged") {
  SecretStream stream(make_run_key(2, 0), 1, 1);
  const KeyPair a = make_key_pair(stream);
  const KeyPair b = make_key_pair(stream);
  const KeyPair c = make_key_pair(stream);
  const auto ab = agree(a, b.open, "test");
  CHECK(ab == agree(b, a.open, "test"));
  CHECK(ab != agree(a, b.open, "other use"));
  CHECK(ab != agree(a, c.open, "test"));
  const Bytes text{1, 2, 3};
  Bytes sealed = seal(text, *ab, 1, 2);
  CHECK(sealed.size() == text.size() + kSealBytes);
  CHECK(unseal(sealed, *ab, 1, 2) == text);
  CHECK_FALSE(unseal(sealed, *ab, 2, 1));
  CHECK_FALSE(unseal(sealed, *agree(a, c.open, "test"), 1, 2));
  sealed[0] ^= 1U;
  CHECK_FALSE(unseal(sealed, *ab, 1, 2));
  CHECK_FALSE(agree(a, Key{}, "test"));  // the key of small order
}

TEST_CASE("the mask is ChaCha20's key stream") {
  // RFC 8439, A.1, test vector 1: key and nonce of zeros, block 0
  std::vector<std::uint32_t> words(4096 * 3 + 5, 0);
  add_mask(Key{}, Sign::plus, words);
  CHECK(words[0] == 0xade0b876U);
  CHECK(words[1] == 0x903df1a0U);
  CHECK(words[15] == 0x8665eeb2U);
  // test vector 2: block 1
  CHECK(words[16] == 0xbee7079fU);
  add_mask(Key{}, Sign::minus, words);
  CHECK(std::all_of(words.begin(), words.end(), [](std::uint32_t w) { return w == 0; }));
}

}  // namespace
}  // namespace polyclinic::secure
