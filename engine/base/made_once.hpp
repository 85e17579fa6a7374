// A value made on first use, by whichever thread comes first; the others wait for it. When making
// it throws, the next to ask tries again (std::call_once promises that too, but hangs under
// ThreadSanitizer).
#pragma once

#include <mutex>
#include <optional>
#include <utility>

namespace polyclinic {

template <class T>
class MadeOnce {
 public:
  // REQUIRES: make() asks for no value of this object.
  template <class Make>
  const T& get(Make&& make) {
    const std::lock_guard lock(mutex_);
    if (!value_) value_.emplace(std::forward<Make>(make)());
    return *value_;
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
};

}  // namespace polyclinic
