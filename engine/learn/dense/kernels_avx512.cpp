// Kernels for processors with AVX-512 F, BW, DQ and VL (Skylake-SP and Zen 4 onwards).
#include <immintrin.h>

#include "learn/dense/kernels.hpp"

// GCC 12 takes the undefined operands of unmasked AVX-512 intrinsics for a mistake (its bug 105593)
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace polyclinic::dense {
namespace {

using V = __m512;
constexpr std::int64_t kWidth = 16;
// 32 registers: 4 x 4 sums for wide layers, 8 x 2 for narrow ones
constexpr int kWideVectors = 4;
constexpr int kWideRows = 4;
constexpr int kNarrowRows = 8;

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
inline V vmax(V a, V b) {
  return _mm512_max_ps(a, b);
}
inline V vmin(V a, V b) {
  return _mm512_min_ps(a, b);
}
inline V vsqrt(V a) {
  return _mm512_sqrt_ps(a);
}
inline V vabs(V a) {
  return _mm512_andnot_ps(_mm512_set1_ps(-0.0F), a);
}
inline V copy_sign(V magnitude, V sign) {
  return _mm512_or_ps(magnitude, _mm512_and_ps(_mm512_set1_ps(-0.0F), sign));
}
inline V select_greater(V a, V b, V yes, V no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes);
}
// 2^n for integral n in [-126, 127]
inline V power_of_two(V n) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
  return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}
// exponent of a normal x > 0, and its mantissa in [1, 2)
inline V split_exponent(V x, V& mantissa) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i fraction = _mm512_and_si512(bits, _mm512_set1_epi32(0x007FFFFF));
  mantissa = _mm512_castsi512_ps(_mm512_or_si512(fraction, _mm512_set1_epi32(0x3F800000)));
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(127)));
}
// the tree of all instruction sets: lanes i and i+8, i+4, i+2, i+1
inline float sum_four(__m128 s) {
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
inline float sum_block(const V* s) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(*s), _mm512_extractf32x8_ps(*s, 1));
  return sum_four(_mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1)));
}

#include "learn/dense/kernels_impl.inl"

}  // namespace

const Kernels kAvx512Kernels = table("avx512");

}  // namespace polyclinic::dense
