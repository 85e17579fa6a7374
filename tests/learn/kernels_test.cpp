// Kernels of every instruction set against Eigen and <cmath>, against each other, and at odd
// addresses.
#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "base/error.hpp"
#include "support.hpp"

using namespace polyclinic;
using dense::Kernels;
using dense::kLanes;
using dense::Product;

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::int64_t padded(std::int64_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

FloatBuffer random_floats(std::int64_t n, std::uint64_t entity, double low = -1, double high = 1) {
  FloatBuffer out(static_cast<std::size_t>(n));
  Stream s = test::stream(entity, 2);
  for (float& v : out) v = static_cast<float>(draw::uniform(s, low, high));
  return out;
}

Matrix matrix(const float* p, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  Matrix m(rows, columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) m(i, j) = static_cast<double>(p[i * stride + j]);
  }
  return m;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Shape {
  std::int64_t m, n, k;
};

std::vector<Shape> shapes() {
  std::vector<Shape> out;
  for (std::int64_t i = 1; i <= 70; ++i) {
    // every size in each place, and all three together
    out.push_back({i, 16, 5});
    out.push_back({7, padded(i), 3});
    out.push_back({5, 48, i});
    out.push_back({i, padded(i), i});
  }
  for (const std::int64_t n : {16, 32, 48, 64, 80, 96, 112, 128, 144}) out.push_back({13, n, 17});
  return out;
}

// A product with everything that it needs, in all forms.
struct Setting {
  Shape shape;
  bool transposed = false;
  bool accumulate = false;
  bool bias = false;
  Product::Finish finish = Product::Finish::none;
};

FloatBuffer run(const Kernels& k, const Setting& s, const float* a, const float* b,
                const float* bias, const float* aux, const FloatBuffer& before) {
  FloatBuffer c = before;
  k.product({.m = s.shape.m,
             .n = s.shape.n,
             .k = s.shape.k,
             .a = a,
             .a_row = s.transposed ? 1 : s.shape.k,
             .a_step = s.transposed ? s.shape.m : 1,
             .b = b,
             .b_step = s.shape.n,
             .c = c.data(),
             .c_row = s.shape.n,
             .bias = s.bias ? bias : nullptr,
             .accumulate = s.accumulate,
             .finish = s.finish,
             .aux = s.finish == Product::Finish::none || s.finish == Product::Finish::relu ? nullptr
                                                                                           : aux});
  return c;
}

Matrix expected(const Setting& s, const FloatBuffer& a, const FloatBuffer& b,
                const FloatBuffer& bias, const FloatBuffer& aux, const FloatBuffer& before) {
  const auto [m, n, k] = s.shape;
  const Matrix left =
      s.transposed ? Matrix(matrix(a.data(), k, m, m).transpose()) : matrix(a.data(), m, k, k);
  Matrix c = left * matrix(b.data(), k, n, n);
  if (s.accumulate) {
    c += matrix(before.data(), m, n, n);
  } else if (s.bias) {
    c.rowwise() += matrix(bias.data(), 1, n, n).row(0);
  }
  const Matrix other = matrix(aux.data(), m, n, n);
  if (s.finish == Product::Finish::relu) c = c.cwiseMax(0.0);
  if (s.finish == Product::Finish::gate) c = (other.array() > 0).select(c, 0.0);
  if (s.finish == Product::Finish::scale) c = c.cwiseProduct(other);
  return c;
}

}  // namespace

