#include "cli/account_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "privacy/account.hpp"
#include "record/text_table.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kColumns = 100;

ScenarioError mistake(std::string message, std::string hint) {
  return {{}, std::move(message), std::move(hint)};
}

// A decimal number, all of the text; nullopt for anything else.
std::optional<double> plain_number(const std::string& text) {
  if (text.empty() || text[0] == ' ') return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "0.01", "1e-5" or "256/60000".
double number(const std::string& name, const std::string& text) {
  const auto slash = text.find('/');
  const auto first = plain_number(text.substr(0, slash));
  std::optional<double> second = 1.0;
  if (slash != std::string::npos) second = plain_number(text.substr(slash + 1));
  if (!first || !second || *second == 0) {
    throw mistake(fmt::format("{} takes a number, not \"{}\"", name, text),
                  fmt::format("for example {} 0.01, 1e-5 or 256/60000", name));
  }
  return *first / *second;
}

std::int64_t whole(const std::string& name, const std::string& text) {
  const auto value = plain_number(text);
  if (!value || *value != std::floor(*value) || std::fabs(*value) > 9e15) {
    throw mistake(fmt::format("{} takes a whole number, not \"{}\"", name, text),
                  fmt::format("for example {} 1000 or 1e6", name));
  }
  return static_cast<std::int64_t>(*value);
}

template <class Value>
Value word(const std::string& name, const std::string& text, std::optional<Value> found,
           const std::vector<std::string>& allowed) {
  if (found) return *found;
  const std::string near = did_you_mean(text, allowed);
  throw mistake(fmt::format("{} is not \"{}\"", name, text),
                near + (near.empty() ? "" : "\n") + "it is " + join_names(allowed));
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = text.find(at, start);
    parts.push_back(text.substr(start, end - start));
    if (end == std::string::npos) return parts;
    start = end + 1;
  }
}

privacy::Phase phase_of(const std::string& text) {
  privacy::Phase phase;
  for (const std::string& part : split(text, ',')) {
    const auto equals = part.find('=');
    const std::string name = part.substr(0, equals);
    const std::vector<std::string> names{"q", "sigma", "steps"};
    if (equals == std::string::npos || std::find(names.begin(), names.end(), name) == names.end()) {
      throw mistake(fmt::format("--phase does not know \"{}\"", part),
                    "write --phase q=0.01,sigma=1,steps=1000");
    }
    const std::string value = part.substr(equals + 1);
    if (name == "q") phase.q = number("q", value);
    if (name == "sigma") phase.sigma = number("sigma", value);
    if (name == "steps") phase.steps = whole("steps", value);
    if ((name == "sigma" && phase.sigma == 0) || (name == "steps" && phase.steps == 0)) {
      throw mistake(fmt::format("--phase says {} = 0", name),
                    "leave it out where it is what you ask for with --target-epsilon");
    }
  }
  return phase;
}

// lists and ranges: "1.1:10.9:0.1,12:63,128"
privacy::Orders orders_of(const std::string& text) {
  if (const auto named = privacy::orders_of(text)) return *named;
  privacy::Orders orders;
  for (const std::string& part : split(text, ',')) {
    const std::vector<std::string> ends = split(part, ':');
    const auto from = plain_number(ends[0]);
    const auto to = ends.size() > 1 ? plain_number(ends[1]) : from;
    const auto step = ends.size() > 2 ? plain_number(ends[2]) : std::optional<double>(1);
    if (ends.size() > 3 || !from || !to || !step || !(*step > 0) || *to < *from ||
        (*to - *from) / *step > 1e5) {
      throw mistake(fmt::format("--orders does not know \"{}\"", part),
                    "it is " + join_names(privacy::orders_names()) +
                        ", or a list with ranges such as 1.1:10.9:0.1,12:63,128");
    }
    const auto count = std::llround(std::floor((*to - *from) / *step + 1e-9));
    for (std::int64_t i = 0; i <= count; ++i) {
      // as decimal fractions are written: 1.1, not 1.1000000000000001
      const double order = *from + static_cast<double>(i) * *step;
      orders.push_back(std::round(order * 1e9) / 1e9);
    }
  }
  return orders;
}

privacy::AccountRequest request_of(const AccountArguments& arguments) {
  privacy::AccountRequest request;
  const bool single = arguments.q || arguments.sigma || arguments.steps;
  if (single && !arguments.phases.empty()) {
    throw mistake("--phase stands beside --q, --sigma or --steps",
                  "write every phase with --phase q=0.01,sigma=1,steps=1000");
  }
  for (const std::string& text : arguments.phases) request.phases.push_back(phase_of(text));
  if (single) {
    privacy::Phase phase;
    if (arguments.q) phase.q = number("--q", *arguments.q);
    if (arguments.sigma) phase.sigma = number("--sigma", *arguments.sigma);
    if (arguments.steps) phase.steps = whole("--steps", *arguments.steps);
    request.phases.push_back(phase);
  }
  bool sampled = false;
  for (const privacy::Phase& phase : request.phases) sampled = sampled || phase.q != 1;
  request.sampling = sampled ? privacy::Sampling::poisson : privacy::Sampling::none;
  if (arguments.sampling) {
    request.sampling = word("--sampling", *arguments.sampling,
                            privacy::sampling_of(*arguments.sampling), privacy::sampling_names());
  }
  request.adjacency = privacy::usual_adjacency(request.sampling);
  if (arguments.adjacency) {
    request.adjacency =
        word("--adjacency", *arguments.adjacency, privacy::adjacency_of(*arguments.adjacency),
             privacy::adjacency_names());
  }
  for (const std::string& list : arguments.accountants) {
    for (const std::string& name : split(list, ',')) {
      request.accountants.push_back(
          word("--accountant", name, privacy::accountant_of(name), privacy::accountant_names()));
    }
  }
  if (arguments.delta) request.delta = number("--delta", *arguments.delta);
  if (arguments.epsilon) request.epsilon = number("--epsilon", *arguments.epsilon);
  if (arguments.target_epsilon) {
    request.target_epsilon = number("--target-epsilon", *arguments.target_epsilon);
  }
  if (arguments.records) {
    request.records_per_unit =
        static_cast<int>(std::min<std::int64_t>(whole("--records", *arguments.records), 1'000'000));
  }
  if (arguments.orders) {
    request.orders = orders_of(*arguments.orders);
    request.unsigned_series = *arguments.orders == "dp_accounting";
  }
  if (arguments.unit) request.unit = *arguments.unit;
  return request;
}

