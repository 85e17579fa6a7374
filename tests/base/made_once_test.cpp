#include "base/made_once.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace polyclinic {
namespace {

TEST_CASE("a value is made once, whoever asks") {
  MadeOnce<int> value;
  std::atomic<int> made{0};
  std::atomic<int> seen{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { seen += value.get([&] { return 10 + made++; }); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(made == 1);
  CHECK(seen == 40);
}

TEST_CASE("who asks after an attempt that threw tries again") {
  MadeOnce<int> value;
  CHECK_THROWS_AS(value.get([]() -> int { throw std::runtime_error("interrupted"); }),
                  std::runtime_error);
  CHECK(value.get([] { return 3; }) == 3);
  CHECK(value.get([]() -> int { throw std::runtime_error("asked again"); }) == 3);
}

}  // namespace
}  // namespace polyclinic
