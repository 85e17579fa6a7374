// Whole commands against their budgets: CPU seconds (user and system) and memory, medians of
// several runs.
//
//   commands POLYCLINIC SOURCE [--runs N] [--csv FILE] [--build FOLDER] [--star FOLDER]
//            [--only start|training|large|star|build]
//
// --build FOLDER also times an incremental build there, --star FOLDER compares the star network
// with SimGrid by the programs there. Ends with 0 whatever is over its budget: a busy machine is no
// failure.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <vector>

#include "child.hpp"

namespace {

using bench::Cost;

struct Figure {
  std::string name;
  std::string unit;
  double median = 0;
  double least = 0;
  double budget = 0;
  bool at_least = false;  // the budget is a least, not a most
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Seconds that all processors together had, and that the host gave to others, since the start.
struct Processors {
  double all = 0;
  double stolen = 0;
};
Processors processors() {
  std::ifstream in("/proc/stat");
  std::string word;
  in >> word;
  Processors p;
  double value = 0;
  for (int i = 0; i < 8 && in >> value; ++i) {
    p.all += value;
    if (i == 7) p.stolen = value;
  }
  return p;
}

class Session {
 public:
  Session(std::string program, std::string source, int runs)
      : program_(std::move(program)), source_(std::move(source)), runs_(runs) {}

  void add(const std::string& name, const std::string& unit, const std::vector<double>& values,
           double budget, bool at_least = false) {
    const double least = *std::min_element(values.begin(), values.end());
    figures_.push_back({name, unit, median(values), least, budget, at_least});
    const Figure& f = figures_.back();
    const double ratio = f.median / f.budget;
    const bool kept = at_least ? ratio >= 1 : ratio <= 1;
    std::printf("%-58s %10.4g %-5s least %9.4g  %s %8.4g  %.2f of it%s\n", name.c_str(), f.median,
                unit.c_str(), f.least, at_least ? "at least" : "at most ", budget, ratio,
                kept ? "" : "  <-- NOT KEPT");
    std::fflush(stdout);
  }

  [[nodiscard]] Cost polyclinic(const std::string& arguments, const std::string& until = {}) const {
    return checked(program_ + " " + arguments, until);
  }
  [[nodiscard]] Cost workload(const std::string& name, int threads,
                              const std::string& more = {}) const {
    return polyclinic("run " + source_ + "/tests/bench/workloads/" + name +
                      ".lua --quiet --threads " + std::to_string(threads) + " " + more);
  }
  static Cost checked(const std::string& command, const std::string& until = {}) {
    Cost cost = bench::run(command, until);
    if (cost.exit_code != 0) {
      std::cerr << command << " ended with " << cost.exit_code << "\n" << cost.out;
      std::exit(1);
    }
    return cost;
  }

  // What `measure` says, runs times.
  template <class Measure>
  [[nodiscard]] std::vector<double> each(Measure measure) const {
    std::vector<double> values;
    for (int i = 0; i < runs_; ++i) values.push_back(measure());
    return values;
  }
  [[nodiscard]] const std::string& source() const { return source_; }

  void write_csv(const std::string& file) const {
    std::ofstream out(file);
    out << "name,unit,runs,median,least,budget,budget_is\n";
    for (const Figure& f : figures_) {
      out << '"' << f.name << "\"," << f.unit << "," << runs_ << "," << f.median << "," << f.least
          << "," << f.budget << "," << (f.at_least ? "least" : "most") << "\n";
    }
  }

