-- From measured transfers to the fields of a scenario: fits  time = start + bytes / rate  by least squares
-- of relative errors (weights 1 / time^2). Put your own measurements in, one direction at a time:
--
--   polyclinic eval docs/guide/calibrate.lua
local ping_ms = 80 -- there and back
local measured = { -- { bytes, seconds }; these are what slow start makes of 20 Mbit/s (docs/wrong.md)
  { 100e3, 0.222 },
  { 1e6, 0.672 },
  { 10e6, 4.27 },
  { 50e6, 20.3 },
}

local w, wx, wy, wxx, wxy = 0, 0, 0, 0, 0
for _, m in ipairs(measured) do
  local bytes, took = m[1], m[2]
  local weight = 1 / took ^ 2
  w, wx, wy = w + weight, wx + weight * bytes, wy + weight * took
  wxx, wxy = wxx + weight * bytes ^ 2, wxy + weight * bytes * took
end
local slope = (w * wxy - wx * wy) / (w * wxx - wx ^ 2) -- seconds per byte
local start = (wy - slope * wx) / w
if not (slope > 0 and start >= 0) then
  error("no line fits: measure sizes that differ by ten and more, each several times", 0)
end

for _, m in ipairs(measured) do
  local fitted = start + slope * m[1]
  print(string.format("%8.0f kB  measured %7.3f s  fitted %7.3f s  %+5.1f %%", m[1] / 1e3, m[2], fitted,
    100 * (fitted / m[2] - 1)))
end
local function digits(x) return tonumber(string.format("%.3g", x)) end
return {
  uplink = mbit(digits(8e-6 / slope)),
  latency = ms(ping_ms / 2),
  flow = flow.fair { latency_factor = digits(start / (ping_ms / 2000)) },
}
