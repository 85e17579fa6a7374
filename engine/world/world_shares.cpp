// Sums of shares at several servers: where the servers are, and who could read what.
#include <fmt/format.h>

#include "net/availability.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {
// Outages of other servers are at addresses beyond those of hospitals.
constexpr std::uint32_t kServers = 0x7FFFFF00U;
}  // namespace

void World::Impl::build_share_servers(const Part& secure, const Part& rule,
                                      SyncServer::Setup& setup) {
  const Part* place = spec.scenario.part("network");
  if (place != nullptr && place->name == "mesh") {
    throw secure.mistake("servers",
                         "secure.shares cannot be combined with network.mesh: at which routers "
                         "its other servers are is not known",
                         "use network.star or network.regions");
  }
  setup.secure->shares->middle = middle_rule(rule);
  AccessLink link;
  link.up_bytes_per_s = link.down_bytes_per_s = setup.secure->shares->rate_bytes_per_s;
  link.latency = setup.secure->shares->latency;
  for (std::size_t number = 2; number <= setup.secure->shares->servers; ++number) {
    AvailabilityContext context;
    context.run = run_key;
    context.hospital = {kServers + static_cast<std::uint32_t>(number)};
    context.name = fmt::format("server {}", number);
    const Value* when = secure.find("availability");
    share_servers.push_back(when == nullptr ? nullptr : make_availability(when, context));
    HelperServer server;
    server.host = network->add_host(link, share_servers.back().get());
    setup.helpers.push_back(server);
  }
}

std::string share_servers_saw(const SecureAccount& account) {
  const std::string what =
      account.compared ? "the middle of each coordinate and nothing else of them" : "their sums";
  const std::string several =
      account.servers > 2 ? "; any two servers together saw no more than that" : "";
  std::string text = fmt::format(
      "secure sums, in shares to {} servers that are trusted not to collude: alone the server saw "
      "who took part, a share of each update that is uniform whatever the update, and of {} "
      "rounds {}; each other server a seed of each update, which is random{}. All {} together can "
      "read every update. ",
      account.servers, account.sums, what, several, account.servers);
  if (!account.compared) {
    text += fmt::format(
        "To expose one update with fewer, all others of its sum must collude with the server ({} "
        "at least). ",
        account.parties_least - 1);
  }
  if (account.compared) {
    text +=
        "Comparisons of shares are charged in rounds, bytes and time and are not computed: this "
        "is a simulation, the result is that of the rounded updates themselves";
  } else {
    text += account.real ? "Seeds come from the run's seed: the secrecy is simulated"
                         : "fidelity = \"cost\": no cryptography was computed";
  }
  return text;
}

std::string share_servers_lost(const SecureAccount& account) {
  std::vector<std::string> parts;
  if (account.incomplete > 0) {
    parts.push_back(
        fmt::format("{} updates reached some of the servers only and were left out by all",
                    account.incomplete));
  }
  if (account.servers_lost > 0) {
    parts.push_back(fmt::format("{} rounds failed for a server that did not answer in time",
                                account.servers_lost));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace polyclinic
