-- Eight hospitals without a server: one model goes from hospital to hospital, or they aggregate in turn.
--
--   polyclinic run scenarios/turns.lua                            one model goes round
--   polyclinic run scenarios/turns.lua --set order=shuffled       in another order in each round
--   polyclinic run scenarios/turns.lua --set protocol=swarm       each gathers the updates of a round in its turn
--   polyclinic run scenarios/turns.lua --set protocol=sync        the same with a server

local p = params { protocol = "cyclic", order = "given", rounds = 20, down = minutes(30) }

return scenario {
  title = "Hospitals that take turns",
  hospitals = hospitals {
    count = 8,
    patients = lognormal { median = 500, spread = 0.5 },
    uplink = mbit(20), downlink = mbit(100), latency = ms(15),
    overhead = lognormal { median = minutes(3), spread = 0.5 }, jitter = 0.3,
    availability = availability.markov { up = hours(5), down = p.down },
  },
  cohort   = cohort.ehr { outcome = "sepsis", site_shift = 0.5 },
  training = training.sgd { rate = 0.05, batch = 32 },
  rounds   = p.rounds, deadline = minutes(20),
  protocol = p.protocol == "cyclic" and protocol.cyclic { order = p.order } or protocol[p.protocol] {},
}