using Json = nlohmann::ordered_json;

void print_json(const privacy::AccountRequest& request, const privacy::Account& account) {
  Json rows = Json::array();
  const auto number_or_null = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
  };
  for (const privacy::AccountRow& row : account.rows) {
    Json object;
    object["accountant"] = name_of(row.accountant);
    object["epsilon"] = row.epsilon;
    object["delta"] = row.delta;
    object["sigma"] = row.sigma;
    object["steps"] = row.steps;
    object["order"] = number_or_null(row.order);
    object["lower"] = number_or_null(row.lower);
    object["upper"] = number_or_null(row.upper);
    object["sampling"] = name_of(request.sampling);
    object["adjacency"] = name_of(request.adjacency);
    object["unit"] = request.unit;
    object["guarantee"] = row.guarantee;
    object["says"] = row.says;
    rows.push_back(std::move(object));
  }
  fmt::print("{}\n", rows.dump(2));
}

std::string plan_text(const privacy::AccountRequest& request) {
  std::string text;
  for (const privacy::Phase& phase : request.phases) {
    if (!text.empty()) text += "; ";
    std::vector<std::string> facts;
    if (phase.steps > 0) facts.push_back(fmt::format("{} steps", phase.steps));
    if (phase.q != 1) facts.push_back(fmt::format("q {:g}", phase.q));
    if (phase.sigma > 0) facts.push_back(fmt::format("sigma {:g}", phase.sigma));
    text += fmt::format("{}", fmt::join(facts, ", "));
  }
  return text;
}

std::string question_text(const privacy::AccountRequest& request) {
  if (request.epsilon) return fmt::format("delta at epsilon {:g}", *request.epsilon);
  if (!request.target_epsilon) return fmt::format("epsilon at delta {:g}", *request.delta);
  return fmt::format("{} for epsilon {:g} at delta {:g}",
                     request.phases[0].sigma == 0 ? "noise" : "steps", *request.target_epsilon,
                     *request.delta);
}

// What a unit may do between neighbours, and what sigma counts in.
std::string neighbours_text(const privacy::AccountRequest& request) {
  const bool fixed = request.sampling == privacy::Sampling::without_replacement;
  const std::string records = request.records_per_unit > 1
                                  ? fmt::format(" of up to {} records", request.records_per_unit)
                                  : "";
  return fmt::format("sampling {}; adjacency {}: one {}{} {}; sigma: noise on the sum over {}",
                     name_of(request.sampling), name_of(request.adjacency), request.unit, records,
                     request.adjacency == privacy::Adjacency::add_remove
                         ? "more or less"
                         : "in the place of another",
                     fixed ? "what replacing one record can change (twice the clipping bound)"
                           : "the clipping bound");
}

void print_wrapped(const std::string& text) {
  fmt::print("{}\n", wrapped(text, kColumns, 2));
}

void print_text(const privacy::AccountRequest& request, const privacy::Account& account) {
  print_wrapped(fmt::format("{}: {}", question_text(request), plan_text(request)));
  print_wrapped(neighbours_text(request));
  fmt::print("\n");
  const bool solves = request.target_epsilon.has_value();
  const bool noise = solves && request.phases[0].sigma == 0;
  TextTable table({true, false, true});
  table.add({"accountant",
             request.epsilon ? "delta"
             : noise         ? "sigma"
             : solves        ? "steps"
                             : "epsilon",
             "it is"});
  for (const privacy::AccountRow& row : account.rows) {
    std::string value = fmt::format("{:.4f}", row.epsilon);
    if (request.epsilon) value = fmt::format("{:.4g}", row.delta);
    if (noise) value = fmt::format("{:.6f}", row.sigma);
    if (solves && !noise) value = std::to_string(row.steps);
    table.add({name_of(row.accountant), value, row.says});
  }
  fmt::print("{}", table.text());
  for (const privacy::Silence& silence : account.silent) {
    print_wrapped(
        fmt::format("  {} says nothing: {}", name_of(silence.accountant), silence.reason));
  }
  fmt::print("\n");
  print_wrapped(
      "A guarantee holds against whoever sees every noised step and the final model, while noise "
      "and sampling stay secret and steps, noise and rates are fixed before the run. Everything "
      "else made from the data (tuning, preprocessing, sizes) is not in it.");
  fmt::print("Simulation, not for clinical use.\n");
}

}  // namespace

Exit account_privacy(const AccountArguments& arguments) {
  const privacy::AccountRequest request = request_of(arguments);
  const privacy::Account account = privacy::account(request);
  if (arguments.json) {
    print_json(request, account);
  } else {
    print_text(request, account);
  }
  return Exit::done;
}

}  // namespace polyclinic
