// Kernels over V, a native vector of kWidth floats. Included once per instruction set, inside an
// unnamed namespace, after the primitives: load, store, broadcast, fma, vmax, vsqrt, vabs,
// copy_sign, select_greater, power_of_two, split_exponent, sum_block (kBlock vectors are 16 lanes).

constexpr std::int64_t kBlock = kLanes / kWidth;

// ---- elementary functions: range reductions as in Cephes (Moshier 1989); polynomials are
// Chebyshev fits made for these intervals, relative error of the fit below 1e-8

// 2^n p(r), r = x - n ln 2, |r| <= ln 2 / 2; the power of two in two factors reaches subnormals and
// inf
inline V vexp(V x) {
  const V bounded = vmin(vmax(x, broadcast(-104.0F)), broadcast(89.0F));
  const V magic = broadcast(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
  const V n = (bounded * broadcast(1.44269504F) + magic) - magic;
  V r = fma(n, broadcast(-0.693359375F), bounded);
  r = fma(n, broadcast(2.12194440e-4F), r);
  V p = broadcast(1.9891981e-4F);
  p = fma(p, r, broadcast(1.39345419e-3F));
  p = fma(p, r, broadcast(8.33331002e-3F));
  p = fma(p, r, broadcast(4.16664568e-2F));
  p = fma(p, r, broadcast(1.66666667e-1F));
  p = fma(p, r, broadcast(5.00000001e-1F));
  const V y = fma(p, r * r, r) + broadcast(1.0F);
  const V half = (n * broadcast(0.5F) + magic) - magic;
  const V result = y * power_of_two(half) * power_of_two(n - half);
  // NaN passes: no comparison with it is true
  return select_greater(x, broadcast(-3.0e38F), result,
                        select_greater(broadcast(0.0F), x, broadcast(0.0F), x));
}

// log x = e ln 2 + log1p(f), x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt 2; for normal x > 0
inline V vlog(V x) {
  V mantissa;
  V e = split_exponent(x, mantissa);
  const V big = broadcast(1.41421356F);
  e = select_greater(mantissa, big, e + broadcast(1.0F), e);
  mantissa = select_greater(mantissa, big, mantissa * broadcast(0.5F), mantissa);
  const V f = mantissa - broadcast(1.0F);
  V p = broadcast(6.97161147e-2F);
  p = fma(p, f, broadcast(-1.14797338e-1F));
  p = fma(p, f, broadcast(1.16854199e-1F));
  p = fma(p, f, broadcast(-1.24256873e-1F));
  p = fma(p, f, broadcast(1.42490576e-1F));
  p = fma(p, f, broadcast(-1.66678023e-1F));
  p = fma(p, f, broadcast(2.00007157e-1F));
  p = fma(p, f, broadcast(-2.49999970e-1F));
  p = fma(p, f, broadcast(3.33333312e-1F));
  const V ff = f * f;
  V y = p * (f * ff);
  y = fma(e, broadcast(-2.12194440e-4F), y);
  y = fma(ff, broadcast(-0.5F), y);
  return fma(e, broadcast(0.693359375F), f + y);
}

inline V vsigmoid(V x) {
  return broadcast(1.0F) / (broadcast(1.0F) + vexp(-x));
}

// log(1 + e^x) = max(x, 0) + log1p(u), u = e^-|x|; log1p(u) = log(w) u / (w - 1), w = fl(1 + u)
// (Goldberg 1991, theorem 4), and u where w = 1
inline V vsoftplus(V x) {
  const V u = vexp(-vabs(x));
  const V w = broadcast(1.0F) + u;
  const V excess = w - broadcast(1.0F);
  const V safe = select_greater(excess, broadcast(0.0F), excess, broadcast(1.0F));
  const V log1p = select_greater(excess, broadcast(0.0F), vlog(w) * (u / safe), u);
  return vmax(x, broadcast(0.0F)) + log1p;
}

// odd polynomial near 0, else 1 - 2 / (e^2|x| + 1)
inline V vtanh(V x) {
  const V t = vabs(x);
  const V s = x * x;
  V p = broadcast(2.29274482e-3F);
  p = fma(p, s, broadcast(-8.34394552e-3F));
  p = fma(p, s, broadcast(2.17689187e-2F));
  p = fma(p, s, broadcast(-5.39592596e-2F));
  p = fma(p, s, broadcast(1.33333036e-1F));
  p = fma(p, s, broadcast(-3.33333332e-1F));
  const V small = fma(p * s, x, x);
  const V large = broadcast(1.0F) - broadcast(2.0F) / (vexp(t + t) + broadcast(1.0F));
  return select_greater(t, broadcast(0.625F), copy_sign(large, x), small);
}

// odd polynomial near 0, else 1 - e^q(|x|) e^-x^2
inline V verf(V x) {
  const V t = vabs(x);
  const V s = x * x;
  V p = broadcast(8.33471862e-5F);
  p = fma(p, s, broadcast(-8.13470933e-4F));
  p = fma(p, s, broadcast(5.20036859e-3F));
  p = fma(p, s, broadcast(-2.68591515e-2F));
  p = fma(p, s, broadcast(1.12836915e-1F));
  p = fma(p, s, broadcast(-3.76126335e-1F));
  p = fma(p, s, broadcast(1.28379167e-1F));
  const V small = fma(p, x, x);
  const V b = vmin(t, broadcast(4.0F));  // erf(4) rounds to 1
  V q = broadcast(1.64356965e-6F);
  q = fma(q, b, broadcast(-4.61779128e-5F));
  q = fma(q, b, broadcast(5.97743472e-4F));
  q = fma(q, b, broadcast(-4.76357525e-3F));
  q = fma(q, b, broadcast(2.64310176e-2F));
  q = fma(q, b, broadcast(-1.10094481e-1F));
  q = fma(q, b, broadcast(3.68185483e-1F));
  q = fma(q, b, broadcast(-1.13023762F));
  q = fma(q, b, broadcast(3.20441531e-4F));
  const V large = broadcast(1.0F) - vexp(fma(-b, b, q));
  return select_greater(t, broadcast(0.927734375F), copy_sign(large, x), small);
}

// ---- copies

void gather(const float* x, std::int64_t columns, const std::int32_t* rows, std::int64_t count,
            float* out, std::ptrdiff_t stride) {
  const std::size_t bytes = static_cast<std::size_t>(columns) * sizeof(float);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = rows != nullptr ? rows[i] : i;
    __builtin_memcpy(out + i * stride, x + row * columns, bytes);
  }
}

