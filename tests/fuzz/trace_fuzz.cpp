// An availability trace: any text is read, or refused with a message; what was read is a function
// of time whose changes lie in the future and really change something.
#include "base/error.hpp"
#include "fuzz.hpp"
#include "net/availability.hpp"
#include "net/network.hpp"

using namespace polyclinic;  // NOLINT: a target of its own

namespace {

void walk(Availability& availability) {
  constexpr int kChangesMost = 200;
  TimeNs at{0};
  bool up = availability.up_at(at);
  for (int i = 0; i < kChangesMost; ++i) {
    const TimeNs next = availability.next_change(at);
    ENSURE(next > at, "the next change lies ahead");
    if (next == kNever) break;
    ENSURE(availability.up_at(TimeNs{next.ns - 1}) == up, "nothing changes before the next change");
    ENSURE(availability.up_at(next) != up, "the next change is one");
    up = !up;
    at = next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Schema> schemas = net_schemas();
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  for (const char* hospital : {"Lyon", "A"}) {
    try {
      const Value value(fuzz::part(schemas, "availability", "trace",
                                   {{"file", FilePath{"up.csv", file.path()}}}));
      AvailabilityContext context;
      context.name = hospital;
      walk(*make_availability(&value, context));
    } catch (const ScenarioError& error) {
      for (const Mistake& mistake : error.mistakes()) {
        ENSURE(!to_text(mistake).empty(), "a mistake says what is wrong");
      }
    }
  }
  return 0;
}
