// Flat parameters: one run of floats, and what each part of it is. Strategies, aggregation,
// compression and privacy see only this.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polyclinic {

// Allocates on 64-byte boundaries, so that kernels load whole cache lines.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{64}); }
  friend bool operator==(CacheLineAllocator, CacheLineAllocator) { return true; }
};
using FloatBuffer = std::vector<float, CacheLineAllocator<float>>;

// What a slice of the parameters is for; sharing and strategies choose by it.
enum class Role : std::uint8_t { weight, bias, norm_scale, norm_shift, norm_statistic, embedding };

struct Slice {
  std::string name;                 // "hidden1.weight"
  std::vector<std::int64_t> shape;  // rows x columns for a weight: outputs x inputs
  Role role = Role::weight;
  std::int64_t offset = 0;  // in floats, a multiple of 16
  std::int64_t size = 0;    // product of shape: what is sent, hashed and counted
};

// Where everything lies. Slices start on 64-byte boundaries; the padding between them is always
// zero and is never sent, hashed or counted.
class ParameterLayout {
 public:
  // Appends a slice and returns its index.
  std::size_t add(std::string name, std::vector<std::int64_t> shape, Role role);
  [[nodiscard]] std::span<const Slice> slices() const { return slices_; }
  [[nodiscard]] const Slice* find(std::string_view name) const;
  [[nodiscard]] bool has(Role role) const;
  // Number of parameters, padding not counted.
  [[nodiscard]] std::int64_t size() const { return size_; }
  // Length of the buffer, padding counted.
  [[nodiscard]] std::int64_t padded_size() const { return padded_; }

 private:
  std::vector<Slice> slices_;
  std::int64_t size_ = 0;
  std::int64_t padded_ = 0;
};

// Sum of a[i] b[i] in double, in eight running sums and one fixed tree. REQUIRES: equal sizes, a
// multiple of 8 (padded buffers are).
double dot(std::span<const float> a, std::span<const float> b);

// Parameters, or a change of them. Operations are fixed-shape loops over the padded buffer.
class ParameterVector {
 public:
  ParameterVector() = default;
  // All zero. The layout is shared with the model that made it.
  explicit ParameterVector(std::shared_ptr<const ParameterLayout> layout);

  [[nodiscard]] const ParameterLayout& layout() const { return *layout_; }
  [[nodiscard]] const std::shared_ptr<const ParameterLayout>& shared_layout() const {
    return layout_;
  }
  [[nodiscard]] bool empty() const { return layout_ == nullptr; }
  [[nodiscard]] std::span<float> padded() { return values_; }
  [[nodiscard]] std::span<const float> padded() const { return values_; }
  [[nodiscard]] std::span<float> slice(std::size_t index);
  [[nodiscard]] std::span<const float> slice(std::size_t index) const;

  // The parameters without padding, in slice order: what is sent, saved and seen from Lua.
  [[nodiscard]] std::vector<float> compact() const;
  // REQUIRES: values.size() == layout().size().
  void assign_compact(std::span<const float> values);

  void set_zero();
  // The same for the slices of one role.
  void clear(Role role);
  void add_scaled(const ParameterVector& other, float factor);
  void scale(float factor);
  [[nodiscard]] double dot(const ParameterVector& other) const;
  [[nodiscard]] double norm() const;
  [[nodiscard]] bool finite() const;
  // Of the bits of the compact values.
  [[nodiscard]] std::uint64_t hash() const;

 private:
  std::shared_ptr<const ParameterLayout> layout_;  // shared: a model and all its vectors have one
  FloatBuffer values_;
};

}  // namespace polyclinic
