// Kernels for every x86-64 processor (SSE2, no fused multiply-add): the ones of golden runs.
#include <emmintrin.h>

#include "learn/dense/kernels.hpp"

namespace polyclinic::dense {
namespace {

using V = __m128;
constexpr std::int64_t kWidth = 4;
// 16 registers: 4 x 2 sums, 2 of B, 1 of A
constexpr int kWideVectors = 2;
constexpr int kWideRows = 4;
constexpr int kNarrowRows = 4;

inline V load(const float* p) {
  return _mm_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm_storeu_ps(p, v);
}
inline V broadcast(float x) {
  return _mm_set1_ps(x);
}
inline V fma(V a, V b, V c) {
  return _mm_add_ps(_mm_mul_ps(a, b), c);
}
inline V vmax(V a, V b) {
  return _mm_max_ps(a, b);
}
inline V vmin(V a, V b) {
  return _mm_min_ps(a, b);
}
inline V vsqrt(V a) {
  return _mm_sqrt_ps(a);
}
inline V vabs(V a) {
  return _mm_andnot_ps(_mm_set1_ps(-0.0F), a);
}
inline V copy_sign(V magnitude, V sign) {
  return _mm_or_ps(magnitude, _mm_and_ps(_mm_set1_ps(-0.0F), sign));
}
inline V select_greater(V a, V b, V yes, V no) {
  const V mask = _mm_cmpgt_ps(a, b);
  return _mm_or_ps(_mm_and_ps(mask, yes), _mm_andnot_ps(mask, no));
}
// 2^n for integral n in [-126, 127]
inline V power_of_two(V n) {
  const __m128i biased = _mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127));
  return _mm_castsi128_ps(_mm_slli_epi32(biased, 23));
}
// exponent of a normal x > 0, and its mantissa in [1, 2)
inline V split_exponent(V x, V& mantissa) {
  const __m128i bits = _mm_castps_si128(x);
  const __m128i fraction = _mm_and_si128(bits, _mm_set1_epi32(0x007FFFFF));
  mantissa = _mm_castsi128_ps(_mm_or_si128(fraction, _mm_set1_epi32(0x3F800000)));
  return _mm_cvtepi32_ps(_mm_sub_epi32(_mm_srli_epi32(bits, 23), _mm_set1_epi32(127)));
}
// the tree of all instruction sets: lanes i and i+8, i+4, i+2, i+1
inline float sum_four(__m128 s) {
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
inline float sum_block(const V* s) {
  return sum_four(_mm_add_ps(_mm_add_ps(s[0], s[2]), _mm_add_ps(s[1], s[3])));
}

#include "learn/dense/kernels_impl.inl"

}  // namespace

const Kernels kBaselineKernels = table("baseline");

}  // namespace polyclinic::dense
