#include "fed/secure_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/check.hpp"
#include "base/error.hpp"
#include "fed/parts.hpp"
#include "fed/schema_help.hpp"
#include "fed/secure_lies.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic {

SecureRule secure_rule(const Part& part) {
  SecureRule rule;
  if (part.name == "secagg_plus") {
    rule.sparse = {hospital_count(part, "colluding"), hospital_count(part, "dropouts")};
  } else if (part.name == "shares") {
    rule.shares = shares_rule(part);
  } else if (part.name == "light") {
    rule.light = light_rule(part);
  } else if (part.name == "paillier") {
    rule.paillier = paillier_rule(part);
  } else {
    ENSURE(part.name == "pairwise", "schemas name only secure sums that exist");
    rule.active = part.text("adversary") == "active";
    if (const Part* how = part.part("tampering")) {
      Tampering tampering;
      tampering.with = how->name == "keys" ? Tampering::With::keys : Tampering::With::survivors;
      tampering.from_round = how->integer("from_round");
      if (how->given("hospital")) tampering.hospital = how->text("hospital");
      rule.tampering = tampering;
    }
  }
  if (const Value* threshold = part.find("threshold")) {
    if (const auto* share = threshold->get_if<Quantity>()) {
      rule.threshold_share = share->value;
    } else {
      rule.threshold = part.integer("threshold");
    }
  }
  rule.clip = part.number("clip");
  rule.bits = static_cast<int>(part.integer("bits"));
  rule.rows_max = part.integer("rows_max");
  rule.wait = part.time("wait");
  rule.real = part.text("fidelity") == "real";
  return rule;
}

double SecureRule::scale() const {
  ENSURE(noise.has_value(), "only a noised sum has a lattice");
  return static_cast<double>((std::int64_t{1} << (bits - 1)) - 1) / noise->clip;
}

int sum_bits(const SecureRule& rule, std::size_t parties) {
  if (!rule.noise) return secure::modulus_bits(parties, rule.bits);
  constexpr double kTails = 10;
  const auto n = static_cast<double>(parties);
  const double deviation = rule.noise->noise * std::sqrt(n / rule.noise->expected);
  // an update is at most clip long in every direction, and one lattice point longer by rounding
  const double top = rule.scale() * rule.noise->clip * (n + kTails * deviation) + n;
  return static_cast<int>(std::ceil(std::log2(2 * top + 1)));
}

std::size_t secure_threshold(const SecureRule& rule, std::size_t invited) {
  if (rule.sparse) {
    const std::size_t lost = std::min(rule.sparse->dropouts.of(invited), invited);
    return std::max<std::size_t>(invited - lost, 2);
  }
  if (rule.light) return std::max<std::size_t>(rule.light->needed(invited), 2);
  if (rule.paillier && rule.paillier->parts > 0) return rule.paillier->parts;
  const bool together =
      !rule.paillier || rule.paillier->holder == secure::PaillierHolder::threshold;
  std::size_t threshold = together ? 2 * invited / 3 + 1 : 2;
  if (rule.threshold) threshold = static_cast<std::size_t>(*rule.threshold);
  if (rule.threshold_share) {
    threshold = static_cast<std::size_t>(
        std::ceil(*rule.threshold_share * static_cast<double>(invited) - 1e-9));
  }
  // theorem 6.5 of Bonawitz et al. 2017, with nobody who colludes
  if (rule.active) threshold = std::max(threshold, invited / 2 + 1);
  return std::max<std::size_t>(threshold, 2);
}

namespace {

// What the scenario asks for, before it is held to more than half.
void check_active(const Part& part, const SecureRule& rule, std::size_t most) {
  if (!rule.active) return;
  SecureRule asked = rule;
  asked.active = false;
  const std::size_t threshold = secure_threshold(asked, most);
  const bool little_share = rule.threshold_share && *rule.threshold_share <= 0.5;
  if (2 * threshold > most && !little_share) return;
  throw part.mistake(
      "threshold",
      fmt::format("{} of {} hospitals are not more than half: a server that lies has shares of "
                  "both secrets of one hospital, from one half each",
                  threshold, most),
      fmt::format("a threshold of {} at least, or adversary = \"semi_honest\"", most / 2 + 1));
}

}  // namespace

