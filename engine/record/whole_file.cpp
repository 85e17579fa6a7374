#include "record/whole_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.hpp"

namespace polyclinic {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

void write_whole_file(const std::string& path, const std::string& text, const std::string& hint) {
  const std::string part = path + ".part";
  const auto fail = [&](int code) {
    std::remove(part.c_str());
    return RunError({}, fmt::format("{} cannot be written: {}", path, std::strerror(code)), hint);
  };
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(part.c_str(), "wb"));
  if (!file) throw fail(errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  if (!written) throw fail(errno);
  if (std::fclose(file.release()) != 0) throw fail(errno);
  if (std::rename(part.c_str(), path.c_str()) != 0) throw fail(errno);
}

}  // namespace polyclinic
