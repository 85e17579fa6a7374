// Keeps recently used sites up to a bound in bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "data/dataset.hpp"

namespace polyclinic {

// Of a hospital, and of its data at a time (0: as at the beginning).
struct SiteKey {
  SiteKey(HospitalId its_hospital, std::uint32_t its_data = 0)  // NOLINT: a hospital is a key
      : hospital(its_hospital), data(its_data) {}
  HospitalId hospital;
  std::uint32_t data = 0;
  friend bool operator==(const SiteKey&, const SiteKey&) = default;
};

// Least recently used goes first. Thread-safe. What a site holds never depends on the cache: making
// is a pure function of the key, so a site that was dropped comes back with the same bits.
class SiteCache {
 public:
  explicit SiteCache(std::int64_t bytes_max);
  ~SiteCache();
  SiteCache(const SiteCache&) = delete;
  SiteCache& operator=(const SiteCache&) = delete;

  // The site, made by `make` when it is not here. make runs outside the lock; threads that ask for
  // the same site meanwhile wait for it, so it is made once. An exception of make reaches all who
  // wait and nothing is kept. A site larger than the bound is returned and not kept.
  // REQUIRES: make asks neither this cache nor a pool of threads.
  SitePtr get(SiteKey key, const std::function<SitePtr()>& make) const;

  // The site if it is kept here; null otherwise, also while it is being made.
  [[nodiscard]] SitePtr find(SiteKey key) const;

  // Bytes kept now, and how many sites were made so far: for tests and for the curious.
  [[nodiscard]] std::int64_t bytes() const;
  [[nodiscard]] std::int64_t made() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polyclinic
