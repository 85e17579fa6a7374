#include "fed/gossip.hpp"

#include <fmt/format.h>

#include "base/check.hpp"

namespace polyclinic {

namespace {

GraphKind graph_kind(const std::string& name) {
  if (name == "ring") return GraphKind::ring;
  if (name == "complete") return GraphKind::complete;
  if (name == "regular") return GraphKind::regular;
  if (name == "matching") return GraphKind::matching;
  ENSURE(name == "exponential", "the schema knows no other graph");
  return GraphKind::exponential;
}

}  // namespace

GossipOptions gossip_options(const Part& part, std::int64_t rounds, TimeNs deadline) {
  GossipOptions options;
  options.rounds = rounds;
  options.deadline = deadline;
  options.pause = part.time("pause");
  options.control_bytes = static_cast<std::int64_t>(part.quantity("control"));
  options.graph.kind = graph_kind(part.text("graph"));
  if (part.find("degree")) options.graph.degree = static_cast<std::int32_t>(part.integer("degree"));
  options.push_sum = part.text("exchange") == "push_sum";
  return options;
}

std::vector<Mistake> no_server_conflicts(const Part& scenario, const std::string& instead,
                                         const std::string& pull) {
  const Part& protocol = *scenario.part("protocol");
  std::vector<Mistake> mistakes;
  const auto refuse = [&](std::string_view field, const std::string& why, std::string hint) {
    mistakes.push_back({scenario.where_of(field),
                        fmt::format("protocol.{} has no server: {}", protocol.name, why),
                        std::move(hint)});
  };
  if (scenario.given("aggregation")) {
    refuse("aggregation", "nobody aggregates the updates of all", instead);
  }
  if (scenario.given("server")) {
    refuse("server", "nobody takes a step with an aggregate", "leave out 'server'");
  }
  if (scenario.part("secure") != nullptr) {
    refuse("secure", "there is no sum that one could learn instead of the updates",
           "leave out 'secure', or use protocol.sync");
  }
  if (scenario.part("compression") != nullptr) {
    refuse("compression",
           "what is compressed is the difference to a version that both ends have, and two "
           "neighbours have none",
           "leave out 'compression'");
  }
  if (scenario.part("attacks") != nullptr || !scenario.list("attacks").empty()) {
    refuse("attacks",
           "attacks are on the sum of updates that one makes, and what an attacker would tell "
           "each neighbour is not said",
           "leave out 'attacks', or use protocol.sync");
  }
  if (const Part* privacy = scenario.part("privacy");
      privacy != nullptr && (privacy->name == "hospital" || privacy->name == "distributed")) {
    refuse(
        "privacy",
        fmt::format("privacy.{} noises the sum of all updates, which nobody makes", privacy->name),
        "privacy.record, privacy.patient and privacy.local_dp noise what each hospital learns");
  }
  const Part* objective = scenario.part("objective");
  if (objective != nullptr &&
      (objective->name == "control_variates" || objective->name == "dynamic")) {
    refuse("objective",
           fmt::format("nobody keeps the mean that objective.{} needs", objective->name), pull);
  }
  const Value* participants = scenario.find("participants");
  const Part* selection = scenario.part("selection");
  const bool chosen = selection != nullptr && selection->name != "all";
  if (chosen || (participants != nullptr && participants->get_if<All>() == nullptr)) {
    refuse(chosen ? "selection" : "participants",
           "nobody invites; every hospital takes part in every round in which it can",
           "leave it out, or say participants = all");
  }
  return mistakes;
}

std::vector<Mistake> gossip_conflicts(const Part& scenario) {
  const Part& protocol = *scenario.part("protocol");
  std::vector<Mistake> mistakes = no_server_conflicts(
      scenario, "graph and exchange say how models are mixed; leave out 'aggregation'",
      "objective.proximal pulls to a hospital's own last model");
  if (scenario.part("personal") != nullptr) {
    mistakes.push_back({scenario.where_of("personal"),
                        "protocol.gossip has no server: every hospital has a model of its own "
                        "already, and is scored with it",
                        "leave out 'personal'"});
  }
  const std::string& graph = protocol.text("graph");
  if (graph == "exponential" && protocol.text("exchange") != "push_sum") {
    mistakes.push_back({protocol.where_of("graph"),
                        "graph = \"exponential\" sends one way, and averages need both",
                        "say exchange = \"push_sum\", or take another graph"});
  }
  if (protocol.given("degree") && graph != "regular") {
    mistakes.push_back({protocol.where_of("degree"),
                        fmt::format("degree is of graph = \"regular\", not of \"{}\"", graph),
                        "leave out one of the two"});
  }
  return mistakes;
}

Schema gossip_schema(std::vector<Field> common) {
  Schema schema{
      .kind = "protocol",
      .name = "gossip",
      .doc =
          "No server: every hospital has a model of its own, trains it, sends it to its "
          "neighbours and mixes what it gets. Rounds open for all at once; deadline is that of "
          "a round, from training to the last message. Hospitals are scored with their own "
          "models; versions, model.npz and external hospitals have the mean of all, which "
          "nobody holds.",
      .paper =
          "Lian et al. 2017, Can Decentralized Algorithms Outperform Centralized Algorithms?, "
          "Algorithm 1 (average); Assran et al. 2019, Stochastic Gradient Push for Distributed "
          "Deep Learning, Algorithm 1 (push_sum)",
      .fields = {{"graph", type::choice({"ring", "complete", "regular", "matching", "exponential"}),
                  "ring",
                  "who are neighbours: each and the next, all, degree others drawn once, one other "
                  "drawn anew in each round, or the one 1, 2, 4, ... places on"},
                 {"degree",
                  type::integer().between(1, 10'000),
                  {},
                  "neighbours of each, of a regular graph",
                  false,
                  "4"},
                 {"exchange", type::choice({"average", "push_sum"}), "average",
                  "average: two neighbours mix when each has the other's model (Metropolis "
                  "weights); push_sum: a share is sent away with its weight, and kept when it does "
                  "not arrive"}},
      .example = "protocol = protocol.gossip { graph = \"regular\", degree = 4 }"};
  for (Field& field : common) {
    if (field.name == "pause" || field.name == "control") schema.fields.push_back(std::move(field));
  }
  return schema;
}

}  // namespace polyclinic
