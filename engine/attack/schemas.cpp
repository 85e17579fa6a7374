// What a scenario can say about poisoning attacks.
#include "attack/plan.hpp"
#include "attack/poisoning.hpp"
#include "attack/rows.hpp"

namespace polyclinic::attack {

namespace {

constexpr const char* kShejwalkar =
    "Shejwalkar, Houmansadr 2021, Manipulating the Byzantine, section IV";

Field deviation_field(const char* standard) {
  return {"deviation", type::choice({"population", "sample"}), standard,
          "standard deviation over the honest updates with divisor n or n - 1"};
}

std::vector<Field> optimal_fields() {
  return {Field{"optimal", type::boolean(), false,
                "search the size that moves the announced rule farthest: the scenario's, or "
                "ctx.rule"},
          Field{"evaluations", type::integer().between(2, 10'000), std::int64_t{20},
                "of the rule by that search"}};
}

std::vector<Schema> simple_schemas() {
  return {
      Schema{.kind = "attack",
             .name = "gaussian",
             .doc = "Normal noise in place of an update, each attacker its own.",
             .paper = "Blanchard et al. 2017, Machine Learning with Adversaries, section 6",
             .fields = {Field{"deviation", type::number().at_least(0), 200.0,
                              "standard deviation of each number"},
                        Field{"mean", type::number(), 0.0, "mean of each number"}},
             .example = "attack.gaussian { deviation = 1 }"},
      Schema{.kind = "attack",
             .name = "sign_flip",
             .doc =
                 "The negative of an update: of the mean of the honest ones, which the attackers "
                 "know (ByzFL), or of the attacker's own (ctx.own).",
             .paper = "Li et al. 2019, RSA: Byzantine-Robust Stochastic Aggregation Methods, "
                      "section 5",
             .fields = {Field{"scale", type::number().above(0), 1.0, "how much it is enlarged"},
                        Field{"of", type::choice({"mean", "own"}), "mean", "whose sign is turned"},
                        knows_field()},
             .example = "attack.sign_flip { scale = 3 }"},
      Schema{.kind = "attack",
             .name = "scaling",
             .doc = "Model replacement: the attacker's own update (ctx.own), enlarged so that the "
                    "mean becomes it.",
             .paper = "Bagdasaryan et al. 2020, How To Backdoor Federated Learning, equation 3",
             .fields = {Field{"factor",
                              type::number().above(0),
                              {},
                              "how much it is enlarged",
                              false,
                              "the number of updates over server_rate"},
                        Field{"server_rate", type::number().above(0), 1.0,
                              "the server's learning rate, as the attacker supposes"}},
             .example = "attack.scaling { factor = 10 }"},
      Schema{.kind = "attack",
             .name = "free_rider",
             .doc = "Sends nothing learnt: zero, or normal noise to hide it.",
             .paper = "Fraboni, Vidal, Lorenzi 2021, Free-rider Attacks on Model Aggregation",
             .fields = {Field{"noise", type::number().at_least(0), 0.0,
                              "standard deviation of each number"}},
             .example = "attack.free_rider {}"},
      Schema{.kind = "attack",
             .name = "inf",
             .doc = "Sends infinities: an update that is left out as diverged.",
             .example = "attack.inf {}"},
      Schema{.kind = "attack",
             .name = "nan",
             .doc = "Sends what is no number: an update that is left out as diverged.",
             .example = "attack.nan {}"},
  };
}

std::vector<Schema> inner_schemas() {
  Schema alie{.kind = "attack",
              .name = "alie",
              .doc =
                  "A little is enough: the honest mean moved by z standard deviations in each "
                  "coordinate.",
              .paper = "Baruch, Baruch, Goldberg 2019, A Little Is Enough, Algorithm 3",
              .fields = {Field{"z",
                               type::number(),
                               {},
                               "how many standard deviations",
                               false,
                               "the largest that hides, from the numbers of updates and attackers; "
                               "0 in small groups, where 1.5 is usual"},
                         deviation_field("population"),
                         Field{"side", type::choice({"below", "above"}), "below",
                               "of the mean: the paper's, or ByzFL's"}},
              .example = "attack.alie { z = 1.5 }"};
  Schema ipm{.kind = "attack",
             .name = "ipm",
             .doc = "Inner product manipulation: the negative of the honest mean, scaled.",
             .paper = "Xie, Koyejo, Gupta 2020, Fall of Empires",
             .fields = {Field{"scale", type::number().at_least(0), 0.1, "of the mean"}},
             .example = "attack.ipm { scale = 0.5 }"};
  for (Schema* schema : {&alie, &ipm}) {
    for (const Field& field : optimal_fields()) schema->fields.push_back(field);
    schema->fields.push_back(knows_field());
  }
  return {alie, ipm};
}

std::vector<Schema> distance_schemas() {
  const Field perturbation{"perturbation", type::choice({"unit", "sign", "std"}), "unit",
                           "direction: against the mean, its signs, or the standard deviations"};
  return {
      Schema{.kind = "attack",
             .name = "min_max",
             .doc = "As far from the honest mean as it lies no farther from any honest update than "
                    "two honest ones from each other.",
             .paper = kShejwalkar,
             .fields = {perturbation, deviation_field("sample"), knows_field()},
             .example = "attack.min_max {}"},
      Schema{.kind = "attack",
             .name = "min_sum",
             .doc =
                 "As far from the honest mean as its squared distances to the honest updates sum "
                 "to no more than those of an honest one.",
             .paper = kShejwalkar,
             .fields = {perturbation, deviation_field("sample"),
                        Field{"bound", type::choice({"max", "min"}), "max",
                              "of which honest one: the paper's, or that of its authors' code"},
                        knows_field()},
             .example = "attack.min_sum {}"},
      Schema{.kind = "attack",
             .name = "fang",
             .doc = "Local model poisoning: values just outside the range of the honest ones, on "
                    "the side that their mean does not point to; or the longest step against their "
                    "signs that krum still chooses.",
             .paper = "Fang et al. 2020, Local Model Poisoning Attacks to Byzantine-Robust "
                      "Federated Learning, section 4",
             .fields = {Field{"against", type::choice({"trimmed_mean", "krum"}), "trimmed_mean",
                              "the rule that it is made for (trimmed_mean: the median, too); in a "
                              "scenario, unless given, that of the announced rule"},
                        Field{"b", type::number().above(1), 2.0, "how far outside the range"},
                        Field{"threshold", type::number().above(0), 1e-5,
                              "smallest step that is tried against krum"},
                        knows_field()},
             .example = "attack.fang { against = \"krum\" }"},
      Schema{.kind = "attack",
             .name = "mimic",
             .doc = "All attackers copy one honest update: the one farthest along the direction of "
                    "most variance, or a given one.",
             .paper = "Karimireddy, He, Jaggi 2022, Byzantine-Robust Learning on Heterogeneous "
                      "Datasets via Bucketing, section 4",
             .fields = {Field{"target", type::integer().at_least(1), {}, "which one, from 1"}},
             .example = "attack.mimic {}"}};
}

}  // namespace

std::vector<Schema> schemas() {
  std::vector<Schema> all;
  for (auto group : {simple_schemas(), inner_schemas(), distance_schemas(), row_schemas()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  for (Schema& schema : all) {
    for (Field& field : plan_fields()) schema.fields.push_back(std::move(field));
  }
  return all;
}

}  // namespace polyclinic::attack
