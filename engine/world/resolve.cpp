#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/plain_text.hpp"
#include "fed/async_server.hpp"
#include "fed/compression/wire.hpp"
#include "fed/gossip.hpp"
#include "fed/hierarchy.hpp"
#include "fed/parts.hpp"
#include "fed/secure_rule.hpp"
#include "fed/stragglers.hpp"
#include "fed/told_losses.hpp"
#include "fed/turns.hpp"
#include "world/catalogue.hpp"
#include "world/world_spec.hpp"

namespace polyclinic {

namespace {

// Fields that a strategy may define itself by.
constexpr std::array kStrategyFields{"selection", "objective", "aggregation",
                                     "server",    "protocol",  "personal"};
// Fields of the world that `strategy.x { rounds = 30 }` is accepted as a shorthand for.
constexpr std::array kShorthands{"rounds", "participants", "deadline"};

class Resolver {
 public:
  explicit Resolver(Part scenario) : scenario_(std::move(scenario)) {}

  Part resolve() {
    const Part* strategy = scenario_.part("strategy");
    const Part strategy_copy = strategy ? *strategy : Part{};
    if (strategy) take_shorthands(strategy_copy);
    take_composition(strategy_copy);
    check_selection();
    fill_defaults();
    check_baselines();
    check_times();
    check_title();
    check_secure_sums();
    check_compression();
    check_protocol();
    check_told_losses();
    if (!mistakes_.empty()) throw ScenarioError(std::move(mistakes_));
    return std::move(scenario_);
  }

 private:
  void set(std::string_view field, Value value, bool given) {
    const auto it = std::find_if(scenario_.fields.begin(), scenario_.fields.end(),
                                 [&](const FieldValue& f) { return f.name == field; });
    ENSURE(it != scenario_.fields.end(), "a resolved scenario has every field of its schema");
    it->value = std::move(value);
    it->given = it->given || given;
  }

  void take_shorthands(const Part& strategy) {
    for (const char* field : kShorthands) {
      const Value* value = strategy.find(field);
      if (!value) continue;
      if (scenario_.given(field)) {
        mistakes_.push_back(
            {scenario_.where_of(field),
             fmt::format("'{}' is given twice: here and in strategy.{}", field, strategy.name),
             fmt::format("keep one of them; '{}' belongs to the scenario", field)});
      } else {
        set(field, *value, true);
      }
    }
  }

  void take_composition(const Part& strategy) {
    const Part* composition =
        strategy.kind == "composition" ? &strategy : strategy.part("composition");
    if (!composition) return;
    const std::string name =
        strategy.kind == "composition" ? "compose" : "strategy." + strategy.name;
    for (const char* field : kStrategyFields) {
      const Value* value = composition->find(field);
      if (!value || !composition->given(field)) continue;
      if (scenario_.given(field)) {
        mistakes_.push_back(
            {scenario_.where_of(field),
             fmt::format("'{}' cannot be given beside {}, which defines itself by it ({})", field,
                         name, to_text(*value)),
             fmt::format("leave out '{}', or leave out the strategy and give its parts by "
                         "themselves",
                         field)});
      } else {
        set(field, *value, true);
      }
    }
  }

  void check_selection() {
    if (scenario_.find("selection") && scenario_.given("participants")) {
      mistakes_.push_back({scenario_.where_of("participants"),
                           "'participants' and 'selection' both say who is invited to a round",
                           "keep one of them"});
    }
  }

  void fill(std::string_view field, std::string_view kind, std::string_view name) {
    if (scenario_.find(field)) return;
    const Schema* schema = catalogue_.find(kind, name);
    ENSURE(schema != nullptr, "defaults name things that exist");
    std::vector<Mistake> none;
    Part part = schema->resolve({}, scenario_.where, none);
    ENSURE(none.empty(), "a default part is valid");
    set(field, Value(std::move(part)), false);
  }

  void fill_defaults() {
    fill("hospitals", "hospitals", "");
    fill("network", "network", "star");
    fill("model", "model", "logistic");
    fill("training", "training", "sgd");
    fill("aggregation", "aggregation", "mean");
    fill("server", "server", "sgd");
    fill("protocol", "protocol", "sync");
    fill("measure", "measure", "");
    if (!scenario_.find("rounds")) set("rounds", Value(std::int64_t{30}), false);
    // without common rounds slow hospitals are waited for unless the scenario says otherwise
    if (!scenario_.find("deadline") && !is_asynchronous(*scenario_.part("protocol"))) {
      const double half_hour = 30.0 * 60.0 * 1e9;
      set("deadline", Value(Quantity{half_hour, Dimension::time}), false);
    }
  }

