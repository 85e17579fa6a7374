-- Nothing but arrivals: 10,000 hospitals with one training row each, all at work at a time, every
-- hundred updates a version of a model of one feature.
local p = params { rounds = 2000 }

return scenario {
  title = "Ten thousand hospitals without common rounds",
  hospitals = hospitals { count = 10000, patients = 2 },
  cohort = cohort.synthetic { iid = true, features = 1, classes = 2, test = 0.5 },
  model = model.logistic {},
  training = training.sgd { rate = 0.1, batch = 1, epochs = 1 },
  strategy = strategy.fedbuff { buffer = 100 },
  participants = all,
  rounds = p.rounds,
  measure = measure { "loss", every = "end" },
  baselines = false,
}
