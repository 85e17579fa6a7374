// System: when a ledger is charged. Input: facts of rounds. Expectation: a sum charges those who
// are in it; where coins alone decide, everybody for every version, also whoever is met later.
#include "fed/run_privacy.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace polyclinic {
namespace {

RunPrivacy::Setup setup_of(RunPrivacy::Acts acts, double rate = 1) {
  RunPrivacy::Setup setup;
  setup.acts = acts;
  setup.terms.unit = "hospital";
  setup.terms.noise = 2;
  setup.trainings = 10;
  setup.hospitals = 5;
  setup.rate = rate;
  return setup;
}

constexpr HospitalId kA{0};
constexpr HospitalId kB{1};
constexpr HospitalId kC{2};

}  // namespace

TEST_CASE("a sum charges those who are in it, once each") {
  RunPrivacy privacy(setup_of(RunPrivacy::Acts::on_sums));
  for (const HospitalId id : {kA, kB, kC}) privacy.open(id, 100);
  // what is finished or sent inside a round releases nothing by itself
  privacy.trained(kA, TimeNs{1}, 1, 7);
  privacy.sends(kA, TimeNs{1}, 1);
  privacy.released({kA, kB}, TimeNs{2}, 1);
  privacy.released({kA}, TimeNs{3}, 2);
  const auto& pages = privacy.ledger().pages();
  CHECK(pages.at(kA).steps == 2);
  CHECK(pages.at(kB).steps == 1);
  CHECK(pages.at(kC).steps == 0);
  CHECK(pages.at(kA).entries[1].round == 2);
  CHECK(privacy.noise_of(kA) == 2);
}

TEST_CASE("uploads charge whoever sends, and nothing else does") {
  RunPrivacy privacy(setup_of(RunPrivacy::Acts::on_updates));
  privacy.open(kA, 100);
  privacy.trained(kA, TimeNs{1}, 1, 7);
  privacy.released({kA}, TimeNs{2}, 1);
  CHECK(privacy.ledger().pages().at(kA).steps == 0);
  privacy.sends(kA, TimeNs{1}, 1);
  CHECK(privacy.ledger().pages().at(kA).steps == 1);
}

TEST_CASE("trap 2: where coins alone decide everybody pays, at the coins' rate") {
  RunPrivacy privacy(setup_of(RunPrivacy::Acts::on_sums, 0.2));
  privacy.open(kA, 100);
  privacy.released({}, TimeNs{1}, 1);  // nobody was taken: that costs, too
  privacy.released({kA}, TimeNs{2}, 2);
  privacy.open(kB, 100);  // met only now
  privacy.released({kB}, TimeNs{3}, 3);
  const auto& pages = privacy.ledger().pages();
  CHECK(pages.at(kA).steps == 3);
  CHECK(pages.at(kB).steps == 3);
  CHECK(pages.at(kA).terms.rate == 0.2);
  const double before = privacy.ledger().spent(pages.at(kB));
  // a hospital that was taken did not answer: that round is no matter of coins
  privacy.decided_otherwise(2);
  CHECK(privacy.rounds_decided_otherwise() == 1);
  CHECK(privacy.ledger().spent(pages.at(kB)) > before);
  privacy.open(kC, 100);
  CHECK(privacy.ledger().spent(pages.at(kC)) == privacy.ledger().spent(pages.at(kB)));
}

TEST_CASE("traps 4 and 21: shares count as they arrived, without those that are told") {
  RunPrivacy::Setup setup = setup_of(RunPrivacy::Acts::on_shares);
  setup.terms.integer = privacy::IntegerShares{.scale = 1e4, .dim = 10, .expected = 5, .least = 2};
  setup.colluding = 1;
  RunPrivacy privacy(setup);
  for (const HospitalId id : {kA, kB, kC}) privacy.open(id, 100);
  privacy.released({kA, kB, kC}, TimeNs{1}, 1);
  CHECK(*privacy.ledger().pages().at(kA).entries[0].noise ==
        doctest::Approx(2 * std::sqrt(2.0 / 5)).epsilon(1e-12));
}

TEST_CASE("a hospital without rows has the same noise, and another may rely on it") {
  RunPrivacy privacy(setup_of(RunPrivacy::Acts::on_sums));
  privacy.open(kA, 0);
  CHECK(privacy.noise_of(kA) == 2);
}

}  // namespace polyclinic
