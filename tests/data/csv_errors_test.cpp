// Wrong files and wrong fields of cohort.csv: each ends in one message, the full text of which is
// here.
#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// What the terminal shows, with FOLDER for the folder of the files.
std::string mistakes(const Folder& folder, const Fields& fields) {
  try {
    const auto made = cohort(part("cohort", "csv", fields));
    static_cast<void>(made->site({0}));
    return "no mistake";
  } catch (const ScenarioError& error) {
    std::string text;
    for (const Mistake& mistake : error.mistakes())
      text += (text.empty() ? "" : "\n") + to_text(mistake);
    replace_all(text, folder.path(), "FOLDER");
    return text;
  }
}

// One file with a column `site`, an outcome `y` and features; more fields may follow.
std::string of_file(const std::string& text, Fields more = {}) {
  const Folder folder;
  Fields fields{{"file", Value(folder.write("t.csv", text))},
                {"hospital", Value(column("site"))},
                {"outcome", Value(column("y"))}};
  for (auto& field : more) fields.push_back(std::move(field));
  return mistakes(folder, fields);
}

}  // namespace

TEST_CASE("files that cannot be read") {
  const Folder folder;
  // missing
  CHECK(mistakes(folder, {{"file", Value(FilePath{"gone.csv", folder.path() + "/gone.csv"})},
                          {"hospital", Value("site")},
                          {"outcome", Value("y")}}) ==
        "FOLDER/gone.csv: cannot read the file: No such file or directory");
  // directory
  CHECK(mistakes(folder, {{"file", Value(FilePath{"x", folder.path()})},
                          {"hospital", Value("site")},
                          {"outcome", Value("y")}}) == "FOLDER: this is a folder, not a file");
  // empty
  CHECK(of_file("") ==
        "FOLDER/t.csv: the file is empty\n"
        "    its first line names the columns");
  // header only
  CHECK(of_file("site,x,y\n") == "FOLDER/t.csv: the table has no rows, only the names of columns");
  // latin
  CHECK(of_file("site,x,y\nZ\xFCrich,1,0\n") ==
        "FOLDER/t.csv:2: cell 1 of this row is not UTF-8\n"
        "    Z\xEF\xBF\xBDrich,1,0\n"
        "    turn the file to UTF-8, for Western European text by: iconv -f windows-1252 -t utf-8 "
        "FILE");
}

TEST_CASE("rows and headers that do not fit") {
  // ragged
  CHECK(of_file("site,x,y\nA,1,0\nA,2\nA,3,1,9\nB,1,0\n") ==
        "FOLDER/t.csv:3: this row has 2 cells, and there are 3 columns\n"
        "    A,2\n"
        "FOLDER/t.csv:4: this row has 4 cells, and there are 3 columns\n"
        "    A,3,1,9");
  // many ragged
  CHECK(of_file("site,x,y\nA,1,0\nA,2\nA,3\nA\nA,3,1,9\nB,1,0\n") ==
        "FOLDER/t.csv:3: this row has 2 cells, and there are 3 columns\n"
        "    A,2\n"
        "FOLDER/t.csv:4: this row has 2 cells, and there are 3 columns\n"
        "    A,3\n"
        "FOLDER/t.csv:5: this row has 1 cell, and there are 3 columns\n"
        "    A\n"
        "    is the file separated otherwise? separator = \";\"\n"
        "    1 more row has a wrong number of cells");
  // truncated
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1\nB,1") ==
        "FOLDER/t.csv:4: this row has 2 cells, and there are 3 columns\n"
        "    B,1\n"
        "    this is the last row: was the file cut off while it was copied?");
  // wrong separator
  CHECK(of_file("site;x;y\nA;1,5;0\nA;1;1\n") ==
        "FOLDER/t.csv:1: the first line has one cell only: 'site;x;y'\n"
        "    site;x;y\n"
        "    is the file separated otherwise? separator = \";\"");
  // duplicate names
  CHECK(of_file("site,x,x,y\nA,1,1,0\n") ==
        "FOLDER/t.csv:1: columns 2 and 3 are both named 'x'\n"
        "    site,x,x,y\n"
        "           ^\n"
        "    rename one in the file, or name all columns in the scenario:\n"
        "    columns = { ... }, header = true");
  // unnamed
  CHECK(of_file(",site,x,y\n0,A,1,0\n") ==
        "FOLDER/t.csv:1: column 1 has no name\n"
        "    ,site,x,y\n"
        "    ^\n"
        "    of no use: drop = { \"column 1\" }");
  // no header
  CHECK(of_file("1,2,3\n4,5,6\n") ==
        "FOLDER/t.csv:1: the first line holds numbers, not the names of columns\n"
        "    1,2,3\n"
        "    a file without a header needs columns = { \"age\", \"sex\", ... }");
  // header given
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1\n", {{"columns", words({"site", "x", "y"})}}) ==
        "FOLDER/t.csv:1: 'x' in column 'x' is not a number\n"
        "    site,x,y\n"
        "         ^\n"
        "    a code for missing: missing = { \"x\" }\n"
        "    a category: categorical = { \"x\" }; of no use: drop = { \"x\" }\n"
        "    if the first line names the columns: header = true\n"
        "FOLDER/t.csv:1: 'y' in column 'y' is not a number\n"
        "    site,x,y\n"
        "           ^\n"
        "    a code for missing: missing = { \"y\" }\n"
        "    words that mean an event: outcome = positive { column = \"y\", values = { \"y\" } }\n"
        "    if the first line names the columns: header = true");
  // columns too few
  CHECK(of_file("A,1,0\nA,2,1\n", {{"columns", words({"site", "y"})}}) ==
        "FOLDER/t.csv:1: this row has 3 cells, and the scenario's 'columns' names 2\n"
        "    A,1,0\n"
        "    'columns' are site and y");
  // columns twice
  CHECK(of_file("A,1,0\nA,2,1\n", {{"columns", words({"site", "y", "y"})}}) ==
        "world.lua:5: 'columns' names 'y' twice");
  // second file
  CHECK([&] {
    const Folder f;
    return mistakes(f, {{"files", Value(Table{{"A", Value(f.write("a.csv", "x,y\n1,0\n2,1\n"))},
                                              {"B", Value(f.write("b.csv", "z,y\n1,0\n2,1\n"))}})},
                        {"outcome", Value("y")}});
  }() == "FOLDER/b.csv:1: there is no column 'x', which FOLDER/a.csv has\n"
         "    z,y\n"
         "    its columns are z and y");
}

