// The only door to threads: oneTBB behind it, a small std::thread pool in the TSan build.
// Work returns values into places of its own; who calls commits them in index order.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace polyclinic {

// A number of threads to work with. REQUIRES: threads >= 1. Owned by the run; not thread-safe
// itself.
class Workers {
 public:
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] int threads() const { return threads_; }
  // Calls body(i, slot) once for each i < count, on up to threads() threads; slot < threads() names
  // the worker, so that each can have a workspace of its own. Returns when all are done. The first
  // exception by index (not by time) is rethrown here after all others have ended.
  // REQUIRES: not called from within a body (a waiting worker would take up work in its own slot).
  void for_each(std::size_t count, const std::function<void(std::size_t index, int slot)>& body);

 private:
  struct Pool;
  int threads_;
  std::unique_ptr<Pool> pool_;  // none for one thread
};

// Threads of this machine.
int hardware_threads();

}  // namespace polyclinic
