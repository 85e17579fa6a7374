// How an arm changes its base: field by field where both say the same thing, as a whole elsewhere.
#pragma once

#include "base/value.hpp"
#include "study/study_spec.hpp"

namespace polyclinic {

// The base with the given fields of `change` put over it. A part of the same kind and name as the
// base's merges in turn, its given fields alone; any other value replaces, an absent one removes.
// Strategies whose fields merged are rebuilt.
Part merge_part(const Part& base, const Part& change, const RebuildStrategy& rebuild);

// Whether `none` means something in this field of a scenario (deadline = none: no deadline) beside
// "not given".
bool none_is_a_value(std::string_view field);

// The given fields of an arm, as written: "aggregation = aggregation.median {}, rounds = 5".
// Leaves out `name`.
std::string changes_text(const Part& arm);

}  // namespace polyclinic
