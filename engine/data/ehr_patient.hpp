// Patients of cohort.ehr and their encounters, each at an address of its own.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/ehr_site.hpp"
#include "data/split.hpp"

namespace polyclinic::ehr {

// Hospitals beside a hospital on the ring of all of them: its two neighbours on each side. Patients
// who are seen twice are seen at one of them. Empty for a single hospital.
std::vector<HospitalId> neighbours(HospitalId hospital, std::int64_t count);

// Where addresses begin: records and the oracle's sample never share a number.
struct World {
  const Model* model = nullptr;
  const Spec* spec = nullptr;
  const EncounterLaw* encounters = nullptr;
  RunKey run;
  Purpose purpose = Purpose::kCohort;
  std::int64_t hospitals = 0;
};

// Someone whose home is one hospital. What holds for all encounters.
struct Person {
  std::int64_t id = 0;  // home * 2^32 + index
  Known known;          // but for the urgency of admission
  std::array<double, kConditions> condition_probability{};
  std::array<bool, kConditions> condition{};
  Factors personal{};                   // lasting part of the factors, in units of their sd
  double height = 0;                    // cm
  double weight = 0;                    // kg
  std::vector<double> day;              // of each encounter, increasing
  bool overlaps = false;                // is seen at a second hospital
  HospitalId second;                    // that hospital
  std::size_t away = 0;                 // the encounter that is there
  SplitPart split = SplitPart::unused;  // decided for those who are seen at two hospitals
};

// How many patients of a hospital are seen at a second one: those with the lowest indices.
std::int64_t overlapping(const World& world, const Traits& home);
// REQUIRES: 0 <= index < home.patients; overlaps says whether index < overlapping(world, home).
Person make_person(const World& world, const Traits& home, std::int64_t index, bool overlaps,
                   const SplitShares& shares);

// One stay at a hospital, before anything is missing, rounded or miscoded, and what of it is
// recorded.
struct Encounter {
  Known known;
  double day = 0;
  std::array<double, kMeasurements> t{};  // standardised, as a perfect instrument would read
  std::array<bool, kMaybeMissing> measured{};
  std::array<bool, kConditions> coded{};
  std::size_t ecg = 0;
  double latent_risk = 0;
  double achievable_risk = 0;
  bool outcome = false;
  bool recorded = false;  // label
};
// The k-th encounter of a person, at this hospital (home or second).
Encounter make_encounter(const World& world, const SiteModel& site, const Person& person,
                         std::size_t k);

// Share of a row's kind that is the last of its patient (EncounterLaw).
double last_share(const EncounterLaw& law, const Person& person, std::size_t k);

}  // namespace polyclinic::ehr
