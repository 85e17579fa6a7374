#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "fed/parts.hpp"
#include "fed/selection_draws.hpp"
#include "fed/selection_oort.hpp"

namespace polyclinic {

namespace {

class SelectAll final : public Selection {
 public:
  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey,
                                 std::int64_t) override {
    return {candidates.begin(), candidates.end()};
  }
};

// Drawn without replacement at the round's own address.
class SelectUniform final : public Selection {
 public:
  explicit SelectUniform(const Part& part) : count_(part) {}

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    const auto n = static_cast<std::int32_t>(candidates.size());
    const auto k = static_cast<std::int32_t>(count_.of(candidates.size()));
    Stream stream(run, Purpose::kSelection, 0, static_cast<std::uint64_t>(round));
    std::vector<HospitalId> chosen;
    chosen.reserve(static_cast<std::size_t>(k));
    for (std::int32_t i : draw::sample(stream, n, k)) {
      chosen.push_back(candidates[static_cast<std::size_t>(i)]);
    }
    return chosen;
  }

 private:
  SelectionCount count_;
};

// Every hospital decides at an address of its own: adding one changes nobody else's draw.
class SelectPoisson final : public Selection {
 public:
  explicit SelectPoisson(double rate) : rate_(rate) {}

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    std::vector<HospitalId> chosen;
    for (HospitalId id : candidates) {
      Stream stream(run, Purpose::kSelection, id.value + 1ULL, static_cast<std::uint64_t>(round));
      if (stream.uniform() < rate_) chosen.push_back(id);
    }
    return chosen;
  }

 private:
  double rate_;
};

class SelectCustom final : public Selection {
 public:
  SelectCustom(FunctionRef choose, PartFunctions* functions, SelectionFacts facts)
      : function_(std::move(choose)), functions_(functions), facts_(std::move(facts)) {
    ENSURE(functions_ != nullptr, "a scenario with functions has somebody to call them");
  }

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    Stream stream(run, Purpose::kLuaCallback, 0, static_cast<std::uint64_t>(round));
    std::vector<std::string> names;
    names.reserve(candidates.size());
    for (HospitalId id : candidates) names.push_back(facts_.name(id));
    std::vector<HospitalId> chosen;
    for (std::int32_t i : functions_->select(function_, names, round + 1, stream.next_u64())) {
      if (i < 0 || i >= static_cast<std::int32_t>(candidates.size())) {
        throw RunError(function_.where, fmt::format("the selection named hospital {}", i + 1),
                       fmt::format("return indices from 1 to {}", candidates.size()));
      }
      chosen.push_back(candidates[static_cast<std::size_t>(i)]);
    }
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    return chosen;
  }

 private:
  FunctionRef function_;
  PartFunctions* functions_;
  SelectionFacts facts_;
};

// In proportion to training rows: one without is never drawn.
std::vector<HospitalId> by_size(std::span<const HospitalId> candidates, std::size_t k,
                                const SelectionFacts& facts, RunKey run, std::int64_t round) {
  std::vector<Weighted> sizes;
  sizes.reserve(candidates.size());
  for (const HospitalId id : candidates) {
    sizes.push_back({id, static_cast<double>(facts.train_rows(id))});
  }
  return draw_weighted(sizes, k, run, round, 2);
}

class SelectWeighted final : public Selection {
 public:
  SelectWeighted(const Part& part, SelectionFacts facts) : count_(part), facts_(std::move(facts)) {}

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    return by_size(candidates, count_.of(candidates.size()), facts_, run, round);
  }

 private:
  SelectionCount count_;
  SelectionFacts facts_;
};

// One after the other in a circle: nobody waits longer than the others.
class SelectRoundRobin final : public Selection {
 public:
  explicit SelectRoundRobin(const Part& part) : count_(part) {}

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey /*run*/,
                                 std::int64_t round) override {
    const std::size_t n = candidates.size();
    const std::size_t k = count_.of(n);
    std::vector<HospitalId> chosen;
    for (std::size_t i = 0; i < k; ++i) {
      chosen.push_back(candidates[(static_cast<std::size_t>(round) * k + i) % n]);
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }

 private:
  SelectionCount count_;
};

// Those who will probably answer: of each hospital one draw of the probability that it does, from
// what is known of it (Beta(1 + replies, 1 + invitations without one)); the k largest. Who was
// asked little is tried again by chance (Thompson 1933).
class SelectReliable final : public Selection {
 public:
  SelectReliable(const Part& part, SelectionFacts facts) : count_(part), facts_(std::move(facts)) {}

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    std::vector<std::pair<double, HospitalId>> keys;
    for (const HospitalId id : candidates) {
      const SelectionFacts::Past past = facts_.past(id);
      Stream stream(run, Purpose::kSelection, id.value + 1ULL, static_cast<std::uint64_t>(round),
                    3);
      const auto replies = static_cast<double>(past.replies);
      const auto misses = static_cast<double>(past.invitations - past.replies);
      keys.emplace_back(-draw::beta(stream, 1 + replies, 1 + misses), id);
    }
    return smallest(std::move(keys), count_.of(candidates.size()));
  }

 private:
  SelectionCount count_;
  SelectionFacts facts_;
};

