#include "base/check.hpp"
#include "data/cohort.hpp"
#include "data/csv_cohort.hpp"
#include "data/ehr.hpp"
#include "data/synthetic.hpp"

namespace polyclinic {

namespace {

std::vector<SiteAt> all_now(const Cohort& cohort, std::span<const HospitalId> hospitals) {
  std::vector<SiteAt> sites;
  sites.reserve(hospitals.size());
  for (const HospitalId hospital : hospitals) sites.push_back(cohort.now(hospital));
  return sites;
}

}  // namespace

SitePtr Cohort::pooled(std::span<const HospitalId> hospitals) const {
  return pooled_at(all_now(*this, hospitals));
}

SitePtr Cohort::site_as_pooled(HospitalId hospital, std::span<const HospitalId> hospitals) const {
  return site_as_pooled_at(now(hospital), all_now(*this, hospitals));
}

std::unique_ptr<Cohort> make_cohort(const Part& part, const CohortContext& context) {
  if (part.name == "csv") return make_csv_cohort(part, context);
  if (part.name == "ehr") return make_ehr_cohort(part, context);
  if (part.name == "synthetic") return make_synthetic_cohort(part, context);
  ENSURE(false, "every cohort.* of the schemas is made here");
}

}  // namespace polyclinic
