-- Sums under masks and hospitals that drop out. Twelve hospitals train for up to half an hour on
-- lines that fail; the server must hear a threshold of them in every phase of a secure sum, or the
-- round fails. A high threshold withstands more who collude, and fails more often.
--
--   polyclinic run scenarios/secagg_dropouts.lua
--   polyclinic run scenarios/secagg_dropouts.lua --set threshold=0.9
--   polyclinic run scenarios/secagg_dropouts.lua --set down=2h --set threshold=0.5
--   polyclinic run scenarios/secagg_dropouts.lua --set secure=false      the same without masks
--   polyclinic run scenarios/secagg_dropouts.lua --set neighbours=true   masks between neighbours only
--   polyclinic run scenarios/secagg_dropouts.lua --set pieces=true       one mask each, in coded pieces
local p = params { threshold = 0.67, down = minutes(30), up = hours(4), secure = true, neighbours = false, pieces = false,
  fidelity = "real", rounds = 40 }

local sums = secure.pairwise { threshold = fraction(p.threshold), fidelity = p.fidelity }
if p.neighbours then
  sums = secure.secagg_plus { dropouts = fraction(1 - p.threshold), fidelity = p.fidelity }
elseif p.pieces then
  sums = secure.light { colluding = 4, dropouts = 0, survivors = fraction(p.threshold), fidelity = p.fidelity }
end

return scenario {
  title = "Secure sums where hospitals drop out",
  hospitals = hospitals {
    count = 12,
    overhead = lognormal { median = minutes(10), spread = 0.5 },
    availability = availability.markov { up = p.up, down = p.down },
  },
  cohort = cohort.ehr {},
  model = model.logistic {},
  secure = p.secure and sums or none,
  protocol = protocol.sync { minimum_replies = 2, pause = minutes(10) },
  rounds = p.rounds,
  deadline = minutes(45),
  measure = measure { "auroc", "brier", every = "end" },
}