// Power-of-choice (Cho, Wang, Joshi 2022, Towards Understanding Biased Client Selection in
// Federated Learning, section 3, pi_pow-d): d candidates, drawn without replacement in proportion
// to their rows, say how large the loss F_k(w) of the model is; the m largest train, ties broken at
// random.
class PowerOfChoice final : public Selection {
 public:
  PowerOfChoice(const Part& part, SelectionFacts facts)
      : count_(part), asked_(part.integer("candidates")), facts_(std::move(facts)) {}

  std::vector<HospitalId> polled(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    // a share of all may be more than are asked
    const std::size_t asked = std::max(static_cast<std::size_t>(asked_), most(candidates));
    return by_size(candidates, asked, facts_, run, round);
  }
  std::vector<HospitalId> choose_by_loss(std::span<const Answer> answers,
                                         std::span<const HospitalId> candidates, RunKey run,
                                         std::int64_t round) override {
    // in a random order first, which those of equal losses keep
    std::vector<std::pair<std::pair<double, double>, HospitalId>> keys;
    for (const Answer& answer : answers) {
      const HospitalId id = answer.hospital;
      Stream stream(run, Purpose::kSelection, id.value + 1ULL, static_cast<std::uint64_t>(round),
                    4);
      keys.push_back({{-answer.loss, stream.uniform()}, id});
    }
    std::sort(keys.begin(), keys.end());
    keys.resize(std::min(keys.size(), most(candidates)));
    std::vector<HospitalId> chosen;
    chosen.reserve(keys.size());
    for (const auto& [key, id] : keys) chosen.push_back(id);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }
  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    // nobody has rows to be asked about: nobody is invited
    return by_size(candidates, most(candidates), facts_, run, round);
  }

 private:
  [[nodiscard]] std::size_t most(std::span<const HospitalId> candidates) const {
    return count_.of(candidates.size());
  }

  SelectionCount count_;
  std::int64_t asked_;
  SelectionFacts facts_;
};

}  // namespace

std::unique_ptr<Selection> make_selection(const Part& part, PartFunctions* functions,
                                          SelectionFacts facts) {
  if (part.name == "all") return std::make_unique<SelectAll>();
  if (part.name == "uniform") return std::make_unique<SelectUniform>(part);
  if (part.name == "poisson") return std::make_unique<SelectPoisson>(part.number("rate"));
  if (part.name == "round_robin") return std::make_unique<SelectRoundRobin>(part);
  if (part.name == "weighted") return std::make_unique<SelectWeighted>(part, std::move(facts));
  if (part.name == "reliable") return std::make_unique<SelectReliable>(part, std::move(facts));
  if (part.name == "power_of_choice") {
    return std::make_unique<PowerOfChoice>(part, std::move(facts));
  }
  if (part.name == "oort") return make_oort(part, std::move(facts));
  ENSURE(part.name == "custom", "schemas name only selections that exist");
  return std::make_unique<SelectCustom>(part.at("choose").as<FunctionRef>(), functions,
                                        std::move(facts));
}

std::vector<Mistake> selection_conflicts(const Part& selection, const Part& protocol,
                                         const Part* secure, const Part* privacy) {
  std::vector<Mistake> mistakes;
  const auto refuse = [&](const Part* part, const char* why, const char* instead) {
    if (part == nullptr) return;
    mistakes.push_back({selection.where,
                        fmt::format("selection.{} and {}.{} exclude each other: {}", selection.name,
                                    part->kind, part->name, why),
                        instead});
  };
  const bool polls = selection.name == "power_of_choice";
  const bool by_loss = polls || selection.name == "oort";
  if (by_loss) {
    const char* const blind = "a selection that hears no losses, for example selection.round_robin";
    refuse(privacy,
           "the losses that hospitals tell are made of their patients' rows, without noise", blind);
    refuse(secure, "the server would learn each hospital's loss, whose update it must not see",
           blind);
    refuse(protocol.name == "hierarchical" ? &protocol : nullptr,
           "regional aggregators do not hear losses", "use protocol.sync, or another selection");
  } else if (privacy != nullptr &&
             (privacy->name == "hospital" || privacy->name == "distributed") &&
             (selection.name == "weighted" || selection.name == "reliable")) {
    refuse(privacy,
           "who is invited depends on what a hospital holds or does, and the guarantee counts only "
           "what its update shows",
           "use selection.all, selection.uniform, selection.round_robin or, where it is allowed, "
           "selection.poisson");
  }
  const Value* count = selection.find("count");
  if (polls && count->integer() && *count->integer() > selection.integer("candidates")) {
    mistakes.push_back({selection.where_of("candidates"),
                        fmt::format("{} of {} candidates cannot train", *count->integer(),
                                    selection.integer("candidates")),
                        "ask at least as many as are to train"});
  }
  return mistakes;
}

}  // namespace polyclinic
