// What a scenario can say about compression.
#include "fed/compression/compressor.hpp"
#include "fed/schema_help.hpp"

namespace polyclinic::compression {

namespace {

Field feedback_field(bool standard) {
  return {"error_feedback", type::boolean(), standard,
          "what a message leaves out is added to the hospital's next update"};
}

Field share_field() {
  return {"share", some_share(type::number()), 0.01,
          "of the numbers that are sent, rounded, at least one"};
}

Field count_field() {
  return {"count",
          type::integer().between(1, 1e9),
          {},
          "how many numbers are sent, instead of a share; all where there are fewer"};
}

// Which numbers travel, and which method in which direction.
std::vector<Schema> choice_schemas() {
  const Type one_way = type::part("compression") | type::none();
  return {
      Schema{.kind = "compression",
             .name = "each_way",
             .doc = "A method for updates and one for the model: compression = compression.top_k "
                    "{} alone is for updates. The model is sent as a compressed difference to what "
                    "the hospitals have.",
             .fields = {Field{"up", one_way, {}, "of updates, and of changes of control vectors"},
                        Field{"down", one_way, {}, "of the model, and of the control vector"}},
             .example = "compression = compression.each_way { up = compression.top_k {}, down = "
                        "compression.quantize { bits = 8 } }"},
      Schema{.kind = "compression",
             .name = "top_k",
             .doc = "The numbers of largest absolute value, with their places: 32 bits and "
                    "ceil(log2 d) bits each of d, or one bit for each of all places where that is "
                    "shorter.",
             .paper = "Stich, Cordonnier, Jaggi 2018, Sparsified SGD with Memory, definition 2.2",
             .fields = {share_field(), count_field(), feedback_field(true)},
             .example = "compression = compression.top_k { share = 0.1 }"},
      Schema{.kind = "compression",
             .name = "random_k",
             .doc = "Numbers at places drawn at random, the seed of which is sent: 8 bytes and 32 "
                    "bits each. Times d / k, so that the expectation is the whole; with error "
                    "feedback as they are.",
             .paper = "Stich, Cordonnier, Jaggi 2018, Sparsified SGD with Memory, definition 2.2",
             .fields = {share_field(), count_field(), feedback_field(false)},
             .example = "compression = compression.random_k { share = 0.1 }"}};
}

// How much of every number travels.
std::vector<Schema> precision_schemas() {
  return {
      Schema{.kind = "compression",
             .name = "quantize",
             .doc = "QSGD: every number as a level of the norm of its bucket, rounded at random so "
                    "that its expectation stays; 32 bits for a bucket's norm. Levels take a fixed "
                    "number of bits, not the paper's Elias codes, whose length would depend on the "
                    "numbers. With error feedback the result is shrunk to a contraction.",
             .paper = "Alistarh et al. 2017, QSGD: Communication-Efficient SGD via Gradient "
                      "Quantization and Encoding, section 3.1",
             .fields = {Field{"bits", type::integer().between(2, 16), std::int64_t{4},
                              "of a number: one for its sign, the others for 2^(bits-1) - 1 levels "
                              "above zero"},
                        Field{"bucket", type::integer().between(1, 1e9), std::int64_t{512},
                              "numbers that share a norm"},
                        Field{"norm", type::choice({"l2", "max"}), "l2",
                              "of a bucket: Euclidean, or its largest absolute value"},
                        feedback_field(false)},
             .example = "compression = compression.quantize { bits = 4, bucket = 512 }"},
      Schema{.kind = "compression",
             .name = "sign",
             .doc = "A bit for the sign of every number, and for each array of parameters the mean "
                    "absolute value of its numbers as 32 bits.",
             .paper = "Karimireddy et al. 2019, Error Feedback Fixes SignSGD and other Gradient "
                      "Compression Schemes, algorithm 1",
             .fields = {feedback_field(true)},
             .example = "compression = compression.sign {}"},
      Schema{.kind = "compression",
             .name = "low_rank",
             .doc = "PowerSGD: two thin factors of every matrix of parameters, by one step of "
                    "subspace iteration from those of the last message; arrays that are no "
                    "matrices, or shorter as they are, are sent as they are.",
             .paper = "Vogels, Karimireddy, Jaggi 2019, PowerSGD: Practical Low-Rank Gradient "
                      "Compression for Distributed Optimization, algorithm 1",
             .fields = {Field{"rank", type::integer().between(1, 1e6), std::int64_t{2},
                              "columns of a factor"},
                        feedback_field(true)},
             .example = "compression = compression.low_rank { rank = 2 }"},
      Schema{.kind = "compression",
             .name = "bf16",
             .doc = "The upper half of every 32-bit float, rounded to the nearest: 8 significant "
                    "bits.",
             .fields = {feedback_field(false)},
             .example = "compression = compression.bf16 {}"}};
}

}  // namespace

std::vector<Schema> schemas() {
  std::vector<Schema> all = choice_schemas();
  std::vector<Schema> rest = precision_schemas();
  for (Schema& schema : rest) all.push_back(std::move(schema));
  return all;
}

}  // namespace polyclinic::compression
