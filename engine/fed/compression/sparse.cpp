// A few coordinates of a vector: the largest, or some drawn at random.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/draw.hpp"
#include "fed/compression/methods.hpp"

namespace polyclinic::compression {

namespace {

// How many of d coordinates a message holds.
class Count {
 public:
  explicit Count(const Part& part) {
    if (part.find("count") == nullptr) {
      share_ = part.number("share");
      return;
    }
    if (part.given("share")) {
      throw part.mistake("count", "'count' and 'share' both say how many numbers are sent",
                         "keep one of them");
    }
    count_ = part.integer("count");
  }
  [[nodiscard]] std::int64_t of(std::int64_t d) const {
    const std::int64_t wanted = count_ > 0 ? count_ : std::llround(share_ * static_cast<double>(d));
    return std::clamp<std::int64_t>(wanted, 1, d);
  }

 private:
  double share_ = 0;
  std::int64_t count_ = 0;
};

// Which k of d: k numbers of ceil(log2 d) bits each, or one bit for each of the d, whichever is
// shorter; nothing where all are sent.
struct PlacesFormat {
  std::int64_t d = 0;
  std::int64_t k = 0;

  [[nodiscard]] int index_bits() const { return bits_for(static_cast<std::uint64_t>(d)); }
  [[nodiscard]] bool as_indices() const { return k * index_bits() < d; }
  [[nodiscard]] std::int64_t bytes() const {
    if (k == d) return 0;
    return bytes_of(as_indices() ? k * index_bits() : d);
  }

  // places: increasing.
  void write(BitWriter& out, std::span<const std::uint32_t> places) const {
    if (k == d) return;
    if (as_indices()) {
      for (const std::uint32_t place : places) out.put(place, index_bits());
    } else {
      std::size_t next = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        const bool here = next < places.size() && places[next] == static_cast<std::uint32_t>(i);
        out.put(here ? 1 : 0, 1);
        if (here) ++next;
      }
    }
    out.align();
  }

  [[nodiscard]] std::vector<std::uint32_t> read(BitReader& in) const {
    std::vector<std::uint32_t> places(static_cast<std::size_t>(k));
    if (k == d) {
      std::iota(places.begin(), places.end(), 0U);
      return places;
    }
    if (as_indices()) {
      for (std::uint32_t& place : places) place = in.get(index_bits());
    } else {
      std::size_t next = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        if (in.get(1) == 1) places[next++] = static_cast<std::uint32_t>(i);
      }
    }
    in.align();
    return places;
  }
};

// top_k(v): the k coordinates of largest absolute value (Stich, Cordonnier, Jaggi 2018, definition
// 2.2); of equal ones those that come first. |v - top_k(v)|^2 <= (1 - k/d) |v|^2.
class TopK final : public Compressor {
 public:
  TopK(const Part& part, Form form) : Compressor(feedback_of(part, form)), count_(part) {}

  [[nodiscard]] std::int64_t bytes(const ParameterLayout& layout) const override {
    const PlacesFormat places = format(layout);
    return places.bytes() + places.k * static_cast<std::int64_t>(sizeof(float));
  }

  [[nodiscard]] Message encode(std::span<const float> values, const ParameterLayout& layout,
                               Stream& /*stream*/, Memory& /*memory*/) const override {
    const PlacesFormat format_here = format(layout);
    std::vector<std::uint32_t> places(values.size());
    std::iota(places.begin(), places.end(), 0U);
    const auto k = static_cast<std::ptrdiff_t>(format_here.k);
    if (format_here.k < format_here.d) {
      std::nth_element(places.begin(), places.begin() + k, places.end(),
                       [&](std::uint32_t a, std::uint32_t b) {
                         const float x = std::fabs(values[a]);
                         const float y = std::fabs(values[b]);
                         return x != y ? x > y : a < b;
                       });
      places.resize(static_cast<std::size_t>(k));
      std::sort(places.begin(), places.end());
    }
    BitWriter out;
    format_here.write(out, places);
    for (const std::uint32_t place : places) out.put_float(values[place]);
    return out.take();
  }

