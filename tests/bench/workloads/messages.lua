-- Nothing but messages: 50 hospitals with one training row each receive a model of one feature and send
-- their update, one step later: 100 messages a round, 10,000 rounds.
local p = params { rounds = 10000 }

return scenario {
  title = "Ten thousand rounds of a hundred messages",
  hospitals = hospitals { count = 50, patients = 2 },
  cohort = cohort.synthetic { iid = true, features = 1, classes = 2, test = 0.5 },
  model = model.logistic {},
  training = training.sgd { rate = 0.1, batch = 1, epochs = 1 },
  participants = all,
  rounds = p.rounds,
  deadline = none,
  measure = measure { "loss", every = "end" },
  baselines = false,
}
