-- Noise that cancels. Eighty hospitals take turns, eight in a round; the server promises each of them the same epsilon for
-- the whole run. Noise of its own in every round adds up; noise that is correlated over rounds (tree, banded) costs more
-- in a single round, and most of it is taken back by the rounds that follow. Try
--   polyclinic run rounds_noise.lua                                     -- banded
--   polyclinic run rounds_noise.lua --set over_rounds=independent
--   polyclinic sweep rounds_noise.lua --vary over_rounds=independent,tree,banded --seeds 5
local p = params { over_rounds = "banded", epsilon = 8, clip = 0.3, rounds = 40, rate = 0.05, hospitals = 80, each = 8 }

return scenario {
  title     = "Hospital-level privacy with noise that cancels over rounds",
  hospitals = hospitals { count = p.hospitals, patients = 200, overhead = minutes(2) },
  cohort    = cohort.ehr { outcome = "sepsis" },
  model     = model.logistic { },
  training  = training.sgd { rate = p.rate, batch = 32, epochs = 1 },
  rounds    = p.rounds,
  deadline  = none,
  selection = selection.round_robin { count = p.each },
  privacy   = privacy.hospital { epsilon = p.epsilon, clip = p.clip, over_rounds = p.over_rounds, separation = p.hospitals // p.each },
  baselines = false,
  measure   = measure { "auroc", "loss", every = 10 },
}
