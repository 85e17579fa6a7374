-- A study: twelve hospitals, of which the slowest computes some fifty times as long as the quickest. How long until the
-- model is good enough, if the server waits for all, leaves out who is late, asks everybody for less, or asks each for
-- as much as it can do in the time?
--
--   polyclinic run scenarios/stragglers.lua
--   polyclinic sweep scenarios/stragglers.lua --vary spread=0.3,0.8,1.2
local p = params { target = 0.44, spread = 1.2, seeds = 5, epochs = 10, minutes = 30 }

local limit = minutes(p.minutes)
local by_speed = stragglers.by_speed { target = 0.75 * limit }
local function training_of(epochs) return training.sgd { rate = 0.005, batch = 32, epochs = epochs } end

return study {
  title = "Time until the model is good enough, with stragglers",
  base = scenario {
    hospitals = hospitals {
      count = 12, patients = lognormal { median = 300, spread = 0.5 },
      speed = lognormal { median = mflops(0.002), spread = p.spread },   -- the machine has other work, too: ten epochs take
      overhead = lognormal { median = minutes(5), spread = 0.5 },        -- the median hospital some eight minutes
      jitter = 0.3, uplink = mbit(10), downlink = mbit(50),
    },
    cohort = cohort.ehr { outcome = "mortality", site_shift = 0.5, prevalence = 0.2 },
    model = model.logistic {},
    training = training_of(p.epochs),
    rounds = 300,
    deadline = limit,
    protocol = protocol.sync { minimum_replies = 3 },
    baselines = false,
    stop = { loss = p.target, after = days(20) },
    measure = measure { "loss", "auroc" },
  },
  arms = {
    { name = "wait for all", deadline = none },
    { name = "drop who is late" },
    { name = "one epoch for all", training = training_of(1) },
    { name = "by speed", stragglers = by_speed },
    { name = "by speed, fednova", stragglers = by_speed, strategy = strategy.fednova {} },
  },
  seeds = p.seeds,
  compare = { metric = "sim_seconds", against = "wait for all" },
}
