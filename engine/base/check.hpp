// Checks of our own invariants. A failure is a bug of Polyclinic, never the user's mistake.
// They are named ENSURE, not CHECK, because the test library owns that word.
#pragma once

namespace polyclinic {

// Prints the broken invariant with its place and aborts.
[[noreturn]] void ensure_failed(const char* condition, const char* why, const char* file, int line);

}  // namespace polyclinic

#define ENSURE(condition, why)                                          \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::polyclinic::ensure_failed(#condition, why, __FILE__, __LINE__); \
  } while (false)

// For inner loops: on in debug and sanitizer builds only.
#ifdef NDEBUG
#define DENSURE(condition, why) static_cast<void>(0)
#else
#define DENSURE(condition, why) ENSURE(condition, why)
#endif
