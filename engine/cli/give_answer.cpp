#include "cli/give_answer.hpp"

#include <fmt/format.h>

#include <exception>

#include "base/error.hpp"

namespace polyclinic {

void give_answer(const RunArguments& run, const std::function<void()>& write,
                 const std::function<std::string()>& json,
                 const std::function<std::string()>& table) {
  std::exception_ptr failure;
  try {
    if (!run.out.empty()) write();
  } catch (const RunError&) {
    failure = std::current_exception();
  }
  if (run.json) {
    fmt::print("{}\n", json());
  } else if (!run.quiet) {
    fmt::print("{}", table());
    if (!run.out.empty()) fmt::print("  Results are in {}.\n", run.out);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace polyclinic
