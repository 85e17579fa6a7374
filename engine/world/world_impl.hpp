// The inside of a World, shared by the files that build, run and report it. Not for other floors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attack/attackers.hpp"
#include "base/parallel.hpp"
#include "data/cohort.hpp"
#include "fed/async_server.hpp"
#include "fed/compression/wire.hpp"
#include "fed/control.hpp"
#include "fed/evaluator.hpp"
#include "fed/hierarchy.hpp"
#include "fed/members.hpp"
#include "fed/personal.hpp"
#include "fed/protocol.hpp"
#include "fed/run_privacy.hpp"
#include "fed/stores.hpp"
#include "fed/sync_server.hpp"
#include "fed/update_privacy.hpp"
#include "fed/version_maker.hpp"
#include "fed/visit.hpp"
#include "learn/model.hpp"
#include "learn/trainer.hpp"
#include "net/network.hpp"
#include "net/population.hpp"
#include "sim/simulation.hpp"
#include "trace/fingerprint.hpp"
#include "world/convergence.hpp"
#include "world/measurement.hpp"
#include "world/milestones.hpp"
#include "world/world.hpp"

namespace polyclinic {

struct HospitalScores;  // world/membership.hpp

// Whether the scenario's field `baselines` names it.
bool wants_baseline(const Part& scenario, std::string_view name);
// Different people among a site's rows.
std::int64_t patients_of(const Site& site);

struct World::Impl final : public WorldControl, public SiteDirectory {
  Impl(WorldSpec world_spec, ScriptHost* script_host, const RunOptions& run_options);
  ~Impl() override;

