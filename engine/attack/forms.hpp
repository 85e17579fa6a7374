// Attacks that need a file of their own.
#pragma once

#include "attack/poisoning.hpp"

namespace polyclinic::attack {

// Fang et al. 2020: against trimmed mean and median, or against krum.
Vectors fang(const Part& part, const Knowledge& knowledge);

// Which of them lies farthest from the mean along the direction of most variance.
std::size_t farthest_along_variance(const Vectors& honest);

}  // namespace polyclinic::attack
