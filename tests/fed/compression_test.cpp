// System: messages of compressed vectors. Sizes are known before the numbers are; what the receiver
// decodes has the properties that the papers prove.
#include "fed/compression/compressor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/draw.hpp"

namespace polyclinic {
namespace {

using compression::Compressor;
using compression::Form;
using compression::Memory;

constexpr double kUnit = 1.0 / (1 << 24);  // half a unit in the last place of a float near one

std::unique_ptr<Compressor> made(std::string_view name,
                                 std::vector<std::pair<std::string, Value>> fields = {},
                                 Form form = Form::given) {
  for (const Schema& schema : compression::schemas()) {
    if (schema.name != name) continue;
    std::vector<FieldValue> given;
    for (auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    const Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return compression::make_compressor(part, form);
  }
  FAIL("no such compression");
  return nullptr;
}

using Layout = std::shared_ptr<const ParameterLayout>;

Layout layout_of(const std::vector<std::vector<std::int64_t>>& shapes) {
  auto layout = std::make_shared<ParameterLayout>();
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    layout->add("w" + std::to_string(i), shapes[i], Role::weight);
  }
  return layout;
}

Stream stream_at(std::uint64_t step) {
  return {RunKey{42}, Purpose::kCompression, 3, step};
}

// Normal numbers whose sizes differ by orders of magnitude, as those of updates do.
ParameterVector random_vector(const Layout& layout, std::uint64_t step) {
  Stream stream(RunKey{7}, Purpose::kTest, 0, step);
  std::vector<float> values;
  for (std::int64_t i = 0; i < layout->size(); ++i) {
    const double size = std::exp2(draw::uniform(stream, -6, 2));
    values.push_back(static_cast<float>(size * draw::normal(stream)));
  }
  ParameterVector vector(layout);
  vector.assign_compact(values);
  return vector;
}

double squared(const ParameterVector& v) {
  return v.dot(v);
}

double squared_difference(const ParameterVector& a, const ParameterVector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.padded().size(); ++i) {
    const double d = static_cast<double>(a.padded()[i]) - static_cast<double>(b.padded()[i]);
    sum += d * d;
  }
  return sum;
}

std::vector<std::unique_ptr<Compressor>> all_methods() {
  std::vector<std::unique_ptr<Compressor>> all;
  all.push_back(made("top_k", {{"share", 0.1}}));
  all.push_back(made("top_k", {{"share", 1.0}}));
  all.push_back(made("random_k", {{"share", 0.1}}));
  all.push_back(made("random_k", {{"share", 0.1}, {"error_feedback", true}}));
  all.push_back(made("quantize", {{"bits", 4}, {"bucket", 16}}));
  all.push_back(made("quantize", {{"bits", 3}, {"norm", "max"}, {"error_feedback", true}}));
  all.push_back(made("sign"));
  all.push_back(made("low_rank", {{"rank", 1}}));
  all.push_back(made("bf16"));
  all.push_back(made("bf16", {{"error_feedback", true}}));
  return all;
}

TEST_CASE("a message has the size that was told, for every method and layout") {
  const std::vector<std::vector<std::vector<std::int64_t>>> shapes = {
      {{1}}, {{7}}, {{16}}, {{513}}, {{8, 5}, {8}}, {{3, 3}, {1, 9}, {20, 2, 3}, {1}}};
  for (const auto& shape : shapes) {
    const Layout layout = layout_of(shape);
    for (const auto& method : all_methods()) {
      Memory memory;
      Stream stream = stream_at(1);
      const std::vector<float> values = random_vector(layout, 5).compact();
      const compression::Message message = method->encode(values, *layout, stream, memory);
      CHECK(static_cast<std::int64_t>(message.size()) == method->bytes(*layout));
      CHECK(method->decode(message, *layout).size() == values.size());
    }
  }
}

TEST_CASE("sizes follow the formats") {
  // 10 of 1000: 10 places of 10 bits are 100 bits, 13 bytes, and 10 floats
  CHECK(made("top_k", {{"count", 10}})->bytes(*layout_of({{1000}})) == 13 + 40);
  // 8 of 16: 8 places of 4 bits are 32 bits, a bit for each of 16 is shorter
  CHECK(made("top_k", {{"count", 8}})->bytes(*layout_of({{16}})) == 2 + 32);
  CHECK(made("top_k", {{"count", 99}})->bytes(*layout_of({{16}})) == 64);
  CHECK(made("top_k", {{"share", 0.1}})->bytes(*layout_of({{4}, {3}})) == 1 + 4);
  CHECK(made("random_k", {{"count", 10}})->bytes(*layout_of({{1000}})) == 8 + 40);
  // 2 buckets' norms and 600 numbers of 4 bits
  CHECK(made("quantize")->bytes(*layout_of({{600}})) == 8 + 300);
  CHECK(made("sign")->bytes(*layout_of({{10, 9}, {10}})) == 8 + 13);
  CHECK(made("bf16")->bytes(*layout_of({{11}})) == 22);
  // 30 x 20 by 2 (30 + 20) numbers; 3 x 3 would take 12 instead of 9; a bias of 30
  CHECK(made("low_rank")->bytes(*layout_of({{30, 20}, {3, 3}, {30}})) == 4 * (100 + 9 + 30));
}

TEST_CASE("top_k keeps the largest, the first of equal ones, and is a contraction") {
  const Layout layout = layout_of({{6}});
  ParameterVector vector(layout);
  vector.assign_compact(std::vector<float>{1, -3, 2, 3, -2, 0});
  Memory memory;
  const auto method = made("top_k", {{"count", 3}});
  const std::vector<float> sent =
      compression::send(*method, vector, stream_at(0), memory).compact();
  CHECK(sent == std::vector<float>{0, -3, 2, 3, 0, 0});
  CHECK(memory.residual == std::vector<float>{1, 0, 0, 0, -2, 0});

  // |v - top_k(v)|^2 <= (1 - k/d) |v|^2 for every v
  const Layout large = layout_of({{40, 10}});
  for (std::uint64_t step = 0; step < 20; ++step) {
    const ParameterVector v = random_vector(large, step);
    for (const std::int64_t k : {1, 10, 100, 399}) {
      Memory none;
      const auto top = made("top_k", {{"count", k}});
      const double left = squared_difference(v, compression::send(*top, v, stream_at(0), none));
      CHECK(left <= (1 - static_cast<double>(k) / 400) * squared(v) * (1 + 1e-12));
    }
  }
}

TEST_CASE("top_k of all numbers sends the very same bits") {
  const Layout layout = layout_of({{5, 4}, {5}});
  const auto method = made("top_k", {{"share", 1.0}});
  Memory memory;
  for (std::uint64_t step = 0; step < 5; ++step) {
    const ParameterVector v = random_vector(layout, step);
    CHECK(compression::send(*method, v, stream_at(step), memory).hash() == v.hash());
  }
}

// Mean of what is decoded, and of the squared distance to the vector, over many messages.
struct Sampled {
  std::vector<double> mean;
  double squared_error = 0;
};

Sampled sampled(const Compressor& method, const ParameterVector& v, int draws) {
  Sampled result;
  result.mean.assign(static_cast<std::size_t>(v.layout().size()), 0.0);
  for (int i = 0; i < draws; ++i) {
    Memory memory;
    const ParameterVector sent =
        compression::send(method, v, stream_at(static_cast<std::uint64_t>(i)), memory);
    const std::vector<float> values = sent.compact();
    for (std::size_t j = 0; j < values.size(); ++j) {
      result.mean[j] += static_cast<double>(values[j]) / draws;
    }
    result.squared_error += squared_difference(v, sent) / draws;
  }
  return result;
}

constexpr int kDraws = 4000;
constexpr double kDeviations = 5;  // of a mean: one of 10^6 goes beyond

TEST_CASE("random_k is unbiased") {
  const Layout layout = layout_of({{40}});
  const ParameterVector v = random_vector(layout, 1);
  const std::vector<float> values = v.compact();
  const Sampled found = sampled(*made("random_k", {{"count", 10}}), v, kDraws);
  // a number arrives as d/k v with probability k/d: its variance is (d/k - 1) v^2
  const double variance = 40.0 / 10 - 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<double>(values[i]);
    CHECK(std::fabs(found.mean[i] - x) <=
          kDeviations * std::fabs(x) * std::sqrt(variance / kDraws));
  }
  // sum over the numbers: E|C(v) - v|^2 = (d/k - 1) |v|^2. One error is at most
  // (d/k - 1)^2 |v|^2, for d/k >= 2
  const double spread = variance * variance * squared(v) / 2 / std::sqrt(kDraws);
  CHECK(std::fabs(found.squared_error - variance * squared(v)) <= kDeviations * spread);
}

