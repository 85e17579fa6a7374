-- W2: 100 hospitals with 500 training rows of 40 features each, an MLP 40-64-32-1, all take part, batches
-- of 32, one epoch, SGD at 0.1, 20 rounds: 32,000 steps. One evaluation at the end.
local p = params { rounds = 20 }

return scenario {
  title = "W2: a multi-layer perceptron on tables",
  hospitals = hospitals { count = 100, patients = 550 },
  cohort = cohort.synthetic { iid = true, features = 40, classes = 2, test = 50 / 550 },
  model = model.mlp { hidden = { 64, 32 } },
  training = training.sgd { rate = 0.1, batch = 32, epochs = 1 },
  participants = all,
  rounds = p.rounds,
  deadline = none,
  measure = measure { "loss", "accuracy", every = "end", threshold = 0.5 },
  baselines = false,
}