void transpose(const float* in, std::int64_t rows, std::int64_t columns, std::ptrdiff_t in_row,
               float* out, std::ptrdiff_t out_row) {
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const float* from = in + i * in_row;
    std::int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      __m128 r0 = _mm_loadu_ps(from + j);
      __m128 r1 = _mm_loadu_ps(from + in_row + j);
      __m128 r2 = _mm_loadu_ps(from + 2 * in_row + j);
      __m128 r3 = _mm_loadu_ps(from + 3 * in_row + j);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      float* to = out + j * out_row + i;
      _mm_storeu_ps(to, r0);
      _mm_storeu_ps(to + out_row, r1);
      _mm_storeu_ps(to + 2 * out_row, r2);
      _mm_storeu_ps(to + 3 * out_row, r3);
    }
    for (; j < columns; ++j) {
      for (std::int64_t r = 0; r < 4; ++r) out[j * out_row + i + r] = from[r * in_row + j];
    }
  }
  for (; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) out[j * out_row + i] = in[i * in_row + j];
  }
}

// ---- products

inline V finished(V sum, Product::Finish finish, const float* aux) {
  switch (finish) {
    case Product::Finish::none:
      return sum;
    case Product::Finish::relu:
      return vmax(broadcast(0.0F), sum);  // in this order NaN passes
    case Product::Finish::gate:
      return select_greater(load(aux), broadcast(0.0F), sum, broadcast(0.0F));
    case Product::Finish::scale:
      return sum * load(aux);
  }
  return sum;
}

