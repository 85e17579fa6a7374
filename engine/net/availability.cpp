#include "net/availability.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "net/availability_kinds.hpp"

namespace polyclinic {

namespace {

class Always final : public Availability {
 public:
  [[nodiscard]] bool up_at(TimeNs) override { return true; }
  [[nodiscard]] TimeNs next_change(TimeNs) override { return kNever; }
};

// Up when all are.
class AllUp final : public Availability {
 public:
  explicit AllUp(std::vector<std::unique_ptr<Availability>> parts) : parts_(std::move(parts)) {}
  [[nodiscard]] bool up_at(TimeNs time) override {
    return std::all_of(parts_.begin(), parts_.end(),
                       [&](const auto& part) { return part->up_at(time); });
  }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    const bool now = up_at(time);
    while (time <= kTimeMax) {
      TimeNs next = kNever;
      for (const auto& part : parts_) {
        // while it is down, a part that is up cannot bring it up
        if (!now && part->up_at(time)) continue;
        next = std::min(next, part->next_change(time));
      }
      if (next == kNever || up_at(next) != now) return next;
      time = next;
    }
    return kNever;
  }

 private:
  std::vector<std::unique_ptr<Availability>> parts_;
};

// Sources of outages of one hospital draw from lanes of their own: a block of lanes for each kind,
// and in it the number among those of its kind, so that adding one of another kind changes nothing.
enum class LaneBlock : std::uint64_t { markov = 0, diurnal = 1, regional = 2 };

AvailabilityAddress address(const AvailabilityContext& context, LaneBlock block,
                            std::uint64_t number) {
  return {context.run, context.hospital.value, (static_cast<std::uint64_t>(block) << 32U) | number};
}

std::unique_ptr<Availability> make_one(const Part& part, const AvailabilityContext& context,
                                       std::uint64_t number) {
  if (part.name == "always") return std::make_unique<Always>();
  if (part.name == "markov") {
    return make_alternating(address(context, LaneBlock::markov, number), part.distribution("up"),
                            part.distribution("down"));
  }
  if (part.name == "regional_outage") {
    // the region's own address: all its hospitals see the same outages
    AvailabilityAddress regional = address(context, LaneBlock::regional, number);
    Hasher hasher;
    hasher.text(context.region);
    regional.entity = hasher.value();
    return make_alternating(regional, part.distribution("every"), part.distribution("lasts"));
  }
  if (part.name == "diurnal") {
    return make_diurnal(part, address(context, LaneBlock::diurnal, number));
  }
  if (part.name == "maintenance") return make_maintenance(part);
  ENSURE(part.name == "trace", "the schemas know no other availability");
  return make_trace(part, context);
}

}  // namespace

std::unique_ptr<Availability> make_availability(const Value* value,
                                                const AvailabilityContext& context) {
  if (!value) return std::make_unique<Always>();
  if (const Part* part = value->part()) return make_one(*part, context, 0);
  const List* list = value->get_if<List>();
  if (!list || list->empty()) return std::make_unique<Always>();
  std::map<std::string, std::uint64_t> of_kind;
  std::vector<std::unique_ptr<Availability>> parts;
  for (const Value& item : *list) {
    parts.push_back(make_one(*item.part(), context, of_kind[item.part()->name]++));
  }
  if (parts.size() == 1) return std::move(parts.front());
  return std::make_unique<AllUp>(std::move(parts));
}

}  // namespace polyclinic
