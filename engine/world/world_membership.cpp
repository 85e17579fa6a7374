// The audit of a run: who is attacked after its end, with which models.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "world/membership.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

// Lanes of a hospital's stream.
constexpr std::uint64_t kMemberRows = 0;
constexpr std::uint64_t kOtherRows = 1;

// Minus the loss of each of these rows by itself; empty where one is no finite number.
std::vector<double> scores_of(const Model& model, const ParameterVector& parameters,
                              const Dataset& data, const std::vector<std::int32_t>& rows,
                              Workspace& workspace) {
  std::vector<double> scores;
  scores.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double loss =
        model.loss(parameters, data, std::span(rows).subspan(i, 1), nullptr, workspace);
    if (!std::isfinite(loss)) return {};
    scores.push_back(-loss);
  }
  return scores;
}

}  // namespace

// What has no loss of single records cannot be attacked by it.
void World::Impl::check_audit() const {
  const Part* audit = spec.scenario.part("audit");
  if (audit == nullptr || !survival()) return;
  throw spec.scenario.mistake(
      "audit",
      fmt::format("audit.{} needs the loss of each record by itself, and that of {} compares a "
                  "patient with the others at risk: no loss belongs to one record",
                  audit->name, model->name()),
      "use an outcome within a fixed time with model.logistic or model.mlp, or leave the audit "
      "out");
}

// Whether the model that the hospital is scored with has learnt from its training rows; own: that
// is a model of its own, made from them.
bool World::Impl::learnt_from(HospitalId hospital, bool own) const {
  if (attacks(hospital)) return false;  // what it sent was not learnt from its rows
  if (own) return true;
  const auto it = members->touched().find(hospital);
  if (it == members->touched().end()) return false;
  // protocols without a server count no first version, and never go back to an older one
  const Member& member = *it->second;
  return member.participations > 0 && (member.first_version >= 0 || times_back == 0);
}

std::vector<HospitalScores> World::Impl::attack_losses(
    const std::vector<HospitalId>& attacked,
    const std::function<const ParameterVector&(HospitalId)>& model_of) {
  std::vector<HospitalScores> scores(attacked.size());
  std::vector<std::unique_ptr<Workspace>> workspaces(static_cast<std::size_t>(workers.threads()));
  workers.for_each(attacked.size(), [&](std::size_t i, int slot) {
    if (evaluator->interrupted()) return;
    auto& workspace = workspaces[static_cast<std::size_t>(slot)];
    if (!workspace) workspace = model->make_workspace();
    const SitePtr site = cohort->site(attacked[i]);
    const Stream stream(run_key, Purpose::kMembership, attacked[i].value);
    const auto scored = [&](const Dataset& data, std::uint64_t lane) {
      return scores_of(*model, model_of(attacked[i]), data, drawn_rows(data, stream.lane(lane)),
                       *workspace);
    };
    scores[i] = {attacked[i], scored(site->train, kMemberRows), scored(site->test, kOtherRows)};
  });
  return scores;
}

void World::Impl::run_audit() {
  const Part* audit = spec.scenario.part("audit");
  if (audit == nullptr || result.interrupted || evaluator->interrupted()) return;
  const VersionPtr parameters = versions->parameters();
  const std::map<HospitalId, ParameterVector> own = own_models();
  std::vector<HospitalId> attacked;
  for (const HospitalId id : evaluated) {
    if (learnt_from(id, own.contains(id))) attacked.push_back(id);
  }
  std::vector<HospitalScores> scores =
      attack_losses(attacked, [&](HospitalId id) -> const ParameterVector& {
        if (const ParameterVector* its = protocol->model_of(id)) return *its;
        const auto its = own.find(id);
        return its == own.end() ? *parameters : its->second;
      });
  if (evaluator->interrupted()) return;
  std::erase_if(
      scores, [](const HospitalScores& one) { return one.members.empty() || one.others.empty(); });

  MembershipTerms terms = membership_terms(*audit);
  if (privacy) terms.delta = privacy->ledger().terms().delta;
  MembershipResult found = judge_membership(scores, terms);
  found.left_out = std::ssize(evaluated) - std::ssize(scores);
  found.statement = membership_statement(found);
  result.membership = std::move(found);
}

}  // namespace polyclinic
