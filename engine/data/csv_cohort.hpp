// cohort.csv: hospitals from tables of comma-separated values.
#pragma once

#include <memory>

#include "data/cohort.hpp"

namespace polyclinic {

// Reads the files of a resolved part `cohort.csv`; every mistake in them is found here. The table
// stays in memory; sites are prepared when they are asked for and kept up to context.cache_bytes.
std::unique_ptr<Cohort> make_csv_cohort(const Part& part, const CohortContext& context);

}  // namespace polyclinic
