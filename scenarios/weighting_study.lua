-- A study: does it matter how hospitals of very different sizes are weighted? Four ways to average, beside
-- the two references, each under the same ten seeds; differences are paired seed by seed.
--
--   polyclinic run scenarios/weighting_study.lua
--   polyclinic sweep scenarios/weighting_study.lua --vary shift=0.1,0.8 --out results/weighting
local p = params { rounds = 20, shift = 0.5 }

return study {
  title = "How to weight hospitals of different sizes",
  base = scenario {
    -- from about 100 patients to several thousand
    hospitals = hospitals { count = 6, patients = lognormal { median = 500, spread = 0.9 } },
    cohort = cohort.ehr { outcome = "mortality", site_shift = p.shift },
    model = model.logistic {},
    rounds = p.rounds,
    measure = measure { "auroc", "brier", "calibration", every = "end" },
  },
  arms = {
    { name = "by size" }, -- the default: by training rows, one hospital at most half
    { name = "no cap", aggregation = aggregation.mean { max_share = 1 } },
    { name = "equal", aggregation = aggregation.mean { weights = "equal" } },
    { name = "proximal", strategy = strategy.fedprox { mu = 0.1 } },
    { name = "pooled", strategy = baseline.pooled {} },
    { name = "alone", strategy = baseline.local_only {} },
  },
  seeds = 10,
  compare = { metric = "auroc", against = "by size" },
}