TEST_CASE("products agree with Eigen in double for all shapes to 70, starts and finishes") {
  std::uint64_t entity = 1000;
  int form = 0;
  for (const Shape& shape : shapes()) {
    Setting s{.shape = shape};
    // the forms take turns over the shapes
    s.transposed = form % 2 == 1;
    s.accumulate = form % 3 == 1;
    s.bias = form % 3 == 2;
    s.finish = static_cast<Product::Finish>(form % 4);
    ++form;
    const FloatBuffer a = random_floats(shape.m * shape.k, ++entity);
    const FloatBuffer b = random_floats(shape.k * shape.n, ++entity);
    const FloatBuffer bias = random_floats(shape.n, ++entity);
    const FloatBuffer aux = random_floats(shape.m * shape.n, ++entity);
    const FloatBuffer before = random_floats(shape.m * shape.n, ++entity);
    const Matrix exact = expected(s, a, b, bias, aux, before);
    std::vector<FloatBuffer> results;
    for (const Kernels* k : test::all_kernels()) {
      CAPTURE(std::string(k->name));
      CAPTURE(shape.m);
      CAPTURE(shape.n);
      CAPTURE(shape.k);
      const FloatBuffer c = run(*k, s, a.data(), b.data(), bias.data(), aux.data(), before);
      // |error| <= (2k + 2) u sum |a b| with u = 2^-24 (Higham 2002, eq. 3.5); terms are below 1
      const double bound =
          (2 * static_cast<double>(shape.k) + 2) * 6e-8 * (static_cast<double>(shape.k) + 1);
      const Matrix got = matrix(c.data(), shape.m, shape.n, shape.n);
      CHECK((got - exact).cwiseAbs().maxCoeff() <= bound);
      results.push_back(c);

      // the same data at another alignment give the same bits
      FloatBuffer shifted_a(a.size() + 3);
      FloatBuffer shifted_b(b.size() + 5);
      std::copy(a.begin(), a.end(), shifted_a.begin() + 3);
      std::copy(b.begin(), b.end(), shifted_b.begin() + 5);
      CHECK(same_bits(c, run(*k, s, shifted_a.data() + 3, shifted_b.data() + 5, bias.data(),
                             aux.data(), before)));
    }
    // both have fused multiply-adds and the same order of additions
    if (results.size() == 3) CHECK(same_bits(results[1], results[2]));
  }
}

TEST_CASE("an element of a product does not depend on how many rows and columns stand beside it") {
  const FloatBuffer a = random_floats(70 * 33, 2001);
  const FloatBuffer b = random_floats(33 * 144, 2002);
  for (const Kernels* k : test::all_kernels()) {
    const auto product = [&](std::int64_t m, std::int64_t n) {
      FloatBuffer c(static_cast<std::size_t>(70 * 144));
      k->product({.m = m,
                  .n = n,
                  .k = 33,
                  .a = a.data(),
                  .a_row = 33,
                  .a_step = 1,
                  .b = b.data(),
                  .b_step = 144,
                  .c = c.data(),
                  .c_row = 144});
      return c;
    };
    const FloatBuffer all = product(70, 144);
    for (std::int64_t m = 1; m <= 70; m += 3) {
      for (std::int64_t n = 16; n <= 144; n += 16) {
        const FloatBuffer part = product(m, n);
        bool same = true;
        for (std::int64_t i = 0; i < m; ++i) {
          same = same && std::memcmp(part.data() + i * 144, all.data() + i * 144,
                                     static_cast<std::size_t>(n) * sizeof(float)) == 0;
        }
        CHECK(same);
      }
    }
  }
}

