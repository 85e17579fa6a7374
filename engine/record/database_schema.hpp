// The tables of a results database. Times are nanoseconds of simulated time since the run's start.
#pragma once

namespace polyclinic {

// Counts changes of the tables; kept in `about`.
inline constexpr int kDatabaseFormat = 10;

inline constexpr const char* kDatabaseSchema = R"SQL(
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (
  run INTEGER PRIMARY KEY,
  scenario TEXT NOT NULL, title TEXT NOT NULL, seed TEXT NOT NULL, world TEXT NOT NULL,
  outcome TEXT, model TEXT,
  hospitals INTEGER NOT NULL, rounds_planned INTEGER NOT NULL, parameters INTEGER NOT NULL,
  state TEXT NOT NULL,          -- running, done, interrupted, failed
  reason TEXT,                  -- why it ended
  ended_ns INTEGER, versions INTEGER,
  bytes_up INTEGER, bytes_down INTEGER,
  converged INTEGER, convergence TEXT,
  fingerprint TEXT);
CREATE TABLE arms (
  arm INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL, standardisation TEXT);
CREATE TABLE hospitals (
  run INTEGER NOT NULL, hospital INTEGER NOT NULL,
  name TEXT NOT NULL, region TEXT NOT NULL, role TEXT NOT NULL,
  patients INTEGER, train_rows INTEGER, weight REAL,
  bytes_up INTEGER, bytes_down INTEGER, invitations INTEGER, participations INTEGER,
  drops INTEGER, busy_ns INTEGER, outages INTEGER, down_ns INTEGER, median_round_ns INTEGER,
  remarks TEXT,
  PRIMARY KEY (run, hospital)) WITHOUT ROWID;
CREATE TABLE rounds (
  run INTEGER NOT NULL, round INTEGER NOT NULL,
  opened_ns INTEGER NOT NULL, deadline_ns INTEGER, start_version INTEGER NOT NULL,
  closed_ns INTEGER, version INTEGER, invited INTEGER NOT NULL, aggregated INTEGER,
  failed INTEGER, mean_loss REAL,
  staleness_mean REAL, staleness_max INTEGER,  -- NULL where rounds are common to all
  consensus REAL,               -- without a server: distance of hospitals' models from their mean
  aggregator INTEGER,           -- where hospitals aggregate in turn: the hospital that did
  PRIMARY KEY (run, round)) WITHOUT ROWID;
CREATE TABLE versions (         -- round 0: an older one again, see happenings
  run INTEGER NOT NULL, version INTEGER NOT NULL, round INTEGER NOT NULL, made_ns INTEGER NOT NULL,
  PRIMARY KEY (run, version)) WITHOUT ROWID;
CREATE TABLE participants (
  run INTEGER NOT NULL,
  round INTEGER NOT NULL,       -- without common rounds: number of the hospital's visit, from 1
  hospital INTEGER NOT NULL,
  training_started_ns INTEGER, training_ns INTEGER, arrived_ns INTEGER,
  -- of a visit; NULL where rounds are common to all
  invited_ns INTEGER, deadline_ns INTEGER,
  version INTEGER,              -- that its update became part of, so many versions old
  staleness INTEGER, share REAL,
  PRIMARY KEY (run, round, hospital)) WITHOUT ROWID;
CREATE TABLE regional_rounds (  -- of protocol.hierarchical; empty otherwise
  run INTEGER NOT NULL,
  number INTEGER NOT NULL,      -- what participants, transfers and drops call their round
  region TEXT NOT NULL,
  round INTEGER NOT NULL,       -- of the server
  opened_ns INTEGER NOT NULL, deadline_ns INTEGER, closed_ns INTEGER,
  invited INTEGER NOT NULL, aggregated INTEGER, failed INTEGER, mean_loss REAL, reason TEXT,
  PRIMARY KEY (run, number, region)) WITHOUT ROWID;
CREATE TABLE crossings (        -- messages between a region and the server
  run INTEGER NOT NULL, round INTEGER NOT NULL, region TEXT NOT NULL,
  direction TEXT NOT NULL,      -- down: the model; up: a regional sum
  hospitals INTEGER NOT NULL,   -- in that sum
  started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL,
  bytes INTEGER NOT NULL, bytes_moved INTEGER NOT NULL,
  completed INTEGER NOT NULL, attempts INTEGER NOT NULL);
CREATE TABLE metrics (
  run INTEGER NOT NULL, arm INTEGER NOT NULL, version INTEGER NOT NULL, metric TEXT NOT NULL,
  hospital INTEGER,             -- NULL: an average
  average TEXT,                 -- macro, weighted, micro, worst; NULL: of one hospital
  value REAL, low REAL, high REAL, n INTEGER, events INTEGER, hospitals_counted INTEGER,
  reason TEXT);                 -- why there is no value
CREATE INDEX metrics_of ON metrics (run, arm, metric, hospital, average, version);
CREATE TABLE transfers (
  run INTEGER NOT NULL, round INTEGER NOT NULL, hospital INTEGER NOT NULL,
  direction TEXT NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL,
  bytes INTEGER NOT NULL,       -- of the message
  bytes_moved INTEGER NOT NULL, -- by all attempts
  completed INTEGER NOT NULL, attempts INTEGER NOT NULL);
CREATE INDEX transfers_of ON transfers (run, round, hospital);
CREATE TABLE drops (
  run INTEGER NOT NULL, round INTEGER NOT NULL, hospital INTEGER NOT NULL,
  at_ns INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX drops_of ON drops (run, round, hospital);
CREATE TABLE secure_phases (    -- of secure sums; empty without them
  run INTEGER NOT NULL, round INTEGER NOT NULL, phase TEXT NOT NULL, closed_ns INTEGER NOT NULL,
  asked INTEGER NOT NULL, answered INTEGER NOT NULL,
  -- with fewer answers the round has failed; secure.secagg_plus, unmask: fewer shares of a secret
  threshold INTEGER NOT NULL);
CREATE INDEX secure_phases_of ON secure_phases (run, round);
CREATE TABLE outages (          -- filled when the run has ended
  run INTEGER NOT NULL, hospital INTEGER NOT NULL, from_ns INTEGER NOT NULL,
  until_ns INTEGER NOT NULL);
CREATE TABLE privacy (          -- record-level: a row per hospital; empty without privacy
  run INTEGER NOT NULL, hospital INTEGER NOT NULL,
  rows INTEGER NOT NULL, rate REAL NOT NULL, noise REAL NOT NULL, delta REAL NOT NULL,
  steps_planned INTEGER NOT NULL, steps INTEGER NOT NULL,
  guarantee REAL, spent REAL,   -- epsilon; NULL: without bound
  stopped_ns INTEGER,           -- when its budget was spent
  PRIMARY KEY (run, hospital)) WITHOUT ROWID;
CREATE TABLE privacy_ledger (   -- what had been spent after each training
  run INTEGER NOT NULL, hospital INTEGER NOT NULL, at_ns INTEGER NOT NULL, round INTEGER NOT NULL,
  steps INTEGER NOT NULL, epsilon REAL);  -- NULL: without bound; pld: told of the last alone
CREATE TABLE privacy_statement (
  run INTEGER NOT NULL, heading TEXT NOT NULL, sentence TEXT NOT NULL);
CREATE TABLE attacks (          -- a row per attack of the scenario; empty without attackers
  run INTEGER NOT NULL, attack INTEGER NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL,
  knows TEXT NOT NULL, attackers INTEGER NOT NULL,
  versions INTEGER NOT NULL,    -- made with an update of theirs
  PRIMARY KEY (run, attack)) WITHOUT ROWID;
CREATE TABLE attackers (
  run INTEGER NOT NULL, attack INTEGER NOT NULL, hospital INTEGER NOT NULL,
  trainings INTEGER NOT NULL, counted INTEGER NOT NULL, left_out INTEGER NOT NULL,
  first_ns INTEGER, last_ns INTEGER,  -- when its first and last such training began
  PRIMARY KEY (run, attack, hospital)) WITHOUT ROWID;
CREATE TABLE spreads (          -- of the last model: how a metric differs between hospitals
  run INTEGER NOT NULL, arm INTEGER NOT NULL, metric TEXT NOT NULL,
  hospitals INTEGER NOT NULL, mean REAL, worst REAL,
  bottom_decile REAL,           -- mean of the worst tenth of the hospitals
  spread REAL,                  -- standard deviation between hospitals
  spread_chance REAL,           -- what it would be if all were alike
  jain REAL,
  PRIMARY KEY (run, arm, metric)) WITHOUT ROWID;
CREATE TABLE group_metrics (    -- of the last model: groups of patients of all members
  run INTEGER NOT NULL, arm INTEGER NOT NULL,
  variable TEXT NOT NULL, labels TEXT NOT NULL,  -- recorded, true
  level TEXT NOT NULL, metric TEXT NOT NULL,
  value REAL, low REAL, high REAL, n INTEGER, events INTEGER, reason TEXT,
  PRIMARY KEY (run, arm, variable, labels, level, metric)) WITHOUT ROWID;
CREATE TABLE group_gaps (       -- largest minus smallest level
  run INTEGER NOT NULL, arm INTEGER NOT NULL,
  variable TEXT NOT NULL, labels TEXT NOT NULL, metric TEXT NOT NULL,
  value REAL, low REAL, high REAL, largest TEXT, smallest TEXT,
  levels_counted INTEGER NOT NULL, reason TEXT,
  PRIMARY KEY (run, arm, variable, labels, metric)) WITHOUT ROWID;
CREATE TABLE cross_site (       -- baseline.cross_site: every hospital's own model everywhere
  run INTEGER NOT NULL, model INTEGER NOT NULL,  -- hospital that trained it
  hospital INTEGER NOT NULL,    -- where it was tested
  metric TEXT NOT NULL,
  value REAL, low REAL, high REAL, n INTEGER, events INTEGER, reason TEXT,
  PRIMARY KEY (run, model, hospital, metric)) WITHOUT ROWID;
CREATE TABLE membership (       -- audit.membership: what the last model tells of who was trained on
  run INTEGER NOT NULL,
  quantity TEXT NOT NULL,       -- auc_within, auc_across, true_positive_rate, epsilon_at_least
  hospital INTEGER,             -- NULL: all that were attacked
  value REAL, low REAL, high REAL,
  members INTEGER NOT NULL, non_members INTEGER NOT NULL,  -- records that it rests on
  reason TEXT);                 -- why there is no value
CREATE TABLE membership_statement (
  run INTEGER NOT NULL, heading TEXT NOT NULL, sentence TEXT NOT NULL);
CREATE TABLE happenings (       -- what the timeline did to the federation itself
  run INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,           -- joined, left, forgotten, went_back, ...
  hospital INTEGER,             -- NULL: nobody's in particular
  version INTEGER NOT NULL,     -- the newest, once it had happened
  text TEXT NOT NULL);
CREATE TABLE forgettings (      -- what it cost to forget a hospital
  run INTEGER NOT NULL, hospital INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  from_version INTEGER NOT NULL, to_version INTEGER NOT NULL, new_version INTEGER NOT NULL,
  participations INTEGER NOT NULL,
  rounds INTEGER NOT NULL, versions INTEGER NOT NULL,  -- undone, with what they had taken
  bytes_up INTEGER NOT NULL, bytes_down INTEGER NOT NULL, steps INTEGER NOT NULL,
  ns INTEGER NOT NULL,
  again_at_ns INTEGER,          -- as many versions had been made again; NULL: it did not come to that
  again_rounds INTEGER, again_bytes_up INTEGER, again_bytes_down INTEGER, again_steps INTEGER);
CREATE TABLE notes (run INTEGER NOT NULL, at_ns INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE remarks (run INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE provenance (run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE study (            -- one row where the file holds a study, none where it holds a run
  title TEXT NOT NULL, scenario TEXT NOT NULL,
  state TEXT NOT NULL,          -- running, done, interrupted, failed (a run failed)
  metric TEXT NOT NULL, first_seed TEXT NOT NULL, seeds INTEGER NOT NULL,
  runs_planned INTEGER NOT NULL);
CREATE TABLE study_arms (
  study_arm INTEGER PRIMARY KEY, name TEXT NOT NULL,
  settings TEXT NOT NULL,       -- values of --vary: "noise=0.5 skew=1"
  changes TEXT NOT NULL,        -- what it changes in the base, as written
  reference TEXT,               -- pooled, local_only; NULL: a federation
  against INTEGER);             -- the arm it is compared with; NULL: with none
CREATE TABLE study_runs (
  run INTEGER PRIMARY KEY, study_arm INTEGER NOT NULL, replication INTEGER NOT NULL);
CREATE TABLE contributions (    -- of `contribution`: what each hospital adds; empty otherwise
  hospital TEXT PRIMARY KEY, train_rows INTEGER NOT NULL, attacker INTEGER NOT NULL,
  metric TEXT NOT NULL,
  leave_one_out REAL, leave_one_out_low REAL, leave_one_out_high REAL,
  shapley REAL, shapley_low REAL, shapley_high REAL,
  sampling_error REAL);         -- of the Shapley value; NULL: all coalitions were trained
CREATE TABLE coalitions (
  seed TEXT NOT NULL, size INTEGER NOT NULL, members TEXT NOT NULL,  -- a JSON list of names
  value REAL NOT NULL,          -- of the metric, at all hospitals
  PRIMARY KEY (seed, members)) WITHOUT ROWID;
CREATE TABLE join_summary (     -- of `join`: what joining is worth to a hospital; empty otherwise
  quantity TEXT PRIMARY KEY, hospital TEXT NOT NULL, unit TEXT NOT NULL,
  paired INTEGER NOT NULL,      -- a difference within each seed
  n INTEGER NOT NULL, mean REAL, sd REAL, low REAL, high REAL);
CREATE TABLE join_values (      -- the metric at each hospital, of three ways to learn
  seed TEXT NOT NULL, hospital TEXT NOT NULL, joins INTEGER NOT NULL, attacker INTEGER NOT NULL,
  metric TEXT NOT NULL, with_it REAL, without_it REAL, alone REAL,
  PRIMARY KEY (seed, hospital)) WITHOUT ROWID;
CREATE TABLE join_costs (
  seed TEXT PRIMARY KEY, train_rows INTEGER NOT NULL, invitations INTEGER NOT NULL,
  participations INTEGER NOT NULL, bytes_up INTEGER NOT NULL, bytes_down INTEGER NOT NULL,
  busy_seconds REAL NOT NULL, epsilon REAL,  -- NULL: no ledger
  sim_seconds_with REAL NOT NULL, sim_seconds_without REAL NOT NULL,
  bytes_with INTEGER NOT NULL, bytes_without INTEGER NOT NULL,
  versions_with INTEGER NOT NULL, versions_without INTEGER NOT NULL);
CREATE VIEW study_named AS
  SELECT s.run, a.name AS study_arm, a.settings, s.replication, r.seed, r.state, r.reason,
         r.ended_ns / 1e9 AS sim_seconds, r.versions, r.bytes_up, r.bytes_down, r.fingerprint
  FROM study_runs s JOIN study_arms a USING (study_arm) JOIN runs r USING (run);
CREATE VIEW cross_site_named AS
  SELECT c.run, m.name AS model, h.name AS hospital, c.metric, c.value, c.low, c.high, c.n,
         c.events, c.reason
  FROM cross_site c JOIN hospitals m ON m.run = c.run AND m.hospital = c.model
  JOIN hospitals h ON h.run = c.run AND h.hospital = c.hospital;
CREATE VIEW metrics_named AS
  SELECT m.run, a.name AS arm, m.version, m.metric, m.average, h.name AS hospital,
         m.value, m.low, m.high, m.n, m.events, m.hospitals_counted, m.reason
  FROM metrics m JOIN arms a ON a.run = m.run AND a.arm = m.arm
  LEFT JOIN hospitals h ON h.run = m.run AND h.hospital = m.hospital;
)SQL";

}  // namespace polyclinic
