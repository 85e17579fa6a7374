#include "sim/frame_pool.hpp"

#include <array>
#include <new>

namespace polyclinic::kernel {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeep = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kKeep = false;
#else
constexpr bool kKeep = true;
#endif
#else
constexpr bool kKeep = true;
#endif

constexpr std::size_t kGrain = 64;
constexpr std::size_t kClasses = 32;  // frames of up to 2 kB
// As much as 10,000 hospitals that take part at once need; what lies beyond goes back to the heap,
// which merges and splits it again for the next.
constexpr std::size_t kKeptMost = 64U << 20U;

std::size_t class_of(std::size_t bytes) {
  return (bytes + kGrain - 1) / kGrain;
}

// Freed frames by size, each list linked through the frames themselves.
class FramePool {
 public:
  FramePool() = default;
  ~FramePool() {
    closed_ = true;
    for (Free*& first : first_) {
      while (first != nullptr) ::operator delete(take(first));
    }
  }
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  void* allocate(std::size_t size_class) {
    Free*& first = first_[size_class];
    if (first == nullptr) return ::operator new(size_class* kGrain);
    kept_ -= size_class * kGrain;
    return take(first);
  }
  void keep(void* frame, std::size_t size_class) noexcept {
    const std::size_t bytes = size_class * kGrain;
    if (closed_ || kept_ + bytes > kKeptMost) {
      ::operator delete(frame);
      return;
    }
    kept_ += bytes;
    first_[size_class] = ::new (frame) Free{first_[size_class]};
  }

 private:
  struct Free {
    Free* next;
  };
  static void* take(Free*& first) {
    Free* const frame = first;
    first = frame->next;
    return frame;
  }

  std::array<Free*, kClasses + 1> first_{};
  std::size_t kept_ = 0;
  bool closed_ = false;  // a frame may be freed after this, at the very end of its thread
};

thread_local FramePool pool;

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  if (!kKeep || size_class > kClasses) return ::operator new(bytes);
  return pool.allocate(size_class);
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (!kKeep || size_class > kClasses) {
    ::operator delete(frame);
  } else {
    pool.keep(frame, size_class);
  }
}

}  // namespace polyclinic::kernel
