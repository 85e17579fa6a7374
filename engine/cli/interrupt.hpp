// Ctrl-C and the like: ends the program at once while there is nothing to keep, and asks a running
// world to end otherwise.
#pragma once

#include <atomic>

namespace polyclinic {

// Installs handlers for SIGINT, SIGTERM and SIGHUP; a full file becomes an error of writing, not a
// signal. Once per process.
void install_signal_handlers();

// Set by a signal while results are being kept.
const std::atomic<bool>& interrupt_flag();

// While one of these lives a first signal sets the flag and a second ends the program; otherwise
// the first does, with exit code 130. At most one at a time.
class KeepResults {
 public:
  KeepResults();
  ~KeepResults();
  KeepResults(const KeepResults&) = delete;
  KeepResults& operator=(const KeepResults&) = delete;
};

}  // namespace polyclinic