// A block of C held in registers while the sum runs; each element's order of additions is the same
// in blocks of every shape.
template <int kRows, int kVectors>
inline void tile(const Product& p, std::int64_t row, std::int64_t column) {
  V sum[kRows][kVectors];
  float* c = p.c + row * p.c_row + column;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      if (p.accumulate) {
        sum[r][v] = load(c + r * p.c_row + v * kWidth);
      } else {
        sum[r][v] = p.bias != nullptr ? load(p.bias + column + v * kWidth) : broadcast(0.0F);
      }
    }
  }
  const float* a = p.a + row * p.a_row;
  const float* b = p.b + column;
  for (std::int64_t k = 0; k < p.k; ++k) {
    V bv[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) bv[v] = load(b + v * kWidth);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const V av = broadcast(a[r * p.a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(av, bv[v], sum[r][v]);
    }
    a += p.a_step;
    b += p.b_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const std::ptrdiff_t at = r * p.c_row + v * kWidth;
      const float* aux = p.aux != nullptr ? p.aux + row * p.c_row + column + at : nullptr;
      store(c + at, finished(sum[r][v], p.finish, aux));
    }
  }
}

template <int kRows, int kVectors>
inline void panel(const Product& p, std::int64_t column) {
  std::int64_t i = 0;
  for (; i + kRows <= p.m; i += kRows) tile<kRows, kVectors>(p, i, column);
  if constexpr (kRows > 4) {
    if (i + 4 <= p.m) {
      tile<4, kVectors>(p, i, column);
      i += 4;
    }
  }
  if (i + 2 <= p.m) {
    tile<2, kVectors>(p, i, column);
    i += 2;
  }
  if (i < p.m) tile<1, kVectors>(p, i, column);
}

void product(const Product& p) {
  std::int64_t j = 0;
  for (; j + kWideVectors * kWidth <= p.n; j += kWideVectors * kWidth) {
    panel<kWideRows, kWideVectors>(p, j);
  }
  if constexpr (kWideVectors > 2) {
    for (; j + 2 * kWidth <= p.n; j += 2 * kWidth) panel<kNarrowRows, 2>(p, j);
  }
  for (; j < p.n; j += kWidth) panel<kNarrowRows, 1>(p, j);
}

void dots(const float* a, std::ptrdiff_t a_row, std::int64_t rows, const float* w, std::int64_t n,
          float start, float* out) {
  for (std::int64_t i = 0; i < rows; ++i) {
    V sum[kBlock];
    for (std::int64_t v = 0; v < kBlock; ++v) sum[v] = broadcast(0.0F);
    const float* row = a + i * a_row;
    for (std::int64_t j = 0; j < n; j += kLanes) {
#pragma GCC unroll 4
      for (std::int64_t v = 0; v < kBlock; ++v) {
        sum[v] = fma(load(row + j + v * kWidth), load(w + j + v * kWidth), sum[v]);
      }
    }
    out[i] = start + sum_block(sum);
  }
}

float sum(const float* a, std::int64_t n) {
  V total[kBlock];
  for (std::int64_t v = 0; v < kBlock; ++v) total[v] = broadcast(0.0F);
  for (std::int64_t j = 0; j < n; j += kLanes) {
    for (std::int64_t v = 0; v < kBlock; ++v) total[v] = total[v] + load(a + j + v * kWidth);
  }
  return sum_block(total);
}

void column_sums(const float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                 bool accumulate, float* out) {
  for (std::int64_t j = 0; j < n; j += kWidth) {
    V total = accumulate ? load(out + j) : broadcast(0.0F);
    for (std::int64_t i = 0; i < rows; ++i) total = total + load(a + i * a_row + j);
    store(out + j, total);
  }
}

// ---- activations

struct Response {
  V value;
  V slope;
};

