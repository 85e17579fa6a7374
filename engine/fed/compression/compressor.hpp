// Lossy messages of vectors. A compressor says how long its message is before anything is
// computed: the clock is set by it, so that every format has one size for one layout. What is
// charged on the wire is the length of the encoded message, byte for byte.
//
// Error feedback (Seide et al. 2014; Karimireddy et al. 2019, Error Feedback Fixes SignSGD): the
// sender adds what its last messages left out to the next vector before it compresses it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "base/stream.hpp"
#include "fed/compression/bits.hpp"
#include "learn/parameters.hpp"

namespace polyclinic::compression {

// What a sender keeps from one message to the next. All numbers are compact, without padding.
struct Memory {
  std::vector<float> residual;  // what was not sent so far; empty: nothing is missing
  std::vector<float> factors;   // low_rank: where its next iteration starts; empty: nowhere yet
};

// What a decoded message stands for.
enum class Form : std::uint8_t {
  given,  // as the part says: with error feedback a contraction, without it what the paper has
  contraction,  // always |v - decoded|^2 < |v|^2 in expectation: differences to what the receiver
                // holds are sent, and what is left out comes again with the next one
};

// REQUIRES everywhere: values are finite, as many as the layout has.
class Compressor {
 public:
  explicit Compressor(bool error_feedback) : error_feedback_(error_feedback) {}
  virtual ~Compressor() = default;

  // Of every message of such a vector.
  [[nodiscard]] virtual std::int64_t bytes(const ParameterLayout& layout) const = 0;
  // Draws from the stream where the method rounds or chooses at random.
  [[nodiscard]] virtual Message encode(std::span<const float> values, const ParameterLayout& layout,
                                       Stream& stream, Memory& memory) const = 0;
  // What the receiver makes of it: of the message alone.
  [[nodiscard]] virtual std::vector<float> decode(std::span<const std::uint8_t> message,
                                                  const ParameterLayout& layout) const = 0;
  // Whether the residual of a message goes into the next one.
  [[nodiscard]] bool error_feedback() const { return error_feedback_; }
  // Whether a message depends on those before: the trainings of a hospital form a chain then.
  [[nodiscard]] virtual bool stateful() const { return error_feedback_; }

 private:
  bool error_feedback_;
};

// Builds a resolved `compression.*` that is not each_way. Throws ScenarioError where its fields
// exclude each other.
std::unique_ptr<Compressor> make_compressor(const Part& part, Form form = Form::given);

// Encodes the vector with what the memory holds, decodes it as the receiver does and returns that;
// the memory goes on to the next message. A result that is not finite leaves the residual as it
// was.
ParameterVector send(const Compressor& compressor, const ParameterVector& vector, Stream stream,
                     Memory& memory);
// The sender learns that this message never arrived: it is left out, too.
void give_back(const Compressor& compressor, const ParameterVector& sent, Memory& memory);

// Schemas of compression.*.
std::vector<Schema> schemas();

}  // namespace polyclinic::compression
