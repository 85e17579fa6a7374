// The model-contrastive loss of one row (Li, He, Song 2021, MOON): between what three models' last
// hidden layers make of it.
#pragma once

#include <span>

namespace polyclinic::dense {

// log(1 + exp((cos(z, far) - cos(z, near)) / temperature)), which is the paper's
// -log(e^(s/t) / (e^(s/t) + e^(s'/t))) with s of near and s' of far; `slope` is written: its
// gradient by z. The cosine with a vector of zeros is 0 wherever z moves. REQUIRES: equal sizes.
double contrastive_loss(std::span<const float> z, std::span<const float> near,
                        std::span<const float> far, double temperature, std::span<float> slope);

}  // namespace polyclinic::dense
