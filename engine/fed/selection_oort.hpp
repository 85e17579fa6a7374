// Oort: hospitals whose data still teach the model most, and whose machines are quick enough (Lai
// et al. 2021, Oort: Efficient Federated Learning via Guided Participant Selection, OSDI).
#pragma once

#include <memory>

#include "fed/parts.hpp"

namespace polyclinic {

// Of a resolved part selection.oort. facts: speed_flops.
std::unique_ptr<Selection> make_oort(const Part& part, SelectionFacts facts);

}  // namespace polyclinic
