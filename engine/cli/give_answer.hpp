// How `join` and `contribution` end.
#pragma once

#include <functional>
#include <string>

#include "cli/run_command.hpp"

namespace polyclinic {

// Keeps an answer by `write` where there is --out, and prints it as the arguments ask. What cannot
// be written is reported last, after what there is has been printed: throws RunError.
void give_answer(const RunArguments& run, const std::function<void()>& write,
                 const std::function<std::string()>& json,
                 const std::function<std::string()>& table);

}  // namespace polyclinic
