// From events and results to rows: the statements of one open results database. Used by one thread
// at a time.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "net/population.hpp"
#include "record/sqlite.hpp"
#include "trace/event.hpp"
#include "world/result.hpp"

namespace polyclinic {

// Creates a database with its tables. Throws SqliteError.
Sqlite create_results_database(const std::string& path);

// Throws SqliteError from every member.
class DatabaseRows {
 public:
  // Creates the tables in an empty file.
  explicit DatabaseRows(const std::string& path);

  void write(const HospitalProfile& profile);
  void write(const Event& event);
  // state: "done", "interrupted", "failed".
  void write(const RunResult& result, std::string_view state);
  // Makes everything written so far durable against the end of this process.
  void commit();

 private:
  struct Writing;  // one overload per kind of event
  void begin();
  void write_account(const HospitalAccount& account);
  void write_privacy(const PrivacyReport& report);
  void write_membership(const MembershipResult& found);
  void write_groups(const ArmResult& a);
  void write_fairness(const RunResult& result);
  void write_attacks(const std::vector<AttackAccount>& attacks);
  void write_forgettings(const std::vector<ForgettingRecord>& forgotten);
  std::int64_t arm(const std::string& name);

  Sqlite database_;
  bool in_transaction_ = false;
  std::map<std::string, std::int64_t> arms_;
  SqliteStatement run_, end_, arm_, hospital_, round_, close_, regional_round_, regional_close_,
      crossing_, version_, participant_, invited_, used_, training_, arrival_, metric_, transfer_,
      drop_, phase_, happening_, note_;
};

}  // namespace polyclinic
