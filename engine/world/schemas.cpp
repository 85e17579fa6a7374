// What a scenario as a whole can say.
#include "fed/schema_help.hpp"
#include "world/world_spec.hpp"

namespace polyclinic {

namespace {

Schema scenario_schema() {
  const Type participants =
      type::all() | type::integer().at_least(1) | some_share(type::quantity(Dimension::fraction));
  const Type minutes = type::quantity(Dimension::time).above(0);
  return Schema{
      .kind = "scenario",
      .doc = "One world: who the hospitals are, what data they hold, how they learn together.",
      .fields =
          {Field{"title", type::text(), {}, "one line that says what the scenario shows"},
           Field{"seed", type::integer().at_least(0), std::int64_t{1},
                 "of everything random; --seed overrides it"},
           Field{"hospitals",
                 type::part("hospitals"),
                 {},
                 "size, machine, link and habits of each",
                 false,
                 "eight hospitals"},
           Field{"cohort", type::part("cohort"), {}, "the patients", true},
           Field{"model", type::part("model"), {}, "what is trained", false, "model.logistic {}"},
           Field{"training",
                 type::part("training"),
                 {},
                 "how a hospital trains",
                 false,
                 "training.sgd {}"},
           Field{"rounds", type::integer().at_least(0), {}, "how many rounds", false, "30"},
           Field{"participants",
                 participants,
                 {},
                 "hospitals invited to a round: a count, "
                 "fraction(0.75) or all",
                 false,
                 "all up to 50 hospitals, then 20"},
           Field{
               "selection", type::part("selection"), {}, "who is invited, instead of participants"},
           Field{"deadline",
                 minutes | type::none(),
                 {},
                 "a round closes at the latest so long "
                 "after it opened",
                 false,
                 "30 minutes"},
           Field{"strategy",
                 type::part("strategy") | type::part("composition"),
                 {},
                 "a named set of choices for the parts below",
                 false,
                 "strategy.fedavg {}"},
           Field{"protocol",
                 type::part("protocol"),
                 {},
                 "when rounds open and close",
                 false,
                 "protocol.sync {}"},
           Field{"objective",
                 type::part("objective") | type::none(),
                 {},
                 "what is minimised beside the loss"},
           Field{"personal",
                 type::part("personal") | type::none(),
                 {},
                 "models that stay at the hospitals, with which they are scored"},
           Field{"stragglers",
                 type::part("stragglers") | type::none(),
                 {},
                 "who finishes only a part of a training"},
           Field{"secure",
                 type::part("secure") | type::none(),
                 {},
                 "how updates are summed so that the server sees none"},
           Field{"compression",
                 type::part("compression") | type::none(),
                 {},
                 "how vectors are made shorter for the wires"},
           Field{"aggregation",
                 type::part("aggregation"),
                 {},
                 "how updates become one",
                 false,
                 "aggregation.mean {}"},
           Field{"server",
                 type::part("server"),
                 {},
                 "what the server does with the aggregate",
                 false,
                 "server.sgd {}"},
           Field{"privacy",
                 type::part("privacy") | type::none(),
                 {},
                 "what protects the patients: privacy.record { epsilon = 3 }"},
           Field{"attacks",
                 type::list(type::part("attack")) | type::part("attack") | type::none(),
                 {},
                 "hospitals that do harm: { attack.sign_flip { who = fraction(0.2) } }"},
           Field{"network", type::part("network"), {}, "the wires", false, "network.star {}"},
           Field{"timeline",
                 type::list(type::part("happening")),
                 {},
                 "what happens when: at(days(2), f), every(hours(6), f)"},
           Field{"measure",
                 type::part("measure"),
                 {},
                 "what the experimenter looks at",
                 false,
                 "measure { \"auroc\", \"auprc\", \"brier\", \"calibration\" }"},
           Field{"baselines", type::boolean() | type::list(type::part("baseline")), true,
                 "references beside the federation: pooled and local_only; false: neither they nor "
                 "what "
                 "could be achieved at best"},
           Field{"audit",
                 type::part("audit") | type::none(),
                 {},
                 "what the finished model gives away: audit.membership {}"},
           Field{
               "stop", type::part("stop") | type::none(), {}, "when to end before the last round"}},
      .any_fields = false,
      .example = "return scenario { cohort = cohort.ehr {} }"};
}

Schema measure_schema() {
  return Schema{
      .kind = "measure",
      .doc = "The experimenter's view: free, and nothing in the world can read it.",
      .fields = {Field{"metrics",
                       type::list(type::text() | type::part("metric")),
                       {},
                       "names of metrics, or metric.custom",
                       false,
                       "auroc, auprc, brier and calibration; rmse or c_index where they apply"},
                 Field{"train",
                       type::list(type::text()),
                       {},
                       "metrics on the rows that were trained on, called train_loss and the like",
                       false,
                       "none"},
                 Field{"every", type::integer().at_least(1) | type::choice({"end"}),
                       std::int64_t{1},
                       "versions from one measurement to the next; \"end\": only "
                       "the last"},
                 Field{"hospitals",
                       type::integer().at_least(1) | type::all(),
                       {},
                       "how many are evaluated, a fixed random sample",
                       false,
                       "all up to 1,000, then 1,000"},
                 Field{"threshold", type::choice({"sensitivity_80"}) | type::number().between(0, 1),
                       "sensitivity_80",
                       "where thresholded metrics cut: at 80 % sensitivity on validation rows, or "
                       "a probability"},
                 Field{"groups",
                       type::list(type::text()) | type::all(),
                       {},
                       "variables of the cohort by which patients are grouped, once at the end: "
                       "how many of each group are flagged, found and spared, how their risks are "
                       "calibrated, and the gaps between groups",
                       false,
                       "none"}},
      .items_field = "metrics",
      .example = "measure = measure { \"auroc\", \"brier\", every = 5 }"};
}

Schema stop_schema() {
  return Schema{
      .kind = "stop",
      .doc =
          "Ends a run early: when one of its conditions holds at the end of a round. A metric's "
          "macro average counts, measured by the experimenter.",
      .fields = {Field{"after", type::quantity(Dimension::time).above(0), {}, "simulated time"},
                 Field{"versions", type::integer().at_least(1), {}, "versions of the model made"},
                 Field{"auroc", type::number().between(0, 1), {}, "at least this macro AUROC"},
                 Field{"loss", type::number(), {}, "at most this macro loss"}},
      .example = "stop = stop { after = days(10), auroc = 0.85 }"};
}

}  // namespace

std::vector<Schema> world_schemas() {
  return {
      scenario_schema(),
      measure_schema(),
      stop_schema(),
      Schema{.kind = "metric",
             .name = "custom",
             .doc =
                 "A metric written in Lua: metric(scores, labels, groups) -> number; groups.sex[i] "
                 "names the level of patient i.",
             .fields = {Field{"name", type::text(), {}, "how results call it", true},
                        Field{"metric", type::function(), {}, "the function", true},
                        Field{"larger_is_better", type::boolean(), true,
                              "which end is the worst hospital's"}},
             .example = "metric.custom { name = \"alerts\", metric = function(scores) return "
                        "scores:mean() end }"},
      Schema{.kind = "baseline",
             .name = "pooled",
             .doc = "A reference: all training data in one place, the same model, initial "
                    "parameters, optimiser, batch and visits per row.",
             .example = "baselines = { baseline.pooled {} }"},
      Schema{.kind = "baseline",
             .name = "local_only",
             .doc = "A reference: every hospital by itself, with as many visits per row.",
             .example = "baselines = { baseline.local_only {} }"},
      Schema{.kind = "baseline",
             .name = "cross_site",
             .doc = "A table beside the references: every hospital's own model, trained as "
                    "local_only's, tested at every hospital. No arm of a study.",
             .example = "baselines = { baseline.local_only {}, baseline.cross_site {} }"},
      Schema{.kind = "happening",
             .doc = "An entry of a timeline, made by at(when, f) and every(when, f).",
             .fields = {Field{"when", type::moment(), {}, "when it happens", true},
                        Field{"run",
                              type::function(),
                              {},
                              "a coroutine on the simulated clock: "
                              "function(world) ... end",
                              true}}},
  };
}

}  // namespace polyclinic
