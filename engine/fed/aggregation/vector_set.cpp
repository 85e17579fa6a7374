#include "fed/aggregation/vector_set.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "base/check.hpp"
#include "learn/dense/dispatch.hpp"

namespace polyclinic::aggregation {

namespace {

// Columns formed at once: n x 256 floats stay in the second-level cache up to n = 1000.
constexpr std::size_t kBlock = 256;
// Columns of a part, the unit of parallel work: fixed, so that sums are the same for any number of
// workers.
constexpr std::size_t kPart = 16'384;
// Sums kept per part must not outgrow the vectors: fewer parts for many vectors.
constexpr std::size_t kPartsMost = 64;

const Kernels& matching(const dense::Kernels& chosen) {
  const Kernels* found = find_kernels(chosen.name);
  ENSURE(found != nullptr, "both tables have the same instruction sets");
  return *found;
}

}  // namespace

const Kernels* find_kernels(const char* name) {
  if (dense::find_kernels(name) == nullptr) return nullptr;
  const std::string_view isa = name;
  if (isa == "avx512") return &kAvx512Kernels;
  return isa == "avx2" ? &kAvx2Kernels : &kBaselineKernels;
}

const Kernels& kernels() {
  return matching(dense::kernels());
}

VectorSet::VectorSet(std::vector<const float*> rows, std::size_t size, Workers* workers)
    : rows_(std::move(rows)), size_(size), workers_(workers) {
  ENSURE(size_ % kColumns == 0, "padded buffers are multiples of 16 floats");
}

VectorSet VectorSet::combined(const std::vector<Combination>& combinations) const {
  VectorSet made(rows_, size_, workers_);
  made.mixed_ = true;
  for (const Combination& combination : combinations) {
    if (!mixed_) {
      made.mix_.push_back(combination);
      continue;
    }
    // a combination of combinations, in the order of the given vectors
    std::map<std::uint32_t, double> factors;
    for (const auto& [index, factor] : combination) {
      for (const auto& [row, inner] : mix_[index]) factors[row] += factor * inner;
    }
    made.mix_.emplace_back(factors.begin(), factors.end());
  }
  return made;
}

VectorSet VectorSet::subset(std::span<const std::size_t> members) const {
  VectorSet some = *this;
  if (mixed_) {
    some.mix_.clear();
    for (const std::size_t i : members) some.mix_.push_back(mix_[i]);
  } else {
    some.rows_.clear();
    for (const std::size_t i : members) some.rows_.push_back(rows_[i]);
  }
  return some;
}

void VectorSet::fill(std::size_t begin, std::size_t count, Block& block) const {
  if (!mixed_) {
    block.rows = rows_;
    block.begin = begin;
    return;
  }
  const Kernels& k = kernels();
  block.begin = 0;
  block.rows.resize(mix_.size());
  block.floats.resize(mix_.size() * kBlock);
  for (std::size_t i = 0; i < mix_.size(); ++i) {
    block.terms.clear();
    block.factors.clear();
    for (const auto& [row, factor] : mix_[i]) {
      block.terms.push_back(rows_[row]);
      block.factors.push_back(factor);
    }
    block.sum.assign(count, 0.0);
    k.weighted_sum(block.terms.data(), block.factors.data(), block.terms.size(), begin, count,
                   block.sum.data());
    k.narrow(block.sum.data(), count, 1.0, block.floats.data() + i * kBlock);
    block.rows[i] = block.floats.data() + i * kBlock;
  }
}

std::size_t VectorSet::parts() const {
  return std::clamp<std::size_t>((size_ + kPart - 1) / kPart, 1, kPartsMost);
}

void VectorSet::for_each_part(
    const std::function<void(std::size_t, std::size_t, std::size_t)>& body) const {
  const std::size_t count = parts();
  // whole blocks, spread evenly
  const std::size_t blocks = (size_ + kBlock - 1) / kBlock;
  const auto edge = [&](std::size_t part) {
    return std::min(size_, blocks * part / count * kBlock);
  };
  if (workers_ == nullptr || count == 1) {
    for (std::size_t part = 0; part < count; ++part) {
      body(part, edge(part), part + 1 == count ? size_ : edge(part + 1));
    }
    return;
  }
  workers_->for_each(count, [&](std::size_t part, int /*slot*/) {
    body(part, edge(part), part + 1 == count ? size_ : edge(part + 1));
  });
}

std::vector<double> VectorSet::sum_of_parts(
    std::size_t n, const std::function<void(std::size_t, std::size_t, double*)>& body) const {
  std::vector<double> sums(n * parts(), 0.0);
  for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    body(begin, end, sums.data() + part * n);
  });
  std::vector<double> total(n, 0.0);
  for (std::size_t part = 0; part < parts(); ++part) {
    for (std::size_t i = 0; i < n; ++i) total[i] += sums[part * n + i];
  }
  return total;
}

