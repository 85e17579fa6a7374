-- When one model cannot fit all. Ten hospitals predict how many days longer than usual a patient stays after an
-- operation (personal.csv, made up). The same two things matter everywhere, how ill and how frail a patient is, and
-- both have to be read off eight measurements; but what follows from them differs: one hospital keeps the frail, another
-- sends them to a home on the second day. Twenty patients for training each are few to learn all that alone
-- (local_only), and one model for everybody is the mean of opposites (fedavg, pooled). Sharing what the measurements
-- mean, and leaving each hospital its own conclusions, uses all patients for what is common: fedper, fedrep; so do models
-- that are held near a shared one: pfedme.
--
--   polyclinic run scenarios/personal.lua --set strategy=fedper
--   polyclinic sweep scenarios/personal.lua --vary strategy=fedavg,fine_tuning,ditto,fedper,fedrep --seeds 5
local p = params { strategy = "fedper", rounds = 150, epochs = 2, hidden = 8, rate = 0.02, lambda = 0.1, head_epochs = 10, alpha = 0.75, mu = 1 }

local strategies = {
  fedavg = strategy.fedavg {},
  fine_tuning = strategy.fine_tuning { epochs = 20 },
  ditto = strategy.ditto { lambda = p.lambda },
  fedper = strategy.fedper {},
  fedrep = strategy.fedrep { head_epochs = p.head_epochs },
  pfedme = strategy.pfedme { lambda = 1, rate = 0.05 },
  apfl = strategy.apfl { alpha = p.alpha },
  apfl_adaptive = strategy.apfl { alpha = p.alpha, adaptive = true },
  moon = strategy.moon { mu = p.mu },
}
assert(strategies[p.strategy], "no strategy of this name here: " .. p.strategy)

return scenario {
  title = "Models of their own: " .. p.strategy,
  cohort = cohort.csv {
    file = data "personal.csv", hospital = column "hospital", outcome = "days", task = "regression",
    split = split.column "fold", standardise = "none",
  },
  hospitals = hospitals { overhead = minutes(1), jitter = 0 },
  model = model.mlp { hidden = { p.hidden }, activation = "tanh" },
  training = training.sgd { rate = p.rate, epochs = p.epochs, batch = 10 },
  strategy = strategies[p.strategy],
  rounds = p.rounds,
  deadline = none,
  measure = measure { "rmse", every = "end" },
  baselines = { baseline.pooled {}, baseline.local_only {} },
}
