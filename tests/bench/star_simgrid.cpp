// W8 in SimGrid, in its fastest form: no mailboxes, CM02 without cross-traffic or TCP window, as
// our network model has it. star_simgrid HOSTS EXCHANGES [together] [--cfg=...].
#include <simgrid/s4u.hpp>

#include <simgrid/version.h>

#include <string>
#include <vector>

#include "star.hpp"

namespace sg4 = simgrid::s4u;

namespace {

void exchange(sg4::Host* host, sg4::Host* server, double start, int times) {
  sg4::this_actor::sleep_for(start);
  for (int i = 0; i < times; ++i) {
    sg4::Comm::sendto(host, server, star::kMessageBytes);
    sg4::Comm::sendto(server, host, star::kMessageBytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const star::Arguments arguments = star::read_arguments(argc, argv);
  sg4::Engine engine(&argc, argv);
  // its lazy updates are off by up to 0.3 % where hosts begin apart, and no faster
  for (const char* setting :
       {"network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:0", "network/weight-S:0",
        "network/optim:Full", "contexts/stack-size:64"}) {
    sg4::Engine::set_config(setting);
  }
#if SIMGRID_VERSION >= 40000
  sg4::NetZone* zone = engine.get_netzone_root();
#else
  sg4::NetZone* zone = sg4::create_star_zone("star");
#endif
  const auto join = [&](sg4::Host* host, const std::string& name, double rate, double latency) {
    const auto* link = zone->create_split_duplex_link(name, rate)->set_latency(latency)->seal();
    zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr,
                    {{link, sg4::LinkInRoute::Direction::UP}}, true);
  };
  sg4::Host* server = zone->create_host("server", 1e9);
  join(server, "server-link", star::kServerBytesPerS, 0);
  std::vector<sg4::Host*> hosts;
  for (int i = 0; i < arguments.hosts; ++i) {
    const std::string name = "host-" + std::to_string(i);
    hosts.push_back(zone->create_host(name, 1e9));
    join(hosts.back(), name + "-link", star::host_bytes_per_s(i), star::kLatencySeconds);
  }
  zone->seal();
  for (int i = 0; i < arguments.hosts; ++i) {
    sg4::Actor::create("exchange", hosts[i], exchange, hosts[i], server,
                       star::start_seconds(arguments, i), arguments.exchanges);
  }
  const double before = star::cpu_seconds();
  engine.run();
  star::report("simgrid", arguments, star::cpu_seconds() - before, sg4::Engine::get_clock());
  return 0;
}
