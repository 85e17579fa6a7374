#include "net/network.hpp"

#include <fmt/format.h>

#include "net/schema_help.hpp"
#include "net/star_network.hpp"

namespace polyclinic {

namespace {

double server_rate(const Part& part, TransferDirection direction) {
  const Value* server = part.find("server");
  if (!server) return part_defaults(network_star_schema()).find("server")->as<Quantity>().value;
  if (const auto* both = server->get_if<Quantity>()) return both->value;
  const std::string_view key = direction == TransferDirection::up ? "up" : "down";
  for (const auto& [name, value] : server->as<Table>()) {
    if (name == key) return value.as<Quantity>().value;
  }
  throw part.mistake("server", fmt::format("network.star: 'server' lacks '{}'", key),
                     "write server = { up = gbit(1), down = gbit(1) }, or one rate for both");
}

}  // namespace

std::unique_ptr<Network> make_network(const Part* part, Simulation& simulation) {
  const Part standard = part_defaults(network_star_schema());
  const Part& given = part ? *part : standard;
  if (const Value* server = given.find("server")) {
    if (const auto* table = server->get_if<Table>()) {
      check_keys(given, "server", *table, {"up", "down"});
    }
  }
  StarOptions options;
  for (const auto direction : {TransferDirection::down, TransferDirection::up}) {
    options.server_bytes_per_s[static_cast<std::size_t>(direction)] = server_rate(given, direction);
  }
  options.interrupted = interruption_of(&given);
  options.retries = static_cast<std::int32_t>(given.integer("retries"));
  options.back_off = given.time("back_off");
  return std::make_unique<StarNetwork>(simulation, options);
}

}  // namespace polyclinic