std::optional<SecurePlan> secure_plan(const SecureRule& rule, std::size_t invited, RunKey run,
                                      std::int64_t round) {
  if (rule.light && !rule.light->works(invited)) return std::nullopt;
  SecurePlan plan;
  plan.answers = secure_threshold(rule, invited);
  plan.shares = plan.answers;
  // one who has the key decrypts
  if (rule.paillier && rule.paillier->parts == 0) plan.shares = 1;
  if (!rule.sparse) return plan;
  const std::size_t colluding = rule.sparse->colluding.of(invited);
  const std::size_t lost = rule.sparse->dropouts.of(invited);
  const auto size = secure::graph_size(invited, colluding, lost);
  if (!size) return std::nullopt;
  plan.shares = size->threshold;
  if (size->degree + 1 == invited) {
    plan.graph = std::make_shared<secure::Graph>(invited);
  } else {
    Stream stream(run, Purpose::kSecureGraph, 0, static_cast<std::uint64_t>(round));
    plan.graph = std::make_shared<secure::Graph>(invited, size->degree, stream);
  }
  return plan;
}

std::string no_plan_text(const SecureRule& rule, std::size_t invited) {
  if (rule.light) {
    return fmt::format(
        "of {} hospitals {} cannot be enough where {} may collude and {} be lost: survivors are "
        "more than collude, two at least, and no more than are left",
        invited, rule.light->needed(invited), rule.light->colluding.of(invited),
        rule.light->dropouts.of(invited));
  }
  ENSURE(rule.sparse.has_value(), "each with all is always a plan");
  return fmt::format("no graph of {} hospitals withstands {} that collude while {} are lost",
                     invited, rule.sparse->colluding.of(invited),
                     rule.sparse->dropouts.of(invited));
}

namespace {

// What plans a round may have, what sums fit.
void check_plan(const Part& part, const SecureRule& rule, std::size_t most) {
  if ((rule.sparse || rule.light) && !secure_plan(rule, most, RunKey{}, 0)) {
    throw part.mistake(
        part.given("survivors") ? "survivors" : "colluding", no_plan_text(rule, most),
        rule.light
            ? "fewer colluding, fewer dropouts, or more hospitals in a round"
            : "fewer colluding or fewer dropouts; in all at most nine tenths, and two must be "
              "left");
  }
}

}  // namespace

void check_secure(const Part& part, const SecureRule& rule, std::size_t most, TimeNs deadline) {
  check_plan(part, rule, most);
  check_active(part, rule, most);
  const std::size_t threshold = secure_threshold(rule, most);
  if (threshold > most) {
    throw part.mistake(
        "threshold",
        fmt::format("a secure sum needs {} hospitals, and a round has at most {}", threshold, most),
        "no round could ever succeed: invite more, or ask for fewer");
  }
  // the field of coded masks has room for 31
  const int bits_most = rule.light ? 31 : 32;
  if (sum_bits(rule, most) > bits_most) {
    SecureRule smaller = rule;
    while (smaller.bits > 2 && sum_bits(smaller, most) > bits_most) --smaller.bits;
    throw part.mistake(
        "bits",
        fmt::format("the sum of {} values of {} bits{} does not fit {} bits", most, rule.bits,
                    rule.noise ? " and of their noise" : "", bits_most),
        fmt::format("with so many hospitals a value has at most {} bits", smaller.bits));
  }
  if (!rule.noise && rule.rows_max >= std::int64_t{1} << rule.bits) {
    throw part.mistake("rows_max",
                       fmt::format("a weight of {} does not fit {} bits", rule.rows_max, rule.bits),
                       "ask for more bits or fewer rows");
  }
  if (!rule.masks()) {
    if (deadline != kNever && rule.wait.ns >= deadline.ns / 2) {
      throw part.mistake(
          "wait",
          fmt::format("{} that may take {} for the sum leave too little of "
                      "the deadline of {} to train",
                      rule.shares ? "servers" : "hospitals", to_text(rule.wait), to_text(deadline)),
          "a shorter wait or a longer deadline");
    }
    return;
  }
  const int phases = rule.active ? 4 : 3;
  if (deadline != kNever && rule.wait.ns >= deadline.ns / phases) {
    throw part.mistake(
        "wait",
        fmt::format("{} phases of up to {} leave no time to train before the "
                    "deadline of {}",
                    rule.active ? "four" : "three", to_text(rule.wait), to_text(deadline)),
        "a shorter wait or a longer deadline");
  }
}

std::size_t secure_withstands(const SecureRule& rule, std::size_t invited) {
  // a server beside it must collude, and none does
  if (rule.shares) return invited;
  // one who has the key is enough
  if (rule.paillier) return rule.paillier->parts > 0 ? rule.paillier->parts - 1 : 0;
  if (rule.light) return rule.light->colluding.of(invited);
  if (rule.sparse) return rule.sparse->colluding.of(invited);
  const std::size_t threshold = secure_threshold(rule, invited);
  // a server that lies hears of one half this, of the other half that
  return rule.active ? 2 * threshold - invited - 1 : threshold - 1;
}

