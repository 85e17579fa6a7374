#include "base/plain_text.hpp"

#include <fmt/format.h>

namespace polyclinic {

namespace {

// Bytes of the control character at `at`: 1, or 2 for U+0080 to U+009F; 0: there is none.
std::size_t control_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (byte(at) < 0x20 || byte(at) == 0x7F) return 1;
  const bool c1 = byte(at) == 0xC2 && byte(at + 1) >= 0x80 && byte(at + 1) < 0xA0;
  return c1 ? 2 : 0;
}

}  // namespace

bool is_plain(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (control_length(text, i) > 0) return false;
  }
  return true;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = control_length(text, i);
    if (length == 0) {
      out += text[i++];
      continue;
    }
    if (text[i] == '\n') {
      out += "\\n";
    } else if (text[i] == '\t') {
      out += "\\t";
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + length - 1]));
    }
    i += length;
  }
  return out;
}

std::string not_plain(std::string_view what, std::string_view text) {
  return fmt::format("{} holds a control character: {}", what, escaped(text));
}

}  // namespace polyclinic