 private:
  std::string program_;
  std::string source_;
  int runs_;
  std::vector<Figure> figures_;
};

void whole_trainings(Session& s) {
  s.add("W1, 20,000 steps: whole command, one thread", "s",
        s.each([&] { return s.workload("tabular_lr", 1).cpu_s; }), 0.15);
  s.add("W2, 32,000 steps: whole command, one thread", "s",
        s.each([&] { return s.workload("tabular_mlp", 1).cpu_s; }), 0.8);
  // one after the other, so that both see the same neighbours
  const Processors before = processors();
  s.add("W2: throughput of two threads over one (wall)", "x", s.each([&] {
    const double one = s.workload("tabular_mlp", 1, "--set rounds=60").wall_s;
    return one / s.workload("tabular_mlp", 2, "--set rounds=60").wall_s;
  }),
        1.7, true);
  const Processors after = processors();
  std::printf("%-58s %10.2f %%\n", "  stolen from this machine meanwhile",
              100 * (after.stolen - before.stolen) / (after.all - before.all));
}

// What one more participation costs: the difference of a long and a short run.
double per_participation(const Session& s, const std::string& workload, int participants, int from,
                         int to) {
  const auto cpu = [&](int rounds) {
    return s.workload(workload, 1, "--set rounds=" + std::to_string(rounds)).cpu_s;
  };
  return (cpu(to) - cpu(from)) / (static_cast<double>(participants) * (to - from));
}

void large_federations(Session& s) {
  std::vector<double> resident;
  s.add("a million hospitals, 100 take part, 10 rounds", "s", s.each([&] {
    const Cost cost = s.workload("million", 1);
    resident.push_back(cost.resident_bytes);
    return cost.cpu_s;
  }),
        20);
  s.add("  memory", "MiB", {median(resident) / (1 << 20)}, 1024);
  const double small = s.workload("million", 1, "--set hospitals=2000").resident_bytes;
  s.add("  a hospital that does nothing", "bytes", {(median(resident) - small) / 998'000}, 300);
  s.add("10,000 hospitals, all take part: a participation over W1's", "x", s.each([&] {
    const double all = s.workload("all_of_10000", 1).cpu_s / 200'000;
    return all / (s.workload("tabular_lr", 1).cpu_s / 2'000);
  }),
        1.3);
  s.add("  the same without making the data", "x", s.each([&] {
    return per_participation(s, "all_of_10000", 10'000, 2, 12) /
           per_participation(s, "tabular_lr", 100, 50, 550);
  }),
        1.3);
  s.add("10,000 rounds of nothing but 100 messages", "s",
        s.each([&] { return s.workload("messages", 1).cpu_s; }), 2);
  // the least of trainings, one step on one row, is part of it
  s.add("fedbuff, 10,000 hospitals at work: arrivals per second", "1/s",
        s.each([&] { return 1 / per_participation(s, "fedbuff_10000", 100, 200, 2000); }), 1e5,
        true);
}

void starting(Session& s) {
  std::vector<double> cpu;
  s.add("quickstart: start to first round (wall)", "s", s.each([&] {
    const Cost cost = s.polyclinic(
        "run " + s.source() + "/scenarios/quickstart.lua --set rounds=10", "round 1/10");
    cpu.push_back(cost.until_cpu_s);
    return cost.until_s;
  }),
        0.3);
  s.add("  CPU time of all threads until then", "s", cpu, 0.3);
  s.add("--version (wall)", "s", s.each([&] {
    const Cost cost = s.polyclinic("--version");
    return cost.wall_s;
  }),
        0.05);
}

void build_again(Session& s, const std::string& folder) {
  const std::string build = "env CCACHE_DISABLE=1 cmake --build " + folder + " --target net_tests";
  (void)Session::checked(build);
  std::vector<double> cpu;
  s.add("touch net/star_sharing.cpp, build and link its test (wall)", "s", s.each([&] {
    (void)Session::checked("touch " + s.source() + "/engine/net/star_sharing.cpp");
    const Cost cost = Session::checked(build);
    cpu.push_back(cost.cpu_s);
    return cost.wall_s;
  }),
        15);
  s.add("  CPU time of compiler and linker", "s", cpu, 15);
}

// Messages per CPU second that a star program prints.
double star_rate(const std::string& program, const std::string& arguments) {
  std::stringstream words(Session::checked(program + " " + arguments).out);
  double rate = 0;
  for (std::string word; words >> word;) {
    if (word == "messages_per_cpu_s") words >> rate;
  }
  return rate;
}

void star(Session& s, const std::string& folder) {
  if (!std::ifstream(folder + "/star_simgrid")) {
    std::puts("star_simgrid was not built: libsimgrid-dev is not here");
    return;
  }
  const auto ratio = [&](const std::string& arguments, int times, const char* actors = "") {
    std::vector<double> ratios;
    for (int i = 0; i < times; ++i) {
      const double ours = star_rate(folder + "/star_polyclinic", arguments);
      ratios.push_back(ours / star_rate(folder + "/star_simgrid", arguments + actors));
    }
    return ratios;
  };
  s.add("W8, 1,000 hosts, 20 exchanges, each by itself: over SimGrid", "x", ratio("1000 20", 1), 20,
        true);
  s.add("W8, 10,000 hosts, 1 exchange, each by itself", "x", ratio("10000 1", 1), 100, true);
  // In step SimGrid solves once for all that end together, so concurrent flows cost it little. One
  // actor for both messages, as the peers' figures have it, or two that meet at mailboxes.
  s.add("W8, 1,000 hosts, 20 exchanges, in step", "x", ratio("1000 20 together", 5, " direct"), 20,
        true);
  s.add("W8, 10,000 hosts, 2 exchanges, in step", "x", ratio("10000 2 together", 3, " direct"), 100,
        true);
  s.add("W8, 1,000 hosts, 20 exchanges, in step, mailboxes", "x", ratio("1000 20 together", 5), 20,
        true);
  s.add("W8, 10,000 hosts, 2 exchanges, in step, mailboxes", "x", ratio("10000 2 together", 3), 100,
        true);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "commands POLYCLINIC SOURCE [--runs N] [--csv FILE] [--build DIR] [--star DIR]\n";
    return 2;
  }
  int runs = 9;
  std::string csv;
  std::string build;
  std::string stars;
  std::string only;
  for (int i = 3; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--runs") == 0) runs = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--csv") == 0) csv = argv[i + 1];
    if (std::strcmp(argv[i], "--build") == 0) build = argv[i + 1];
    if (std::strcmp(argv[i], "--star") == 0) stars = argv[i + 1];
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
  }
  Session session(argv[1], argv[2], runs);
  const auto wanted = [&](const char* group) { return only.empty() || only == group; };
  if (wanted("start")) starting(session);
  if (wanted("training")) whole_trainings(session);
  if (wanted("large")) large_federations(session);
  if (wanted("star") && !stars.empty()) star(session, stars);
  if (wanted("build") && !build.empty()) build_again(session, build);
  if (!csv.empty()) session.write_csv(csv);
  return 0;
}
