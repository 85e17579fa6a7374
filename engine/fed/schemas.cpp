// What a scenario can say about the parts of a strategy.
#include "fed/aggregation/pre.hpp"
#include "fed/aggregation/robust.hpp"
#include "fed/async_server.hpp"
#include "fed/compression/compressor.hpp"
#include "fed/fair.hpp"
#include "fed/gossip.hpp"
#include "fed/hierarchy.hpp"
#include "fed/normalized.hpp"
#include "fed/parts.hpp"
#include "fed/personal.hpp"
#include "fed/schema_help.hpp"
#include "fed/secure_rule.hpp"
#include "fed/staleness.hpp"
#include "fed/stragglers.hpp"
#include "fed/turns.hpp"

namespace polyclinic {

namespace {

constexpr const char* kReddi = "Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2";

std::vector<Schema> aggregation_schemas() {
  const Field weights = aggregation::weights_field();
  const Field share = aggregation::share_field();
  return {
      Schema{.kind = "aggregation",
             .name = "mean",
             .doc = "The weighted mean of the updates.",
             .paper = "McMahan et al. 2017, Communication-Efficient Learning, Algorithm 1",
             .fields = {weights, share, aggregation::pre_field()},
             .example = "aggregation = aggregation.mean { weights = \"equal\" }"},
      normalized_schema(weights, share),
      q_fair_schema(weights, share),
      agnostic_schema(),
      Schema{.kind = "aggregation",
             .name = "custom",
             .doc = "A rule written in Lua: rule(updates, ctx) -> vec, where updates is a list of "
                    "vecs and ctx has weights, global, previous, seed and state, and of each "
                    "update its steps and how often its gradients count in it (accumulated); with "
                    "losses, also the loss that its hospital tells.",
             .fields = {Field{"rule", type::function(), {}, "the function", true}, weights, share,
                        Field{"losses", type::boolean(), false,
                              "hospitals tell the loss of the model that they start from, on all "
                              "their training rows: ctx.losses"}},
             .positional = true,
             .example = "aggregation = aggregation.custom(function(updates) return "
                        "vec.median(updates) end)"},
  };
}

std::vector<Schema> server_schemas() {
  const auto rate = [](double standard) {
    return Field{"rate", type::number().above(0), standard, "server learning rate"};
  };
  const Field beta1{"beta1", type::number().between(0, 1), 0.9, "decay of the first moment"};
  const Field tau{"tau", type::number().above(0), 1e-3, "degree of adaptivity, added to the root"};
  const Field initial{"initial", type::number().at_least(0),
                      {},        "second moment before the first round",
                      false,     "tau squared"};
  const Field beta2{"beta2", type::number().between(0, 1), 0.99, "decay of the second moment"};
  return {
      Schema{.kind = "server",
             .name = "sgd",
             .doc = "Adds the aggregate, times a rate, with momentum where asked (FedAvgM).",
             .paper = "Hsu, Qi, Brown 2019, Measuring the Effects of Non-Identical Data",
             .fields = {rate(1.0), Field{"momentum", type::number().between(0, 1), 0.0,
                                         "share of the last step that is kept"}},
             .example = "server = server.sgd { rate = 1, momentum = 0.9 }"},
      Schema{
          .kind = "server",
          .name = "adagrad",
          .doc = "Divides by the root of the sum of squared aggregates.",
          .paper = kReddi,
          .fields = {rate(0.1),
                     Field{"beta1", type::number().between(0, 1), 0.0, "decay of the first moment"},
                     tau, initial},
          .example = "server = server.adagrad { rate = 0.1 }"},
      Schema{.kind = "server",
             .name = "adam",
             .doc = "First and second moments of the aggregate, without bias correction.",
             .paper = kReddi,
             .fields = {rate(0.1), beta1, beta2, tau, initial},
             .example = "server = server.adam { rate = 0.1 }"},
      Schema{.kind = "server",
             .name = "yogi",
             .doc = "Like adam, but the second moment grows and shrinks by the size of one square.",
             .paper = kReddi,
             .fields = {rate(0.1), beta1, beta2, tau, initial},
             .example = "server = server.yogi { rate = 0.1 }"},
  };
}

Schema oort_schema(const Field& count) {
  const Type share = type::number().between(0, 1);
  return Schema{
      .kind = "selection",
      .name = "oort",
      .doc =
          "Those whose rows had the largest losses and whose replies were quick, drawn in "
          "proportion to both, and some of whom nothing is known yet, the faster machines more "
          "easily. Losses come with updates, and say something of the patients.",
      .paper =
          "Lai et al. 2021, Oort: Efficient Federated Learning via Guided Participant "
          "Selection, section 4, Algorithm 1",
      .fields = {count,
                 Field{"exploration", share, 0.9,
                       "share of those who never replied, in the first round"},
                 Field{"decay", share, 0.98, "what is left of that share after each round"},
                 Field{"exploration_least", share, 0.2, "the share does not fall below"},
                 Field{"pace", type::quantity(Dimension::time).above(0),
                       Quantity{300e9, Dimension::time},
                       "a reply that takes longer counts for less; so much more is allowed when "
                       "rounds achieve less"},
                 Field{"penalty", type::number().between(0, 100), 2.0,
                       "how much less: (pace / duration) to this power"},
                 Field{"window", type::integer().between(1, 1'000'000), std::int64_t{20},
                       "rounds that are compared with as many before to see that"},
                 Field{"cutoff", share, 0.95,
                       "who comes near the last place, by this factor, is drawn from, too"}},
      .example = "selection = selection.oort { count = 3 }"};
}

std::vector<Schema> selection_schemas() {
  const Field count{"count",
                    type::integer().at_least(1) | some_share(type::quantity(Dimension::fraction)),
                    {},
                    "how many, or fraction(0.5) of all",
                    true};
  return {
      Schema{.kind = "selection",
             .name = "all",
             .doc = "Every hospital is invited to every round.",
             .example = "selection = selection.all {}"},
      Schema{.kind = "selection",
             .name = "uniform",
             .doc = "A fixed number of hospitals, drawn without replacement for each round.",
             .fields = {count},
             .example = "selection = selection.uniform { count = fraction(0.5) }"},
      Schema{.kind = "selection",
             .name = "poisson",
             .doc = "Every hospital is invited with the same probability, independently.",
             .fields = {Field{"rate", some_share(type::number()), {}, "the probability", true}},
             .example = "selection = selection.poisson { rate = 0.3 }"},
      Schema{.kind = "selection",
             .name = "weighted",
             .doc = "Drawn without replacement, a hospital with twice the training rows twice as "
                    "easily; one without rows is never invited.",
             .paper = "Efraimidis and Spirakis 2006, Weighted Random Sampling with a Reservoir, "
                      "algorithm A",
             .fields = {count},
             .example = "selection = selection.weighted { count = 3 }"},
      Schema{.kind = "selection",
             .name = "round_robin",
             .doc = "One after the other, in a circle.",
             .fields = {count},
             .example = "selection = selection.round_robin { count = 3 }"},
      Schema{.kind = "selection",
             .name = "reliable",
             .doc = "Those who will probably answer, by how often each has answered before: the "
                    "largest of one draw each from Beta(1 + replies, 1 + invitations without one), "
                    "so that who was asked little is tried again.",
             .paper = "Thompson 1933, On the Likelihood that One Unknown Probability Exceeds "
                      "Another",
             .fields = {count},
             .example = "selection = selection.reliable { count = 3 }"},
      Schema{.kind = "selection",
             .name = "power_of_choice",
             .doc = "Candidates drawn by training rows get the model and say how large its loss is "
                    "on theirs; those with the largest train. The losses are messages: they take "
                    "time, may be lost and say something of the patients.",
             .paper = "Cho, Wang, Joshi 2022, Towards Understanding Biased Client Selection in "
                      "Federated Learning, section 3",
             .fields = {count,
                        Field{"candidates",
                              type::integer().at_least(1),
                              {},
                              "how many are asked, at least as many as train",
                              true},
                        Field{"wait", type::quantity(Dimension::time).above(0),
                              Quantity{120e9, Dimension::time},
                              "longest wait for their answers, before the round opens"}},
             .example = "selection = selection.power_of_choice { count = 3, candidates = 6 }"},
      oort_schema(count),
      Schema{.kind = "selection",
             .name = "custom",
             .doc = "A choice written in Lua: selection(candidates, ctx) -> list of indices, where "
                    "candidates is a list of names and ctx has seed and round.",
             .fields = {Field{"choose", type::function(), {}, "the function", true}},
             .positional = true,
             .example = "selection = selection.custom(function(candidates) return { 1, 2 } end)"},
  };
}

// What protocols with rounds have alike.
std::vector<Field> round_fields() {
  return {Field{"over_selection", type::number().at_least(1), 1.0,
                "invite this many times the participants; the round closes when enough replied"},
          Field{"minimum_replies",
                type::integer().at_least(1),
                {},
                "with fewer the round fails and the model stays as it is",
                false,
                "max(2, two thirds of the participants, rounded up)"},
          Field{"pause", type::quantity(Dimension::time).at_least(0), Quantity{0, Dimension::time},
                "from the end of a round to the next invitation"},
          Field{"control", type::quantity(Dimension::data).between(0, 1e12),
                Quantity{1000, Dimension::data},
                "size of what travels beside the parameters, each way"}};
}

std::vector<Schema> protocol_schemas() {
  return {
      Schema{.kind = "protocol",
             .name = "sync",
             .doc = "Synchronous rounds: invite, wait for enough replies or the deadline, "
                    "aggregate.",
             .paper = "Bonawitz et al. 2019, Towards Federated Learning at Scale",
             .fields = round_fields(),
             .example = "protocol = protocol.sync { over_selection = 1.3, minimum_replies = 5 }"},
      hierarchical_schema(round_fields()),
      gossip_schema(round_fields()),
      cyclic_schema(round_fields()),
      swarm_schema(round_fields()),
  };
}

}  // namespace

std::vector<Schema> fed_schemas() {
  std::vector<Schema> all;
  for (auto group : {aggregation_schemas(), aggregation::robust_schemas(),
                     aggregation::pre_schemas(), server_schemas(), selection_schemas(),
                     protocol_schemas(), async_schemas(), staleness_schemas(), straggler_schemas(),
                     personal_schemas(), secure_schemas(), compression::schemas()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  all.push_back(Schema{
      .kind = "composition",
      .doc = "Puts a strategy together from parts; what is left out stays free for the scenario. "
             "Written as compose { ... }.",
      .fields = {Field{"selection", type::part("selection"), {}, "who is invited"},
                 Field{"objective", type::part("objective"), {}, "what a hospital minimises"},
                 Field{"aggregation", type::part("aggregation"), {}, "how updates become one"},
                 Field{"server", type::part("server"), {}, "what the server does with it"},
                 Field{"protocol", type::part("protocol"), {}, "when rounds open and close"},
                 Field{"personal", type::part("personal"), {}, "models that stay at home"}},
      .example = "strategy = compose { server = server.adam { rate = 0.01 } }"});
  return all;
}

}  // namespace polyclinic
