-- W1: 1,000 hospitals with 100 training rows of 40 features each, a logistic model, 100 participants a
-- round, batches of 10, one epoch, SGD at 0.1, 20 rounds: 20,000 steps. One evaluation at the end.
local p = params { rounds = 20 }

return scenario {
  title = "W1: logistic regression on tables",
  hospitals = hospitals { count = 1000, patients = 110 },
  cohort = cohort.synthetic { iid = true, features = 40, classes = 2, test = 10 / 110 },
  model = model.logistic {},
  training = training.sgd { rate = 0.1, batch = 10, epochs = 1 },
  participants = 100,
  rounds = p.rounds,
  deadline = none,
  measure = measure { "loss", "accuracy", every = "end", threshold = 0.5 },
  baselines = false,
}
