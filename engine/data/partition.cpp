#include "data/partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"

namespace polyclinic {

namespace {

std::vector<std::int32_t> shuffled(std::int64_t rows, Stream& stream) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  draw::shuffle(stream, order);
  return order;
}

void sort_rows(Partition& partition) {
  for (auto& rows : partition) std::sort(rows.begin(), rows.end());
}

// Rows of each label, shuffled.
std::vector<std::vector<std::int32_t>> rows_by_label(std::span<const std::int32_t> labels,
                                                     std::int32_t classes, Stream& stream) {
  std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(classes));
  for (const std::int32_t row : shuffled(std::ssize(labels), stream)) {
    rows[static_cast<std::size_t>(labels[row])].push_back(row);
  }
  return rows;
}

// One label for the hospital's next row: by its mix among what is left, else by what is left.
std::size_t next_label(std::span<const double> mix,
                       const std::vector<std::vector<std::int32_t>>& left, Stream& stream) {
  std::vector<double> weights(mix.size(), 0.0);
  double sum = 0;
  for (std::size_t label = 0; label < mix.size(); ++label) {
    if (!left[label].empty()) weights[label] = mix[label];
    sum += weights[label];
  }
  if (!(sum > 0)) {
    for (std::size_t label = 0; label < mix.size(); ++label) {
      weights[label] = static_cast<double>(left[label].size());
    }
  }
  return draw::categorical(stream, weights);
}

}  // namespace

Partition partition_iid(std::int64_t rows, std::int32_t count, Stream stream) {
  const std::vector<double> shares(static_cast<std::size_t>(count), 1.0);
  return partition_sizes(proportional_sizes(rows, shares, 0), stream);
}

Partition partition_sizes(std::span<const std::int64_t> sizes, Stream stream) {
  const std::int64_t rows = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  const std::vector<std::int32_t> order = shuffled(rows, stream);
  Partition partition;
  auto next = order.begin();
  for (const std::int64_t size : sizes) {
    partition.emplace_back(next, next + size);
    next += size;
  }
  sort_rows(partition);
  return partition;
}

std::vector<std::int64_t> proportional_sizes(std::int64_t rows, std::span<const double> shares,
                                             std::int64_t minimum) {
  const std::int64_t rest = rows - minimum * std::ssize(shares);
  ENSURE(rest >= 0, "there are enough rows for the minimum of each");
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  ENSURE(sum > 0, "shares of something");
  std::vector<std::int64_t> sizes;
  std::vector<double> remainder;
  std::int64_t given = 0;
  for (const double share : shares) {
    const double exact = static_cast<double>(rest) * (share / sum);
    const auto whole = std::min(static_cast<std::int64_t>(exact), rest - given);
    given += whole;
    sizes.push_back(minimum + whole);
    remainder.push_back(exact - static_cast<double>(whole));
  }
  // the largest remainders first, the first of equals
  std::vector<std::int32_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return remainder[a] > remainder[b]; });
  for (std::int64_t left = rest - given, i = 0; left > 0; --left, ++i) {
    ++sizes[order[static_cast<std::size_t>(i) % order.size()]];
  }
  return sizes;
}

Partition partition_dirichlet_by_label(std::span<const std::int32_t> labels, std::int32_t classes,
                                       std::int32_t count, double alpha, Stream stream) {
  auto left = rows_by_label(labels, classes, stream);
  const std::vector<double> concentration(static_cast<std::size_t>(classes), alpha);
  std::vector<std::vector<double>> mix(static_cast<std::size_t>(count));
  for (auto& one : mix) {
    one.resize(concentration.size());
    draw::dirichlet(stream, concentration, one);
  }
  // by turns, so that no hospital has to take only what the others left over
  Partition partition(static_cast<std::size_t>(count));
  for (std::size_t taken = 0; taken < labels.size(); ++taken) {
    const std::size_t hospital = taken % partition.size();
    auto& rows = left[next_label(mix[hospital], left, stream)];
    partition[hospital].push_back(rows.back());
    rows.pop_back();
  }
  sort_rows(partition);
  return partition;
}

Partition partition_dirichlet_by_hospital(std::span<const std::int32_t> labels,
                                          std::int32_t classes, std::int32_t count, double alpha,
                                          Stream stream) {
  const auto by_label = rows_by_label(labels, classes, stream);
  const std::vector<double> concentration(static_cast<std::size_t>(count), alpha);
  std::vector<double> share(concentration.size());
  Partition partition(static_cast<std::size_t>(count));
  for (const auto& rows : by_label) {
    draw::dirichlet(stream, concentration, share);
    auto next = rows.begin();
    const auto sizes = proportional_sizes(std::ssize(rows), share, 0);
    for (std::size_t hospital = 0; hospital < partition.size(); ++hospital) {
      partition[hospital].insert(partition[hospital].end(), next, next + sizes[hospital]);
      next += sizes[hospital];
    }
  }
  sort_rows(partition);
  return partition;
}

