// System: the ledger. Input: hospitals of several sizes, trainings as facts. Expectation: noise and
// guarantee are what account() says of the same plan, the spend is that of the steps that ran, and
// no training goes beyond what was guaranteed.
#include <doctest/doctest.h>

#include <cmath>

#include "privacy/integer_noise.hpp"
#include "privacy/ledger.hpp"

using namespace polyclinic;
using namespace polyclinic::privacy;

namespace {

double epsilon(double q, double sigma, std::int64_t steps, double delta,
               Accountant accountant = Accountant::rdp) {
  AccountRequest request;
  request.phases = {{.q = q, .sigma = sigma, .steps = steps}};
  request.sampling = q < 1 ? Sampling::poisson : Sampling::none;
  request.delta = delta;
  request.accountants = {accountant};
  return account(request).rows.front().epsilon;
}

const HospitalTerms kSmall{.rows = 160, .units = 160, .rate = 0.2, .steps = 5, .trainings = 20};
const HospitalTerms kLarge{
    .rows = 3200, .units = 3200, .rate = 0.01, .steps = 100, .trainings = 20};

LedgerEntry entry(std::int64_t round, std::int64_t steps) {
  return {.at = TimeNs{round * kNsPerSecond}, .round = round, .steps = steps};
}

}  // namespace

TEST_CASE("noise is solved for each hospital and every planned round") {
  for (const Accountant accountant : {Accountant::rdp, Accountant::pld}) {
    LedgerTerms terms;
    terms.epsilon = 3;
    terms.accountant = accountant;
    Ledger ledger(terms);
    for (const HospitalTerms& hospital : {kSmall, kLarge}) {
      const LedgerPage& page =
          ledger.open(HospitalId{static_cast<std::uint32_t>(hospital.rows)}, hospital);
      CHECK(page.steps_planned == hospital.steps * 20);
      CHECK(page.steps_allowed == page.steps_planned);
      const double kept = epsilon(hospital.rate, page.noise, page.steps_planned, 1e-5, accountant);
      CHECK(kept == doctest::Approx(page.guarantee).epsilon(1e-12));
      // the least noise: at most 3, and with a thousandth less it would be passed
      CHECK(kept <= 3);
      CHECK(epsilon(hospital.rate, page.noise * 0.999, page.steps_planned, 1e-5, accountant) > 3);
    }
    // the small hospital pays for the same epsilon with more noise
    CHECK(ledger.pages().at(HospitalId{160}).noise > ledger.pages().at(HospitalId{3200}).noise);
  }
}

TEST_CASE("what was spent is the account of the steps that ran") {
  LedgerTerms terms;
  terms.noise = 1.1;
  Ledger ledger(terms);
  const HospitalId id{4};
  const LedgerPage& page = ledger.open(id, kLarge);
  CHECK(page.guarantee == doctest::Approx(epsilon(0.01, 1.1, 2000, 1e-5)).epsilon(1e-12));
  CHECK(ledger.spent(page) == 0);
  for (std::int64_t round = 1; round <= 7; ++round) {
    REQUIRE(ledger.admits(id, TimeNs{}, 100));
    ledger.charge(id, entry(round, 100));
  }
  // a straggler's part of a training
  ledger.charge(id, entry(8, 30));
  CHECK(page.steps == 730);
  CHECK(page.entries.size() == 8);
  CHECK(ledger.spent(page) == doctest::Approx(epsilon(0.01, 1.1, 730, 1e-5)).epsilon(1e-12));
  CHECK(ledger.spent(page) < page.guarantee);
  CHECK_FALSE(page.stopped);
}

