#include "data/site_size.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace polyclinic {

namespace {
constexpr std::int64_t kCheckedMost = 10'000;
}

void check_site_size(const Part& cohort, const SiteRequest& request) {
  if (request.patients <= kSitePatientsMost) return;
  const std::string who =
      request.name.empty() ? fmt::format("hospital {}", request.hospital.value + std::uint64_t{1})
                           : fmt::format("hospital '{}'", request.name);
  throw ScenarioError(
      cohort.where,
      fmt::format("cohort.{}: {} is to have {} patients", cohort.name, who, request.patients),
      fmt::format("at most {} are made for one hospital: lower 'patients', or give "
                  "its law less spread",
                  kSitePatientsMost));
}

void check_site_sizes(const Part& cohort, const SiteDirectory& directory) {
  const auto checked = static_cast<std::uint32_t>(std::min(directory.count(), kCheckedMost));
  for (std::uint32_t i = 0; i < checked; ++i) {
    check_site_size(cohort, directory.request(HospitalId{i}));
  }
}

}  // namespace polyclinic
