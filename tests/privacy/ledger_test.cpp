// System: the ledger. Input: hospitals of several sizes, trainings as facts. Expectation: noise and
// guarantee are what account() says of the same plan, the spend is that of the steps that ran, and
// no training goes beyond what was guaranteed.
#include <doctest/doctest.h>

#include <cmath>

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

const HospitalTerms kSmall{.rows = 160, .rate = 0.2, .steps = 5, .trainings = 20};
const HospitalTerms kLarge{.rows = 3200, .rate = 0.01, .steps = 100, .trainings = 20};

LedgerEntry entry(std::int64_t round, std::int64_t steps) {
  return {.at = TimeNs{round * kNsPerSecond}, .round = round, .steps = steps};
}

}  // namespace

TEST_CASE("noise is solved for each hospital and every planned round") {
  for (const Accountant accountant : {Accountant::rdp, Accountant::pld}) {
    RecordTerms terms;
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
  RecordTerms terms;
  terms.noise = 1.1;
  Ledger ledger(terms);
  const HospitalId id{4};
  const LedgerPage& page = ledger.open(id, kLarge);
  CHECK(page.guarantee == doctest::Approx(epsilon(0.01, 1.1, 2000, 1e-5)).epsilon(1e-12));
  CHECK(ledger.epsilon(page, page.steps) == 0);
  for (std::int64_t round = 1; round <= 7; ++round) {
    REQUIRE(ledger.admits(id, TimeNs{}, 100));
    ledger.charge(id, entry(round, 100));
  }
  // a straggler's part of a training
  ledger.charge(id, entry(8, 30));
  CHECK(page.steps == 730);
  CHECK(page.entries.size() == 8);
  CHECK(ledger.epsilon(page, page.steps) ==
        doctest::Approx(epsilon(0.01, 1.1, 730, 1e-5)).epsilon(1e-12));
  CHECK(ledger.epsilon(page, page.steps) < page.guarantee);
  CHECK_FALSE(page.stopped);
}

TEST_CASE("a budget admits the most trainings that stay within it") {
  RecordTerms terms;
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
  CHECK(ledger.epsilon(page, page.steps) <= page.guarantee);
}

TEST_CASE("a budget that not even one training keeps admits none") {
  RecordTerms terms;
  terms.noise = 0.3;
  terms.epsilon = 0.1;
  Ledger ledger(terms);
  const LedgerPage& page = ledger.open(HospitalId{0}, kSmall);
  CHECK(page.steps_allowed == 0);
  CHECK(page.guarantee == 0);
  CHECK_FALSE(ledger.admits(HospitalId{0}, TimeNs{}, 1));
}

TEST_CASE("no noise guarantees nothing, no rows need nothing") {
  RecordTerms terms;
  terms.noise = 0;
  Ledger ledger(terms);
  CHECK(std::isinf(ledger.open(HospitalId{0}, kSmall).guarantee));
  CHECK(ledger.open(HospitalId{1}, {}).guarantee == 0);
}

TEST_CASE("a delta that publishing one whole record would keep is refused") {
  RecordTerms terms;
  terms.noise = 1;
  terms.delta = 1e-3;
  Ledger ledger(terms);
  CHECK_NOTHROW(ledger.open(HospitalId{0}, kSmall));
  CHECK_THROWS_AS(ledger.open(HospitalId{1}, kLarge), ScenarioError);
}