void check_colluding(const Part& privacy, const Part& secure, const SecureRule& rule,
                     std::size_t invited) {
  const auto colluding = static_cast<std::size_t>(privacy.integer("colluding"));
  const std::size_t withstood = secure_withstands(rule, invited);
  if (colluding <= withstood) return;
  std::string hint =
      withstood == 0 ? "leave out 'colluding'" : fmt::format("colluding = {} at most", withstood);
  if (rule.paillier) {
    hint += rule.paillier->parts > 0 ? ", or a higher threshold" : ", or key = \"threshold\"";
  } else {
    hint += rule.light || rule.sparse
                ? fmt::format(", or more 'colluding' of secure.{}, too", secure.name)
                : ", or a higher threshold";
  }
  throw privacy.mistake(
      "colluding",
      fmt::format("{} of {} hospitals may tell the server all they have, and this secure.{} "
                  "withstands {}: the server would read single updates, each behind that "
                  "hospital's own share of the noise only",
                  colluding, invited, secure.name,
                  withstood == 0 ? "none" : std::to_string(withstood)),
      hint);
}

std::vector<Mistake> secure_conflicts(const Part& secure, const Part& aggregation,
                                      const Part* objective, const Part* privacy) {
  std::vector<Mistake> mistakes;
  if (secure.name == "paillier" && secure.text("key") == "coordinator" && privacy != nullptr &&
      privacy->name == "distributed") {
    mistakes.push_back(
        {secure.where_of("key"),
         "privacy.distributed and key = \"coordinator\" exclude each other: the server could "
         "decrypt each update with its own little share of the noise",
         "key = \"threshold\" or \"hospitals\", or let each hospital add all its noise: "
         "privacy.local_dp"});
  }
  const bool lies = secure.find("tampering") != nullptr && secure.part("tampering") != nullptr;
  if (lies && privacy != nullptr && privacy->name == "distributed" &&
      secure.text("adversary") == "semi_honest") {
    mistakes.push_back(
        {secure.where_of("tampering"),
         "tampering and privacy.distributed exclude each other: a server that reads one update "
         "sees it with that hospital's own share of the noise only, and no epsilon holds",
         "adversary = \"active\" withstands such a server"});
  }
  const std::string_view kind = objective != nullptr ? std::string_view(objective->name) : "";
  if (kind == "control_variates" || kind == "dynamic") {
    mistakes.push_back({secure.where,
                        fmt::format("secure.{} and objective.{} exclude each other: the server "
                                    "would have to see every hospital's control vector",
                                    secure.name, kind),
                        "leave out one of the two"});
  }
  const std::string rule = "aggregation." + aggregation.name;
  const bool shares = secure.name == "shares";
  if (shares ? !shares_can(aggregation) : aggregation.name != "mean") {
    mistakes.push_back({secure.where,
                        fmt::format("secure.{} and {} exclude each other: under a secure sum the "
                                    "server sees no single update",
                                    secure.name, rule),
                        shares ? "shares can be summed and compared: aggregation.mean, median and "
                                 "trimmed_mean; leave out one of the two"
                               : "only aggregation.mean is a sum; leave out one of the two"});
  } else if (has_pre(aggregation)) {
    mistakes.push_back({aggregation.where_of("pre"),
                        fmt::format("secure.{} and pre exclude each other: under a secure sum the "
                                    "server sees no single update",
                                    secure.name),
                        "leave out one of the two"});
  } else if (aggregation.given("max_share")) {
    mistakes.push_back({aggregation.where_of("max_share"),
                        fmt::format("secure.{} cannot hold a hospital to a share: nobody sees how "
                                    "many rows the others have",
                                    secure.name),
                        "rows_max of the secure sum bounds the weight of every hospital"});
  }
  return mistakes;
}

