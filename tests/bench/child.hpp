// Runs a command and says what it cost: for benchmarks of whole commands.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace bench {

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;           // user and system, of the command and what it waited for
  double resident_bytes = 0;  // the most it held
  double until_s = 0;         // wall time until `until` was printed; 0: it was not
  double until_cpu_s = 0;     // and CPU time of its threads
  int exit_code = -1;
  std::string out;  // stdout and stderr
};

inline double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

// CPU time that the threads of a process have had until now.
inline double cpu_seconds_so_far(pid_t process) {
  double total = 0;
  std::error_code ignored;
  const std::filesystem::path threads = "/proc/" + std::to_string(process) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator(threads, ignored)) {
    double ns = 0;
    if (std::ifstream(thread.path() / "schedstat") >> ns) total += ns * 1e-9;
  }
  return total;
}

// A shell runs `command` and is replaced by it, so that its own cost does not count.
inline Cost run(const std::string& command, const std::string& until = {}) {
  using Clock = std::chrono::steady_clock;
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const auto started = Clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(Clock::now() - started).count();
  };
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  Cost cost;
  char buffer[1 << 16];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    cost.out.append(buffer, static_cast<std::size_t>(n));
    if (cost.until_s == 0 && !until.empty() && cost.out.find(until) != std::string::npos) {
      cost.until_s = elapsed();
      cost.until_cpu_s = cpu_seconds_so_far(child);
    }
  }
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  cost.wall_s = elapsed();
  cost.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  cost.resident_bytes = static_cast<double>(usage.ru_maxrss) * 1024;
  cost.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return cost;
}

}  // namespace bench
