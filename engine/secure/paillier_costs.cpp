#include "secure/paillier_costs.hpp"

#include <algorithm>
#include <cmath>

namespace polyclinic::secure {

namespace {

double d(std::size_t n) {
  return static_cast<double>(n);
}

// A power with an exponent of so many bits mod a number of so many.
double power(const Rates& rates, double exponent_bits, double modulus_bits) {
  const double limbs = modulus_bits / 64.0;
  return rates.power_step * exponent_bits * limbs * limbs;
}

double bits_of_factorial(std::size_t n) {
  double bits = 0;
  for (std::size_t k = 2; k <= n; ++k) bits += std::log2(d(k));
  return bits;
}

}  // namespace

std::string_view name(PaillierHolder holder) {
  switch (holder) {
    case PaillierHolder::coordinator: return "coordinator";
    case PaillierHolder::hospitals: return "hospitals";
    case PaillierHolder::threshold: break;
  }
  return "threshold";
}

std::size_t PaillierShape::ciphertexts() const {
  const auto slots = static_cast<std::size_t>((key_bits - 1) / slot_bits);
  return (values + slots - 1) / slots;
}

std::int64_t PaillierSizes::encrypted() const {
  return static_cast<std::int64_t>(shape.ciphertexts()) * (2 * shape.key_bits / 8);
}
std::int64_t PaillierSizes::ask() const {
  return encrypted();
}
std::int64_t PaillierSizes::answer() const {
  if (shape.holder == PaillierHolder::threshold) return encrypted();
  const auto bits = static_cast<std::int64_t>(shape.values) * shape.modulus_bits;
  return (bits + 7) / 8;
}

double PaillierSeconds::encrypt() const {
  return d(shape.ciphertexts()) * power(rates, shape.key_bits, 2 * shape.key_bits);
}
double PaillierSeconds::add(std::size_t summed) const {
  // a product is a step of a power and its reduction
  return d(summed) * d(shape.ciphertexts()) * 2 * power(rates, 1, 2 * shape.key_bits);
}
double PaillierSeconds::decrypt() const {
  // modulo the square of each prime
  return d(shape.ciphertexts()) * 2 * power(rates, shape.key_bits / 2.0, shape.key_bits);
}
double PaillierSeconds::part() const {
  const double exponent = 2.0 * shape.key_bits + 1 + bits_of_factorial(shape.holders);
  return d(shape.ciphertexts()) * power(rates, exponent, 2 * shape.key_bits);
}
double PaillierSeconds::combine() const {
  // exponents of holders! times what is left of Lagrange's coefficients
  const double exponent = 1 + bits_of_factorial(shape.holders);
  return d(shape.threshold) * d(shape.ciphertexts()) * power(rates, exponent, 2 * shape.key_bits);
}

}  // namespace polyclinic::secure