namespace {

// How numbers are sent, and how long answers may take: the same for all.
Schema with_numbers(Schema schema, const char* wait) {
  const double two_minutes = 120e9;
  const std::vector<Field> fields{
      Field{"clip", type::number().above(0), 8.0,
            "every value of an update is held to this absolute value"},
      Field{"bits", type::integer().between(2, 31), std::int64_t{24},
            "of a value on the wire, before the bits that the sum needs"},
      Field{"rows_max", type::integer().at_least(1), std::int64_t{10'000},
            "a hospital with more training rows weighs as one with so many; public"},
      Field{"wait", type::quantity(Dimension::time).above(0),
            Quantity{two_minutes, Dimension::time}, wait},
      Field{"fidelity", type::choice({"real", "cost"}), "real",
            "real: the cryptography is computed; cost: the same messages, times and sums "
            "without it"}};
  schema.fields.insert(schema.fields.end(), fields.begin(), fields.end());
  return schema;
}

Schema secagg_plus_schema() {
  const Type hospitals =
      type::integer().at_least(0) | some_share(type::quantity(Dimension::fraction));
  return Schema{
      .kind = "secure",
      .name = "secagg_plus",
      .doc =
          "Secure sums by masks between neighbours: as secure.pairwise, but each hospital agrees "
          "on masks and shares secrets with a few others, whose number grows with the logarithm "
          "of all. They are drawn anew for each round. How many they are, and how many of them "
          "give a secret, follows from how many may collude and how many may be lost: unsafe with "
          "probability 2^-40 at most, failing for lack of shares with 2^-20.",
      .paper =
          "Bell et al. 2020, Secure Single-Server Aggregation with (Poly)Logarithmic Overhead, "
          "algorithm 2 (semi-honest)",
      .fields = {Field{"colluding", hospitals, Quantity{0.1, Dimension::fraction},
                       "hospitals that may collude with the server: a count, or fraction(0.2) of "
                       "those invited, rounded up"},
                 Field{"dropouts", hospitals, Quantity{0.2, Dimension::fraction},
                       "hospitals that may be lost in a round, which fails with more: a count, or "
                       "fraction(0.3) of those invited, rounded up"}},
      .example =
          "secure = secure.secagg_plus { colluding = fraction(0.1), dropouts = "
          "fraction(0.3) }"};
}

}  // namespace

std::vector<Schema> secure_schemas() {
  const Type threshold =
      type::integer().at_least(2) | some_share(type::quantity(Dimension::fraction));
  const Schema pairwise{
      .kind = "secure",
      .name = "pairwise",
      .doc =
          "Secure sums by pairwise masks: the server learns the weighted sum of the updates of a "
          "round and no single one. Every round has four phases on the clock: hospitals "
          "advertise keys, share secrets, send masked updates, and unmask the sum of those that "
          "arrived. Against a server and hospitals that follow the protocol and remember what "
          "they see; with adversary = \"active\" against a server that lies: keys are signed, and "
          "one phase more makes sure that all were told of the same survivors.",
      .paper =
          "Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine "
          "Learning, figure 4 (semi-honest, and active)",
      .fields = {Field{
                     "threshold",
                     threshold,
                     {},
                     "hospitals that must answer in every phase, else the round fails: a count, or "
                     "fraction(0.6) of those invited. So many colluding with the server read any "
                     "update",
                     false,
                     "two thirds of those invited, rounded down, and one"},
                 Field{"adversary", type::choice({"semi_honest", "active"}), "semi_honest",
                       "semi_honest: the server follows the protocol; active: it may lie. Then "
                       "2 t - n - 1 hospitals may collude with it, t the threshold, which is more "
                       "than half"},
                 Field{"tampering",
                       type::part("tampering") | type::none(),
                       {},
                       "how the server lies: to see that it is caught, or what it reads"}},
      .example = "secure = secure.pairwise { threshold = fraction(0.6), clip = 4 }"};
  constexpr const char* kAnswers = "longest wait for the answers to a phase of keys or shares";
  std::vector<Schema> schemas = tampering_schemas();
  schemas.insert(
      schemas.begin(),
      {with_numbers(pairwise, kAnswers), with_numbers(secagg_plus_schema(), kAnswers),
       with_numbers(shares_schema(),
                    "how long a hospital waits for a server that is down, and how long the "
                    "servers may take to agree whose shares they have and to find the result"),
       with_numbers(light_schema(), kAnswers),
       with_numbers(paillier_schema(), "longest wait for the answers of those who decrypt")});
  return schemas;
}

std::string_view phase_name(const SecureAccount& account, secure::Phase phase) {
  if (account.light && phase == secure::Phase::share_keys) return "share masks";
  if (account.key) {
    if (phase == secure::Phase::masked_input) return "encrypted input";
    const bool asks = *account.key != secure::PaillierHolder::coordinator;
    return asks && phase == secure::Phase::unmask ? "decrypt" : "";
  }
  if (account.masks) return secure::name(phase);
  if (phase == secure::Phase::masked_input) return "send shares";
  if (phase == secure::Phase::unmask) return account.compared ? "compare" : "add up";
  return {};
}

}  // namespace polyclinic
