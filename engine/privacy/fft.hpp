// Real Fourier transforms of a power of two, by Eigen's own kernel (FFTW is GPL).
#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <vector>

namespace polyclinic::privacy {

class RealFft {
 public:
  // REQUIRES: size is a power of two, at least 4.
  explicit RealFft(std::size_t size);
  ~RealFft();
  RealFft(const RealFft&) = delete;
  RealFft& operator=(const RealFft&) = delete;
  // size values to size / 2 + 1 coefficients, and back (scaled: inverse(forward(x)) is x).
  void forward(const std::vector<double>& values, std::vector<std::complex<double>>& spectrum);
  void inverse(const std::vector<std::complex<double>>& spectrum, std::vector<double>& values);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// An error bound of one coefficient of `forward` for values whose absolute sum is 1: every
// coefficient passes log2(size) levels of butterflies and one of splitting, each of which adds at
// most 6 roundings (a twiddle factor right to 2 ulp, a product, a sum) relative to that sum.
double fft_error(std::size_t size);

}  // namespace polyclinic::privacy
