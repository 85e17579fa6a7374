#include "record/results_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/check.hpp"
#include "base/error.hpp"
#include "data/npz.hpp"
#include "record/csv_export.hpp"
#include "record/json_report.hpp"
#include "record/stored_run.hpp"
#include "record/whole_file.hpp"

namespace polyclinic {

namespace {

namespace fs = std::filesystem;

constexpr const char* kAnotherFolder = "give a folder that can be written with --out DIR";

std::string readme(const RunResult& result, std::string_view state) {
  return fmt::format(
      "{}\n\n"
      "Simulation, not for clinical use.\n\n"
      "scenario     {}\n"
      "seed         {}\n"
      "state        {} ({})\n"
      "fingerprint  {}\n\n"
      "results.sqlite  everything that happened, round by round; `polyclinic explain` reads it\n"
      "result.json     the result as `run --json` prints it\n"
      "metrics.csv     metrics of the last version, per hospital and averaged, for every arm\n"
      "hospitals.csv   what each hospital did: participations, drops by reason, bytes, times\n"
      "rounds.csv      when rounds opened and closed, who was invited and aggregated\n"
      "model.npz       the final model; init = file \"model.npz\" in a scenario's model goes on "
      "from it\n",
      result.title.empty() ? result.scenario : result.title, result.scenario, result.seed, state,
      result.stop_reason, result.fingerprint);
}

}  // namespace

void refuse_results(const std::string& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) {
    throw ScenarioError({}, fmt::format("--out {} is a file, not a folder", path),
                        "results fill a folder: give another name");
  }
  if (fs::exists(database_path(path), ignored)) throw holds_results(path);
}

void make_results_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw ScenarioError({}, fmt::format("the folder {} cannot be made: {}", path, error.message()),
                        kAnotherFolder);
  }
  // SQLite would only say that it cannot open a file
  if (faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    throw ScenarioError(
        {}, fmt::format("the folder {} cannot be written: {}", path, std::strerror(errno)),
        kAnotherFolder);
  }
}

ResultsFolder::ResultsFolder(std::string path)
    : path_(std::move(path)), database_(database_path(path_)) {
  refuse_results(path_);
}

void ResultsFolder::open(ResultsDatabase::ProfileOf profile_of) {
  make_results_folder(path_);
  database_.open(std::move(profile_of));
}

void ResultsFolder::write_file(const std::string& name, const std::string& text) const {
  write_whole_file((fs::path(path_) / name).string(), text, kAnotherFolder);
}

void ResultsFolder::write_model(const RunResult& result) const {
  std::vector<NamedArray> arrays;
  std::size_t at = 0;
  for (const auto& [name, shape] : result.parameter_slices) {
    NamedArray array;
    array.name = name;
    array.shape = shape;
    std::size_t count = 1;
    for (std::int64_t n : shape) count *= static_cast<std::size_t>(n);
    ENSURE(at + count <= result.final_parameters.size(), "slices cover the parameters");
    array.values.assign(result.final_parameters.begin() + static_cast<std::ptrdiff_t>(at),
                        result.final_parameters.begin() + static_cast<std::ptrdiff_t>(at + count));
    at += count;
    arrays.push_back(std::move(array));
  }
  ENSURE(at == result.final_parameters.size(), "slices cover the parameters");
  write_npz((fs::path(path_) / "model.npz").string(), arrays);
}

void ResultsFolder::finish(const RunResult& result, std::string_view state) {
  // the database first: should the disk be full, it is what matters most
  database_.finish(result, state);
  write_model(result);
  write_file("result.json", to_json(result, 2) + "\n");
  write_file("metrics.csv", metrics_csv(result));
  write_file("hospitals.csv", hospitals_csv(result));
  write_file("rounds.csv", rounds_csv(result));
  if (!result.federated.groups.empty()) write_file("groups.csv", groups_csv(result));
  if (result.cross_site) write_file("cross_site.csv", cross_site_csv(result));
  write_file("README.txt", readme(result, state));
}

}  // namespace polyclinic
