-- Hospital-level privacy without a trusted server. Every hospital adds a small share of integer noise to its update and
-- sends it into a secure sum; only the sum, with the noise of all, is ever seen. Hospitals that drop out take their
-- shares away: the guarantee is for the fewest whose sum may be unmasked, the column `spent` counts what really arrived.
-- With so few hospitals the noise drowns most models, and the output says by how much. Try
--   polyclinic run distributed_dp.lua --set up=4            -- more dropouts: less noise arrives, more is spent
--   polyclinic run distributed_dp.lua --set hospitals=60    -- the same epsilon, six times less noise in the mean
--   polyclinic run distributed_dp.lua --set trusted=true    -- the same with a trusted server (privacy.hospital)
local p = params { epsilon = 20, clip = 0.2, hospitals = 12, up = 12, rounds = 20, trusted = false, mechanism = "discrete_gaussian" }

return scenario {
  title     = "Noise in shares, under a secure sum",
  hospitals = hospitals {
    count = p.hospitals, patients = lognormal { median = 300, spread = 0.5 }, overhead = minutes(5),
    availability = availability.markov { up = hours(p.up), down = hours(1) },
  },
  cohort    = cohort.ehr { outcome = "sepsis" },
  model     = model.logistic { },
  training  = training.sgd { rate = 0.1, batch = 32, epochs = 1 },
  rounds    = p.rounds,
  protocol  = protocol.sync { pause = hours(1) },
  secure    = not p.trusted and secure.pairwise { bits = 20 } or none,
  privacy   = p.trusted and privacy.hospital { epsilon = p.epsilon, clip = p.clip }
    or privacy.distributed { epsilon = p.epsilon, clip = p.clip, mechanism = p.mechanism },
  baselines = false,
  measure   = measure { "auroc", "loss", every = 5 },
}
