// Inside the net floor: figures of typical populations.
//
// They are plausible orders of magnitude for teaching and first studies, chosen by us, not
// measured; whoever compares with a real network gives figures of his own. What they state is the
// contrast: university hospitals are large, fast, well connected and always there, with queues on a
// shared cluster; rural ones are small and slow behind thin lines that break, but start at once.
//
//                    university              rural                  (default)
//   patients         2500, spread 0.5        180, spread 0.6        600, spread 0.6
//   speed            300 GFLOP/s, 0.5        15 GFLOP/s, 0.4        50 GFLOP/s, 0.4
//   uplink           200 Mbit/s, 0.4         5 Mbit/s, 0.6          20 Mbit/s, 0.5
//   downlink         500 Mbit/s, 0.4         25 Mbit/s, 0.5         100 Mbit/s
//   latency          12 ms, 0.4              60 ms, 0.5             40 ms, 0.5
//   loss             0                       0.5 %                  0
//   overhead         8 min, 0.8              3 min, 0.8             5 min, 0.8
//   availability     up 500 h, down 1 h      up 30 h, down 2 h      always
//
// "mixed": of 20 hospitals on average 4 are university, 6 rural and 10 as the default. All three
// let speed, uplink, prevalence and case mix follow size with rank correlations .6, .5, .2, .3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/value.hpp"

namespace polyclinic {

// One kind of hospital that a population draws from.
struct ProfileClass {
  std::string name;  // "university", "rural" or "" (the default's figures)
  double share = 1;  // of the hospitals
};
// The kinds in a profile: itself, or those of "mixed".
std::vector<ProfileClass> profile_classes(std::string_view profile);
// Field values of a kind of hospital, by the names of the schema `hospitals`.
std::vector<FieldValue> profile_figures(std::string_view class_name);

}  // namespace polyclinic
