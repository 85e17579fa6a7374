#include "cli/cli.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "base/error.hpp"
#include "cli/account_command.hpp"
#include "cli/build_facts.hpp"
#include "cli/commands.hpp"
#include "cli/contribution_command.hpp"
#include "cli/interrupt.hpp"
#include "cli/join_command.hpp"
#include "cli/parse.hpp"
#include "cli/run_command.hpp"
#include "cli/sweep_command.hpp"

namespace polyclinic {

namespace {

void print_error(const Mistake& mistake) {
  fmt::print(stderr, "{}\n", to_text(mistake));
}

Exit dispatch(const CommandLine& line) {
  if (line.command == "run") return run_scenario(line.run);
  if (line.command == "sweep") return run_sweep(line.sweep);
  if (line.command == "contribution") return find_contribution(line.contribution);
  if (line.command == "join") return ask_join(line.join);
  if (line.command == "check") return check_scenario(line.run);
  if (line.command == "eval") return evaluate(line);
  if (line.command == "list") return list_vocabulary(line.name);
  if (line.command == "docs") return print_docs(line);
  if (line.command == "explain") return explain(line);
  if (line.command == "account") return account_privacy(line.account);
  if (line.command == "new") return write_starter(line.name);
  fmt::print("{}", line.command == "version" ? version_text() : line.help);
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
  } catch (const std::exception& error) {
    fmt::print(stderr, "polyclinic: {}\n", error.what());
    return Exit::failed;
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  install_signal_handlers();
  Exit exit = guarded([&] { return dispatch(parse_command_line(argc, argv)); });
  // a full disk behind stdout must not look like success
  const int flushed = std::fflush(stdout);
  if (exit == Exit::done && (flushed != 0 || std::ferror(stdout) != 0)) {
    fmt::print(stderr, "polyclinic: the output cannot be written: {}\n", std::strerror(errno));
    exit = Exit::failed;
  }
  return static_cast<int>(exit);
}

}  // namespace polyclinic