  // --- building (world_build.cpp)
  void build_sites();
  [[nodiscard]] bool stays_away(std::string_view name) const;
  [[nodiscard]] std::vector<HospitalId> all_members() const;  // also those that stay away
  void build_learning();
  void build_measurement();
  // privacy (world_privacy.cpp, world_privacy_text.cpp)
  void build_privacy();
  void check_private_steps(const Part& part) const;
  void check_private_sums(const Part& part) const;
  [[nodiscard]] double expected_participants() const;
  [[nodiscard]] std::string amplification_withheld() const;
  [[nodiscard]] CentralTerms central_terms(const Part& part) const;
  [[nodiscard]] std::optional<privacy::RoundNoisePlan> noise_over_rounds(const Part& part) const;
  [[nodiscard]] std::string correlated_text() const;
  void plan_private_sums(const Part& part, RunPrivacy::Setup& setup);
  [[nodiscard]] privacy::IntegerShares integer_shares(const Part& part, const Part* secure) const;
  [[nodiscard]] SharedNoise shared_noise() const;
  void watch_selection(const RoundClosed& closed);
  [[nodiscard]] PrivacyAccount account_of(HospitalId id, const privacy::LedgerPage& page);
  void add_sum_remarks(const PrivacyReport& report);
  void open_pages();
  [[nodiscard]] bool all_spent() const;
  void fill_privacy();
  using Statement = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] Statement privacy_statement(std::int64_t rows_most) const;
  [[nodiscard]] Statement step_statement(std::int64_t rows_most) const;
  [[nodiscard]] Statement sum_statement() const;
  [[nodiscard]] Statement local_statement() const;
  [[nodiscard]] Statement shares_statement() const;
  [[nodiscard]] std::string outside_epsilon() const;
  [[nodiscard]] std::string all_rounds() const;
  [[nodiscard]] std::string budget_text() const;
  // attackers (world_attacks.cpp)
  void build_attacks();
  [[nodiscard]] Adversary* adversary() const;
  [[nodiscard]] bool attacks(HospitalId hospital) const;
  void add_backdoors(MeasurePlan& measure) const;
  void fill_attacks();
  void add_attack_remarks();
  // membership inference (world_membership.cpp)
  void check_audit() const;
  void run_audit();
  [[nodiscard]] bool learnt_from(HospitalId hospital, bool own) const;
  [[nodiscard]] std::vector<HospitalScores> attack_losses(
      const std::vector<HospitalId>& attacked,
      const std::function<const ParameterVector&(HospitalId)>& model_of);
  void build_federation();
  void build_protocol();
  void build_evaluator();
  [[nodiscard]] SelectionFacts selection_facts() const;
  [[nodiscard]] bool tells_losses() const;
  [[nodiscard]] AbleHospitals able_hospitals() const;
  // hierarchical federations (world_hierarchy.cpp)
  void build_hierarchy();
  [[nodiscard]] std::map<std::string, std::vector<HospitalId>> regions_of_members() const;
  void check_hierarchy(const HierarchyOptions& rounds,
                       const std::map<std::string, std::vector<HospitalId>>& regions) const;
  void add_border_remarks();
  // federations without a server (world_gossip.cpp)
  void build_gossip();
  void check_message_time(const SyncOptions& sync) const;
  void measure_mean_model();
  void add_gossip_remarks();
  // one model that goes round, and hospitals that aggregate in turn (world_turns.cpp)
  void build_cyclic();
  void build_swarm(SyncServer::Setup& setup, const SyncOptions& sync);
  void add_turn_remarks();
  void build_visits(const StragglerRule& stragglers, std::int64_t trainings_planned);
  void build_maker(const WeightRule& weights, std::int64_t rows_max);
  [[nodiscard]] SyncOptions sync_options() const;
  void check_minimum_replies(const SyncOptions& sync) const;
  void check_deadline(TimeNs deadline, std::int64_t control_bytes) const;
  [[nodiscard]] TimeNs deadline() const;
  [[nodiscard]] const ParameterLayout& shared_layout() const;
  // protocols without common rounds (world_async.cpp)
  void build_async();
  [[nodiscard]] bool asynchronous() const;
  [[nodiscard]] std::size_t concurrency() const;
  [[nodiscard]] AsyncOptions async_settings() const;
  void check_buffer(const AsyncOptions& settings) const;
  [[nodiscard]] std::string visits_text() const;
  [[nodiscard]] std::int64_t trainings_planned() const;
  [[nodiscard]] StalenessAccount staleness_account() const;
  [[nodiscard]] Part selection_part(std::size_t candidates) const;
  // The hospitals that a round with this selection among so many waits for; nullopt where that
  // varies.
  [[nodiscard]] static std::optional<std::int64_t> target_of(const Part& selection,
                                                             std::int64_t hospitals);
  [[nodiscard]] std::optional<std::int64_t> round_target() const;
  // describing (world_describe.cpp)
  [[nodiscard]] WorldDescription describe(std::int64_t hospitals_most) const;
  [[nodiscard]] HospitalProfile described(HospitalId id) const;
  [[nodiscard]] std::optional<std::int64_t> replies_needed() const;
  // SiteDirectory
  [[nodiscard]] std::int64_t count() const override;
  [[nodiscard]] SiteRequest request(HospitalId hospital) const override;

  // --- running (world_run.cpp)
  void run();
  void run_events();
  void start_server();
  Task<void> main_actor();
  void record_round(const RoundClosed& closed);
  void wake_those_that_wait();
  bool after_round(const RoundClosed& closed);
  [[nodiscard]] std::optional<ArmResult> evaluate_federation(Measurement::Groups groups);
  void measure_now();
  void measure_groups();
  [[nodiscard]] std::map<HospitalId, ParameterVector> own_models();
  void emit(const Event& event);
  void end(std::string reason);
  [[nodiscard]] std::optional<std::string> stop_condition() const;
  void on_wake(std::uint64_t token);
  void on_time_up(std::uint64_t unused);

