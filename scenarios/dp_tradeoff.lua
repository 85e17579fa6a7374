-- What does protecting every record cost? Eight hospitals learn to foresee sepsis with DP-SGD inside
-- each of them. More noise is a smaller epsilon and a worse model; the references pooled and alone
-- are trained without privacy. Try
--   polyclinic run dp_tradeoff.lua --set noise=4
--   polyclinic sweep dp_tradeoff.lua --vary noise=0.5,1,2,4,8 --seeds 5
-- or ask for an epsilon and let every hospital's noise be solved: --set epsilon=3
local p = params { noise = 1, epsilon = 0, clip = 1, rounds = 30, epochs = 1, rate = 0.1 }

return scenario {
  title     = "Noise against AUROC",
  hospitals = hospitals { count = 8, patients = lognormal { median = 600, spread = 0.6 } },
  cohort    = cohort.ehr { outcome = "sepsis" },
  model     = model.logistic { },
  training  = training.sgd { rate = p.rate, batch = 32, epochs = p.epochs },
  rounds    = p.rounds,
  deadline  = none,
  privacy   = privacy.record {
    epsilon = p.epsilon > 0 and p.epsilon or nil, noise = p.epsilon == 0 and p.noise or nil, clip = p.clip },
  measure   = measure { "auroc", "calibration", every = 5 },
}
