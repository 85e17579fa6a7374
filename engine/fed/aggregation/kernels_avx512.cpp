// Kernels for processors with AVX-512 F, BW, DQ and VL (Skylake-SP and Zen 4 onwards).
#include <immintrin.h>

#include "fed/aggregation/kernels.hpp"

// GCC 12 takes the undefined operands of unmasked AVX-512 intrinsics for a mistake (its bug 105593)
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace polyclinic::aggregation {
namespace {

using V = __m512;
using D = __m512d;
constexpr std::size_t kFloats = 16;
constexpr std::size_t kDoubles = 8;

inline V load(const float* p) {
  return _mm512_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm512_storeu_ps(p, v);
}
inline V broadcast(float x) {
  return _mm512_set1_ps(x);
}
inline V fma(V a, V b, V c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline V subtract(V a, V b) {
  return _mm512_sub_ps(a, b);
}
inline V vmin(V a, V b) {
  return _mm512_min_ps(a, b);
}
inline V vmax(V a, V b) {
  return _mm512_max_ps(a, b);
}
inline D load(const double* p) {
  return _mm512_loadu_pd(p);
}
inline void store(double* p, D v) {
  _mm512_storeu_pd(p, v);
}
inline D broadcast(double x) {
  return _mm512_set1_pd(x);
}
inline D add(D a, D b) {
  return _mm512_add_pd(a, b);
}
inline D subtract(D a, D b) {
  return _mm512_sub_pd(a, b);
}
inline D mul(D a, D b) {
  return _mm512_mul_pd(a, b);
}
inline D widen(const float* p) {
  return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}

// out[k] += the sum over the lanes of four[k], for k < 4.
inline void add_lane_sums(const V* four, double* out) {
  __m256 half[4];
  for (std::size_t k = 0; k < 4; ++k) {
    half[k] = _mm256_add_ps(_mm512_castps512_ps256(four[k]), _mm512_extractf32x8_ps(four[k], 1));
  }
  const __m256 pairs =
      _mm256_hadd_ps(_mm256_hadd_ps(half[0], half[1]), _mm256_hadd_ps(half[2], half[3]));
  const __m128 sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
  _mm256_storeu_pd(out, _mm256_add_pd(_mm256_loadu_pd(out), _mm256_cvtps_pd(sums)));
}

#include "fed/aggregation/kernels_impl.inl"

}  // namespace

const Kernels kAvx512Kernels{weighted_sum, narrow,   differences,   distances,
                             dots,         products, reduce_columns};

}  // namespace polyclinic::aggregation