  // --- what happens to the federation (world_happenings.cpp)
  void check_later() const;
  enum class Request : std::uint8_t { join, leave, forget };
  void request(Request what, std::string_view hospital);
  void refuse_without_server(const std::string& what) const;
  void refuse_request(Request what, HospitalId hospital) const;
  void on_request(std::uint64_t encoded);
  void on_crash(TimeNs down);
  void begin_outage(std::vector<HospitalId> hospitals, std::string region, TimeNs time);
  void on_outage(std::uint64_t which);
  void on_outage_over(std::uint64_t which);
  void say_outage(HappeningKind kind, std::uint64_t which, const std::string& more);
  void connect(HospitalId hospital);
  void happened(HappeningKind kind, std::optional<HospitalId> hospital, std::string text);
  [[nodiscard]] bool may_go_back() const;
  [[nodiscard]] Milestone milestone() const;
  void remember_version();
  void forget_now(HospitalId hospital);
  void go_back(const Milestone& to);
  // What the server is at is lost. False: the run ended with that.
  bool stop_server(DropReason reason, const std::string& why);
  void drop_arrived();
  void watch_redoing();
  void add_happening_remarks();
  // what happens to data (world_data.cpp)
  void begin_change(std::vector<HospitalId> hospitals, std::string who, const Part& part);
  [[nodiscard]] std::vector<std::string> regions_of(const std::vector<HospitalId>& hospitals,
                                                    const Part& wave) const;
  [[nodiscard]] ChangeReach reach_of(std::vector<HospitalId> hospitals, const Part& part) const;
  void on_data_change(std::uint64_t which);
  void on_wave_peak(std::uint64_t which);
  void on_wave_over(std::uint64_t which);
  void measure_change(DataChangeRecord& record, std::optional<double> DataChangeRecord::Value::*to);
  [[nodiscard]] bool data_moved() const;
  void finish_changes();

  // --- reporting (world_report.cpp)
  void run_baselines();
  void fill_result();
  void fill_accounts();
  void emit_metrics(const ArmResult& arm);
  void check_curve();
  void add_threshold_remark();
  void add_straggler_remark();
  void add_stopping_remark();
  void add_control_remark();
  void add_told_loss_remarks();
  void add_personal_remark();
  [[nodiscard]] std::string in_steps_remark() const;
  void add_layers_remark();
  void add_secure_remarks();
  [[nodiscard]] std::string rounds_with_more_attackers() const;
  void give_key_shares(SecureRule& rule, std::size_t invited) const;
  void build_share_servers(const Part& secure, const Part& rule, SyncServer::Setup& setup);
  // Throws ScenarioError: nobody has that name, or takes no part.
  void find_victim(const Part& part, Tampering& tampering) const;
  void add_definition_remarks();
  void add_waiting_remark();
  void add_failure_remark();
  [[nodiscard]] bool survival() const { return cohort->info().task == OutcomeKind::survival; }

  // WorldControl (world_control.cpp)
  [[nodiscard]] TimeNs now() const override;
  [[nodiscard]] std::int64_t version() const override;
  [[nodiscard]] std::vector<std::string> hospital_names() const override;
  void disconnect(std::string_view hospital) override;
  void reconnect(std::string_view hospital) override;
  [[nodiscard]] bool connected(std::string_view hospital) const override;
  void join(std::string_view hospital) override;
  void leave(std::string_view hospital) override;
  void forget(std::string_view hospital) override;
  [[nodiscard]] bool takes_part(std::string_view hospital) const override;
  void crash_server(TimeNs down) override;
  void outage(std::string_view hospital, TimeNs time) override;
  void outage_in(std::string_view region, TimeNs time) override;
  void change_data(std::string_view hospital, const Part& change) override;
  void change_data_in(std::string_view region, const Part& change) override;
  void change_all_data(const Part& change) override;
  [[nodiscard]] std::vector<std::string> regions() const override;
  [[nodiscard]] std::int64_t participations(std::string_view hospital) const override;
  [[nodiscard]] std::vector<std::string> links() const override;
  void set_link(std::string_view name, TransferDirection direction, double bytes_per_s) override;
  [[nodiscard]] double link(std::string_view name, TransferDirection direction) const override;
  void note(std::string text) override;
  std::optional<double> metric(std::string_view name) override;
  void stop(std::string reason) override;
  void wake_at(TimeNs time, std::uint64_t token) override;
  void wake_at_version(std::int64_t version, std::uint64_t token) override;
  [[nodiscard]] HospitalId find_hospital(std::string_view name) const;
  [[nodiscard]] bool touch(HospitalId hospital) const;

