// W8 on our clock and star network: star_polyclinic HOSTS EXCHANGES [together].
#include "net/network.hpp"
#include "star.hpp"

using namespace polyclinic;

namespace {

Task<void> exchange(Simulation& sim, Network& network, HospitalId host, TimeNs start, int times) {
  co_await sim.at(start);
  for (int i = 0; i < times; ++i) {
    co_await network.transfer(host, TransferDirection::up, star::kMessageBytes, kNever);
    co_await network.transfer(host, TransferDirection::down, star::kMessageBytes, kNever);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const star::Arguments arguments = star::read_arguments(argc, argv);
  Simulation sim;
  const std::unique_ptr<Network> star = make_network(nullptr, sim);
  Network& network = *star;
  network.set_server(TransferDirection::up, star::kServerBytesPerS);
  network.set_server(TransferDirection::down, star::kServerBytesPerS);
  for (int i = 0; i < arguments.hosts; ++i) {
    const HospitalId host{static_cast<std::uint32_t>(i)};
    AccessLink link;
    link.up_bytes_per_s = link.down_bytes_per_s = star::host_bytes_per_s(i);
    link.latency = ceil_to_ns(star::kLatencySeconds);
    network.attach(host, link, nullptr);
    const TimeNs start = ceil_to_ns(star::start_seconds(arguments, i));
    sim.spawn(sim.root(), exchange(sim, network, host, start, arguments.exchanges), "host",
              host.value);
  }
  const double before = star::cpu_seconds();
  sim.run();
  star::report("polyclinic", arguments, star::cpu_seconds() - before, sim.now().seconds());
  return 0;
}
