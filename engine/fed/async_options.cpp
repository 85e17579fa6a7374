// What a scenario says about protocols without common rounds, and what it reads as.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "fed/async_server.hpp"
#include "fed/schema_help.hpp"

namespace polyclinic {

namespace {

std::vector<Field> common_fields() {
  return {
      Field{"concurrency",
            type::all() | type::integer().at_least(1) |
                some_share(type::quantity(Dimension::fraction)),
            {},
            "hospitals at work at a time: a count, fraction(0.5) or all",
            false,
            "what participants says"},
      Field{"staleness",
            type::part("staleness"),
            {},
            "how much an update counts that comes from an old version",
            false,
            "staleness.polynomial { a = 0.5 }"},
      Field{"staleness_most",
            type::integer().at_least(0),
            {},
            "an update from a version older than this is left out",
            false,
            "none is too old"},
      Field{"rest", type::quantity(Dimension::time).at_least(0), Quantity{60e9, Dimension::time},
            "how long a hospital is not asked again after a visit that brought nothing"},
      Field{"control", type::quantity(Dimension::data).between(0, 1e12),
            Quantity{1000, Dimension::data},
            "size of what travels beside the parameters, each way"}};
}

Schema with_common(Schema schema) {
  for (Field& field : common_fields()) schema.fields.push_back(std::move(field));
  return schema;
}

}  // namespace

bool is_asynchronous(const Part& protocol) {
  constexpr std::array kNames{"buffered", "async", "semi_sync"};
  return std::find(kNames.begin(), kNames.end(), protocol.name) != kNames.end();
}

AsyncOptions async_options(const Part& protocol, std::size_t concurrency) {
  AsyncOptions options;
  options.concurrency = std::max<std::size_t>(concurrency, 1);
  if (protocol.name == "buffered") {
    // ten as in the paper; where few are at work, half of them
    constexpr std::size_t kBuffer = 10;
    options.buffer = protocol.find("buffer") ? static_cast<std::size_t>(protocol.integer("buffer"))
                                             : std::min(kBuffer, (options.concurrency + 1) / 2);
  }
  if (protocol.name == "async") options.mixing = protocol.number("alpha");
  if (protocol.name == "semi_sync") options.every = protocol.time("every");
  options.staleness.kind = StalenessRule::Kind::polynomial;
  options.staleness.a = 0.5;
  if (const Part* part = protocol.part("staleness")) options.staleness = staleness_rule(*part);
  if (protocol.find("staleness_most")) options.staleness_most = protocol.integer("staleness_most");
  options.rest = protocol.time("rest");
  options.control_bytes = static_cast<std::int64_t>(protocol.quantity("control"));
  return options;
}

std::vector<Schema> async_schemas() {
  return {
      with_common(Schema{
          .kind = "protocol",
          .name = "buffered",
          .doc = "No common rounds: whoever replied makes room for another hospital at once, and "
                 "every "
                 "`buffer` updates make a version, those from old versions counting less.",
          .paper = "Nguyen et al. 2022, Federated Learning with Buffered Asynchronous Aggregation, "
                   "Algorithm 1",
          .fields = {Field{"buffer",
                           type::integer().at_least(1),
                           {},
                           "updates that make a version",
                           false,
                           "10, or half of the hospitals at work where that is less"}},
          .example = "protocol = protocol.buffered { buffer = 10, concurrency = 50 }"}),
      with_common(Schema{
          .kind = "protocol",
          .name = "async",
          .doc = "No common rounds: every update that arrives is mixed into the model and makes a "
                 "version: w becomes (1 - alpha s) w + alpha s w', w' being the hospital's model "
                 "and s what its staleness leaves of it.",
          .paper = "Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, Algorithm 1",
          .fields = {Field{"alpha", some_share(type::number()), 0.6, "share of a fresh model"}},
          .example = "protocol = protocol.async { alpha = 0.6, staleness = staleness.hinge {} }"}),
      with_common(Schema{
          .kind = "protocol",
          .name = "semi_sync",
          .doc = "A version at fixed times, made of the updates that have arrived by then; whoever "
                 "is idle is sent it, whoever is still at work counts in a later one.",
          .fields = {Field{"every", type::quantity(Dimension::time).above(0),
                           Quantity{1800e9, Dimension::time}, "from one version to the next"}},
          .example = "protocol = protocol.semi_sync { every = minutes(30) }"})};
}

}  // namespace polyclinic
