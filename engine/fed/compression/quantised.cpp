// Every number of a vector in fewer bits.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.hpp"
#include "fed/compression/methods.hpp"

namespace polyclinic::compression {

namespace {

// As a float that is no smaller, so that nothing is larger than the norm of its bucket.
float rounded_up(double x) {
  constexpr float kMost = std::numeric_limits<float>::max();
  if (x >= static_cast<double>(kMost)) return kMost;
  const auto rounded = static_cast<float>(x);
  return static_cast<double>(rounded) < x ? std::nextafter(rounded, kMost) : rounded;
}

// QSGD (Alistarh et al. 2017, section 3.1): a bucket's number v becomes |b| sgn(v) l / s, where s
// |v| / |b| lies between l - 1 and l or l and l + 1, rounded at random so that its expectation is
// v. |b| is the norm of the bucket, or its largest absolute value (section 4). A number takes one
// bit of sign and the others for l, which is at most s = 2^(bits-1) - 1.
class Quantize final : public Compressor {
 public:
  Quantize(const Part& part, Form form)
      : Compressor(feedback_of(part, form)),
        contracts_(form == Form::contraction || error_feedback()),
        largest_(part.text("norm") == "max"),
        bits_(static_cast<int>(part.integer("bits"))),
        levels_((1U << static_cast<unsigned>(bits_ - 1)) - 1U),
        bucket_(static_cast<std::size_t>(part.integer("bucket"))) {}

  [[nodiscard]] std::int64_t bytes(const ParameterLayout& layout) const override {
    const auto size = static_cast<std::int64_t>(bucket_);
    const std::int64_t buckets = (layout.size() + size - 1) / size;
    return bytes_of(buckets * 32 + layout.size() * bits_);
  }

  [[nodiscard]] Message encode(std::span<const float> values, const ParameterLayout& /*layout*/,
                               Stream& stream, Memory& /*memory*/) const override {
    BitWriter out;
    for (std::size_t begin = 0; begin < values.size(); begin += bucket_) {
      const auto bucket = values.subspan(begin, std::min(bucket_, values.size() - begin));
      const float norm = norm_of(bucket);
      out.put_float(norm);
      for (const float v : bucket) put_number(out, v, norm, stream);
    }
    return out.take();
  }

  [[nodiscard]] std::vector<float> decode(std::span<const std::uint8_t> message,
                                          const ParameterLayout& layout) const override {
    std::vector<float> values(static_cast<std::size_t>(layout.size()));
    BitReader in(message);
    for (std::size_t begin = 0; begin < values.size(); begin += bucket_) {
      const std::size_t end = std::min(values.size(), begin + bucket_);
      const double unit = static_cast<double>(in.get_float()) / levels_ / shrink(end - begin);
      for (std::size_t i = begin; i < end; ++i) {
        const bool negative = in.get(1) == 1;
        const double size = unit * in.get(bits_ - 1);
        values[i] = static_cast<float>(negative ? -size : size);
      }
    }
    return values;
  }

 private:
  [[nodiscard]] float norm_of(std::span<const float> bucket) const {
    double most = 0;
    double squares = 0;
    for (const float v : bucket) {
      const auto x = static_cast<double>(v);
      most = std::max(most, std::fabs(x));
      squares += x * x;
    }
    return rounded_up(largest_ ? most : std::max(most, std::sqrt(squares)));
  }

  void put_number(BitWriter& out, float v, float norm, Stream& stream) const {
    std::uint32_t level = 0;
    if (norm > 0) {
      const double at = std::fabs(static_cast<double>(v)) / static_cast<double>(norm) * levels_;
      const double below = std::floor(at);
      level = static_cast<std::uint32_t>(below) + (stream.uniform() < at - below ? 1U : 0U);
    }
    out.put(std::signbit(v) ? 1 : 0, 1);
    out.put(std::min(level, levels_), bits_ - 1);
  }

