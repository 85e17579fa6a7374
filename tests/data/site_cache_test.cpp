// The cache of sites: its bound, its order, and threads that ask at once.
#include "data/site_cache.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "support.hpp"

namespace polyclinic {

namespace {

SitePtr site_of(std::uint32_t id, std::size_t floats) {
  auto site = std::make_shared<Site>();
  site->train.x.assign(floats, static_cast<float>(id));
  return site;
}

}  // namespace

TEST_CASE("the bound in bytes holds, the least recently used goes first") {
  const std::int64_t one = site_of(0, 1000)->bytes();
  const SiteCache cache(3 * one);
  const auto get = [&](std::uint32_t id) {
    return cache.get(HospitalId{id}, [&] { return site_of(id, 1000); });
  };
  for (std::uint32_t id = 0; id < 3; ++id) get(id);
  CHECK(cache.bytes() == 3 * one);
  get(0);  // now 1 is the oldest
  get(3);
  CHECK(cache.bytes() == 3 * one);
  CHECK(cache.made() == 4);
  get(0);
  CHECK(cache.made() == 4);
  get(1);
  CHECK(cache.made() == 5);
}

TEST_CASE("a site larger than the bound is returned and not kept, and drives nobody out") {
  const std::int64_t small = site_of(0, 100)->bytes();
  const SiteCache cache(small);
  cache.get(HospitalId{0}, [] { return site_of(0, 100); });
  const SitePtr site = cache.get(HospitalId{1}, [] { return site_of(1, 10'000); });
  CHECK(site->train.x[0] == 1.0F);
  CHECK(cache.bytes() == small);
}

TEST_CASE("a dropped site lives on while somebody reads it") {
  const SiteCache cache(site_of(0, 100)->bytes());
  const SitePtr first = cache.get(HospitalId{1}, [] { return site_of(1, 100); });
  cache.get(HospitalId{2}, [] { return site_of(2, 100); });
  CHECK(first->train.x[99] == 1.0F);
}

TEST_CASE("an exception of making reaches the caller, and the next one tries again") {
  const SiteCache cache(1 << 20);
  CHECK_THROWS_AS(cache.get(HospitalId{1}, []() -> SitePtr { throw std::runtime_error("no"); }),
                  std::runtime_error);
  CHECK(cache.get(HospitalId{1}, [] { return site_of(1, 1); })->train.x[0] == 1.0F);
}

TEST_CASE("threads that ask for one site at once get the same one, made once") {
  const SiteCache cache(64 << 20);
  std::atomic<int> making{0};
  std::atomic<int> waiting{0};
  std::vector<SitePtr> got(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < got.size(); ++t) {
    threads.emplace_back([&, t] {
      ++waiting;
      while (waiting < static_cast<int>(got.size())) std::this_thread::yield();
      got[t] = cache.get(HospitalId{7}, [&] {
        ++making;
        return site_of(7, 100'000);
      });
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(making == 1);
  for (const SitePtr& site : got) CHECK(site == got[0]);
}

TEST_CASE("many threads over many sites in a small cache: right content, bound kept") {
  const std::int64_t one = site_of(0, 500)->bytes();
  const SiteCache cache(4 * one);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 2000; ++i) {
        const std::uint32_t id = (i * 7 + t * 3) % 16;
        const SitePtr site = cache.get(HospitalId{id}, [&] { return site_of(id, 500); });
        if (site->train.x[0] != static_cast<float>(id)) ++wrong;
        if (cache.bytes() > 4 * one) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace polyclinic
