// Privacy of a run: what may be combined with it, its ledger, and what is reported.
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

// What gradients of single rows or patients cannot protect.
void World::Impl::check_private_steps(const Part& part) const {
  const std::string name = "privacy." + part.name;
  if (survival()) {
    throw spec.scenario.mistake(
        "privacy",
        name +
            " cannot protect a Cox model: its loss compares a patient with the others at risk, so "
            "no gradient belongs to one record and none can be cut",
        "use an outcome within a fixed time with model.logistic, or none");
  }
  if (model->layout()->has(Role::norm_statistic)) {
    throw spec.scenario.mistake(
        "privacy",
        name +
            " cannot protect batch normalisation: a row's values depend on the others of its "
            "batch, so no gradient belongs to one record, and running statistics would travel "
            "without noise",
        "model.mlp { norm = \"group\", groups = 4 } normalises every row by itself");
  }
  if (batch_order) {
    throw spec.scenario.mistake(
        "privacy",
        name +
            " draws the rows of every step by coins, training.order gives them an order: epsilon "
            "would be computed for a sampling that does not happen",
        "leave out one of them");
  }
  if (plan.control == TrainingPlan::Control::gradient) {
    throw spec.scenario.mistake("privacy",
                                name +
                                    " cannot protect control vectors that are gradients of all "
                                    "rows: they would be sent without cut and noise",
                                "SCAFFOLD's other option makes them from the noisy update: "
                                "objective.control_variates { update = \"difference\" }");
  }
  if (part.name != "patient") return;
  const auto has_rows = std::find_if(candidates.begin(), candidates.end(),
                                     [&](HospitalId id) { return cohort->train_rows(id) > 0; });
  if (has_rows == candidates.end() || !cohort->site(*has_rows)->train.patient.empty()) return;
  throw spec.scenario.mistake(
      "privacy", "privacy.patient needs to know whose rows are whose, and this cohort does not say",
      "name the column of patients (patient = column \"pid\"), or protect rows: privacy.record");
}

// What a sum of cut updates cannot be combined with.
void World::Impl::check_private_sums(const Part& part) const {
  const std::string name = "privacy." + part.name;
  if (plan.control != TrainingPlan::Control::none) {
    throw spec.scenario.mistake(
        "privacy",
        name +
            " covers the update alone, and this objective sends a control vector beside it, which "
            "would be a second release without cut and noise",
        "leave out one of the two");
  }
  if (part.name == "local_dp") return;
  const Part& protocol_part = *spec.scenario.part("protocol");
  if (protocol_part.name != "sync") {
    throw spec.scenario.mistake(
        "protocol",
        fmt::format("{} counts on rounds, in which a hospital is at most once in a sum that is "
                    "divided by a fixed number; protocol.{} has none",
                    name, protocol_part.name),
        "use protocol.sync, or noise every update by itself: privacy.local_dp");
  }
  const Part& rule = *spec.scenario.part("aggregation");
  if (rule.name != "mean" || has_pre(rule)) {
    throw spec.scenario.mistake(
        "aggregation",
        fmt::format("{} noises a sum of updates, aggregation.{}{} is no sum: one hospital may "
                    "change it by more than clip",
                    name, rule.name, has_pre(rule) ? " with pre" : ""),
        "leave it out, or noise every update by itself: privacy.local_dp allows any rule");
  }
  const bool sized = rule.given("weights") && rule.text("weights") == "size";
  if (sized || rule.given("max_share")) {
    throw rule.mistake(
        sized ? "weights" : "max_share",
        name +
            " cuts every update to the same norm and divides the sum by a fixed number: with "
            "weights by size the largest hospital would be protected by a fraction of the noise",
        "leave it out: all hospitals count alike");
  }
}

// Hospitals that a round is planned for: what a sum is divided by, fixed before the run.
double World::Impl::expected_participants() const {
  const Part chosen = selection_part(candidates.size());
  if (chosen.name == "poisson") {
    return chosen.number("rate") * static_cast<double>(candidates.size());
  }
  if (const auto target = round_target()) return static_cast<double>(*target);
  throw spec.scenario.mistake(
      "privacy",
      fmt::format("privacy.{} divides every sum by the number of hospitals that is expected, and "
                  "selection.{} does not say it",
                  spec.scenario.part("privacy")->name, chosen.name),
      "use selection.all, selection.uniform or selection.poisson");
}