TEST_CASE("dot products, sums and copies") {
  for (const Kernels* k : test::all_kernels()) {
    for (const std::int64_t n : {16, 32, 48, 112}) {
      const FloatBuffer a = random_floats(9 * n, 3000);
      const FloatBuffer w = random_floats(n, 3001);
      std::vector<float> out(9);
      k->dots(a.data(), n, 9, w.data(), n, 0.5F, out.data());
      const Eigen::VectorXd exact =
          (matrix(a.data(), 9, n, n) * matrix(w.data(), 1, n, n).transpose()).array() + 0.5;
      for (int i = 0; i < 9; ++i) {
        CHECK(std::fabs(static_cast<double>(out[static_cast<std::size_t>(i)]) - exact[i]) <
              5e-7 * static_cast<double>(n));
      }
      CHECK(static_cast<double>(k->sum(w.data(), n)) ==
            doctest::Approx(matrix(w.data(), 1, n, n).sum()).epsilon(1e-5));

      FloatBuffer columns(static_cast<std::size_t>(n), 1.0F);
      k->column_sums(a.data(), n, 9, n, true, columns.data());
      const Matrix sums = matrix(a.data(), 9, n, n).colwise().sum();
      for (std::int64_t j = 0; j < n; ++j) {
        CHECK(std::fabs(static_cast<double>(columns[static_cast<std::size_t>(j)]) - 1 -
                        sums(0, j)) < 1e-5);
      }
    }
    for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {4, 4}, {5, 7}, {64, 40}, {3, 21}}) {
      const FloatBuffer in = random_floats(rows * columns, 3002);
      FloatBuffer out(static_cast<std::size_t>(columns * (rows + 2)), -7.0F);
      k->transpose(in.data(), rows, columns, columns, out.data(), rows + 2);
      for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t i = 0; i < rows + 2; ++i) {
          const float wanted = i < rows ? in[static_cast<std::size_t>(i * columns + j)] : -7.0F;
          CHECK(out[static_cast<std::size_t>(j * (rows + 2) + i)] == wanted);
        }
      }
    }
    const FloatBuffer x = random_floats(6 * 5, 3003);
    const std::vector<std::int32_t> rows = {4, 0, 4};
    FloatBuffer out(static_cast<std::size_t>(3 * kLanes));
    k->gather(x.data(), 5, rows.data(), 3, out.data(), kLanes);
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 16; ++j) {
        const float wanted = j < 5 ? x[static_cast<std::size_t>(rows[i]) * 5 + j] : 0.0F;
        CHECK(out[i * 16 + j] == wanted);
      }
    }
  }
}

namespace {

// Distance from the exact value in units of the last place of the result.
double ulps(float got, double exact) {
  if (std::isinf(exact) || std::fabs(exact) > 3.4028235677973366e38) {
    return std::isinf(got) && (got > 0) == (exact > 0) ? 0 : 1e9;
  }
  const double spacing = std::max(
      std::ldexp(1.0, std::ilogb(std::max(std::fabs(exact), 1e-45)) - 23), std::ldexp(1.0, -149));
  return std::fabs(static_cast<double>(got) - exact) / spacing;
}

double worst_ulps(const Kernels& k, char function, double low, double high,
                  double (*exact)(double)) {
  const std::int64_t n = 1 << 16;
  FloatBuffer x(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<float>(
        low + (high - low) * static_cast<double>(i) / static_cast<double>(n - 1));
  }
  FloatBuffer y(x.size());
  k.map(function, n, x.data(), y.data());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, ulps(y[i], exact(static_cast<double>(x[i]))));
  }
  return worst;
}

}  // namespace

TEST_CASE("elementary functions are within 2 units of the last place of <cmath> in double") {
  const auto softplus = [](double x) {
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  };
  for (const Kernels* k : test::all_kernels()) {
    CAPTURE(std::string(k->name));
    CHECK(worst_ulps(*k, 'e', -87, 89.5, [](double x) { return std::exp(x); }) < 2);
    CHECK(worst_ulps(*k, 'e', -104, -87, [](double x) { return std::exp(x); }) < 2);  // subnormals
    CHECK(worst_ulps(*k, 'e', -1, 1, [](double x) { return std::exp(x); }) < 2);
    CHECK(worst_ulps(*k, 'l', 0.01, 3, [](double x) { return std::log(x); }) < 2);
    CHECK(worst_ulps(*k, 'l', 0.99, 1.01, [](double x) { return std::log(x); }) < 2);
    CHECK(worst_ulps(*k, 'l', 1, 1e30, [](double x) { return std::log(x); }) < 2);
    CHECK(worst_ulps(*k, 't', -12, 12, [](double x) { return std::tanh(x); }) < 2);
    CHECK(worst_ulps(*k, 't', -0.7, 0.7, [](double x) { return std::tanh(x); }) < 2);
    CHECK(worst_ulps(*k, 'r', -5, 5, [](double x) { return std::erf(x); }) < 2);
    CHECK(worst_ulps(*k, 'r', -1, 1, [](double x) { return std::erf(x); }) < 2);
    CHECK(worst_ulps(*k, 's', -40, 40, softplus) < 3);  // an exp, a log and two more roundings

    FloatBuffer x(kLanes, 0.0F);
    const float infinity = std::numeric_limits<float>::infinity();
    x[0] = infinity;
    x[1] = -infinity;
    x[2] = std::numeric_limits<float>::quiet_NaN();
    x[3] = 1e9F;
    x[4] = -1e9F;
    FloatBuffer y(kLanes);
    k->map('e', kLanes, x.data(), y.data());
    CHECK(y[0] == infinity);
    CHECK(y[1] == 0.0F);
    CHECK(std::isnan(y[2]));
    CHECK(y[3] == infinity);
    CHECK(y[4] == 0.0F);
    CHECK(y[5] == 1.0F);
    k->map('t', kLanes, x.data(), y.data());
    CHECK(y[0] == 1.0F);
    CHECK(y[1] == -1.0F);
    CHECK(std::isnan(y[2]));
  }
}

