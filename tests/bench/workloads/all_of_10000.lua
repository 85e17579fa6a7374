-- 10,000 hospitals that all take part in each of 20 rounds of W1's model (tabular_lr.lua): what a
-- participant costs where there are a hundred times as many.
local p = params { rounds = 20 }

return scenario {
  title = "Ten thousand hospitals, all of them in each round",
  hospitals = hospitals { count = 10000, patients = 110 },
  cohort = cohort.synthetic { iid = true, features = 40, classes = 2, test = 10 / 110 },
  model = model.logistic {},
  training = training.sgd { rate = 0.1, batch = 10, epochs = 1 },
  participants = all,
  rounds = p.rounds,
  deadline = none,
  measure = measure { "loss", "accuracy", every = "end", threshold = 0.5 },
  baselines = false,
}