// How the noise of a run's rounds goes together, or none where each round has its own.
std::optional<privacy::RoundNoisePlan> World::Impl::noise_over_rounds(const Part& part) const {
  const std::string& kind = part.text("over_rounds");
  for (const auto& [field, owner] : {std::pair{"bands", "banded"}, std::pair{"restart", "tree"}}) {
    if (part.given(field) && kind != owner) {
      throw part.mistake(field, fmt::format("'{}' belongs to over_rounds = \"{}\"", field, owner),
                         "leave it out");
    }
  }
  if (kind == "independent" && !part.given("separation")) return std::nullopt;
  if (part.text("clipping") == "adaptive") {
    throw part.mistake(
        "clipping",
        fmt::format("over_rounds = \"{}\" makes all rounds cost together, so all need "
                    "one bound; adaptive clipping moves it",
                    kind),
        "use fixed or per_layer");
  }
  const Part chosen = selection_part(candidates.size());
  privacy::RoundNoisePlan over;
  if (kind == "tree") over.kind = privacy::RoundNoiseKind::tree;
  if (kind == "banded") over.kind = privacy::RoundNoiseKind::banded;
  over.rounds = spec.scenario.integer("rounds");
  if (part.find("separation") != nullptr) {
    over.separation = part.integer("separation");
  } else if (chosen.name == "round_robin") {
    const auto hospitals = static_cast<std::int64_t>(candidates.size());
    over.separation = std::max<std::int64_t>(1, hospitals / *round_target());
  }
  if (over.separation > 1 && chosen.name == "all") {
    throw part.mistake("separation",
                       fmt::format("selection.all invites every hospital to every round, and each "
                                   "would rest for {} of {}",
                                   over.separation - 1, over.separation),
                       "use selection.round_robin or selection.uniform");
  }
  over.bands = part.find("bands") != nullptr ? part.integer("bands") : over.separation;
  if (part.find("restart") != nullptr) over.restart = part.integer("restart");
  return over;
}

// Why being invited by chance makes nothing safer here, or "" where it does.
std::string World::Impl::amplification_withheld() const {
  const Part& privacy_part = *spec.scenario.part("privacy");
  if (privacy_part.name == "hospital" && noise_over_rounds(privacy_part)) {
    return "all rounds are accounted for at once";
  }
  const Part chosen = selection_part(candidates.size());
  if (chosen.name == "all") return "every hospital is invited to every round";
  if (chosen.name == "round_robin") return "everybody knows whose turn it is";
  if (chosen.name != "poisson") {
    return "a round invites a fixed number of hospitals: to leave one out lets in another, which "
           "is no neighbour of this account (selection.poisson tosses a coin for each)";
  }
  const SyncOptions sync = sync_options();
  if (sync.deadline != kNever) return "the deadline decides, too, who takes part";
  if (sync.over_selection > 1) return "the quickest of those invited take part, not the chosen";
  if (sync.minimum_replies) {
    return "minimum_replies makes a round fail that too few answer, which shows how many came";
  }
  if (spec.scenario.part("stragglers") != nullptr) return "stragglers decide, too, who takes part";
  for (const HospitalId id : candidates) {
    const HospitalProfile profile = population->profile(id);
    const Part* habit = profile.availability.part();
    const List* habits = profile.availability.get_if<List>();
    const bool always = habit != nullptr ? habit->name == "always" : !habits || habits->empty();
    if (!always) return "hospitals that are down decide, too, who takes part";
    if (profile.loss > 0) return "messages that are lost decide, too, who takes part";
  }
  return "";
}

CentralTerms World::Impl::central_terms(const Part& part) const {
  CentralTerms terms;
  terms.cut.clip = part.number("clip");
  terms.cut.per_layer = part.text("clipping") == "per_layer";
  terms.adaptive = part.text("clipping") == "adaptive";
  terms.expected = central.expected;
  terms.noise = privacy->noise_of(candidates.front());
  terms.correlated = privacy->ledger().terms().correlated;
  terms.quantile = part.number("quantile");
  terms.adapt_rate = part.number("adapt_rate");
  terms.count_noise = part.find("count_noise") ? part.number("count_noise")
                                               : std::max(terms.expected / 20, terms.noise);
  if (terms.adaptive && terms.noise >= 2 * terms.count_noise) {
    throw part.mistake(
        "count_noise",
        fmt::format("'count_noise' is {:g}, and twice that is not above the noise of {:g}: the "
                    "count alone would cost more than all may",
                    terms.count_noise, terms.noise),
        "more count_noise, or leave it out");
  }
  return terms;
}

