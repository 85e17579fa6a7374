// What the fuzz targets share: the bytes of an input as a file that a reader can open.
#pragma once

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/schema.hpp"

// Every target defines it; libFuzzer or replay.cpp calls it. What a reader may throw at its user is
// caught within; anything else ends the program.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace polyclinic::fuzz {

// A file in memory; path() can be opened as often as wanted while this lives.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
    ENSURE(descriptor_ >= 0, "Linux has files in memory");
    while (!text.empty()) {
      const ssize_t written = write(descriptor_, text.data(), text.size());
      ENSURE(written > 0, "there is memory for an input");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

using Fields = std::vector<std::pair<std::string, Value>>;

// A part as the Catalogue of these schemas resolves it. Throws ScenarioError.
inline Part part(const std::vector<Schema>& schemas, std::string_view kind, std::string_view name,
                 const Fields& fields = {}) {
  const auto schema = std::find_if(schemas.begin(), schemas.end(), [&](const Schema& one) {
    return one.kind == kind && one.name == name;
  });
  ENSURE(schema != schemas.end(), "targets name things that exist");
  std::vector<FieldValue> given;
  for (const auto& [field, value] : fields) given.push_back({field, value, {}, true});
  std::vector<Mistake> mistakes;
  Part result = schema->resolve(std::move(given), {}, mistakes);
  if (!mistakes.empty()) throw ScenarioError(mistakes);
  return result;
}

}  // namespace polyclinic::fuzz