  [[nodiscard]] std::vector<float> decode(std::span<const std::uint8_t> message,
                                          const ParameterLayout& layout) const override {
    std::vector<float> values(static_cast<std::size_t>(layout.size()), 0.0F);
    BitReader in(message);
    for (const std::uint32_t place : format(layout).read(in)) values[place] = in.get_float();
    return values;
  }

 private:
  [[nodiscard]] PlacesFormat format(const ParameterLayout& layout) const {
    return {layout.size(), count_.of(layout.size())};
  }

  Count count_;
};

// random_k(v): k coordinates drawn at random without replacement. Times d / k it is v in
// expectation, and E|d/k random_k(v) - v|^2 = (d/k - 1) |v|^2; as it is, it is a contraction by 1 -
// k/d (Stich, Cordonnier, Jaggi 2018, definition 2.2 and section 2.2). The message says the seed of
// the places instead of the places.
class RandomK final : public Compressor {
 public:
  RandomK(const Part& part, Form form)
      : Compressor(feedback_of(part, form)),
        contracts_(form == Form::contraction || error_feedback()),
        count_(part) {}

  [[nodiscard]] std::int64_t bytes(const ParameterLayout& layout) const override {
    const std::int64_t k = count_.of(layout.size());
    const std::int64_t seed = k < layout.size() ? std::int64_t{sizeof(std::uint64_t)} : 0;
    return seed + k * static_cast<std::int64_t>(sizeof(float));
  }

  [[nodiscard]] Message encode(std::span<const float> values, const ParameterLayout& layout,
                               Stream& stream, Memory& /*memory*/) const override {
    const std::int64_t k = count_.of(layout.size());
    BitWriter out;
    if (k == layout.size()) {
      for (const float v : values) out.put_float(v);
      return out.take();
    }
    const std::uint64_t seed = stream.next_u64();
    out.put(static_cast<std::uint32_t>(seed & 0xffffffffU), 32);
    out.put(static_cast<std::uint32_t>(seed >> 32U), 32);
    for (const std::int32_t place : places(seed, layout.size(), k)) {
      out.put_float(values[static_cast<std::size_t>(place)]);
    }
    return out.take();
  }

  [[nodiscard]] std::vector<float> decode(std::span<const std::uint8_t> message,
                                          const ParameterLayout& layout) const override {
    const std::int64_t d = layout.size();
    const std::int64_t k = count_.of(d);
    std::vector<float> values(static_cast<std::size_t>(d), 0.0F);
    BitReader in(message);
    if (k == d) {
      for (float& v : values) v = in.get_float();
      return values;
    }
    const std::uint64_t low = in.get(32);
    const std::uint64_t seed = low | static_cast<std::uint64_t>(in.get(32)) << 32U;
    const double scale = contracts_ ? 1.0 : static_cast<double>(d) / static_cast<double>(k);
    for (const std::int32_t place : places(seed, d, k)) {
      values[static_cast<std::size_t>(place)] =
          static_cast<float>(scale * static_cast<double>(in.get_float()));
    }
    return values;
  }

 private:
  [[nodiscard]] static std::vector<std::int32_t> places(std::uint64_t seed, std::int64_t d,
                                                        std::int64_t k) {
    Stream stream(RunKey{seed}, Purpose::kCompression, 0);
    return draw::sample(stream, static_cast<std::int32_t>(d), static_cast<std::int32_t>(k));
  }

  bool contracts_;
  Count count_;
};

}  // namespace

std::unique_ptr<Compressor> make_random_k(const Part& part, Form form) {
  return std::make_unique<RandomK>(part, form);
}

std::unique_ptr<Compressor> make_top_k(const Part& part, Form form) {
  return std::make_unique<TopK>(part, form);
}

}  // namespace polyclinic::compression
