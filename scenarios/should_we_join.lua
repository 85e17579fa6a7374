-- Six hospitals learn together, and Turin, a small one with patients of its own kind, thinks about joining. What would it
-- gain, what would the others, and what does it cost?
--
--   polyclinic join scenarios/should_we_join.lua Turin
--   polyclinic join scenarios/should_we_join.lua Turin --set patients=1000
--   polyclinic join scenarios/should_we_join.lua Lyon --metric loss
local p = params { patients = 150, shift = 0.8, rounds = 20 }

return scenario {
  title = "Should Turin join?",
  hospitals = hospitals {
    names = { "Lyon", "Oslo", "Porto", "Graz", "Gent", "Malmo", "Turin" },
    patients = 400,
    speed = lognormal { median = gflops(20), spread = 0.5 },
    uplink = lognormal { median = mbit(20), spread = 0.5 },
    overhead = lognormal { median = minutes(5), spread = 0.8 },
    availability = availability.markov { up = hours(20), down = hours(2) },
    site = { Turin = { patients = p.patients, uplink = mbit(1) } },
  },
  cohort = cohort.ehr { outcome = "mortality", site_shift = p.shift },
  model = model.logistic {},
  training = training.sgd { rate = 0.05, batch = 32, epochs = 2 },
  rounds = p.rounds,
  deadline = minutes(30),
  measure = measure { "auroc", "loss", every = "end" },
}
