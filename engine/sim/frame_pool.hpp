// Memory of coroutine frames. A participant of a round is nine frames that come and go, and
// hundreds take part at once: more than an allocator keeps at hand. Freed frames are kept for the
// next ones of about their size, up to a bound.
#pragma once

#include <cstddef>

namespace polyclinic::kernel {

// Thread-safe: each thread keeps its own. Under AddressSanitizer nothing is kept, so that it sees
// what uses a frame too late.
void* allocate_frame(std::size_t bytes);
// REQUIRES: the size that it was allocated with.
void free_frame(void* frame, std::size_t bytes) noexcept;

}  // namespace polyclinic::kernel
