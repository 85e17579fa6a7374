// What must be read with the numbers of a privacy ledger: who is protected, against whom, and what
// is only promised.
#include <fmt/format.h>

#include <cmath>

#include "fed/weights.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

using Statement = std::vector<std::pair<std::string, std::string>>;

std::string step_mechanism(const privacy::LedgerTerms& terms) {
  const bool patients = terms.unit == "patient";
  return fmt::format(
      "DP-SGD: each step takes each {} by a coin, cuts {} to norm {:g}, adds Gaussian noise to the "
      "sum and divides by the rows expected; delta {:g}, accountant {}",
      patients ? "patient with all rows" : "row",
      patients ? "the sum of its gradients" : "its gradient", terms.clip, terms.delta,
      privacy::name_of(terms.accountant));
}

std::string step_unit(const privacy::LedgerTerms& terms, std::int64_t rows_most) {
  if (terms.unit == "patient") {
    return fmt::format(
        "one patient: all rows of a person in a hospital's training data, there or not "
        "(add/remove); of more than {} rows the first count",
        kPatientRowsMost);
  }
  std::string unit = "one record: a row of a hospital's training data, there or not (add/remove)";
  if (rows_most > 1) {
    unit += fmt::format(
        "; a patient has up to {} rows, and less is guaranteed to patients with several",
        rows_most);
  }
  return unit;
}

}  // namespace

std::string World::Impl::all_rounds() const {
  return fmt::format("fixed before the run, for all {} {}", trainings_planned(),
                     asynchronous() ? "trainings that a hospital is meant to do" : "rounds");
}

std::string World::Impl::budget_text() const {
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  if (!terms.epsilon || !terms.noise) return {};
  return fmt::format("; a hospital stops before epsilon {:g} is passed", *terms.epsilon);
}

Statement World::Impl::step_statement(std::int64_t rows_most) const {
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  return {
      {"protects", step_unit(terms, rows_most)},
      {"by", step_mechanism(terms)},
      {"against",
       "everyone outside the hospital: server, other hospitals, whoever listens or reads the "
       "released model; they see every update and version, and may know all settings and all "
       "other records"},
      {"trusted", "the hospital itself: its staff, its machines, the chance it draws"},
      {"assumes",
       "coins and noise stay secret (here they follow from the seed, by Philox and ChaCha20: "
       "simulated secrecy); noise is a float's; a patient of several hospitals pays the sum of "
       "what they spend"},
      {"guarantee", all_rounds() + "; being invited or not counts for nothing" + budget_text()},
      {"spent",
       "the account of the steps that ran, whether or not the update was heard; no promise, and "
       "never paid back"}};
}

// How the noise of the rounds goes together, and what one hospital moves all of them by.
std::string World::Impl::correlated_text() const {
  const std::optional<privacy::RoundNoisePlan>& over = privacy->ledger().terms().correlated;
  if (!over) return {};
  const double moved = std::sqrt(privacy::sensitivity_squared(*over, over->most()));
  std::string how = "is independent";
  if (over->kind == privacy::RoundNoiseKind::tree) {
    how = fmt::format("is correlated by trees over {} rounds", over->tree_rounds());
  } else if (over->kind == privacy::RoundNoiseKind::banded) {
    how = fmt::format("is correlated by a banded factor of {} rounds",
                      std::min(over->bands, over->rounds));
  }
  return fmt::format(
      "; the noise of different rounds {}: a hospital is in at most {} of them, "
      "{} apart, and moves all together by {:.3f} times the norm at most",
      how, over->most(), over->separation, moved);
}

