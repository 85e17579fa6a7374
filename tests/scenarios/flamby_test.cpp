// System: scenarios/heart_disease_flamby.lua against the accuracies that FLamby published. An
// accuracy is a count of right patients over a count of tested ones, so equal means equal: nothing
// but the rounding of the division may differ.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "data/npz.hpp"
#include "json_query.hpp"
#include "scenario_file.hpp"

namespace polyclinic::testing {
namespace {

namespace fs = std::filesystem;

const std::string kSource = POLYCLINIC_SOURCE_DIR;
const std::string kReference = kSource + "/tests/reference/flamby/";

bool has_data() {
  if (fs::exists(kSource + "/../shared/data/heart_disease/processed.va.data")) return true;
  MESSAGE("skipped: it needs ../shared/data/heart_disease, the UCI files, which are not here");
  return false;
}

std::string command(const std::string& method, const std::string& seed) {
  return "run " + kSource + "/scenarios/heart_disease_flamby.lua --data " + kSource +
         "/../shared/data --json --set method=" + method + " --set seed=" + seed;
}

// The cells of a table's rows, without its header.
std::vector<std::vector<std::string>> rows_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  REQUIRE(std::getline(in, line));
  std::vector<std::vector<std::string>> rows;
  while (std::getline(in, line)) {
    std::stringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

TEST_CASE("flamby: every published accuracy of ten methods and five seeds") {
  if (!has_data()) return;
  // in the order of the published table: client_test_0 to 3, Pooled Test
  const std::array<std::string, 5> sites{"Cleveland", "Budapest", "Zurich", "Long Beach",
                                         "Everyone"};
  const auto rows = rows_of(kReference + "heart_published.csv");
  CHECK(rows.size() == 50);
  int equal = 0;
  for (const auto& row : rows) {
    REQUIRE(row.size() == 7);
    const Outcome outcome = run_program(command(row[0], row[1]), "");
    INFO(row[0], ", seed ", row[1], "\n", outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const Json result = Json::parse(outcome.out);
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const Json accuracy = query(result, "hospitals." + sites[i] + ".metrics.accuracy.value");
      INFO(sites[i], ": ", accuracy.dump(), ", published ", row[2 + i]);
      REQUIRE(accuracy.is_number());
      // one patient of 254 is 4e-3
      const bool same = std::abs(accuracy.get<double>() - std::stod(row[2 + i])) < 1e-12;
      CHECK(same);
      equal += same ? 1 : 0;
    }
  }
  CHECK(equal == 250);
}

TEST_CASE("flamby: the scenario draws the initial weights that PyTorch draws") {
  if (!has_data()) return;
  std::string folder = (fs::temp_directory_path() / "polyclinic-flamby-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const auto rows = rows_of(kReference + "heart_init_weights.csv");
  CHECK(rows.size() == 5);
  for (const auto& row : rows) {
    REQUIRE(row.size() == 15);
    const std::string out = folder + "/" + row[0];
    // without a round what is saved is what it begins with
    const Outcome outcome =
        run_program(command("fedavg", row[0]) + " --set rounds=0 --out " + out, "");
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    std::vector<float> saved;
    for (const NamedArray& array : read_npz(out + "/model.npz", {})) {
      saved.insert(saved.end(), array.values.begin(), array.values.end());
    }
    REQUIRE(saved.size() == 14);
    for (std::size_t i = 0; i < saved.size(); ++i) {
      // printed with 9 digits, which name a 32-bit float: at most the last bit is lost
      CHECK(saved[i] == doctest::Approx(std::stof(row[1 + i])).epsilon(1.2e-7));
    }
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace polyclinic::testing
