#include "cli/run_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "base/parallel.hpp"
#include "record/end_table.hpp"
#include "record/json_report.hpp"
#include "world/world.hpp"

namespace polyclinic {

Exit run_scenario(const RunArguments& arguments, const std::atomic<bool>& interrupt) {
  const std::unique_ptr<ScenarioScript> script =
      ScenarioScript::load(arguments.file, arguments.script);
  RunOptions options;
  options.threads = arguments.threads > 0 ? arguments.threads : hardware_threads();
  options.interrupt = &interrupt;
  World world(script->spec(), script.get(), options);
  std::exception_ptr failure;
  try {
    world.run();
  } catch (const RunError&) {
    failure = std::current_exception();
  }
  const RunResult& result = world.result();
  if (arguments.json) {
    fmt::print("{}\n", to_json(result));
  } else if (!arguments.quiet) {
    fmt::print("{}", end_table(result, isatty(STDOUT_FILENO) != 0));
  }
  std::fflush(stdout);
  if (failure) std::rethrow_exception(failure);
  return result.interrupted ? Exit::interrupted : Exit::done;
}

Exit check_scenario(const RunArguments& arguments) {
  const std::unique_ptr<ScenarioScript> script =
      ScenarioScript::load(arguments.file, arguments.script);
  const World world(script->spec(), script.get(), RunOptions());
  for (const std::string& line : world.describe()) fmt::print("{}\n", line);
  fmt::print("{} is valid\n", arguments.file);
  return Exit::done;
}

}  // namespace polyclinic