TEST_CASE("quantize is unbiased, for both norms, and its error is within the paper's bound") {
  const Layout layout = layout_of({{48}});
  const ParameterVector v = random_vector(layout, 2);
  const std::vector<float> values = v.compact();
  for (const char* norm : {"l2", "max"}) {
    const double s = 3;  // of 3 bits
    const auto method = made("quantize", {{"bits", 3}, {"bucket", 16}, {"norm", norm}});
    const Sampled found = sampled(*method, v, kDraws);
    double bound = 0;
    double worst = 0;  // largest squared error of one message
    for (std::size_t bucket = 0; bucket < 3; ++bucket) {
      double squares = 0;
      double most = 0;
      for (std::size_t i = 16 * bucket; i < 16 * (bucket + 1); ++i) {
        const auto x = static_cast<double>(values[i]);
        squares += x * x;
        most = std::max(most, std::fabs(x));
      }
      const double size = std::string_view(norm) == "l2" ? std::sqrt(squares) : most;
      // a number is rounded by less than a level's width: its variance is at most a quarter of the
      // width's square; the last term is the rounding of floats
      for (std::size_t i = 16 * bucket; i < 16 * (bucket + 1); ++i) {
        const double deviation = size / s / 2 / std::sqrt(kDraws);
        CHECK(std::fabs(found.mean[i] - static_cast<double>(values[i])) <=
              kDeviations * deviation + 4 * kUnit * size);
      }
      // lemma 3.1 (l2), and the sum of those variances (max)
      bound += std::string_view(norm) == "l2" ? std::min(16 / (s * s), 4 / s) * squares
                                              : 16 / (4 * s * s) * most * most;
      worst += 16 * size * size / (s * s);
    }
    CHECK(found.squared_error <= bound + kDeviations * worst / 2 / std::sqrt(kDraws));
    CHECK(found.squared_error > 0);
  }
}

