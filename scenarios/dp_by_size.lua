-- What the same epsilon costs small hospitals. Ten hospitals from 60 to 4,000 patients learn to foresee sepsis; every
-- one promises its patients (with all their encounters) the same epsilon. A batch is a larger share of a small hospital's
-- patients, so a step tells more of each, and the noise that hides it is larger: the column `noise` of the privacy table.
-- Together they can bear it; `only` shows what a hospital of each size could make of the same promise by itself. Try
--   polyclinic run dp_by_size.lua --set only=hospital-03     -- trains alone; all others are only evaluated on
--   polyclinic run dp_by_size.lua --set epsilon=1
--   polyclinic run dp_by_size.lua --set unit=record     -- a patient with three encounters is promised less
--   polyclinic sweep dp_by_size.lua --vary epsilon=0.3,1,3 --seeds 5
local p = params { epsilon = 3, unit = "patient", clip = 1, rounds = 30, rate = 0.1, private = true, only = "" }

local site = {}
for i, patients in ipairs { 60, 90, 140, 220, 350, 550, 900, 1500, 2500, 4000 } do
  local name = string.format("hospital-%02d", i)
  site[name] = { patients = patients, role = (p.only == "" or p.only == name) and "member" or "external" }
end

return scenario {
  title     = "The same epsilon in hospitals of every size",
  hospitals = hospitals { count = 10, site = site, overhead = minutes(2) },
  cohort    = cohort.ehr { outcome = "sepsis" },
  model     = model.logistic { },
  training  = training.sgd { rate = p.rate, batch = 16, epochs = 1 },
  rounds    = p.rounds,
  deadline  = none,
  privacy   = p.private and privacy[p.unit] { epsilon = p.epsilon, clip = p.clip } or none,
  baselines = false,
  measure   = measure { "auroc", "brier", every = 5 },
}
