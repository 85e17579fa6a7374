#include "privacy/fft.hpp"

#include <bit>
#include <unsupported/Eigen/FFT>

#include "base/check.hpp"

namespace polyclinic::privacy {

struct RealFft::Impl {
  Eigen::FFT<double> fft;
  std::size_t size = 0;
};

RealFft::RealFft(std::size_t size) : impl_(std::make_unique<Impl>()) {
  ENSURE(size >= 4 && std::has_single_bit(size), "lengths are powers of two");
  impl_->size = size;
  impl_->fft.SetFlag(Eigen::FFT<double>::HalfSpectrum);
}

RealFft::~RealFft() = default;

void RealFft::forward(const std::vector<double>& values,
                      std::vector<std::complex<double>>& spectrum) {
  ENSURE(values.size() == impl_->size, "a transform has one length");
  spectrum.resize(impl_->size / 2 + 1);
  impl_->fft.fwd(spectrum.data(), values.data(), static_cast<int>(impl_->size));
}

void RealFft::inverse(const std::vector<std::complex<double>>& spectrum,
                      std::vector<double>& values) {
  ENSURE(spectrum.size() == impl_->size / 2 + 1, "a transform has one length");
  values.resize(impl_->size);
  impl_->fft.inv(values.data(), spectrum.data(), static_cast<int>(impl_->size));
}

double fft_error(std::size_t size) {
  constexpr double kUnit = 1.2e-16;  // above 2^-53
  return 6 * kUnit * (static_cast<double>(std::bit_width(size)) + 1);
}

}  // namespace polyclinic::privacy