TEST_CASE("what feeds errors back contracts: a difference that is sent leaves less than it was") {
  const Layout layout = layout_of({{8, 6}, {8}});
  const double d = 56;
  const ParameterVector v = random_vector(layout, 3);
  // E|C(v) - v|^2 <= left |v|^2; errors of one message lie below `most` |v|^2
  struct Case {
    std::unique_ptr<Compressor> method;
    double left;
    double most;
  };
  std::vector<Case> cases;
  const double w = std::sqrt(d) / 3;  // lemma 3.1, one bucket of 56 numbers, 3 levels
  const double w_max = d / (4 * 9);
  const double level = (std::sqrt(d) / 3 + 1) * (std::sqrt(d) / 3 + 1);
  cases.push_back({made("random_k", {{"count", 7}}, Form::contraction), 1 - 7 / d, 1});
  cases.push_back({made("random_k", {{"count", 7}, {"error_feedback", true}}), 1 - 7 / d, 1});
  cases.push_back({made("quantize", {{"bits", 3}}, Form::contraction), w / (1 + w), level});
  cases.push_back({made("quantize", {{"bits", 3}, {"norm", "max"}}, Form::contraction),
                   w_max / (1 + w_max), level});
  cases.push_back({made("low_rank", {{"rank", 1}}, Form::contraction), 1, 1});
  cases.push_back({made("bf16", {}, Form::contraction), 1.0 / (1 << 18), 1});
  for (const Case& c : cases) {
    const double spread = c.most * squared(v) / 2 / std::sqrt(kDraws);
    CHECK(sampled(*c.method, v, kDraws).squared_error <=
          c.left * squared(v) + kDeviations * spread);
  }
}

TEST_CASE("sign leaves what its paper says") {
  const Layout layout = layout_of({{50}});
  const ParameterVector v = random_vector(layout, 4);
  Memory memory;
  const ParameterVector sent = compression::send(*made("sign"), v, stream_at(0), memory);
  double absolute = 0;
  for (const float x : v.compact()) absolute += std::fabs(static_cast<double>(x));
  // lemma 8: |v - C(v)|^2 = (1 - |v|_1^2 / (d |v|_2^2)) |v|_2^2; the scale is rounded to a float
  CHECK(squared_difference(v, sent) ==
        doctest::Approx(squared(v) - absolute * absolute / 50).epsilon(1e-6));
  const std::vector<float> values = sent.compact();
  const std::vector<float> whole = v.compact();
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(std::fabs(values[i]) == std::fabs(values[0]));
    CHECK(std::signbit(values[i]) == std::signbit(whole[i]));
  }
}