inline Response respond(Activation activation, V z) {
  const V zero = broadcast(0.0F);
  const V one = broadcast(1.0F);
  switch (activation) {
    case Activation::none:
      return {z, one};
    case Activation::relu:
      return {vmax(zero, z), select_greater(z, zero, one, zero)};
    case Activation::tanh: {
      const V t = vtanh(z);
      return {t, one - t * t};
    }
    case Activation::gelu: {
      // z Phi(z) and Phi(z) + z phi(z)  (Hendrycks and Gimpel 2016, exact form)
      const V half = broadcast(0.5F);
      const V cdf = half + half * verf(z * broadcast(0.707106781F));
      const V pdf = broadcast(0.398942280F) * vexp(-half * z * z);
      return {z * cdf, fma(z, pdf, cdf)};
    }
  }
  return {z, one};
}

void activate(Activation activation, std::int64_t n, float* a, float* slope, const float* mask) {
  for (std::int64_t i = 0; i < n; i += kWidth) {
    Response r = respond(activation, load(a + i));
    if (mask != nullptr) {
      r.value = r.value * load(mask + i);
      r.slope = r.slope * load(mask + i);
    }
    store(a + i, r.value);
    if (slope != nullptr) store(slope + i, r.slope);
  }
}

// ---- losses

inline V loss_of(Head head, V z, V y, V& slope) {
  switch (head) {
    case Head::sigmoid:
      slope = vsigmoid(z) - y;
      return vsoftplus(z) - y * z;
    case Head::poisson: {
      const V mean = vexp(z);
      slope = mean - y;
      return mean - y * z;
    }
    default: {
      const V e = z - y;
      slope = e + e;
      return e * e;
    }
  }
}

double single_output_loss(const LossTerms& t) {
  double total = 0;
  const V scale = broadcast(t.scale);
  for (std::int64_t i = 0; i < t.rows; i += kLanes) {
    // the last block reads and writes only as many rows as there are
    const std::int64_t count = t.rows - i < kLanes ? t.rows - i : kLanes;
    alignas(64) float z[kLanes] = {};
    alignas(64) float y[kLanes] = {};
    alignas(64) float weight[kLanes];
    alignas(64) float losses[kLanes];
    for (std::int64_t l = 0; l < count; ++l) {
      z[l] = t.z[i + l];
      y[l] = t.label[i + l];
    }
    for (std::int64_t l = 0; l < kLanes; ++l) {
      weight[l] = l >= count ? 0.0F : t.weight != nullptr ? t.weight[i + l] : 1.0F;
    }
    for (std::int64_t l = 0; l < kLanes; l += kWidth) {
      V slope;
      const V loss = loss_of(t.head, load(z + l), load(y + l), slope);
      const V w = load(weight + l);
      store(losses + l, loss * w);
      store(t.slope + i + l, slope * w * scale);
    }
    for (std::int64_t l = 0; l < count; ++l) total += static_cast<double>(losses[l]);
  }
  return total;
}

// Shifted scores' exponentials of one row; returns the reciprocal of their sum. Lanes beyond
// `outputs` give 0.
struct RowScores {
  float highest;
  float sum;
};

inline RowScores exponentiate_row(const float* z, std::int64_t outputs, float* e) {
  RowScores row{z[0], 0.0F};
  for (std::int64_t j = 1; j < outputs; ++j) row.highest = z[j] > row.highest ? z[j] : row.highest;
  const std::int64_t padded = (outputs + kLanes - 1) / kLanes * kLanes;
  for (std::int64_t j = 0; j < padded; j += kWidth) {
    store(e + j, vexp(load(z + j) - broadcast(row.highest)));
  }
  for (std::int64_t j = outputs; j < padded; ++j) e[j] = 0.0F;
  row.sum = sum(e, padded);
  return row;
}

inline float scalar_log(float x) {
  alignas(64) float out[kWidth];
  store(out, vlog(broadcast(x)));
  return out[0];
}

