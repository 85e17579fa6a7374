#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace polyclinic {

void ensure_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr,
               "polyclinic: this is a bug in Polyclinic, not in your scenario: %s\n  %s:%d: %s\n",
               why, file, line, condition);
  std::abort();
}

}  // namespace polyclinic
