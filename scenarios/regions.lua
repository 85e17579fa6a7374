-- Two countries, one server. The hospitals of each share a line to it: five Norwegian ones behind a
-- thin one, five Swedish ones behind a wide one. A model of 100,000 parameters takes its time.
--
--   polyclinic run scenarios/regions.lua
--   polyclinic run scenarios/regions.lua --set shared=false     as if every hospital had a way of its own
--   polyclinic run scenarios/regions.lua --set cut=true         the Norwegian line is a tenth for six hours
--   polyclinic run scenarios/regions.lua --set tcp=true         shares and start-up as TCP's (flow.lv08)
local p = params { shared = true, cut = false, tcp = false, rounds = 6 }

local tcp = p.tcp and flow.lv08 {} or nil

return scenario {
  title = "Two countries behind two lines",
  hospitals = hospitals {
    group { region = "Norway", names = { "Oslo", "Bergen", "Bodo", "Alta", "Molde" } },
    group { region = "Sweden", names = { "Lund", "Umea", "Kiruna", "Visby", "Falun" } },
    patients = 400,
    speed = gflops(50),
    uplink = mbit(20),
    downlink = mbit(100),
    latency = ms(5),
    overhead = minutes(1),
    jitter = 0,
  },
  cohort = cohort.ehr {},
  model = model.mlp { hidden = { 256, 256 } },
  rounds = p.rounds,
  network = p.shared and network.regions {
    region = {
      Norway = { up = mbit(4), down = mbit(8), latency = ms(25) },
      Sweden = { up = mbit(200), down = mbit(200), latency = ms(10) },
    },
    flow = tcp,
  } or network.star { flow = tcp },
  timeline = p.cut and {
    at(minutes(2), function(world)
      local line = world.network.link["Norway"]
      local up = line.up
      line.up = up / 10
      world:note("Norway's line is at %s", tostring(line.up))
      wait(hours(6))
      line.up = up
    end),
  } or nil,
}
