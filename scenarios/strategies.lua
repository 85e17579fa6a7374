-- One federation, several ways to average: choose with --set strategy=fedadam and the like. The world
-- (hospitals, patients, dropouts) stays the same, draw by draw, so that differences are the strategy's.
--
--   polyclinic run scenarios/strategies.lua --set strategy=fedprox
local p = params { strategy = "fedavg", epochs = 5, rounds = 30 }

local strategies = {
  fedavg = strategy.fedavg {},
  fedprox = strategy.fedprox { mu = 0.1 },
  fedavgm = strategy.fedavgm { momentum = 0.9, rate = 0.1 },
  fedadagrad = strategy.fedadagrad {},
  fedadam = strategy.fedadam { rate = 0.03 },
  fedyogi = strategy.fedyogi { rate = 0.03 },
  -- an own rule: the median of the hospitals' changes, remembered over rounds
  slow_median = compose {
    aggregation = aggregation.custom(function(updates, ctx)
      local s = ctx.state
      s.m = 0.5 * (s.m or vec.zeros(#ctx.global)) + 0.5 * vec.median(updates)
      return s.m
    end),
  },
}
assert(strategies[p.strategy], "no strategy of this name here: " .. p.strategy)

return scenario {
  title = "Ways to average: " .. p.strategy,
  hospitals = hospitals { count = 10 },
  cohort = cohort.ehr { site_shift = 0.8 },
  model = model.mlp { hidden = { 16 } },
  training = training.sgd { rate = 0.03, epochs = p.epochs },
  strategy = strategies[p.strategy],
  rounds = p.rounds,
}
