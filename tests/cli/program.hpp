// Runs the program as a user does and keeps what it printed.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>  // NOLINT: kill, too
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "../temporary_folder.hpp"

namespace polyclinic::test {

// The program's working folder.
using Folder = TemporaryFolder;

struct Outcome {
  int exit = -1;  // -signal when it was killed
  std::string out;
  std::string error;
  double seconds_after_signal = 0;
};

// What happens to the program while it runs.
struct Disturbance {
  int signal = 0;
  std::function<bool()> when;             // polled every 2 ms
  std::string stdout_path;                // instead of a file
  rlim_t file_bytes_max = RLIM_INFINITY;  // what is longer cannot be written: a full disk
};

// Whether the run whose results go there has committed rounds: its log is longer than the making of
// the tables alone leaves it.
inline bool keeps_rounds(const Folder& folder, const std::string& out) {
  const std::string log = out + "/results.sqlite-wal";
  return folder.has(log) && std::filesystem::file_size(folder.path(log)) > 1'000'000;
}

// Runs `polyclinic ARGUMENTS` in the folder.
inline Outcome run(const Folder& folder, std::vector<std::string> arguments,
                   const Disturbance& disturbance = {}) {
  using Clock = std::chrono::steady_clock;
  const std::string out =
      disturbance.stdout_path.empty() ? folder.path(".stdout") : disturbance.stdout_path;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    arguments.insert(arguments.begin(), "polyclinic");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const bool ready =
        chdir(folder.path("").c_str()) == 0 &&
        dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO) >= 0 &&
        dup2(open(".stderr", O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO) >= 0;
    if (disturbance.file_bytes_max != RLIM_INFINITY) {
      const rlimit small{disturbance.file_bytes_max, disturbance.file_bytes_max};
      setrlimit(RLIMIT_FSIZE, &small);
      signal(SIGXFSZ, SIG_IGN);
    }
    if (ready) execv(POLYCLINIC_PROGRAM, argv.data());
    _exit(127);
  }
  Outcome outcome;
  Clock::time_point signalled = Clock::now();
  if (disturbance.signal != 0) {
    // half a minute at most, should what is waited for never come
    for (int i = 0; i < 15'000 && !disturbance.when(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    signalled = Clock::now();
    kill(child, disturbance.signal);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  outcome.seconds_after_signal = std::chrono::duration<double>(Clock::now() - signalled).count();
  outcome.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  if (disturbance.stdout_path.empty()) outcome.out = folder.read(".stdout");
  outcome.error = folder.read(".stderr");
  return outcome;
}

// A federation that takes a few hundredths of a second.
inline constexpr const char* kSmall = R"LUA(-- Three hospitals, quickly.
local p = params { rounds = 4, fail = 0 }
return scenario {
  title = "Three hospitals",
  hospitals = hospitals { names = { "Lyon", "Oslo", "Graz" }, patients = 400 },
  cohort = cohort.ehr {},
  model = model.logistic {},
  rounds = p.rounds,
  baselines = p.fail == 0,
  timeline = {
    at(from_version(2), function(world)
      world:note("version %d", world.version)
      if p.fail == 1 then error("as asked") end
    end),
  },
}
)LUA";

// One that would take minutes.
inline constexpr const char* kLong = R"LUA(
return scenario {
  title = "Long",
  hospitals = hospitals { count = 4, patients = 2000 },
  cohort = cohort.ehr {},
  model = model.mlp { hidden = { 64, 64 } },
  training = training.sgd { epochs = 2 },
  rounds = 5000,
}
)LUA";

}  // namespace polyclinic::test
