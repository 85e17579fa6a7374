// Kernels for processors with AVX2 and FMA (Haswell and Zen onwards).
#include <immintrin.h>

#include "learn/dense/kernels.hpp"

namespace polyclinic::dense {
namespace {

using V = __m256;
constexpr std::int64_t kWidth = 8;
// 16 registers: 4 x 2 sums, 2 of B, 1 of A
constexpr int kWideVectors = 2;
constexpr int kWideRows = 4;
constexpr int kNarrowRows = 4;

inline V load(const float* p) {
  return _mm256_loadu_ps(p);
}
inline void store(float* p, V v) {
  _mm256_storeu_ps(p, v);
}
inline V broadcast(float x) {
  return _mm256_set1_ps(x);
}
inline V fma(V a, V b, V c) {
  return _mm256_fmadd_ps(a, b, c);
}
inline V vmax(V a, V b) {
  return _mm256_max_ps(a, b);
}
inline V vmin(V a, V b) {
  return _mm256_min_ps(a, b);
}
inline V vsqrt(V a) {
  return _mm256_sqrt_ps(a);
}
inline V vabs(V a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}
inline V copy_sign(V magnitude, V sign) {
  return _mm256_or_ps(magnitude, _mm256_and_ps(_mm256_set1_ps(-0.0F), sign));
}
inline V select_greater(V a, V b, V yes, V no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
// 2^n for integral n in [-126, 127]
inline V power_of_two(V n) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
// exponent of a normal x > 0, and its mantissa in [1, 2)
inline V split_exponent(V x, V& mantissa) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x007FFFFF));
  mantissa = _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3F800000)));
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127)));
}
// the tree of all instruction sets: lanes i and i+8, i+4, i+2, i+1
inline float sum_four(__m128 s) {
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
inline float sum_block(const V* s) {
  const V eight = _mm256_add_ps(s[0], s[1]);
  return sum_four(_mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1)));
}

#include "learn/dense/kernels_impl.inl"

}  // namespace

const Kernels kAvx2Kernels = table("avx2");

}  // namespace polyclinic::dense
