// What a scenario can ask of this floor, and its answers as Lua sees them.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "privacy/account.hpp"
#include "privacy/plan.hpp"

namespace polyclinic::privacy {

namespace {

std::optional<double> given_number(const Part& part, const char* field) {
  const Value* value = part.find(field);
  return value ? value->number() : std::nullopt;
}

Value or_none(const std::optional<double>& number) {
  return number ? Value(*number) : Value();
}

// One table of `phases`.
Phase phase_of(const Part& part, const Value& value) {
  Phase phase;
  for (const auto& [name, number] : value.as<Table>()) {
    const double x = *number.number();
    if (name == "q") {
      phase.q = x;
    } else if (name == "sigma") {
      phase.sigma = x;
    } else if (name == "steps" && number.integer()) {
      phase.steps = *number.integer();
    } else if (name == "steps") {
      throw part.mistake("phases", fmt::format("a phase of {} steps", x),
                         "steps are whole numbers");
    } else {
      throw part.mistake("phases", fmt::format("a phase has no field '{}'", name),
                         "write phases = { { q = 0.01, sigma = 1, steps = 1000 }, ... }");
    }
  }
  return phase;
}

// What every part with a ledger has.
std::vector<Field> ledger_fields(std::string noise, std::string clip, std::string delta) {
  return {Field{"epsilon", type::number().above(0), {}, "what all releases of a run may cost"},
          Field{"noise", type::number().at_least(0), {}, std::move(noise)},
          Field{"clip", type::number().above(0), 1.0, std::move(clip)},
          Field{"delta", type::number().inside(0, 1), 1e-5, std::move(delta)}};
}

Field accountant_field() {
  return {"accountant", type::choice({"rdp", "pld"}), "rdp",
          "who computes epsilon: rdp at once, pld tighter and slower"};
}

const std::string kStepNoise =
    "noise multiplier: standard deviation of the noise on the sum of a step over clip; 0: no "
    "privacy, for comparison";

Schema record_schema() {
  std::vector<Field> fields =
      ledger_fields(kStepNoise, "bound on the norm of a row's gradient",
                    "probability beyond epsilon; far below 1 over the rows of a hospital");
  fields.push_back(accountant_field());
  return Schema{
      .kind = "privacy",
      .name = "record",
      .doc =
          "Record-level differential privacy inside every hospital (DP-SGD): each step takes every "
          "row by a coin of its own, cuts the gradient of each row, adds Gaussian noise to their "
          "sum and divides by the rows that are expected. A ledger accounts for every hospital: "
          "what is guaranteed before the run, and what was spent in it. With epsilon alone the "
          "noise is solved for each hospital and all planned rounds; with noise alone epsilon is "
          "told; with both a hospital stops when epsilon is spent.",
      .paper = "Abadi et al. 2016; Mironov, Talwar, Zhang 2019",
      .fields = std::move(fields),
      .example = "privacy = privacy.record { epsilon = 3, clip = 1 }"};
}

Field clipping_field(std::vector<std::string> kinds, std::string doc) {
  return {"clipping", type::choice(std::move(kinds)), "fixed", std::move(doc)};
}

Schema hospital_schema() {
  std::vector<Field> fields = ledger_fields(
      "noise multiplier: standard deviation of the noise on a sum of updates over clip; 0: no "
      "privacy, for comparison",
      "bound on the norm of a hospital's update; under adaptive clipping where it starts",
      "probability beyond epsilon; far below 1 over the hospitals");
  fields.push_back(accountant_field());
  fields.push_back(clipping_field(
      {"fixed", "per_layer", "adaptive"},
      "fixed: one norm for the whole update; per_layer: each of L tensors is cut to clip / "
      "sqrt(L); adaptive: the bound follows a quantile of the norms, told with noise of its own"));
  fields.push_back(
      {"over_rounds", type::choice({"independent", "tree", "banded"}), "independent",
       "how the noise of different rounds goes together. independent: each round has its own; tree "
       "(DP-FTRL) and banded (matrix factorisation): most of it cancels in what the rounds add up "
       "to, so that a run with hospitals that take part seldom gets by with less"});
  fields.push_back(
      {"separation",
       type::integer().between(1, 1'000'000),
       {},
       "a hospital rests until so many rounds after the last one that it was part of, which bounds "
       "how often it can be",
       false,
       "tree, banded: a turn of selection.round_robin, else 1; independent: it never rests"});
  fields.push_back({"bands",
                    type::integer().between(1, 100'000),
                    {},
                    "banded: rounds over which noise is correlated",
                    false,
                    "separation"});
  fields.push_back({"restart",
                    type::integer().between(1, 1'000'000),
                    {},
                    "tree: rounds of one tree, after which the next starts; every tree costs",
                    false,
                    "all planned rounds"});
  fields.push_back({"quantile", type::number().inside(0, 1), 0.5,
                    "adaptive: share of the updates that shall lie within the bound"});
  fields.push_back({"adapt_rate", type::number().above(0), 0.2,
                    "adaptive: the bound is multiplied by exp(-adapt_rate (share - quantile))"});
  fields.push_back({"count_noise",
                    type::number().above(0),
                    {},
                    "adaptive: standard deviation of the noise on the count of updates within the "
                    "bound",
                    false,
                    "a twentieth of the expected participants, at least noise"});
  return Schema{
      .kind = "privacy",
      .name = "hospital",
      .doc =
          "Hospital-level differential privacy at the server (DP-FedAvg): each update is cut to a "
          "norm, Gaussian noise is added to their sum, and it is divided by the number of "
          "hospitals that is expected. Protects all patients of a hospital together against those "
          "who see the versions, and trusts the server. With 10 to 50 hospitals the noise drowns "
          "most models: the output says by how much.",
      .paper =
          "McMahan, Ramage, Talwar, Zhang 2018; Andrew et al. 2021 (adaptive clipping); Kairouz "
          "et al. 2021 (tree); Choquette-Choo et al. 2023, Kalinin, Lampert 2024 (banded)",
      .fields = std::move(fields),
      .example = "privacy = privacy.hospital { epsilon = 8, clip = 0.5 }"};
}

Schema patient_schema() {
  std::vector<Field> fields =
      ledger_fields(kStepNoise, "bound on the norm of the sum of a patient's gradients",
                    "probability beyond epsilon; far below 1 over the patients of a hospital");
  fields.push_back(accountant_field());
  return Schema{
      .kind = "privacy",
      .name = "patient",
      .doc =
          "Patient-level differential privacy inside every hospital: as privacy.record, but a coin "
          "takes all rows of a patient together, and it is the sum of their gradients that is cut. "
          "Protects a patient with several encounters as a whole; of more than 64 rows of one the "
          "first count.",
      .paper = "Abadi et al. 2016; McMahan, Ramage, Talwar, Zhang 2018 (users instead of examples)",
      .fields = std::move(fields),
      .example = "privacy = privacy.patient { epsilon = 3, clip = 1 }"};
}

Schema local_schema() {
  std::vector<Field> fields = ledger_fields(
      "noise multiplier: standard deviation of the noise on every value of an update over clip; "
      "0: no privacy, for comparison",
      "bound on the norm of an update",
      "probability beyond epsilon; far below 1 over the hospitals");
  fields.push_back(accountant_field());
  fields.push_back(clipping_field({"fixed", "per_layer"},
                                  "fixed: one norm for the whole update; per_layer: each of L "
                                  "tensors is cut to clip / sqrt(L)"));
  return Schema{
      .kind = "privacy",
      .name = "local_dp",
      .doc =
          "Local differential privacy of hospitals: each cuts its update and adds the noise itself "
          "before it leaves, so nobody has to be trusted. Neighbours are any two data sets of a "
          "hospital (replace-one), and no noise is shared: models are worse than under "
          "privacy.hospital by far. Any rule of aggregation is allowed.",
      .paper = "Kasiviswanathan et al. 2011; Balle, Wang 2018",
      .fields = std::move(fields),
      .example = "privacy = privacy.local_dp { noise = 0.5, clip = 0.5 }"};
}

Schema distributed_schema() {
  std::vector<Field> fields = ledger_fields(
      "noise multiplier of a sum in which every expected hospital's share has arrived: standard "
      "deviation over clip; 0: no privacy, for comparison",
      "bound on the norm of an update",
      "probability beyond epsilon; far below 1 over the hospitals");
  fields.push_back({"mechanism", type::choice({"discrete_gaussian", "skellam"}),
                    "discrete_gaussian", "law of the integer noise of each hospital"});
  fields.push_back(
      {"colluding", type::integer().at_least(0), std::int64_t{0},
       "hospitals that may tell the server all they have: their noise does not count"});
  return Schema{
      .kind = "privacy",
      .name = "distributed",
      .doc =
          "Hospital-level differential privacy without a trusted server: each hospital cuts its "
          "update, rounds it to a lattice, adds its share of integer noise and sends it into a "
          "secure sum, which alone is seen. The guarantee is for the fewest hospitals whose sum "
          "is ever unmasked; what dropouts take away of the noise is in what was spent. Needs "
          "secure = secure.pairwise {}.",
      .paper =
          "Kairouz, Liu, Steinke 2021; Agarwal, Kairouz, Liu 2021; Canonne, Kamath, Steinke "
          "2020",
      .fields = std::move(fields),
      .example = "privacy = privacy.distributed { epsilon = 8, clip = 0.5 }"};
}

}  // namespace

std::vector<Schema> privacy_schemas() {
  const auto words = [](const std::vector<std::string>& names) { return type::choice(names); };
  Schema account{
      .kind = "privacy",
      .name = "account",
      .doc =
          "What noisy steps cost: a list with a table per accountant (accountant, epsilon, delta, "
          "sigma, steps, order, lower, upper, sampling, adjacency, unit, guarantee, says). With "
          "delta it answers epsilon, with epsilon delta; with target_epsilon and delta, the "
          "noise (without sigma) or the number of steps (without steps).",
      .paper = "Mironov, Talwar, Zhang 2019; Doroshenko et al. 2022; Gopi, Lee, Wutschitz 2021",
      .fields =
          {Field{"q", type::number().between(0, 1), 1.0, "share of the records in a step"},
           Field{"sigma",
                 type::number().above(0),
                 {},
                 "noise multiplier: standard deviation of the noise on the sum over the clipping "
                 "bound"},
           Field{"steps",
                 type::integer().between(1, static_cast<double>(kStepsMax)),
                 {},
                 "number of steps"},
           Field{"phases",
                 type::list(type::table(type::number())),
                 {},
                 "several kinds of steps instead: { { q = 0.01, sigma = 1, steps = 1000 }, ... }"},
           Field{"delta", type::number().inside(0, 1), {}, "answers epsilon at this delta"},
           Field{"epsilon", type::number().at_least(0), {}, "answers delta at this epsilon"},
           Field{"target_epsilon", type::number().above(0), {}, "the epsilon to be reached"},
           Field{"sampling",
                 words(sampling_names()),
                 {},
                 "how a step finds its records",
                 false,
                 "poisson where q is below 1, else none"},
           Field{"adjacency",
                 words(adjacency_names()),
                 {},
                 "which data sets are neighbours",
                 false,
                 "replace_one without replacement, else add_remove"},
           Field{"accountants",
                 type::list(words(accountant_names())),
                 {},
                 "only these accountants",
                 false,
                 "all that can treat the plan"},
           Field{"records", type::integer().between(1, 1e6), std::int64_t{1},
                 "most records of one unit"},
           Field{"unit", type::text(), "record", "what is protected, for the statement"},
           Field{"orders", words(orders_names()) | type::numbers(), "standard",
                 "Renyi orders: a grid by name, or numbers above 1"}},
      .example = "privacy.account { q = 0.01, sigma = 1, steps = 10000, delta = 1e-5 }"};
  return {std::move(account), record_schema(), hospital_schema(),
          patient_schema(),   local_schema(),  distributed_schema()};
}

AccountRequest request_of(const Part& part) {
  AccountRequest request;
  request.where = part.where;
  const bool single = part.given("q") || part.given("sigma") || part.given("steps");
  if (part.given("phases")) {
    if (single) {
      throw part.mistake("phases", "phases stand beside q, sigma or steps",
                         "write every phase as a table of phases");
    }
    for (const Value& value : part.list("phases")) {
      request.phases.push_back(phase_of(part, value));
    }
  } else if (single) {
    Phase phase;
    phase.q = part.number("q");
    phase.sigma = given_number(part, "sigma").value_or(0);
    if (const Value* steps = part.find("steps")) phase.steps = *steps->integer();
    request.phases.push_back(phase);
  }
  const bool sampled = std::any_of(request.phases.begin(), request.phases.end(),
                                   [](const Phase& phase) { return phase.q != 1; });
  request.sampling = sampled ? Sampling::poisson : Sampling::none;
  if (const Value* word = part.find("sampling")) {
    request.sampling = *sampling_of(word->as<std::string>());
  }
  request.adjacency = usual_adjacency(request.sampling);
  if (const Value* word = part.find("adjacency")) {
    request.adjacency = *adjacency_of(word->as<std::string>());
  }
  for (const Value& word : part.list("accountants")) {
    request.accountants.push_back(*accountant_of(word.as<std::string>()));
  }
  request.delta = given_number(part, "delta");
  request.epsilon = given_number(part, "epsilon");
  request.target_epsilon = given_number(part, "target_epsilon");
  request.records_per_unit = static_cast<int>(part.integer("records"));
  request.unit = part.text("unit");
  const Value& orders = part.at("orders");
  if (const auto* name = orders.get_if<std::string>()) {
    request.orders = *orders_of(*name);
    request.unsigned_series = *name == "dp_accounting";
  } else {
    request.orders = *orders.as<Numbers>();
  }
  return request;
}

Value to_value(const AccountRequest& request, const Account& account) {
  List rows;
  for (const AccountRow& row : account.rows) {
    Table table;
    table.emplace_back("accountant", name_of(row.accountant));
    table.emplace_back("adjacency", name_of(request.adjacency));
    table.emplace_back("delta", row.delta);
    table.emplace_back("epsilon", row.epsilon);
    table.emplace_back("guarantee", row.guarantee);
    table.emplace_back("lower", or_none(row.lower));
    table.emplace_back("order", or_none(row.order));
    table.emplace_back("sampling", name_of(request.sampling));
    table.emplace_back("says", row.says);
    table.emplace_back("sigma", row.sigma);
    table.emplace_back("steps", row.steps);
    table.emplace_back("unit", request.unit);
    table.emplace_back("upper", or_none(row.upper));
    rows.emplace_back(std::move(table));
  }
  return rows;
}

}  // namespace polyclinic::privacy
