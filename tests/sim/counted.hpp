// A movable token that counts how many of it are alive: proof that frames and messages are freed.
#pragma once

#include <utility>

namespace polyclinic {

class Counted {
 public:
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) noexcept = default;
  ~Counted() { --*alive_; }

 private:
  int* alive_;
};

}  // namespace polyclinic
