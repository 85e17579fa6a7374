-- Twelve hospitals, most of them small, whose patients, machines and codes differ. Who gets a good model: the patients of
-- the large ones, or everybody? The run prints mean, worst hospital, bottom decile, spread and Jain's index over hospitals,
-- and what sex, age and ethnicity get.
--
--   polyclinic run scenarios/fairness.lua --set strategy=q_fedavg
--   polyclinic sweep scenarios/fairness.lua --vary strategy=fedavg,q_fedavg,afl,ditto --seeds 5 --compare auroc.worst
local p = params { strategy = "fedavg", shift = 1.0, rounds = 60, q = 2 }

local choices = {
  fedavg   = strategy.fedavg {},
  q_fedavg = strategy.q_fedavg { q = p.q },      -- updates count by the loss of their hospital, to the power q
  afl      = strategy.afl {},                    -- the worst mixture of hospitals is what counts
  ditto    = strategy.ditto { lambda = 1 },      -- each hospital has a model of its own, pulled to the common one
}

return scenario {
  title     = "Fairness over hospitals and over patients: " .. p.strategy,
  hospitals = hospitals { count = 12, patients = lognormal { median = 300, spread = 1.0 }, overhead = minutes(3) },
  cohort    = cohort.ehr { outcome = "mortality", site_shift = p.shift },
  model     = model.logistic {},
  training  = training.sgd { rate = 0.05, batch = 32, epochs = 2 },
  rounds    = p.rounds,
  deadline  = none,
  strategy  = assert(choices[p.strategy], "strategy is one of fedavg, q_fedavg, afl and ditto"),
  measure   = measure { "auroc", "loss", groups = { "sex", "age", "ethnicity" }, every = 10 },
}
