#include "base/stream.hpp"

#include <Random123/philox.h>
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

using namespace polyclinic;

namespace {
const RunKey kRun = make_run_key(20, 3);
}

TEST_CASE("Philox 4x64-10 gives the known answers published with Random123 (kat_vectors)") {
  using Philox = r123::Philox4x64;
  struct Known {
    std::uint64_t counter[4], key[2], result[4];
  };
  const Known known[] = {
      {{0, 0, 0, 0},
       {0, 0},
       {0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
      {{~0ULL, ~0ULL, ~0ULL, ~0ULL},
       {~0ULL, ~0ULL},
       {0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
      {{0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
       {0x452821e638d01377, 0xbe5466cf34e90c6c},
       {0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6}},
  };
  for (const Known& k : known) {
    const Philox::ctr_type counter{{k.counter[0], k.counter[1], k.counter[2], k.counter[3]}};
    const Philox::key_type key{{k.key[0], k.key[1]}};
    const auto result = Philox()(counter, key);
    for (unsigned i = 0; i < 4; ++i) CHECK(result[i] == k.result[i]);
  }

  SUBCASE("a Stream is that generator at its address: the first vector, run key 0 and purpose 0") {
    Stream stream(RunKey{0}, Purpose::kTest, 0);
    for (std::uint64_t word : known[0].result) CHECK(stream.next_u64() == word);
  }
  SUBCASE("key = (run, purpose), counter = (entity, step, lane, block)") {
    Stream stream(RunKey{77}, Purpose::kHabit, 5, 6, 7);
    for (std::uint64_t block = 0; block < 3; ++block) {
      const auto words = Philox()({{5, 6, 7, block}}, {{77, 3}});
      for (unsigned i = 0; i < 4; ++i) CHECK(stream.next_u64() == words[i]);
    }
  }
}

TEST_CASE("streams at different addresses differ, at equal addresses agree") {
  std::set<std::uint64_t> first_words;
  int count = 0;
  for (std::uint64_t seed : {1ULL, 2ULL}) {
    for (std::uint64_t replication : {0ULL, 1ULL}) {
      const RunKey run = make_run_key(seed, replication);
      for (auto purpose : {Purpose::kHospital, Purpose::kCohort}) {
        for (std::uint64_t e = 0; e < 3; ++e) {
          for (std::uint64_t s = 0; s < 3; ++s) {
            for (std::uint64_t l = 0; l < 3; ++l) {
              first_words.insert(Stream(run, purpose, e, s, l).next_u64());
              ++count;
              CHECK(Stream(run, purpose, e, s, l).next_u64() ==
                    Stream(run, purpose, e, s).lane(l).next_u64());
            }
          }
        }
      }
    }
  }
  CHECK(first_words.size() == static_cast<std::size_t>(count));
  CHECK(make_run_key(0, 1).value != make_run_key(1, 0).value);
}

TEST_CASE("the order in which streams are used changes no number; a copy copies the position") {
  Stream a(kRun, Purpose::kTest, 1);
  Stream b(kRun, Purpose::kTest, 2);
  std::vector<std::uint64_t> interleaved_a, interleaved_b, b_first, a_second;
  for (int i = 0; i < 9; ++i) {
    interleaved_a.push_back(a.next_u64());
    interleaved_b.push_back(b.next_u64());
  }
  Stream b2(kRun, Purpose::kTest, 2);
  Stream a2(kRun, Purpose::kTest, 1);
  for (int i = 0; i < 9; ++i) b_first.push_back(b2.next_u64());
  for (int i = 0; i < 9; ++i) a_second.push_back(a2.next_u64());
  CHECK(interleaved_a == a_second);
  CHECK(interleaved_b == b_first);

  Stream copy = a;
  const std::uint64_t next = a.next_u64();
  CHECK(copy.next_u64() == next);
  // a lane starts at its beginning, wherever the stream stands that it was taken from
  CHECK(a.lane(4).next_u64() == Stream(kRun, Purpose::kTest, 1, 0, 4).next_u64());
}

TEST_CASE("uniform lies in [0, 1), uniform_open in (0, 1); both have mean 1/2 and variance 1/12") {
  Stream stream(kRun, Purpose::kTest, 3);
  const int n = 100'000;
  for (const bool open : {false, true}) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < n; ++i) {
      const double u = open ? stream.uniform_open() : stream.uniform();
      if (open) REQUIRE(u > 0);
      REQUIRE(u >= 0);
      REQUIRE(u < 1);
      sum += u - 0.5;
      squares += (u - 0.5) * (u - 0.5);
    }
    // five standard errors: sd of u is sqrt(1/12), of (u - 1/2)^2 is sqrt(1/80 - 1/144)
    CHECK(std::fabs(sum / n) < 5 * std::sqrt(1.0 / 12 / n));
    CHECK(std::fabs(squares / n - 1.0 / 12) < 5 * std::sqrt((1.0 / 80 - 1.0 / 144) / n));
  }
}

TEST_CASE("below is unbiased, also where 2^64 is no multiple of n") {
  Stream stream(kRun, Purpose::kTest, 4);
  SUBCASE("each of 7 values equally often") {
    const int n = 70'000;
    std::vector<int> counts(7);
    for (int i = 0; i < n; ++i) ++counts.at(stream.below(7));
    double chi2 = 0;
    for (int c : counts) chi2 += (c - n / 7.0) * (c - n / 7.0) / (n / 7.0);
    // chi-squared with 6 degrees of freedom exceeds 27.9 with probability 1e-4
    CHECK(chi2 < 27.9);
  }
  SUBCASE("n = 3 * 2^62: the naive product would give every third value twice as often") {
    const std::uint64_t n = 3ULL << 62U;
    const int draws = 30'000;
    int third = 0;
    for (int i = 0; i < draws; ++i) {
      const std::uint64_t x = stream.below(n);
      REQUIRE(x < n);
      third += x % 3 == 0 ? 1 : 0;
    }
    // expected share 1/3 (biased: 1/2 or 1/4); five standard errors
    CHECK(std::fabs(third / static_cast<double>(draws) - 1.0 / 3) < 5 * std::sqrt(2.0 / 9 / draws));
  }
  SUBCASE("below(1) is 0") {
    CHECK(stream.below(1) == 0);
  }
}