Statement World::Impl::sum_statement() const {
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  const Part& part = *spec.scenario.part("privacy");
  const double expected = central.expected;
  std::string by = fmt::format(
      "the server cuts each update to norm {:g} ({} clipping), adds Gaussian noise of {} times "
      "that to every value of the sum, and divides by the {:g} hospitals expected; delta {:g}, "
      "accountant {}",
      terms.clip, part.text("clipping"), fmt::format("{:.3f}", central.noise), expected,
      terms.delta, privacy::name_of(terms.accountant));
  if (central.adaptive && central.noise > 0) {
    by += fmt::format(
        "; of it the updates have {:.3f}, the count of those within the bound {:.3f} on a "
        "sensitivity of 1/2",
        updates_noise(central.noise, central.count_noise), central.count_noise);
  }
  by += correlated_text();
  const std::string withheld = amplification_withheld();
  std::string guarantee = all_rounds();
  if (withheld.empty()) {
    guarantee += fmt::format(
        "; each round invites each hospital by a secret coin of {:g}, which makes a round cheaper "
        "and every hospital pay for every round",
        selection_part(candidates.size()).number("rate"));
  } else {
    guarantee += "; being invited by chance counts for nothing: " + withheld;
  }
  guarantee += budget_text();
  std::string assumes =
      "noise stays secret (here it follows from the seed, by ChaCha20: simulated secrecy) and is a "
      "double's; ";
  assumes += withheld.empty()
                 ? "nobody sees who was invited, nor when a version was made: a round lasts as "
                   "long as its slowest hospital"
                 : "who is invited and who answers may be known, and depends on no patient";
  return {
      {"protects",
       "one hospital: its part in every sum, there or zero (add/remove); so all its patients "
       "together"},
      {"by", by},
      {"against",
       "other hospitals, and whoever reads versions or the released model; they see every version, "
       "and may know all settings and all other hospitals' data. Not against the server"},
      {"trusted",
       "the server, which sees every update and adds the noise; the wires to it; a hospital that "
       "sends more than it should is cut there"},
      {"assumes", assumes},
      {"guarantee", guarantee},
      {"spent", withheld.empty()
                    ? "the account of the versions made; no promise, and never paid back"
                    : "the account of the versions that the hospital was part of; no promise, "
                      "and never paid back"}};
}

Statement World::Impl::local_statement() const {
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  return {
      {"protects",
       "one hospital: all its data, or any other in their place (replace-one, which costs twice "
       "the noise of there-or-not)"},
      {"by",
       fmt::format("the hospital cuts its update to norm {:g} ({} clipping) and adds Gaussian "
                   "noise of {:.3f} times that to every value before it sends it; delta {:g}, "
                   "accountant {}",
                   terms.clip, spec.scenario.part("privacy")->text("clipping"),
                   privacy->noise_of(candidates.front()), terms.delta,
                   privacy::name_of(terms.accountant))},
      {"against",
       "everyone outside the hospital: server, other hospitals, whoever listens; they see every "
       "update and version, and may know all settings and all other hospitals' data"},
      {"trusted", "the hospital itself: its staff, its machines, the chance it draws"},
      {"assumes",
       "noise stays secret (here it follows from the seed, by ChaCha20: simulated secrecy) and is "
       "a double's; a patient of several hospitals pays the sum of what they spend"},
      {"guarantee", all_rounds() + "; being invited or not counts for nothing" + budget_text()},
      {"spent",
       "the account of the updates that were sent, whether or not they arrived; no promise, and "
       "never paid back"}};
}

Statement World::Impl::shares_statement() const {
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  const privacy::IntegerShares& shares = *terms.integer;
  const std::int64_t colluding = spec.scenario.part("privacy")->integer("colluding");
  const std::string told =
      colluding > 0 ? fmt::format(" ({} more may tell the server theirs)", colluding) : "";
  return {
      {"protects",
       "one hospital: its part in every sum, there or zero (add/remove); so all its patients "
       "together"},
      {"by",
       fmt::format(
           "each hospital cuts its update to norm {:g}, rounds it at random to a lattice of {:.4g} "
           "points per unit, adds integers of a {} law, and sends it into a secure sum; the shares "
           "of {:g} hospitals make noise of {:.3f} times the norm; delta {:g}, accountant rdp",
           terms.clip, shares.scale, shares.skellam ? "Skellam" : "discrete Gaussian",
           shares.expected, privacy->noise_of(candidates.front()), terms.delta)},
      {"against",
       "the server, which sees sums alone; other hospitals, whoever listens, and whoever reads the "
       "released model; they may know all settings and all other hospitals' data"},
      {"trusted",
       "the hospital itself; that others in its sums add their noise and do not tell it; the "
       "secure sum, against parties that follow the protocol"},
      {"assumes",
       fmt::format("noise stays secret (here it follows from the seed, by {}: simulated secrecy); "
                   "who answers may be known, and depends on no patient; a value that wraps around "
                   "the modulus is wrong, not unsafe",
                   shares.skellam ? "Philox, decided in double" : "ChaCha20, exact in integers")},
      {"guarantee",
       all_rounds() +
           fmt::format(", and for the noise of {:g} hospitals: fewer answers never unmask a sum{}; "
                       "being invited or not counts for nothing",
                       shares.least, told) +
           budget_text()},
      {"spent",
       "the account of the sums that the hospital was part of, each with the noise that arrived; "
       "no promise, and never paid back"}};
}

