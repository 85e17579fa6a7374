-- Twelve hospitals learn together without a server: each tells its neighbours, and what one learns
-- reaches the others round by round. How fast depends on who talks to whom.
--
--   polyclinic run scenarios/gossip.lua                                  a ring
--   polyclinic run scenarios/gossip.lua --set graph=regular              four others each, drawn once
--   polyclinic run scenarios/gossip.lua --set graph=complete             everybody with everybody
--   polyclinic run scenarios/gossip.lua --set graph=matching             one other, drawn anew in each round
--   polyclinic run scenarios/gossip.lua --set exchange=push_sum          what is lost stays with its sender
--   polyclinic run scenarios/gossip.lua --set exchange=push_sum --set graph=exponential
--   polyclinic run scenarios/gossip.lua --set server=true                the same with a server

local p = params { graph = "ring", exchange = "average", server = false, rounds = 40, down = minutes(30) }

return scenario {
  title = "Learning together without a server",
  hospitals = hospitals {
    count = 12,
    patients = lognormal { median = 500, spread = 0.5 },
    uplink = mbit(20), downlink = mbit(100), latency = ms(15),
    overhead = lognormal { median = minutes(3), spread = 0.5 }, jitter = 0.3,
    availability = availability.markov { up = hours(5), down = p.down },
  },
  cohort   = cohort.ehr { outcome = "sepsis", site_shift = 0.5 },
  training = training.sgd { rate = 0.05, batch = 32 },
  rounds   = p.rounds, deadline = minutes(20),
  protocol = p.server and protocol.sync {} or protocol.gossip { graph = p.graph, exchange = p.exchange },
}
