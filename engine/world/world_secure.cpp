// What a reader must know of a run's secure sums (science.md, rule 5): who saw what, and what it
// would take to see more.
#include <fmt/format.h>

#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

// A key opens what came, whether a sum came of it or not.
std::string seen_without_sums(const SecureAccount& account) {
  const std::int64_t came = account.answered[static_cast<std::size_t>(secure::Phase::masked_input)];
  if (account.key && came > 0 && *account.key != secure::PaillierHolder::threshold) {
    const std::string updates = came == 1 ? "the update" : fmt::format("each of {} updates", came);
    return *account.key == secure::PaillierHolder::coordinator
               ? fmt::format("the server has the key, and can read {} that reached it", updates)
               : fmt::format(
                     "any hospital can read {} that reached the server, if it is handed "
                     "them: all have the key",
                     updates);
  }
  if (account.read_alone > 0) return "what the server learnt, it learnt by lying";
  return "the server learnt of no update";
}

std::string what_was_seen(const SecureAccount& account) {
  if (account.sums == 0) return "secure sums: none came out; " + seen_without_sums(account);
  if (account.servers > 0) return share_servers_saw(account);
  if (account.key) return key_holders_saw(account);
  const std::string threshold =
      account.threshold_least == account.threshold_most
          ? fmt::format("{}", account.threshold_least)
          : fmt::format("{} to {}", account.threshold_least, account.threshold_most);
  std::string with_server = fmt::format("{} hospitals with the server", threshold);
  if (account.sparse) {
    with_server = fmt::format(
        "all its neighbours there ({} at least), or {} of its neighbours, with the server",
        account.neighbours_in_sum, account.shares_least);
  } else if (account.light) {
    with_server = fmt::format(
        "more than {} hospitals with the server, which begin to know masks: {} know them all",
        account.colluding_least, threshold);
  } else if (account.active) {
    with_server = fmt::format("more than {} hospitals with the server, which may lie",
                              account.colluders_least);
  }
  return fmt::format(
      "secure sums: of updates the server saw masked vectors and {} sums, the smallest of {} "
      "hospitals, with the sum of their weights. To expose one update all others of its sum "
      "must collude ({} at least), or {}. {}",
      account.sums, account.parties_least, account.parties_least - 1, with_server,
      account.real ? "Keys come from the run's seed: the secrecy is simulated"
                   : "fidelity = \"cost\": no cryptography was computed");
}

// What a server that lies got, and who noticed.
std::vector<std::string> lies_told(const SecureAccount& account) {
  std::vector<std::string> remarks;
  if (account.tampered > 0) {
    remarks.push_back(fmt::format(
        "the server lied in {} rounds and read {} single updates{}", account.tampered,
        account.read_alone,
        account.read_alone > 0
            ? ": secure.pairwise is semi-honest, and hospitals see nothing of it. adversary = "
              "\"active\" is against such a server"
            : ""));
  }
  for (const SecureAccount::Refused& one : account.refused) {
    remarks.push_back(fmt::format(
        "{} times a hospital ended its part in phase '{}' (first in "
        "round {}): {}",
        one.hospitals, phase_name(account, one.phase), one.first_round, secure::describe(one.why)));
  }
  return remarks;
}

std::string missed_text(const SecureAccount& account) {
  std::vector<std::string> parts;
  for (const secure::Phase phase : secure::phases(account.active)) {
    const std::int64_t missed = account.missed[static_cast<std::size_t>(phase)];
    if (missed == 0) continue;
    parts.push_back(fmt::format("{} in phase '{}'", missed, phase_name(account, phase)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

void World::Impl::find_victim(const Part& part, Tampering& tampering) const {
  if (tampering.hospital.empty()) return;
  tampering.victim = population->find(tampering.hospital);
  if (!tampering.victim) {
    const std::vector<std::string> names = hospital_names();
    std::string hint = did_you_mean(tampering.hospital, names);
    if (!hint.empty()) hint += "\n";
    if (names.size() <= 30) hint += "hospitals are " + join_names(names);
    throw part.mistake("hospital", fmt::format("there is no hospital \"{}\"", tampering.hospital),
                       hint);
  }
  if (!is_among(candidates, *tampering.victim)) {
    throw part.mistake("hospital",
                       fmt::format("{} is external: it takes part in no round", tampering.hospital),
                       "name a member");
  }
}

void World::Impl::add_secure_remarks() {
  if (spec.scenario.part("secure") == nullptr) return;
  result.secure = protocol->secure_account();
  const SecureAccount& account = *result.secure;
  result.remarks.push_back(what_was_seen(account));
  for (std::string& remark : lies_told(account)) result.remarks.push_back(std::move(remark));
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