// Every use of data without noise.
std::string World::Impl::outside_epsilon() const {
  std::vector<std::string> outside{"preparing the data (standardised " +
                                   cohort->info().standardisation + ")"};
  const bool by_size = weight_rule(*spec.scenario.part("aggregation")).by_size;
  if (privacy->acts() == RunPrivacy::Acts::on_steps) {
    outside.emplace_back(by_size ? "rows of a hospital in its rate of coins and its weight"
                                 : "rows of a hospital in its rate of coins");
  } else {
    outside.emplace_back("rows of a hospital in the time that its training takes");
  }
  outside.emplace_back("all that is measured: metrics, thresholds, losses, references");
  const Part* stop = spec.scenario.part("stop");
  if (stop != nullptr && (stop->find("auroc") || stop->find("loss"))) {
    outside.emplace_back("the stop by a metric");
  }
  if (personal.layers && privacy->acts() == RunPrivacy::Acts::on_steps) {
    outside.emplace_back(
        "layers that a hospital without any fits to its rows before scoring, which stay there");
  } else if (personal.kind != PersonalRule::Kind::none) {
    outside.emplace_back(personal.layers
                             ? "a hospital's own layers, trained without noise, which stay there"
                             : "a hospital's own model, trained without noise, which stays there");
  }
  if (metric_read) outside.emplace_back("what the script read of metrics");
  if (spec.scenario.part("audit") != nullptr) outside.emplace_back("the audit, of the true rows");
  outside.emplace_back("settings that were chosen by earlier runs on the same data");
  return fmt::format("{}", fmt::join(outside, "; "));
}

Statement World::Impl::privacy_statement(std::int64_t rows_most) const {
  Statement text;
  switch (privacy->acts()) {
    case RunPrivacy::Acts::on_steps: text = step_statement(rows_most); break;
    case RunPrivacy::Acts::on_updates: text = local_statement(); break;
    case RunPrivacy::Acts::on_sums: text = sum_statement(); break;
    case RunPrivacy::Acts::on_shares: text = shares_statement(); break;
  }
  text.emplace_back("outside epsilon", outside_epsilon());
  return text;
}

// Whether anything is left of what hospitals have in common (the experimenter's view: neither norm
// is known to anybody in the world).
void World::Impl::add_sum_remarks(const PrivacyReport& report) {
  const std::int64_t lapses = privacy->rounds_decided_otherwise();
  if (lapses > 0) {
    result.remarks.push_back(fmt::format(
        "in {} rounds a hospital that was invited did not answer: what was spent there is "
        "accounted for without the coins",
        lapses));
  }
  if (privacy->acts() == RunPrivacy::Acts::on_shares) {
    const SecureAccount seen = protocol->secure_account();
    if (seen.wrapped > 0) {
      result.remarks.push_back(
          fmt::format("{} values of noised sums wrapped around the modulus", seen.wrapped));
    }
  }
  if (!report.sums || report.sums->releases == 0 || report.sums->noise_norm == 0) return;
  const PrivacyReport::Sums& sums = *report.sums;
  std::string text = fmt::format(
      "hospital-level noise: a version of {} values carries noise of norm {:.3g} over updates of "
      "{:.3g} "
      "({:.3g} if all agreed); {} versions add up to noise of {:.3g} over updates of {:.3g}: {}",
      shared_layout().size(), sums.noise_norm, sums.signal_norm, sums.clip_last, sums.releases,
      sums.noise_total, sums.signal_total,
      sums.signal_total < sums.noise_total ? "noise drowns the signal"
                                           : "the signal is above the noise");
  if (candidates.size() < 100) {
    text += fmt::format(
        ". With {} hospitals noise drowns all but small models: it falls with their number alone. "
        "privacy.record protects records inside each hospital instead",
        candidates.size());
  }
  result.remarks.push_back(std::move(text));
}

}  // namespace polyclinic
