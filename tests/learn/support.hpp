// What tests of the learn floor share: made-up data and a slow reference model in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "base/draw.hpp"
#include "base/stream.hpp"
#include "data/dataset.hpp"
#include "learn/dense/dispatch.hpp"
#include "learn/dense/network.hpp"

namespace polyclinic::test {

inline Stream stream(std::uint64_t entity, std::uint64_t step = 0) {
  return {make_run_key(7, 0), Purpose::kTest, entity, step};
}

// Instruction sets that this processor can run.
inline std::vector<const dense::Kernels*> all_kernels() {
  std::vector<const dense::Kernels*> found;
  for (const char* name : {"baseline", "avx2", "avx512"}) {
    if (const dense::Kernels* k = dense::find_kernels(name)) found.push_back(k);
  }
  return found;
}

// Rows whose outcome depends on the features. Survival times have ties.
inline Dataset make_data(dense::Head head, std::int64_t rows, std::int32_t columns,
                         std::int32_t classes, std::uint64_t entity) {
  Dataset data;
  data.rows = rows;
  data.columns = columns;
  Stream s = stream(entity);
  for (std::int64_t i = 0; i < rows; ++i) {
    double score = 0;
    for (std::int32_t j = 0; j < columns; ++j) {
      const double x = draw::normal(s);
      score += (j % 3 == 0 ? 0.5 : -0.2) * x;
      data.x.push_back(static_cast<float>(x));
    }
    double label = 0;
    switch (head) {
      case dense::Head::sigmoid: label = s.uniform() < 1 / (1 + std::exp(-score)) ? 1 : 0; break;
      case dense::Head::squared: label = score + draw::normal(s); break;
      case dense::Head::poisson: label = std::floor(std::exp(0.3 * score) + 2 * s.uniform()); break;
      case dense::Head::softmax:
        label = static_cast<double>(s.below(static_cast<std::uint64_t>(classes)));
        break;
      case dense::Head::cox: label = 1 + static_cast<double>(s.below(9)); break;
    }
    data.label.push_back(static_cast<float>(label));
    if (head == dense::Head::cox) data.event.push_back(s.uniform() < 0.7 ? 1.0F : 0.0F);
  }
  return data;
}

inline std::vector<std::int32_t> all_rows(const Dataset& data) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(data.rows));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

inline ParameterVector random_parameters(const Model& model, std::uint64_t entity, double sd) {
  ParameterVector p(model.layout());
  Stream s = stream(entity, 1);
  std::vector<float> values(static_cast<std::size_t>(model.layout()->size()));
  for (float& v : values) v = static_cast<float>(draw::normal(s, 0, sd));
  p.assign_compact(values);
  for (std::size_t i = 0; i < p.layout().slices().size(); ++i) {
    if (!p.layout().slices()[i].name.ends_with(".variance")) continue;
    for (float& v : p.slice(i)) v = 0.5F + std::fabs(v);
  }
  return p;
}

// By place in the compact order: whether it is a running statistic, which no gradient moves.
inline std::vector<bool> statistics_of(const ParameterLayout& layout) {
  std::vector<bool> out;
  for (const Slice& slice : layout.slices()) {
    out.insert(out.end(), static_cast<std::size_t>(slice.size), slice.role == Role::norm_statistic);
  }
  return out;
}

// The model written as plainly as its formulas, over compact parameters in double.
class Reference {
 public:
  explicit Reference(const dense::Network& network) : network_(network) {}

