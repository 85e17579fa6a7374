// The reader of rows: what spreadsheets and hospitals really write.
#include "data/csv_reader.hpp"

#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

struct Row {
  int line;
  std::vector<std::string> cells;
  friend bool operator==(const Row&, const Row&) = default;
};

std::vector<Row> rows_of(std::string_view text, char separator = ',') {
  std::vector<Row> rows;
  read_csv_text(text, "t.csv", separator, [&](int line, std::span<const std::string_view> cells) {
    rows.push_back({line, {cells.begin(), cells.end()}});
  });
  return rows;
}

std::string mistake_of(std::string_view text) {
  try {
    rows_of(text);
  } catch (const ScenarioError& error) {
    return to_text(error.mistakes()[0]);
  }
  return "no mistake";
}

}  // namespace

TEST_CASE("rows have the line they begin in; blank lines are no rows") {
  const std::vector<Row> expected{{1, {"a", "b"}}, {4, {"1", "2"}}, {5, {"3", "4"}}};
  CHECK(rows_of("a,b\n\n\n1,2\n3,4\n") == expected);
  CHECK(rows_of("a,b\n\n\n1,2\n3,4") == expected);
  CHECK(rows_of("a,b\r\n\r\n\r\n1,2\r\n3,4\r\n") == expected);
  CHECK(rows_of("a,b\r\r\r1,2\r3,4\r") == expected);
  CHECK(rows_of("\xEF\xBB\xBF"
                "a,b\n\n\n1,2\n3,4\n") == expected);
  CHECK(rows_of("a,b\n\n  \n 1 ,2\t\n3,4\n") == expected);
}

TEST_CASE("quoted cells keep separators, quotes and newlines, and lines still count") {
  CHECK(rows_of("\"a,b\",\"say \"\"hm\"\"\"\n\"two\r\nlines\",x\ny,z\n") ==
        std::vector<Row>{{1, {"a,b", "say \"hm\""}}, {2, {"two\r\nlines", "x"}}, {4, {"y", "z"}}});
}

TEST_CASE("empty cells are cells, other separators separate") {
  CHECK(rows_of(",,\n") == std::vector<Row>{{1, {"", "", ""}}});
  CHECK(rows_of("1,5;2\n", ';') == std::vector<Row>{{1, {"1,5", "2"}}});
  CHECK(rows_of("1\t\t2\n", '\t') == std::vector<Row>{{1, {"1", "", "2"}}});
  CHECK(rows_of("").empty());
  CHECK(rows_of("\n\r\n\n").empty());
}

TEST_CASE("text that is no table ends in one clear message") {
  CHECK(mistake_of("a,b\n1,Z\xFCrich\n") ==
        "t.csv:2: cell 2 of this row is not UTF-8\n"
        "    turn the file to UTF-8, for Western European text by: iconv -f windows-1252 -t utf-8 "
        "FILE");
  CHECK(mistake_of("a,b\n1,5\" tube\n") ==
        "t.csv:2: stray quote in cell 2 of this row\n"
        "    a cell with quotes is quoted as a whole, and its own quotes are written twice: "
        "\"5\"\" tube\"");
  CHECK(mistake_of("a,b\n1,\"open\n2,3\n") ==
        "t.csv:2: a quote is opened in this row and never closed\n"
        "    a quote inside a quoted cell is written twice: \"\"");
  CHECK(mistake_of(std::string_view("a,b\n1,\0", 7)) ==
        "t.csv:2: there is a zero byte in this row: the file is no text\n"
        "    UTF-16 text is turned to UTF-8 by: iconv -f utf-16 -t utf-8 FILE");
  CHECK(mistake_of("a,b\n1,\"" + std::string(3 << 20, 'x')) ==
        "t.csv:2: a cell of more than 1 MiB begins in this row\n"
        "    is a quote opened and never closed? is this a table at all?");
  CHECK(mistake_of("a\n" + std::string(3 << 20, ',')) ==
        "t.csv:2: this row has more than a million cells\n"
        "    is this a table at all?");
}

TEST_CASE("chunks do not show: any cut of the text gives the same rows") {
  // longer than two chunks of 64 KiB, cells of odd lengths, CR LF and quotes on every border
  std::string text;
  std::vector<Row> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string cell(static_cast<std::size_t>(i % 13), 'x');
    text += cell + ",\"q" + cell + "\"\r\n";
    expected.push_back({i + 1, {cell, "q" + cell}});
  }
  CHECK((rows_of(text) == expected));
  const Folder folder;
  std::vector<Row> from_file;
  read_csv(folder.write("big.csv", text).found, ',',
           [&](int line, std::span<const std::string_view> cells) {
             from_file.push_back({line, {cells.begin(), cells.end()}});
           });
  CHECK((from_file == expected));
}

TEST_CASE("the caret's column is found behind quoted cells") {
  const Folder folder;
  const std::string path = folder.write("c.csv", "a,b,c\n\"x,y\",2,3\n").found;
  CHECK(cell_column(path, 2, 0, ',') == 1);
  CHECK(cell_column(path, 2, 1, ',') == 7);
  CHECK(cell_column(path, 2, 2, ',') == 9);
  CHECK(cell_column(path, 9, 0, ',') == 0);
}

}  // namespace polyclinic
