-- FLamby's Fed-Heart-Disease benchmark (Ogier du Terrail et al. 2022), number for number: the accuracies of its
-- tables, to the last patient. Same rows, same initial weights, same order of batches.
--
--   polyclinic run scenarios/heart_disease_flamby.lua --data DIR --set method=fedavg --set seed=42
--
-- Five sites: the four hospitals, and "Everyone", who holds the rows of all four and is the benchmark's "Pooled
-- Test". Who is not a member of the method's federation is external: only evaluated on. So the accuracies of any
-- run are one row of the published table. docs/lessons/flamby.md says what to learn from it.
-- Methods: pooled, local_0 to local_3, fedavg, fedprox, fedadam, fedyogi, fedadagrad; seeds 42 to 46.
local p = params { method = "fedavg", seed = 42, rounds = 15 }
local random = require "flamby.random"
local letters = require "flamby.split"

-- ---- the methods

local centres = { "Cleveland", "Budapest", "Zurich", "Long Beach" }
local rounds, steps, epochs, batch = p.rounds, 100, 50, 4

local function federation(rate, how)
  return { members = centres, rate = rate, how = how }
end
local function alone(hospital)
  return { members = { hospital }, rate = 0.001 }
end

local methods = {
  pooled = alone "Everyone",
  local_0 = alone "Cleveland",
  local_1 = alone "Budapest",
  local_2 = alone "Zurich",
  local_3 = alone "Long Beach",
  fedavg = federation(0.001, compose {}),
  fedprox = federation(0.001, compose { objective = objective.proximal { mu = 0.01 } }),
  fedadam = federation(0.01, compose {
    server = server.adam { rate = 0.01, beta1 = 0.9, beta2 = 0.999, tau = 1e-8, initial = 0 },
  }),
  fedyogi = federation(0.003162, compose {
    server = server.yogi { rate = 0.01, beta1 = 0.9, beta2 = 0.999, tau = 1e-8, initial = 0 },
  }),
  fedadagrad = federation(0.003162, compose {
    server = server.adagrad { rate = 0.316228, beta1 = 0.9, tau = 1e-8, initial = 0 },
  }),
}
local method = methods[p.method]
assert(method, "no method of this name here: " .. tostring(p.method))
local federated = #method.members > 1

-- ---- the rows

local train, test, rows = {}, {}, { Everyone = 0 }
for _, hospital in ipairs(centres) do
  train[hospital], test[hospital] = {}, {}
  for line = 1, #letters[hospital] do
    local letter = letters[hospital]:sub(line, line)
    if letter == "r" then table.insert(train[hospital], line) end
    if letter == "e" then table.insert(test[hospital], line) end
  end
  rows[hospital] = #train[hospital]
  rows.Everyone = rows.Everyone + rows[hospital]
end

local files = {
  Cleveland = data "heart_disease/processed.cleveland.data",
  Budapest = data "heart_disease/processed.hungarian.data",
  Zurich = data "heart_disease/processed.switzerland.data",
  ["Long Beach"] = data "heart_disease/processed.va.data",
}
-- everyone's rows, in the order in which the authors' disk listed the files
local everyone = { "Cleveland", "Zurich", "Budapest", "Long Beach" }
files.Everyone, train.Everyone, test.Everyone = {}, {}, {}
for i, hospital in ipairs(everyone) do
  files.Everyone[i] = files[hospital]
  train.Everyone[i] = train[hospital]
  test.Everyone[i] = test[hospital]
end

-- ---- the order of batches: each epoch of a hospital's loader takes the next seed of one generator

local seeds = {}
local word = random.words(p.seed)
for _, hospital in ipairs(method.members) do seeds[hospital] = {} end
if federated then
  local left = {}  -- batches of the epoch at hand
  for _ = 1, rounds do
    for _, hospital in ipairs(centres) do
      for _ = 1, steps do
        if (left[hospital] or 0) == 0 then
          -- from its second epoch on a loader draws a seed for its helpers too, which it has none of
          if left[hospital] then random.sampler_seed(word) end
          table.insert(seeds[hospital], random.sampler_seed(word))
          left[hospital] = math.ceil(rows[hospital] / batch)
        end
        left[hospital] = left[hospital] - 1
      end
    end
  end
else
  for _ = 1, epochs do
    random.sampler_seed(word)
    table.insert(seeds[method.members[1]], random.sampler_seed(word))
  end
end
-- epochs count from 0
local function order(hospital, count, epoch)
  return random.permutation(seeds[hospital][epoch + 1], count)
end

-- ---- the world: nobody is late, nobody drops out

local sites = {}
for hospital in pairs(files) do sites[hospital] = { role = "external" } end
for _, hospital in ipairs(method.members) do sites[hospital] = { role = "member" } end

return scenario {
  title = "FLamby's Fed-Heart-Disease: " .. p.method .. ", seed " .. p.seed,
  seed = p.seed,
  hospitals = hospitals { site = sites },
  cohort = cohort.csv {
    files = files,
    order = { "Cleveland", "Budapest", "Zurich", "Long Beach", "Everyone" },
    columns = {
      "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak",
      "slope", "ca", "thal", "num",
    },
    drop = { "slope", "ca", "thal" },
    categorical = { "cp", "restecg" },
    missing = { "?" },
    rows_with_missing = "drop",
    outcome = positive "num",
    split = split.lines { train = train, test = test },
    standardise = "per_hospital",
  },
  model = model.logistic { init = random.linear_layer(p.seed, 13) },
  training = federated and training.sgd { rate = method.rate, batch = batch, steps = steps, order = order }
    or training.adam { rate = method.rate, batch = batch, epochs = epochs, order = order },
  strategy = method.how or compose {},
  rounds = federated and rounds or 1,
  deadline = none,
  measure = measure { "accuracy", "balanced_accuracy", "auroc", threshold = 0.5, every = "end" },
  baselines = false,
}
