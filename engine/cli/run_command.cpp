#include "cli/run_command.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>

#include "base/parallel.hpp"
#include "cli/build_facts.hpp"
#include "cli/interrupt.hpp"
#include "cli/sweep_command.hpp"
#include "record/check_report.hpp"
#include "record/end_table.hpp"
#include "record/json_report.hpp"
#include "record/progress.hpp"
#include "record/results_folder.hpp"
#include "world/world.hpp"

namespace polyclinic {

double wall_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

Progress::Options progress_options() {
  Progress::Options options;
  options.terminal = isatty(STDERR_FILENO) != 0;
  winsize size{};
  if (options.terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    options.columns = size.ws_col;
  }
  options.write = [](const std::string& text) {
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  };
  options.wall_seconds = wall_seconds;
  return options;
}

Facts provenance(const RunArguments& arguments, double seconds) {
  Facts facts = build_facts();
  facts.emplace_back("instruction_set", instruction_set());
  facts.emplace_back("libraries", libraries());
  facts.emplace_back("host", host());
  facts.emplace_back("wall_seconds", fmt::format("{:.3f}", seconds));
  facts.emplace_back("command", arguments.command_line);
  return facts;
}

namespace {

void add_provenance(RunResult& result, const RunArguments& arguments, double seconds) {
  Facts facts = provenance(arguments, seconds);
  for (auto& [key, value] : result.provenance) facts.emplace_back(std::move(key), value);
  result.provenance = std::move(facts);
}

void print_result(const RunResult& result, const RunArguments& arguments) {
  if (arguments.json) {
    fmt::print("{}\n", to_json(result));
    return;
  }
  if (arguments.quiet) return;
  fmt::print("{}", end_table(result, isatty(STDOUT_FILENO) != 0));
  if (!arguments.out.empty()) {
    fmt::print("  Results are in {0}; polyclinic explain {0} tells what happened.\n",
               arguments.out);
  }
}

}  // namespace

Exit run_scenario(const RunArguments& arguments) {
  const double started = wall_seconds();
  std::optional<ResultsFolder> folder;
  if (!arguments.out.empty()) folder.emplace(arguments.out);
  const std::unique_ptr<ScenarioScript> script =
      ScenarioScript::load(arguments.file, arguments.script);
  if (script->study().declared) {
    SweepArguments sweep;
    sweep.run = arguments;
    sweep.read = true;
    return run_sweep(sweep);
  }
  std::optional<Progress> progress;
  if (!arguments.json && !arguments.quiet) progress.emplace(progress_options());
  RunOptions options;
  options.threads = arguments.threads > 0 ? arguments.threads : hardware_threads();
  if (progress) options.observers.push_back(&*progress);
  if (folder) options.observers.push_back(&folder->observer());
  options.interrupt = &interrupt_flag();
  World world(script->spec(), script.get(), options);
  const KeepResults keep;
  if (folder) folder->open([&](HospitalId id) { return world.hospital(id); });

  // a failure is reported last, after what there is has been printed and kept
  std::exception_ptr failure;
  try {
    world.run();
  } catch (const RunError&) {
    failure = std::current_exception();
  }
  if (progress) progress->clear();
  RunResult result = world.result();
  add_provenance(result, arguments, wall_seconds() - started);
  if (folder) {
    try {
      folder->finish(result, state_of(result));
    } catch (const RunError&) {
      if (!failure) failure = std::current_exception();
    }
  }
  print_result(result, arguments);
  if (failure) std::rethrow_exception(failure);
  return result.interrupted ? Exit::interrupted : Exit::done;
}

Exit check_scenario(const RunArguments& arguments) {
  const std::unique_ptr<ScenarioScript> script =
      ScenarioScript::load(arguments.file, arguments.script);
  if (script->study().declared) {
    return check_study(arguments, script->params());
  }
  const World world(script->spec(), script.get(), RunOptions());
  // the table names a screenful; a program may want all of a large federation's first
  WorldDescription described = world.describe(arguments.json ? 1'000 : 20);
  for (const auto& [name, value] : script->params()) {
    described.params.emplace_back(name, to_text(value));
  }
  if (arguments.json) {
    fmt::print("{}\n", check_json(described));
  } else {
    fmt::print("{}{} is valid\n", check_text(described), arguments.file);
  }
  return Exit::done;
}

}  // namespace polyclinic