TEST_CASE("bf16 rounds to the nearest of 8 significant bits, ties to even, and never to infinity") {
  const Layout layout = layout_of({{5}});
  ParameterVector vector(layout);
  const float most = std::numeric_limits<float>::max();
  // 1 + 1/256 lies between 1 and 1 + 1/128: to the even one; 1 + 3/256 goes up
  vector.assign_compact(
      std::vector<float>{1.0F + 1.0F / 256, 1.0F + 3.0F / 256, -most, 3.14159274F, 0.0F});
  Memory memory;
  const std::vector<float> sent =
      compression::send(*made("bf16"), vector, stream_at(0), memory).compact();
  CHECK(sent[0] == 1.0F);
  CHECK(sent[1] == 1.0F + 2.0F / 128);
  CHECK(sent[2] == -0x1.fep127F);
  CHECK(sent[3] == 3.140625F);
  CHECK(sent[4] == 0.0F);
}

// Sum over a stretch of messages, in double, of what was sent and of what there was to send; and
// how far they may be apart by rounding: of update + residual, and of the next residual.
struct Telescope {
  std::vector<double> sent, given, rounding;
  Memory memory;

  ParameterVector send(const Compressor& method, const ParameterVector& v, std::uint64_t step) {
    const std::vector<float> values = v.compact();
    if (sent.empty()) {
      sent.assign(values.size(), 0.0);
      given = rounding = sent;
    }
    std::vector<double> whole(values.begin(), values.end());
    for (std::size_t i = 0; i < memory.residual.size(); ++i) {
      whole[i] += static_cast<double>(memory.residual[i]);
    }
    ParameterVector out = compression::send(method, v, stream_at(step), memory);
    const std::vector<float> decoded = out.compact();
    for (std::size_t i = 0; i < values.size(); ++i) {
      sent[i] += static_cast<double>(decoded[i]);
      given[i] += static_cast<double>(values[i]);
      const double left = i < memory.residual.size() ? static_cast<double>(memory.residual[i]) : 0;
      rounding[i] += kUnit * (std::fabs(whole[i]) + std::fabs(left)) * (1 + 1e-6);
    }
    return out;
  }
  void lose(const Compressor& method, const ParameterVector& message) {
    compression::give_back(method, message, memory);
    const std::vector<float> decoded = message.compact();
    for (std::size_t i = 0; i < decoded.size(); ++i) {
      sent[i] -= static_cast<double>(decoded[i]);
      rounding[i] += kUnit * std::fabs(static_cast<double>(memory.residual[i])) * (1 + 1e-6);
    }
  }
  void check() const {
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const double there = sent[i] + static_cast<double>(memory.residual[i]);
      CHECK(std::fabs(there - given[i]) <= rounding[i]);
    }
  }
};

TEST_CASE("with error feedback all that was sent and the residual are all that there was to send") {
  const Layout layout = layout_of({{12, 10}, {12}});
  for (const auto& method : all_methods()) {
    if (!method->error_feedback()) continue;
    Telescope telescope;
    for (std::uint64_t step = 0; step < 60; ++step) {
      telescope.send(*method, random_vector(layout, step), step);
    }
    telescope.check();
  }
}

TEST_CASE("a message that is lost goes back into the residual") {
  const Layout layout = layout_of({{12, 10}, {12}});
  for (const auto& method : all_methods()) {
    if (!method->error_feedback()) continue;
    Telescope telescope;
    for (std::uint64_t step = 0; step < 40; ++step) {
      const ParameterVector sent = telescope.send(*method, random_vector(layout, step), step);
      if (step % 3 == 1) telescope.lose(*method, sent);
    }
    telescope.check();
  }
  // without error feedback there is nothing to go back to
  Memory memory;
  const auto method = made("quantize");
  const ParameterVector sent =
      compression::send(*method, random_vector(layout, 1), stream_at(0), memory);
  compression::give_back(*method, sent, memory);
  CHECK(memory.residual.empty());
}

