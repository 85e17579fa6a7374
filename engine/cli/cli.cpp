#include "cli/cli.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <new>

#include "base/error.hpp"
#include "cli/run_command.hpp"

namespace polyclinic {

namespace {

// Set by the signal handler, polled by the run; the only global state, since signals have no other.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  // a second Ctrl-C ends the program at once
  if (interrupted.exchange(true)) std::signal(signal, SIG_DFL);
}

void print_error(const Mistake& mistake) { fmt::print(stderr, "{}\n", to_text(mistake)); }

void add_scenario_options(CLI::App& command, RunArguments& arguments,
                          std::vector<std::string>& settings) {
  command.add_option("FILE", arguments.file, "scenario")->required();
  command.add_option("--set", settings, "set a parameter of the scenario: --set rounds=50")
      ->type_name("K=V");
  command.add_option("--seed", arguments.script.seed, "seed of everything random");
  command.add_option("--data", arguments.script.data_folders, "folder to look for data in")
      ->type_name("DIR");
  command.add_option("--threads", arguments.threads, "threads to compute with (default: all)")
      ->check(CLI::Range(1, 1024));
}

Exit take_settings(const std::vector<std::string>& settings, RunArguments& arguments) {
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw ScenarioError({}, fmt::format("--set {} has no '='", setting),
                          "write --set name=value, for example --set rounds=50");
    }
    arguments.script.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return Exit::done;
}

// Calls the command and turns what it throws into messages and an exit code.
template <class Command>
Exit guarded(Command command) {
  try {
    return command();
  } catch (const ScenarioError& error) {
    for (const Mistake& mistake : error.mistakes()) print_error(mistake);
    return Exit::user_mistake;
  } catch (const RunError& error) {
    print_error(error.mistake());
    return Exit::failed;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "polyclinic: out of memory\n");
    return Exit::failed;
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  CLI::App app{"Polyclinic: virtual hospitals learn together on a simulated clock.\n"
               "Simulation, not for clinical use."};
  app.require_subcommand(1);
  RunArguments arguments;
  std::vector<std::string> settings;
  CLI::App* run = app.add_subcommand("run", "run a scenario");
  add_scenario_options(*run, arguments, settings);
  run->add_flag("--json", arguments.json, "print the result as one JSON object");
  run->add_flag("--quiet,-q", arguments.quiet, "print nothing but errors");
  CLI::App* check = app.add_subcommand("check", "validate a scenario and print what it resolves to");
  add_scenario_options(*check, arguments, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::user_mistake);
  }
  const Exit exit = guarded([&] {
    take_settings(settings, arguments);
    return run->parsed() ? run_scenario(arguments, interrupted) : check_scenario(arguments);
  });
  return static_cast<int>(exit);
}

}  // namespace polyclinic
