// A scenario file, read: Lua in a sandbox, from source text to a WorldSpec, and afterwards the host
// of the scenario's own functions while the world runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/study_spec.hpp"
#include "world/catalogue.hpp"
#include "world/script_host.hpp"
#include "world/world_spec.hpp"

namespace polyclinic {

struct ScriptOptions {
  std::vector<std::string> data_folders;                      // --data, searched in this order
  std::vector<std::pair<std::string, std::string>> settings;  // --set k=v
  std::size_t varied = 0;             // the last so many of these come from --vary
  std::optional<std::uint64_t> seed;  // --seed
  bool silent = false;  // print and inspect show nothing: what runs again has shown it
  std::int64_t memory_bytes_max = 256LL << 20U;
  std::int64_t instructions_max = 200'000'000;  // per callback; the file itself too
};

class ScenarioScript : public ScriptHost {
 public:
  // Reads and resolves a file. Throws ScenarioError (every mistake with its place); nothing has run
  // by then.
  static std::unique_ptr<ScenarioScript> load(const std::string& path,
                                              const ScriptOptions& options);

  // The scenario; of a study, the world of its first arm.
  [[nodiscard]] virtual const WorldSpec& spec() const = 0;
  [[nodiscard]] virtual const StudySpec& study() const = 0;
  // Of all Lua source that was read: tells whether a file changed since.
  [[nodiscard]] virtual std::uint64_t source_hash() const = 0;
  // Declared by the file's `params { ... }`: name, default, for `check` and `--set`.
  [[nodiscard]] virtual const Table& params() const = 0;
};

// Runs Lua with the whole vocabulary and returns what it returns, as `inspect` prints it, or as
// JSON. `code` is Lua source; `name` names it in messages.
std::string evaluate_lua(const std::string& code, const std::string& name,
                         const ScriptOptions& options, bool json);

// The Catalogue with everything that the Lua standard library (scripts/) defines.
Catalogue full_catalogue();

// Generated texts: a page for `polyclinic docs NAME` and docs/reference, the editor stubs.
std::string docs_page(const Catalogue& catalogue, const std::string& name);  // "" when unknown
// File name -> content of docs/reference and scripts/meta.
std::vector<std::pair<std::string, std::string>> generated_files(const Catalogue& catalogue);

}  // namespace polyclinic
