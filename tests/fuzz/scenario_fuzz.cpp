// A scenario: any text becomes a world's description, or is refused with messages, within the
// budgets of work and memory. The same text is evaluated as `polyclinic eval` does.
#include "base/error.hpp"
#include "fuzz.hpp"
#include "script/scenario_script.hpp"

using namespace polyclinic;  // NOLINT: a target of its own

namespace {

void check_mistakes(const ScenarioError& error) {
  ENSURE(!error.mistakes().empty(), "an error has a mistake");
  for (const Mistake& mistake : error.mistakes()) {
    ENSURE(!to_text(mistake).empty(), "a mistake says what is wrong");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ScriptOptions options;
  options.memory_bytes_max = 16LL << 20U;
  options.instructions_max = 200'000;
  try {
    const fuzz::MemoryFile file(text);
    const auto script = ScenarioScript::load(file.path(), options);
    const WorldSpec& spec = script->spec();
    ENSURE(spec.hash() == spec.hash(), "a world has one hash");
    ENSURE(!to_text(spec.scenario).empty(), "a world can be written down");
  } catch (const ScenarioError& error) {
    check_mistakes(error);
  }
  try {
    (void)evaluate_lua(text, "input.lua", options, size % 2 == 0);
  } catch (const ScenarioError& error) {
    check_mistakes(error);
  }
  return 0;
}
