// The arithmetic of dense models, once per instruction set: plain functions over raw pointers.
//
// Every result is a fixed sequence of float operations per element, so it depends neither on the
// address of the data nor on threads. A sum over k runs from k = 0 upwards; a dot product has 16
// running sums and one fixed tree. AVX2 and AVX-512 therefore give equal bits; the baseline (SSE2)
// differs, because it has no fused multiply-add.
//
// Included by the files that are compiled for one instruction set only: nothing here may define an
// inline function or a template (the linker would keep one copy, perhaps the AVX-512 one).
#pragma once

#include <cstddef>
#include <cstdint>

namespace polyclinic::dense {

// Rows of all matrices that kernels write are padded with zeros to a multiple of this many floats.
constexpr std::int64_t kLanes = 16;

enum class Activation : std::uint8_t { none, relu, tanh, gelu };

// The last step of a model: link function and loss.
enum class Head : std::uint8_t {
  squared,  // identity, (z - y)^2
  sigmoid,  // 1 / (1 + e^-z), binary cross-entropy
  poisson,  // e^z, e^z - y z (without the constant log y!)
  softmax,  // softmax over the outputs, cross-entropy
  cox,      // identity; the loss is not a sum over rows and is computed in cox.cpp
};

// C = finish(start + A B): C is m x n, the sum has k terms.
struct Product {
  enum class Finish : std::uint8_t {
    none,
    relu,   // max(0, sum)
    gate,   // sum where aux > 0, else 0: backward through relu
    scale,  // sum * aux: backward through any other activation
  };
  std::int64_t m = 0;
  std::int64_t n = 0;  // a multiple of kLanes
  std::int64_t k = 0;
  const float* a = nullptr;  // A(i, p) = a[i * a_row + p * a_step]
  std::ptrdiff_t a_row = 0;
  std::ptrdiff_t a_step = 0;
  const float* b = nullptr;  // B(p, j) = b[p * b_step + j]
  std::ptrdiff_t b_step = 0;
  float* c = nullptr;  // C(i, j) = c[i * c_row + j]
  std::ptrdiff_t c_row = 0;
  const float* bias = nullptr;  // start: n floats for every row, or null
  bool accumulate = false;      // start: what C holds (bias is then ignored)
  Finish finish = Finish::none;
  const float* aux = nullptr;  // laid out as C
};

// Loss and its slope at the outputs of `rows` rows.
struct LossTerms {
  Head head = Head::squared;
  std::int64_t rows = 0;
  std::int64_t outputs = 1;
  const float* z = nullptr;       // outputs == 1: one float per row, else rows x row_stride
  std::ptrdiff_t row_stride = 1;  // outputs > 1: a multiple of kLanes
  const float* label = nullptr;
  const float* weight = nullptr;  // per row, or null: all one
  float scale = 1;                // of the slopes: 1 / batch
  float* slope = nullptr;         // laid out as z; padding is written as zero
};

// One step of an optimiser over n parameters. PyTorch's forms of the rules.
struct Update {
  enum class Rule : std::uint8_t { sgd, momentum, nesterov, adam, adamw };
  Rule rule = Rule::sgd;
  std::int64_t n = 0;  // a multiple of kLanes
  float* w = nullptr;
  const float* gradient = nullptr;
  const float* anchor = nullptr;  // proximal: gradient += proximal * (w - anchor); or null
  const float* linear = nullptr;  // gradient += linear: control vectors; or null
  float* moment1 = nullptr;       // momentum, adam
  float* moment2 = nullptr;       // adam
  float rate = 0;
  float proximal = 0;
  float weight_decay = 0;    // adamw: w *= 1 - rate * decay; others: gradient += decay * w
  float gradient_scale = 1;  // from clipping; applies to `gradient` alone
  float momentum = 0;
  float beta1 = 0;
  float beta2 = 0;
  float epsilon = 0;
  float correction1 = 1;  // 1 - beta1^t
  float correction2 = 1;  // sqrt(1 - beta2^t)
};

// Normalisation of rows x stride floats, of which the first `width` of a row are values: x becomes
// normed * scale + shift. By columns, normed is (x - mean) times `inverse`, which is written:
// 1 / sqrt(variance + epsilon), a variance below 0 counting as 0. By rows each of `groups` equal
// parts of a row has moments of its own, and `inverse` is one number for each.
struct Normalisation {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;  // a multiple of kLanes
  std::int64_t groups = 1;
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* mean = nullptr;      // by columns
  const float* variance = nullptr;  // by columns
  float epsilon = 0;
  float* x = nullptr;
  float* normed = nullptr;
  float* inverse = nullptr;
  float* scratch = nullptr;  // by rows: room for a part, up to whole lanes
};

// From slopes at what a Normalisation wrote to slopes at what it read.
struct NormSlopes {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;
  std::int64_t groups = 1;
  const float* scale = nullptr;
  const float* normed = nullptr;
  const float* inverse = nullptr;
  // By columns: how many rows the moments are of, and the sums over them of the slopes and of the
  // slopes times normed; 0: moments were constants.
  std::int64_t rows_of_statistics = 0;
  const float* shift_sums = nullptr;
  const float* scale_sums = nullptr;
  float* error = nullptr;
  float* scratch = nullptr;  // by rows: room for two parts, up to whole lanes each
};

// Where a stream of ChaCha20 begins (RFC 8439): its key is the address (run, purpose, entity, step)
// of architecture's randomness, its nonce the place within a step.
struct SecretAddress {
  std::uint64_t key[4] = {};
  std::uint64_t nonce = 0;
};
// Noise comes in groups of this many numbers: 16 blocks of ChaCha20, of 16 words each.
constexpr std::int64_t kNoiseGroup = 256;

// Pointers must be to 64-byte boundaries only where it pays; any alignment is correct.
struct Kernels {
  const char* name;  // "baseline", "avx2", "avx512"

