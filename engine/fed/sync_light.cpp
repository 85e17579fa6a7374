// Rounds whose updates are summed under masks in coded pieces (secure/light.hpp): the phases are
// those of sync_secure.cpp, what is sent and computed in them is not.
#include <algorithm>

#include "base/quantity.hpp"
#include "fed/sync_server.hpp"

namespace polyclinic {

using secure::Phase;

secure::LightSettings SyncServer::light_settings(const Round& round) const {
  const auto parameters = static_cast<std::size_t>(s_.versions->parameters()->layout().size());
  return s_.secure->light->settings(round.participants.size(), parameters + 1);  // and the weight
}

secure::LightSizes SyncServer::light_sizes(const Round& round) const {
  const secure::LightSettings settings = light_settings(round);
  return {settings.values, settings.piece()};
}

SyncServer::Call SyncServer::light_call(const Round& round, Phase phase, std::size_t index) const {
  const secure::LightSeconds seconds{light_settings(round), {}};
  const secure::LightSizes sizes = light_sizes(round);
  Call call;
  if (phase == Phase::advertise) {
    call.bytes_down = s_.options.control_bytes;
    call.bytes_up = secure::LightSizes::advertise();
    call.seconds = seconds.advertise();
  } else if (phase == Phase::share_keys) {
    const std::size_t keys = others(round, index, &Participant::advertised);
    call.bytes_down = secure::LightSizes::keys(keys + 1);
    call.bytes_up = sizes.shares(keys);
    call.seconds = seconds.share(keys);
  } else {
    call.bytes_down = secure::LightSizes::ask(round.arrived);
    call.bytes_up = sizes.reveal();
    call.seconds = seconds.reveal(round.arrived);
  }
  call.until = std::min(s_.simulation->now() + s_.secure->wait, round.ends);
  return call;
}

// The server's time for a sum whose masks were told.
TimeNs SyncServer::light_unmasking(const Round& round) const {
  const secure::LightSeconds seconds{light_settings(round), {}};
  return ceil_to_ns(seconds.unmask(round.arrived));
}

}  // namespace polyclinic
