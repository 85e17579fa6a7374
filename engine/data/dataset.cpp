#include "data/dataset.hpp"

#include "base/check.hpp"

namespace polyclinic {

std::string_view name(OutcomeKind task) {
  switch (task) {
    case OutcomeKind::binary: return "binary";
    case OutcomeKind::multiclass: return "multiclass";
    case OutcomeKind::regression: return "regression";
    case OutcomeKind::count: return "count";
    case OutcomeKind::survival: return "survival";
  }
  ENSURE(false, "the switch names every task");
}

namespace {

template <class T>
std::int64_t bytes_of(const std::vector<T>& items) {
  return static_cast<std::int64_t>(items.capacity() * sizeof(T));
}

}  // namespace

std::int64_t Dataset::bytes() const {
  std::int64_t total = bytes_of(x) + bytes_of(label) + bytes_of(true_label) + bytes_of(event) +
                       bytes_of(latent_risk) + bytes_of(achievable_risk) + bytes_of(patient) +
                       bytes_of(day) + bytes_of(groups);
  for (const auto& levels : groups) total += bytes_of(levels);
  return total + static_cast<std::int64_t>(sizeof(Dataset));
}

}  // namespace polyclinic