  WorldSpec spec;
  ScriptHost* script;
  RunOptions options;
  RunKey run_key;
  Workers workers;

  // in the order in which they depend on each other: destroyed from the back
  std::unique_ptr<Population> population;
  DataEpochs data_epochs{[this] { return sim.now(); }};
  std::unique_ptr<Cohort> cohort;
  std::unique_ptr<Model> model;
  TrainingPlan plan;
  PersonalRule personal;
  std::optional<FunctionRef> batch_order;
  std::unique_ptr<RunPrivacy> privacy;  // null: there is none
  CentralTerms central;                 // where the server noises sums
  std::vector<HospitalId> candidates;   // all that ever may take part
  std::vector<HospitalId> present;      // of them, who may be invited now
  std::vector<HospitalId> absent;       // members that the spec keeps away, in order
  std::vector<HospitalId> external;
  std::unique_ptr<attack::Attackers> attackers;  // null: the scenario has no attacks
  std::vector<HospitalId> attacking;             // all that ever do, in order
  std::unique_ptr<Measurement> measurement;
  std::vector<HospitalId> evaluated;  // members that measurements look at
  bool evaluation_sampled = false;

  Fingerprint fingerprint;
  Simulation sim;
  std::vector<std::unique_ptr<Availability>> share_servers;  // null: always up
  std::unique_ptr<Network> network;
  std::unique_ptr<Members> members;
  std::unique_ptr<VersionStore> versions;
  std::unique_ptr<ControlVectors> control;
  std::unique_ptr<Wire> wire;
  std::unique_ptr<Evaluator> evaluator;
  std::unique_ptr<Selection> selection;
  std::unique_ptr<AggregationRule> aggregation;
  NoisySum* noisy_sum = nullptr;  // the aggregation, where it is one
  std::unique_ptr<ServerOptimizer> optimizer;
  std::unique_ptr<AdaptiveProximal> proximal;  // null: mu does not move
  std::unique_ptr<Visits> visits;
  std::unique_ptr<VersionMaker> maker;
  std::unique_ptr<Protocol> protocol;
  std::unique_ptr<Scope> server_scope;  // of the coroutine that serves
  ParameterVector initial;
  Milestones milestones;
  struct Redoing {
    std::size_t record = 0;  // of result.forgotten
    std::int64_t depth = 0;  // so many versions, one upon the other, and it is made good
    Milestone from;
  };
  std::vector<Redoing> redoing;
  std::int64_t versions_back = 0;  // versions that are no part of the newest
  std::int64_t times_back = 0;
  TimeNs server_up_at;  // later than now: it is down

  // How the timeline keeps a hospital off the network.
  struct Cut {
    bool disconnected = false;
    int outages = 0;  // that it is in
  };
  std::map<HospitalId, Cut> cuts;
  struct Outage {
    std::vector<HospitalId> hospitals;
    std::string region;  // empty: one hospital
    TimeNs until;
  };
  std::vector<Outage> outages;
  // Changes of data as they were asked for; the records of those that began are as many.
  struct Changing {
    DataChange change;
    ChangeReach reach;
    std::string who;
    std::size_t record = 0;  // of result.data_changes
  };
  std::vector<Changing> changing;
  // When the timeline cut hospitals off; until kNever: it still does.
  std::map<HospitalId, std::vector<std::pair<TimeNs, TimeNs>>> cut_off;
  bool ended = false;
  bool script_started = false;
  bool metric_read = false;  // by a script: marked in the output
  std::int64_t measured_version = -1;
  TimeNs measured_at;
  std::size_t measured_changes = 0;  // of data, until then
  std::int64_t without_model = 0;    // members scored with the global model for want of their own
  MetricCurve curve;
  std::multimap<std::int64_t, std::uint64_t> version_waits;  // version -> token
  RunResult result;
};

// What parties could read where updates went in shares, and what became of those that did not
// arrive; empty: all did.
std::string share_servers_saw(const SecureAccount& account);
std::string key_holders_saw(const SecureAccount& account);
std::string share_servers_lost(const SecureAccount& account);

}  // namespace polyclinic
