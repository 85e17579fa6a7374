// Keeps recently used sites up to a bound in bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "data/dataset.hpp"

namespace polyclinic {

// Least recently used goes first. Thread-safe. What a site holds never depends on the cache: making
// is a pure function of the hospital, so a site that was dropped comes back with the same bits.
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
  SitePtr get(HospitalId hospital, const std::function<SitePtr()>& make) const;

  // The site if it is kept here; null otherwise, also while it is being made.
  [[nodiscard]] SitePtr find(HospitalId hospital) const;

  // Bytes kept now, and how many sites were made so far: for tests and for the curious.
  [[nodiscard]] std::int64_t bytes() const;
  [[nodiscard]] std::int64_t made() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polyclinic
