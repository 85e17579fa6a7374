#include "data/site_cache.hpp"

#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace polyclinic {

namespace {
struct KeyHash {
  std::size_t operator()(const SiteKey& key) const noexcept {
    return key.hospital.value | (std::size_t{key.data} << 32U);
  }
};
}  // namespace

struct SiteCache::State {
  struct Entry {
    std::shared_future<SitePtr> site;
    std::int64_t bytes = -1;             // -1: still being made
    std::list<SiteKey>::iterator place;  // in `recent`, once made
  };
  explicit State(std::int64_t bound) : bytes_max(bound) {}

  std::mutex mutex;
  const std::int64_t bytes_max;
  std::int64_t bytes = 0;
  std::int64_t made = 0;
  std::list<SiteKey> recent;  // most recently used first, as far as is_filling() had them moved
  std::unordered_map<SiteKey, Entry, KeyHash> entries;

  // With the mutex held. Who was asked for last matters once something may have to go.
  [[nodiscard]] bool is_filling() const { return bytes > bytes_max / 2; }
  void keep(SiteKey key, std::int64_t site_bytes);
  void shrink();
};

void SiteCache::State::keep(SiteKey key, std::int64_t site_bytes) {
  Entry& entry = entries.at(key);
  entry.bytes = site_bytes;
  bytes += site_bytes;
  recent.push_front(key);
  entry.place = recent.begin();
}

void SiteCache::State::shrink() {
  while (bytes > bytes_max) {
    const auto oldest = entries.find(recent.back());
    bytes -= oldest->second.bytes;
    entries.erase(oldest);
    recent.pop_back();
  }
}

SiteCache::SiteCache(std::int64_t bytes_max) : state_(std::make_unique<State>(bytes_max)) {}
SiteCache::~SiteCache() = default;

SitePtr SiteCache::get(SiteKey key, const std::function<SitePtr()>& make) const {
  State& state = *state_;
  std::optional<std::promise<SitePtr>> promise;  // of the one who makes it

  // somebody has made it or is making it: wait for that one
  std::optional<std::shared_future<SitePtr>> there;
  {
    const std::lock_guard lock(state.mutex);
    const auto found = state.entries.find(key);
    if (found != state.entries.end()) {
      if (found->second.bytes >= 0 && state.is_filling()) {
        state.recent.splice(state.recent.begin(), state.recent, found->second.place);
      }
      there = found->second.site;
    } else {
      state.entries[key].site = promise.emplace().get_future().share();
      ++state.made;
    }
  }
  if (there) return there->get();

  // made here, outside the lock
  SitePtr site;
  try {
    site = make();
  } catch (...) {
    promise->set_exception(std::current_exception());
    const std::lock_guard lock(state.mutex);
    state.entries.erase(key);
    throw;
  }
  promise->set_value(site);
  const std::lock_guard lock(state.mutex);
  if (site->bytes() > state.bytes_max) {
    // kept, it would only drive out all others
    state.entries.erase(key);
  } else {
    state.keep(key, site->bytes());
    state.shrink();
  }
  return site;
}

SitePtr SiteCache::find(SiteKey key) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->entries.find(key);
  if (found == state_->entries.end() || found->second.bytes < 0) return nullptr;
  return found->second.site.get();
}

std::int64_t SiteCache::bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes;
}

std::int64_t SiteCache::made() const {
  const std::lock_guard lock(state_->mutex);
  return state_->made;
}

}  // namespace polyclinic