// loss = log sum_j e^(z_j - m) - (z_y - m), slope = softmax - onehot
double softmax_loss(const LossTerms& t) {
  double total = 0;
  const std::int64_t padded = (t.outputs + kLanes - 1) / kLanes * kLanes;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    const float* z = t.z + i * t.row_stride;
    float* slope = t.slope + i * t.row_stride;
    const float weight = t.weight != nullptr ? t.weight[i] : 1.0F;
    const auto y = static_cast<std::int64_t>(t.label[i]);
    const float shifted = z[y];
    const RowScores row = exponentiate_row(z, t.outputs, slope);
    const float loss = (scalar_log(row.sum) - (shifted - row.highest)) * weight;
    total += static_cast<double>(loss);
    const V factor = broadcast(1.0F / row.sum);
    for (std::int64_t j = 0; j < padded; j += kWidth) store(slope + j, load(slope + j) * factor);
    slope[y] -= 1.0F;
    const V scale = broadcast(weight * t.scale);
    for (std::int64_t j = 0; j < padded; j += kWidth) store(slope + j, load(slope + j) * scale);
  }
  return total;
}

double loss(const LossTerms& t) {
  return t.head == Head::softmax ? softmax_loss(t) : single_output_loss(t);
}

void link(Head head, float* z, std::ptrdiff_t row_stride, std::int64_t rows, std::int64_t outputs) {
  if (head == Head::softmax) {
    const std::int64_t padded = (outputs + kLanes - 1) / kLanes * kLanes;
    for (std::int64_t i = 0; i < rows; ++i) {
      float* row = z + i * row_stride;
      const V factor = broadcast(1.0F / exponentiate_row(row, outputs, row).sum);
      for (std::int64_t j = 0; j < padded; j += kWidth) store(row + j, load(row + j) * factor);
    }
    return;
  }
  if (head != Head::sigmoid && head != Head::poisson) return;
  for (std::int64_t i = 0; i < rows; i += kWidth) {
    const V value = load(z + i);
    store(z + i, head == Head::sigmoid ? vsigmoid(value) : vexp(value));
  }
}

// ---- optimisers

template <Update::Rule kRule>
inline void update_with(const Update& u) {
  const V rate = broadcast(-u.rate);
  const V decay = broadcast(kRule == Update::Rule::adamw ? 0.0F : u.weight_decay);
  const V shrink = broadcast(1.0F - u.rate * u.weight_decay);
  const V proximal = broadcast(u.proximal);
  const V clip = broadcast(u.gradient_scale);
  const V momentum = broadcast(u.momentum);
  const V beta1 = broadcast(u.beta1);
  const V beta2 = broadcast(u.beta2);
  const V rest1 = broadcast(1.0F - u.beta1);
  const V rest2 = broadcast(1.0F - u.beta2);
  const V adam_rate = broadcast(-(u.rate / u.correction1));
  const V correction2 = broadcast(u.correction2);
  const V epsilon = broadcast(u.epsilon);
  const bool plain = u.gradient_scale == 1.0F && u.anchor == nullptr && u.linear == nullptr &&
                     (u.weight_decay == 0.0F || kRule == Update::Rule::adamw);
  for (std::int64_t i = 0; i < u.n; i += kWidth) {
    V w = load(u.w + i);
    V g = load(u.gradient + i);
    if (!plain) {
      g = g * clip;
      if (u.anchor != nullptr) g = fma(proximal, w - load(u.anchor + i), g);
      if (u.linear != nullptr) g = g + load(u.linear + i);
      g = fma(decay, w, g);
    }
    if constexpr (kRule == Update::Rule::sgd) {
      w = fma(rate, g, w);
    } else if constexpr (kRule == Update::Rule::momentum || kRule == Update::Rule::nesterov) {
      const V m = fma(momentum, load(u.moment1 + i), g);
      store(u.moment1 + i, m);
      w = fma(rate, kRule == Update::Rule::nesterov ? fma(momentum, m, g) : m, w);
    } else {
      // Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019)
      if constexpr (kRule == Update::Rule::adamw) w = w * shrink;
      const V m = fma(beta1, load(u.moment1 + i), rest1 * g);
      const V v = fma(beta2, load(u.moment2 + i), rest2 * g * g);
      store(u.moment1 + i, m);
      store(u.moment2 + i, v);
      w = fma(adam_rate, m / (vsqrt(v) / correction2 + epsilon), w);
    }
    store(u.w + i, w);
  }
}

