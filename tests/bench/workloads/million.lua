-- A million hospitals, of which 100 take part in each of 10 rounds: data are made when a hospital is
-- invited or evaluated, and a sample of 1,000 hospitals is evaluated.
local p = params { hospitals = 1000000, participants = 100, rounds = 10 }

return scenario {
  title = "A million hospitals",
  hospitals = hospitals { count = p.hospitals, patients = 110 },
  cohort = cohort.synthetic { iid = true, features = 40, classes = 2, test = 10 / 110 },
  model = model.logistic {},
  training = training.sgd { rate = 0.1, batch = 10, epochs = 1 },
  participants = p.participants,
  rounds = p.rounds,
  deadline = none,
  measure = measure { "loss", "accuracy", every = "end", threshold = 0.5 },
  baselines = false,
}
