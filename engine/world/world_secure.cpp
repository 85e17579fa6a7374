// What a reader must know of a run's secure sums (science.md, rule 5): who saw what, and what it
// would take to see more.
#include <fmt/format.h>

#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

std::string what_was_seen(const SecureAccount& account) {
  if (account.sums == 0) return "secure sums: none came out; the server learnt of no update";
  if (account.servers > 0) return share_servers_saw(account);
  const std::string threshold =
      account.threshold_least == account.threshold_most
          ? fmt::format("{}", account.threshold_least)
          : fmt::format("{} to {}", account.threshold_least, account.threshold_most);
  const std::string with_server =
      account.sparse ? fmt::format(
                           "all its neighbours there ({} at least), or {} of its neighbours, "
                           "with the server",
                           account.neighbours_in_sum, account.shares_least)
                     : fmt::format("{} hospitals with the server", threshold);
  return fmt::format(
      "secure sums: of updates the server saw masked vectors and {} sums, the smallest of {} "
      "hospitals, with the sum of their weights. To expose one update all others of its sum "
      "must collude ({} at least), or {}. {}",
      account.sums, account.parties_least, account.parties_least - 1, with_server,
      account.real ? "Keys come from the run's seed: the secrecy is simulated"
                   : "fidelity = \"cost\": no cryptography was computed");
}

std::string missed_text(const SecureAccount& account) {
  std::vector<std::string> parts;
  for (std::size_t p = 0; p < secure::kPhases; ++p) {
    if (account.missed[p] == 0) continue;
    parts.push_back(fmt::format("{} in phase '{}'", account.missed[p],
                                phase_name(account, static_cast<secure::Phase>(p))));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

void World::Impl::add_secure_remarks() {
  if (spec.scenario.part("secure") == nullptr) return;
  result.secure = protocol->secure_account();
  const SecureAccount& account = *result.secure;
  result.remarks.push_back(what_was_seen(account));
  if (account.sums_below_four > 0) {
    result.remarks.push_back(fmt::format(
        "{} sums were of fewer than 4 hospitals: with two, each subtracts its own update and has "
        "the other's",
        account.sums_below_four));
  }
  if (account.sums_in_pieces > 0) {
    result.remarks.push_back(fmt::format(
        "{} sums were of hospitals that no masks joined in one piece: the server saw the sum of "
        "each piece. Fewer dropouts were foreseen than came, or chance had it so",
        account.sums_in_pieces));
  }
  if (account.differ_by_one > 0) {
    result.remarks.push_back(fmt::format(
        "{} sums were of the hospitals of the sum before but for one: their difference says much "
        "of that one. A secure sum is no differential privacy",
        account.differ_by_one));
  }
  if (std::string lost = share_servers_lost(account); !lost.empty()) {
    result.remarks.push_back(std::move(lost));
  }
  if (const std::string missed = missed_text(account); !missed.empty()) {
    result.remarks.push_back(
        fmt::format("secure sums failed for fewer answers than the threshold: {}", missed));
  }
  if (account.clipped > 0) {
    result.remarks.push_back(fmt::format(
        "{:.2g} % of the values of updates were held to clip",
        100.0 * static_cast<double>(account.clipped) / static_cast<double>(account.values)));
  }
  if (account.rows_held > 0) {
    result.remarks.push_back(fmt::format(
        "{} updates of hospitals with more than rows_max training rows weighed as so many",
        account.rows_held));
  }
}

}  // namespace polyclinic
