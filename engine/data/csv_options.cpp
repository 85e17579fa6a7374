#include "data/csv_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

namespace {

// Words of a list, or one; numbers as they are printed.
std::vector<std::string> texts(const Value* value) {
  std::vector<std::string> result;
  if (!value) return result;
  const auto text_of = [](const Value& item) {
    const auto number = item.number();
    return number ? fmt::format("{}", *number) : item.as<std::string>();
  };
  const auto* items = value->get_if<List>();
  if (!items) return {text_of(*value)};
  for (const Value& item : *items) result.push_back(text_of(item));
  return result;
}

std::vector<std::string> texts(const Part& part, std::string_view field) {
  return texts(part.find(field));
}

// A column is named by a string or by column "name".
std::string column_name(const Value* value) {
  if (!value) return {};
  if (const auto* text = value->get_if<std::string>()) return *text;
  const Part* part = value->part();
  ENSURE(part != nullptr, "the schema asks for a column");
  return part->text("name");
}

std::string found_path(const Value& value) {
  const auto* file = value.get_if<FilePath>();
  return file ? file->found : value.as<std::string>();
}

void read_sources(const Part& part, CsvOptions& options) {
  const Value* files = part.find("files");
  const Value* file = part.find("file");
  if (files && file) {
    throw part.mistake("file", "cohort.csv has both 'file' and 'files'",
                       "file: one table of all hospitals; files: one for each hospital");
  }
  if (!files && !file) {
    throw part.mistake("files", "cohort.csv needs 'files' or 'file'",
                       "files = { Lyon = data \"lyon.csv\", Oslo = data \"oslo.csv\" }\n"
                       "file = data \"all.csv\", hospital = column \"site\"");
  }
  if (file) {
    options.sources.push_back({found_path(*file), {}});
    return;
  }
  for (const auto& [name, value] : files->as<Table>()) {
    const List* several = value.get_if<List>();
    if (!several) {
      options.sources.push_back({found_path(value), name});
      continue;
    }
    if (several->empty()) {
      throw part.mistake("files", fmt::format("'files' names no file for '{}'", name),
                         "leave the hospital out, or give it a file");
    }
    for (const Value& one : *several) options.sources.push_back({found_path(one), name});
  }
  if (options.sources.empty()) throw part.mistake("files", "'files' names no file");
}

// A file per hospital, a column that names it, or a partition: exactly one of the three.
void read_hospitals(const Part& part, CsvOptions& options) {
  options.hospital = column_name(part.find("hospital"));
  if (const Part* partition = part.part("partition")) options.partition = *partition;
  options.order = texts(part, "order");
  options.minimum_rows = part.integer("minimum_rows");
  const bool by_file = part.find("files") != nullptr;
  if (options.partition && options.partition->name == "by_column") {
    if (!options.hospital.empty()) {
      throw part.mistake("partition", "'hospital' and partition.by_column say the same thing twice",
                         "leave one of them out");
    }
    options.hospital = column_name(options.partition->find("column"));
    options.partition.reset();
  }
  const int ways =
      (by_file ? 1 : 0) + (options.hospital.empty() ? 0 : 1) + (options.partition ? 1 : 0);
  if (ways == 0) {
    throw part.mistake("file", "nothing says which hospital a row belongs to",
                       "hospital = column \"site\" where a column names it, or cut the table into\n"
                       "hospitals: partition = partition.dirichlet { count = 8, alpha = 0.5 }");
  }
  if (ways > 1 && !options.partition) {
    throw part.mistake("hospital",
                       "'files' gives every hospital a file, and 'hospital' names a column",
                       "leave one of them out");
  }
  if (ways > 1) {
    throw part.mistake("partition",
                       "the rows belong to hospitals already: there is nothing to partition",
                       "partition.* cuts up one 'file' without a hospital column");
  }
}

void read_outcome(const Part& part, CsvOptions& options) {
  const Value& value = part.at("outcome");
  CsvOutcome& outcome = options.outcome;
  if (const Value* task = part.find("task")) {
    const auto& asked = task->as<std::string>();
    for (const auto kind : {OutcomeKind::binary, OutcomeKind::multiclass, OutcomeKind::regression,
                            OutcomeKind::count, OutcomeKind::survival}) {
      if (name(kind) == asked) outcome.task = kind;
    }
  }
  const Part* how = value.part();
  if (!how || how->kind == "column") {
    outcome.column = column_name(&value);
    if (outcome.task == OutcomeKind::survival) {
      throw part.mistake("outcome", "survival needs a time and whether its end was seen",
                         "outcome = time_to_event { time = \"days\", event = \"died\" }");
    }
    return;
  }
  if (how->kind == "time_to_event") {
    outcome.column = column_name(how->find("time"));
    outcome.event = column_name(how->find("event"));
    if (outcome.task && outcome.task != OutcomeKind::survival) {
      throw part.mistake("task", "an outcome time_to_event is survival, nothing else");
    }
    outcome.task = OutcomeKind::survival;
    return;
  }
  outcome.column = column_name(how->find("column"));
  outcome.values = texts(*how, "values");
  if (outcome.values.empty()) {
    outcome.above = how->number("above");
  } else if (how->given("above")) {
    throw how->mistake("values", "positive takes 'values' or 'above', not both");
  }
  if (outcome.task && outcome.task != OutcomeKind::binary) {
    throw part.mistake("task", "an outcome positive is binary, nothing else");
  }
  outcome.task = OutcomeKind::binary;
}

void read_groups(const Part& part, CsvOptions& options) {
  const Value* groups = part.find("groups");
  if (!groups) return;
  const auto* table = groups->get_if<Table>();
  if (!table) return;  // an empty list
  for (const auto& [name, value] : *table) {
    CsvGroup group;
    group.name = name;
    const Part* how = value.part();
    if (how && how->kind == "bands") {
      group.column = column_name(how->find("column"));
      group.cuts = *how->at("cuts").as<Numbers>();
      const bool increasing = std::adjacent_find(group.cuts.begin(), group.cuts.end(),
                                                 std::greater_equal<>()) == group.cuts.end();
      if (group.cuts.empty() || !increasing) {
        throw how->mistake("cuts", "the cuts of bands must be numbers that increase",
                           "bands { column = \"age\", cuts = { 40, 60, 75 } }");
      }
    } else {
      group.column = column_name(&value);
      const Value* names = how ? how->find("names") : nullptr;
      const Table* shown = names ? names->get_if<Table>() : nullptr;
      if (shown) {
        for (const auto& [level, text] : *shown) group.names[level] = text.as<std::string>();
      }
    }
    options.groups.push_back(std::move(group));
  }
}

void read_shares(const Part& split, SplitShares& shares) {
  const auto share = [&](std::string_view field) {
    const Value* value = split.find(field);
    return value ? value->number() : std::nullopt;
  };
  const auto train = share("train");
  const auto validation = share("validation");
  const auto test = share("test");
  if (train || validation || test) {
    // what is not given: no validation, and train or test take the rest
    shares.validation = validation.value_or(0.0);
    shares.test = test.value_or(train ? std::max(0.0, 1.0 - *train - shares.validation) : 0.2);
    shares.train = train.value_or(1.0 - shares.validation - shares.test);
  }
  if (const auto minimum = share("test_minimum")) {
    shares.test_minimum = static_cast<std::int32_t>(*minimum);
  }
  const double sum = shares.train + shares.validation + shares.test;
  if (sum > 1.0 + 1e-9 || shares.train <= 0) {
    throw split.mistake(
        "train",
        fmt::format("the shares train = {}, validation = {} and test = {} are more than the whole",
                    shares.train, shares.validation, shares.test),
        "they add up to at most 1, and train is above 0");
  }
}

// Line numbers of one file.
std::vector<std::int32_t> lines_of_file(const Part& split, std::string_view field,
                                        const std::string& hospital, const Value& numbers) {
  std::vector<std::int32_t> result;
  for (const double line : *numbers.as<Numbers>()) {
    if (line < 1 || line > 2e9 || line != static_cast<double>(static_cast<std::int32_t>(line))) {
      throw split.mistake(field, fmt::format("'{}': {} is no line number", hospital, line),
                          "lines count from 1");
    }
    result.push_back(static_cast<std::int32_t>(line));
  }
  return result;
}

CsvSplit::Lines line_numbers(const Part& split, std::string_view field) {
  CsvSplit::Lines result;
  const Value* value = split.find(field);
  const Table* table = value ? value->get_if<Table>() : nullptr;
  if (!table) return result;
  for (const auto& [hospital, numbers] : *table) {
    auto& files = result[hospital];
    if (const List* several = numbers.get_if<List>()) {
      for (const Value& one : *several) {
        files.push_back(lines_of_file(split, field, hospital, one));
      }
    } else {
      files.push_back(lines_of_file(split, field, hospital, numbers));
    }
  }
  return result;
}

void read_split(const Part& part, CsvOptions& options) {
  const Part* split = part.part("split");
  if (!split) return;
  if (split->name == "column") {
    options.split.kind = CsvSplit::Kind::column;
    options.split.column = column_name(split->find("column"));
  } else if (split->name == "lines") {
    options.split.kind = CsvSplit::Kind::lines;
    options.split.train = line_numbers(*split, "train");
    options.split.validation = line_numbers(*split, "validation");
    options.split.test = line_numbers(*split, "test");
  } else {
    read_shares(*split, options.split.shares);
    if (split->name == "by_patient") {
      const std::string patient = column_name(split->find("patient"));
      if (!options.patient.empty() && options.patient != patient) {
        throw part.mistake(
            "split", fmt::format("split.by_patient names '{}', and 'patient' names '{}'", patient,
                                 options.patient));
      }
      options.patient = patient;
    }
  }
}

void read_columns(const Part& part, CsvOptions& options) {
  options.columns = texts(part, "columns");
  for (std::size_t i = 0; i < options.columns.size(); ++i) {
    const auto end = options.columns.begin() + static_cast<long>(i);
    if (std::find(options.columns.begin(), end, options.columns[i]) != end) {
      throw part.mistake("columns", fmt::format("'columns' names '{}' twice", options.columns[i]));
    }
  }
  if (part.find("header")) options.header = part.flag("header");
  options.drop = texts(part, "drop");
  for (const std::string& name : texts(part, "categorical")) {
    options.types[name] = CsvType::categorical;
  }
  if (const Value* types = part.find("types"); types && types->get_if<Table>()) {
    for (const auto& [name, value] : types->as<Table>()) {
      const auto& type = value.as<std::string>();
      const CsvType wanted = type == "numeric"       ? CsvType::numeric
                             : type == "boolean"     ? CsvType::boolean
                             : type == "categorical" ? CsvType::categorical
                                                     : CsvType::ignored;
      const auto [place, is_new] = options.types.emplace(name, wanted);
      if (!is_new && place->second != wanted) {
        throw part.mistake(
            "types", fmt::format("'{}' is in 'categorical', and 'types' calls it {}", name, type));
      }
    }
  }
  for (const std::string& name : options.drop) options.types[name] = CsvType::ignored;
}

void read_missing(const Part& part, CsvOptions& options) {
  options.missing = texts(part, "missing");
  if (const Value* per_column = part.find("missing_in");
      per_column && per_column->get_if<Table>()) {
    for (const auto& [name, codes] : per_column->as<Table>())
      options.missing_in[name] = texts(&codes);
  }
  options.drop_rows_with_missing = part.text("rows_with_missing") == "drop";
}

}  // namespace

