// The part `cohort.ehr { ... }` as the generator uses it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "data/ehr_site.hpp"
#include "data/preparation.hpp"
#include "data/split.hpp"

namespace polyclinic::ehr {

struct Options {
  Spec spec;
  PreparationPlan preparation;
  SplitShares shares;
  bool logarithms = true;      // right-skewed values are given as logarithms
  std::set<std::string> drop;  // names of columns that the record does not hold
};

// REQUIRES: the part is resolved. Throws ScenarioError.
Options read_options(const Part& part);

// Names of all columns, as `drop` knows them, in order.
std::vector<std::string> column_names();

// The columns of the table that the options ask for.
std::vector<RawColumn> raw_columns(const Options& options);

}  // namespace polyclinic::ehr