void VectorSet::weighted_sum(std::span<const double> weights, double divisor, float* out) const {
  ENSURE(weights.size() == count(), "every vector has a weight");
  // a sum of combinations is a combination of the given vectors
  std::vector<double> factors(rows_.size(), mixed_ ? 0.0 : 1.0);
  if (mixed_) {
    for (std::size_t i = 0; i < mix_.size(); ++i) {
      for (const auto& [row, factor] : mix_[i]) factors[row] += weights[i] * factor;
    }
  } else {
    factors.assign(weights.begin(), weights.end());
  }
  std::vector<const float*> terms;
  std::vector<double> used;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    if (factors[r] == 0.0) continue;
    terms.push_back(rows_[r]);
    used.push_back(factors[r]);
  }
  const Kernels& k = kernels();
  for_each_part([&](std::size_t, std::size_t begin, std::size_t end) {
    constexpr std::size_t kLong = 1'024;  // sums stay in the first-level cache
    double sum[kLong];
    for (std::size_t at = begin; at < end; at += kLong) {
      const std::size_t columns = std::min(kLong, end - at);
      std::fill(sum, sum + columns, 0.0);
      k.weighted_sum(terms.data(), used.data(), terms.size(), at, columns, sum);
      k.narrow(sum, columns, divisor, out + at);
    }
  });
}

void VectorSet::mean_of(std::span<const std::size_t> members, float* out) const {
  std::vector<double> weights(count(), 0.0);
  for (const std::size_t i : members) weights[i] = 1.0;
  weighted_sum(weights, static_cast<double>(members.size()), out);
}

std::vector<double> VectorSet::sum_and_distances(std::span<const double> weights, double divisor,
                                                 float* out) const {
  const Kernels& k = kernels();
  const std::size_t n = count();
  return sum_of_parts(n, [&](std::size_t begin, std::size_t end, double* distances) {
    Block block;
    double sum[kBlock];
    double point[kBlock];
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t columns = std::min(kBlock, end - at);
      fill(at, columns, block);
      std::fill(sum, sum + columns, 0.0);
      k.weighted_sum(block.rows.data(), weights.data(), n, block.begin, columns, sum);
      k.narrow(sum, columns, divisor, out + at);
      std::copy(out + at, out + at + columns, point);
      k.distances(block.rows.data(), n, block.begin, columns, point, distances);
    }
  });
}

std::vector<double> VectorSet::distances_to(const float* point) const {
  const std::size_t n = count();
  return sum_of_parts(n, [&](std::size_t begin, std::size_t end, double* sums) {
    Block block;
    double wide[kBlock];
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t columns = std::min(kBlock, end - at);
      fill(at, columns, block);
      std::copy(point + at, point + at + columns, wide);
      kernels().distances(block.rows.data(), n, block.begin, columns, wide, sums);
    }
  });
}

std::vector<double> VectorSet::dots_with(const float* point) const {
  const std::size_t n = count();
  return sum_of_parts(n, [&](std::size_t begin, std::size_t end, double* sums) {
    Block block;
    double wide[kBlock];
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t columns = std::min(kBlock, end - at);
      fill(at, columns, block);
      std::copy(point + at, point + at + columns, wide);
      kernels().dots(block.rows.data(), n, block.begin, columns, wide, sums);
    }
  });
}

std::vector<double> VectorSet::norms() const {
  const std::vector<double> zero(kBlock, 0.0);
  const std::size_t n = count();
  std::vector<double> squares =
      sum_of_parts(n, [&](std::size_t begin, std::size_t end, double* sums) {
        Block block;
        for (std::size_t at = begin; at < end; at += kBlock) {
          const std::size_t columns = std::min(kBlock, end - at);
          fill(at, columns, block);
          kernels().distances(block.rows.data(), n, block.begin, columns, zero.data(), sums);
        }
      });
  for (double& square : squares) square = std::sqrt(square);
  return squares;
}

FloatBuffer VectorSet::gather(std::span<const std::size_t> columns, std::size_t& stride) const {
  stride = (columns.size() + kColumns - 1) / kColumns * kColumns;
  FloatBuffer out(count() * stride, 0.0F);
  Block block;
  std::size_t next = 0;
  for (std::size_t at = 0; at < size_ && next < columns.size(); at += kBlock) {
    const std::size_t end = std::min(size_, at + kBlock);
    const std::size_t first = next;
    while (next < columns.size() && columns[next] < end) ++next;
    if (next == first) continue;
    fill(at, end - at, block);
    for (std::size_t r = 0; r < count(); ++r) {
      for (std::size_t k = first; k < next; ++k) {
        out[r * stride + k] = block.rows[r][block.begin + columns[k] - at];
      }
    }
  }
  return out;
}

void VectorSet::reduce_columns(const ColumnReduction& reduction, float* out) const {
  ENSURE(reduction.wires == count(), "a network has a wire per vector");
  for_each_part([&](std::size_t, std::size_t begin, std::size_t end) {
    Block block;
    FloatBuffer scratch(reduction.wires * kColumns);
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t columns = std::min(kBlock, end - at);
      fill(at, columns, block);
      kernels().reduce_columns(block.rows.data(), block.begin, columns, reduction, scratch.data(),
                               out + at);
    }
  });
}

}  // namespace polyclinic::aggregation
