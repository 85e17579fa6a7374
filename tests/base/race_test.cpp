// System: ThreadSanitizer and our workers. Input: a race planted in a child process. Expectation: the
// tsan build finds it, so that its silence elsewhere means something. Other builds skip.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/parallel.hpp"

namespace polyclinic {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kFoundExit = 66;  // what ThreadSanitizer ends a process with after a report

[[noreturn]] void race() {
  std::freopen("/dev/null", "w", stderr);
  int shared = 0;
  Workers workers(2);
  workers.for_each(10'000, [&](std::size_t, int) { ++shared; });
  std::exit(shared < 0 ? 1 : 0);
}

TEST_CASE("a planted race is found") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) race();
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == kFoundExit);
}
#else
TEST_CASE("a planted race is found (only in the tsan preset)" * doctest::skip()) {}
#endif

}  // namespace
}  // namespace polyclinic
