// cohort.ehr: generated tables like those of intensive care units, whose truth is known.
// docs/guide/cohort-ehr.md states the model.
#pragma once

#include <memory>
#include <vector>

#include "data/cohort.hpp"

namespace polyclinic {

// Builds the cohort that a resolved part `cohort.ehr { ... }` describes. Each hospital's data are a
// pure function of (run, hospital) and of what the directory says about it and its neighbours.
// Throws ScenarioError for combinations that make no sense.
std::unique_ptr<Cohort> make_ehr_cohort(const Part& part, const CohortContext& context);

// The schema of `cohort.ehr`.
std::vector<Schema> ehr_schemas();

// What the generator states about itself (science.md, rule 12), for the hospitals of the directory;
// beyond kOracleHospitals for that many, evenly spaced in order. For the true outcome, not the
// recorded label. The latent figures by numerical integration (error below 2e-4), the achievable
// ones from a sample of kOracleRows encounters that share no random number with any hospital's
// records; `standard_error` from kOracleBatches batches of it. About 0.2 s.
Oracle ehr_oracle(const Part& part, const CohortContext& context);
inline constexpr int kOracleHospitals = 64;
inline constexpr int kOracleRows = 40'000;
inline constexpr int kOracleBatches = 8;

}  // namespace polyclinic
