// Rounds whose updates are sent encrypted (secure/paillier.hpp).
//
//   training -> ciphertexts to the server, which multiplies them
//   server -> hospitals  the encrypted sum;   hospitals -> server  its decryption, or their parts
//
// The second line is there where the server has not got the key itself.
#include <algorithm>

#include "base/quantity.hpp"
#include "fed/sync_server.hpp"

namespace polyclinic {

using secure::PaillierHolder;
using secure::Phase;

secure::PaillierShape SyncServer::paillier_shape(const Round& round) const {
  const std::size_t parties = round.participants.size();
  const auto parameters = static_cast<std::size_t>(s_.versions->parameters()->layout().size());
  return s_.secure->paillier->shape(parties, parameters + 1,  // and the weight
                                    sum_bits(*s_.secure, parties), s_.secure->noise.has_value());
}

SyncServer::Call SyncServer::decrypt_call(const Round& round) const {
  const secure::PaillierShape shape = paillier_shape(round);
  const secure::PaillierSizes sizes{shape};
  const secure::PaillierSeconds seconds{shape, {}};
  Call call;
  call.until = std::min(s_.simulation->now() + s_.secure->wait, round.ends);
  call.bytes_down = sizes.ask();
  call.bytes_up = sizes.answer();
  call.seconds = shape.holder == PaillierHolder::threshold ? seconds.part() : seconds.decrypt();
  return call;
}

// What arrived is summed, and decrypted by whoever can.
Task<void> SyncServer::decrypt_sum(Round& round) {
  end_phase(round, Phase::masked_input, round.participants.size(), round.arrived);
  if (!round.failure.empty() || round.arrived < round.minimum) co_return;
  // who has not arrived by now is in no sum
  drop_unfinished(round);
  const secure::PaillierSeconds seconds{paillier_shape(round), {}};
  co_await s_.simulation->delay(ceil_to_ns(seconds.add(round.arrived)));
  if (s_.secure->paillier->holder == PaillierHolder::coordinator) {
    co_await s_.simulation->delay(ceil_to_ns(seconds.decrypt()));
    co_return;
  }
  co_await run_phase(round, Phase::unmask);
  if (!round.failure.empty()) co_return;
  if (s_.secure->paillier->holder == PaillierHolder::threshold) {
    co_await s_.simulation->delay(ceil_to_ns(seconds.combine()));
  }
}

}  // namespace polyclinic
