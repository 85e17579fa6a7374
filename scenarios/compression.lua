-- Thin lines: what compressed updates cost in quality, and what they save in bytes and time. Six
-- hospitals send 24 kB of update a round at 50 kbit/s, of which compression leaves a small part.
--
--   polyclinic run scenarios/compression.lua
--   polyclinic run scenarios/compression.lua --set seeds=5 --set rounds=80
--   polyclinic sweep scenarios/compression.lua --vary hidden=16,64,256
local p = params { rounds = 40, seeds = 3, hidden = 64, uplink = mbit(0.05) }

local function top(share, feedback)
  return compression.top_k { share = share, error_feedback = feedback }
end

return study {
  title = "Compressed updates over thin lines",
  base = scenario {
    hospitals = hospitals {
      count = 6, patients = lognormal { median = 500, spread = 0.5 },
      overhead = seconds(1), uplink = p.uplink, downlink = mbit(1), availability = availability.always {},
    },
    cohort = cohort.ehr { outcome = "mortality", site_shift = 0.3 },
    model = model.mlp { hidden = { p.hidden, 32 } },
    rounds = p.rounds,
    measure = measure { "auroc", "brier", every = "end" },
    baselines = false,
  },
  arms = {
    { name = "as it is" },
    { name = "bf16", compression = compression.bf16 {} },
    { name = "4 bits", compression = compression.quantize { bits = 4 } },
    { name = "sign", compression = compression.sign {} },
    { name = "rank 2", compression = compression.low_rank { rank = 2 } },
    { name = "top 10 %", compression = top(0.1, true) },
    { name = "top 1 %", compression = top(0.01, true) },
    { name = "top 1 %, forgetful", compression = top(0.01, false) },
    { name = "random 10 %", compression = compression.random_k { share = 0.1 } },
    { name = "both ways", compression = compression.each_way {
      up = top(0.01, true), down = compression.quantize { bits = 4 } } },
  },
  seeds = p.seeds,
  compare = { metric = "auroc", against = "as it is" },
}
