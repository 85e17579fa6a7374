// A federation without a server: its graph, its models, and what must be read with its numbers.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "fed/gossip_server.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

// A deadline before which no message can come is a mistake, not bad luck.
void World::Impl::check_message_time(const SyncOptions& sync) const {
  constexpr std::size_t kAskedMost = 1000;  // of more hospitals, some other may be near
  if (sync.deadline == kNever || candidates.size() > kAskedMost) return;
  const auto bytes = static_cast<double>(model->layout()->size() * std::int64_t{sizeof(float)} +
                                         sync.control_bytes);
  double latency = std::numeric_limits<double>::infinity();
  double up = 0;
  double down = 0;
  for (const HospitalId id : candidates) {
    const HospitalProfile profile = population->profile(id);
    latency = std::min(latency, profile.latency.seconds());
    up = std::max(up, profile.up_bytes_per_s);
    down = std::max(down, profile.down_bytes_per_s);
  }
  const double least = 2 * latency + bytes / std::min(up, down);
  if (least <= sync.deadline.seconds()) return;
  throw spec.scenario.mistake(
      "deadline",
      fmt::format("no hospital can tell another anything before the deadline of {}: a message "
                  "takes {} at least",
                  to_text(sync.deadline),
                  least < kTimeMax.seconds() ? to_text(ceil_to_ns(least)) : "100 years"),
      "nothing could ever be learnt together: allow more time, or give faster links");
}

void World::Impl::build_gossip() {
  const Part& part = *spec.scenario.part("protocol");
  const SyncOptions sync = sync_options();
  check_message_time(sync);
  GossipServer::Setup setup;
  setup.options = gossip_options(part, sync.rounds, sync.deadline);
  const auto n = static_cast<std::int32_t>(candidates.size());
  if (std::string refusal = graph_refusal(setup.options.graph, n); !refusal.empty()) {
    const bool regular = setup.options.graph.kind == GraphKind::regular;
    throw part.mistake(regular ? "degree" : "graph", "protocol.gossip: " + refusal,
                       "take another graph, degree or number of hospitals");
  }
  if (const Part* stragglers = spec.scenario.part("stragglers")) {
    setup.stragglers = straggler_rule(*stragglers, plan);
  }
  build_visits(setup.stragglers, trainings_planned());
  build_maker({}, 0);
  setup.simulation = &sim;
  setup.network = network.get();
  setup.members = members.get();
  setup.evaluator = evaluator.get();
  setup.versions = versions.get();
  setup.model = model.get();
  setup.visits = visits.get();
  setup.maker = maker.get();
  setup.run = run_key;
  setup.hospitals = candidates;
  setup.emit = [this](const Event& event) { emit(event); };
  setup.after_round = [this](const RoundClosed& closed) { return after_round(closed); };
  protocol = std::make_unique<GossipServer>(std::move(setup));
}

// Beside each hospital with its own model, all with the mean of all models, which nobody holds.
void World::Impl::measure_mean_model() {
  const Value& baselines = spec.scenario.at("baselines");
  const bool* flag = baselines.get_if<bool>();
  if (!protocol->gossip_account() || (flag != nullptr && !*flag)) return;
  const VersionPtr mean = versions->parameters();
  std::optional<ArmResult> measured = measurement->evaluate(
      "mean_model", [&](HospitalId) -> const ParameterVector& { return *mean; },
      [&](HospitalId id) { return cohort->site(id); }, Measurement::Groups::no);
  if (!measured) return;  // interrupted
  measured->standardisation = cohort->info().standardisation;
  result.baselines.push_back(*std::move(measured));
}

void World::Impl::add_gossip_remarks() {
  result.gossip = protocol->gossip_account();
  if (!result.gossip) return;
  const GossipAccount& account = *result.gossip;
  std::string text =
      "no server: each hospital is scored with its own model; versions are the mean of all, which "
      "nobody holds";
  if (!external.empty()) text += ", and with which external hospitals are scored";
  text +=
      fmt::format("; in the end models are {:.3g} from it, root mean square", account.consensus);
  result.remarks.push_back(std::move(text));
  if (account.lost + account.one_sided == 0) return;
  text = fmt::format("of {} messages between hospitals {} did not come whole in time",
                     account.messages, account.lost);
  text += account.exchange == "push_sum"
              ? ": their senders kept what they held"
              : fmt::format(", and {} did not count because the answer did not come",
                            account.one_sided);
  result.remarks.push_back(std::move(text));
}

}  // namespace polyclinic
