// What happens to the data of hospitals while a federation runs: instruments that read differently,
// codes and labels that are recorded differently, epidemic waves. A change is of an instant; which
// data a hospital has at a time follows from the changes alone, so that nothing need be done where
// nobody looks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/time.hpp"
#include "data/preparation.hpp"

namespace polyclinic {

// A column of the record as a change names it.
struct ColumnFacts {
  std::string name;  // "lactate", also where the model sees its logarithm
  ColumnKind kind = ColumnKind::numeric;
  std::vector<std::string> levels;  // categorical: in the order of their numbers
  bool logarithm = false;           // the column holds logarithms
};

// What of a cohort's data can change.
struct DataFacts {
  std::vector<ColumnFacts> columns;  // in the order of the table
  OutcomeKind task = OutcomeKind::binary;
  std::int32_t classes = 2;
  bool makes_patients = false;  // a wave's patients are generated, not drawn from those there
  bool prepares = false;        // each hospital prepares its rows by statistics of its own
};

struct DataChange {
  enum class Kind : std::uint8_t {
    scanner,          // numbers are read as scale * x + add
    recalibration,    // they are read as at the beginning
    coding,           // codes are replaced
    labels,           // a share of one class is recorded as another
    standardisation,  // the hospital fits its preparation anew
    wave,             // for some time other patients come
  };
  Kind kind = Kind::scanner;
  std::vector<std::int32_t> columns;  // scanner, recalibration, coding: increasing
  double scale = 1;
  double add = 0;
  std::vector<std::pair<double, double>> codes;  // from, to
  double share = 1;
  float from = 0;  // labels
  float to = 0;
  // of a wave, at its height
  double log_odds = 0;  // of the outcome's class `of`
  std::int32_t of = 1;
  double severity = 0;   // shift of the respiratory and the inflammatory factor
  double age_years = 0;  // by which patients are older
  std::vector<std::pair<std::int32_t, double>>
      mix;          // log weight of a standard deviation, by column
  double busy = 1;  // factor on queues and trainings
  TimeNs rise, hold, fall;
  std::int64_t steps = 1;
  std::string text;  // "scanner, lactate: 1.3 x + 0.2"

  // How far it has gone so long after its beginning: 0 not at all, `steps` wholly; 1 of one that
  // does not pass.
  [[nodiscard]] std::int64_t level(TimeNs since) const;
  [[nodiscard]] std::int64_t full() const { return kind == Kind::wave ? steps : 1; }
  [[nodiscard]] TimeNs peak() const;  // from its beginning to its height
  [[nodiscard]] TimeNs whole() const { return rise + hold + fall; }
};

// The change that a resolved part `change.*` describes. Throws ScenarioError: columns that are not
// there (nearest names), codes that a column does not have, what the cohort cannot do.
DataChange read_change(const Part& part, const DataFacts& facts);

// All changes of a hospital's data together.
struct DataState {
  struct Scanner {
    double scale = 1;
    double add = 0;
  };
  struct Coding {
    std::int32_t column = 0;
    std::vector<std::pair<double, double>> codes;
    double share = 1;
    std::uint64_t which = 0;  // number of the change: its random numbers
  };
  struct Labels {
    float from = 0;
    float to = 0;
    double share = 1;
    std::uint64_t which = 0;
  };
  std::map<std::int32_t, Scanner> scanners;  // by column
  std::vector<Coding> codings;               // in the order in which they came
  std::vector<Labels> labels;
  std::map<std::int32_t, double> log_odds;  // by class
  std::map<std::int32_t, double> mix;       // by column
  double severity = 0;
  double age_years = 0;

  // Other patients than at the beginning.
  [[nodiscard]] bool others() const {
    return !log_odds.empty() || !mix.empty() || severity != 0 || age_years != 0;
  }
  [[nodiscard]] bool empty() const {
    return scanners.empty() && codings.empty() && labels.empty() && !others();
  }
};
using DataStatePtr = std::shared_ptr<const DataState>;

// The data of a hospital at a time.
struct DataEpoch {
  std::uint32_t number = 0;         // tells a hospital's data apart; 0: those of the beginning
  DataStatePtr data;                // null: nothing has changed
  DataStatePtr fitted;              // on which its preparation was fitted; null: the first
  std::uint32_t fitted_number = 0;  // tells preparations apart
  double busy = 1;                  // factor on queues and trainings
};
using DataEpochPtr = std::shared_ptr<const DataEpoch>;  // shared: orders keep it

// A site at a time. Null data: as at the beginning.
struct SiteAt {
  HospitalId hospital;
  DataEpochPtr data;
  [[nodiscard]] std::uint32_t number() const { return data ? data->number : 0; }
  // Null: nothing has changed.
  [[nodiscard]] const DataState* state() const { return data ? data->data.get() : nullptr; }
  friend bool operator==(const SiteAt& a, const SiteAt& b) {
    return a.hospital == b.hospital && a.number() == b.number();
  }
};

// Whom a change reaches and when: the first at once, place p after p delays.
struct ChangeReach {
  std::vector<HospitalId> hospitals;  // increasing
  std::vector<std::int32_t> places;   // of each; empty: all 0
  TimeNs delay;
  [[nodiscard]] std::int64_t last_place() const;
};

// Which data every hospital has now.
class DataEpochs {
 public:
  explicit DataEpochs(std::function<TimeNs()> clock);

  // It begins now. REQUIRES: not called while others ask.
  void add(DataChange change, ChangeReach reach);
  // The hospital's data now; null: as at the beginning. Thread-safe.
  [[nodiscard]] DataEpochPtr of(HospitalId hospital) const;
  [[nodiscard]] std::size_t count() const { return begun_.size(); }
  // Whether some hospital has other data than it had then, when there were so many changes.
  [[nodiscard]] bool moved_since(TimeNs then, std::size_t changes) const;

 private:
  struct Begun {
    DataChange change;
    ChangeReach reach;
    TimeNs at;
  };
  // Changes that a hospital is in, and how far each has gone.
  using Key = std::vector<std::pair<std::uint32_t, std::int64_t>>;

  [[nodiscard]] Key key_of(HospitalId hospital, std::size_t changes, TimeNs now) const;
  [[nodiscard]] DataStatePtr compose(const Key& key) const;

  std::function<TimeNs()> clock_;
  std::vector<Begun> begun_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<HospitalId, Key>, DataEpochPtr> made_;
  mutable std::map<HospitalId, std::uint32_t> numbers_;
};

// The schemas of `change.*`.
std::vector<Schema> change_schemas();

}  // namespace polyclinic
