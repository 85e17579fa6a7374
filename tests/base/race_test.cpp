// System: ThreadSanitizer and our workers. Input: a race planted in a child process. Expectation:
// the tsan build finds it, so that its silence elsewhere means something. Other builds skip.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/parallel.hpp"

namespace polyclinic {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kFoundExit = 66;  // what ThreadSanitizer ends a process with after a report
constexpr const char* kAsked = "POLYCLINIC_TEST_RACE";

// Only a program that was started anew can be relied on: in one that forks after it had threads,
// ThreadSanitizer no longer sees the child's.
TEST_CASE("a race in a child process" * doctest::skip()) {
  if (std::getenv(kAsked) == nullptr) return;
  int shared = 0;
  Workers workers(2);
  // each waits for the other, so that there are two threads however busy the machine is; relaxed
  // operations put nothing in order
  std::atomic<int> inside{0};
  workers.for_each(2, [&](std::size_t, int) {
    inside.fetch_add(1, std::memory_order_relaxed);
    while (inside.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
    ++shared;
  });
  CHECK(shared > 0);
}

TEST_CASE("a planted race is found") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    const bool quiet = nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0 &&
                       dup2(nowhere, STDERR_FILENO) >= 0 && setenv(kAsked, "1", 1) == 0;
    if (quiet) {
      execl("/proc/self/exe", "base_tests", "--test-case=a race in a child process", "--no-skip",
            static_cast<char*>(nullptr));
    }
    _exit(1);
  }
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
