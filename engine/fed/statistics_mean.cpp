#include "fed/statistics_mean.hpp"

#include <algorithm>
#include <cmath>

namespace polyclinic {

StatisticsMean::StatisticsMean(const std::shared_ptr<const ParameterLayout>& layout) {
  if (layout->has(Role::norm_statistic)) sum_ = ParameterVector(layout);
}

void StatisticsMean::add(const Update& update) {
  if (sum_.empty()) return;
  sum_.add_scaled(update.delta, static_cast<float>(update.weight));
  weight_ += update.weight;
}

void StatisticsMean::write(ParameterVector& result) const {
  if (sum_.empty() || weight_ <= 0) return;
  const std::span<const Slice> slices = result.layout().slices();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (slices[i].role != Role::norm_statistic) continue;
    const auto mean = sum_.slice(i);
    std::transform(mean.begin(), mean.end(), result.slice(i).begin(),
                   [this](float x) { return x / static_cast<float>(weight_); });
  }
}

double trained_norm(const ParameterVector& delta) {
  if (!delta.layout().has(Role::norm_statistic)) return delta.norm();
  const std::span<const Slice> slices = delta.layout().slices();
  double square = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (slices[i].role == Role::norm_statistic) continue;
    for (const float x : delta.slice(i)) square += static_cast<double>(x) * static_cast<double>(x);
  }
  return std::sqrt(square);
}

}  // namespace polyclinic