TEST_CASE("AVX2 and AVX-512 give equal bits in every function") {
  const Kernels* narrow = dense::find_kernels("avx2");
  const Kernels* wide = dense::find_kernels("avx512");
  if (narrow == nullptr || wide == nullptr) {
    MESSAGE("skipped: this processor lacks one of them");
    return;
  }
  const FloatBuffer x = random_floats(4096, 4000, -9, 9);
  const FloatBuffer mask = random_floats(4096, 4001, 0, 2);
  for (const char function : {'e', 't', 'r', 's'}) {
    FloatBuffer a(x.size());
    FloatBuffer b(x.size());
    narrow->map(function, 4096, x.data(), a.data());
    wide->map(function, 4096, x.data(), b.data());
    CHECK(same_bits(a, b));
  }
  {
    FloatBuffer a(x.size());
    FloatBuffer b(x.size());
    const dense::SecretAddress at{.key = {1, 2, 3, 4}, .nonce = 5};
    narrow->normals(at, 4096, a.data());
    wide->normals(at, 4096, b.data());
    CHECK(same_bits(a, b));
    narrow->row_squares(x.data(), 64, 64, 64, a.data());
    wide->row_squares(x.data(), 64, 64, 64, b.data());
    CHECK(same_bits(a, b));
    a = x;
    b = x;
    narrow->scale_rows(a.data(), 64, 64, 64, mask.data());
    wide->scale_rows(b.data(), 64, 64, 64, mask.data());
    CHECK(same_bits(a, b));
  }
  using dense::Activation;
  for (const Activation f : {Activation::relu, Activation::tanh, Activation::gelu}) {
    FloatBuffer a = x;
    FloatBuffer b = x;
    FloatBuffer slope_a(x.size());
    FloatBuffer slope_b(x.size());
    narrow->activate(f, 4096, a.data(), slope_a.data(), mask.data());
    wide->activate(f, 4096, b.data(), slope_b.data(), mask.data());
    CHECK(same_bits(a, b));
    CHECK(same_bits(slope_a, slope_b));
  }
  CHECK(narrow->sum(x.data(), 4096) == wide->sum(x.data(), 4096));
}

TEST_CASE("POLYCLINIC_ISA chooses the kernels; a wrong value is the user's mistake") {
  CHECK(std::string(dense::choose_kernels("baseline").name) == "baseline");
  CHECK(&dense::choose_kernels(nullptr) == test::all_kernels().back());
  CHECK(&dense::choose_kernels("") == test::all_kernels().back());
  for (const char* name : {"avx2", "avx512"}) {
    if (dense::find_kernels(name) != nullptr) {
      CHECK(std::string(dense::choose_kernels(name).name) == name);
    } else {
      CHECK_THROWS_AS(static_cast<void>(dense::choose_kernels(name)), ScenarioError);
    }
  }
  try {
    static_cast<void>(dense::choose_kernels("sse9"));
    FAIL("accepted");
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().front().message == "POLYCLINIC_ISA=sse9 is no instruction set");
    CHECK(error.mistakes().front().hint ==
          "it is one of baseline, avx2, avx512; unset, the widest of this processor is used");
  }
}
