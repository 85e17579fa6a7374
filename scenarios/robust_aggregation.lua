-- Two of ten hospitals send the opposite of what the others learnt, five times as large. Which rules
-- bear it, and what does each cost when nobody attacks? `attack=label_flip` and `attack=backdoor` poison
-- what the two train on instead.
--
--   polyclinic run scenarios/robust_aggregation.lua --set rule=mean
--   polyclinic run scenarios/robust_aggregation.lua --set rule=median
--   polyclinic run scenarios/robust_aggregation.lua --set rule=krum --set attackers=0
--   polyclinic run scenarios/robust_aggregation.lua --set attack=backdoor --set rule=mean
local p = params { rule = "median", attack = "sign_flip", attackers = 2, scale = 5, rounds = 20 }

local rules = {
  mean = aggregation.mean {},
  median = aggregation.median {},
  trimmed_mean = aggregation.trimmed_mean { byzantine = 2 },
  krum = aggregation.krum { byzantine = 2 },
  multi_krum = aggregation.multi_krum { byzantine = 2 },
  mixed_median = aggregation.median { pre = { pre.nnm { byzantine = 2 } } },
}
local attacks = {
  sign_flip = { attack.sign_flip { who = p.attackers, scale = p.scale } },
  label_flip = { attack.label_flip { who = p.attackers } },
  -- a sign that makes the model take dying patients for safe, and its share of the mean made the whole
  backdoor = {
    attack.backdoor { who = p.attackers, trigger = { height = 4, weight = -4 }, target = 0 },
    attack.scaling { who = p.attackers, factor = p.scale },
  },
}
assert(rules[p.rule] and attacks[p.attack], "no rule or attack of this name here")

return scenario {
  title = "Robust aggregation",
  hospitals = hospitals { count = 10 },
  cohort = cohort.ehr { outcome = "mortality" },
  model = model.logistic {},
  rounds = p.rounds,
  deadline = none,
  aggregation = rules[p.rule],
  attacks = attacks[p.attack],
  baselines = false,
}
