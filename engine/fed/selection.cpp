#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "fed/parts.hpp"

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
  explicit SelectUniform(const Part& part) {
    const Value& count = part.at("count");
    if (const auto* share = count.get_if<Quantity>())
      share_ = share->value;
    else
      count_ = part.integer("count");
  }

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    const auto n = static_cast<std::int64_t>(candidates.size());
    const std::int64_t wanted = count_ > 0 ? count_ : std::llround(share_ * static_cast<double>(n));
    const std::int64_t k = std::clamp<std::int64_t>(wanted, std::min<std::int64_t>(1, n), n);
    Stream stream(run, Purpose::kSelection, 0, static_cast<std::uint64_t>(round));
    std::vector<HospitalId> chosen;
    chosen.reserve(static_cast<std::size_t>(k));
    for (std::int32_t i :
         draw::sample(stream, static_cast<std::int32_t>(n), static_cast<std::int32_t>(k))) {
      chosen.push_back(candidates[static_cast<std::size_t>(i)]);
    }
    return chosen;
  }

 private:
  std::int64_t count_ = 0;
  double share_ = 0;
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
  SelectCustom(FunctionRef choose, PartFunctions* functions, NameOf name_of)
      : function_(std::move(choose)), functions_(functions), name_of_(std::move(name_of)) {
    ENSURE(functions_ != nullptr, "a scenario with functions has somebody to call them");
  }

  std::vector<HospitalId> choose(std::span<const HospitalId> candidates, RunKey run,
                                 std::int64_t round) override {
    Stream stream(run, Purpose::kLuaCallback, 0, static_cast<std::uint64_t>(round));
    std::vector<std::string> names;
    names.reserve(candidates.size());
    for (HospitalId id : candidates) names.push_back(name_of_(id));
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
  NameOf name_of_;
};

}  // namespace

std::unique_ptr<Selection> make_selection(const Part& part, PartFunctions* functions,
                                          NameOf name_of) {
  if (part.name == "all") return std::make_unique<SelectAll>();
  if (part.name == "uniform") return std::make_unique<SelectUniform>(part);
  if (part.name == "poisson") return std::make_unique<SelectPoisson>(part.number("rate"));
  ENSURE(part.name == "custom", "schemas name only selections that exist");
  return std::make_unique<SelectCustom>(part.at("choose").as<FunctionRef>(), functions,
                                        std::move(name_of));
}

}  // namespace polyclinic
