#include "fed/hierarchy.hpp"

#include <fmt/format.h>

#include "fed/border.hpp"
#include "fed/compression/wire.hpp"

namespace polyclinic {

namespace {

// At the rate of `link`, a bandwidth or a table of two.
double link_rate(const Part& part, std::string_view direction) {
  const Value& link = part.at("link");
  if (const auto* both = link.get_if<Quantity>()) return both->value;
  for (const auto& [name, value] : link.as<Table>()) {
    if (name == direction) return value.as<Quantity>().value;
  }
  throw part.mistake("link", fmt::format("protocol.hierarchical: 'link' lacks '{}'", direction),
                     "write link = { up = gbit(1), down = gbit(1) }, or one rate for both");
}

void check_link(const Part& part) {
  const auto* table = part.at("link").get_if<Table>();
  if (table == nullptr) return;
  for (const auto& [name, value] : *table) {
    if (name == "up" || name == "down") continue;
    throw part.mistake("link", fmt::format("protocol.hierarchical: 'link' has no '{}'", name),
                       "it has up and down");
  }
}

}  // namespace

HierarchyOptions hierarchy_options(const Part& part, std::int64_t rounds, TimeNs deadline) {
  HierarchyOptions options;
  options.rounds = rounds;
  options.regional_rounds = part.integer("regional_rounds");
  options.deadline = deadline;
  if (part.find("global_deadline")) {
    options.global_deadline = part.time("global_deadline");
  } else if (deadline != kNever) {
    // one more than its regions may use, for what travels to them and back
    const double most =
        static_cast<double>(deadline.ns) * static_cast<double>(options.regional_rounds + 1);
    options.global_deadline = most < static_cast<double>(kTimeMax.ns)
                                  ? TimeNs{deadline.ns * (options.regional_rounds + 1)}
                                  : kTimeMax;
  }
  options.over_selection = part.number("over_selection");
  if (part.find("minimum_replies")) options.minimum_replies = part.integer("minimum_replies");
  if (part.find("minimum_regions")) options.minimum_regions = part.integer("minimum_regions");
  options.pause = part.time("pause");
  options.control_bytes = static_cast<std::int64_t>(part.quantity("control"));
  return options;
}

AccessLink aggregator_link(const Part& part, const std::string& region) {
  check_link(part);
  AccessLink link;
  link.up_bytes_per_s = link_rate(part, "up");
  link.down_bytes_per_s = link_rate(part, "down");
  link.region = region;
  return link;
}

std::vector<Mistake> hierarchy_conflicts(const Part& protocol, const Part& aggregation,
                                         const Part* objective, const Part* secure,
                                         const Part* compression) {
  std::vector<Mistake> mistakes;
  const std::string_view kind = objective != nullptr ? std::string_view(objective->name) : "";
  if (kind == "control_variates" || kind == "dynamic") {
    mistakes.push_back(
        {protocol.where,
         fmt::format("protocol.hierarchical and objective.{} exclude each other: the "
                     "server would have to see every hospital's control vector",
                     kind),
         "nothing of one hospital crosses a border; leave out one of the two"});
  }
  if (secure != nullptr) {
    mistakes.push_back(
        {secure->where,
         fmt::format("protocol.hierarchical and secure.{} exclude each other: its phases are "
                     "between the hospitals and one server",
                     secure->name),
         "regional sums already keep single updates from the server; leave out one of the two"});
  }
  if (compression_down(compression) != nullptr) {
    mistakes.push_back({compression->where,
                        "protocol.hierarchical and a compression of models exclude each other: a "
                        "model that comes down is told as the difference to the one before, and "
                        "regions make models of their own in between",
                        "compress updates alone: compression.top_k {} and the like"});
  }
  if (aggregation.name == "krum") {
    mistakes.push_back({aggregation.where,
                        "protocol.hierarchical and aggregation.krum exclude each other: krum "
                        "chooses one hospital's update, which would cross the border",
                        "aggregation.multi_krum averages several; leave out one of the two"});
  }
  if (aggregation.name == "normalized") {
    mistakes.push_back({aggregation.where,
                        "protocol.hierarchical and aggregation.normalized exclude each other: "
                        "every region would divide by steps of its own, and the server could not "
                        "put them together",
                        "use aggregation.mean, or protocol.sync"});
  }
  return mistakes;
}

Schema hierarchical_schema(std::vector<Field> common) {
  const Type rate = type::quantity(Dimension::bandwidth).inside(0, 1e18);
  Schema schema{
      .kind = "protocol",
      .name = "hierarchical",
      .doc =
          "Hospitals, an aggregator for each region, a server. In every round a region gets the "
          "model, makes regional_rounds of its own with its hospitals, and sends the sum of "
          "what they learnt. Regions are those that hospitals name. Nothing of one hospital "
          "leaves its region: a sum is of two hospitals at least, and the report says what "
          "crossed. deadline is that of a regional round; participants and minimum_replies "
          "are of each region.",
      .paper = "Liu et al. 2020, Client-Edge-Cloud Hierarchical Federated Learning, Algorithm 1",
      .fields = {{"regional_rounds", type::integer().between(1, 10'000), std::int64_t{1},
                  "rounds of a region in one of the server"},
                 {"global_deadline",
                  type::quantity(Dimension::time).above(0),
                  {},
                  "of a round of the server",
                  false,
                  "so many times deadline as there are regional rounds, and once more"},
                 {"minimum_regions",
                  type::integer().at_least(1),
                  {},
                  "with fewer sums the round fails and the model stays as it is",
                  false,
                  "two thirds of the regions, rounded up"},
                 {"aggregators",
                  type::table(type::text()),
                  {},
                  "hospitals whose machines aggregate, by region",
                  false,
                  "a machine of its own in each region, always up"},
                 {"link", rate | type::table(rate), Quantity{125e6, Dimension::bandwidth},
                  "of such a machine: up carries what it sends, down what it receives"}},
      .example =
          "protocol = protocol.hierarchical { regional_rounds = 4, aggregators = { EU = "
          "\"Lyon\" } }"};
  for (Field& field : common) {
    if (field.name == "minimum_replies") {
      field.type = type::integer().at_least(static_cast<double>(kLeastInSum));
      field.doc = "with fewer a regional round fails and the region's model stays as it is";
      field.standard_text = "max(2, two thirds of the region's participants, rounded up)";
    }
    schema.fields.push_back(std::move(field));
  }
  return schema;
}

}  // namespace polyclinic