// A matrix of this rank and size, row after row, of whole numbers, which floats hold exactly.
ParameterVector matrix_of_rank(std::int64_t rows, std::int64_t columns, int rank) {
  ParameterVector matrix(layout_of({{rows, columns}}));
  std::vector<float> values(static_cast<std::size_t>(rows * columns), 0.0F);
  for (int r = 0; r < rank; ++r) {
    Stream stream(RunKey{9}, Purpose::kTest, 1, static_cast<std::uint64_t>(r));
    std::vector<double> left;
    std::vector<double> right;
    for (std::int64_t i = 0; i < rows; ++i)
      left.push_back(std::round(draw::uniform(stream, -8, 8)));
    for (std::int64_t j = 0; j < columns; ++j)
      right.push_back(std::round(draw::uniform(stream, -8, 8)));
    std::size_t at = 0;
    for (const double x : left) {
      for (const double y : right) values[at++] += static_cast<float>(x * y);
    }
  }
  matrix.assign_compact(values);
  return matrix;
}

TEST_CASE("low_rank sends a matrix of its rank as it is, one of a higher rank not") {
  for (const int rank : {1, 2, 3}) {
    const ParameterVector matrix = matrix_of_rank(20, 30, rank);
    const auto method = made("low_rank", {{"rank", 3}});
    Memory memory;
    // rounding moves each column of P by kUnit: P P^T M by 2 sqrt(3) kUnit |M|; that of Q and of
    // what is decoded by kUnit |M| each
    const double tolerance = (2 * std::sqrt(3) + 2) * kUnit * std::sqrt(squared(matrix));
    for (std::uint64_t step = 0; step < 3; ++step) {
      const ParameterVector sent = compression::send(*method, matrix, stream_at(step), memory);
      CHECK(std::sqrt(squared_difference(matrix, sent)) <= tolerance);
      memory.residual.clear();
    }
  }
  const ParameterVector higher = matrix_of_rank(20, 30, 4);
  Memory memory;
  const ParameterVector sent =
      compression::send(*made("low_rank", {{"rank", 3}}), higher, stream_at(0), memory);
  CHECK(squared_difference(higher, sent) > 0.001 * squared(higher));
}

TEST_CASE("low_rank starts where it ended: a matrix sent again and again comes to its best part") {
  // the singular values are 3, 2 and 1: the best of rank 1 leaves 2^2 + 1^2
  ParameterVector matrix(layout_of({{4, 3}}));
  matrix.assign_compact(std::vector<float>{3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0});
  const auto method = made("low_rank", {{"rank", 1}, {"error_feedback", false}});
  Memory memory;
  double left = 0;
  double first = 0;
  for (std::uint64_t step = 0; step < 40; ++step) {
    left = squared_difference(matrix, compression::send(*method, matrix, stream_at(step), memory));
    if (step == 0) first = left;
  }
  // (2/3)^80 of the error of the start is left, far below the rounding of floats
  CHECK(left == doctest::Approx(5).epsilon(1e-5));
  CHECK(first > 5.001);
}

TEST_CASE("zeros are sent as zeros by every method") {
  const Layout layout = layout_of({{6, 5}, {6}});
  const ParameterVector zero(layout);
  for (const auto& method : all_methods()) {
    Memory memory;
    for (std::uint64_t step = 0; step < 2; ++step) {
      CHECK(squared(compression::send(*method, zero, stream_at(step), memory)) == 0);
    }
  }
}

TEST_CASE("bits are packed from the lowest") {
  compression::BitWriter out;
  out.put(5, 3);
  out.put(1, 1);
  out.put(0x3ff, 10);
  out.align();
  out.put_float(1.0F);
  const compression::Message message = out.take();
  // 5 + 8 + 16 * (the low four bits of ten ones), then six ones; 1.0 is 0x3f800000
  CHECK(message == compression::Message{0xfd, 0x3f, 0x00, 0x00, 0x80, 0x3f});
  compression::BitReader in(message);
  CHECK(in.get(3) == 5);
  CHECK(in.get(1) == 1);
  CHECK(in.get(10) == 0x3ff);
  in.align();
  CHECK(in.get_float() == 1.0F);
  CHECK(compression::bits_for(1) == 0);
  CHECK(compression::bits_for(2) == 1);
  CHECK(compression::bits_for(1000) == 10);
  CHECK(compression::bits_for(1024) == 10);
  CHECK(compression::bits_for(1025) == 11);
}

}  // namespace
}  // namespace polyclinic
