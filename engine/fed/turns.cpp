#include "fed/turns.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "fed/compression/wire.hpp"
#include "fed/gossip.hpp"

namespace polyclinic {

CyclicOptions cyclic_options(const Part& part, std::int64_t rounds, TimeNs deadline) {
  CyclicOptions options;
  options.rounds = rounds;
  options.deadline = deadline;
  options.pause = part.time("pause");
  options.control_bytes = static_cast<std::int64_t>(part.quantity("control"));
  options.shuffled = part.text("order") == "shuffled";
  return options;
}

AggregatorRule aggregator_rule(const Part& part) {
  AggregatorRule rule;
  rule.drawn = part.text("aggregator") == "drawn";
  return rule;
}

std::vector<Mistake> cyclic_conflicts(const Part& scenario) {
  return no_server_conflicts(scenario, "leave out 'aggregation'",
                             "objective.proximal pulls to the model that a hospital was sent");
}

std::vector<Mistake> swarm_conflicts(const Part& scenario) {
  std::vector<Mistake> mistakes;
  const auto refuse = [&](const Part& part, const std::string& why, std::string hint) {
    mistakes.push_back(
        {part.where,
         fmt::format("protocol.swarm and {}.{} exclude each other: {}", part.kind, part.name, why),
         std::move(hint)});
  };
  const std::string memory = "and another hospital aggregates in the next round";
  if (const Part* rule = scenario.part("aggregation")) {
    if (rule->name == "centered_clipping" || rule->name == "foolsgold" || rule->name == "custom") {
      refuse(*rule, fmt::format("it remembers what came in earlier rounds, {}", memory),
             "use a rule that looks at one round, or protocol.sync");
    }
  }
  if (const Part* server = scenario.part("server")) {
    if (server->name != "sgd" || server->number("momentum") > 0) {
      refuse(*server, fmt::format("it keeps moments from round to round, {}", memory),
             "server.sgd without momentum has none");
    }
  }
  if (const Part* secure = scenario.part("secure")) {
    refuse(*secure, "its phases are between the hospitals and one server",
           "leave out one of the two");
  }
  if (const Part* compression = scenario.part("compression");
      compression_down(compression) != nullptr) {
    mistakes.push_back({compression->where,
                        "protocol.swarm and a compression of models exclude each other: a model "
                        "that comes down is told as the difference to the one before, and another "
                        "hospital told that",
                        "compress updates alone: compression.top_k {} and the like"});
  }
  if (const Part* privacy = scenario.part("privacy");
      privacy != nullptr && (privacy->name == "hospital" || privacy->name == "distributed")) {
    refuse(*privacy, "who noises the sum is a hospital, and knows the noise",
           "privacy.record, privacy.patient and privacy.local_dp noise what each hospital learns");
  }
  const Part* objective = scenario.part("objective");
  if (objective != nullptr &&
      (objective->name == "control_variates" || objective->name == "dynamic")) {
    refuse(*objective, fmt::format("a server keeps its control vector, {}", memory),
           "objective.proximal needs none");
  }
  if (const Part* selection = scenario.part("selection");
      selection != nullptr && (selection->name == "power_of_choice" || selection->name == "oort")) {
    refuse(*selection, fmt::format("it hears and remembers losses, {}", memory),
           "a selection that hears no losses, for example selection.round_robin");
  }
  return mistakes;
}

namespace {

void append(Schema& schema, const std::vector<Field>& common,
            std::initializer_list<const char*> names) {
  for (const Field& field : common) {
    for (const char* name : names) {
      if (field.name == name) schema.fields.push_back(field);
    }
  }
}

}  // namespace

Schema cyclic_schema(const std::vector<Field>& common) {
  Schema schema{
      .kind = "protocol",
      .name = "cyclic",
      .doc =
          "One model goes from hospital to hospital, each trains it and sends it on: no server, "
          "and "
          "nobody aggregates. A round is once round all hospitals and makes a version. deadline is "
          "that of a turn, from the sending of the model to the end of the training: who has not "
          "trained by then is skipped, and the model stays with whom it was. rounds = 1 is "
          "institutional incremental learning.",
      .paper =
          "Chang et al. 2018, Distributed deep learning networks among institutions for medical "
          "imaging, cyclical weight transfer; Sheller et al. 2019, Multi-institutional Deep "
          "Learning Modeling Without Sharing Patient Data",
      .fields = {{"order", type::choice({"given", "shuffled"}), "given",
                  "whose turn is next: as hospitals are listed, or drawn anew in each round"}},
      .example = "protocol = protocol.cyclic { order = \"shuffled\" }"};
  append(schema, common, {"pause", "control"});
  return schema;
}

Schema swarm_schema(std::vector<Field> common) {
  Schema schema{
      .kind = "protocol",
      .name = "swarm",
      .doc =
          "No server: in every round another hospital gathers the updates and makes the next "
          "version, which hospitals get from it at the beginning of the next round. One that is "
          "down or cut off when its turn comes is passed over; where it goes in the middle of its "
          "round that round fails. Who aggregates sees every update of its round.",
      .paper =
          "Warnat-Herresthal et al. 2021, Swarm Learning for decentralized and confidential "
          "clinical machine learning",
      .fields = {{"aggregator", type::choice({"rotating", "drawn"}), "rotating",
                  "who aggregates: the next of the list, or one drawn in each round"}},
      .example = "protocol = protocol.swarm { aggregator = \"drawn\" }"};
  for (Field& field : common) schema.fields.push_back(std::move(field));
  return schema;
}

}  // namespace polyclinic
