#include "net/network.hpp"

#include "net/flow_network.hpp"
#include "net/schema_help.hpp"

namespace polyclinic {

std::unique_ptr<Network> make_network(const Part* part, Simulation& simulation,
                                      const Population* population) {
  const Part standard = part_defaults(network_star_schema());
  const Part& given = part ? *part : standard;
  FlowOptions options;
  options.flow = make_flow_model(given);
  options.interrupted = interruption_of(&given);
  if (const Part* resumable = given.part("interrupted")) {
    options.resuming.chunk_bytes = resumable->quantity("chunk");
    options.resuming.round_trips = static_cast<double>(resumable->integer("round_trips"));
    options.resuming.bytes = resumable->quantity("handshake");
  }
  options.retries = static_cast<std::int32_t>(given.integer("retries"));
  options.back_off = given.time("back_off");
  return std::make_unique<FlowNetwork>(simulation, options, make_topology(given, population));
}

}  // namespace polyclinic
