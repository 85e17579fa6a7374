-- Why many local steps mislead, and what helps. Five hospitals predict the days that patients stay after an
-- operation from age and severity (drift.csv, made up). They treat different patients and keep them for different
-- times, so each one's best line is another. The model is linear: there is one line with the least squared error over
-- all, which the pooled reference finds. With many local steps federated averaging ends elsewhere (its hospitals drift
-- towards lines of their own), scaffold and feddyn end there, fednova repairs that some make more steps than others.
--
--   polyclinic run scenarios/drift.lua --set strategy=scaffold
--   polyclinic sweep scenarios/drift.lua --vary strategy=fedavg,fedprox,scaffold,feddyn,fednova --vary epochs=1,20 --seeds 1
local p = params { strategy = "fedavg", epochs = 20, batch = 0, rounds = 200, rate = 0.05, alpha = 0.2, mu = 0.5 }

local strategies = {
  fedavg = strategy.fedavg {},
  fedprox = strategy.fedprox { mu = p.mu },
  scaffold = strategy.scaffold { weighted = true },
  feddyn = strategy.feddyn { alpha = p.alpha, weighted = true },
  fednova = strategy.fednova {},
}
assert(strategies[p.strategy], "no strategy of this name here: " .. p.strategy)

return scenario {
  title = "Client drift: " .. p.strategy,
  cohort = cohort.csv {
    file = data "drift.csv", hospital = column "hospital", outcome = "days", task = "regression",
    split = split.column "fold", standardise = "none",
  },
  hospitals = hospitals { overhead = minutes(1), jitter = 0 },
  model = model.linear {},
  training = training.sgd { rate = p.rate, epochs = p.epochs, batch = p.batch == 0 and all or p.batch },
  strategy = strategies[p.strategy],
  rounds = p.rounds,
  measure = measure { "rmse", train = { "rmse" }, every = "end" },
  baselines = { baseline.pooled {} },
}
