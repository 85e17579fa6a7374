-- A study: which rule bears which attack? Twenty-five hospitals whose patients and classes differ widely (the synthetic
-- (alpha, beta) data of FedProx, ten classes), of whom none, three or five attack. Every rule is told of a
-- fifth. "nobody" is the control: what a rule costs when all are honest. Accuracies of every arm are averages over the
-- same twenty hospitals, those that never attack.
--
--   polyclinic run scenarios/byzantine_study.lua --out results/byzantine
--   polyclinic sweep scenarios/byzantine_study.lua --vary iid=false,true --csv byzantine.csv
--
-- docs/lessons/byzantine.md compares the table with published ones.
local p = params { iid = false, rate = 0.1, rounds = 40, seeds = 3, fractions = "0.12,0.2", rules = "all", attacks = "all",
  steps = 8 } -- of the geometric median, as in the published tables

local fifth = fraction(0.2)
local buckets = { pre.bucketing { size = 2 } }
local function weiszfeld(more)
  more.weights, more.iterations, more.tolerance = "equal", p.steps, 0
  return aggregation.geometric_median(more)
end
local rules = {
  { "mean", aggregation.mean { weights = "equal" } },
  { "centered_clipping", aggregation.centered_clipping { radius = 0.3 } },
  { "geometric_median", weiszfeld {} },
  { "trimmed_mean", aggregation.trimmed_mean { byzantine = fifth } },
  { "median", aggregation.median {} },
  { "multi_krum", aggregation.multi_krum { byzantine = fifth } },
  { "krum", aggregation.krum { byzantine = fifth } },
  { "bucketed_geometric_median", weiszfeld { pre = buckets } },
  { "bucketed_median", aggregation.median { pre = buckets } },
  -- five attackers spoil up to five of the thirteen buckets
  { "bucketed_krum", aggregation.krum { byzantine = 5, pre = buckets } },
  { "mixed_trimmed_mean", aggregation.trimmed_mean { byzantine = fifth, pre = { pre.nnm { byzantine = fifth } } } },
}
local attacks = {
  { "sign_flip", function(who) return attack.sign_flip { who = who, of = "own" } end },
  { "label_flip", function(who) return attack.label_flip { who = who } end },
  { "mimic", function(who) return attack.mimic { who = who } end },
  { "ipm", function(who) return attack.ipm { who = who } end },
  { "alie", function(who) return attack.alie { who = who } end },
  { "min_max", function(who) return attack.min_max { who = who } end },
  { "fang", function(who) return attack.fang { who = who } end },
}
local function wanted(list, name) return list == "all" or ("," .. list .. ","):find("," .. name .. ",", 1, true) end

-- Attackers of one group nest: these five hold all attackers of every arm. They never wake, which changes no bit, and
-- keeps them out of the averages.
local sleepers = attack.free_rider { who = fifth, from = from_version(p.rounds + 1) }

local arms = {}
for _, rule in ipairs(rules) do
  if wanted(p.rules, rule[1]) then
    arms[#arms + 1] = { name = rule[1] .. ", nobody", aggregation = rule[2], attacks = { sleepers } }
    for share in p.fractions:gmatch("[^,]+") do
      for _, made in ipairs(attacks) do
        if wanted(p.attacks, made[1]) then
          arms[#arms + 1] = {
            name = ("%s, %s %s"):format(rule[1], made[1], share), aggregation = rule[2],
            attacks = { sleepers, made[2](fraction(tonumber(share))) },
          }
        end
      end
    end
  end
end

return study {
  title = "Rules, attacks, and how many attack",
  base = scenario {
    hospitals = hospitals { count = 25, patients = 200 },
    cohort = cohort.synthetic { alpha = 1, beta = 1, iid = p.iid, test = 0.3 },
    model = model.softmax {},
    training = training.sgd { rate = p.rate, batch = 32, epochs = 1 },
    rounds = p.rounds,
    deadline = none,
    measure = measure { "accuracy", every = "end" },
  },
  arms = arms,
  seeds = p.seeds,
  compare = { metric = "accuracy", against = arms[1].name },
}
