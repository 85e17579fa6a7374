// Kernels for processors with AVX2 (Haswell and Zen onwards).
#include <immintrin.h>

#include "fed/aggregation/kernels.hpp"

namespace polyclinic::aggregation {
namespace {

using V = __m256;
using D = __m256d;
constexpr std::size_t kFloats = 8;
constexpr std::size_t kDoubles = 4;

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
inline V subtract(V a, V b) {
  return _mm256_sub_ps(a, b);
}
inline V vmin(V a, V b) {
  return _mm256_min_ps(a, b);
}
inline V vmax(V a, V b) {
  return _mm256_max_ps(a, b);
}
inline D load(const double* p) {
  return _mm256_loadu_pd(p);
}
inline void store(double* p, D v) {
  _mm256_storeu_pd(p, v);
}
inline D broadcast(double x) {
  return _mm256_set1_pd(x);
}
inline D add(D a, D b) {
  return _mm256_add_pd(a, b);
}
inline D subtract(D a, D b) {
  return _mm256_sub_pd(a, b);
}
inline D mul(D a, D b) {
  return _mm256_mul_pd(a, b);
}
inline D widen(const float* p) {
  return _mm256_cvtps_pd(_mm_loadu_ps(p));
}

// out[k] += the sum over the lanes of four[k], for k < 4.
inline void add_lane_sums(const V* four, double* out) {
  const V pairs =
      _mm256_hadd_ps(_mm256_hadd_ps(four[0], four[1]), _mm256_hadd_ps(four[2], four[3]));
  const __m128 sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
  _mm256_storeu_pd(out, _mm256_add_pd(_mm256_loadu_pd(out), _mm256_cvtps_pd(sums)));
}

#include "fed/aggregation/kernels_impl.inl"

}  // namespace

const Kernels kAvx2Kernels{weighted_sum, narrow,   differences,   distances,
                           dots,         products, reduce_columns};

}  // namespace polyclinic::aggregation
