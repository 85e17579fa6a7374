// What the generator states about itself: areas under the ROC curve that nobody can exceed.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/math.hpp"
#include "data/ehr.hpp"
#include "data/ehr_options.hpp"
#include "data/ehr_patient.hpp"

namespace polyclinic {

namespace {

using namespace ehr;

// A score with the weight of events and of non-events that have it.
struct Atom {
  double score;
  double events;
  double rest;
};

// P(score of an event > score of a non-event) + P(equal) / 2. Of a sample of patients, one is not
// compared with himself: that would pull small samples towards 1/2.
enum class Atoms : std::uint8_t { masses, patients };
double auroc(std::vector<Atom> atoms, Atoms what) {
  std::sort(atoms.begin(), atoms.end(),
            [](const Atom& a, const Atom& b) { return a.score < b.score; });
  double below = 0;
  double events = 0;
  double won = 0;
  double self = 0;
  for (const Atom& atom : atoms) {
    won += atom.events * (below + 0.5 * atom.rest);
    below += atom.rest;
    events += atom.events;
    self += atom.events * atom.rest;
  }
  if (what == Atoms::masses) self = 0;
  return (won - 0.5 * self) / (events * below - self);
}

// The law of the latent risk at a site: the linear risk is the RiskLaw plus a Gaussian, and the
// risk of each of the kinds of rows follows from it. Midpoint cells of the RiskLaw's step.
void add_latent(const Spec& spec, const EncounterLaw& law, double overlap, const SiteModel& site,
                std::vector<Atom>& atoms) {
  const double step = site.law.step;
  const auto reach = static_cast<std::ptrdiff_t>(7 * site.deviation / step) + 1;
  std::vector<double> kernel(static_cast<std::size_t>(2 * reach + 1));
  double sum = 0;
  for (std::ptrdiff_t i = -reach; i <= reach; ++i) {
    const double d = static_cast<double>(i) * step / site.deviation;
    sum += kernel[static_cast<std::size_t>(i + reach)] = math::exp(-0.5 * d * d);
  }
  std::vector<double> mass(site.law.mass.size() + kernel.size() - 1, 0.0);
  for (std::size_t i = 0; i < site.law.mass.size(); ++i) {
    if (site.law.mass[i] == 0) continue;
    for (std::size_t k = 0; k < kernel.size(); ++k) {
      mass[i + k] += site.law.mass[i] * kernel[k] / sum;
    }
  }

  // rows of patients of one hospital, of two at home, and of two away (EncounterLaw)
  const double home_mean = law.mean - overlap;
  const std::array<std::pair<double, double>, 3> kinds{{
      {law.last_plain, (1 - overlap) * home_mean / law.mean},
      {law.last_home, overlap * home_mean / law.mean},
      {law.last_away, overlap / law.mean},
  }};
  const std::size_t count = spec.outcome == Outcome::mortality && overlap > 0 ? 3 : 1;
  for (std::size_t kind = 0; kind < count; ++kind) {
    const double share = count == 1 ? 1 : kinds[kind].second;
    for (std::size_t i = 0; i < mass.size(); ++i) {
      const double x = site.law.low + step * (static_cast<double>(i) - static_cast<double>(reach));
      const double p = outcome_probability(x, 0, site.threshold, kinds[kind].first);
      const double w = share * mass[i];
      atoms.push_back({p, w * p, w * (1 - p)});
    }
  }
}

// A sample of a site's achievable risks: patients that no record holds.
std::vector<Atom> sample_achievable(const World& world, const SiteModel& site, std::int64_t first,
                                    std::int64_t rows) {
  std::vector<Atom> atoms;
  for (std::int64_t i = 0; i < rows; ++i) {
    const Person person = make_person(world, site.traits, first + i, false, {});
    const double p = make_encounter(world, site, person, 0).achievable_risk;
    atoms.push_back({p, p, 1 - p});
  }
  return atoms;
}

// Of the mean over batches.
double standard_error(const std::array<double, kOracleBatches>& values) {
  double mean = 0;
  for (const double v : values) mean += v / kOracleBatches;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / (kOracleBatches - 1) / kOracleBatches);
}

}  // namespace

// Because the risks are probabilities (each event happens with just that probability), a row counts
// as an event with weight p and as a non-event with 1 - p: no outcome needs to be drawn.
Oracle ehr_oracle(const Part& part, const CohortContext& context) {
  const Options options = read_options(part);
  const Spec& spec = options.spec;
  const Model model;
  const std::int64_t count = context.directory->count();
  const double overlap = count > 1 ? spec.overlap : 0;
  const EncounterLaw law = encounter_law(spec, count > 1);
  const World world{.model = &model,
                    .spec = &spec,
                    .encounters = &law,
                    .run = context.run,
                    .purpose = Purpose::kCohortGlobal,
                    .hospitals = count};
  const std::int64_t used = std::min<std::int64_t>(count, kOracleHospitals);
  const auto used_sites = static_cast<double>(used);
  const std::int64_t rows = std::max<std::int64_t>(kOracleRows / kOracleBatches / used, 2);

  Oracle oracle;
  std::vector<Atom> latent;
  std::array<std::vector<Atom>, kOracleBatches> batch_all;
  std::array<double, kOracleBatches> batch_within{};
  std::vector<Atom> all;
  const auto append = [](const std::vector<Atom>& from, double weight, std::vector<Atom>& to) {
    for (const Atom& a : from) to.push_back({a.score, weight * a.events, weight * a.rest});
  };
  for (std::int64_t i = 0; i < used; ++i) {
    const HospitalId hospital{static_cast<std::uint32_t>(i * count / used)};
    const SiteModel site =
        make_site_model(model, spec, law,
                        draw_traits(spec, law, context.run, context.directory->request(hospital)));
    const auto weight = static_cast<double>(site.traits.patients);
    std::vector<Atom> here;
    add_latent(spec, law, overlap, site, here);
    append(here, weight, latent);
    oracle.latent_auroc_within += auroc(std::move(here), Atoms::masses) / used_sites;
    std::vector<Atom> sample;
    for (int batch = 0; batch < kOracleBatches; ++batch) {
      check_stop(context.stop);
      const std::vector<Atom> part_of_it = sample_achievable(world, site, batch * rows, rows);
      append(part_of_it, 1, sample);
      append(part_of_it, weight, batch_all[batch]);
      batch_within[batch] += auroc(part_of_it, Atoms::patients) / used_sites;
    }
    append(sample, weight, all);
    oracle.achievable_auroc_within += auroc(std::move(sample), Atoms::patients) / used_sites;
  }
  oracle.latent_auroc = auroc(std::move(latent), Atoms::masses);
  oracle.achievable_auroc = auroc(std::move(all), Atoms::patients);

  std::array<double, kOracleBatches> batch_across{};
  for (int batch = 0; batch < kOracleBatches; ++batch) {
    batch_across[batch] = auroc(std::move(batch_all[batch]), Atoms::patients);
  }
  oracle.standard_error = std::max(standard_error(batch_across), standard_error(batch_within));
  return oracle;
}

}  // namespace polyclinic