Partition partition_shards(std::span<const std::int32_t> labels, std::int32_t count,
                           std::int32_t per_hospital, Stream stream) {
  const std::int32_t highest = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end());
  std::vector<std::int32_t> sorted;
  for (const auto& rows : rows_by_label(labels, highest + 1, stream)) {
    sorted.insert(sorted.end(), rows.begin(), rows.end());
  }
  const std::int64_t shards = std::int64_t{count} * per_hospital;
  const std::vector<std::int32_t> order = shuffled(shards, stream);
  Partition partition(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < shards; ++i) {
    const std::int64_t shard = order[static_cast<std::size_t>(i)];
    auto& rows = partition[static_cast<std::size_t>(i / per_hospital)];
    rows.insert(rows.end(), sorted.begin() + shard * std::ssize(sorted) / shards,
                sorted.begin() + (shard + 1) * std::ssize(sorted) / shards);
  }
  sort_rows(partition);
  return partition;
}

namespace {

std::int64_t hospital_count(const Part& part, std::int64_t named) {
  const Value* value = part.find("count");
  if (!value && named == 0) {
    throw part.mistake("count",
                       fmt::format("partition.{} does not say into how many hospitals", part.name),
                       "count = 8, or hospitals { count = 8 } in the scenario");
  }
  const std::int64_t count = value ? *value->integer() : named;
  if (value && named > 0 && count != named) {
    throw part.mistake("count",
                       fmt::format("partition.{} makes {} hospitals, and the scenario has {}",
                                   part.name, count, named),
                       "leave one of the two out");
  }
  return count;
}

// power: hospital i gets a share in proportion to (i + 1)^-exponent; dirichlet: a random one.
std::vector<double> quantity_shares(const Part& part, std::int64_t count, Stream& stream) {
  std::vector<double> shares(static_cast<std::size_t>(count));
  if (part.find("exponent")) {
    for (std::size_t i = 0; i < shares.size(); ++i) {
      shares[i] = math::pow(static_cast<double>(i) + 1.0, -part.number("exponent"));
    }
    return shares;
  }
  const std::vector<double> concentration(shares.size(), part.number("alpha"));
  draw::dirichlet(stream, concentration, shares);
  return shares;
}

void require_rows(const Part& part, std::int64_t rows, std::int64_t count, std::int64_t minimum) {
  if (count * minimum <= rows) return;
  throw part.mistake(
      "count", fmt::format("{} hospitals with at least {} row{} each need {} rows; there are {}",
                           count, minimum, minimum == 1 ? "" : "s", count * minimum, rows));
}

}  // namespace

Partition make_partition(const Part& part, std::span<const std::int32_t> labels,
                         std::int32_t classes, std::int64_t named, RunKey run) {
  const std::int64_t rows = std::ssize(labels);
  const std::int64_t asked = hospital_count(part, named);
  const Value* minimum_field = part.find("minimum");
  const std::int64_t minimum = minimum_field ? *minimum_field->integer() : 1;
  require_rows(part, rows, asked, std::max<std::int64_t>(minimum, 1));
  const auto count = static_cast<std::int32_t>(asked);
  const Stream stream(run, Purpose::kPartition, 0);

  if (part.name == "iid") return partition_iid(rows, count, stream);
  if (part.name == "quantity") {
    Stream sizes = stream.lane(1);
    return partition_sizes(proportional_sizes(rows, quantity_shares(part, asked, sizes), minimum),
                           stream);
  }
  if (classes < 2) {
    throw part.mistake("count",
                       fmt::format("partition.{} needs labels that are classes", part.name),
                       "partition.iid and partition.quantity do without");
  }
  if (part.name == "shards") {
    const auto per_hospital = part.integer("per_hospital");
    require_rows(part, rows, asked * per_hospital, 1);
    return partition_shards(labels, count, static_cast<std::int32_t>(per_hospital), stream);
  }

  // a draw that leaves a hospital with too few rows is drawn again
  ENSURE(part.name == "dirichlet", "every partition.* of the schemas is handled here");
  const double alpha = part.number("alpha");
  if (part.text("by") == "label") {
    return partition_dirichlet_by_label(labels, classes, count, alpha, stream);
  }
  constexpr std::uint64_t kTries = 1000;
  for (std::uint64_t attempt = 0; attempt < kTries; ++attempt) {
    Partition partition =
        partition_dirichlet_by_hospital(labels, classes, count, alpha, stream.lane(attempt));
    const bool enough = std::all_of(partition.begin(), partition.end(), [&](const auto& part_rows) {
      return std::ssize(part_rows) >= minimum;
    });
    if (enough) return partition;
  }
  throw part.mistake(
      "alpha",
      fmt::format("in {} draws some hospital always had fewer than {} rows", kTries, minimum),
      "a larger alpha, fewer hospitals or a smaller minimum makes it possible");
}

}  // namespace polyclinic