void update(const Update& u) {
  switch (u.rule) {
    case Update::Rule::sgd:
      return update_with<Update::Rule::sgd>(u);
    case Update::Rule::momentum:
      return update_with<Update::Rule::momentum>(u);
    case Update::Rule::nesterov:
      return update_with<Update::Rule::nesterov>(u);
    case Update::Rule::adam:
      return update_with<Update::Rule::adam>(u);
    case Update::Rule::adamw:
      return update_with<Update::Rule::adamw>(u);
  }
}

// ---- per-row gradients and their noise

void row_squares(const float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                 float* out) {
  for (std::int64_t i = 0; i < rows; ++i) {
    V sum[kBlock];
    for (std::int64_t v = 0; v < kBlock; ++v) sum[v] = broadcast(0.0F);
    const float* row = a + i * a_row;
    for (std::int64_t j = 0; j < n; j += kLanes) {
#pragma GCC unroll 4
      for (std::int64_t v = 0; v < kBlock; ++v) {
        const V x = load(row + j + v * kWidth);
        sum[v] = fma(x, x, sum[v]);
      }
    }
    out[i] = sum_block(sum);
  }
}

void scale_rows(float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                const float* factor) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const V f = broadcast(factor[i]);
    float* row = a + i * a_row;
    for (std::int64_t j = 0; j < n; j += kWidth) store(row + j, load(row + j) * f);
  }
}

// One word of kWidth blocks: integers as wide as V.
using Words = std::uint32_t __attribute__((vector_size(kWidth * 4)));
using Integers = std::int32_t __attribute__((vector_size(kWidth * 4)));
using Floats = float __attribute__((vector_size(kWidth * 4)));

template <int kBits>
inline Words rotated(Words x) {
  return (x << kBits) | (x >> (32 - kBits));
}

// RFC 8439, section 2.1
inline void quarter_round(Words& a, Words& b, Words& c, Words& d) {
  a += b;
  d = rotated<16>(d ^ a);
  c += d;
  b = rotated<12>(b ^ c);
  a += b;
  d = rotated<8>(d ^ a);
  c += d;
  b = rotated<7>(b ^ c);
}

