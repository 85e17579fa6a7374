#include "base/parallel.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "base/check.hpp"

#ifdef POLYCLINIC_OWN_POOL
#include "base/parallel_own_pool.hpp"
#else
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#endif

namespace polyclinic {

namespace {

// Keeps the exception of the smallest index, whenever it was thrown.
class FirstError {
 public:
  void run(std::size_t index, int slot, const std::function<void(std::size_t, int)>& body) {
    try {
      body(index, slot);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_ || index < index_) {
        error_ = std::current_exception();
        index_ = index;
      }
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::size_t index_ = 0;
};

}  // namespace

#ifdef POLYCLINIC_OWN_POOL

struct Workers::Pool {
  explicit Pool(int threads) : own(threads) {}
  template <class Step>
  void run(std::size_t count, const Step& step) {
    own.run(count, step);
  }
  OwnPool own;
};

#else

// An arena of its own, so that slots are 0..threads-1; the limit is raised because oneTBB otherwise
// never uses more threads than the machine has, and a test of eight threads must be one.
struct Workers::Pool {
  explicit Pool(int threads)
      : limit(tbb::global_control::max_allowed_parallelism,
              std::max<std::size_t>(
                  static_cast<std::size_t>(threads),
                  tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism))),
        arena(threads, 1) {}
  template <class Step>
  void run(std::size_t count, const Step& step) {
    arena.execute([&] {
      const tbb::blocked_range<std::size_t> all(0, count, 1);
      tbb::parallel_for(
          all,
          [&](const tbb::blocked_range<std::size_t>& range) {
            const int slot = tbb::this_task_arena::current_thread_index();
            for (std::size_t i = range.begin(); i < range.end(); ++i) step(i, slot);
          },
          // one index is a whole local training: worth a task of its own
          tbb::simple_partitioner());
    });
  }
  tbb::global_control limit;
  tbb::task_arena arena;
};

#endif

Workers::Workers(int threads) : threads_(threads), pool_(nullptr) {
  ENSURE(threads >= 1, "work needs somebody to do it");
  if (threads > 1) pool_ = std::make_unique<Pool>(threads);
}

Workers::~Workers() = default;

void Workers::for_each(std::size_t count, const std::function<void(std::size_t, int)>& body) {
  FirstError first;
  if (!pool_ || count < 2) {
    for (std::size_t i = 0; i < count; ++i) first.run(i, 0, body);
  } else {
    pool_->run(count, [&](std::size_t i, int slot) { first.run(i, slot, body); });
  }
  first.rethrow();
}

int hardware_threads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace polyclinic
