// System: secure sums whose noise comes in shares. Input: updates of known norms; parties that are
// lost. Expectation: the sum of cut updates over the expected number, with the noise of those who
// are in it, no more and no less; under real cryptography as without it.
#include <doctest/doctest.h>

#include <cmath>

#include "fed/secure_sum.hpp"
#include "privacy/integer_noise.hpp"

namespace polyclinic {
namespace {

constexpr std::int64_t kValues = 2000;

std::shared_ptr<const ParameterLayout> layout() {
  static const auto made = [] {
    auto one = std::make_shared<ParameterLayout>();
    one->add("w", {kValues}, Role::weight);
    return one;
  }();
  return made;
}

class Given final : public UpdateStream {
 public:
  explicit Given(std::vector<Update> updates) : updates_(std::move(updates)) {}
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }
  const Update* next() override {
    return position_ < updates_.size() ? &updates_[position_++] : nullptr;
  }

 private:
  std::vector<Update> updates_;
  std::size_t position_ = 0;
};

// All values alike, so that its norm is the one given; the odd hospitals pull the other way.
Update update(std::uint32_t hospital, double norm) {
  Update result;
  result.hospital = HospitalId{hospital};
  result.rows = 100 * (hospital + 1);  // says nothing here
  result.delta = ParameterVector(layout());
  const double value = norm / std::sqrt(static_cast<double>(kValues));
  const std::vector<float> values(static_cast<std::size_t>(kValues),
                                  static_cast<float>(hospital % 2 == 0 ? value : -value));
  result.delta.assign_compact(values);
  return result;
}

std::vector<SecureParty> parties(std::size_t count, std::size_t summed) {
  std::vector<SecureParty> all(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    all[i] = {.hospital = HospitalId{i},
              .advertised = true,
              .shared = true,
              .summed = i < summed,
              .revealed = i < summed};
  }
  return all;
}

SecureRule rule(double noise, int bits, bool skellam = false) {
  SecureRule result;
  result.bits = bits;
  result.real = false;
  result.noise = SharedNoise{.clip = 0.5, .noise = noise, .expected = 6, .skellam = skellam};
  return result;
}

std::vector<float> sum_of(const SecureRule& how, std::vector<Update> updates, std::size_t count,
                          std::size_t summed, SecureAccount& account, std::int64_t round = 0) {
  SecureSum sum(how, make_run_key(4, 0), account);
  Given given(std::move(updates));
  ParameterVector out(layout());
  REQUIRE(sum.mean(parties(count, summed), given, round, true, out));
  return out.compact();
}

struct Moments {
  double mean = 0;
  double variance = 0;
};
Moments moments(const std::vector<float>& values, double centre) {
  Moments result;
  for (const float x : values) result.mean += static_cast<double>(x) - centre;
  result.mean /= static_cast<double>(values.size());
  for (const float x : values) {
    const double gap = static_cast<double>(x) - centre;
    result.variance += gap * gap;
  }
  result.variance /= static_cast<double>(values.size());
  return result;
}

}  // namespace

TEST_CASE("without noise a sum of shares is that of cut updates over the expected number") {
  SecureAccount account;
  // 0.2 stays, 3 is cut to 0.5, hospital 2 sends nothing usable; 6 are expected
  const std::vector<float> got = sum_of(rule(0, 24), {update(0, 0.2), update(1, 3)}, 4, 3, account);
  const double root = std::sqrt(static_cast<double>(kValues));
  const double expected = (0.2 - 0.5) / root / 6;
  // rounding: below a lattice point for each of three, over 6; the lattice has 2^23 in 0.5
  const double bound = 3 * (0.5 / 0x1p23) / 6 + 1e-7 / 6;
  for (const float x : got) REQUIRE(std::fabs(static_cast<double>(x) - expected) < bound);
  CHECK(account.cut == 1);
  CHECK(account.updates == 3);
  CHECK(account.wrapped == 0);
}

TEST_CASE("traps 4 and 7: the noise in a sum is that of those who are in it") {
  for (const bool skellam : {false, true}) {
    for (const std::size_t summed : {2U, 4U, 6U}) {
      CAPTURE(skellam);
      CAPTURE(summed);
      SecureAccount account;
      std::vector<Update> updates;
      double centre = 0;
      for (std::uint32_t i = 0; i < summed; ++i) updates.push_back(update(i, 0.4));
      const std::vector<float> got = sum_of(rule(1.5, 20, skellam), updates, 6, summed, account, 3);
      const Moments found = moments(got, centre);
      // z C sqrt(arrived / expected) over expected, and rounding below half a lattice point each
      const double deviation = 1.5 * 0.5 * std::sqrt(static_cast<double>(summed) / 6.0) / 6.0;
      CHECK(std::fabs(found.mean) < 5 * deviation / std::sqrt(static_cast<double>(kValues)));
      CHECK(std::fabs(found.variance / (deviation * deviation) - 1) <
            5 * std::sqrt(2.0 / static_cast<double>(kValues)));
      CHECK(account.wrapped == 0);
    }
  }
}

TEST_CASE("masks change nothing of a noised sum, also where values are below zero") {
  SecureRule how = rule(1.5, 16);
  how.threshold = 3;
  SecureAccount account;
  const std::vector<Update> updates{update(0, 0.4), update(1, 0.3), update(2, 0.1), update(3, 0.2)};
  const std::vector<float> open = sum_of(how, updates, 6, 4, account);
  how.real = true;
  CHECK(sum_of(how, updates, 6, 4, account) == open);
  // another round, other noise
  CHECK(sum_of(how, updates, 6, 4, account, 1) != open);
}

TEST_CASE("trap 20: rounding keeps norms within what the account assumes") {
  // a coarse lattice: 2^3 - 1 points in 0.5, so most of the norm is rounding
  const SecureRule how = rule(0, 4);
  const double bound =
      privacy::rounded_l2_norm(0.5 * how.scale(), std::exp(-0.5), static_cast<double>(kValues));
  for (std::int64_t round = 0; round < 50; ++round) {
    SecureAccount account;
    const std::vector<float> got = sum_of(how, {update(0, 0.5)}, 2, 1, account, round);
    double squares = 0;
    for (const float x : got) {
      const double whole = std::round(static_cast<double>(x) * 6 * how.scale());
      squares += whole * whole;
    }
    REQUIRE(std::sqrt(squares) <= bound);
  }
}

TEST_CASE("the modulus leaves room for the sum and ten deviations of its noise") {
  for (const std::size_t count : {2U, 7U, 50U}) {
    for (const double noise : {0.0, 1.0, 30.0}) {
      const SecureRule how = rule(noise, 12);
      const double top = 2047 * (static_cast<double>(count) +
                                 10 * noise * std::sqrt(static_cast<double>(count) / 6)) +
                         static_cast<double>(count);
      const double modulus = std::pow(2.0, sum_bits(how, count));
      CHECK(modulus > 2 * top);
      CHECK(modulus <= 4 * top + 4);
    }
  }
}

}  // namespace polyclinic