TEST_CASE("a budget admits the most trainings that stay within it") {
  LedgerTerms terms;
  terms.noise = 1;
  terms.epsilon = 8;
  Ledger ledger(terms);
  const HospitalId id{1};
  const LedgerPage& page = ledger.open(id, kSmall);
  REQUIRE(page.steps_allowed < page.steps_planned);
  REQUIRE(page.steps_allowed > 2 * kSmall.steps);
  CHECK(page.guarantee <= 8);
  CHECK(epsilon(0.2, 1, page.steps_allowed + 1, 1e-5) > 8);
  std::int64_t round = 0;
  while (ledger.admits(id, TimeNs{round}, kSmall.steps))
    ledger.charge(id, entry(++round, kSmall.steps));
  CHECK(page.steps == round * kSmall.steps);
  CHECK(page.steps + kSmall.steps > page.steps_allowed);
  REQUIRE(page.stopped);
  CHECK(page.stopped->ns == round);
  // it stays stopped since then, but a part of a training may still fit
  CHECK_FALSE(ledger.admits(id, TimeNs{99}, kSmall.steps));
  CHECK(page.stopped->ns == round);
  CHECK(ledger.spent(page) <= page.guarantee);
}

TEST_CASE("a budget that not even one training keeps admits none") {
  LedgerTerms terms;
  terms.noise = 0.3;
  terms.epsilon = 0.1;
  Ledger ledger(terms);
  const LedgerPage& page = ledger.open(HospitalId{0}, kSmall);
  CHECK(page.steps_allowed == 0);
  CHECK(page.guarantee == 0);
  CHECK_FALSE(ledger.admits(HospitalId{0}, TimeNs{}, 1));
}

TEST_CASE("no noise guarantees nothing, no rows need nothing") {
  LedgerTerms terms;
  terms.noise = 0;
  Ledger ledger(terms);
  CHECK(std::isinf(ledger.open(HospitalId{0}, kSmall).guarantee));
  CHECK(ledger.open(HospitalId{1}, {}).guarantee == 0);
}

TEST_CASE("a delta that publishing one whole record would keep is refused") {
  LedgerTerms terms;
  terms.noise = 1;
  terms.delta = 1e-3;
  Ledger ledger(terms);
  CHECK_NOTHROW(ledger.open(HospitalId{0}, kSmall));
  CHECK_THROWS_AS(ledger.open(HospitalId{1}, kLarge), ScenarioError);
}

// ---- whole updates

namespace {

const HospitalTerms kUpdates{.rows = 300, .units = 20, .rate = 1, .steps = 1, .trainings = 50};

LedgerTerms of_hospitals(double noise) {
  LedgerTerms terms;
  terms.unit = "hospital";
  terms.others = "hospitals";
  terms.noise = noise;
  return terms;
}

double integer_epsilon(const IntegerShares& shares, double clip, double noise, std::int64_t arrived,
                       std::int64_t steps) {
  Orders orders;
  for (int alpha = 2; alpha <= 64; ++alpha) orders.push_back(alpha);
  IntegerRelease release;
  release.scale = shares.scale;
  release.l2 = clip;
  release.dim = shares.dim;
  const double share = noise * clip / std::sqrt(shares.expected);
  const double all = share * std::sqrt(static_cast<double>(arrived));
  const Curve one = shares.skellam ? skellam_rdp(release, all, orders)
                                   : distributed_gaussian_rdp(release, share, arrived, orders);
  Curve curve(orders.size(), 0.0);
  compose(curve, one, static_cast<double>(steps));
  return rdp_epsilon(orders, curve, 1e-5).value;
}

}  // namespace

TEST_CASE("trap 15: replacing all data of a hospital costs what half the noise costs") {
  LedgerTerms terms = of_hospitals(3);
  terms.adjacency = Adjacency::replace_one;
  Ledger replace(terms);
  Ledger half(of_hospitals(1.5));
  CHECK(replace.open(HospitalId{0}, kUpdates).guarantee ==
        doctest::Approx(half.open(HospitalId{0}, kUpdates).guarantee).epsilon(1e-9));
}

TEST_CASE("trap 6: delta is below 1 over the hospitals") {
  LedgerTerms terms = of_hospitals(3);
  terms.delta = 0.05;
  Ledger ledger(terms);
  CHECK_THROWS_AS(ledger.open(HospitalId{0}, kUpdates), ScenarioError);
}