  // Scores of one row; batch normalisation by running statistics.
  std::vector<double> scores(const std::vector<double>& p, const Dataset& data,
                             std::size_t row) const {
    const auto columns = static_cast<std::size_t>(data.columns);
    std::vector<double> a(data.x.begin() + static_cast<std::ptrdiff_t>(row * columns),
                          data.x.begin() + static_cast<std::ptrdiff_t>((row + 1) * columns));
    std::size_t at = 0;
    const auto layers = network_.layers();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto in = static_cast<std::size_t>(layers[l].inputs);
      const auto out = static_cast<std::size_t>(layers[l].outputs);
      std::vector<double> z(out, 0.0);
      for (std::size_t o = 0; o < out; ++o) {
        for (std::size_t i = 0; i < in; ++i) z[o] += p[at + o * in + i] * a[i];
      }
      at += in * out;
      if (layers[l].bias >= 0) {
        for (std::size_t o = 0; o < out; ++o) z[o] += p[at + o];
        at += out;
      }
      if (l + 1 < layers.size()) {
        if (layers[l].norm >= 0) normalise(z, p, at);
        at += out * static_cast<std::size_t>(layers[l].norm_arrays);
        for (double& v : z) v = activation(v);
      }
      a = z;
    }
    return a;
  }

  // The same for all rows, which are one batch that normalises itself.
  std::vector<std::vector<double>> scores_of_batch(const std::vector<double>& p,
                                                   const Dataset& data) const {
    const auto rows = static_cast<std::size_t>(data.rows);
    const auto columns = static_cast<std::size_t>(data.columns);
    std::vector<std::vector<double>> a(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) a[i].push_back(data.x[i * columns + j]);
    }
    std::size_t at = 0;
    const auto layers = network_.layers();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto in = static_cast<std::size_t>(layers[l].inputs);
      const auto out = static_cast<std::size_t>(layers[l].outputs);
      const bool hidden = l + 1 < layers.size();
      std::vector<std::vector<double>> z(rows, std::vector<double>(out, 0.0));
      for (std::size_t o = 0; o < out; ++o) {
        double sum = 0;
        double squares = 0;
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t i = 0; i < in; ++i) z[r][o] += p[at + o * in + i] * a[r][i];
          if (!hidden && layers[l].bias >= 0) z[r][o] += p[at + in * out + o];
          sum += z[r][o];
        }
        if (!hidden) continue;
        const double mean = sum / static_cast<double>(rows);
        for (std::size_t r = 0; r < rows; ++r) squares += (z[r][o] - mean) * (z[r][o] - mean);
        const double spread = std::sqrt(squares / static_cast<double>(rows) + 1e-5);
        for (std::size_t r = 0; r < rows; ++r) {
          const double normed = (z[r][o] - mean) / spread;
          z[r][o] = activation(normed * p[at + in * out + o] + p[at + in * out + out + o]);
        }
      }
      at += in * out + out * static_cast<std::size_t>(layers[l].norm_arrays);
      a = z;
    }
    return a;
  }
  double loss_of_batch(const std::vector<double>& p, const Dataset& data) const {
    const auto z = scores_of_batch(p, data);
    double total = 0;
    for (std::size_t i = 0; i < z.size(); ++i) total += row_loss(z[i], data.label[i]);
    return total / static_cast<double>(z.size());
  }

  double loss(const std::vector<double>& p, const Dataset& data) const {
    const auto n = static_cast<std::size_t>(data.rows);
    double total = 0;
    if (network_.spec().head == dense::Head::cox) {
      total = cox(p, data);
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        total += row_loss(scores(p, data, i), static_cast<double>(data.label[i]));
      }
      total /= static_cast<double>(n);
    }
    return total + penalty(p);
  }

 private:
  // By what lies at p[at]: scale, shift and of a batch running mean and variance.
  void normalise(std::vector<double>& z, const std::vector<double>& p, std::size_t at) const {
    const std::size_t n = z.size();
    const bool batch = network_.spec().norm == dense::Norm::batch;
    const auto groups = batch ? n : static_cast<std::size_t>(network_.spec().groups);
    const std::size_t size = n / groups;
    for (std::size_t g = 0; g < groups; ++g) {
      double mean = batch ? p[at + 2 * n + g] : 0.0;
      double variance = batch ? std::max(0.0, p[at + 3 * n + g]) : 0.0;
      for (std::size_t j = g * size; !batch && j < (g + 1) * size; ++j) {
        mean += z[j] / static_cast<double>(size);
      }
      for (std::size_t j = g * size; !batch && j < (g + 1) * size; ++j) {
        variance += (z[j] - mean) * (z[j] - mean) / static_cast<double>(size);
      }
      for (std::size_t j = g * size; j < (g + 1) * size; ++j) {
        z[j] = (z[j] - mean) / std::sqrt(variance + 1e-5) * p[at + j] + p[at + n + j];
      }
    }
  }

  double activation(double z) const {
    switch (network_.spec().activation) {
      case dense::Activation::none: return z;
      case dense::Activation::relu: return z > 0 ? z : 0;
      case dense::Activation::tanh: return std::tanh(z);
      case dense::Activation::gelu: return z * 0.5 * std::erfc(-z / std::sqrt(2.0));
    }
    return z;
  }

  double row_loss(const std::vector<double>& z, double y) const {
    switch (network_.spec().head) {
      case dense::Head::squared: return (z[0] - y) * (z[0] - y);
      case dense::Head::sigmoid: return std::log1p(std::exp(z[0])) - y * z[0];
      case dense::Head::poisson: return std::exp(z[0]) - y * z[0];
      case dense::Head::softmax: {
        double sum = 0;
        for (const double v : z) sum += std::exp(v);
        return std::log(sum) - z[static_cast<std::size_t>(y)];
      }
      case dense::Head::cox: return 0;
    }
    return 0;
  }

  // straight from the definition: a loop over all rows for each event
  double cox(const std::vector<double>& p, const Dataset& data) const {
    const auto n = static_cast<std::size_t>(data.rows);
    std::vector<double> eta;
    for (std::size_t i = 0; i < n; ++i) eta.push_back(scores(p, data, i)[0]);
    double log_likelihood = 0;
    double events = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (data.event[i] == 0) continue;
      double at_risk = 0;
      double tied = 0;
      double tied_count = 0;
      double before = 0;  // tied events with a smaller index: the l of Efron's sum
      for (std::size_t j = 0; j < n; ++j) {
        if (data.label[j] >= data.label[i]) at_risk += std::exp(eta[j]);
        if (data.label[j] == data.label[i] && data.event[j] != 0) {
          tied += std::exp(eta[j]);
          tied_count += 1;
          if (j < i) before += 1;
        }
      }
      const bool efron = network_.spec().ties == dense::Ties::efron;
      log_likelihood += eta[i] - std::log(at_risk - (efron ? before / tied_count * tied : 0.0));
      events += 1;
    }
    return events > 0 ? -log_likelihood / events : 0;
  }

  double penalty(const std::vector<double>& p) const {
    double squares = 0;
    std::size_t at = 0;
    for (const dense::Layer& layer : network_.layers()) {
      const auto weights = static_cast<std::size_t>(layer.inputs * layer.outputs);
      for (std::size_t i = 0; i < weights; ++i) squares += p[at + i] * p[at + i];
      at += weights + (layer.bias >= 0 ? static_cast<std::size_t>(layer.outputs) : 0) +
            static_cast<std::size_t>(layer.norm_arrays * layer.outputs);
    }
    return network_.spec().l2 / 2 * squares;
  }

  const dense::Network& network_;
};

}  // namespace polyclinic::test