TEST_CASE("cells that are no measurement") {
  // text cell
  CHECK(of_file("site,x,y\nA,1,0\nA,high,1\nB,low,1\n") ==
        "FOLDER/t.csv:3: 'high' in column 'x' is not a number (and 1 more cell of this column)\n"
        "    A,high,1\n"
        "      ^\n"
        "    a code for missing: missing = { \"high\" }\n"
        "    a category: categorical = { \"x\" }; of no use: drop = { \"x\" }");
  // question mark
  CHECK(of_file("site,x,y\nA,?,0\nA,1,1\n") ==
        "FOLDER/t.csv:2: '?' in column 'x' is not a number\n"
        "    A,?,0\n"
        "      ^\n"
        "    a code for missing: missing = { \"?\" }\n"
        "    a category: categorical = { \"x\" }; of no use: drop = { \"x\" }");
  // nan
  CHECK(of_file("site,x,y\nA,NaN,0\nA,1,1\n") ==
        "FOLDER/t.csv:2: 'NaN' in column 'x' is not a finite number\n"
        "    A,NaN,0\n"
        "      ^\n"
        "    a code for missing: missing = { \"NaN\" }");
  // inf
  CHECK(of_file("site,x,y\nA,-inf,0\nA,1,1\n") ==
        "FOLDER/t.csv:2: '-inf' in column 'x' is not a finite number\n"
        "    A,-inf,0\n"
        "      ^\n"
        "    a code for missing: missing = { \"-inf\" }");
  // 1e308
  CHECK(of_file("site,x,y\nA,1e308,0\nA,1,1\n") ==
        "FOLDER/t.csv:2: '1e308' in column 'x' is too large for a measurement\n"
        "    A,1e308,0\n"
        "      ^\n"
        "    numbers reach to 1e30; a code for missing: missing_in = { x = { \"1e308\" } }");
  // 1e999
  CHECK(of_file("site,x,y\nA,1e999,0\nA,1,1\n") ==
        "FOLDER/t.csv:2: '1e999' in column 'x' is not a finite number\n"
        "    A,1e999,0\n"
        "      ^\n"
        "    a code for missing: missing = { \"1e999\" }");
  // decimal comma
  CHECK(of_file("site;x;y\nA;1,5;0\nA;1;1\n", {{"separator", Value(";")}}) ==
        "FOLDER/t.csv:2: '1,5' in column 'x' is not a number\n"
        "    A;1,5;0\n"
        "      ^\n"
        "    a code for missing: missing = { \"1,5\" }\n"
        "    a category: categorical = { \"x\" }; of no use: drop = { \"x\" }\n"
        "    a decimal comma: decimal = \",\"");
  // category of names
  CHECK([&] {
    std::string text = "site,x,y\n";
    for (int i = 0; i < 1500; ++i)
      text += "A,n" + std::to_string(i) + "," + std::to_string(i % 2) + "\n";
    return of_file(text, {{"categorical", words({"x"})}});
  }() == "FOLDER/t.csv:1002: column 'x' has more than 1000 different values: this is no category "
         "(and 499 more cells of this column)\n"
         "    A,n1000,0\n"
         "      ^\n"
         "    of no use: drop = { \"x\" }");
}

