// Many quantiles at once against one at a time: equal bits, wherever a value lies.
#include "base/normals.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/draw.hpp"
#include "base/math.hpp"
#include "base/quantiles.hpp"

using namespace polyclinic;

namespace {

void check_equal_bits(const std::vector<double>& p, math::Quantiles quantiles) {
  std::vector<double> found = p;
  quantiles(found);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double one = math::normal_quantile(p[i]);
    if (std::bit_cast<std::uint64_t>(one) == std::bit_cast<std::uint64_t>(found[i])) continue;
    if (std::isnan(one) && std::isnan(found[i])) continue;
    FAIL_CHECK("p[" << i << "] = " << p[i] << " gives " << found[i] << ", not " << one);
  }
}

// By every instruction set that this processor has.
void check_equal_bits(const std::vector<double>& p) {
  for (const char* isa : {"baseline", "avx2"}) {
    CAPTURE(isa);
    if (const math::Quantiles quantiles = math::find_quantiles(isa)) check_equal_bits(p, quantiles);
  }
  check_equal_bits(p, &math::normal_quantiles);
}

}  // namespace

TEST_CASE("normal quantiles of many values have the bits of each alone") {
  // every region of the formula, its borders, the ends, and what is no probability
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double least = std::numeric_limits<double>::denorm_min();
  std::vector<double> p = {0.5,   0.075, 0.925, 0.25, 1e-3, 0.999, 1e-9, 1 - 1e-9, 1e-12, 1e-15,
                           1e-20, 1e-99, 0,     1,    -0.1, 1.1,   nan,  least,    1e-308};
  for (const double border : {0.075, 0.925}) {
    p.push_back(std::nextafter(border, 0.0));
    p.push_back(std::nextafter(border, 1.0));
  }
  check_equal_bits(p);
  // each of them in each place of a block, and in what is left over at the end
  for (std::size_t rotation = 0; rotation < 8; ++rotation) {
    std::vector<double> moved(rotation, 0.3);
    moved.insert(moved.end(), p.begin(), p.end());
    check_equal_bits(moved);
  }
  // long enough for several chunks; three in twenty lie outside the centre
  Stream stream(make_run_key(4, 0), Purpose::kTest, 1);
  std::vector<double> many(10'001);
  for (double& x : many) x = stream.uniform_open();
  check_equal_bits(many);
  // all outside
  for (double& x : many) x = 0.07 * stream.uniform_open();
  check_equal_bits(many);
}

TEST_CASE("normals() gives the numbers of normal(), and leaves the stream where they do") {
  Stream one(make_run_key(4, 0), Purpose::kTest, 2);
  Stream all = one;
  for (const std::size_t count : {0U, 1U, 7U, 8U, 40U, 513U}) {
    std::vector<double> out(count);
    draw::normals(all, out);
    for (const double x : out) CHECK(x == draw::normal(one));
  }
  CHECK(all.next_u64() == one.next_u64());
}
