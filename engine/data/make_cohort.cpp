#include "base/check.hpp"
#include "data/cohort.hpp"
#include "data/csv_cohort.hpp"
#include "data/ehr.hpp"
#include "data/synthetic.hpp"

namespace polyclinic {

std::unique_ptr<Cohort> make_cohort(const Part& part, const CohortContext& context) {
  if (part.name == "csv") return make_csv_cohort(part, context);
  if (part.name == "ehr") return make_ehr_cohort(part, context);
  if (part.name == "synthetic") return make_synthetic_cohort(part, context);
  ENSURE(false, "every cohort.* of the schemas is made here");
}

}  // namespace polyclinic
