-- A study: ten hospitals train a small network twenty epochs a round. Most overfit long before; what if each stops when its
-- own validation rows say that more no longer helps, and what if it then sends its best epoch instead of its last?
--
--   polyclinic run scenarios/early_stopping.lua
--   polyclinic sweep scenarios/early_stopping.lua --vary patience=1,2,4
local p = params { epochs = 20, patience = 2, rounds = 10, seeds = 5 }

local function training_of(stopping)
  return training.sgd { rate = 0.1, batch = 16, epochs = p.epochs, early_stopping = stopping }
end

return study {
  title = "Hospitals that stop training when it no longer helps",
  base = scenario {
    hospitals = hospitals {
      count = 10, patients = lognormal { median = 250, spread = 0.8 },
      speed = lognormal { median = mflops(0.05), spread = 0.8 },   -- the machine has other work, too
      overhead = lognormal { median = minutes(5), spread = 0.5 },
    },
    cohort = cohort.ehr { outcome = "mortality", site_shift = 0.5 },
    model = model.mlp { hidden = { 16 } },
    training = training_of(none),
    rounds = p.rounds,
    deadline = none,
    baselines = false,
    measure = measure { "loss", "auroc", every = "end" },
  },
  arms = {
    { name = "all epochs" },
    { name = "one epoch", training = training.sgd { rate = 0.1, batch = 16, epochs = 1 } },
    { name = "stop", training = training_of(early_stopping { patience = p.patience }) },
    { name = "stop, keep the best", training = training_of(early_stopping { patience = p.patience, keep = "best" }) },
    { name = "stop by training loss", training = training_of(early_stopping { patience = p.patience, watch = "training" }) },
  },
  seeds = p.seeds,
  compare = { metric = "loss", against = "all epochs" },
}