  // Copies `count` rows of `columns` floats, x + rows[i] * columns (rows null: the first ones), to
  // out + i * stride.
  void (*gather)(const float* x, std::int64_t columns, const std::int32_t* rows, std::int64_t count,
                 float* out, std::ptrdiff_t stride);
  // out(j, i) = in(i, j) for a rows x columns matrix.
  void (*transpose)(const float* in, std::int64_t rows, std::int64_t columns, std::ptrdiff_t in_row,
                    float* out, std::ptrdiff_t out_row);
  void (*product)(const Product& product);
  // out[i] = start + sum_j a[i * a_row + j] * w[j]; n a multiple of kLanes.
  void (*dots)(const float* a, std::ptrdiff_t a_row, std::int64_t rows, const float* w,
               std::int64_t n, float start, float* out);
  // out[j] (+)= sum_i a[i * a_row + j]; n a multiple of kLanes.
  void (*column_sums)(const float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                      bool accumulate, float* out);
  // sum over [0, n) in the tree of `dots`; n a multiple of kLanes.
  float (*sum)(const float* a, std::int64_t n);
  // a = f(a) * mask and, unless null, slope = f'(a) * mask, elementwise over n floats (a multiple
  // of kLanes); mask null: one.
  void (*activate)(Activation activation, std::int64_t n, float* a, float* slope,
                   const float* mask);
  // Writes slopes; returns the weighted sum of the rows' losses, added in row order in double.
  // z must have room up to the next multiple of kLanes rows when outputs == 1.
  double (*loss)(const LossTerms& terms);
  // The link function in place: probabilities or means. Same layout as LossTerms.
  void (*link)(Head head, float* z, std::ptrdiff_t row_stride, std::int64_t rows,
               std::int64_t outputs);
  void (*update)(const Update& update);
  // y += factor * x.
  void (*axpy)(std::int64_t n, float factor, const float* x, float* y);
  // out[i] = sum_j a[i * a_row + j]^2 in the tree of `dots`; n a multiple of kLanes.
  void (*row_squares)(const float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                      float* out);
  // a[i * a_row + j] *= factor[i]; n a multiple of kLanes.
  void (*scale_rows)(float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                     const float* factor);
  // The words of group `group`: out[16 w + b] is word w of block 16 group + b of the key stream.
  void (*secret_words)(const SecretAddress& at, std::uint32_t group, std::uint32_t* out);
  // n standard normals (a multiple of kNoiseGroup) by Box and Muller from the key stream. The
  // largest that can come is 6.7: a float's 31 bits of chance end there, with 2^-32 beyond.
  void (*normals)(const SecretAddress& at, std::int64_t n, float* out);
  // Elementary functions over n floats (a multiple of kLanes), for tests of their accuracy.
  void (*map)(char function, std::int64_t n, const float* x, float* y);  // e, l, t, r (erf), s
  // Mean and variance (divided by the rows) of n columns, a multiple of kLanes. REQUIRES: rows > 0.
  void (*column_moments)(const float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                         float* mean, float* variance);
  void (*norm_columns)(const Normalisation& terms);
  void (*norm_columns_back)(const NormSlopes& terms);
  void (*norm_rows)(const Normalisation& terms);
  void (*norm_rows_back)(const NormSlopes& terms);
  // out = a * b, elementwise over n floats (a multiple of kLanes).
  void (*multiply)(std::int64_t n, const float* a, const float* b, float* out);
};

extern const Kernels kBaselineKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace polyclinic::dense