  void check_baselines() {
    const Value* baselines = scenario_.find("baselines");
    const List* list = baselines ? baselines->get_if<List>() : nullptr;
    if (!list) return;
    for (std::size_t i = 0; i < list->size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if ((*list)[i].part()->name != (*list)[j].part()->name) continue;
        mistakes_.push_back({(*list)[i].part()->where,
                             fmt::format("baseline.{} is named twice", (*list)[i].part()->name),
                             "name each baseline once"});
      }
    }
  }

  void check_time(const Part& part, std::string_view field) {
    const Value* value = part.find(field);
    const Quantity* time = value ? value->get_if<Quantity>() : nullptr;
    if (!time || time->value <= static_cast<double>(kTimeMax.ns)) return;
    mistakes_.push_back({part.where_of(field),
                         fmt::format("'{}' is {}: longer than 100 years", field, to_text(*time)),
                         "is the unit right? none stands for no limit"});
  }

  void check_secure_sums() {
    const Part* secure = scenario_.part("secure");
    if (secure == nullptr) return;
    for (Mistake& mistake :
         secure_conflicts(*secure, *scenario_.part("aggregation"), scenario_.part("objective"),
                          scenario_.part("privacy"))) {
      mistakes_.push_back(std::move(mistake));
    }
  }

  void check_told_losses() {
    for (Mistake& mistake : told_loss_conflicts(
             *scenario_.part("aggregation"), scenario_.part("objective"),
             *scenario_.part("protocol"), scenario_.part("secure"), scenario_.part("privacy"))) {
      mistakes_.push_back(std::move(mistake));
    }
    const Part* selection = scenario_.part("selection");
    if (selection == nullptr) return;
    for (const char* field : {"wait", "pace"}) check_time(*selection, field);
    for (Mistake& mistake :
         selection_conflicts(*selection, *scenario_.part("protocol"), scenario_.part("secure"),
                             scenario_.part("privacy"))) {
      mistakes_.push_back(std::move(mistake));
    }
  }

  void check_compression() {
    const Part* compression = scenario_.part("compression");
    if (compression == nullptr) return;
    for (Mistake& mistake :
         compression_conflicts(*compression, scenario_.part("secure"), scenario_.part("privacy"))) {
      mistakes_.push_back(std::move(mistake));
    }
  }

  void check_protocol() {
    const Part& protocol = *scenario_.part("protocol");
    const auto add = [&](std::vector<Mistake> some) {
      for (Mistake& mistake : some) mistakes_.push_back(std::move(mistake));
    };
    if (protocol.name == "gossip") add(gossip_conflicts(scenario_));
    if (protocol.name == "cyclic") add(cyclic_conflicts(scenario_));
    if (protocol.name == "swarm") add(swarm_conflicts(scenario_));
    add(straggler_conflicts(scenario_));
    add(early_stopping_conflicts(scenario_));
    if (protocol.name != "hierarchical") return;
    check_time(protocol, "global_deadline");
    for (Mistake& mistake :
         hierarchy_conflicts(protocol, *scenario_.part("aggregation"), scenario_.part("objective"),
                             scenario_.part("secure"), scenario_.part("compression"))) {
      mistakes_.push_back(std::move(mistake));
    }
  }

  // it heads tables
  void check_title() {
    const Value* title = scenario_.find("title");
    if (title == nullptr || is_plain(title->as<std::string>())) return;
    mistakes_.push_back({scenario_.where_of("title"),
                         not_plain("'title'", title->as<std::string>()), "write it on one line"});
  }

  // no simulated time exceeds 100 years
  void check_times() {
    check_time(scenario_, "deadline");
    for (const char* field : {"pause", "every", "rest"}) {
      check_time(*scenario_.part("protocol"), field);
    }
    if (const Part* stop = scenario_.part("stop")) check_time(*stop, "after");
  }

  Catalogue catalogue_;
  Part scenario_;
  std::vector<Mistake> mistakes_;
};

}  // namespace

std::uint64_t WorldSpec::hash() const {
  Hasher hasher;
  hash_part(hasher, scenario);
  hasher.word(seed);
  hasher.word(replication);
  for (const std::string& name : absent) hasher.text(name);
  return hasher.value();
}

WorldSpec resolve_world(Part scenario, std::string file) {
  WorldSpec spec;
  spec.seed = static_cast<std::uint64_t>(scenario.integer("seed"));
  spec.scenario = Resolver(std::move(scenario)).resolve();
  spec.file = std::move(file);
  return spec;
}

}  // namespace polyclinic
