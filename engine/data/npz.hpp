// Named arrays of numbers in a .npz file, as numpy.savez writes and numpy.load reads them: a zip
// archive with one .npy member per array. How a trained model is kept and given back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace polyclinic {

struct NamedArray {
  std::string name;                 // without ".npy"
  std::vector<std::int64_t> shape;  // empty: a single number
  std::vector<float> values;        // row after row; their number is the product of the shape
};

// Writes the arrays as 32-bit floats (npy version 1.0, C order, uncompressed). The file appears
// under its name only when it is whole. Throws RunError when it cannot be written.
void write_npz(const std::string& path, std::span<const NamedArray> arrays);

// Reads all arrays of a file, in the order of the archive; 64-bit floats are rounded to 32 bits.
// Throws ScenarioError at `where` for everything that is wrong with the file: missing, no archive,
// damaged, another element type or order, more than kNpzBytesMax.
std::vector<NamedArray> read_npz(const std::string& path, const SourcePosition& where);

inline constexpr std::int64_t kNpzBytesMax = 4LL << 30U;

}  // namespace polyclinic
