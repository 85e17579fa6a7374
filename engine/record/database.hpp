// The results database: everything that a run says, as it says it, in one SQLite file. A single
// writer thread commits once per round, so that a run that is killed leaves a database which opens
// and holds everything up to its last committed round.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/population.hpp"
#include "trace/event.hpp"
#include "world/result.hpp"

namespace polyclinic {

class ResultsDatabase final : public Observer {
 public:
  // Opens nothing yet.
  explicit ResultsDatabase(std::string path);
  // Commits what there is and closes; never throws.
  ~ResultsDatabase() override;
  ResultsDatabase(const ResultsDatabase&) = delete;
  ResultsDatabase& operator=(const ResultsDatabase&) = delete;

  // Who a hospital is; asked once for each that the run names, on the run's thread.
  using ProfileOf = std::function<HospitalProfile(HospitalId)>;
  // Creates the file and starts the writer. Throws ScenarioError when it cannot be created (no such
  // folder, read-only), or when one is there by now: another run's, which stays as it is.
  void open(ProfileOf profile_of);

  // Hands the event to the writer; waits while more than kQueueMax are pending. When writing has
  // failed (disk full) a RoundClosed throws RunError, once; events are then ignored.
  void on(const Event& event) override;

  // Waits for the writer, adds what only the result knows (accounts of hospitals, provenance) and
  // closes the file; state is "done", "interrupted" or "failed". Throws RunError when any of it
  // could not be written, unless on() has said so.
  void finish(const RunResult& result, std::string_view state);

  static constexpr std::size_t kQueueMax = 8192;

 private:
  struct Writer;
  std::string path_;
  ProfileOf profile_of_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace polyclinic
