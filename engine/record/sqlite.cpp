#include "record/sqlite.hpp"

#include <sqlite3.h>

#include <system_error>

#include "base/check.hpp"

namespace polyclinic {

namespace {

// The message, and what the system said below it where SQLite knows: "disk I/O error (File too
// large)".
std::string error_text(sqlite3* connection) {
  std::string text = sqlite3_errmsg(connection);
  if (const int system = sqlite3_system_errno(connection); system != 0) {
    text += " (" + std::system_category().message(system) + ")";
  }
  return text;
}

}  // namespace

SqliteStatement::SqliteStatement(sqlite3* connection, std::string_view sql)
    : connection_(connection) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  statement_.reset(raw);
  if (code != SQLITE_OK) throw SqliteError(error_text(connection));
}

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteStatement::check(int code) const {
  if (code != SQLITE_OK) throw SqliteError(error_text(connection_));
}

SqliteStatement& SqliteStatement::reset() {
  // what an earlier step said was thrown then
  sqlite3_reset(statement_.get());
  check(sqlite3_clear_bindings(statement_.get()));
  return *this;
}

SqliteStatement& SqliteStatement::bind(int index, std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), index, value));
  return *this;
}

SqliteStatement& SqliteStatement::bind(int index, double value) {
  check(sqlite3_bind_double(statement_.get(), index, value));
  return *this;
}

SqliteStatement& SqliteStatement::bind(int index, std::string_view value) {
  check(sqlite3_bind_text(statement_.get(), index, value.data(), static_cast<int>(value.size()),
                          SQLITE_TRANSIENT));
  return *this;
}

SqliteStatement& SqliteStatement::bind(int index, const std::optional<double>& value) {
  if (value) return bind(index, *value);
  check(sqlite3_bind_null(statement_.get(), index));
  return *this;
}

SqliteStatement& SqliteStatement::bind(int index, const std::optional<std::int64_t>& value) {
  if (value) return bind(index, *value);
  check(sqlite3_bind_null(statement_.get(), index));
  return *this;
}

bool SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) throw SqliteError(error_text(connection_));
  return false;
}

bool SqliteStatement::null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double SqliteStatement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string SqliteStatement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  return text ? reinterpret_cast<const char*>(text) : "";
}

void Sqlite::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Sqlite::Sqlite(const std::string& path, Mode mode) {
  const int flags =
      mode == Mode::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  connection_.reset(raw);
  if (code != SQLITE_OK) throw SqliteError(raw ? error_text(raw) : "out of memory");
  // a reader beside a running writer waits a moment rather than failing
  sqlite3_busy_timeout(raw, 2'000);
}

void Sqlite::run(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw SqliteError(error_text(connection_.get()));
  }
}

SqliteStatement Sqlite::prepare(std::string_view sql) const {
  return {connection_.get(), sql};
}

void Sqlite::close() {
  const int code = sqlite3_close(connection_.get());
  ENSURE(code != SQLITE_BUSY, "statements are gone before their connection is closed");
  static_cast<void>(connection_.release());
}

}  // namespace polyclinic
