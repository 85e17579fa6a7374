// The command line: parses, dispatches, turns every failure into one message and an exit code.
#pragma once

namespace polyclinic {

// Exit codes of every command.
enum class Exit : int {
  done = 0,
  failed = 1,         // while running; the results so far are kept
  user_mistake = 2,   // scenario, data file or command line; nothing has run
  interrupted = 130,  // Ctrl-C; the results so far are kept
};

// Runs `polyclinic ARGUMENTS` and returns its exit code. Installs signal handlers. Once per
// process.
int run_command_line(int argc, char** argv);

}  // namespace polyclinic
