// Cuts one table into hospitals: who gets which rows. Pure functions; each row is used exactly
// once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/stream.hpp"
#include "base/value.hpp"

namespace polyclinic {

// Row numbers of each hospital, increasing.
using Partition = std::vector<std::vector<std::int32_t>>;

// Equal sizes (within one row), rows at random. REQUIRES: 1 <= count <= rows.
Partition partition_iid(std::int64_t rows, std::int32_t count, Stream stream);

// Every hospital draws its own mix of labels from Dirichlet(alpha, ..., alpha) and takes as many
// rows as every other (Hsu, Qi, Brown 2019). Hospitals take turns, row by row; a label that is used
// up leaves the rest of the mix. REQUIRES: labels in 0..classes-1, alpha > 0, 1 <= count <= rows.
Partition partition_dirichlet_by_label(std::span<const std::int32_t> labels, std::int32_t classes,
                                       std::int32_t count, double alpha, Stream stream);

// Every label is spread over the hospitals by a draw from Dirichlet(alpha, ..., alpha), so that
// sizes differ too (Yurochkin et al. 2019; Li et al. 2022). Hospitals may get no row.
Partition partition_dirichlet_by_hospital(std::span<const std::int32_t> labels,
                                          std::int32_t classes, std::int32_t count, double alpha,
                                          Stream stream);

// Rows sorted by label are cut into count * per_hospital shards; every hospital gets per_hospital
// of them at random (McMahan et al. 2017). REQUIRES: count * per_hospital <= rows.
Partition partition_shards(std::span<const std::int32_t> labels, std::int32_t count,
                           std::int32_t per_hospital, Stream stream);

// Rows at random, in the given sizes. REQUIRES: the sizes sum to the rows.
Partition partition_sizes(std::span<const std::int64_t> sizes, Stream stream);

// Sizes in proportion to the shares, each at least `minimum`, that sum to `rows` (largest
// remainder). REQUIRES: shares >= 0 with a positive sum, minimum * shares.size() <= rows.
std::vector<std::int64_t> proportional_sizes(std::int64_t rows, std::span<const double> shares,
                                             std::int64_t minimum);

// What a resolved part `partition.*` asks for. `count` is the number of hospitals that the scenario
// names otherwise, 0 when it does not. Throws ScenarioError when it cannot be done.
Partition make_partition(const Part& part, std::span<const std::int32_t> labels,
                         std::int32_t classes, std::int64_t count, RunKey run);

}  // namespace polyclinic
