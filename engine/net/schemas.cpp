// What a scenario can say about hospitals, their availability and the network.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "net/network.hpp"
#include "net/schema_help.hpp"

namespace polyclinic {

namespace {

constexpr double kNsPerHour = 3600e9;
constexpr double kBytesPerMbit = 125e3;
constexpr double kTimeMaxNs = static_cast<double>(kTimeMax.ns);
// A list of so many hospitals takes a second to make; beyond, memory would run out.
constexpr double kCountMost = 1e8;
constexpr double kWeekNs = 7 * 24 * kNsPerHour;

Distribution lognormal(double median, double spread, Dimension dimension) {
  Distribution d;
  d.kind = Distribution::Kind::lognormal;
  d.dimension = dimension;
  d.a = median;
  d.b = spread;
  return d;
}

Type positive(Dimension dimension) {
  return type::distribution(dimension).above(0);
}
Type some_time() {
  return type::quantity(Dimension::time);
}

Type availability_type() {
  return type::part("availability") | type::list(type::part("availability")) | type::none();
}

// Machine and links.
std::vector<Field> machine_fields() {
  return {
      {"patients", positive(Dimension::none), lognormal(600, 0.6, Dimension::none),
       "patients of a hospital (generated cohorts; files say it themselves)"},
      {"speed", positive(Dimension::speed), lognormal(50e9, 0.4, Dimension::speed),
       "effective floating-point operations per second in training"},
      {"uplink", positive(Dimension::bandwidth),
       lognormal(20 * kBytesPerMbit, 0.5, Dimension::bandwidth), "its access link, sending"},
      {"downlink", positive(Dimension::bandwidth),
       Distribution::constant(100 * kBytesPerMbit, Dimension::bandwidth),
       "its access link, receiving"},
      {"latency", type::distribution(Dimension::time).at_least(0),
       lognormal(40e6, 0.5, Dimension::time), "one way between hospital and server"},
      {"loss",
       type::distribution().between(0, 0.99) | type::quantity(Dimension::fraction).between(0, 0.99),
       Distribution::constant(0), "share of packets lost: goodput = rate x (1 - loss)"},
  };
}

// Habits: what rules the length of real rounds (docs: science, rule 1).
std::vector<Field> habit_fields() {
  return {
      {"overhead", type::distribution(Dimension::time).at_least(0),
       lognormal(5 * 60e9, 0.8, Dimension::time),
       "invitation to start: queue, container, loading data; a hospital's median"},
      {"jitter", type::number().between(0, 5), 0.5,
       "how much a hospital's own rounds vary around its overhead (sd of the logarithm)"},
      {"window",
       type::part("window") | type::none(),
       {},
       "daily hours in which it may begin to train; what has begun goes on to its end"},
      {"approval", type::distribution(Dimension::time).at_least(0),
       Distribution::constant(0, Dimension::time), "delay before its first training, once"},
      {"availability",
       availability_type(),
       {},
       "when it is up; several: up when all of them are",
       false,
       "always"},
      {"role", type::choice({"member", "external", "later"}), "member",
       "member: takes part; external: is only evaluated on; later: takes part once the timeline "
       "lets it join"},
      {"region", type::text(), "", "where it is: regional outages hit it together"},
  };
}

Field profile_field() {
  return {"profile",
          type::choice({"university", "rural", "mixed"}),
          {},
          "figures of a typical population for what is not given"};
}

Field follows_field() {
  return {"size_follows",
          type::table(type::number().inside(-1, 1)),
          {},
          "rank correlation with size of speed, uplink, downlink, latency, overhead, prevalence, "
          "case_mix",
          false,
          "independent, or the profile's"};
}

void append(std::vector<Field>& fields, std::vector<Field> more) {
  for (Field& field : more) fields.push_back(std::move(field));
}

void forget_defaults(std::vector<Field>& fields) {
  for (Field& field : fields) {
    field.standard = Value();
    field.standard_text = "as all hospitals";
  }
}

std::vector<Schema> availability_schemas() {
  const auto law = [](const char* name, double hours, const char* doc) {
    return Field{name, positive(Dimension::time),
                 Distribution::constant(hours * kNsPerHour, Dimension::time), doc};
  };
  const auto hour = [](const char* name, int standard, const char* doc) {
    return Field{name, type::number().between(0, 24), standard, doc};
  };
  return {
      Schema{.kind = "availability",
             .name = "always",
             .doc = "Never down.",
             .example = "availability = availability.always {}"},
      Schema{.kind = "availability",
             .name = "markov",
             .doc = "Up and down in turn, each for a random time: exponential with the given mean, "
                    "or of the given law, at least a second. Stationary from the start.",
             .fields = {law("up", 20, "how long it stays up: a mean, or a law"),
                        law("down", 2, "how long it stays down: a mean, or a law")},
             .example = "availability = availability.markov { up = hours(20), down = hours(2) }"},
      Schema{.kind = "availability",
             .name = "diurnal",
             .doc = "Up at certain hours of certain days. Time 0 is Monday, midnight.",
             .fields = {{"days", type::text(), "mon-sun",
                         "days on which it opens: \"mon-fri\", \"sat,sun\""},
                        hour("from", 7, "hour at which it comes up"),
                        hour("to", 19, "hour at which it goes down; before `from`: next morning"),
                        {"probability",
                         type::list(type::number().between(0, 1)),
                         {},
                         "instead of from and to: chance of being up in each of 24 hours of a day, "
                         "or 168 of a week from Monday on, drawn anew each time"},
                        {"shift", some_time().between(-kWeekNs, kWeekNs),
                         Quantity{0, Dimension::time}, "its clock is ahead of time 0 by so much"}},
             .example =
                 "availability = availability.diurnal { days = \"mon-fri\", from = 7, to = 19 }"},
      Schema{.kind = "availability",
             .name = "trace",
             .doc = "From a file, with columns hospital,time,state (up or down) or "
                    "hospital,start,end (when it is up). Times are seconds, or have a unit (2h). "
                    "Hospital * is any that the file does not name.",
             .fields = {{"file", type::file(), {}, "the CSV file", true}},
             .positional = true,
             .example = "availability = availability.trace { file = data \"uptime.csv\" }"},
      Schema{.kind = "availability",
             .name = "regional_outage",
             .doc = "Outages that hit all hospitals of a region at the same time.",
             .fields = {law("every", 24 * 30, "from the end of one to the next: a mean, or a law"),
                        law("lasts", 6, "how long one lasts: a mean, or a law")},
             .example = "availability = availability.regional_outage { every = days(30), lasts = "
                        "hours(6) }"},
      Schema{.kind = "availability",
             .name = "maintenance",
             .doc = "Down at regular times.",
             .fields = {{"every", some_time().between(60e9, kTimeMaxNs),
                         Quantity{7 * 24 * kNsPerHour, Dimension::time},
                         "from the beginning of one to the next"},
                        {"at", some_time().between(0, kTimeMaxNs),
                         Quantity{2 * kNsPerHour, Dimension::time}, "beginning of the first"},
                        {"lasts", some_time().inside(0, kTimeMaxNs),
                         Quantity{3 * kNsPerHour, Dimension::time}, "length, below `every`"}},
             .example = "availability = availability.maintenance { every = days(7), at = hours(2), "
                        "lasts = hours(3) }"},
  };
}

Schema nightly_schema() {
  return Schema{.kind = "window",
                .name = "nightly",
                .doc =
                    "A daily window, hours after midnight; across midnight when it closes "
                    "before it opens. Time 0 is midnight.",
                .fields = {{"opens", type::number().between(0, 24), 22, "hour at which it opens"},
                           {"closes", type::number().between(0, 24), 6, "hour at which it closes"}},
                .positional = true,
                .example = "window = nightly(22, 6)",
                .word = "nightly"};
}

}  // namespace

Schema hospitals_schema() {
  Schema schema{.kind = "hospitals",
                .doc =
                    "Who the hospitals are: size, machine, link and habits, drawn jointly, each "
                    "at an address of its own, so that adding one changes no other.",
                .example =
                    "hospitals = hospitals { count = 8, speed = lognormal { median = "
                    "gflops(50), spread = 0.4 } }"};
  schema.fields = {
      {"groups", type::list(type::part("group")), {}, "parts of the population, one after another"},
      {"count",
       type::integer().between(1, kCountMost),
       {},
       "how many",
       false,
       "as many as groups, names or data say, else 8"},
      {"names", type::list(type::text()), {}, "their names", false, "hospital-1, hospital-2, ..."},
  };
  append(schema.fields, machine_fields());
  append(schema.fields, habit_fields());
  append(schema.fields,
         {profile_field(),
          follows_field(),
          {"site",
           type::table(type::table(type::any())),
           {},
           "anything about one hospital, by name; where no names are given, the names here are "
           "those of the first hospitals, in alphabetical order"},
          {"interrupted", type::choice({"abort", "resume"}), "abort",
           "a training that an outage stops: is lost, or goes on afterwards"}});
  schema.items_field = "groups";
  return schema;
}

Schema group_schema() {
  Schema schema{.kind = "group",
                .doc = "Some of the hospitals; what it does not say is as for all hospitals.",
                .example =
                    "hospitals { group { region = \"EU\", count = 5 }, group { region = "
                    "\"US\", count = 4 } }"};
  append(schema.fields, machine_fields());
  append(schema.fields, habit_fields());
  append(schema.fields, {profile_field(), follows_field()});
  forget_defaults(schema.fields);
  schema.fields.insert(
      schema.fields.begin(),
      {{"count", type::integer().between(1, kCountMost), {}, "how many", false, "as many as names"},
       {"names", type::list(type::text()), {}, "their names"}});
  schema.fields.push_back(
      {"prevalence", type::number().inside(0, 1), {}, "prevalence of the outcome there"});
  schema.fields.push_back({"case_mix",
                           type::number().inside(0, 1),
                           {},
                           "rank of their case mix among hospitals: 0 mildest, 1 most severe"});
  return schema;
}

Schema site_schema(std::string name) {
  Schema schema{.kind = "site", .name = std::move(name)};
  append(schema.fields, machine_fields());
  append(schema.fields, habit_fields());
  schema.fields.push_back(profile_field());
  schema.fields.push_back(
      {"prevalence", type::number().inside(0, 1), {}, "prevalence of the outcome there"});
  schema.fields.push_back({"case_mix",
                           type::number().inside(0, 1),
                           {},
                           "rank of its case mix among hospitals: 0 mildest, 1 most severe"});
  forget_defaults(schema.fields);
  return schema;
}

std::vector<Schema> net_schemas() {
  std::vector<Schema> schemas = availability_schemas();
  schemas.push_back(hospitals_schema());
  schemas.push_back(group_schema());
  for (Schema& schema : network_schemas()) schemas.push_back(std::move(schema));
  schemas.push_back(nightly_schema());
  return schemas;
}

Part part_defaults(const Schema& schema) {
  std::vector<Mistake> mistakes;
  Part part = schema.resolve({}, {}, mistakes);
  ENSURE(mistakes.empty(), "a schema without required fields takes no fields");
  return part;
}

void check_keys(const Part& part, std::string_view field, const Table& table,
                const std::vector<std::string>& allowed) {
  for (const auto& [key, value] : table) {
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    std::string hint = did_you_mean(key, allowed);
    if (!hint.empty()) hint += '\n';
    hint += "it may have " + join_names(allowed);
    const std::string owner = part.name.empty() ? part.kind : part.kind + "." + part.name;
    throw part.mistake(field, fmt::format("{}: '{}' has no '{}'", owner, field, key), hint);
  }
}

}  // namespace polyclinic
