// A table of patients: the first two bytes say how it is to be read, the others are the file. Any
// table becomes sites that can be asked for everything, or is refused with messages.
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "base/error.hpp"
#include "data/cohort.hpp"
#include "fuzz.hpp"

using namespace polyclinic;  // NOLINT: a target of its own
using fuzz::Fields;

namespace {

const std::vector<Schema>& schemas() {
  static const std::vector<Schema> all = data_schemas();
  return all;
}

Part named(std::string_view kind, std::string_view name, const Fields& fields = {}) {
  return fuzz::part(schemas(), kind, name, fields);
}
Value texts(std::initializer_list<const char*> items) {
  return Value(List(items.begin(), items.end()));
}
Part column(const char* name) {
  return named("column", "", {{"name", name}});
}

// The bits of the two bytes, each a choice.
struct Choices {
  unsigned bits;
  unsigned take(unsigned count) {
    const unsigned chosen = bits % count;
    bits /= count;
    return chosen;
  }
};

void add_outcome(Choices& choices, Fields& fields) {
  switch (choices.take(5)) {
    case 0: fields.emplace_back("outcome", named("positive", "", {{"column", "y"}})); break;
    case 1:
      fields.emplace_back("outcome", named("positive", "", {{"column", "y"}, {"above", 1.5}}));
      break;
    case 2:
      fields.emplace_back("outcome", column("y"));
      fields.emplace_back("task", "regression");
      break;
    case 3: fields.emplace_back("outcome", "y"); break;
    default:
      fields.emplace_back("outcome", named("time_to_event", "", {{"time", "y"}, {"event", "e"}}));
      break;
  }
}

void add_split(Choices& choices, Fields& fields) {
  switch (choices.take(3)) {
    case 0: break;
    case 1: fields.emplace_back("split", named("split", "column", {{"column", "f"}})); break;
    default:
      fields.emplace_back("split", named("split", "stratified", {{"train", 0.5}, {"test", 0.5}}));
      break;
  }
}

void add_hospitals(Choices& choices, Fields& fields, const Value& file) {
  switch (choices.take(4)) {
    case 0:
      fields.emplace_back("file", file);
      fields.emplace_back("hospital", column("h"));
      break;
    case 1: fields.emplace_back("files", Value(Table{{"A", file}, {"B", file}})); break;
    case 2:
      fields.emplace_back("file", file);
      fields.emplace_back("partition", named("partition", "iid", {{"count", 3}}));
      break;
    default:
      fields.emplace_back("file", file);
      fields.emplace_back("partition",
                          named("partition", "dirichlet", {{"count", 3}, {"alpha", 0.5}}));
      break;
  }
}

Part cohort_part(Choices choices, const Value& file) {
  Fields fields;
  add_hospitals(choices, fields, file);
  add_outcome(choices, fields);
  add_split(choices, fields);
  const std::array<const char*, 3> scalings{"per_hospital", "federated", "none"};
  fields.emplace_back("standardise", scalings[choices.take(3)]);
  if (choices.take(2) == 1) fields.emplace_back("missing", texts({"?", "-9"}));
  if (choices.take(2) == 1) fields.emplace_back("rows_with_missing", "drop");
  if (choices.take(2) == 1) fields.emplace_back("categorical", texts({"c"}));
  if (choices.take(2) == 1) fields.emplace_back("minimum_rows", 2);
  if (choices.take(2) == 1) fields.emplace_back("separator", ";");
  if (choices.take(2) == 1) fields.emplace_back("patient", column("p"));
  if (choices.take(2) == 1) fields.emplace_back("columns", texts({"h", "y", "c", "x"}));
  return named("cohort", "csv", fields);
}

void check_split(const Dataset& split) {
  ENSURE(split.rows >= 0, "a split has rows or none");
  for (const float value : split.x) ENSURE(std::isfinite(value), "features are numbers");
}

void ask_everything(const Cohort& cohort) {
  std::vector<HospitalId> all;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(cohort.sites(), 8); ++i) {
    all.push_back(HospitalId{static_cast<std::uint32_t>(i)});
  }
  for (const HospitalId id : all) {
    const SitePtr site = cohort.site(id);
    ENSURE(site->train.rows == cohort.train_rows(id), "a site has the rows it says");
    check_split(site->train);
    check_split(site->validation);
    check_split(site->test);
  }
  const SitePtr pooled = cohort.pooled(all);
  check_split(pooled->train);
  for (const HospitalId id : all) check_split(cohort.site_as_pooled(id, all)->test);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Choices choices{static_cast<unsigned>(data[0]) | static_cast<unsigned>(data[1]) << 8U};
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data) + 2, size - 2});
  try {
    CohortContext context;
    context.run = make_run_key(1, 0);
    ask_everything(
        *make_cohort(cohort_part(choices, Value(FilePath{"t.csv", file.path()})), context));
  } catch (const ScenarioError& error) {
    ENSURE(!error.mistakes().empty(), "an error has a mistake");
    for (const Mistake& mistake : error.mistakes()) {
      ENSURE(!to_text(mistake).empty(), "a mistake says what is wrong");
    }
  }
  return 0;
}
