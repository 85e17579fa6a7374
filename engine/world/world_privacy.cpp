// Record-level privacy of a run: what may be combined with it, its ledger, and what it says.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fed/weights.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

// Hospitals whose noise is solved before the run; the others' when they are invited.
constexpr std::size_t kOpenedFirst = 64;

// Most training rows of one patient.
std::int64_t rows_of_a_patient(const Dataset& data) {
  std::vector<std::int64_t> ids(data.patient.begin(), data.patient.end());
  std::sort(ids.begin(), ids.end());
  std::int64_t most = data.rows > 0 ? 1 : 0;
  std::int64_t run = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    run = i > 0 && ids[i] == ids[i - 1] ? run + 1 : 1;
    most = std::max(most, run);
  }
  return most;
}

}  // namespace

void World::Impl::build_privacy() {
  const Part* part = spec.scenario.part("privacy");
  if (part == nullptr) return;
  if (survival()) {
    throw spec.scenario.mistake(
        "privacy",
        "privacy.record cannot protect a Cox model: its loss compares a patient with the others at "
        "risk, so no gradient belongs to one record and none can be cut",
        "use an outcome within a fixed time with model.logistic, or none");
  }
  if (batch_order) {
    throw spec.scenario.mistake(
        "privacy",
        "privacy.record draws the rows of every step by coins, training.order gives them an order: "
        "epsilon would be computed for a sampling that does not happen",
        "leave out one of them");
  }
  if (plan.control == TrainingPlan::Control::gradient) {
    throw spec.scenario.mistake("privacy",
                                "privacy.record cannot protect control vectors that are gradients "
                                "of all rows: they would be "
                                "sent without cut and noise",
                                "SCAFFOLD's other option makes them from the noisy update: "
                                "objective.control_variates { update = \"difference\" }");
  }
  ledger = std::make_unique<privacy::Ledger>(privacy::record_terms(*part));
  plan.privacy.clip = ledger->terms().clip;
}

// What cannot be kept is found out before the run.
void World::Impl::open_pages() {
  if (!ledger) return;
  const std::int64_t rounds = trainings_planned();
  for (std::size_t i = 0; i < std::min(candidates.size(), kOpenedFirst); ++i) {
    const std::int64_t rows = cohort->train_rows(candidates[i]);
    ledger->open(candidates[i], hospital_terms(plan, rows, rounds));
  }
}

bool World::Impl::all_spent() const {
  if (!ledger) return false;
  return std::all_of(candidates.begin(), candidates.end(), [&](HospitalId id) {
    const auto it = ledger->pages().find(id);
    if (it == ledger->pages().end()) return false;
    return it->second.stopped || it->second.terms.rows == 0;
  });
}

std::vector<std::pair<std::string, std::string>> World::Impl::privacy_statement(
    std::int64_t rows_most) const {
  const privacy::RecordTerms& terms = ledger->terms();
  std::vector<std::pair<std::string, std::string>> text;
  const auto say = [&](const char* heading, std::string sentence) {
    text.emplace_back(heading, std::move(sentence));
  };
  std::string unit = "one record: a row of a hospital's training data, there or not (add/remove)";
  if (rows_most > 1) {
    unit += fmt::format(
        "; a patient has up to {} rows, and less is guaranteed to patients with "
        "several",
        rows_most);
  }
  say("protects", unit);
  say("by",
      fmt::format("DP-SGD: each step takes each row by a coin, cuts its gradient to norm {:g}, "
                  "adds Gaussian noise to the sum and divides by the rows expected; delta "
                  "{:g}, accountant {}",
                  terms.clip, terms.delta, privacy::name_of(terms.accountant)));
  say("against",
      "everyone outside the hospital: server, other hospitals, whoever listens or reads "
      "the released model; they see every update and version, and may know all settings "
      "and all other records");
  say("trusted", "the hospital itself: its staff, its machines, the chance it draws");
  say("assumes",
      "coins and noise stay secret (here they follow from the seed, by Philox and "
      "ChaCha20: simulated secrecy); noise is a float's; a patient of several hospitals "
      "pays the sum of what they spend");
  std::string guarantee = fmt::format(
      "fixed before the run, for all {} {}; being invited or not counts for nothing",
      trainings_planned(), asynchronous() ? "trainings that a hospital is meant to do" : "rounds");
  if (terms.epsilon && terms.noise) {
    guarantee += fmt::format("; a hospital stops before epsilon {:g} is passed", *terms.epsilon);
  }
  say("guarantee", guarantee);
  say("spent",
      "the account of the steps that ran, whether or not the update was heard; no promise, "
      "and never paid back");
  std::vector<std::string> outside{"preparing the data (standardised " +
                                   cohort->info().standardisation + ")"};
  const bool by_size = weight_rule(*spec.scenario.part("aggregation")).by_size;
  outside.emplace_back(by_size ? "rows of a hospital in its rate of coins and its weight"
                               : "rows of a hospital in its rate of coins");
  outside.emplace_back("all that is measured: metrics, thresholds, losses, references");
  const Part* stop = spec.scenario.part("stop");
  if (stop != nullptr && (stop->find("auroc") || stop->find("loss"))) {
    outside.emplace_back("the stop by a metric");
  }
  if (personal.kind != PersonalRule::Kind::none) {
    outside.emplace_back("a hospital's own model, trained without noise, which stays there");
  }
  if (metric_read) outside.emplace_back("what the script read of metrics");
  outside.emplace_back("settings that were chosen by earlier runs on the same data");
  say("outside epsilon", fmt::format("{}", fmt::join(outside, "; ")));
  return text;
}

void World::Impl::fill_privacy() {
  if (!ledger) return;
  PrivacyReport report;
  report.unit = "record";
  report.adjacency = privacy::name_of(privacy::Adjacency::add_remove);
  report.accountant = privacy::name_of(ledger->terms().accountant);
  report.delta = ledger->terms().delta;
  report.clip = ledger->terms().clip;
  std::int64_t rows_most = 1;
  for (const auto& [id, page] : ledger->pages()) {
    PrivacyAccount account;
    account.hospital = id;
    account.name = population->name(id);
    account.rows = page.terms.rows;
    account.rate = page.terms.rate;
    account.noise = page.noise;
    account.steps_planned = page.steps_planned;
    account.steps = page.steps;
    account.guarantee = page.guarantee;
    account.spent = ledger->epsilon(page, page.steps);
    account.stopped = page.stopped;
    // a transform for every training would take longer than the run
    const bool quick = ledger->terms().accountant == privacy::Accountant::rdp;
    std::int64_t steps = 0;
    for (const privacy::LedgerEntry& entry : page.entries) {
      steps += entry.steps;
      const bool told = quick || steps == page.steps;
      const double epsilon =
          told ? ledger->epsilon(page, steps) : std::numeric_limits<double>::quiet_NaN();
      account.entries.push_back({entry.at, entry.round, steps, epsilon});
    }
    if (const SitePtr site = cohort->site_at_hand(id)) {
      rows_most = std::max(rows_most, rows_of_a_patient(site->train));
    }
    fingerprint.results.number(account.guarantee);
    fingerprint.results.number(account.spent);
    report.hospitals.push_back(std::move(account));
  }
  report.statement = privacy_statement(rows_most);
  if (!result.baselines.empty()) {
    result.remarks.push_back("the references were trained without privacy");
  }
  if (ledger->terms().noise == 0.0) {
    result.remarks.push_back("privacy.record has no noise: nothing is guaranteed");
  }
  result.privacy = std::move(report);
}

}  // namespace polyclinic