// Where whole updates are protected: by whom, and how many of them make a sum.
void World::Impl::plan_private_sums(const Part& part, RunPrivacy::Setup& setup) {
  const Part* secure = spec.scenario.part("secure");
  if (part.name == "local_dp") {
    setup.acts = RunPrivacy::Acts::on_updates;
    setup.terms.adjacency = privacy::Adjacency::replace_one;
    return;
  }
  central.expected = expected_participants();
  if (part.name == "hospital") {
    setup.acts = RunPrivacy::Acts::on_sums;
    setup.terms.correlated = noise_over_rounds(part);
    if (secure != nullptr) {
      throw spec.scenario.mistake("secure",
                                  "privacy.hospital lets the server cut every update, which it "
                                  "does not see under a secure sum",
                                  "leave out secure, or let hospitals noise: privacy.distributed");
    }
    if (amplification_withheld().empty()) {
      setup.rate = selection_part(candidates.size()).number("rate");
    }
    return;
  }
  setup.acts = RunPrivacy::Acts::on_shares;
  setup.colluding = part.integer("colluding");
  setup.terms.integer = integer_shares(part, secure);
}

// The least number of honest hospitals whose sum is ever seen decides what can be promised.
privacy::IntegerShares World::Impl::integer_shares(const Part& part, const Part* secure) const {
  if (secure == nullptr) {
    throw spec.scenario.mistake(
        "privacy",
        "privacy.distributed hides an update behind the noise of all hospitals, and without a "
        "secure sum the server sees each with its own little share",
        "add secure = secure.pairwise {}, or let each hospital add all its noise: "
        "privacy.local_dp");
  }
  if (selection_part(candidates.size()).name == "poisson") {
    throw spec.scenario.mistake(
        "selection",
        "privacy.distributed promises what the fewest hospitals of a sum can hide, and "
        "selection.poisson may invite two",
        "use selection.all or selection.uniform");
  }
  if (secure->given("clip")) {
    throw secure->mistake("clip",
                          "'clip' holds single values, and privacy.distributed cuts whole updates",
                          "leave it out: the clip of privacy.distributed sets the lattice");
  }
  const SyncOptions sync = sync_options();
  const auto target = static_cast<std::size_t>(central.expected);
  const std::size_t two_thirds = (2 * target + 2) / 3;
  const std::size_t minimum = sync.minimum_replies
                                  ? static_cast<std::size_t>(*sync.minimum_replies)
                                  : std::min(target, std::max<std::size_t>(2, two_thirds));
  const std::size_t fewest = std::max(secure_threshold(secure_rule(*secure), target), minimum);
  const auto colluding = static_cast<std::size_t>(part.integer("colluding"));
  if (colluding >= fewest) {
    throw part.mistake("colluding",
                       fmt::format("a sum of {} hospitals may be seen, and {} of them may tell "
                                   "their noise: none would be left",
                                   fewest, colluding),
                       "a higher threshold of the secure sum, or fewer");
  }
  SecureRule rule = secure_rule(*secure);
  rule.noise = SharedNoise{.clip = part.number("clip")};
  privacy::IntegerShares shares;
  shares.skellam = part.text("mechanism") == "skellam";
  shares.scale = rule.scale();
  shares.dim = static_cast<double>(shared_layout().size());
  shares.expected = central.expected;
  shares.least = static_cast<double>(fewest - colluding);
  return shares;
}

// What the secure sum of a round does with it. After pages are open.
SharedNoise World::Impl::shared_noise() const {
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  return {.clip = terms.clip,
          .noise = privacy->noise_of(candidates.front()),
          .expected = central.expected,
          .skellam = terms.integer->skellam};
}

void World::Impl::build_privacy() {
  const Part* part = spec.scenario.part("privacy");
  if (part == nullptr) return;
  RunPrivacy::Setup setup;
  setup.terms = privacy::ledger_terms(*part);
  setup.plan = &plan;
  setup.cohort = cohort.get();
  setup.hospitals = static_cast<std::int64_t>(candidates.size());
  setup.trainings = spec.scenario.integer("rounds");
  if (part->name == "record" || part->name == "patient") {
    check_private_steps(*part);
    plan.privacy.clip = setup.terms.clip;
    plan.privacy.patients = part->name == "patient";
    if (plan.privacy.patients) {
      setup.terms.unit = "patient";
      setup.terms.others = "patients of a hospital";
    }
  } else {
    check_private_sums(*part);
    setup.terms.unit = "hospital";
    setup.terms.others = "hospitals";
    plan_private_sums(*part, setup);
  }
  privacy = std::make_unique<RunPrivacy>(setup);
}

