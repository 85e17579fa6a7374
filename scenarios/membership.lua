-- Does the finished model tell who it was trained on? Six hospitals overfit a network to few patients; then an attacker
-- who holds a record and the model guesses from the record's loss whether its hospital trained on it. Every hospital's
-- training rows are compared with its own test rows. Try
--   polyclinic run membership.lua --set private=true      -- noise in every step: the guess gets worse, and so does the model
--   polyclinic run membership.lua --set private=true --set epsilon=1
--   polyclinic run membership.lua --set epochs=1 --set hidden=4     -- fewer epochs, fewer parameters: less to remember
--   polyclinic run membership.lua --set rate=0.05         -- enough non-members for a true-positive rate
local p = params { private = false, epsilon = 8, epochs = 10, hidden = 64, patients = 300, rounds = 15, rate = 0.01, confidence = 0.95 }

return scenario {
  title     = "What a finished model gives away",
  hospitals = hospitals { count = 6, patients = p.patients, overhead = minutes(2) },
  cohort    = cohort.ehr { outcome = "sepsis", encounters = 1, overlap = 0 },   -- a record is a person
  model     = model.mlp { hidden = { p.hidden } },
  training  = training.adam { rate = 0.003, batch = 32, epochs = p.epochs },
  rounds    = p.rounds,
  deadline  = none,
  privacy   = p.private and privacy.record { epsilon = p.epsilon } or none,
  audit     = audit.membership { false_positive_rate = p.rate, confidence = p.confidence },
  baselines = false,
  measure   = measure { "auroc", "loss", train = { "loss" }, every = "end" },
}
