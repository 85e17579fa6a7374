// The methods behind compression.*: each made from its resolved part. Not for other folders.
#pragma once

#include <memory>

#include "fed/compression/compressor.hpp"

namespace polyclinic::compression {

// Whether residuals are kept, which Form::contraction does without.
inline bool feedback_of(const Part& part, Form form) {
  return form == Form::given && part.flag("error_feedback");
}

std::unique_ptr<Compressor> make_top_k(const Part& part, Form form);
std::unique_ptr<Compressor> make_random_k(const Part& part, Form form);
std::unique_ptr<Compressor> make_quantize(const Part& part, Form form);
std::unique_ptr<Compressor> make_sign(const Part& part, Form form);
std::unique_ptr<Compressor> make_bf16(const Part& part, Form form);
std::unique_ptr<Compressor> make_low_rank(const Part& part, Form form);

}  // namespace polyclinic::compression
