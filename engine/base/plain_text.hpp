// Texts that stand in tables: one line, without characters that steer a terminal.
#pragma once

#include <string>
#include <string_view>

namespace polyclinic {

// Whether a text holds no control character (line break, tab, escape, those of UTF-8's C1 block).
bool is_plain(std::string_view text);

// The text with every control character in backslash notation: \n, \t, \x1b.
std::string escaped(std::string_view text);

// "'title' holds a control character: Two\nlines", for messages; `what` names the text.
std::string not_plain(std::string_view what, std::string_view text);

}  // namespace polyclinic
