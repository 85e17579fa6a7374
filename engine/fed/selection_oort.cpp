#include "fed/selection_oort.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/math.hpp"
#include "fed/selection_draws.hpp"

namespace polyclinic {

namespace {

constexpr double kClip = 0.95;         // utilities count up to this quantile of all (section 4.4)
constexpr double kUncertainty = 0.1;   // Algorithm 1, line 12
constexpr std::uint64_t kExploit = 5;  // lanes of the round's draws
constexpr std::uint64_t kExplore = 6;

class Oort final : public Selection {
 public:
  Oort(const Part& part, SelectionFacts facts)
      : count_(part),
        facts_(std::move(facts)),
        exploration_(part.number("exploration")),
        decay_(part.number("decay")),
        exploration_least_(part.number("exploration_least")),
        penalty_(part.number("penalty")),
        cutoff_(part.number("cutoff")),
        window_(part.integer("window")),
        pace_s_(part.time("pace").seconds()),
        preferred_s_(pace_s_) {}

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    const std::size_t k = count_.of(candidates.size());
    std::vector<Weighted> known = utilities(candidates, round);
    std::vector<Weighted> unknown;
    for (const HospitalId id : candidates) {
      if (!explored_.contains(id)) unknown.push_back({id, facts_.speed_flops(id)});
    }
    // floor((1 - epsilon) k) of those that are known, unless the others are too few or too many
    const double share = (1 - epsilon(round)) * static_cast<double>(k);
    std::size_t exploit = std::min(static_cast<std::size_t>(share + 1e-9), known.size());
    const std::size_t explore = std::min(k - exploit, unknown.size());
    exploit = std::min(k - explore, known.size());

    std::vector<HospitalId> chosen = exploited(std::move(known), exploit, run, round);
    for (const HospitalId id : draw_weighted(unknown, explore, run, round, kExplore)) {
      chosen.push_back(id);
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }

  [[nodiscard]] bool learns() const override { return true; }

  // The statistical utility of a hospital's rows B (section 4.2):
  //   U(i) = |B| sqrt(1/|B| sum over k in B of Loss(k)^2)
  void learn(std::span<const Reply> replies, std::int64_t round) override {
    double sum = 0;
    for (const Reply& reply : replies) {
      const double utility = static_cast<double>(reply.rows) * reply.root_loss;
      if (!std::isfinite(utility)) continue;
      explored_[reply.hospital] = {utility, reply.duration_s, round + 1};
      sum += utility;
    }
    achieved_.push_back(sum);
    pace();
  }

 private:
  struct Known {
    double utility = 0;
    double duration_s = 0;  // D(i), of its last reply
    std::int64_t last = 1;  // L(i): the round of it, from 1
  };

  [[nodiscard]] double epsilon(std::int64_t round) const {
    return std::max(exploration_least_,
                    exploration_ * math::pow(decay_, static_cast<double>(round)));
  }

  // The pacer: where the last W rounds achieved less than the W before, slower hospitals may come,
  // too (Algorithm 1, lines 7 to 9). Looked at every W rounds, each window once.
  void pace() {
    const auto rounds = static_cast<std::int64_t>(achieved_.size());
    if (rounds < 2 * window_ || rounds % window_ != 0) return;
    double before = 0;
    double now = 0;
    for (std::int64_t r = rounds - 2 * window_; r < rounds; ++r) {
      (r < rounds - window_ ? before : now) += achieved_[static_cast<std::size_t>(r)];
    }
    if (before > now) preferred_s_ += pace_s_;
  }

  // Util(i) = (U(i) + sqrt(0.1 log R / L(i))) (T / D(i))^(alpha where T < D(i))
  // (Algorithm 1, lines 10 to 15), U held to its 95th percentile and brought to 0..1 as the
  // authors' program does: without, the uncertainty would weigh more or less with the size of
  // hospitals.
  [[nodiscard]] std::vector<Weighted> utilities(std::span<const HospitalId> candidates,
                                                std::int64_t round) const {
    std::vector<double> sorted;
    for (const HospitalId id : candidates) {
      if (const auto it = explored_.find(id); it != explored_.end()) {
        sorted.push_back(it->second.utility);
      }
    }
    std::vector<Weighted> found;
    if (sorted.empty()) return found;
    std::sort(sorted.begin(), sorted.end());
    const auto rank = static_cast<std::size_t>(kClip * static_cast<double>(sorted.size()));
    const double most = sorted[std::min(rank, sorted.size() - 1)];
    const double least = sorted.front();
    const double log_round = math::log(static_cast<double>(round + 1));
    for (const HospitalId id : candidates) {
      const auto it = explored_.find(id);
      if (it == explored_.end()) continue;
      const Known& known = it->second;
      const double scaled =
          most > least ? (std::min(known.utility, most) - least) / (most - least) : 1.0;
      double utility =
          scaled + std::sqrt(kUncertainty * log_round / static_cast<double>(known.last));
      if (preferred_s_ < known.duration_s) {
        utility *= math::pow(preferred_s_ / known.duration_s, penalty_);
      }
      found.push_back({id, utility});
    }
    return found;
  }

  // Those whose utility is at least c times the k-th largest, and k of them in proportion to it
  // (Algorithm 1, lines 16 to 18).
  [[nodiscard]] std::vector<HospitalId> exploited(std::vector<Weighted> known, std::size_t k,
                                                  RunKey run, std::int64_t round) const {
    if (k == 0) return {};
    std::stable_sort(known.begin(), known.end(),
                     [](const Weighted& a, const Weighted& b) { return a.weight > b.weight; });
    const double least = cutoff_ * known[k - 1].weight;
    std::vector<Weighted> admitted;
    for (const Weighted& one : known) {
      if (one.weight >= least) admitted.push_back(one);
    }
    std::vector<HospitalId> chosen = draw_weighted(admitted, k, run, round, kExploit);
    // some have no weight: the first of them fill the places
    for (const Weighted& one : admitted) {
      if (chosen.size() < k && !(one.weight > 0)) chosen.push_back(one.hospital);
    }
    return chosen;
  }

  SelectionCount count_;
  SelectionFacts facts_;
  double exploration_;
  double decay_;
  double exploration_least_;
  double penalty_;
  double cutoff_;
  std::int64_t window_;
  double pace_s_;
  double preferred_s_;                    // T
  std::map<HospitalId, Known> explored_;  // those that replied
  std::vector<double> achieved_;          // utility of those that replied, of each round
};

}  // namespace

std::unique_ptr<Selection> make_oort(const Part& part, SelectionFacts facts) {
  return std::make_unique<Oort>(part, std::move(facts));
}

}  // namespace polyclinic
