-- What if? The largest hospital is cut off for a day and a half, then the server's line is a tenth
-- for half a day. The same seed without these events (--set calm=true) shows what they cost.
--
--   polyclinic run scenarios/what_if.lua
--   polyclinic run scenarios/what_if.lua --set calm=true
local p = params { calm = false, rounds = 40 }

return scenario {
  title = "A cut line and a narrow one",
  hospitals = hospitals {
    names = { "Lyon", "Oslo", "Porto", "Graz", "Gent", "Turin" },
    overhead = lognormal { median = hours(1), spread = 0.4 },
    site = { Lyon = { patients = 3000 } },
  },
  cohort = cohort.ehr { outcome = "mortality" },
  model = model.logistic {},
  rounds = p.rounds,
  deadline = hours(3),
  protocol = protocol.sync { minimum_replies = 3 },
  timeline = not p.calm and {
    at(hours(12), function(world)
      world.hospital["Lyon"]:disconnect()
      world:note("Lyon is cut off at version %d", world.version)
      wait(hours(36))
      world.hospital["Lyon"]:reconnect()
      world:note("Lyon is back at version %d", world.version)
    end),
    at(from_version(20), function(world)
      local usual = world.network.server.up
      world.network.server.up = usual / 10
      wait(hours(12))
      world.network.server.up = usual
    end),
  } or nil,
}
