#include "study/answer_folder.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.hpp"
#include "record/database_rows.hpp"
#include "record/results_folder.hpp"
#include "record/stored_run.hpp"
#include "record/whole_file.hpp"

namespace polyclinic {

namespace {

void fill(const Answer& answer, const Sqlite& file) {
  answer.rows(file);
  SqliteStatement fact = file.prepare("INSERT INTO provenance VALUES (0,?,?)");
  for (const auto& [key, value] : answer.provenance) fact.run(key, value);
}

void fill_database(const Answer& answer, const std::string& path) {
  Sqlite file = create_results_database(path);
  file.run("BEGIN");
  fill(answer, file);  // whose statements are gone before the file is closed
  file.run("COMMIT");
  file.close();
}

}  // namespace

void write_answer(const Answer& answer, const std::string& folder) {
  constexpr const char* kHint = "give a folder that can be written with --out DIR";
  make_results_folder(folder);
  const std::string database = database_path(folder);
  try {
    fill_database(answer, database);
  } catch (const SqliteError& error) {
    throw RunError({}, fmt::format("{} cannot be written: {}", database, error.what()), kHint);
  }
  for (const auto& [name, text] : answer.files) {
    write_whole_file((std::filesystem::path(folder) / name).string(), text, kHint);
  }
}

std::string seeds_text(std::uint64_t first, std::int64_t seeds) {
  return seeds == 1 ? fmt::format("seed {}", first) : fmt::format("{} seeds from {}", seeds, first);
}

}  // namespace polyclinic
