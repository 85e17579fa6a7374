// PowerSGD (Vogels, Karimireddy, Jaggi 2019, PowerSGD: Practical Low-Rank Gradient Compression for
// Distributed Optimization, algorithm 1): every matrix M of parameters travels as P and Q with M
// close to P Q^T, by one step of subspace iteration that starts where the last message ended.
//
// A hospital has a matrix of its own and no sum over the others: P = orthogonal(M Q), Q = M^T P, so
// that P Q^T is M projected onto the columns of P. A matrix of that rank arrives as it is, but for
// rounding.
#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "fed/compression/methods.hpp"

namespace polyclinic::compression {

namespace {

// A slice as a matrix: its first dimension by all others.
struct Shape {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t rank = 0;  // 0: it travels as it is, which is shorter
};

Shape shape_of(const Slice& slice, std::int64_t rank) {
  const std::int64_t rows = slice.shape.empty() ? 1 : slice.shape[0];
  const std::int64_t columns = slice.size / rows;
  Shape shape;
  shape.rows = static_cast<std::size_t>(rows);
  shape.columns = static_cast<std::size_t>(columns);
  if (rank * (rows + columns) < slice.size) shape.rank = static_cast<std::size_t>(rank);
  return shape;
}

// Factors lie column after column, in double while they are computed.
using Factor = std::vector<double>;

// out(:, c) = M q(:, c), or M^T where transposed.
Factor product(std::span<const float> matrix, const Shape& shape, const Factor& factor,
               bool transposed) {
  const std::size_t from = transposed ? shape.rows : shape.columns;
  const std::size_t to = transposed ? shape.columns : shape.rows;
  Factor out(to * shape.rank, 0.0);
  for (std::size_t c = 0; c < shape.rank; ++c) {
    const double* in = factor.data() + c * from;
    double* result = out.data() + c * to;
    for (std::size_t i = 0; i < shape.rows; ++i) {
      const float* row = matrix.data() + i * shape.columns;
      if (transposed) {
        for (std::size_t j = 0; j < shape.columns; ++j) {
          result[j] += static_cast<double>(row[j]) * in[i];
        }
      } else {
        double sum = 0;
        for (std::size_t j = 0; j < shape.columns; ++j) sum += static_cast<double>(row[j]) * in[j];
        result[i] = sum;
      }
    }
  }
  return out;
}

double norm_of(std::span<const double> column) {
  double squares = 0;
  for (const double x : column) squares += x * x;
  return std::sqrt(squares);
}

// Gram and Schmidt, twice, as the first pass leaves what cancellation makes of it. A column that
// the others hold already becomes zero.
void orthogonalise(Factor& factor, std::size_t length, std::size_t rank) {
  constexpr double kNothingLeft = 1e-6;  // of a column: floats have no more digits
  for (std::size_t c = 0; c < rank; ++c) {
    const std::span<double> column(factor.data() + c * length, length);
    const double before = norm_of(column);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t other = 0; other < c; ++other) {
        const double* base = factor.data() + other * length;
        double along = 0;
        for (std::size_t i = 0; i < length; ++i) along += base[i] * column[i];
        for (std::size_t i = 0; i < length; ++i) column[i] -= along * base[i];
      }
    }
    const double left = norm_of(column);
    const bool nothing = !(left > kNothingLeft * before);
    for (double& x : column) x = nothing ? 0.0 : x / left;
  }
}

class LowRank final : public Compressor {
 public:
  LowRank(const Part& part, Form form)
      : Compressor(feedback_of(part, form)), rank_(part.integer("rank")) {}

  // a message starts where the one before ended
  [[nodiscard]] bool stateful() const override { return true; }

  [[nodiscard]] std::int64_t bytes(const ParameterLayout& layout) const override {
    std::int64_t numbers = 0;
    for (const Slice& slice : layout.slices()) {
      const Shape shape = shape_of(slice, rank_);
      numbers += shape.rank == 0
                     ? slice.size
                     : static_cast<std::int64_t>(shape.rank * (shape.rows + shape.columns));
    }
    return numbers * static_cast<std::int64_t>(sizeof(float));
  }

  [[nodiscard]] Message encode(std::span<const float> values, const ParameterLayout& layout,
                               Stream& stream, Memory& memory) const override {
    BitWriter out;
    std::vector<float> next;
    std::size_t begin = 0;
    for (const Slice& slice : layout.slices()) {
      const auto matrix = values.subspan(begin, static_cast<std::size_t>(slice.size));
      begin += matrix.size();
      const Shape shape = shape_of(slice, rank_);
      if (shape.rank == 0) {
        for (const float v : matrix) out.put_float(v);
        continue;
      }
      Factor q = start(shape, memory.factors, next.size(), stream);
      Factor p = product(matrix, shape, q, false);
      orthogonalise(p, shape.rows, shape.rank);
      // the receiver multiplies by what it gets: P as floats
      for (double& x : p) x = static_cast<double>(static_cast<float>(x));
      q = product(matrix, shape, p, true);
      for (const double x : p) out.put_float(static_cast<float>(x));
      for (const double x : q) {
        next.push_back(static_cast<float>(x));
        out.put_float(next.back());
      }
    }
    memory.factors = std::move(next);
    return out.take();
  }

  [[nodiscard]] std::vector<float> decode(std::span<const std::uint8_t> message,
                                          const ParameterLayout& layout) const override {
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(layout.size()));
    BitReader in(message);
    for (const Slice& slice : layout.slices()) {
      const Shape shape = shape_of(slice, rank_);
      if (shape.rank == 0) {
        for (std::int64_t i = 0; i < slice.size; ++i) values.push_back(in.get_float());
        continue;
      }
      Factor p(shape.rows * shape.rank);
      Factor q(shape.columns * shape.rank);
      for (double& x : p) x = static_cast<double>(in.get_float());
      for (double& x : q) x = static_cast<double>(in.get_float());
      for (std::size_t i = 0; i < shape.rows; ++i) {
        for (std::size_t j = 0; j < shape.columns; ++j) {
          double sum = 0;
          for (std::size_t c = 0; c < shape.rank; ++c) {
            sum += p[c * shape.rows + i] * q[c * shape.columns + j];
          }
          values.push_back(static_cast<float>(sum));
        }
      }
    }
    return values;
  }

 private:
  // Q of the last message, which begins at `at` in memory; columns that are zero, and all of a
  // first one, are drawn: a zero column would stay one for ever.
  static Factor start(const Shape& shape, const std::vector<float>& memory, std::size_t at,
                      Stream& stream) {
    Factor q(shape.columns * shape.rank, 0.0);
    if (!memory.empty()) {
      ENSURE(at + q.size() <= memory.size(), "all messages of a sender have one layout");
      for (std::size_t i = 0; i < q.size(); ++i) q[i] = static_cast<double>(memory[at + i]);
    }
    for (std::size_t c = 0; c < shape.rank; ++c) {
      const std::span<double> column(q.data() + c * shape.columns, shape.columns);
      const double norm = norm_of(column);
      for (double& x : column) x = norm > 0 ? x / norm : draw::normal(stream);
    }
    return q;
  }

  std::int64_t rank_;
};

}  // namespace

std::unique_ptr<Compressor> make_low_rank(const Part& part, Form form) {
  return std::make_unique<LowRank>(part, form);
}

}  // namespace polyclinic::compression
