#include "learn/parameters.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace polyclinic;

namespace {

std::shared_ptr<const ParameterLayout> layout() {
  ParameterLayout l;
  l.add("hidden1.weight", {3, 7}, Role::weight);
  l.add("hidden1.bias", {3}, Role::bias);
  l.add("output.weight", {1, 16}, Role::weight);
  return std::make_shared<const ParameterLayout>(std::move(l));
}

ParameterVector counting() {
  ParameterVector p(layout());
  std::vector<float> values(40);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) - 12.5F;
  p.assign_compact(values);
  return p;
}

}  // namespace

TEST_CASE("slices start on cache lines; size counts no padding") {
  const auto l = layout();
  CHECK(l->size() == 21 + 3 + 16);
  CHECK(l->padded_size() == 32 + 16 + 16);
  CHECK(l->slices()[1].offset == 32);
  CHECK(l->slices()[2].offset == 48);
  CHECK(l->find("hidden1.bias") == &l->slices()[1]);
  CHECK(l->find("hidden2.bias") == nullptr);
  const ParameterVector p(l);
  CHECK(reinterpret_cast<std::uintptr_t>(p.padded().data()) % 64 == 0);
  CHECK(p.norm() == 0);
}

TEST_CASE("compact values survive the round trip and padding stays zero") {
  ParameterVector p = counting();
  const std::vector<float> compact = p.compact();
  REQUIRE(compact.size() == 40);
  CHECK(compact[21] == p.slice(1)[0]);
  ParameterVector q(p.shared_layout());
  q.assign_compact(compact);
  CHECK(q.compact() == compact);
  CHECK(q.hash() == p.hash());
  q.add_scaled(p, 0.25F);
  q.scale(-3);
  for (const Slice& s : q.layout().slices()) {
    const std::int64_t end = (s.offset + s.size + 15) / 16 * 16;
    for (std::int64_t i = s.offset + s.size; i < end; ++i) {
      CHECK(q.padded()[static_cast<std::size_t>(i)] == 0.0F);
    }
  }
}

TEST_CASE("the hash sees every parameter and no padding") {
  ParameterVector p = counting();
  const std::uint64_t before = p.hash();
  p.padded()[21] = 5;  // padding of the first slice
  CHECK(p.hash() == before);
  for (std::size_t i = 0; i < 3; ++i) {
    ParameterVector q = counting();
    q.slice(i).back() = std::nextafter(q.slice(i).back(), 100.0F);
    CHECK(q.hash() != before);
  }
}

TEST_CASE("dot, norm and scaled sums equal sums in double") {
  ParameterVector p = counting();
  ParameterVector q = counting();
  q.scale(0.5F);
  double squares = 0;
  for (const float v : p.compact()) squares += static_cast<double>(v) * static_cast<double>(v);
  // small multiples of 1/4: every product and sum is exact
  CHECK(p.dot(q) == squares / 2);
  CHECK(p.norm() == std::sqrt(squares));
  p.add_scaled(q, -2.0F);
  CHECK(p.norm() == 0);
}

TEST_CASE("finite finds infinities and NaN") {
  ParameterVector p = counting();
  CHECK(p.finite());
  p.slice(2)[4] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(p.finite());
  p.slice(2)[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(p.finite());
  p.set_zero();
  CHECK(p.finite());
}