// What cannot be kept is found out before the run.
void World::Impl::open_pages() {
  if (!privacy) return;
  for (std::size_t i = 0; i < std::min(candidates.size(), kOpenedFirst); ++i) {
    privacy->open(candidates[i], cohort->train_rows(candidates[i]));
  }
}

bool World::Impl::all_spent() const {
  if (!privacy) return false;
  const auto& pages = privacy->ledger().pages();
  if (privacy->amplified()) {
    // all pay for every round, and a round that nobody is invited to costs, too
    return std::any_of(pages.begin(), pages.end(), [](const auto& entry) {
      const privacy::LedgerPage& page = entry.second;
      return page.steps_allowed < page.steps_planned && page.steps >= page.steps_allowed;
    });
  }
  return std::all_of(candidates.begin(), candidates.end(), [&](HospitalId id) {
    const auto it = pages.find(id);
    if (it == pages.end()) return false;
    return it->second.stopped || it->second.terms.rows == 0;
  });
}

// What happened to the coins of a round: an invited hospital that did not answer was no matter of
// chance alone.
void World::Impl::watch_selection(const RoundClosed& closed) {
  if (!privacy || !privacy->amplified() || closed.failed) return;
  if (closed.aggregated < closed.invited) privacy->decided_otherwise(closed.round);
}

PrivacyAccount World::Impl::account_of(HospitalId id, const privacy::LedgerPage& page) {
  privacy::Ledger& ledger = privacy->ledger();
  PrivacyAccount account;
  account.hospital = id;
  account.name = population->name(id);
  account.rows = page.terms.rows;
  account.rate = page.terms.rate;
  account.noise = page.noise;
  account.steps_planned = page.steps_planned;
  account.steps = page.steps;
  account.guarantee = page.guarantee;
  account.spent = ledger.spent(page);
  account.stopped = page.stopped;
  // a transform for every training would take longer than the run
  const bool quick = ledger.terms().accountant == privacy::Accountant::rdp;
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const privacy::LedgerEntry& entry = page.entries[i];
    steps += entry.steps;
    const bool told = quick || steps == page.steps;
    const double epsilon =
        told ? ledger.spent(page, i + 1) : std::numeric_limits<double>::quiet_NaN();
    account.entries.push_back({entry.at, entry.round, steps, epsilon});
  }
  return account;
}

void World::Impl::fill_privacy() {
  if (!privacy) return;
  const privacy::LedgerTerms& terms = privacy->ledger().terms();
  PrivacyReport report;
  report.unit = terms.unit;
  report.adjacency = privacy::name_of(terms.adjacency);
  report.accountant = privacy::name_of(terms.accountant);
  report.delta = terms.delta;
  report.clip = terms.clip;
  std::int64_t rows_most = 1;
  bool violated = false;
  for (const auto& [id, page] : privacy->ledger().pages()) {
    PrivacyAccount account = account_of(id, page);
    if (const SitePtr site = cohort->site_at_hand(id)) {
      rows_most = std::max(rows_most, rows_of_a_patient(site->train));
    }
    violated = violated || account.spent > account.guarantee * (1 + 1e-9);
    fingerprint.results.number(account.guarantee);
    fingerprint.results.number(account.spent);
    report.hospitals.push_back(std::move(account));
  }
  report.statement = privacy_statement(rows_most);
  if (noisy_sum != nullptr) {
    const CentralSeen& seen = noisy_sum->seen();
    const double n = static_cast<double>(std::max<std::int64_t>(seen.releases, 1));
    report.sums = {seen.releases,  central.expected,  seen.signal / n, seen.noise / n,
                   seen.clip_last, seen.signal_total, seen.noise_total};
  } else if (privacy->acts() == RunPrivacy::Acts::on_shares) {
    const SecureAccount seen = protocol->secure_account();
    const double n = static_cast<double>(std::max<std::int64_t>(seen.sums, 1));
    report.sums = {seen.sums,  central.expected,  seen.signal / n, seen.noise_norm / n,
                   terms.clip, seen.signal_total, seen.noise_total};
  }
  if (!result.baselines.empty()) {
    result.remarks.push_back("the references were trained without privacy");
  }
  if (terms.noise == 0.0) {
    result.remarks.push_back(fmt::format("privacy.{} has no noise: nothing is guaranteed",
                                         spec.scenario.part("privacy")->name));
  }
  if (violated) {
    result.remarks.push_back(
        "a hospital spent more than was guaranteed: the guarantee does not hold for this run");
  }
  add_sum_remarks(report);
  result.privacy = std::move(report);
}

}  // namespace polyclinic
