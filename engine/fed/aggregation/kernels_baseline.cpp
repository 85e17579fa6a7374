// Kernels for every x86-64 processor (SSE2).
#include <emmintrin.h>

#include "fed/aggregation/kernels.hpp"

namespace polyclinic::aggregation {
namespace {

using V = __m128;
using D = __m128d;
constexpr std::size_t kFloats = 4;
constexpr std::size_t kDoubles = 2;

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
inline V subtract(V a, V b) {
  return _mm_sub_ps(a, b);
}
inline V vmin(V a, V b) {
  return _mm_min_ps(a, b);
}
inline V vmax(V a, V b) {
  return _mm_max_ps(a, b);
}
inline D load(const double* p) {
  return _mm_loadu_pd(p);
}
inline void store(double* p, D v) {
  _mm_storeu_pd(p, v);
}
inline D broadcast(double x) {
  return _mm_set1_pd(x);
}
inline D add(D a, D b) {
  return _mm_add_pd(a, b);
}
inline D subtract(D a, D b) {
  return _mm_sub_pd(a, b);
}
inline D mul(D a, D b) {
  return _mm_mul_pd(a, b);
}
inline D widen(const float* p) {
  return _mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

// out[k] += the sum over the lanes of four[k], for k < 4.
inline void add_lane_sums(const V* four, double* out) {
  V a = four[0];
  V b = four[1];
  V c = four[2];
  V d = four[3];
  _MM_TRANSPOSE4_PS(a, b, c, d);
  const V sums = _mm_add_ps(_mm_add_ps(a, b), _mm_add_ps(c, d));
  store(out, add(load(out), _mm_cvtps_pd(sums)));
  store(out + 2, add(load(out + 2), _mm_cvtps_pd(_mm_movehl_ps(sums, sums))));
}

#include "fed/aggregation/kernels_impl.inl"

}  // namespace

const Kernels kBaselineKernels{weighted_sum, narrow,   differences,   distances,
                               dots,         products, reduce_columns};

}  // namespace polyclinic::aggregation
