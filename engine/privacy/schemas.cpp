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

Schema record_schema() {
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
      .fields =
          {Field{
               "epsilon", type::number().above(0), {}, "what a hospital's records may cost in all"},
           Field{"noise",
                 type::number().at_least(0),
                 {},
                 "noise multiplier: standard deviation of the noise on the sum of a step over "
                 "clip; 0: no privacy, for comparison"},
           Field{"clip", type::number().above(0), 1.0, "bound on the norm of a row's gradient"},
           Field{"delta", type::number().inside(0, 1), 1e-5,
                 "probability beyond epsilon; far below 1 over the rows of a hospital"},
           Field{"accountant", type::choice({"rdp", "pld"}), "rdp",
                 "who computes epsilon: rdp at once, pld tighter and slower"}},
      .example = "privacy = privacy.record { epsilon = 3, clip = 1 }"};
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
  return {std::move(account), record_schema()};
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
