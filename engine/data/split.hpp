// Train, validation and test: which rows of a site go where. They never mix, and no patient is in
// two of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic {

enum class SplitPart : std::int8_t { unused = -1, train = 0, validation = 1, test = 2 };

// Shares of a site's patients; what is left to 1 stays unused. REQUIRES: each >= 0, sum <= 1.
struct SplitShares {
  double train = 0.6;
  double validation = 0.2;
  double test = 0.2;
  // Patients of each stratum (events, non-events) that test gets at least, taken from validation,
  // then from train, as long as test holds at most half of the stratum.
  std::int32_t test_minimum = 5;
};

// Row numbers of each split, increasing.
struct SplitRows {
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> validation;
  std::vector<std::int32_t> test;
};

struct SplitInput {
  // Per row: what is balanced between splits (the class, or whether the event was seen), from 0.
  std::span<const std::int32_t> stratum;
  // Per row, or empty (every row is a patient of its own). A patient belongs to the highest stratum
  // among the rows.
  std::span<const std::int64_t> patient;
  // Per row, or empty: a split that is already decided (the patient was seen at another hospital);
  // unused: free. Equal for all rows of a patient.
  std::span<const SplitPart> decided;
};

// Divides the rows at random: patients are shuffled within their stratum (lane = stratum of the
// given stream) and cut by largest remainder. A pure function of its arguments.
SplitRows split_stratified(const SplitInput& input, const SplitShares& shares,
                           const Stream& stream);

// How many of `patients` each split gets: largest remainder of the shares, ties to train first.
struct SplitCounts {
  std::int64_t train = 0;
  std::int64_t validation = 0;
  std::int64_t test = 0;
};
SplitCounts split_counts(std::int64_t patients, const SplitShares& shares);

// What a reader of results must know about a site's labels: classes missing in training, fewer than
// 5 events or non-events in test. `stratum` is 0 or 1 (no event, event).
std::vector<std::string> split_remarks(const SplitRows& rows,
                                       std::span<const std::int32_t> stratum);

}  // namespace polyclinic
