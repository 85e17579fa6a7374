// The other side of tests/net/simgrid_test.cpp: finishing times by SimGrid. A program of its own,
// so that SimGrid (LGPL) is linked into nothing of ours and its global state stays here.
//
// Usage: simgrid_times CONFIG... < worlds > times, where CONFIG is as in --cfg=CONFIG. Worlds are
// lines of words; the worlds share no link, so they run beside each other in one simulation:
//   link UP_BYTES_PER_S DOWN_BYTES_PER_S LATENCY_S      numbered from 0
//   route LINK...                       a hospital and its links to the server; numbered from 0
//   flow ROUTE up|down BYTES START_S [BREAK_S AGAIN_S anew|on]
//                                       if it is on its way at BREAK_S, it is broken off and starts
//                                       anew, or goes on, at AGAIN_S
// Prints for each flow, in order, the second at which it has ended.
#include <simgrid/Exception.hpp>
#include <simgrid/s4u.hpp>

// uses macros of the others
#include <simgrid/version.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sg4 = simgrid::s4u;

namespace {

struct Line {
  double up_bytes_per_s = 0;
  double down_bytes_per_s = 0;
  double latency_s = 0;
};

struct Flow {
  std::size_t route = 0;
  bool up = true;
  std::uint64_t bytes = 0;
  double start_s = 0;
  bool broken = false;
  double break_s = 0;
  double again_s = 0;
  bool goes_on = false;
  double end_s = -1;
};

struct Worlds {
  std::vector<Line> links;
  std::vector<std::vector<std::size_t>> routes;
  std::vector<Flow> flows;
};

Worlds read(std::istream& in) {
  Worlds worlds;
  for (std::string text; std::getline(in, text);) {
    std::istringstream words(text);
    std::string kind;
    words >> kind;
    if (kind == "link") {
      Line line;
      words >> line.up_bytes_per_s >> line.down_bytes_per_s >> line.latency_s;
      worlds.links.push_back(line);
    } else if (kind == "route") {
      std::vector<std::size_t> route;
      for (std::size_t link = 0; words >> link;) route.push_back(link);
      worlds.routes.push_back(route);
    } else if (kind == "flow") {
      Flow flow;
      std::string direction;
      words >> flow.route >> direction >> flow.bytes >> flow.start_s;
      flow.up = direction == "up";
      std::string how;
      flow.broken = static_cast<bool>(words >> flow.break_s >> flow.again_s >> how);
      flow.goes_on = how == "on";
      worlds.flows.push_back(flow);
    }
  }
  return worlds;
}

// SimGrid 4 renamed what 3.32 calls create_*, and routes are given in another way.
#if SIMGRID_VERSION >= 40000
sg4::NetZone* make_zone(sg4::Engine& engine) {
  return engine.get_netzone_root()->add_netzone_full("worlds");
}
sg4::Host* make_host(sg4::NetZone* zone, const std::string& name) {
  return zone->add_host(name, 1e9);
}
sg4::Link* make_link(sg4::NetZone* zone, const std::string& name, double bytes_per_s,
                     double latency_s) {
  return zone->add_link(name, bytes_per_s)->set_latency(latency_s)->seal();
}
template <class Code>
void make_actor(sg4::Engine& engine, sg4::Host* host, const std::string& name, Code code) {
  engine.add_actor(name, host, code);
}
void make_route(sg4::NetZone* zone, sg4::Host* from, sg4::Host* to,
                const std::vector<const sg4::Link*>& links) {
  std::vector<sg4::LinkInRoute> route(links.begin(), links.end());
  zone->add_route(from, to, route, false);
}
#else
sg4::NetZone* make_zone(sg4::Engine&) {
  return sg4::create_full_zone("worlds");
}
sg4::Host* make_host(sg4::NetZone* zone, const std::string& name) {
  return zone->create_host(name, 1e9);
}
sg4::Link* make_link(sg4::NetZone* zone, const std::string& name, double bytes_per_s,
                     double latency_s) {
  return zone->create_link(name, bytes_per_s)->set_latency(latency_s)->seal();
}
template <class Code>
void make_actor(sg4::Engine&, sg4::Host* host, const std::string& name, Code code) {
  sg4::Actor::create(name, host, code);
}
void make_route(sg4::NetZone* zone, sg4::Host* from, sg4::Host* to,
                const std::vector<const sg4::Link*>& links) {
  std::vector<sg4::LinkInRoute> route(links.begin(), links.end());
  zone->add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, route, false);
}
#endif

// Sends the flow and notes when it has arrived. An actor of its own breaks it off: after a wait
// that timed out SimGrid has forgotten what was left.
void send(Flow& flow, sg4::Host* from, sg4::Host* to) {
  sg4::this_actor::sleep_until(flow.start_s);
  double left = static_cast<double>(flow.bytes);
  if (flow.broken) {
    sg4::CommPtr sent = sg4::Comm::sendto_async(from, to, flow.bytes);
    bool arrived = false;
    make_actor(*sg4::Engine::get_instance(), from, "breaker", [&flow, &arrived, &left, sent] {
      sg4::this_actor::sleep_until(flow.break_s);
      if (arrived) return;
      if (flow.goes_on) left = sent->get_remaining();
      sent->cancel();
    });
    try {
      sent->wait();
      arrived = true;
      flow.end_s = sg4::Engine::get_clock();
    } catch (const simgrid::Exception&) {
    }
    // the other actor refers to what is here
    sg4::this_actor::sleep_until(flow.again_s);
    if (arrived) return;
  }
  sg4::Comm::sendto_async(from, to, static_cast<std::uint64_t>(left + 0.5))->wait();
  flow.end_s = sg4::Engine::get_clock();
}

}  // namespace

int main(int argc, char** argv) {
  sg4::Engine engine(&argc, argv);
  for (int i = 1; i < argc; ++i) sg4::Engine::set_config(std::string(argv[i]));
  Worlds worlds = read(std::cin);
  sg4::NetZone* zone = make_zone(engine);
  std::vector<const sg4::Link*> up;
  std::vector<const sg4::Link*> down;
  for (std::size_t i = 0; i < worlds.links.size(); ++i) {
    const Line& line = worlds.links[i];
    const std::string number = std::to_string(i);
    up.push_back(make_link(zone, "up" + number, line.up_bytes_per_s, line.latency_s));
    down.push_back(make_link(zone, "down" + number, line.down_bytes_per_s, line.latency_s));
  }
  sg4::Host* server = make_host(zone, "server");
  std::vector<sg4::Host*> hospitals;
  for (std::size_t i = 0; i < worlds.routes.size(); ++i) {
    hospitals.push_back(make_host(zone, "hospital" + std::to_string(i)));
    std::vector<const sg4::Link*> there;
    std::vector<const sg4::Link*> back;
    for (const std::size_t link : worlds.routes[i]) {
      there.push_back(up[link]);
      back.insert(back.begin(), down[link]);
    }
    make_route(zone, hospitals[i], server, there);
    make_route(zone, server, hospitals[i], back);
  }
  zone->seal();
  for (std::size_t i = 0; i < worlds.flows.size(); ++i) {
    Flow& flow = worlds.flows[i];
    sg4::Host* from = flow.up ? hospitals[flow.route] : server;
    sg4::Host* to = flow.up ? server : hospitals[flow.route];
    make_actor(engine, from, "flow" + std::to_string(i),
               [&flow, from, to] { send(flow, from, to); });
  }
  engine.run();
  for (const Flow& flow : worlds.flows) std::printf("%.12g\n", flow.end_s);
  return 0;
}
