-- Updates in shares at two or three servers that do not collude. They find the sum of the updates, or
-- compare them without seeing one: the median stands up to a hospital that lies, and costs the servers
-- messages to and fro. One of the other servers may have outages, and then rounds fail.
--
--   polyclinic run scenarios/secure_servers.lua
--   polyclinic run scenarios/secure_servers.lua --set attack=true                     the mean is spoilt
--   polyclinic run scenarios/secure_servers.lua --set attack=true --set rule=median   the median is not
--   polyclinic run scenarios/secure_servers.lua --set servers=3                       more to trust less in
--   polyclinic run scenarios/secure_servers.lua --set outages=true                    a server that is down
--   polyclinic run scenarios/secure_servers.lua --set sums=false                      without shares
local p = params { rule = "mean", servers = 2, attack = false, outages = false, sums = true, fidelity = "real", rounds = 20 }

return scenario {
  title = "Sums and medians at servers that do not collude",
  hospitals = hospitals { count = 9, overhead = minutes(5) },
  cohort = cohort.ehr {},
  model = model.logistic {},
  aggregation = p.rule == "median" and aggregation.median {} or aggregation.mean { weights = "equal" },
  attacks = p.attack and { attack.sign_flip { who = 1, of = "own", scale = 8 } } or nil,
  secure = p.sums and secure.shares {
    servers = p.servers, threshold = 6, fidelity = p.fidelity,
    availability = p.outages and availability.markov { up = hours(2), down = minutes(20) } or nil,
  } or none,
  protocol = protocol.sync { minimum_replies = 6, pause = minutes(10) },
  rounds = p.rounds,
  deadline = minutes(45),
  measure = measure { "auroc", "brier", every = "end" },
}
