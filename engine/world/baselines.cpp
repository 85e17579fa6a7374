#include "world/baselines.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/check.hpp"

namespace polyclinic {

namespace {

// Entities of the pooled training's batch orders: no hospital has this number.
constexpr std::uint64_t kPooledEntity = 0xFFFFFFFFULL;

// Trains from the initial parameters with so many visits per row; moments stay from one piece to
// the next, as one long training's would.
ParameterVector train_alone(const BaselineSetup& setup, const Dataset& data, std::uint64_t entity,
                            Workspace& workspace) {
  ParameterVector parameters = *setup.initial;
  if (data.rows == 0 || setup.visits <= 0) return parameters;
  TrainingPlan plan = *setup.plan;
  plan.proximal = 0;
  plan.control = TrainingPlan::Control::none;
  plan.privacy = {};
  plan.own = {};
  plan.contrast = {};
  plan.keep_optimizer_state = true;
  // pieces as long as one round's local training; in steps mode as many as the federation had
  // rounds
  std::int64_t pieces = std::max<std::int64_t>(setup.rounds, 1);
  if (plan.steps > 0) {
    const double batch =
        plan.batch > 0 ? static_cast<double>(plan.batch) : static_cast<double>(data.rows);
    const double steps = setup.visits * static_cast<double>(data.rows) / batch;
    plan.steps = std::max<std::int64_t>(1, std::llround(steps / static_cast<double>(pieces)));
  } else {
    pieces = std::max<std::int64_t>(1, std::llround(std::ceil(setup.visits / plan.epochs - 1e-9)));
    plan.epochs = setup.visits / static_cast<double>(pieces);
  }
  TrainerState state;
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    TrainingTask task;
    task.data = &data;
    task.global = &parameters;
    task.plan = &plan;
    task.round = piece * std::max<std::int64_t>(setup.rounds, 1) / pieces;
    task.run = setup.run;
    // each piece has batch orders of its own, also where two pieces share a round of the schedule
    task.entity = entity + (static_cast<std::uint64_t>(piece + 1) << 32U);
    task.state = &state;
    task.stop = setup.interrupt;
    const TrainingResult result = train(*setup.model, task, workspace);
    if (result.stopped) break;
    if (!result.finite) {
      // no numbers stand for this model: its metrics say so
      const auto n = static_cast<std::size_t>(parameters.layout().size());
      parameters.assign_compact(std::vector<float>(n, std::numeric_limits<float>::quiet_NaN()));
      break;
    }
    parameters.add_scaled(result.delta, 1.0F);
  }
  return parameters;
}

// Which member each row of the pooled table is of: they lie there one hospital after another.
std::vector<std::int32_t> hospitals_of_rows(const BaselineSetup& setup) {
  std::vector<std::int32_t> hospitals;
  for (std::size_t i = 0; i < setup.members.size(); ++i) {
    const auto rows = static_cast<std::size_t>(setup.cohort->train_rows(setup.members[i]));
    hospitals.insert(hospitals.end(), rows, static_cast<std::int32_t>(i));
  }
  return hospitals;
}

}  // namespace

std::optional<ArmResult> run_pooled(const BaselineSetup& setup, PooledRisk risk) {
  const SitePtr pooled = setup.cohort->pooled(setup.members);
  Dataset strata;
  if (risk == PooledRisk::within_hospitals) {
    strata = pooled->train;
    strata.stratum = hospitals_of_rows(setup);
    ENSURE(std::ssize(strata.stratum) == strata.rows, "pooled rows are the hospitals' rows");
  }
  const Dataset& rows = risk == PooledRisk::within_hospitals ? strata : pooled->train;
  const auto workspace = setup.model->make_workspace();
  const ParameterVector parameters = train_alone(setup, rows, kPooledEntity, *workspace);
  std::optional<ArmResult> arm = setup.measurement->evaluate(
      risk == PooledRisk::within_hospitals ? "pooled_stratified" : "pooled",
      [&](HospitalId) -> const ParameterVector& { return parameters; },
      [&](HospitalId id) { return setup.cohort->site_as_pooled(id, setup.members); },
      Measurement::Groups::yes);
  if (!arm) return arm;
  arm->standardisation = setup.cohort->pooled_standardisation();
  arm->overflowed = parameters.finite() ? 0 : 1;
  return arm;
}

std::vector<ParameterVector> train_local_models(const BaselineSetup& setup) {
  const std::vector<HospitalId>& hospitals = setup.members;
  std::vector<std::unique_ptr<Workspace>> workspaces(
      static_cast<std::size_t>(setup.workers->threads()));
  std::vector<ParameterVector> models(hospitals.size());
  setup.workers->for_each(hospitals.size(), [&](std::size_t i, int slot) {
    auto& workspace = workspaces[static_cast<std::size_t>(slot)];
    if (!workspace) workspace = setup.model->make_workspace();
    const SitePtr site = setup.cohort->site(hospitals[i]);
    models[i] = train_alone(setup, site->train, hospitals[i].value, *workspace);
  });
  return models;
}

std::optional<ArmResult> score_local_models(const BaselineSetup& setup,
                                            const std::vector<ParameterVector>& models) {
  const std::vector<HospitalId>& hospitals = setup.members;
  std::optional<ArmResult> arm = setup.measurement->evaluate(
      "local_only",
      [&](HospitalId id) -> const ParameterVector& {
        const auto it = std::lower_bound(hospitals.begin(), hospitals.end(), id);
        // an external hospital has no model of its own: the untrained one stands for it
        return it != hospitals.end() && *it == id
                   ? models[static_cast<std::size_t>(it - hospitals.begin())]
                   : *setup.initial;
      },
      [&](HospitalId id) { return setup.cohort->site(id); }, Measurement::Groups::yes);
  if (!arm) return arm;
  for (HospitalMetrics& hospital : arm->hospitals) {
    if (std::find(setup.external.begin(), setup.external.end(), hospital.hospital) ==
        setup.external.end()) {
      continue;
    }
    for (auto& [name, value] : hospital.metrics) {
      value = MeasuredValue{};
      value.reason = "an external hospital trains no model of its own";
    }
  }
  arm->standardisation = setup.cohort->info().standardisation;
  for (const ParameterVector& model : models) arm->overflowed += model.finite() ? 0 : 1;
  return arm;
}

std::optional<CrossSite> cross_models(const BaselineSetup& setup,
                                      const std::vector<ParameterVector>& models) {
  CrossSite table;
  for (std::size_t i = 0; i < models.size(); ++i) {
    std::optional<ArmResult> arm = setup.measurement->evaluate(
        "cross_site", [&](HospitalId) -> const ParameterVector& { return models[i]; },
        [&](HospitalId id) { return setup.cohort->site(id); }, Measurement::Groups::no);
    if (!arm) return std::nullopt;
    table.rows.push_back({setup.members[i], std::move(arm->hospitals)});
  }
  return table;
}

}  // namespace polyclinic
