-- Eight generated hospitals learn together who will get sepsis. Machines are slow and busy, links are
-- thin, each hospital drops out about once a day: run it and read who was late and why.
--
--   polyclinic run scenarios/quickstart.lua --set rounds=80
local p = params { rounds = 40, rate = 0.03, shift = 0.3, deadline = minutes(30) }

return scenario {
  title = "Sepsis risk in eight hospitals",
  seed = 12,
  hospitals = hospitals {
    names = { "Lyon", "Oslo", "Porto", "Graz", "Gent", "Turin", "Malmo", "Brno" },
    patients = lognormal { median = 600, spread = 0.6 },
    speed = lognormal { median = gflops(50), spread = 0.4 },
    uplink = lognormal { median = mbit(20), spread = 0.5 },
    downlink = mbit(100),
    latency = lognormal { median = ms(40), spread = 0.5 },
    -- from invitation to start: the queue of the cluster, a container, loading data
    overhead = lognormal { median = minutes(5), spread = 0.8 },
    jitter = 0.5,
    availability = availability.markov { up = hours(20), down = hours(2) },
    -- larger hospitals have faster machines and better links, and see sicker patients
    size_follows = { speed = 0.6, uplink = 0.5, prevalence = 0.3 },
    site = { Lyon = { uplink = mbit(1) } },
  },
  cohort = cohort.ehr { outcome = "sepsis", site_shift = p.shift },
  model = model.mlp { hidden = { 16 } },
  training = training.sgd { rate = p.rate, batch = 32, epochs = 1 },
  rounds = p.rounds,
  deadline = p.deadline,
}
