// Chooses the kernels of this processor.
#pragma once

#include <string_view>

#include "learn/dense/kernels.hpp"

namespace polyclinic::dense {

// The widest kernels that this processor can run, or those that the environment variable
// POLYCLINIC_ISA (baseline, avx2, avx512) asks for. Chosen once per process; thread-safe.
// Throws ScenarioError when the variable names nothing known or nothing that this processor has.
const Kernels& kernels();

// The kernels of that name, or nullptr when it is unknown or this processor cannot run them.
const Kernels* find_kernels(std::string_view name);

// What kernels() would answer for a value of POLYCLINIC_ISA (nullptr: not set).
const Kernels& choose_kernels(const char* asked);

}  // namespace polyclinic::dense
