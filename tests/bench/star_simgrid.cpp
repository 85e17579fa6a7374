// W8 in SimGrid: star_simgrid HOSTS EXCHANGES [together] [direct] [--cfg=...].
//
// As its users write it, a ping-pong is between two actors that meet at mailboxes. With `direct`
// one actor makes both messages, which costs SimGrid less. Either way CM02 without cross-traffic or
// TCP window, as our network model has it.
#include <simgrid/s4u.hpp>

#include <simgrid/version.h>

#include <string>
#include <string_view>
#include <vector>

#include "star.hpp"

namespace sg4 = simgrid::s4u;

namespace {

void direct(sg4::Host* host, sg4::Host* server, double start, int times) {
  sg4::this_actor::sleep_for(start);
  for (int i = 0; i < times; ++i) {
    sg4::Comm::sendto(host, server, star::kMessageBytes);
    sg4::Comm::sendto(server, host, star::kMessageBytes);
  }
}

int payload = 0;

void ping(const std::string& name, double start, int times) {
  sg4::this_actor::sleep_for(start);
  sg4::Mailbox* up = sg4::Mailbox::by_name(name + "-up");
  sg4::Mailbox* down = sg4::Mailbox::by_name(name + "-down");
  for (int i = 0; i < times; ++i) {
    up->put(&payload, star::kMessageBytes);
    down->get<int>();
  }
}

void pong(const std::string& name, int times) {
  sg4::Mailbox* up = sg4::Mailbox::by_name(name + "-up");
  sg4::Mailbox* down = sg4::Mailbox::by_name(name + "-down");
  for (int i = 0; i < times; ++i) {
    up->get<int>();
    down->put(&payload, star::kMessageBytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const star::Arguments arguments = star::read_arguments(argc, argv);
  sg4::Engine engine(&argc, argv);
  const bool without_mailboxes = std::string_view(argv[argc - 1]) == "direct";
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
    const double start = star::start_seconds(arguments, i);
    if (without_mailboxes) {
      sg4::Actor::create("exchange", hosts[i], direct, hosts[i], server, start,
                         arguments.exchanges);
      continue;
    }
    const std::string name = hosts[i]->get_name();
    sg4::Actor::create("ping", hosts[i], ping, name, start, arguments.exchanges);
    sg4::Actor::create("pong", server, pong, name, arguments.exchanges);
  }
  const double before = star::cpu_seconds();
  engine.run();
  star::report("simgrid", arguments, star::cpu_seconds() - before, sg4::Engine::get_clock());
  return 0;
}
