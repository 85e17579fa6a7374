#include "cli/cli.hpp"

int main(int argc, char** argv) {
  return polyclinic::run_command_line(argc, argv);
}
