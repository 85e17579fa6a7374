// Addressed randomness: every random number of a run is a pure function of where it is used.
//
// A Stream is a position in Philox 4x64 (Salmon et al. 2011; Random123): key = (run, purpose),
// counter = (entity, step, lane, block). Two streams with different addresses never overlap,
// nothing has to be saved, and the order in which streams are used changes no number.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace polyclinic {

// What a random number is for. The numbers are part of every result: never change or reuse one.
enum class Purpose : std::uint32_t {
  kTest = 0,
  kHospital = 1,         // size, machine, link, habits of a hospital
  kAvailability = 2,     // when a hospital or a region is up
  kHabit = 3,            // overhead and jitter of one invitation
  kTransfer = 4,         // loss and breaks of one transfer
  kCohort = 5,           // patients of a site
  kCohortGlobal = 6,     // what all sites of a generated cohort share
  kPartition = 7,        // who gets which rows of a central table
  kSplit = 8,            // train, validation, test
  kModelInit = 9,        // initial parameters
  kBatchOrder = 10,      // order of samples in local training
  kDropoutMask = 11,     // dropout layers
  kSelection = 12,       // who is invited to a round
  kInterval = 13,        // bootstrap resampling of metrics
  kLuaRandom = 14,       // math.random of a scenario
  kLuaCallback = 15,     // the `seed` handed to a custom part
  kMeasureSample = 16,   // which hospitals are evaluated in a very large federation
  kPatientOverlap = 17,  // patients seen in more than one hospital
  kStraggler = 18,       // who is slow in a round, and how far it gets
  kPrivateBatch = 24,    // which rows a step of a private training takes
  kPrivateNoise = 25,    // its noise, by ChaCha20 at the same kind of address
  kCentralNoise = 26,    // noise that a server adds to a sum of updates, and to a count of them
  kLocalNoise = 27,      // noise that a hospital adds to its own update
  kIntegerNoise = 28,    // its share of the integer noise of a sum that nobody sees without it
  kMechanism = 29,       // noise of a mechanism that a script calls
  kSecureSecrets = 30,   // keys, seeds and shares of one hospital in one round of a secure sum
  kSecureRounding = 31,  // rounding of what it sends into that sum
  kRoundNoise = 32,      // noise that a server correlates over rounds, by ChaCha20
  kSecureGraph = 33,     // who exchanges masks with whom in one round of a secure sum
  kAggregation = 40,     // buckets, coordinates and noise of aggregation rules
  kAttack = 41,          // what poisoning attacks draw
  kAttackers = 42,       // which hospitals attack, and in which of their trainings
  kAttackRows = 43,      // which of their training rows an attack changes
  kCompression = 45,     // what compressed messages round and choose at random
  kGossipGraph = 60,     // who are neighbours where there is no server
  kShapleyOrder = 61,    // orders in which hospitals join when their contribution is sampled
  kMembership = 70,      // which rows a membership attack looks at, and in which half they are
};

// Identifies one run: seed and replication hashed together.
struct RunKey {
  std::uint64_t value = 0;
};
RunKey make_run_key(std::uint64_t seed, std::uint64_t replication);

// A stream of random 64-bit words at one address. A value type: copying it copies the position.
class Stream {
 public:
  Stream(RunKey run, Purpose purpose, std::uint64_t entity, std::uint64_t step = 0,
         std::uint64_t lane = 0);

  std::uint64_t next_u64();
  // Uniform in [0, 1), 53 bits.
  double uniform();
  // Uniform in (0, 1), never 0 or 1: for quantile functions and logarithms.
  double uniform_open();
  // As many of these as `out` has places: the numbers that uniform_open() gives one by one.
  void fill_open(std::span<double> out);
  // Uniform integer in [0, n), unbiased (Lemire 2019). REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n);

  // A stream at the same run, purpose, entity and step but another lane.
  [[nodiscard]] Stream lane(std::uint64_t lane) const;

 private:
  [[nodiscard]] std::array<std::uint64_t, 4> block() const;
  void refill();
  std::array<std::uint64_t, 2> key_;
  std::array<std::uint64_t, 4> counter_;
  std::array<std::uint64_t, 4> block_{};
  unsigned used_ = 4;
};

}  // namespace polyclinic
