-- Two of ten hospitals send the opposite of what the others learnt, five times as large. Which rules
-- bear it, and what does each cost when nobody attacks?
--
--   polyclinic run scenarios/robust_aggregation.lua --set rule=mean
--   polyclinic run scenarios/robust_aggregation.lua --set rule=median
--   polyclinic run scenarios/robust_aggregation.lua --set rule=krum --set attackers=0
local p = params { rule = "median", attackers = 2, scale = 5, rounds = 20 }

local rules = {
  mean = aggregation.mean {},
  median = aggregation.median {},
  trimmed_mean = aggregation.trimmed_mean { byzantine = 2 },
  krum = aggregation.krum { byzantine = 2 },
  multi_krum = aggregation.multi_krum { byzantine = 2 },
  mixed_median = aggregation.median { pre = { pre.nnm { byzantine = 2 } } },
}
local rule = rules[p.rule]
local flip = attack.sign_flip { scale = p.scale }

-- The last of the updates are the attackers': what they send takes their place before the rule.
local function attacked(updates, ctx)
  local honest = {}
  for i = 1, #updates - p.attackers do honest[i] = updates[i] end
  local all = { table.unpack(honest) }
  for _, sent in ipairs(flip(honest, { byzantine = p.attackers, seed = ctx.seed })) do
    all[#all + 1] = sent
  end
  return rule(all, { seed = ctx.seed })
end

return scenario {
  title = "Robust aggregation",
  hospitals = hospitals { count = 10 },
  cohort = cohort.ehr { outcome = "mortality" },
  model = model.logistic {},
  rounds = p.rounds,
  deadline = none,
  aggregation = p.attackers > 0 and aggregation.custom(attacked) or rule,
  baselines = false,
}
