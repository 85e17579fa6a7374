#include "fed/compression/compressor.hpp"

#include "base/check.hpp"
#include "fed/compression/methods.hpp"

namespace polyclinic::compression {

std::unique_ptr<Compressor> make_compressor(const Part& part, Form form) {
  if (part.name == "top_k") return make_top_k(part, form);
  if (part.name == "random_k") return make_random_k(part, form);
  if (part.name == "quantize") return make_quantize(part, form);
  if (part.name == "sign") return make_sign(part, form);
  if (part.name == "bf16") return make_bf16(part, form);
  ENSURE(part.name == "low_rank", "schemas name only compressions that exist");
  return make_low_rank(part, form);
}

ParameterVector send(const Compressor& compressor, const ParameterVector& vector, Stream stream,
                     Memory& memory) {
  const ParameterLayout& layout = vector.layout();
  std::vector<float> values = vector.compact();
  std::vector<float>& residual = memory.residual;
  if (!residual.empty()) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += residual[i];
  }
  const Message message = compressor.encode(values, layout, stream, memory);
  ENSURE(static_cast<std::int64_t>(message.size()) == compressor.bytes(layout),
         "the clock was charged what the message has");
  const std::vector<float> received = compressor.decode(message, layout);
  ParameterVector sent(vector.shared_layout());
  sent.assign_compact(received);
  if (!sent.finite()) {
    memory.factors.clear();
    return sent;
  }
  if (compressor.error_feedback()) {
    residual = std::move(values);
    for (std::size_t i = 0; i < residual.size(); ++i) residual[i] -= received[i];
  }
  return sent;
}

void give_back(const Compressor& compressor, const ParameterVector& sent, Memory& memory) {
  if (!compressor.error_feedback() || !sent.finite()) return;
  const std::vector<float> values = sent.compact();
  ENSURE(memory.residual.size() == values.size(), "what was sent left a residual");
  for (std::size_t i = 0; i < values.size(); ++i) memory.residual[i] += values[i];
}

}  // namespace polyclinic::compression
