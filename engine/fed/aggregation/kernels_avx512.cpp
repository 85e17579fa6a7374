// Kernels for processors with AVX-512 F, BW, DQ and VL (Skylake-SP and Zen 4 onwards).
#include <immintrin.h>

#include "fed/aggregation/kernels.hpp"

// GCC 12 takes the undefined operands of unmasked AVX-512 intrinsics for a mistake (its bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace polyclinic::aggregation {
namespace {

using V = __m512;
using D = __m512d;
constexpr std::size_t kFloats = 16;
constexpr std::size_t kDoubles = 8;
constexpr std::size_t kTileRows = 12;

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

#include "fed/aggregation/kernels_impl.inl"

}  // namespace

const Kernels kAvx512Kernels{weighted_sum, narrow,   differences,   distances,
                             dots,         products, reduce_columns};

}  // namespace polyclinic::aggregation
