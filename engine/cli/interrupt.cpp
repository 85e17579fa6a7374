#include "cli/interrupt.hpp"

#include <unistd.h>

#include <csignal>

#include "cli/cli.hpp"

namespace polyclinic {

namespace {

// The only global state of the program, since signals have no other.
std::atomic<bool> interrupted{false};
std::atomic<bool> keeping{false};  // there is a run whose results are to be kept
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch them");

void on_signal(int) {
  if (keeping.load() && !interrupted.exchange(true)) return;
  _exit(static_cast<int>(Exit::interrupted));
}

}  // namespace

void install_signal_handlers() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGHUP, on_signal);
  std::signal(SIGXFSZ, SIG_IGN);
}

const std::atomic<bool>& interrupt_flag() {
  return interrupted;
}

KeepResults::KeepResults() {
  keeping = true;
}

KeepResults::~KeepResults() {
  keeping = false;
}

}  // namespace polyclinic
