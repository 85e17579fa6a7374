// The pool of the TSan build: Debian's oneTBB is not instrumented, so it would hide real races
// there. Threads wait for a batch, take indices from a shared counter, and meet at the end of the
// batch.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace polyclinic {

class OwnPool {
 public:
  using Step = std::function<void(std::size_t index, int slot)>;

  // The caller of run works too, as slot 0. REQUIRES: threads >= 1.
  explicit OwnPool(int threads) {
    for (int slot = 1; slot < threads; ++slot) {
      threads_.emplace_back([this, slot] { serve(slot); });
    }
  }
  ~OwnPool() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  OwnPool(const OwnPool&) = delete;
  OwnPool& operator=(const OwnPool&) = delete;

  // Calls step(i, slot) once for each i < count and returns when all have ended. REQUIRES: step
  // does not throw, and no other run is going on.
  void run(std::size_t count, Step step) {
    {
      const std::lock_guard lock(mutex_);
      step_ = std::move(step);
      count_ = count;
      next_ = 0;
      busy_ = threads_.size();
      ++batch_;
    }
    wake_.notify_all();
    work(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void serve(int slot) {
    std::size_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return closing_ || batch_ != seen; });
        if (closing_) return;
        seen = batch_;
      }
      work(slot);
      {
        const std::lock_guard lock(mutex_);
        --busy_;
      }
      done_.notify_one();
    }
  }

  void work(int slot) {
    // relaxed: results are published by the mutex at the end of the batch, not by the counter
    for (;;) {
      const std::size_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= count_) return;
      step_(i, slot);
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  Step step_;
  std::size_t count_ = 0;
  std::size_t busy_ = 0;   // threads that have not finished this batch
  std::size_t batch_ = 0;  // number of batches begun
  bool closing_ = false;
  std::atomic<std::size_t> next_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace polyclinic
