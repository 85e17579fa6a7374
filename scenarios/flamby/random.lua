-- The random numbers of PyTorch on a processor, so that a run of somebody else can be repeated draw by draw:
-- the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) and what PyTorch makes of its words.
local random = {}

local size, shift = 624, 397

-- A generator as torch.manual_seed(seed) starts it: a function that draws the next 32-bit word.
function random.words(seed)
  local state = { seed & 0xffffffff }
  for i = 2, size do
    local before = state[i - 1]
    state[i] = (1812433253 * (before ~ (before >> 30)) + i - 1) & 0xffffffff
  end
  local at = 0
  return function()
    at = at % size + 1
    -- the textbook renews all words at once; one at a time, in turn, comes to the same
    local y = (state[at] & 0x80000000) | (state[at % size + 1] & 0x7fffffff)
    local word = state[(at + shift - 1) % size + 1] ~ (y >> 1)
    if y & 1 == 1 then word = word ~ 0x9908b0df end
    state[at] = word
    word = word ~ (word >> 11)
    word = word ~ ((word << 7) & 0x9d2c5680)
    word = word ~ ((word << 15) & 0xefc60000)
    return word ~ (word >> 18)
  end
end

-- The seed that torch.empty((), dtype=int64).random_() gives to a sampler: two words, the high one first.
-- A sampler seeded with it uses the low one.
function random.sampler_seed(word)
  word()
  return word()
end

-- torch.randperm(n) of a generator with this seed: row numbers from 1.
function random.permutation(seed, n)
  local word = random.words(seed)
  local order = {}
  for i = 1, n do order[i] = i end
  for i = 1, n - 1 do
    local j = i + word() % (n - i + 1)
    order[i], order[j] = order[j], order[i]
  end
  return order
end

-- torch.nn.Linear(inputs, 1) after torch.manual_seed(seed): weights, then the bias, all uniform between
-- -1/sqrt(inputs) and 1/sqrt(inputs).
function random.linear_layer(seed, inputs)
  local word = random.words(seed)
  local bound = 1 / math.sqrt(inputs)
  local parameters = {}
  for i = 1, inputs + 1 do
    parameters[i] = (word() & 0xffffff) / 0x1000000 * 2 * bound - bound
  end
  return parameters
end

return random
