#include "learn/parameters.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.hpp"
#include "base/hash.hpp"

namespace polyclinic {
namespace {

constexpr std::int64_t kAlignment = 16;  // floats in a cache line

std::int64_t padded_to_line(std::int64_t n) {
  return (n + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

double dot(std::span<const float> a, std::span<const float> b) {
  std::array<double, 8> sums{};
  for (std::size_t i = 0; i < a.size(); i += 8) {
    for (std::size_t l = 0; l < 8; ++l) {
      sums[l] += static_cast<double>(a[i + l]) * static_cast<double>(b[i + l]);
    }
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

std::size_t ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, Role role) {
  Slice slice;
  slice.name = std::move(name);
  slice.shape = std::move(shape);
  slice.role = role;
  slice.offset = padded_;
  slice.size = 1;
  for (const std::int64_t extent : slice.shape) {
    ENSURE(extent > 0, "every dimension of a parameter has entries");
    slice.size *= extent;
  }
  size_ += slice.size;
  padded_ += padded_to_line(slice.size);
  slices_.push_back(std::move(slice));
  return slices_.size() - 1;
}

const Slice* ParameterLayout::find(std::string_view name) const {
  const auto it =
      std::find_if(slices_.begin(), slices_.end(), [&](const Slice& s) { return s.name == name; });
  return it == slices_.end() ? nullptr : &*it;
}

bool ParameterLayout::has(Role role) const {
  return std::any_of(slices_.begin(), slices_.end(),
                     [&](const Slice& s) { return s.role == role; });
}

ParameterVector::ParameterVector(std::shared_ptr<const ParameterLayout> layout)
    : layout_(std::move(layout)), values_(static_cast<std::size_t>(layout_->padded_size()), 0.0F) {}

std::span<float> ParameterVector::slice(std::size_t index) {
  const Slice& s = layout_->slices()[index];
  return {values_.data() + s.offset, static_cast<std::size_t>(s.size)};
}

std::span<const float> ParameterVector::slice(std::size_t index) const {
  const Slice& s = layout_->slices()[index];
  return {values_.data() + s.offset, static_cast<std::size_t>(s.size)};
}

std::vector<float> ParameterVector::compact() const {
  std::vector<float> out;
  if (empty()) return out;
  out.reserve(static_cast<std::size_t>(layout_->size()));
  for (const Slice& s : layout_->slices()) {
    const float* from = values_.data() + s.offset;
    out.insert(out.end(), from, from + s.size);
  }
  return out;
}

void ParameterVector::assign_compact(std::span<const float> values) {
  ENSURE(static_cast<std::int64_t>(values.size()) == layout_->size(), "one value per parameter");
  const float* from = values.data();
  for (const Slice& s : layout_->slices()) {
    std::copy_n(from, s.size, values_.data() + s.offset);
    from += s.size;
  }
}

void ParameterVector::set_zero() {
  std::fill(values_.begin(), values_.end(), 0.0F);
}

void ParameterVector::clear(Role role) {
  for (const Slice& s : layout_->slices()) {
    if (s.role == role) std::fill_n(values_.data() + s.offset, s.size, 0.0F);
  }
}

void ParameterVector::add_scaled(const ParameterVector& other, float factor) {
  ENSURE(values_.size() == other.values_.size(), "both have one layout");
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += factor * other.values_[i];
}

void ParameterVector::scale(float factor) {
  for (float& v : values_) v *= factor;
}

double ParameterVector::dot(const ParameterVector& other) const {
  ENSURE(values_.size() == other.values_.size(), "both have one layout");
  return polyclinic::dot(values_, other.values_);
}

double ParameterVector::norm() const {
  return std::sqrt(polyclinic::dot(values_, values_));
}

bool ParameterVector::finite() const {
  return std::all_of(values_.begin(), values_.end(), [](float v) { return std::isfinite(v); });
}

std::uint64_t ParameterVector::hash() const {
  Hasher hasher;
  if (empty()) return hasher.value();
  for (std::size_t i = 0; i < layout_->slices().size(); ++i) {
    hasher.bytes(std::as_bytes(slice(i)));
  }
  return hasher.value();
}

}  // namespace polyclinic
