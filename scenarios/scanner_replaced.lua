-- Data do not stay as they were when learning began. On the third day a laboratory in Lyon gets new
-- analysers and another unit, and nobody tells the federation; a week later a wave of patients goes
-- through the hospitals, from Oslo on, and keeps them busy. The table at the end says what that did to
-- the model: the same model before and after, and the last, which went on learning. That does not
-- mend the laboratory's values, and the others' model suffers, too. Try what does:
--
--   polyclinic run scenarios/scanner_replaced.lua
--   polyclinic run scenarios/scanner_replaced.lua --set remedy=fit_anew
--   polyclinic run scenarios/scanner_replaced.lua --set remedy=put_right
local p = params { remedy = "go_on", wave = true, rounds = 60 }

local remedies = {
  go_on = false,                                -- whatever learning makes of it
  fit_anew = change.standardisation {},         -- means and scales of the rows as they are now
  put_right = change.recalibration {},          -- the laboratory reports as before
}

return scenario {
  title = "A laboratory's new analysers, and a wave of patients",
  hospitals = hospitals {
    names = { "Lyon", "Oslo", "Porto", "Graz", "Gent", "Turin", "Malmo", "Brno" },
    patients = lognormal { median = 1500, spread = 0.4 },
    overhead = lognormal { median = hours(4), spread = 0.3 },
    site = { Lyon = { patients = 3000 } },
  },
  -- values as they are, not their logarithms
  cohort = cohort.ehr { outcome = "mortality", scale = "natural" },
  model = model.logistic {},
  rounds = p.rounds,
  deadline = hours(12),
  measure = measure { "auroc", "brier", "calibration" },
  timeline = {
    at(days(3), function(world)
      -- milligrams a decilitre before, micromoles a litre after
      world.hospital["Lyon"]:change(change.scanner { features = { "creatinine" }, scale = 88.4 })
      world.hospital["Lyon"]:change(change.scanner { features = { "lactate", "bilirubin" }, scale = 1.3 })
      wait(days(3))
      if remedies[p.remedy] then world.hospital["Lyon"]:change(remedies[p.remedy]) end
    end),
    p.wave and at(days(10), function(world)
      world:change(change.wave {
        prevalence = 2, severity = 0.5, age = 4, busy = 1.5,
        rise = days(3), fall = days(4), delay = hours(6), from = "Oslo",
      })
    end),
  },
}
