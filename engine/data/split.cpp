#include "data/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"

namespace polyclinic {

namespace {

// The patients of a site, numbered by first appearance.
struct Patients {
  std::vector<std::int32_t> of_row;
  std::vector<std::int32_t> stratum;  // per patient: the highest among the rows
  std::vector<SplitPart> part;        // per patient: where the rows go
};

Patients collect(const SplitInput& input) {
  const std::size_t rows = input.stratum.size();
  Patients patients;
  patients.of_row.resize(rows);
  if (input.patient.empty()) {
    std::iota(patients.of_row.begin(), patients.of_row.end(), 0);
    patients.stratum.assign(input.stratum.begin(), input.stratum.end());
  } else {
    ENSURE(input.patient.size() == rows, "one patient per row");
    // rows sorted by (patient, row): the first row of each run is where the patient appears
    std::vector<std::int32_t> order(rows);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return input.patient[a] < input.patient[b];
    });
    std::vector<std::int32_t> first(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const bool same = i > 0 && input.patient[order[i]] == input.patient[order[i - 1]];
      first[order[i]] = same ? first[order[i - 1]] : order[i];
    }
    for (std::size_t row = 0; row < rows; ++row) {
      if (first[row] == static_cast<std::int32_t>(row)) {
        patients.of_row[row] = static_cast<std::int32_t>(patients.stratum.size());
        patients.stratum.push_back(input.stratum[row]);
      } else {
        patients.of_row[row] = patients.of_row[first[row]];
        auto& stratum = patients.stratum[patients.of_row[row]];
        stratum = std::max(stratum, input.stratum[row]);
      }
    }
  }
  patients.part.assign(patients.stratum.size(), SplitPart::unused);
  for (std::size_t row = 0; row < input.decided.size(); ++row) {
    patients.part[patients.of_row[row]] = input.decided[row];
  }
  return patients;
}

// Moves patients of the stratum into test until it has the minimum.
SplitCounts raise_test(SplitCounts counts, std::int64_t patients, const SplitShares& shares) {
  if (shares.test <= 0) return counts;
  const std::int64_t wanted = std::min<std::int64_t>(shares.test_minimum, patients / 2);
  const std::int64_t missing = std::max<std::int64_t>(0, wanted - counts.test);
  const std::int64_t from_validation = std::min(missing, counts.validation);
  const std::int64_t from_train = std::min(missing - from_validation, counts.train);
  counts.validation -= from_validation;
  counts.train -= from_train;
  counts.test += from_validation + from_train;
  return counts;
}

// Divides the patients of one stratum; those already decided count towards what each split gets.
void divide(Patients& patients, const std::vector<std::int32_t>& members, const SplitShares& shares,
            Stream stream) {
  SplitCounts counts =
      raise_test(split_counts(std::ssize(members), shares), std::ssize(members), shares);
  std::array<std::int64_t, 3> wanted{counts.train, counts.validation, counts.test};
  std::vector<std::int32_t> open;
  for (const std::int32_t patient : members) {
    const SplitPart part = patients.part[patient];
    if (part == SplitPart::unused) {
      open.push_back(patient);
    } else {
      --wanted[static_cast<std::size_t>(part)];
    }
  }
  draw::shuffle(stream, open);
  std::size_t next = 0;
  for (std::size_t part = 0; part < 3; ++part) {
    for (std::int64_t i = 0; i < wanted[part] && next < open.size(); ++i) {
      patients.part[open[next++]] = static_cast<SplitPart>(part);
    }
  }
}

}  // namespace

SplitCounts split_counts(std::int64_t patients, const SplitShares& shares) {
  const std::array<double, 3> share{shares.train, shares.validation, shares.test};
  const double total = share[0] + share[1] + share[2];
  const auto n = static_cast<double>(patients);
  // whole patients first; 1e-9 forgives the rounding of shares such as 0.6 + 0.2 + 0.2
  std::array<std::int64_t, 3> count{};
  std::array<double, 3> rest{};
  for (std::size_t i = 0; i < 3; ++i) {
    count[i] = static_cast<std::int64_t>(std::floor(share[i] * n + 1e-9));
    rest[i] = share[i] * n - static_cast<double>(count[i]);
  }
  // then the largest remainders, until the rows that the shares ask for are given out
  auto left =
      static_cast<std::int64_t>(std::floor(total * n + 0.5)) - count[0] - count[1] - count[2];
  for (; left > 0; --left) {
    const auto largest =
        static_cast<std::size_t>(std::max_element(rest.begin(), rest.end()) - rest.begin());
    if (share[largest] <= 0) break;
    ++count[largest];
    rest[largest] -= 1.0;
  }
  return {count[0], count[1], count[2]};
}

SplitRows split_stratified(const SplitInput& input, const SplitShares& shares,
                           const Stream& stream) {
  ENSURE(shares.train + shares.validation + shares.test <= 1.0 + 1e-9, "shares of one whole");
  Patients patients = collect(input);

  std::int32_t strata = 0;
  for (const std::int32_t stratum : patients.stratum) strata = std::max(strata, stratum + 1);
  std::vector<std::vector<std::int32_t>> members(strata);
  for (std::size_t i = 0; i < patients.stratum.size(); ++i) {
    members[patients.stratum[i]].push_back(static_cast<std::int32_t>(i));
  }
  for (std::int32_t stratum = 0; stratum < strata; ++stratum) {
    divide(patients, members[stratum], shares, stream.lane(static_cast<std::uint64_t>(stratum)));
  }

  SplitRows rows;
  for (std::size_t row = 0; row < patients.of_row.size(); ++row) {
    const auto number = static_cast<std::int32_t>(row);
    switch (patients.part[patients.of_row[row]]) {
      case SplitPart::train: rows.train.push_back(number); break;
      case SplitPart::validation: rows.validation.push_back(number); break;
      case SplitPart::test: rows.test.push_back(number); break;
      case SplitPart::unused: break;
    }
  }
  return rows;
}

std::vector<std::string> split_remarks(const SplitRows& rows,
                                       std::span<const std::int32_t> stratum) {
  const auto events = [&](const std::vector<std::int32_t>& part) {
    return std::count_if(part.begin(), part.end(),
                         [&](std::int32_t row) { return stratum[row] > 0; });
  };
  std::vector<std::string> remarks;
  const auto train_events = events(rows.train);
  if (!rows.train.empty() && (train_events == 0 || train_events == std::ssize(rows.train))) {
    remarks.push_back(
        fmt::format("all {} training rows are {}: alone this hospital can learn nothing",
                    rows.train.size(), train_events == 0 ? "non-events" : "events"));
  }
  constexpr std::int64_t kFewEvents = 5;  // below, a hospital's AUROC is not reported (science.md)
  const auto test_events = events(rows.test);
  const auto few = [&](std::int64_t count, std::string_view what) {
    if (rows.test.empty() || count >= kFewEvents) return;
    remarks.push_back(fmt::format("test has {} {}{}, fewer than {}", count, what,
                                  count == 1 ? "" : "s", kFewEvents));
  };
  few(test_events, "event");
  few(std::ssize(rows.test) - test_events, "non-event");
  if (rows.test.empty()) remarks.emplace_back("no row for testing");
  return remarks;
}

}  // namespace polyclinic
