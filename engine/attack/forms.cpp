#include "attack/forms.hpp"

#include <algorithm>
#include <cmath>

#include "base/draw.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::attack {

namespace {

// Vectors as rows of padded buffers, for the rules.
struct Padded {
  explicit Padded(const Vectors& vectors) {
    constexpr std::size_t kColumns = aggregation::kColumns;
    const std::size_t size = (vectors[0].size() + kColumns - 1) / kColumns * kColumns;
    for (const Vector& vector : vectors) {
      buffers.emplace_back(vector.begin(), vector.end());
      buffers.back().resize(size, 0.0F);
    }
  }
  [[nodiscard]] aggregation::Square distances() const {
    std::vector<const float*> rows;
    for (const FloatBuffer& buffer : buffers) rows.push_back(buffer.data());
    return aggregation::VectorSet(rows, buffers[0].size(), nullptr).pairwise_distances();
  }
  std::vector<FloatBuffer> buffers;
};

double sign(double x) {
  return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0;
}

// Each value is drawn just outside the range of the honest ones, on the side that their mean does
// not point to: [b min, min] or [min / b, min] below, mirrored above (Fang et al. 2020,
// section 4.3)
Vectors beyond_the_range(const Part& part, const Knowledge& know) {
  const double b = part.number("b");
  const Vectors& honest = *know.honest;
  const std::vector<double> mean = mean_of(honest);
  Vectors sent(know.byzantine, Vector(mean.size()));
  for (std::size_t attacker = 0; attacker < know.byzantine; ++attacker) {
    Stream stream(RunKey{know.seed}, Purpose::kAttack, know.first + attacker, 1);
    for (std::size_t i = 0; i < mean.size(); ++i) {
      double lowest = static_cast<double>(honest[0][i]);
      double highest = lowest;
      for (const Vector& vector : honest) {
        lowest = std::min(lowest, static_cast<double>(vector[i]));
        highest = std::max(highest, static_cast<double>(vector[i]));
      }
      const double u = stream.uniform();
      double edge = mean[i] > 0 ? lowest : highest;
      // away from zero when the edge lies on the side that is aimed at
      const bool outward = mean[i] > 0 ? edge < 0 : edge > 0;
      const double end = outward ? b * edge : edge / b;
      sent[attacker][i] = static_cast<float>(edge + u * (end - edge));
    }
  }
  return sent;
}

// m = -lambda sign(mean), all attackers alike; the largest lambda of a halving search with which
// krum chooses m (section 4.2, with the global model as origin)
Vectors against_krum(const Part& part, const Knowledge& know) {
  const Vectors& honest = *know.honest;
  const std::size_t f = know.byzantine;
  const std::size_t n = honest.size() + f;  // as the search sees them
  const std::vector<double> mean = mean_of(honest);
  const auto d = static_cast<double>(mean.size());
  aggregation::KrumOptions options;
  options.byzantine = f;
  // theorem 1: an upper bound of lambda
  const aggregation::Square distances = Padded(honest).distances();
  aggregation::Members everyone;
  for (std::size_t i = 0; i < honest.size(); ++i) everyone.push_back(i);
  double least = 0;
  if (honest.size() > 1) {
    const std::vector<double> scores = aggregation::krum_scores(distances, everyone, options);
    least = *std::min_element(scores.begin(), scores.end());
  }
  double longest = 0;
  for (const Vector& vector : honest) {
    double square = 0;
    for (const float x : vector) square += static_cast<double>(x) * static_cast<double>(x);
    longest = std::max(longest, std::sqrt(square));
  }
  const double others = n > 2 * f + 1 ? static_cast<double>(n - 2 * f - 1) : 1.0;
  double lambda = std::sqrt(least / (others * d)) + longest / std::sqrt(d);
  Vector sent(mean.size());
  const double stop = part.number("threshold");
  for (; lambda >= stop; lambda *= 0.5) {
    for (std::size_t i = 0; i < sent.size(); ++i) {
      sent[i] = static_cast<float>(-lambda * sign(mean[i]));
    }
    Vectors all(f, sent);
    all.insert(all.end(), honest.begin(), honest.end());
    if (aggregation::krum(Padded(all).distances(), options) < f) break;
  }
  return Vectors(f, sent);
}

}  // namespace

Vectors fang(const Part& part, const Knowledge& know) {
  return part.text("against") == "krum" ? against_krum(part, know) : beyond_the_range(part, know);
}

std::size_t farthest_along_variance(const Vectors& honest) {
  const std::vector<double> mean = mean_of(honest);
  const std::size_t n = honest.size();
  const auto distance_along = [&](std::size_t i, const std::vector<double>& way) {
    double sum = 0;
    for (std::size_t k = 0; k < mean.size(); ++k) {
      sum += way[k] * (static_cast<double>(honest[i][k]) - mean[k]);
    }
    return sum;
  };
  // start: the update farthest from the mean
  std::size_t farthest = 0;
  double most = -1;
  for (std::size_t i = 0; i < n; ++i) {
    double square = 0;
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double d = static_cast<double>(honest[i][k]) - mean[k];
      square += d * d;
    }
    if (square > most) {
      most = square;
      farthest = i;
    }
  }
  if (most <= 0) return 0;
  std::vector<double> way(mean.size());
  for (std::size_t k = 0; k < way.size(); ++k) {
    way[k] = static_cast<double>(honest[farthest][k]) - mean[k];
  }
  constexpr int kSteps = 64;
  for (int step = 0; step < kSteps; ++step) {
    std::vector<double> next(mean.size(), 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      const double t = distance_along(i, way);
      for (std::size_t k = 0; k < next.size(); ++k) {
        next[k] += t * (static_cast<double>(honest[i][k]) - mean[k]);
      }
    }
    double length = 0;
    for (const double x : next) length += x * x;
    length = std::sqrt(length);
    if (!(length > 0) || !std::isfinite(length)) break;
    for (std::size_t k = 0; k < way.size(); ++k) way[k] = next[k] / length;
  }
  std::size_t chosen = 0;
  double far = -1;
  for (std::size_t i = 0; i < n; ++i) {
    const double t = std::fabs(distance_along(i, way));
    if (t > far) {
      far = t;
      chosen = i;
    }
  }
  return chosen;
}

}  // namespace polyclinic::attack
