#include "learn/dense/dispatch.hpp"

#include <cstdlib>
#include <string>

#include "base/error.hpp"

namespace polyclinic::dense {
namespace {

// CPUID says what the processor has and XCR0 whether the kernel saves the wide registers; GCC's
// builtin asks both
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

const Kernels* find_kernels(std::string_view name) {
  if (name == "baseline") return &kBaselineKernels;
  if (name == "avx2" && has_avx2()) return &kAvx2Kernels;
  if (name == "avx512" && has_avx512()) return &kAvx512Kernels;
  return nullptr;
}

const Kernels& choose_kernels(const char* asked) {
  if (asked != nullptr && *asked != '\0') {
    if (const Kernels* found = find_kernels(asked)) return *found;
    const std::string_view name = asked;
    const bool known = name == "avx2" || name == "avx512";
    throw ScenarioError(
        {},
        "POLYCLINIC_ISA=" + std::string(name) +
            (known ? ": this processor does not have it" : " is no instruction set"),
        "it is one of baseline, avx2, avx512; unset, the widest of this processor is used");
  }
  for (const char* name : {"avx512", "avx2"}) {
    if (const Kernels* found = find_kernels(name)) return *found;
  }
  return kBaselineKernels;
}

const Kernels& kernels() {
  // a constant table chosen once: no state that two simulations could share by mistake
  static const Kernels& chosen = choose_kernels(std::getenv("POLYCLINIC_ISA"));
  return chosen;
}

}  // namespace polyclinic::dense
