-- A federation is no club for life: a hospital joins on the second day, another leaves, and one asks
-- to be forgotten. To forget is to learn again without it, from the last version that it had no part
-- in. What that costs depends on how long it was there: try both names.
--
--   polyclinic run scenarios/join_and_leave.lua
--   polyclinic run scenarios/join_and_leave.lua --set forget=Gent
--   polyclinic run scenarios/join_and_leave.lua --set forget=nobody
local p = params { forget = "Brno", crash = false, rounds = 40 }

return scenario {
  title = "Hospitals come, go and are forgotten",
  hospitals = hospitals {
    names = { "Lyon", "Oslo", "Porto", "Graz", "Gent", "Turin", "Malmo", "Brno" },
    overhead = lognormal { median = hours(1), spread = 0.4 },
    site = { Brno = { role = "later", patients = 2500 } },
  },
  cohort = cohort.ehr { outcome = "mortality" },
  model = model.logistic {},
  rounds = p.rounds,
  deadline = hours(3),
  timeline = {
    at(days(1), function(world) world.hospital["Brno"]:join() end),
    at(days(2), function(world) world.hospital["Oslo"]:leave() end),
    p.forget ~= "nobody" and at(days(2.5), function(world) world.hospital[p.forget]:forget() end),
    -- the round that was open is lost, and all that had arrived for it
    p.crash and at(days(3), function(world) world.server:crash(hours(2)) end),
  },
}
