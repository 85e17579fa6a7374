#include "fed/shares_rule.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/quantity.hpp"
#include "fed/aggregation/networks.hpp"

namespace polyclinic {

std::pair<std::size_t, std::size_t> MiddleRule::ranks(std::size_t n) const {
  if (!trimmed) return {(n - 1) / 2, n / 2 + 1};
  std::size_t f = byzantine.among(n);
  // what it was not told is no more than it can bear; what it was told, the rule refuses
  while (f > 0 && 2 * f >= n) --f;
  return {f, n - f};
}

SharesRule shares_rule(const Part& part) {
  SharesRule rule;
  rule.servers = static_cast<std::size_t>(part.integer("servers"));
  rule.rate_bytes_per_s = part.at("rate").as<Quantity>().value;
  rule.latency = part.time("latency");
  return rule;
}

bool shares_can(const Part& aggregation) {
  return aggregation.name == "mean" || aggregation.name == "median" ||
         aggregation.name == "trimmed_mean";
}

std::optional<MiddleRule> middle_rule(const Part& aggregation) {
  if (!shares_can(aggregation) || aggregation.name == "mean") return std::nullopt;
  MiddleRule rule;
  rule.trimmed = aggregation.name == "trimmed_mean";
  if (rule.trimmed) rule.byzantine = aggregation::Byzantine::of(aggregation);
  return rule;
}

secure::ComparisonCost middle_cost(const MiddleRule& rule, std::size_t hospitals,
                                   std::size_t values, int bits) {
  const auto [first, last] = rule.ranks(hospitals);
  const std::vector<std::uint16_t> pairs = aggregation::selection_network(hospitals, first, last);
  // comparators that touch different wires go side by side
  std::vector<std::size_t> level(hospitals, 0);
  secure::Comparisons task;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    std::size_t& low = level[pairs[i]];
    std::size_t& high = level[pairs[i + 1]];
    low = high = std::max(low, high) + 1;
    task.depth = std::max(task.depth, low);
  }
  task.values = values;
  task.bits = bits;
  task.comparators = pairs.size() / 2;
  task.kept = last - first;
  return secure::cost(task);
}

Schema shares_schema() {
  const double ten_ms = 10e6;
  const double one_gbit = 125e6;
  return Schema{
      .kind = "secure",
      .name = "shares",
      .doc =
          "Sums of shares at two or three servers that do not collude: every hospital splits its "
          "update into one share for each, all but one of them a seed of 32 bytes; each server "
          "sums the shares of the hospitals that all servers have, and the sums are put together. "
          "No keys are exchanged before the training, and a hospital that is lost costs nobody a "
          "second try. A server that is down fails the round. aggregation.median and trimmed_mean "
          "are charged as the servers' comparisons of shares would cost, and simulated.",
      .paper =
          "Corrigan-Gibbs and Boneh 2017, Prio: Private, Robust, and Scalable Computation of "
          "Aggregate Statistics, section 3 and appendix I (shares from seeds), without its proofs",
      .fields =
          {Field{"servers", type::integer().between(2, 3), std::int64_t{2},
                 "among which a hospital splits its update: the server and one or two others"},
           Field{"threshold",
                 type::integer().at_least(2) |
                     type::quantity(Dimension::fraction).above(0).between(0, 1),
                 {},
                 "hospitals whose shares all servers must have, else the round fails: a count, or "
                 "fraction(0.6) of those invited. Servers tell no sum of fewer",
                 false,
                 "two thirds of those invited, rounded down, and one"},
           Field{"rate", type::quantity(Dimension::bandwidth).above(0),
                 Quantity{one_gbit, Dimension::bandwidth}, "of the other servers' lines, each way"},
           Field{"latency", type::quantity(Dimension::time).at_least(0),
                 Quantity{ten_ms, Dimension::time}, "of the same, one way"},
           Field{"availability",
                 type::part("availability") | type::list(type::part("availability")) | type::none(),
                 {},
                 "when the other servers are up: each has outages of its own",
                 false,
                 "always"}},
      .example = "secure = secure.shares { servers = 3, threshold = 4 }"};
}

}  // namespace polyclinic
