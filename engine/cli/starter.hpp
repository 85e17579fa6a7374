// What `polyclinic new` writes.
#pragma once

namespace polyclinic {

inline constexpr const char* kStarter =
    R"LUA(-- A first world: change a line, run it again, read what became different.
--
--   polyclinic run THIS_FILE                    run it
--   polyclinic run THIS_FILE --set rounds=60    change a parameter from outside
--   polyclinic run THIS_FILE --out results/a    keep database, tables and model
--   polyclinic docs hospitals                   what a word takes (also: polyclinic list)

-- Numbers that --set may change, with their defaults.
local p = params { rounds = 30, shift = 0.3, deadline = minutes(30) }

return scenario {
  title = "My first federation",

  -- Who takes part. Sizes, machines and links are drawn for each hospital.
  hospitals = hospitals {
    count = 6,
    patients = lognormal { median = 500, spread = 0.5 },
    uplink = lognormal { median = mbit(20), spread = 0.5 },
    -- from invitation to start: the queue of the cluster, a container, loading data
    overhead = lognormal { median = minutes(5), spread = 0.8 },
    -- machines go down and come back
    availability = availability.markov { up = hours(20), down = hours(2) },
  },

  -- Their patients: generated here; your own tables come in with cohort.csv.
  cohort = cohort.ehr { outcome = "sepsis", site_shift = p.shift },

  -- What is trained, and how each hospital trains it in a round.
  model = model.logistic {},
  training = training.sgd { rate = 0.1, batch = 32, epochs = 1 },

  -- How they learn together. Who is not back by the deadline is left out of the round.
  strategy = strategy.fedavg {},
  rounds = p.rounds,
  deadline = p.deadline,
}
)LUA";

}  // namespace polyclinic
