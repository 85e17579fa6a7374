// System: secret sharing. Expectation: shares that another program made give its secret, any
// threshold of ours give it back, fewer say nothing. Reason: a secure sum stands on it.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "secure/field.hpp"
#include "secure/shamir.hpp"

namespace polyclinic::secure {
namespace {

SecretStream secrets(std::uint64_t step = 0) {
  return SecretStream(make_run_key(1, 0), 7, step);
}

std::optional<Bytes> from(const std::vector<Share>& shares,
                          const std::vector<std::uint32_t>& places, std::size_t bytes) {
  std::vector<const Share*> held;
  for (std::uint32_t place : places) held.push_back(&shares[place - 1]);
  return reconstruct(held, lagrange_at_zero(places), bytes);
}

TEST_CASE("shares of a published implementation give its secret") {
  // google-parfait/federated-compute, fcp/secagg/shared/shamir_secret_sharing_test.cc,
  // ReconstructWorksWithPrecomputedShares: threshold 3 of 5, the secret 0 0 0 33
  const auto word = [](unsigned a, unsigned b, unsigned c, unsigned d) {
    return a << 24U | b << 16U | c << 8U | d;
  };
  const std::vector<Share> shares{{word(112, 207, 118, 46), word(110, 212, 170, 28)},
                                  {word(48, 160, 197, 172), word(38, 235, 145, 204)},
                                  {word(63, 115, 238, 144), word(40, 68, 183, 71)},
                                  {word(29, 72, 240, 207), word(114, 224, 26, 141)},
                                  {word(74, 31, 204, 116), word(6, 189, 187, 136)}};
  const Bytes secret{0, 0, 0, 33};
  for (std::uint32_t a = 1; a <= 5; ++a) {
    for (std::uint32_t b = a + 1; b <= 5; ++b) {
      for (std::uint32_t c = b + 1; c <= 5; ++c) {
        const auto found = from(shares, {a, b, c}, secret.size());
        CHECK(found == secret);
      }
    }
  }
  // two shares lie on another line for every secret
  CHECK(from(shares, {1, 2}, secret.size()) != secret);
}

TEST_CASE("any threshold of shares gives the secret back") {
  SecretStream stream = secrets();
  for (std::size_t n = 1; n <= 6; ++n) {
    for (std::size_t threshold = 1; threshold <= n; ++threshold) {
      const Key secret = stream.key();
      const Bytes expected(secret.begin(), secret.end());
      const auto shares = split(secret, threshold, n, stream);
      for (unsigned set = 1; set < 1U << n; ++set) {
        std::vector<std::uint32_t> places;
        for (std::uint32_t i = 0; i < n; ++i) {
          if ((set >> i & 1U) != 0) places.push_back(i + 1);
        }
        const bool enough = places.size() >= threshold;
        CHECK((from(shares, places, secret.size()) == expected) == enough);
      }
    }
  }
}

TEST_CASE("shares below the threshold are as likely under one secret as under another") {
  // One share of a 2-of-3 sharing is uniform whatever the secret: the top bits of an element fall
  // into 16 cells alike. Elements are below p = 2^31 + 11: 16 cells of p/16. 1,000 sharings of 9
  // elements; chi-square with 15 degrees of freedom, upper 1e-6 quantile 56.5.
  for (const std::uint8_t fill : {std::uint8_t{0}, std::uint8_t{255}}) {
    Key secret{};
    secret.fill(fill);
    SecretStream stream = secrets(fill);
    std::array<double, 16> cells{};
    constexpr int kSharings = 1000;
    for (int i = 0; i < kSharings; ++i) {
      const std::vector<Share> shares = split(secret, 2, 3, stream);
      for (std::uint32_t element : shares[1]) {
        cells[static_cast<std::size_t>(std::uint64_t{element} * 16 / field::kPrime)] += 1;
      }
    }
    const double expected = kSharings * 9.0 / 16.0;
    double chi_square = 0;
    for (double cell : cells) chi_square += (cell - expected) * (cell - expected) / expected;
    CHECK(chi_square < 56.5);
  }
}

TEST_CASE("the field divides") {
  for (std::uint64_t a : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{12345},
                          field::kPrime - 1, std::uint64_t{1} << 31U}) {
    CHECK(field::multiply(a, field::inverse(a)) == 1);
  }
  CHECK(field::add(field::kPrime - 1, 1) == 0);
  CHECK(field::subtract(0, 1) == field::kPrime - 1);
}

}  // namespace
}  // namespace polyclinic::secure
