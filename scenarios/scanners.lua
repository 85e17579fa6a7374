-- When hospitals measure the same things on scales of their own. Seven scanners give six numbers of a lesion each
-- (scanners.csv, made up), every one with a gain and offsets of its own, and nothing is standardised beforehand; what
-- follows from the lesion is the same everywhere. Batch normalisation takes scale and offset out within a hospital, but
-- statistics that are averaged over hospitals (fedavg) are nobody's. FedBN leaves them at home. Turku does not train:
-- it is tested with the statistics of its own rows, without their outcomes.
--
--   polyclinic run scenarios/scanners.lua --set strategy=fedavg
--   polyclinic sweep scenarios/scanners.lua --vary strategy=fedavg,fedbn --vary norm=batch,group --seeds 5
local p = params { strategy = "fedbn", norm = "batch", rounds = 60, epochs = 1, rate = 0.05, hidden = 16, batch = 20 }

local strategies = { fedavg = strategy.fedavg {}, fedbn = strategy.fedbn {}, fedper = strategy.fedper {} }
assert(strategies[p.strategy], "no strategy of this name here: " .. p.strategy)

return scenario {
  title = "Seven scanners: " .. p.strategy .. ", norm " .. p.norm,
  cohort = cohort.csv {
    file = data "scanners.csv", hospital = column "hospital", outcome = positive "lesion",
    split = split.column "fold", standardise = "none",
  },
  hospitals = hospitals { overhead = minutes(1), jitter = 0, site = { Turku = { role = "external" } } },
  model = model.mlp {
    hidden = { p.hidden, p.hidden }, norm = p.norm ~= "none" and p.norm or nil, groups = p.norm == "group" and 4 or nil,
  },
  training = training.sgd { rate = p.rate, epochs = p.epochs, batch = p.batch },
  strategy = strategies[p.strategy],
  rounds = p.rounds,
  deadline = none,
  measure = measure { "loss", "auroc", every = "end" },
  baselines = { baseline.pooled {}, baseline.local_only {} },
}