// RFC 8439, section 2.3: kWidth blocks side by side
void secret_words(const SecretAddress& at, std::uint32_t group, std::uint32_t* out) {
  std::uint32_t start[16] = {0x61707865U, 0x3320646EU, 0x79622D32U, 0x6B206574U};
  for (int i = 0; i < 4; ++i) {
    start[4 + 2 * i] = static_cast<std::uint32_t>(at.key[i]);
    start[5 + 2 * i] = static_cast<std::uint32_t>(at.key[i] >> 32U);
  }
  start[12] = group * 16;
  start[13] = 0;
  start[14] = static_cast<std::uint32_t>(at.nonce);
  start[15] = static_cast<std::uint32_t>(at.nonce >> 32U);
  Words lane = {};
  for (std::int64_t i = 0; i < kWidth; ++i) lane[i] = static_cast<std::uint32_t>(i);
  for (std::uint32_t first = 0; first < 16; first += kWidth) {
    Words x[16];
    for (int i = 0; i < 16; ++i) x[i] = Words{} + start[i];
    x[12] += lane + first;
    const Words counter = x[12];
    for (int i = 0; i < 10; ++i) {
      quarter_round(x[0], x[4], x[8], x[12]);
      quarter_round(x[1], x[5], x[9], x[13]);
      quarter_round(x[2], x[6], x[10], x[14]);
      quarter_round(x[3], x[7], x[11], x[15]);
      quarter_round(x[0], x[5], x[10], x[15]);
      quarter_round(x[1], x[6], x[11], x[12]);
      quarter_round(x[2], x[7], x[8], x[13]);
      quarter_round(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < 16; ++i) {
      const Words sum = x[i] + (i == 12 ? counter : Words{} + start[i]);
      __builtin_memcpy(out + 16 * i + first, &sum, sizeof sum);
    }
  }
}

// the middle of one of 2^31 cells of (0, 1), rounded to a float: 2^-32 is the least, 1 the largest
inline V unit_of(Words w) {
  const V x = reinterpret_cast<V>(__builtin_convertvector(reinterpret_cast<Integers>(w >> 1), Floats));
  return (x + broadcast(0.5F)) * broadcast(4.656612873e-10F);
}

// sin and cos of t in [0, pi / 2]: Taylor series, truncation below 6e-8
inline V first_quadrant_sin(V t) {
  const V s = t * t;
  V p = broadcast(-2.50521084e-8F);
  p = fma(p, s, broadcast(2.75573192e-6F));
  p = fma(p, s, broadcast(-1.98412698e-4F));
  p = fma(p, s, broadcast(8.33333333e-3F));
  p = fma(p, s, broadcast(-1.66666667e-1F));
  return fma(p * s, t, t);
}
inline V first_quadrant_cos(V t) {
  const V s = t * t;
  V p = broadcast(2.08767570e-9F);
  p = fma(p, s, broadcast(-2.75573192e-7F));
  p = fma(p, s, broadcast(2.48015873e-5F));
  p = fma(p, s, broadcast(-1.38888889e-3F));
  p = fma(p, s, broadcast(4.16666667e-2F));
  p = fma(p, s, broadcast(-5.00000000e-1F));
  return fma(p, s, broadcast(1.0F));
}

// Box and Muller 1958: radius sqrt(-2 ln u), angle within a quadrant; the lowest bits of the two
// words are the signs.
void normals(const SecretAddress& at, std::int64_t n, float* out) {
  for (std::int64_t g = 0; g < n / kNoiseGroup; ++g, out += kNoiseGroup) {
    alignas(64) std::uint32_t words[kNoiseGroup];
    secret_words(at, static_cast<std::uint32_t>(g), words);
    for (std::int64_t i = 0; i < kNoiseGroup / 2; i += kWidth) {
      Words a;
      Words b;
      __builtin_memcpy(&a, words + i, sizeof a);
      __builtin_memcpy(&b, words + kNoiseGroup / 2 + i, sizeof b);
      const V square = vmax(broadcast(0.0F), broadcast(-2.0F) * vlog(unit_of(a)));
      const V radius = vsqrt(square);
      const V angle = unit_of(b) * broadcast(1.57079633F);
      const V x = radius * vmax(broadcast(0.0F), first_quadrant_cos(angle));
      const V y = radius * first_quadrant_sin(angle);
      store(out + i, copy_sign(x, reinterpret_cast<V>(a << 31)));
      store(out + kNoiseGroup / 2 + i, copy_sign(y, reinterpret_cast<V>(b << 31)));
    }
  }
}

void axpy(std::int64_t n, float factor, const float* x, float* y) {
  const V f = broadcast(factor);
  for (std::int64_t i = 0; i < n; i += kWidth) store(y + i, fma(f, load(x + i), load(y + i)));
}

void map(char function, std::int64_t n, const float* x, float* y) {
  for (std::int64_t i = 0; i < n; i += kWidth) {
    const V in = load(x + i);
    V out = in;
    switch (function) {
      case 'e':
        out = vexp(in);
        break;
      case 'l':
        out = vlog(in);
        break;
      case 't':
        out = vtanh(in);
        break;
      case 'r':
        out = verf(in);
        break;
      case 's':
        out = vsoftplus(in);
        break;
      default:
        break;
    }
    store(y + i, out);
  }
}

// ---- normalisation

#include "learn/dense/kernels_norm.inl"

constexpr Kernels table(const char* name) {
  return {name,           gather,
          transpose,      product,
          dots,           column_sums,
          sum,            activate,
          loss,           link,
          update,         axpy,
          row_squares,    scale_rows,
          secret_words,   normals,
          map,            column_moments,
          norm_columns,   norm_columns_back,
          norm_rows,      norm_rows_back,
          multiply};
}