TEST_CASE("releases of several kinds compose one by one") {
  Ledger ledger(of_hospitals(2));
  HospitalTerms coins = kUpdates;
  coins.rate = 0.2;
  const HospitalId id{3};
  const LedgerPage& page = ledger.open(id, coins);
  for (std::int64_t round = 1; round <= 30; ++round) ledger.charge(id, entry(round, 1));
  CHECK(ledger.spent(page) == doctest::Approx(epsilon(0.2, 2, 30, 1e-5)).epsilon(1e-12));
  // something else than coins decided three rounds: those count in full
  for (const std::int64_t round : {4, 9, 30}) ledger.withhold(round);
  AccountRequest request;
  request.phases = {{.q = 0.2, .sigma = 2, .steps = 27}, {.q = 1, .sigma = 2, .steps = 3}};
  request.sampling = Sampling::poisson;
  request.delta = 1e-5;
  request.accountants = {Accountant::rdp};
  CHECK(ledger.spent(page) ==
        doctest::Approx(account(request).rows.front().epsilon).epsilon(1e-12));
  CHECK(ledger.spent(page) > epsilon(0.2, 2, 30, 1e-5));
  CHECK(ledger.spent(page, 3) == doctest::Approx(epsilon(0.2, 2, 3, 1e-5)).epsilon(1e-12));
}

TEST_CASE("trap 4: shares of noise are guaranteed for the fewest, and spent as they arrived") {
  for (const bool skellam : {false, true}) {
    CAPTURE(skellam);
    LedgerTerms terms = of_hospitals(4);
    terms.clip = 0.5;
    terms.integer =
        IntegerShares{.skellam = skellam, .scale = 1e5, .dim = 500, .expected = 20, .least = 14};
    Ledger ledger(terms);
    const HospitalId id{1};
    const LedgerPage& page = ledger.open(id, kUpdates);
    CHECK(page.guarantee ==
          doctest::Approx(integer_epsilon(*terms.integer, 0.5, 4, 14, 50)).epsilon(1e-9));
    for (std::int64_t round = 1; round <= 50; ++round) {
      LedgerEntry one = entry(round, 1);
      one.noise = 4 * std::sqrt(17.0 / 20);
      ledger.charge(id, one);
    }
    CHECK(ledger.spent(page) ==
          doctest::Approx(integer_epsilon(*terms.integer, 0.5, 4, 17, 50)).epsilon(1e-9));
    CHECK(ledger.spent(page) < page.guarantee);
    // on a fine lattice the shares cost what a Gaussian of their noise costs, and never less
    const double gaussian = epsilon(1, 4 * std::sqrt(17.0 / 20), 50, 1e-5);
    CHECK(ledger.spent(page) >= gaussian * (1 - 1e-9));
    CHECK(ledger.spent(page) < 1.02 * gaussian);
  }
}

TEST_CASE("the noise of shares is solved for the fewest of them") {
  LedgerTerms terms = of_hospitals(1);
  terms.noise.reset();
  terms.epsilon = 6;
  terms.integer = IntegerShares{.scale = 1e5, .dim = 500, .expected = 20, .least = 14};
  Ledger ledger(terms);
  const LedgerPage& page = ledger.open(HospitalId{1}, kUpdates);
  CHECK(page.guarantee <= 6);
  CHECK(page.guarantee > 5.9999);
  CHECK(integer_epsilon(*terms.integer, 1, page.noise, 14, 50) ==
        doctest::Approx(page.guarantee).epsilon(1e-9));
  // a lattice that is too coarse for the epsilon: no noise is large enough to be accounted for
  terms.epsilon = 1e-9;
  Ledger coarse(terms);
  CHECK_THROWS_AS(coarse.open(HospitalId{1}, kUpdates), ScenarioError);
}

TEST_CASE("a budget of shares admits the most sums that stay within it") {
  LedgerTerms terms = of_hospitals(4);
  terms.epsilon = 5;
  terms.integer = IntegerShares{.scale = 1e5, .dim = 500, .expected = 20, .least = 14};
  Ledger ledger(terms);
  const LedgerPage& page = ledger.open(HospitalId{1}, kUpdates);
  REQUIRE(page.steps_allowed > 1);
  REQUIRE(page.steps_allowed < 50);
  CHECK(integer_epsilon(*terms.integer, 1, 4, 14, page.steps_allowed) <= 5);
  CHECK(integer_epsilon(*terms.integer, 1, 4, 14, page.steps_allowed + 1) > 5);
}
