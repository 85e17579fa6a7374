#include "fed/compression/wire.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "base/error.hpp"

namespace polyclinic {

namespace {

// Addresses of the server's messages: those of hospitals are below.
constexpr std::uint64_t kServerEntity = 1ULL << 63U;

}  // namespace

const Part* compression_up(const Part* compression) {
  if (compression == nullptr || compression->name != "each_way") return compression;
  return compression->part("up");
}

const Part* compression_down(const Part* compression) {
  if (compression == nullptr || compression->name != "each_way") return nullptr;
  return compression->part("down");
}

Wire::Wire(Setup setup) : setup_(std::move(setup)), held_(setup_.initial) {
  using compression::Form;
  if (const Part* part = compression_up(setup_.compression)) {
    up_ = compression::make_compressor(*part);
    up_control_ = compression::make_compressor(*part, Form::contraction);
    up_account_ = account_of(*part, *up_);
    up_account_.error_feedback = up_->error_feedback();
  }
  if (const Part* part = compression_down(setup_.compression)) {
    down_ = compression::make_compressor(*part, Form::contraction);
    down_account_ = account_of(*part, *down_);
    down_account_.error_feedback = true;
  }
}

WireAccount Wire::account_of(const Part& part, const compression::Compressor& compressor) const {
  WireAccount account;
  Part written = part;  // defaults say nothing new
  std::erase_if(written.fields, [](const FieldValue& field) { return !field.given; });
  account.method = to_text(written);
  account.vector_bytes = compressor.bytes(setup_.initial->layout());
  account.vector_bytes_uncompressed = whole_bytes() / setup_.vectors;
  account.bytes = setup_.vectors * account.vector_bytes + setup_.control_bytes;
  account.bytes_uncompressed = whole_bytes() + setup_.control_bytes;
  return account;
}

std::int64_t Wire::whole_bytes() const {
  return setup_.vectors * setup_.initial->layout().size() *
         static_cast<std::int64_t>(sizeof(float));
}

std::int64_t Wire::saved_up() const {
  return up_ == nullptr ? 0 : whole_bytes() - setup_.vectors * up_account_.vector_bytes;
}

std::int64_t Wire::saved_down(std::int64_t held, std::int64_t version) const {
  if (down_ == nullptr || held == kNothing) return 0;
  const std::int64_t messages = version - held;
  const std::int64_t one = setup_.vectors * down_account_.vector_bytes;
  // a product only where it is less than the whole
  if (one > 0 && messages > whole_bytes() / one) return 0;
  return whole_bytes() - messages * one;
}

VersionPtr Wire::model(const VersionStore& versions) const {
  return down_ == nullptr ? versions.parameters() : held_;
}

VersionPtr Wire::control(const VersionPtr& server) const {
  return down_ == nullptr || server == nullptr ? server : held_control_;
}

void Wire::publish(const VersionStore& versions, const VersionPtr& server_control) {
  if (down_ == nullptr) return;
  const Stream stream(setup_.run, Purpose::kCompression, kServerEntity,
                      static_cast<std::uint64_t>(versions.current()));
  move(held_, *versions.parameters(), memory_, stream);
  if (setup_.vectors == 1 || server_control == nullptr) return;
  if (held_control_ == nullptr) {
    held_control_ = std::make_shared<const ParameterVector>(server_control->shared_layout());
  }
  move(held_control_, *server_control, memory_control_, stream.lane(1));
}

void Wire::begin_anew(const VersionStore& versions) {
  if (down_ == nullptr) return;
  held_ = versions.parameters();
  held_control_.reset();
  memory_ = {};
  memory_control_ = {};
}

// held <- held + C(target - held)
void Wire::move(VersionPtr& held, const ParameterVector& target, compression::Memory& memory,
                const Stream& stream) const {
  ParameterVector difference = target;
  difference.add_scaled(*held, -1.0F);
  ParameterVector next = *held;
  next.add_scaled(compression::send(*down_, difference, stream, memory), 1.0F);
  if (!next.finite()) {
    throw RunError({}, "what the hospitals have of the model overflowed",
                   "lower the learning rate of training or server");
  }
  held = std::make_shared<const ParameterVector>(std::move(next));
}

void Wire::count_down(bool arrived, std::int64_t held, std::int64_t version) {
  if (down_ == nullptr) return;
  ++(arrived ? down_account_.messages : down_account_.lost);
  if (!arrived) return;
  const bool whole = saved_down(held, version) == 0;
  if (whole) ++down_account_.whole;
  if (!whole && version - held > 1) ++down_account_.catching_up;
}

std::optional<WireAccount> Wire::account_up() const {
  return up_ == nullptr ? std::nullopt : std::optional(up_account_);
}

std::optional<WireAccount> Wire::account_down() const {
  return down_ == nullptr ? std::nullopt : std::optional(down_account_);
}

std::vector<Mistake> compression_conflicts(const Part& compression, const Part* secure,
                                           const Part* privacy) {
  std::vector<Mistake> mistakes;
  const Part* up = compression_up(&compression);
  const Part* down = compression_down(&compression);
  for (const Part* part : {up, down}) {
    if (part == nullptr || part->name != "each_way" || part == &compression) continue;
    mistakes.push_back({part->where, "a direction of compression.each_way is one method",
                        "for example up = compression.top_k {}"});
  }
  if (down != nullptr && down->given("error_feedback")) {
    mistakes.push_back({down->where_of("error_feedback"),
                        "'error_feedback' says nothing on the way down: the server sends "
                        "differences to what the hospitals have, and what a message leaves out is "
                        "part of the next one",
                        "leave it out"});
  }
  if (secure != nullptr && up != nullptr) {
    mistakes.push_back(
        {up->where,
         fmt::format("compression.{} of updates and secure.{} exclude each other: masked vectors "
                     "are summed number by number, and what every hospital makes shorter in its "
                     "own way has no such sum",
                     up->name, secure->name),
         fmt::format("fewer `bits` of secure.{} make its messages shorter; as `down` of "
                     "compression.each_way a method compresses the model alone",
                     secure->name)});
  }
  // what was noised per record or patient stays private whatever is done to it; noise on a sum
  // covers updates of bounded norm, and a message may be longer than its vector
  if (privacy != nullptr && up != nullptr && privacy->name != "record" &&
      privacy->name != "patient") {
    mistakes.push_back(
        {up->where,
         fmt::format(
             "compression.{} of updates and privacy.{} exclude each other: its noise covers "
             "updates of bounded norm, and with error feedback or random rounding a message "
             "may have a larger one",
             up->name, privacy->name),
         "privacy.record noises before anything is compressed; as `down` of compression.each_way a "
         "method compresses the model alone"});
  }
  return mistakes;
}

}  // namespace polyclinic