TEST_CASE("columns that are not there") {
  // unknown columns
  CHECK(of_file("site,x,y\nA,1,0\n",
                {{"drop", words({"sit", "z"})}, {"categorical", words({"w"})}}) ==
        "world.lua:5: drop: FOLDER/t.csv has no column 'sit'\n"
        "    did you mean 'site'?\n"
        "    its columns are site, x and y\n"
        "world.lua:5: drop: FOLDER/t.csv has no column 'z'\n"
        "    its columns are site, x and y\n"
        "world.lua:6: categorical: FOLDER/t.csv has no column 'w'\n"
        "    its columns are site, x and y");
  // no features
  CHECK(of_file("site,y\nA,0\nA,1\n") ==
        "world.lua:4: FOLDER/t.csv has no column left to learn from\n"
        "    its columns are site and y");
  // all missing
  CHECK(of_file("site,x,z,y\nA,1,,0\nA,2,,1\nB,2,,0\nB,2,,1\n") ==
        "world.lua:1: column 'z' has no value in any hospital\n"
        "    leave it out: drop = { \"z\" }");
}

TEST_CASE("outcomes that are none") {
  // one class
  CHECK(of_file("site,x,y\nA,1,0\nA,2,0\nB,2,0\n") ==
        "world.lua:4: the outcome 'y' is 0 in every row of every hospital");
  // no outcome
  CHECK(of_file("site,x,y\nA,1,\nB,2,\n") ==
        "world.lua:4: the outcome 'y' is missing in every row");
  // not binary
  CHECK(of_file("site,x,y\nA,1,0\nA,2,3\nB,2,1\n") ==
        "FOLDER/t.csv:3: the outcome 'y' is 3 here: it holds more than 0 and 1\n"
        "    A,2,3\n"
        "    an event is a value above 0: outcome = positive \"y\"\n"
        "    it is no yes or no: task = \"multiclass\", \"regression\" or \"count\"");
  // outcome words
  CHECK(of_file("site,x,y\nA,1,no\nA,2,yes\nB,2,yes\n") ==
        "FOLDER/t.csv:2: 'no' in column 'y' is not a number (and 2 more cells of this column)\n"
        "    A,1,no\n"
        "        ^\n"
        "    a code for missing: missing = { \"no\" }\n"
        "    words that mean an event: outcome = positive { column = \"y\", values = { \"no\" } }");
  // positive values
  CHECK(
      of_file("site,x,y\nA,1,died\nA,2,alive\n", {}) ==
      "FOLDER/t.csv:2: 'died' in column 'y' is not a number (and 1 more cell of this column)\n"
      "    A,1,died\n"
      "        ^\n"
      "    a code for missing: missing = { \"died\" }\n"
      "    words that mean an event: outcome = positive { column = \"y\", values = { \"died\" } }");
  // count
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1.5\n", {{"task", Value("count")}}) ==
        "FOLDER/t.csv:3: the outcome 'y' is 1.5 here: it is no count\n"
        "    A,2,1.5\n"
        "    task = \"regression\" takes any number");
  // survival
  CHECK(of_file("site,x,t,e\nA,1,5,1\nA,2,0,1\n", {{"task", Value("survival")}}) ==
        "world.lua:4: survival needs a time and whether its end was seen\n"
        "    outcome = time_to_event { time = \"days\", event = \"died\" }");
}

TEST_CASE("hospitals without rows") {
  // no hospital
  CHECK(of_file("site,x,y\nA,1,0\n,2,1\n") ==
        "FOLDER/t.csv:3: column 'site' names no hospital in this row\n"
        "    ,2,1\n"
        "    every row needs its hospital");
  // empty by drop
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1\nB,,1\n", {{"rows_with_missing", Value("drop")}}) ==
        "FOLDER/t.csv: hospital 'B' has no rows left: all 1 lack a value\n"
        "    drop the columns that it never fills, or rows_with_missing = \"impute\"");
  // tiny hospital
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1\nB,2,1\nA,5,1\n",
                {{"split", Value(part("split", "stratified", {{"train", Value(0.3)}}))}}) ==
        "world.lua:5: hospital 'B' has 1 row and none of them is for training\n"
        "    minimum_rows = 10 leaves out hospitals with fewer rows");
  // order
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1\n", {{"order", words({"B"})}}) ==
        "world.lua:5: order: there is no hospital 'B'\n"
        "    hospitals are A");
  // minimum
  CHECK(of_file("site,x,y\nA,1,0\nA,2,1\n", {{"minimum_rows", Value(50)}}) ==
        "world.lua:5: no hospital has 50 rows");
}

