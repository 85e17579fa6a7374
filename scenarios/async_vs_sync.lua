-- A study: sixteen hospitals whose machines differ as in life (the slowest computes some seventy times as long as the
-- quickest), and the last of which has a thin wire. How long until the model is good enough, if the server waits for
-- everybody, for the first of more than it needs, for some time, or for nobody?
--
--   polyclinic run scenarios/async_vs_sync.lua
--   polyclinic sweep scenarios/async_vs_sync.lua --vary spread=0,0.6,1.2
local p = params { target = 0.445, spread = 1.2, seeds = 5, epochs = 2, wire = 0.02 }

return study {
  title = "Time until the model is good enough: who waits for whom?",
  base = scenario {
    hospitals = hospitals {
      count = 16, patients = lognormal { median = 300, spread = 0.4 },
      speed = lognormal { median = mflops(0.0005), spread = p.spread },
      overhead = lognormal { median = minutes(2), spread = 0.5 }, jitter = 0.3,
      uplink = mbit(10), downlink = mbit(50),
      site = { ["hospital-16"] = { uplink = kbit(p.wire) } },   -- eight minutes for an update of 1.2 kB,
                                                                -- as for 120 MB at 2 Mbit/s
    },
    cohort = cohort.ehr { outcome = "mortality", site_shift = 0.5, prevalence = 0.2 },
    model = model.logistic {},
    training = training.sgd { rate = 0.01, batch = 32, epochs = p.epochs },
    rounds = 5000,
    deadline = none,
    baselines = false,
    stop = { loss = p.target, after = days(20) },
    measure = measure { "loss", "auroc" },
  },
  arms = {
    { name = "wait for all" },
    { name = "12 of 16", participants = 12, protocol = protocol.sync { over_selection = 1.334 } },
    { name = "half an hour", deadline = minutes(30), protocol = protocol.sync { minimum_replies = 4 } },
    { name = "semi-synchronous", protocol = protocol.semi_sync { every = minutes(15) } },
    { name = "fedbuff", strategy = strategy.fedbuff { buffer = 8, rate = 1 } },
    { name = "fedasync", strategy = strategy.fedasync { alpha = 0.3 } },
  },
  seeds = p.seeds,
  compare = { metric = "sim_seconds", against = "wait for all" },
}
