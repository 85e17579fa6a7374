// System: numbers as integers for secure sums, and what such a sum sends. Expectation: rounding
// without bias, no sum that wraps around, the published sizes. Reason: an error here would look
// like learning that fails.
#include "secure/quantiser.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "base/stream.hpp"
#include "secure/sizes.hpp"

namespace polyclinic::secure {
namespace {

TEST_CASE("rounding has no bias") {
  // 20,000 roundings of each: the mean of values that differ by at most one step has a standard
  // error of at most step / 2 / sqrt(20,000); five of them
  const Quantiser quantiser(2.0, 8);
  Stream stream(make_run_key(4, 0), Purpose::kTest, 2);
  for (const double x : {-2.0, -1.9999, -0.3, 0.0, 0.001, 1.23456, 2.0}) {
    double sum = 0;
    constexpr int kTimes = 20000;
    for (int i = 0; i < kTimes; ++i) {
      const std::uint32_t level = quantiser.quantise(x, stream.uniform());
      CHECK(level <= quantiser.top());
      const double back = quantiser.dequantise(level, 1);
      CHECK(std::abs(back - x) <= quantiser.step() * (1 + 1e-9));
      sum += back;
    }
    CHECK(std::abs(sum / kTimes - x) <
          5 * quantiser.step() / 2 / std::sqrt(double{kTimes}) + 1e-12);
  }
}

TEST_CASE("what lies beyond the clip is held to it") {
  const Quantiser quantiser(1.0, 24);
  CHECK(quantiser.quantise(7.5, 0.999) == quantiser.top());
  CHECK(quantiser.quantise(-7.5, 0.0) == 0);
  CHECK(quantiser.dequantise(quantiser.top(), 1) == doctest::Approx(1.0));
  CHECK(quantiser.dequantise(0, 1) == -1.0);
}

TEST_CASE("no sum wraps around, and no bit is wasted") {
  for (std::size_t parties = 1; parties <= 300; ++parties) {
    for (const int bits : {1, 8, 16, 23, 24}) {
      const std::uint64_t largest = parties * ((std::uint64_t{1} << bits) - 1);
      const int modulus = modulus_bits(parties, bits);
      CHECK(largest < std::uint64_t{1} << modulus);
      CHECK(largest >= std::uint64_t{1} << (modulus - 1));
    }
  }
}

TEST_CASE("the published communication of a user") {
  // Bonawitz et al. 2017, abstract: 1.73 times for 2^10 users and 2^20 values of 16 bits, 1.98
  // times for 2^14 and 2^24; the other rows by the same formula
  struct Row {
    std::uint64_t parties, values, bits;
    double expansion;
  };
  const Row rows[] = {{1024, 1048576, 29096960, 1.73431396484375},
                      {16384, 16777216, 532675584, 1.9843711853027344},
                      {100, 1000000, 23178176, 1.448636},
                      {20, 1000000, 21034816, 1.314676},
                      {10, 25600000, 512016896, 1.25004125}};
  for (const Row& row : rows) {
    const std::uint64_t bits = published_user_bits(row.parties, row.values, 16);
    CHECK(bits == row.bits);
    CHECK(static_cast<double>(bits) / (16.0 * static_cast<double>(row.values)) ==
          doctest::Approx(row.expansion).epsilon(1e-12));
  }
  CHECK(modulus_bits(1024, 16) == 26);
  CHECK(modulus_bits(16384, 16) == 30);
}

TEST_CASE("our messages are as long as the published ones but for addresses and seals") {
  // Published, up and down: 2 n keys, 5 n - 4 shares of 256 bits, the vector. Ours: keys and shares
  // with places, shares of 288 bits, sealed with 16 bytes: all that is more is 2 % at 20 hospitals
  // and 10^6 values of 16 bits.
  MessageSizes sizes{20, 1000000, modulus_bits(20, 16)};
  const std::int64_t ours = sizes.advertise() + sizes.keys(20) + sizes.shares(19) +
                            sizes.forwarded(19) + sizes.masked() + sizes.ask(20) + sizes.reveal(20);
  CHECK(static_cast<double>(ours) * 8 / 21034816.0 == doctest::Approx(1.0).epsilon(0.02));
  CHECK(ours * 8 > 21034816);
}

TEST_CASE("over a graph a user's messages grow with its neighbours alone") {
  // with n - 1 neighbours they are the published ones but for the share that one keeps of its own
  for (const std::uint64_t n : {10, 100, 1024}) {
    CHECK(published_user_bits_of_graph(n, n - 1, 1000, 16) ==
          published_user_bits(n, 1000, 16) - 256);
  }
  // 100 hospitals, 22 neighbours, 1,000,000 values of 16 bits in a modulus of 23, by hand:
  // 46 keys and 110 shares of 256 bits
  CHECK(published_user_bits_of_graph(100, 22, 1000000, 16) == (46 + 110) * 256 + 23000000);
  // ours: keys with a place of 4 bytes, shares of 36 sealed in pairs (100 bytes with addresses and
  // seal), told one by one with a place; the question has 8 bytes more
  const MessageSizes sizes{100, 1000000, modulus_bits(100, 16)};
  const std::int64_t ours = sizes.advertise() + sizes.keys(22) + sizes.shares(22) +
                            sizes.forwarded(22) + sizes.masked() + sizes.ask(22) + sizes.reveal(22);
  CHECK(ours == 23 * 68 + 2 * 22 * 100 + 2875000 + 8 + 22 * 4 + 22 * 40);
  CHECK(static_cast<double>(ours) * 8 /
            static_cast<double>(published_user_bits_of_graph(100, 22, 1000000, 16)) ==
        doctest::Approx(1.0).epsilon(0.001));
  // a mask's time too
  CHECK(Seconds{}.mask(22, 100000) / Seconds{}.mask(99, 100000) ==
        doctest::Approx(0.23).epsilon(0.01));
}

TEST_CASE("a server's time grows with the lost times those that stayed") {
  // notes of the paper's table 2 (server, 100,000 values): 30 % against 10 % lost of 500 is 2.31,
  // as (150 * 350) / (50 * 450) = 2.33
  const double ten = Seconds{}.unmask(500, 450, 50 * 450, 334, 100000);
  const double thirty = Seconds{}.unmask(500, 350, 150 * 350, 334, 100000);
  CHECK(thirty / ten == doctest::Approx(2.31).epsilon(0.03));
}

}  // namespace
}  // namespace polyclinic::secure
