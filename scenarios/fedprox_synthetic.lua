-- The synthetic (alpha, beta) experiment of FedProx (Li et al. 2020, sections 5.1 and 5.2): thirty devices whose
-- laws and inputs differ more the larger alpha and beta are, ten of them in a round, twenty epochs each. What
-- does the proximal term do to the model, and what do stragglers?
--
--   polyclinic run scenarios/fedprox_synthetic.lua --set alpha=1 --set beta=1 --set mu=1
--   polyclinic run scenarios/fedprox_synthetic.lua --set stragglers=0.9 --set work=drop
--
-- --seed changes the data; for one seed all settings see the same devices, rounds and stragglers, so that a
-- difference is the setting's. docs/validation.md has the whole table beside the published one.
local p = params { alpha = 1, beta = 1, iid = false, mu = 0, stragglers = 0, work = "keep", rounds = 200 }

return scenario {
  title = ("FedProx synthetic (%g, %g), mu = %g, %g %% stragglers"):format(
    p.alpha, p.beta, p.mu, 100 * p.stragglers),
  cohort = cohort.synthetic { alpha = p.alpha, beta = p.beta, iid = p.iid },
  model = model.softmax {},
  training = training.sgd { rate = 0.01, batch = 10, epochs = 20 },
  objective = objective.proximal { mu = p.mu },
  stragglers = p.stragglers > 0 and stragglers.random { share = p.stragglers, work = p.work } or none,
  -- the mean as published: one device may hold most of the rows
  aggregation = aggregation.mean { max_share = 1 },
  participants = 10,
  rounds = p.rounds,
  deadline = none,
  protocol = protocol.sync { minimum_replies = 1 },
  measure = measure { "accuracy", "loss", train = { "loss" }, every = "end" },
  baselines = false,
}
