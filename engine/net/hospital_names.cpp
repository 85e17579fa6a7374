#include "net/hospital_names.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/check.hpp"

namespace polyclinic {

namespace {
constexpr std::string_view kStem = "hospital-";

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
}  // namespace

void HospitalNames::give(HospitalId id, std::string name) {
  ENSURE(id.value < count_, "a name is for a hospital that is there");
  ENSURE(given_.empty() || given_.back().first < id.value, "names are given in order");
  given_.emplace_back(id.value, std::move(name));
}

std::optional<std::string> HospitalNames::close() {
  by_name_.resize(given_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (given_[a].second != given_[b].second) return given_[a].second < given_[b].second;
    return a < b;
  });
  for (std::size_t i = 0; i + 1 < by_name_.size(); ++i) {
    const std::string& name = given_[by_name_[i]].second;
    if (name == given_[by_name_[i + 1]].second) return name;
  }
  // a given name may also be the one that another hospital gets because it was given none
  for (const auto& [id, name] : given_) {
    if (find_made(name)) return name;
  }
  return std::nullopt;
}

std::string HospitalNames::name(HospitalId id) const {
  const std::string* text = given(id);
  return text ? *text : made(id);
}

std::optional<HospitalId> HospitalNames::find(std::string_view name) const {
  const auto it = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](std::uint32_t index, std::string_view text) { return given_[index].second < text; });
  if (it != by_name_.end() && given_[*it].second == name) return HospitalId{given_[*it].first};
  return find_made(name);
}

// The hospital that was given no name and is called this therefore.
std::optional<HospitalId> HospitalNames::find_made(std::string_view name) const {
  if (!looks_made(name)) return std::nullopt;
  std::uint32_t number = 0;
  const auto parsed =
      std::from_chars(name.data() + kStem.size(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || number == 0 || number > count_) return std::nullopt;
  const HospitalId id{number - 1};
  if (given(id) || made(id) != name) return std::nullopt;
  return id;
}

std::vector<std::string> HospitalNames::given() const {
  std::vector<std::string> names;
  for (const auto& [id, name] : given_) names.push_back(name);
  return names;
}

bool HospitalNames::looks_made(std::string_view name) {
  return name.starts_with(kStem) && all_digits(name.substr(kStem.size()));
}

// The number from 1, with as many digits as the last one has.
std::string HospitalNames::made(HospitalId id) const {
  const std::string number = std::to_string(id.value + std::uint64_t{1});
  const std::size_t width = std::to_string(count_).size();
  return std::string(kStem) + std::string(width - std::min(width, number.size()), '0') + number;
}

const std::string* HospitalNames::given(HospitalId id) const {
  const auto it =
      std::lower_bound(given_.begin(), given_.end(), id.value,
                       [](const auto& entry, std::uint32_t value) { return entry.first < value; });
  return it != given_.end() && it->first == id.value ? &it->second : nullptr;
}

}  // namespace polyclinic
