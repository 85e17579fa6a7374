-- European and American hospitals learn together, and no message of a single hospital leaves its
-- continent: a hospital talks to the aggregator of its region, regional sums cross the ocean.
--
--   polyclinic run scenarios/cross_border.lua
--   polyclinic run scenarios/cross_border.lua --set flat=true            one server for all of them
--   polyclinic run scenarios/cross_border.lua --set regional_rounds=4    fewer crossings
--   polyclinic run scenarios/cross_border.lua --set cut=true             the cable is down for a day

local p = params {
  rounds = 20, regional_rounds = 1,
  flat = false, cut = false,
}

local lines = network.regions {
  server = gbit(1),
  region = {
    EU = { up = mbit(20), down = mbit(20), latency = ms(45) },
    US = { up = mbit(20), down = mbit(20), latency = ms(5) },
  },
}

return scenario {
  title = "Sums cross the ocean, patients' data and single updates do not",
  hospitals = hospitals {
    group { region = "EU", names = { "Lyon", "Oslo", "Graz", "Gent", "Turku" } },
    group { region = "US", names = { "Boston", "Dallas", "Fresno", "Tulsa" } },
    patients = lognormal { median = 700, spread = 0.5 },
    uplink = lognormal { median = mbit(20), spread = 0.5 }, downlink = mbit(100), latency = ms(10),
    overhead = lognormal { median = minutes(4), spread = 0.5 }, jitter = 0.3,
    availability = availability.markov { up = hours(20), down = hours(1) },
  },
  cohort   = cohort.ehr { outcome = "sepsis", site_shift = 0.3 },
  model    = model.mlp { hidden = { 32 } },
  training = training.sgd { rate = 0.05, batch = 32 },
  rounds   = p.rounds, deadline = minutes(30),
  network  = lines,
  protocol = p.flat and protocol.sync {}
    or protocol.hierarchical { regional_rounds = p.regional_rounds, aggregators = { EU = "Lyon" } },
  timeline = {
    p.cut and at(hours(1), function(world)
      world.network.link["EU"].up = mbit(0)
      world:note("the cable is down")
      wait(hours(24))
      world.network.link["EU"].up = mbit(20)
      world:note("the cable is back")
    end),
  },
}
