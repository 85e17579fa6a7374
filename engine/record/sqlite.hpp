// A thin, throwing door to SQLite for the files of this floor.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace polyclinic {

// What SQLite or the file system below it said: "disk I/O error", "attempt to write a readonly
// database".
class SqliteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A prepared statement, used again and again. Parameters count from 1, columns from 0.
// Not thread-safe; must not outlive its connection.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* connection, std::string_view sql);
  // Forgets the last row and values: all parameters are NULL.
  SqliteStatement& reset();
  SqliteStatement& bind(int index, std::int64_t value);
  SqliteStatement& bind(int index, double value);
  SqliteStatement& bind(int index, std::string_view value);
  // NULL without a value.
  SqliteStatement& bind(int index, const std::optional<double>& value);
  SqliteStatement& bind(int index, const std::optional<std::int64_t>& value);
  // True when there is a row.
  bool step();
  // reset, bind everything in order, step to the end: for statements that return nothing.
  template <class... Values>
  void run(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
    while (step()) {
    }
  }
  [[nodiscard]] bool null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double number(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  void check(int code) const;
  sqlite3* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Sqlite {
 public:
  enum class Mode { create, read_only };
  Sqlite(const std::string& path, Mode mode);
  void run(const char* sql);
  [[nodiscard]] SqliteStatement prepare(std::string_view sql) const;
  // Closes the file; throws where the destructor would be silent.
  void close();

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace polyclinic
