// What a plan of noisy steps costs: epsilon under every accountant, or delta, or the noise or the
// number of steps that a budget asks for. `polyclinic account` and privacy.account { } call this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/schema.hpp"
#include "privacy/rdp.hpp"

namespace polyclinic::privacy {

// How a step finds its records.
enum class Sampling : std::uint8_t {
  none,                 // all of them, every step
  poisson,              // each by a coin of its own, with rate q
  without_replacement,  // a cohort of fixed size, a share q of all
  shuffled,             // fixed batches of a shuffle: every record once per epoch of 1/q steps
};

// Which data sets are neighbours.
enum class Adjacency : std::uint8_t {
  add_remove,   // one unit more or less
  replace_one,  // one unit in the place of another
};

enum class Accountant : std::uint8_t {
  rdp,       // Renyi curve, tight conversion
  pld,       // privacy loss distribution, pessimistic and optimistic
  prv,       // the same distribution with the error bars of Gopi et al. 2021
  gdp,       // central limit: an approximation
  zcdp,      // zero-concentrated, no amplification by sampling
  advanced,  // optimal composition of (epsilon, delta) steps
  classic,   // one Gaussian by the bound of 2014; only where it is asked for by name
};

// A run of equal steps.
struct Phase {
  double q = 1;      // share of the records in a step; 1 without sampling
  double sigma = 0;  // standard deviation of the noise on the sum, over the clipping bound
  std::int64_t steps = 0;
};

struct AccountRequest {
  std::vector<Phase> phases;
  Sampling sampling = Sampling::none;
  Adjacency adjacency = Adjacency::add_remove;
  std::optional<double> delta;    // asks for epsilon
  std::optional<double> epsilon;  // asks for delta
  // With delta: asks for the noise of all phases, or for the steps where these are absent (0).
  std::optional<double> target_epsilon;
  std::vector<Accountant> accountants;  // empty: every one that can treat the plan
  Orders orders = standard_orders();
  bool unsigned_series = false;  // fractional orders as dp_accounting has them, for comparison
  int records_per_unit = 1;      // a unit (a patient) has at most so many records
  std::string unit = "record";
  SourcePosition where;  // of the call, for mistakes
};

struct AccountRow {
  Accountant accountant = Accountant::rdp;
  double epsilon = 0;
  double delta = 0;
  double sigma = 0;             // of the (last) phase; the solution where the noise was asked for
  std::int64_t steps = 0;       // of all phases; the solution where the steps were asked for
  std::optional<double> order;  // rdp: where the least epsilon is attained
  std::optional<double> lower;  // of what was asked for (epsilon or delta)
  std::optional<double> upper;
  bool guarantee = true;  // false: an approximation
  std::string says;       // what the number is, in a few words
};

// An accountant that cannot treat the plan, and why.
struct Silence {
  Accountant accountant = Accountant::rdp;
  std::string reason;
};

struct Account {
  std::vector<AccountRow> rows;
  std::vector<Silence> silent;  // only where all accountants were asked
};

// Throws ScenarioError for a plan that makes no sense, or that an accountant which was asked for by
// name cannot treat.
Account account(const AccountRequest& request);

// Names as users write them.
std::string name_of(Sampling sampling);
std::string name_of(Adjacency adjacency);
std::string name_of(Accountant accountant);
std::optional<Sampling> sampling_of(const std::string& name);
std::optional<Adjacency> adjacency_of(const std::string& name);
std::optional<Accountant> accountant_of(const std::string& name);
const std::vector<std::string>& sampling_names();
const std::vector<std::string>& adjacency_names();
const std::vector<std::string>& accountant_names();

// Grids of orders by name: "standard", "opacus", "tf_privacy", "integer", "fine", "dp_accounting"
// (the standard orders; sets unsigned_series, too).
const std::vector<std::string>& orders_names();
std::optional<Orders> orders_of(const std::string& name);

// The adjacency that goes with a sampling where none is named.
Adjacency usual_adjacency(Sampling sampling);

std::vector<Schema> privacy_schemas();
// privacy.account { ... } as a request (its schema has checked names and ranges), and an account as
// a list of tables with the same names as `polyclinic account --json`.
AccountRequest request_of(const Part& part);
Value to_value(const AccountRequest& request, const Account& account);

}  // namespace polyclinic::privacy
