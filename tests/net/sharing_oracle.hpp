// Progressive filling, straight from the definition: the oracle for the solvers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace polyclinic::oracle {

struct OracleFlow {
  double start_s = 0;
  double bytes = 0;
  double cap = 0;
  double weight = 1;
};

// Rates of flows that share one link: raise everybody's level together, freeze who reaches his cap,
// stop when the link is full (Bertsekas and Gallager, Data Networks, section 6.5.2). O(n^2).
inline std::vector<double> fill(const std::vector<OracleFlow>& flows, double capacity) {
  std::vector<double> rates(flows.size(), 0.0);
  std::vector<bool> frozen(flows.size(), false);
  double rest = capacity;
  while (true) {
    double weights = 0;
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (frozen[i]) continue;
      weights += flows[i].weight;
      lowest = std::min(lowest, flows[i].cap / flows[i].weight);
    }
    if (weights == 0) return rates;
    const double level = rest / weights;
    if (level <= lowest) {
      for (std::size_t i = 0; i < flows.size(); ++i) {
        if (!frozen[i]) rates[i] = flows[i].weight * level;
      }
      return rates;
    }
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (frozen[i] || flows[i].cap / flows[i].weight > lowest) continue;
      frozen[i] = true;
      rates[i] = flows[i].cap;
      rest -= flows[i].cap;
    }
  }
}

// Times in seconds at which the flows end, in real numbers. `swing`, if asked for: the largest
// ratio of a flow's highest to its lowest rate.
inline std::vector<double> finish_times(const std::vector<OracleFlow>& flows, double capacity,
                                        double* swing = nullptr) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  std::vector<double> left(flows.size());
  std::vector<double> ends(flows.size(), kNone);
  for (std::size_t i = 0; i < flows.size(); ++i) left[i] = flows[i].bytes;
  std::vector<double> highest(flows.size(), 0.0);
  std::vector<double> lowest(flows.size(), kNone);
  double now = 0;
  while (true) {
    std::vector<std::size_t> active;
    std::vector<OracleFlow> demands;
    double next = kNone;  // arrival
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (flows[i].start_s > now) {
        next = std::min(next, flows[i].start_s);
      } else if (ends[i] == kNone) {
        active.push_back(i);
        demands.push_back(flows[i]);
      }
    }
    if (active.empty() && next == kNone) break;
    const std::vector<double> rates = fill(demands, capacity);
    std::size_t first = active.size();
    for (std::size_t k = 0; k < active.size(); ++k) {
      highest[active[k]] = std::max(highest[active[k]], rates[k]);
      lowest[active[k]] = std::min(lowest[active[k]], rates[k]);
      const double end = now + left[active[k]] / rates[k];
      if (end <= next) {
        next = end;
        first = k;
      }
    }
    for (std::size_t k = 0; k < active.size(); ++k) left[active[k]] -= rates[k] * (next - now);
    now = next;
    if (first != active.size()) ends[active[first]] = now;
  }
  if (swing) {
    *swing = 1;
    for (std::size_t i = 0; i < flows.size(); ++i) {
      *swing = std::max(*swing, highest[i] / lowest[i]);
    }
  }
  return ends;
}

}  // namespace polyclinic::oracle