CsvOptions read_csv_options(const Part& part) {
  CsvOptions options;
  options.part = part;
  read_sources(part, options);
  read_hospitals(part, options);
  read_columns(part, options);
  read_missing(part, options);
  options.separator = part.text("separator")[0];
  options.decimal_comma = part.text("decimal") == ",";
  if (options.decimal_comma && options.separator == ',') {
    throw part.mistake("decimal", "a comma cannot separate cells and decimals at once",
                       "files with decimal commas are separated by semicolons: separator = \";\"");
  }
  options.preparation.standardise = standardisation_named(part.text("standardise"));
  options.preparation.impute =
      part.text("impute") == "mean" ? Imputation::mean : Imputation::median;
  if (options.preparation.standardise == Standardisation::federated) {
    if (part.given("impute") && options.preparation.impute == Imputation::median) {
      throw part.mistake("impute",
                         "cohort.csv: 'impute' is \"median\", but with standardise = "
                         "\"federated\" hospitals share sums alone, which give no median",
                         "write impute = \"mean\", or standardise = \"per_hospital\"");
    }
    options.preparation.impute = Imputation::mean;
  }
  options.preparation.indicators = part.flag("indicators") && !options.drop_rows_with_missing;
  options.preparation.all_levels = part.text("encoding") == "all_levels";
  options.patient = column_name(part.find("patient"));
  read_outcome(part, options);
  read_groups(part, options);
  read_split(part, options);
  return options;
}

}  // namespace polyclinic
