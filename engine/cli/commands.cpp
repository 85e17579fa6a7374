#include "cli/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/error.hpp"
#include "cli/starter.hpp"
#include "record/explain.hpp"
#include "record/text_table.hpp"
#include "script/scenario_script.hpp"

namespace polyclinic {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kColumns = 100;

std::string read_file(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    throw ScenarioError({}, fmt::format("{} is a folder", path), "give a file with Lua code");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw ScenarioError({}, fmt::format("{} cannot be opened: {}", path, std::strerror(errno)),
                        "give a file with Lua code, or the code itself with -e");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_file(const fs::path& path, const std::string& text) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw ScenarioError(
        {}, fmt::format("{} cannot be written: {}", path.string(), std::strerror(errno)),
        "is there room, and may this user write there?");
  }
}

// The first sentence of a documentation text, on one line. A dot before no capital letter ends none
// ("Detrano et al. 1989").
std::string first_sentence(const std::string& doc) {
  for (std::size_t end = doc.find(". "); end != std::string::npos; end = doc.find(". ", end + 1)) {
    const bool capital = end + 2 < doc.size() && doc[end + 2] >= 'A' && doc[end + 2] <= 'Z';
    if (capital) return doc.substr(0, end + 1);
  }
  return doc;
}

// What a scenario file says of itself: the first sentence of the comment at its head.
std::string first_comment(const fs::path& path) {
  std::ifstream in(path);
  std::string text;
  for (std::string line; std::getline(in, line) && line.rfind("--", 0) == 0;) {
    const std::size_t start = line.find_first_not_of("- ");
    if (start == std::string::npos) break;
    text += (text.empty() ? "" : " ") + line.substr(start);
  }
  return first_sentence(text);
}

void list_scenarios() {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("scenarios", ignored)) {
    if (entry.path().extension() == ".lua") files.push_back(entry.path());
  }
  if (files.empty()) return;
  std::sort(files.begin(), files.end());
  TextTable table({true, true});
  for (const fs::path& file : files) table.add({file.string(), first_comment(file)});
  fmt::print("scenarios (polyclinic run FILE)\n{}\n", table.text());
}

void list_kind(const Catalogue& catalogue, const std::string& kind) {
  std::size_t wide = 0;
  for (const Schema& schema : catalogue.all()) {
    if (schema.kind == kind) wide = std::max(wide, schema.full_name().size());
  }
  fmt::print("{}\n", kind);
  for (const Schema& schema : catalogue.all()) {
    if (schema.kind != kind) continue;
    const std::string start = fmt::format("  {:<{}}  ", schema.full_name(), wide);
    fmt::print("{}{}\n", start,
               wrapped(first_sentence(schema.doc), kColumns, start.size(), start.size()));
  }
}

// Pages that are no kind of part: each lists what there is of it.
const std::vector<std::string>& page_names() {
  static const std::vector<std::string> names = {"functions", "metrics", "objects", "units"};
  return names;
}

ScenarioError unknown_word(const Catalogue& catalogue, const std::string& name) {
  std::vector<std::string> words = catalogue.kinds();
  for (const Schema& schema : catalogue.all()) {
    words.push_back(schema.full_name());
    // "csv" for "cohort.csv"
    if (!schema.name.empty() && schema.name == name) {
      return {{},
              fmt::format("there is no word \"{}\"", name),
              fmt::format("did you mean '{}'?", schema.full_name())};
    }
  }
  std::string hint = did_you_mean(name, words);
  return {{},
          fmt::format("there is no word \"{}\"", name),
          hint + (hint.empty() ? "" : "\n") + "`polyclinic list` names them all"};
}

}  // namespace

Exit evaluate(const CommandLine& line) {
  const std::string code = line.code ? *line.code : read_file(line.run.file);
  const std::string name = line.code ? "-e" : line.run.file;
  const std::string text = evaluate_lua(code, name, line.run.script, line.run.json);
  if (!text.empty()) fmt::print("{}{}", text, text.back() == '\n' ? "" : "\n");
  return Exit::done;
}

Exit list_vocabulary(const std::string& kind) {
  const Catalogue catalogue = full_catalogue();
  const std::vector<std::string> kinds = catalogue.kinds();
  if (!kind.empty()) {
    const auto& pages = page_names();
    if (std::find(pages.begin(), pages.end(), kind) != pages.end()) {
      fmt::print("{}", docs_page(catalogue, kind));
      return Exit::done;
    }
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      std::vector<std::string> all = kinds;
      all.insert(all.end(), pages.begin(), pages.end());
      const std::string near = did_you_mean(kind, all);
      throw ScenarioError({}, fmt::format("there is no kind \"{}\"", kind),
                          near + (near.empty() ? "" : "\n") + "kinds are " + join_names(kinds) +
                              "; there are also " + join_names(pages));
    }
    list_kind(catalogue, kind);
    return Exit::done;
  }
  list_scenarios();
  for (const std::string& each : kinds) list_kind(catalogue, each);
  fmt::print(
      "\n`polyclinic docs NAME` prints a word's page; functions, metrics, objects (vec, world) and "
      "units have one each.\n");
  return Exit::done;
}

Exit print_docs(const CommandLine& line) {
  const Catalogue catalogue = full_catalogue();
  if (!line.write.empty()) {
    const auto files = generated_files(catalogue);
    for (const auto& [name, text] : files) write_file(fs::path(line.write) / name, text);
    fmt::print("{} files written below {}\n", files.size(), line.write);
    return Exit::done;
  }
  if (line.name.empty()) return list_vocabulary({});
  const std::string page = docs_page(catalogue, line.name);
  if (page.empty()) {
    const std::vector<std::string> kinds = catalogue.kinds();
    if (std::find(kinds.begin(), kinds.end(), line.name) == kinds.end()) {
      throw unknown_word(catalogue, line.name);
    }
    return list_vocabulary(line.name);
  }
  fmt::print("{}{}", page, page.back() == '\n' ? "" : "\n");
  return Exit::done;
}

Exit explain(const CommandLine& line) {
  ExplainQuestion question;
  question.folder = line.name;
  question.hospital = line.hospital;
  question.round = line.round;
  fmt::print("{}", explain_run(question));
  return Exit::done;
}

Exit write_starter(const std::string& name) {
  const std::string file = fs::path(name).extension() == ".lua" ? name : name + ".lua";
  std::error_code ignored;
  if (fs::path(name).filename().empty()) {
    throw ScenarioError({}, fmt::format("new: \"{}\" names no file", name),
                        "give a name: polyclinic new mine");
  }
  if (fs::exists(file, ignored)) {
    throw ScenarioError({}, fmt::format("{} is already there", file),
                        "give another name; nothing was changed");
  }
  write_file(file, kStarter);
  fmt::print("{0} is written; try: polyclinic run {0}\n", file);
  return Exit::done;
}

}  // namespace polyclinic
