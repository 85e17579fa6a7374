-- Will it work in a hospital that did not take part? Two of eight are only evaluated on: the model
-- never sees their patients. Compare their rows of the table with the others'.
--
--   polyclinic run scenarios/new_hospital.lua --set shift=0.8
local p = params { shift = 0.3, rounds = 30 }

return scenario {
  title = "A model for hospitals that did not take part",
  hospitals = hospitals {
    names = { "Lyon", "Oslo", "Porto", "Graz", "Gent", "Turin", "Malmo", "Brno" },
    site = { Malmo = { role = "external" }, Brno = { role = "external" } },
  },
  cohort = cohort.ehr { outcome = "mortality", site_shift = p.shift },
  model = model.logistic {},
  rounds = p.rounds,
}
