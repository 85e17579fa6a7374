// The words of the data floor: cohort.*, partition.*, split.* and what names a column.
#include "base/schema.hpp"
#include "data/cohort.hpp"
#include "data/ehr.hpp"

namespace polyclinic {

namespace {

Type column_type() {
  return type::text() | type::part("column");
}
Type codes_type() {
  return type::list(type::text() | type::number()) | type::text() | type::number();
}
Type share_type() {
  return type::number().between(0, 1);
}
Type count_type() {
  return type::integer().between(1, 10'000'000);
}

std::vector<Field> csv_fields() {
  const Type groups = type::table(type::text() | type::part("column") | type::part("bands"));
  return {
      {.name = "files",
       .type = type::table(type::file() | type::list(type::file())),
       .doc = "a file for each hospital, by the hospital's name, or a list of its files"},
      {.name = "file",
       .type = type::file(),
       .doc = "one table of all hospitals; goes with 'hospital' or 'partition'"},
      {.name = "hospital",
       .type = column_type(),
       .doc = "the column that names the hospital of a row"},
      {.name = "partition",
       .type = type::part("partition") | type::none(),
       .doc = "cuts one file without hospitals into hospitals"},
      {.name = "order",
       .type = type::list(type::text()),
       .doc = "hospitals in the order of the network; others follow",
       .standard_text = "by the bytes of their names"},
      {.name = "minimum_rows",
       .type = type::integer().at_least(0),
       .standard = 0,
       .doc = "hospitals with fewer usable rows are left out"},
      {.name = "columns",
       .type = type::list(type::text()),
       .doc = "names of the columns where the file has none",
       .standard_text = "the first line"},
      {.name = "header",
       .type = type::boolean(),
       .doc = "whether the first line names the columns",
       .standard_text = "true, unless 'columns' are given"},
      {.name = "separator",
       .type = type::choice({",", ";", "\t", "|"}),
       .standard = ",",
       .doc = "what stands between cells"},
      {.name = "decimal",
       .type = type::choice({".", ","}),
       .standard = ".",
       .doc = "what stands before decimals"},
      {.name = "drop", .type = type::list(type::text()), .doc = "columns that are not learnt from"},
      {.name = "categorical",
       .type = type::list(type::text()),
       .doc = "columns whose values are names or codes, not amounts"},
      {.name = "types",
       .type = type::table(type::choice({"numeric", "boolean", "categorical", "ignored"})),
       .doc = "how single columns are read",
       .standard_text = "numeric"},
      {.name = "encoding",
       .type = type::choice({"reference", "all_levels"}),
       .standard = "reference",
       .doc = "a categorical column becomes a 0/1 feature per level; reference: without the first"},
      {.name = "missing",
       .type = codes_type(),
       .doc = "codes for a missing value in any column; an empty cell is missing anyway"},
      {.name = "missing_in",
       .type = type::table(codes_type()),
       .doc = "codes for a missing value in single columns: { chol = 0 }"},
      {.name = "rows_with_missing",
       .type = type::choice({"impute", "drop"}),
       .standard = "impute",
       .doc = "fill in missing values, or leave out the rows that have one"},
      {.name = "impute",
       .type = type::choice({"median", "mean"}),
       .standard = "median",
       .doc = "what of the training rows fills in for a missing number; categories take the "
              "commonest",
       .standard_text = "median; with standardise = \"federated\": mean"},
      {.name = "indicators",
       .type = type::boolean(),
       .standard = true,
       .doc = "a 0/1 feature says where a value was missing"},
      {.name = "outcome",
       .type = type::part("positive") | type::part("time_to_event") | type::part("column") |
               type::text(),
       .doc = "what is predicted",
       .required = true},
      {.name = "task",
       .type = type::choice({"binary", "multiclass", "regression", "count", "survival"}),
       .doc = "what the outcome is",
       .standard_text = "binary; survival for time_to_event"},
      {.name = "patient",
       .type = column_type(),
       .doc = "the column that names the patient: all rows of one go to one split",
       .standard_text = "every row is a patient"},
      {.name = "groups",
       .type = groups,
       .doc = "divisions of patients, for the third argument of a metric.custom: { sex = column "
              "\"sex\" }"},
      {.name = "split",
       .type = type::part("split"),
       .doc = "train, validation and test",
       .standard_text = "split.stratified { train = 0.6, validation = 0.2, test = 0.2 }"},
      {.name = "standardise",
       .type = type::choice({"per_hospital", "federated", "none"}),
       .standard = "per_hospital",
       .doc = "(x - mean) / sd by training rows: of the hospital, of all by secure sums, or not at "
              "all"},
  };
}

Schema csv_schema() {
  return {
      .kind = "cohort",
      .name = "csv",
      .doc =
          "Patients from tables of comma-separated values: a file for each hospital, a column that "
          "names "
          "it, or one table cut up. Numbers are imputed and standardised by training rows alone.",
      .fields = csv_fields(),
      .example =
          "cohort.csv { file = data \"icu.csv\", hospital = column \"site\", outcome = positive "
          "\"died\" }"};
}

Schema synthetic_schema() {
  return {
      .kind = "cohort",
      .name = "synthetic",
      .doc =
          "The synthetic (alpha, beta) data of FedProx: 60 features and 10 classes, a linear law "
          "for "
          "each "
          "device. Sizes are int(lognormal(4, 2)) + 50 unless hospitals say how many patients they "
          "have.",
      .paper = "Li et al. 2020, Federated Optimization in Heterogeneous Networks (FedProx)",
      .fields = {{.name = "alpha",
                  .type = type::number().between(0, 100),
                  .standard = 1.0,
                  .doc = "how much the laws of devices differ (sd of their mean)"},
                 {.name = "beta",
                  .type = type::number().between(0, 100),
                  .standard = 1.0,
                  .doc = "how much the inputs of devices differ (sd of their centre)"},
                 {.name = "iid",
                  .type = type::boolean(),
                  .standard = false,
                  .doc = "one law and one centre for all; alpha and beta do nothing"},
                 {.name = "features",
                  .type = type::integer().between(1, 10'000),
                  .standard = 60,
                  .doc = "how many numbers a row has"},
                 {.name = "classes",
                  .type = type::integer().between(2, 1'000),
                  .standard = 10,
                  .doc = "how many classes; the outcome of two is yes or no"},
                 {.name = "devices",
                  .type = count_type(),
                  .standard = 30,
                  .doc = "how many, where the scenario does not say how many hospitals"},
                 {.name = "test",
                  .type = type::number().inside(0, 1),
                  .standard = 0.1,
                  .doc = "share of rows for testing, as in the paper; the rest is for training"}},
      .example = "cohort.synthetic { alpha = 0.5, beta = 0.5 }"};
}

Field patient_count() {
  return {.name = "count",
          .type = count_type(),
          .doc = "how many hospitals",
          .standard_text = "as many as the scenario has"};
}
Field minimum() {
  return {.name = "minimum",
          .type = type::integer().at_least(1),
          .standard = 10,
          .doc = "patients that each hospital gets at least"};
}

std::vector<Schema> partition_schemas() {
  return {
      {.kind = "partition",
       .name = "by_column",
       .doc = "A column names the hospital of a row; the same as hospital = column \"site\".",
       .fields =
           {{.name = "column", .type = column_type(), .doc = "which column", .required = true}},
       .positional = true,
       .example = "partition.by_column \"site\""},
      {.kind = "partition",
       .name = "iid",
       .doc = "Patients at random, as many for each hospital.",
       .fields = {patient_count()},
       .example = "partition.iid { count = 8 }"},
      {.kind = "partition",
       .name = "dirichlet",
       .doc = "Labels unevenly spread, more so the smaller alpha.",
       .paper =
           "by label: Hsu, Qi and Brown 2019; by hospital: Yurochkin et al. 2019, Li et al. 2022",
       .fields = {{.name = "alpha",
                   .type = type::number().between(1e-3, 1e6),
                   .standard = 0.5,
                   .doc = "concentration: 100 is nearly even, 0.1 nearly one label each"},
                  {.name = "by",
                   .type = type::choice({"hospital", "label"}),
                   .standard = "hospital",
                   .doc =
                       "what a draw runs over. hospital: each label is spread over hospitals, "
                       "sizes differ; label: each hospital has its mix of labels, sizes are equal"},
                  patient_count(),
                  minimum()},
       .example = "partition.dirichlet { count = 8, alpha = 0.5 }"},
      {.kind = "partition",
       .name = "shards",
       .doc = "Patients sorted by label, cut into shards, so many for each hospital.",
       .paper = "McMahan et al. 2017",
       .fields = {{.name = "per_hospital",
                   .type = type::integer().at_least(1),
                   .standard = 2,
                   .doc = "shards for each"},
                  patient_count()},
       .example = "partition.shards { count = 8, per_hospital = 2 }"},
      {.kind = "partition",
       .name = "quantity",
       .doc = "Patients at random, unevenly many for each hospital.",
       .paper = "Li et al. 2022 (quantity skew)",
       .fields = {{.name = "alpha",
                   .type = type::number().between(1e-3, 1e6),
                   .standard = 0.5,
                   .doc = "sizes in proportion to a draw from Dirichlet(alpha)"},
                  {.name = "exponent",
                   .type = type::number().between(0, 10),
                   .doc = "instead: the i-th hospital's size in proportion to i^-exponent"},
                  patient_count(),
                  minimum()},
       .example = "partition.quantity { count = 8, exponent = 1.2 }"},
  };
}

std::vector<Field> shares() {
  return {{.name = "train",
           .type = share_type(),
           .doc = "share of patients to learn from",
           .standard_text = "0.6, or what the others leave"},
          {.name = "validation",
           .type = share_type(),
           .doc = "share for choosing thresholds and tuning",
           .standard_text = "0.2, or 0 where another share is given"},
          {.name = "test",
           .type = share_type(),
           .doc = "share that results are measured on",
           .standard_text = "0.2, or what train leaves"},
          {.name = "test_minimum",
           .type = type::integer().between(0, 1'000'000),
           .standard = 5,
           .doc = "events and non-events that test gets at least, up to half of them"}};
}

std::vector<Schema> split_schemas() {
  std::vector<Field> by_patient = shares();
  by_patient.insert(by_patient.begin(), {.name = "patient",
                                         .type = column_type(),
                                         .doc = "the column that names the patient",
                                         .required = true});
  const Type lines = type::table(type::numbers() | type::list(type::numbers()));
  return {
      {.kind = "split",
       .name = "stratified",
       .doc = "At random, each class in the same shares; what the shares leave of 1 is not used.",
       .fields = shares(),
       .example = "split.stratified { train = 0.66, test = 0.34 }"},
      {.kind = "split",
       .name = "by_patient",
       .doc = "As split.stratified, and all rows of a patient go to one split, at all hospitals.",
       .fields = std::move(by_patient),
       .positional = true,
       .example = "split.by_patient \"pid\""},
      {.kind = "split",
       .name = "column",
       .doc = "A column holds train, validation or test.",
       .fields =
           {{.name = "column", .type = column_type(), .doc = "which column", .required = true}},
       .positional = true,
       .example = "split.column \"fold\""},
      {.kind = "split",
       .name = "lines",
       .doc = "Lines of each hospital's file, from 1; lines that are not named are not used. A "
              "hospital with several files gets a list for each of them.",
       .fields =
           {{.name = "train", .type = lines, .doc = "hospital to line numbers", .required = true},
            {.name = "validation", .type = lines, .doc = "hospital to line numbers"},
            {.name = "test", .type = lines, .doc = "hospital to line numbers"}},
       .example = "split.lines { train = { Lyon = { 1, 2, 3 } }, test = { Lyon = { 4, 5 } } }"},
  };
}

std::vector<Schema> column_schemas() {
  return {
      {.kind = "column",
       .doc = "A column of a table, by its name.",
       .fields = {{.name = "name",
                   .type = type::text(),
                   .doc = "as the header or 'columns' has it",
                   .required = true},
                  {.name = "names",
                   .type = type::table(type::text()),
                   .doc = "for groups: how values are shown, { [\"0\"] = \"female\" }"}},
       .positional = true,
       .example = "column \"site\""},
      {.kind = "positive",
       .doc =
           "A yes-or-no outcome from a column: an event is a value above 0, or one of some values.",
       .fields =
           {{.name = "column", .type = column_type(), .doc = "which column", .required = true},
            {.name = "above",
             .type = type::number(),
             .standard = 0.0,
             .doc = "a larger value is an event"},
            {.name = "values", .type = codes_type(), .doc = "instead: these values are events"}},
       .positional = true,
       .example = "positive \"num\""},
      {.kind = "time_to_event",
       .doc = "A survival outcome: days to an event or to the end of being watched.",
       .fields = {{.name = "time",
                   .type = column_type(),
                   .doc = "column of the time, above 0",
                   .required = true},
                  {.name = "event",
                   .type = column_type(),
                   .doc = "column that is 1 where the event was seen, 0 where not",
                   .required = true}},
       .example = "time_to_event { time = \"days\", event = \"died\" }"},
      {.kind = "bands",
       .doc = "Groups of patients by ranges of a number.",
       .fields =
           {{.name = "column", .type = column_type(), .doc = "which column", .required = true},
            {.name = "cuts",
             .type = type::numbers(),
             .doc = "where one band ends and the next begins, increasing",
             .required = true}},
       .positional = true,
       .example = "bands { column = \"age\", cuts = { 40, 60, 75 } }"},
  };
}

}  // namespace

std::vector<Schema> data_schemas() {
  std::vector<Schema> all{csv_schema(), synthetic_schema()};
  for (auto& some :
       {ehr_schemas(), partition_schemas(), split_schemas(), column_schemas(), change_schemas()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace polyclinic
