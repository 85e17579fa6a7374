#include "record/database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <variant>

#include "base/check.hpp"
#include "base/error.hpp"
#include "record/database_rows.hpp"
#include "record/stored_run.hpp"

namespace polyclinic {

// The queue between the run and the thread that writes. The one thread outside base/parallel:
// it waits for files, not for a processor, and must not take a worker's place.
struct ResultsDatabase::Writer {
  using Item = std::variant<HospitalProfile, Event>;

  explicit Writer(const std::string& path) : rows(path), thread([this] { work(); }) {}
  ~Writer() { stop(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void push(Item item) {
    std::unique_lock lock(mutex);
    room.wait(lock, [&] { return queue.size() < kQueueMax || failed; });
    if (failed) return;
    queue.push_back(std::move(item));
    if (queue.size() == 1) work_waits.notify_one();
  }

  // Everything pushed so far is written, or writing has failed. Once.
  void stop() {
    if (!thread.joinable()) return;
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    work_waits.notify_one();
    thread.join();
  }

  void work() {
    std::deque<Item> taken;
    while (true) {
      {
        std::unique_lock lock(mutex);
        work_waits.wait(lock, [&] { return !queue.empty() || stopping; });
        if (queue.empty()) break;
        taken.swap(queue);
      }
      room.notify_one();
      if (!write(taken)) return;
      taken.clear();
    }
    attempt([&] { rows.commit(); });
  }

  bool write(const std::deque<Item>& items) {
    return attempt([&] {
      for (const Item& item : items) {
        std::visit([&](const auto& what) { rows.write(what); }, item);
      }
    });
  }

  // Turns what SQLite throws into `failure`; false when it threw.
  template <class Action>
  bool attempt(Action action) {
    try {
      action();
      return true;
    } catch (const SqliteError& error) {
      const std::lock_guard lock(mutex);
      failure = error.what();
      failed = true;
    }
    room.notify_one();
    return false;
  }

  DatabaseRows rows;  // the thread's until it has ended
  std::mutex mutex;
  std::condition_variable room;
  std::condition_variable work_waits;
  std::deque<Item> queue;
  bool stopping = false;
  std::string failure;  // set before failed
  std::atomic<bool> failed{false};
  bool failure_said = false;                // the run's thread only
  std::unordered_set<std::uint32_t> named;  // hospitals whose profile was pushed; looked up only
  std::thread thread;
};

namespace {

RunError write_error(const std::string& path, const std::string& why) {
  return {{},
          fmt::format("{} cannot be written any more: {}", path, why),
          "what was committed before is kept there; give another folder with --out DIR"};
}

// Hospitals that an event names for the first time must be introduced before it.
struct NamedIn {
  const std::function<void(HospitalId)>& introduce;
  void operator()(const RoundOpened& e) const {
    for (HospitalId id : e.participants) introduce(id);
  }
  void operator()(const RegionalRoundOpened& e) const {
    for (HospitalId id : e.participants) introduce(id);
  }
  void operator()(const MetricMeasured& e) const {
    if (e.hospital) introduce(*e.hospital);
  }
  template <class Other>
  void operator()(const Other&) const {}
};

}  // namespace

ResultsDatabase::ResultsDatabase(std::string path) : path_(std::move(path)) {}

ResultsDatabase::~ResultsDatabase() = default;

void ResultsDatabase::open(ProfileOf profile_of) {
  profile_of_ = std::move(profile_of);
  const auto cannot = [&](const char* why) {
    return ScenarioError({}, fmt::format("{} cannot be created: {}", path_, why),
                         "give a folder that can be written with --out DIR");
  };
  // of two runs that begin at once, the file is one's and the other leaves it alone
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0 && errno == EEXIST) {
    throw holds_results(std::filesystem::path(path_).parent_path().string());
  }
  if (file < 0) throw cannot(std::strerror(errno));
  ::close(file);
  try {
    writer_ = std::make_unique<Writer>(path_);
  } catch (const SqliteError& error) {
    // nothing lay there before: nothing half-made stays
    for (const char* end : {"", "-wal", "-shm", "-journal"}) std::remove((path_ + end).c_str());
    throw cannot(error.what());
  }
}

void ResultsDatabase::on(const Event& event) {
  ENSURE(writer_ != nullptr, "a database is opened before the run begins");
  if (writer_->failed) {
    // rounds end in a quiet place: nothing is half-done that the error could tear
    if (writer_->failure_said || !std::holds_alternative<RoundClosed>(event)) return;
    writer_->failure_said = true;
    throw write_error(path_, writer_->failure);
  }
  const std::function<void(HospitalId)> introduce = [&](HospitalId id) {
    if (writer_->named.insert(id.value).second) writer_->push(profile_of_(id));
  };
  std::visit(NamedIn{introduce}, event);
  writer_->push(event);
}

void ResultsDatabase::finish(const RunResult& result, std::string_view state) {
  ENSURE(writer_ != nullptr, "a database is opened before it is finished");
  writer_->stop();
  if (!writer_->failed) writer_->attempt([&] { writer_->rows.write(result, state); });
  const std::unique_ptr<Writer> done = std::move(writer_);
  if (done->failed && !done->failure_said) throw write_error(path_, done->failure);
}

}  // namespace polyclinic