TEST_CASE("splits that mix or miss") {
  // bad fold
  CHECK(of_file("site,x,f,y\nA,1,train,0\nA,2,holdout,1\n",
                {{"split", Value(part("split", "column", {{"column", Value("f")}}))}}) ==
        "FOLDER/t.csv:3: 'holdout' in column 'f' is no split\n"
        "    A,2,holdout,1\n"
        "    a split is train, validation or test");
  // patient twice
  CHECK(of_file("site,x,f,p,y\nA,1,train,7,0\nA,2,test,7,1\n",
                {{"patient", Value("p")},
                 {"split", Value(part("split", "column", {{"column", Value("f")}}))}}) ==
        "FOLDER/t.csv:3: patient '7' is in test here and in train elsewhere\n"
        "    A,2,test,7,1\n"
        "    all rows of a patient belong into one split: split.by_patient sees to it");
  // lines
  CHECK(
      of_file("site,x,y\nA,1,0\nA,2,1\n",
              {{"split",
                Value(part("split", "lines",
                           {{"train", Value(Table{{"A", Value(List{Value(2), Value(9)})}})}}))}}) ==
      "world.lua:5: split.lines: train: 'A' has no row at line 9");
  // more lists of lines than files
  CHECK(
      of_file(
          "site,x,y\nA,1,0\nA,2,1\n",
          {{"split",
            Value(part("split", "lines",
                       {{"train", Value(Table{{"A", Value(List{Value(List{Value(2)}),
                                                               Value(List{Value(3)})})}})}}))}}) ==
      "world.lua:5: split.lines: train: 'A' has 1 file and 2 lists of lines\n"
      "    one list of lines for each file, in the same order");
  // lines hospital
  CHECK(
      of_file("site,x,y\nA,1,0\nA,2,1\n",
              {{"split",
                Value(part("split", "lines",
                           {{"train", Value(Table{{"B", Value(List{Value(2), Value(9)})}})}}))}}) ==
      "world.lua:5: split: there is no hospital 'B'\n"
      "    hospitals are A");
  // shares
  CHECK(
      of_file("site,x,y\nA,1,0\nA,2,1\n",
              {{"split", Value(part("split", "stratified",
                                    {{"train", Value(0.8)}, {"test", Value(0.4)}}))}}) ==
      "world.lua:2: the shares train = 0.8, validation = 0 and test = 0.4 are more than the whole\n"
      "    they add up to at most 1, and train is above 0");
}

TEST_CASE("fields that contradict each other") {
  const Folder folder;
  // both
  CHECK([&] {
    const Folder f;
    return mistakes(f, {{"file", Value(f.write("a", "x"))},
                        {"files", Value(Table{{"A", Value("x")}})},
                        {"outcome", Value("y")}});
  }() == "world.lua:2: cohort.csv has both 'file' and 'files'\n"
         "    file: one table of all hospitals; files: one for each hospital");
  // neither
  CHECK(mistakes(folder, {{"outcome", Value("y")}}) ==
        "world.lua:1: cohort.csv needs 'files' or 'file'\n"
        "    files = { Lyon = data \"lyon.csv\", Oslo = data \"oslo.csv\" }\n"
        "    file = data \"all.csv\", hospital = column \"site\"");
  // nohospital
  CHECK(mistakes(folder, {{"file", Value("t")}, {"outcome", Value("y")}}) ==
        "world.lua:2: nothing says which hospital a row belongs to\n"
        "    hospital = column \"site\" where a column names it, or cut the table into\n"
        "    hospitals: partition = partition.dirichlet { count = 8, alpha = 0.5 }");
  // filesandcol
  CHECK(mistakes(folder, {{"files", Value(Table{{"A", Value("x")}})},
                          {"hospital", Value("site")},
                          {"outcome", Value("y")}}) ==
        "world.lua:3: 'files' gives every hospital a file, and 'hospital' names a column\n"
        "    leave one of them out");
  // filesandpart
  CHECK(mistakes(folder, {{"files", Value(Table{{"A", Value("x")}})},
                          {"partition", Value(part("partition", "iid", {}))},
                          {"outcome", Value("y")}}) ==
        "world.lua:3: the rows belong to hospitals already: there is nothing to partition\n"
        "    partition.* cuts up one 'file' without a hospital column");
}

}  // namespace polyclinic
