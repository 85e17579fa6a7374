-- The four hospitals of UCI Heart Disease (Detrano et al. 1989): real records, real differences.
-- Get the files from the UCI repository (doi 10.24432/C52P4X) and name their folder with --data.
local p = params { rounds = 50, rate = 0.01 }

return scenario {
  title = "Heart disease in four hospitals",
  cohort = cohort.csv {
    files = {
      Cleveland = data "heart_disease/processed.cleveland.data",
      Budapest = data "heart_disease/processed.hungarian.data",
      Zurich = data "heart_disease/processed.switzerland.data",
      ["Long Beach"] = data "heart_disease/processed.va.data",
    },
    columns = {
      "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak",
      "slope", "ca", "thal", "num",
    },
    -- three columns that some hospitals hardly ever recorded
    drop = { "slope", "ca", "thal" },
    categorical = { "cp", "restecg" },
    missing = { "?" },
    rows_with_missing = "drop",
    outcome = positive "num",
    split = split.stratified { train = 0.66, test = 0.34 },
    standardise = "per_hospital",
  },
  model = model.logistic {},
  training = training.sgd { rate = p.rate, batch = 4, epochs = 1 },
  rounds = p.rounds,
}
