#include "base/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/draw.hpp"

using namespace polyclinic;

TEST_CASE("for_each calls every index once, with the same results on any number of threads") {
  std::vector<double> reference;
  for (int threads : {1, 2, 3, 8}) {
    Workers workers(threads);
    CHECK(workers.threads() == threads);
    for (std::size_t count : {0U, 1U, 2U, 1000U}) {
      std::vector<std::atomic<int>> calls(count);
      std::vector<double> results(count);
      workers.for_each(count, [&](std::size_t i, int slot) {
        REQUIRE(slot >= 0);
        REQUIRE(slot < threads);
        ++calls[i];
        Stream stream(make_run_key(1, 2), Purpose::kTest, i);
        results[i] = draw::normal(stream);
      });
      for (const auto& c : calls) CHECK(c == 1);
      if (count != 1000) continue;
      if (reference.empty()) reference = results;
      CHECK(results == reference);
    }
  }
}

TEST_CASE("no two bodies use one slot at the same time, so workspaces need no lock") {
  const int threads = 8;
  Workers workers(threads);
  std::vector<std::atomic<int>> inside(threads);
  std::atomic<bool> shared = false;
  for (int repeat = 0; repeat < 20; ++repeat) {
    workers.for_each(200, [&](std::size_t, int slot) {
      if (inside[static_cast<std::size_t>(slot)].fetch_add(1) != 0) shared = true;
      std::this_thread::yield();
      inside[static_cast<std::size_t>(slot)].fetch_sub(1);
    });
  }
  CHECK_FALSE(shared);
}

TEST_CASE("eight threads are eight threads, also on a machine with two") {
  Workers workers(8);
  // eight bodies that wait for one another can only end when all eight run at once
  std::atomic<int> arrived = 0;
  std::set<std::thread::id> ids;
  std::mutex mutex;
  workers.for_each(8, [&](std::size_t, int) {
    {
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    }
    ++arrived;
    // gives up after a while, so that a failure is a failure and not a hang
    for (int i = 0; i < 2'000'000 && arrived < 8; ++i) std::this_thread::yield();
  });
  CHECK(ids.size() == 8);
}

TEST_CASE("the exception of the smallest index is thrown, after all others have ended") {
  for (int threads : {1, 2, 8}) {
    Workers workers(threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::atomic<int> ended = 0;
      std::string message;
      try {
        workers.for_each(100, [&](std::size_t i, int) {
          ++ended;
          // later indices fail sooner in time
          if (i == 17) std::this_thread::yield();
          if (i == 17 || i == 18 || i >= 60) throw std::runtime_error(std::to_string(i));
        });
      } catch (const std::runtime_error& error) {
        message = error.what();
      }
      CHECK(message == "17");
      CHECK(ended == 100);
    }
    // the workers are of use afterwards
    std::atomic<int> calls = 0;
    workers.for_each(10, [&](std::size_t, int) { ++calls; });
    CHECK(calls == 10);
  }
}

TEST_CASE("this machine has a thread") {
  CHECK(hardware_threads() >= 1);
}