  // E|Q(v) - v|^2 <= w |v|^2 with w = min(n / s^2, sqrt(n) / s) (Alistarh et al., lemma 3.1; n / (4
  // s^2) for the largest value, as a number's variance is at most a quarter of a level's square),
  // so that Q / (1 + w) is a contraction: E|Q/(1+w) - v|^2 <= w/(1+w) |v|^2 (Stich, Cordonnier,
  // Jaggi 2018, section 2).
  [[nodiscard]] double shrink(std::size_t size) const {
    if (!contracts_) return 1;
    const auto n = static_cast<double>(size);
    const double s = levels_;
    return 1 + (largest_ ? n / (4 * s * s) : std::min(n / (s * s), std::sqrt(n) / s));
  }

  bool contracts_;
  bool largest_;
  int bits_;
  std::uint32_t levels_;
  std::size_t bucket_;
};

// A bit for the sign of every number and one scale per array of parameters, its mean absolute value
// (Karimireddy et al. 2019, Error Feedback Fixes SignSGD, section 4 and algorithm 1, per layer as
// in their section 6): |v - C(v)|^2 = (1 - |v|_1^2 / (d |v|_2^2)) |v|^2.
class Sign final : public Compressor {
 public:
  Sign(const Part& part, Form form) : Compressor(feedback_of(part, form)) {}

  [[nodiscard]] std::int64_t bytes(const ParameterLayout& layout) const override {
    const auto scales = static_cast<std::int64_t>(layout.slices().size());
    return bytes_of(scales * 32 + layout.size());
  }

  [[nodiscard]] Message encode(std::span<const float> values, const ParameterLayout& layout,
                               Stream& /*stream*/, Memory& /*memory*/) const override {
    BitWriter out;
    std::size_t begin = 0;
    for (const Slice& slice : layout.slices()) {
      const auto part = values.subspan(begin, static_cast<std::size_t>(slice.size));
      double sum = 0;
      for (const float v : part) sum += std::fabs(static_cast<double>(v));
      out.put_float(static_cast<float>(sum / static_cast<double>(slice.size)));
      for (const float v : part) out.put(v < 0 ? 1 : 0, 1);
      begin += part.size();
    }
    return out.take();
  }

  [[nodiscard]] std::vector<float> decode(std::span<const std::uint8_t> message,
                                          const ParameterLayout& layout) const override {
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(layout.size()));
    BitReader in(message);
    for (const Slice& slice : layout.slices()) {
      const float scale = in.get_float();
      for (std::int64_t i = 0; i < slice.size; ++i) {
        values.push_back(in.get(1) == 1 ? -scale : scale);
      }
    }
    return values;
  }
};

// The upper half of a float: 8 bits of exponent, 7 of mantissa. To the nearest, ties to even; what
// would become infinite stays the largest that is not.
std::uint32_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
  return (rounded & 0x7fffU) >= 0x7f80U ? (rounded & 0x8000U) | 0x7f7fU : rounded;
}

class Bf16 final : public Compressor {
 public:
  Bf16(const Part& part, Form form) : Compressor(feedback_of(part, form)) {}

  [[nodiscard]] std::int64_t bytes(const ParameterLayout& layout) const override {
    return 2 * layout.size();
  }

  [[nodiscard]] Message encode(std::span<const float> values, const ParameterLayout& /*layout*/,
                               Stream& /*stream*/, Memory& /*memory*/) const override {
    BitWriter out;
    for (const float v : values) out.put(to_bf16(v), 16);
    return out.take();
  }

  [[nodiscard]] std::vector<float> decode(std::span<const std::uint8_t> message,
                                          const ParameterLayout& layout) const override {
    std::vector<float> values(static_cast<std::size_t>(layout.size()));
    BitReader in(message);
    for (float& v : values) v = std::bit_cast<float>(in.get(16) << 16U);
    return values;
  }
};

}  // namespace

std::unique_ptr<Compressor> make_quantize(const Part& part, Form form) {
  return std::make_unique<Quantize>(part, form);
}
std::unique_ptr<Compressor> make_sign(const Part& part, Form form) {
  return std::make_unique<Sign>(part, form);
}
std::unique_ptr<Compressor> make_bf16(const Part& part, Form form) {
  return std::make_unique<Bf16>(part, form);
}

}  // namespace polyclinic::compression
