// The same bits on every x86-64, compiler, optimisation level and C library: the hashes below were
// taken once and must come out everywhere. A change of a function in base/math or base/draw that
// alters a bit changes results of users; then, and only then, these numbers change.
#include <doctest/doctest.h>

#include "base/distribution.hpp"
#include "base/draw.hpp"
#include "base/hash.hpp"
#include "base/math.hpp"

using namespace polyclinic;

namespace {

template <class Function>
void add(Hasher& hasher, const Function& function) {
  Stream stream(make_run_key(99, 0), Purpose::kTest, 1);
  for (int i = 0; i < 2000; ++i) hasher.number(function(stream));
}

double wide(Stream& s) {
  return 40 * s.uniform() - 20;
}
double positive(Stream& s) {
  return 1e-3 + 30 * s.uniform();
}

}  // namespace

TEST_CASE("bits of the elementary functions") {
  Hasher hasher;
  add(hasher, [](Stream& s) { return math::exp(wide(s)); });
  add(hasher, [](Stream& s) { return math::expm1(wide(s)); });
  add(hasher, [](Stream& s) { return math::log(positive(s)); });
  add(hasher, [](Stream& s) { return math::log1p(positive(s)); });
  add(hasher, [](Stream& s) {
    const double x = positive(s);  // drawn first, whatever order a compiler evaluates arguments in
    return math::pow(x, s.uniform());
  });
  add(hasher, [](Stream& s) { return math::sin(wide(s)); });
  add(hasher, [](Stream& s) { return math::cos(1e9 * wide(s)); });
  add(hasher, [](Stream& s) { return math::tanh(0.1 * wide(s)); });
  add(hasher, [](Stream& s) { return math::sigmoid(wide(s)); });
  add(hasher, [](Stream& s) { return math::logit(s.uniform()); });
  add(hasher, [](Stream& s) { return math::softplus(wide(s)); });
  CHECK(hasher.value() == 12478011613168621773U);
}

TEST_CASE("bits of the special functions") {
  Hasher hasher;
  add(hasher, [](Stream& s) { return math::lgamma(wide(s)); });
  add(hasher, [](Stream& s) { return math::erf(0.2 * wide(s)); });
  add(hasher, [](Stream& s) { return math::erfc(wide(s)); });
  add(hasher, [](Stream& s) { return math::normal_cdf(wide(s)); });
  add(hasher, [](Stream& s) { return math::normal_quantile(s.uniform()); });
  add(hasher, [](Stream& s) { return math::gamma_p(positive(s), 3); });
  add(hasher, [](Stream& s) { return math::gamma_p_inverse(positive(s), 0.3); });
  add(hasher, [](Stream& s) { return math::beta_i(positive(s), 4, 0.3); });
  add(hasher, [](Stream& s) { return math::beta_i_inverse(positive(s), 4, 0.3); });
  add(hasher, [](Stream& s) { return math::student_t_quantile(0.975, positive(s)); });
  CHECK(hasher.value() == 2410912832701957902U);
}

TEST_CASE("bits of the draws") {
  Hasher hasher;
  add(hasher, [](Stream& s) { return draw::lognormal(s, 600, 0.6); });
  add(hasher, [](Stream& s) { return draw::gamma(s, 0.4, 2); });
  add(hasher, [](Stream& s) { return draw::beta(s, 0.5, 3); });
  add(hasher, [](Stream& s) { return draw::weibull(s, 1.5, 3); });
  add(hasher, [](Stream& s) { return static_cast<double>(draw::poisson(s, 5)); });
  add(hasher, [](Stream& s) { return static_cast<double>(draw::poisson(s, 500)); });
  add(hasher, [](Stream& s) { return static_cast<double>(s.below(1000)); });
  Stream stream(make_run_key(99, 0), Purpose::kTest, 2);
  for (auto i : draw::sample(stream, 1000, 50)) hasher.word(static_cast<std::uint64_t>(i));
  CHECK(hasher.value() == 8446930806004952980U);
}
