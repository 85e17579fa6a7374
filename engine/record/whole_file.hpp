// Files that appear under their names only when they are whole.
#pragma once

#include <string>

namespace polyclinic {

// Writes under another name first, then renames; replaces what was there. Throws RunError with the
// hint when that cannot be done; nothing half-written stays.
void write_whole_file(const std::string& path, const std::string& text, const std::string& hint);

}  // namespace polyclinic
