// Generated texts are those of the schemas, in the repository too.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "help.hpp"
#include "learn/metrics.hpp"
#include "script/words.hpp"

using namespace polyclinic;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a page shows what the schema says") {
  const Catalogue catalogue = full_catalogue();
  CHECK(
      docs_page(catalogue, "strategy.fedprox") ==
      "# strategy.fedprox\n\n"
      "Federated averaging with a pull towards the global model while hospitals train.\n\n"
      "```lua\nstrategy = strategy.fedprox {}\n```\n\n"
      "| field | type | default | |\n| --- | --- | --- | --- |\n"
      "| `adapt` | number, at least 0 | `0` | 0: mu stays; else mu is where it begins, and by so "
      "much it grows when the loss that hospitals tell rose, and shrinks after `falls` falls in a "
      "row (section 5.3.2: 0.1) |\n"
      "| `falls` | whole number, at least 1 | `5` | falls of the loss in a row after which mu "
      "shrinks |\n"
      "| `mu` | number, at least 0 | `0.01` | strength of the pull |\n"
      "| `rounds` | whole number, at least 0 | the scenario's | the scenario's field of that name "
      "|\n"
      "| `participants` | `all`; or whole number, at least 1; or fraction, above 0 %, at most 100 "
      "% | the "
      "scenario's | the scenario's field of that name |\n"
      "| `deadline` | time, above 0 ns; or `none` | the scenario's | the scenario's field of that "
      "name |\n\n"
      "Source: Li et al. 2020, Federated Optimization in Heterogeneous Networks, Algorithm 2.\n");
  CHECK(docs_page(catalogue, "nothing") == "");
}

TEST_CASE("every name of the vocabulary has a page") {
  const Catalogue catalogue = full_catalogue();
  for (const Schema& schema : catalogue.all()) {
    if (schema.kind == "happening" && schema.name.empty()) continue;
    CHECK_MESSAGE(!docs_page(catalogue, schema.full_name()).empty(), schema.full_name());
  }
  for (const char* name : {"cohort",
                           "strategy",
                           "wait",
                           "spawn",
                           "vec.median",
                           "mbit",
                           "units",
                           "functions",
                           "objects",
                           "metrics",
                           "vec",
                           "world",
                           "hospital",
                           "network",
                           "link",
                           "auroc",
                           "calibration",
                           "calibration_slope",
                           "compose",
                           "lognormal",
                           "at",
                           "every",
                           "define.strategy"}) {
    CHECK_MESSAGE(!docs_page(catalogue, name).empty(), name);
  }
}

TEST_CASE("the page of vec names the methods that a vec has, all of them") {
  const std::vector<std::string> names = script::member_names("vec");
  // what the type itself lists when it is asked for another
  CHECK(test::eval("return (vec { 1 }).nothing").find("there are " + join_names(names)) !=
        std::string::npos);
  const std::string page = docs_page(full_catalogue(), "vec");
  for (const std::string& name : names) {
    CHECK_MESSAGE(page.find("`:" + name + "(") != std::string::npos, name);
  }
}

TEST_CASE("every metric that can be measured is on the page of metrics with its values") {
  const std::string page = docs_page(full_catalogue(), "metrics");
  for (const metrics::MetricInfo& metric : metrics::all_metrics()) {
    CHECK_MESSAGE(page.find(fmt::format("## {}\n", metric.name)) != std::string::npos, metric.name);
    for (const metrics::ValueInfo& value : metric.values) {
      CHECK_MESSAGE(page.find(fmt::format("| `{}` |", value.name)) != std::string::npos,
                    value.name);
    }
  }
}

// POLYCLINIC_WRITE_GENERATED=1 writes them, as `polyclinic docs --write DIR` does.
TEST_CASE("docs/reference and scripts/meta are those of the schemas") {
  const std::filesystem::path root = POLYCLINIC_SOURCE_DIR;
  const auto files = generated_files(full_catalogue());
  std::set<std::filesystem::path> expected;
  for (const auto& [name, text] : files) {
    expected.insert(root / name);
    if (std::getenv("POLYCLINIC_WRITE_GENERATED") != nullptr) {
      std::filesystem::create_directories((root / name).parent_path());
      std::ofstream(root / name, std::ios::binary) << text;
    }
    const bool fresh = read(root / name) == text;  // not expanded: the texts are long
    CHECK_MESSAGE(fresh, name << " is stale: run `polyclinic docs --write .` in the source folder");
  }
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs" / "reference")) {
    CHECK_MESSAGE(expected.contains(entry.path()), entry.path().string()
                                                       << " is no longer generated: delete it");
  }
}

TEST_CASE("what is generated does not depend on anything but the schemas") {
  const bool same = generated_files(full_catalogue()) == generated_files(full_catalogue());
  CHECK(same);
}
