// W8: a star whose hosts each send 100 kB to the server and get 100 kB back, a number of times. The
// same world for our network (star_polyclinic.cpp) and for SimGrid's (star_simgrid.cpp).
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace star {

constexpr std::int64_t kMessageBytes = 100'000;
constexpr double kServerBytesPerS = 125e6;
constexpr double kLatencySeconds = 0.010;

// Access links of 10 to 100 Mbit/s, both ways.
inline double host_bytes_per_s(int host) {
  return 1.25e6 * (1 + host % 10);
}

inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Arguments {
  int hosts = 100;
  int exchanges = 20;
  bool together = false;  // all begin at once, and stay in step
};
inline Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  if (argc > 1) arguments.hosts = std::atoi(argv[1]);
  if (argc > 2) arguments.exchanges = std::atoi(argv[2]);
  arguments.together = argc > 3 && std::string_view(argv[3]) == "together";
  return arguments;
}

// Hosts begin at times of their own within a second, as those of a federation do, or together: then
// as many messages end at one instant as have equal rates, which is the easiest case for a solver.
inline double start_seconds(const Arguments& arguments, int host) {
  if (arguments.together) return 0;
  return 1e-3 * static_cast<double>(host * 7919LL % 1009);
}

// One line: hosts, messages, CPU seconds of the simulation itself, messages per CPU second, and
// when the last message arrived, by which the two are seen to simulate the same.
inline void report(const char* who, const Arguments& arguments, double cpu, double simulated) {
  const double messages = 2.0 * arguments.hosts * arguments.exchanges;
  std::printf("%s hosts %d %s messages %.0f cpu_s %.4f messages_per_cpu_s %.0f simulated_s %.6f\n",
              who, arguments.hosts, arguments.together ? "together" : "apart", messages, cpu,
              messages / cpu, simulated);
}

}  // namespace star
