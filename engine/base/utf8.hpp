// Text as Unicode in UTF-8 (Unicode 15, table 3-7).
#pragma once

#include <cstddef>
#include <string_view>

namespace polyclinic {

// Bytes of the well-formed character at the front of `text`; 0: none stands there.
// REQUIRES: text is not empty.
std::size_t utf8_length(std::string_view text);

// True for text of well-formed characters only.
bool is_utf8(std::string_view text);

}  // namespace polyclinic
