#include "trace/event.hpp"

#include <string_view>

namespace polyclinic {

std::string_view describe(DropReason reason) {
  switch (reason) {
    case DropReason::unreachable:
      return "it was down and did not come back before the round closed";
    case DropReason::not_approved: return "its approval had not come when the round closed";
    case DropReason::window_closed:
      return "its training window did not open before the round closed";
    case DropReason::train_interrupted:
      return "an outage interrupted its training, or the wait for it";
    case DropReason::send_failed: return "its transfer broke off and was given up";
    case DropReason::late: return "it was still at work when the deadline came";
    case DropReason::not_needed: return "the round already had enough replies";
    case DropReason::diverged: return "its training overflowed";
    case DropReason::too_few_rows: return "it has no patients to train on";
    case DropReason::round_failed: return "it replied, but too few others did";
    case DropReason::run_ended: return "the run ended while it was at work";
    case DropReason::partial_work: return "a straggler: only a part of its training was done";
    case DropReason::budget_spent: return "its privacy budget is spent";
    case DropReason::too_stale: return "its update came from too old a version";
    case DropReason::sum_lost: return "its region's sum did not become part of a version";
    case DropReason::resting: return "it rests: it was part of a round too shortly before";
    case DropReason::left: return "it left the federation";
    case DropReason::gone_back: return "the federation went back to an older version";
    case DropReason::server_crashed: return "the server crashed and lost what was open";
    case DropReason::refused: return "it refused what an honest server would not send";
  }
  return {};
}

std::string_view name(DropReason reason) {
  switch (reason) {
    case DropReason::unreachable: return "unreachable";
    case DropReason::not_approved: return "not_approved";
    case DropReason::window_closed: return "window_closed";
    case DropReason::train_interrupted: return "train_interrupted";
    case DropReason::send_failed: return "send_failed";
    case DropReason::late: return "late";
    case DropReason::not_needed: return "not_needed";
    case DropReason::diverged: return "diverged";
    case DropReason::too_few_rows: return "too_few_rows";
    case DropReason::round_failed: return "round_failed";
    case DropReason::run_ended: return "run_ended";
    case DropReason::partial_work: return "partial_work";
    case DropReason::budget_spent: return "budget_spent";
    case DropReason::too_stale: return "too_stale";
    case DropReason::sum_lost: return "sum_lost";
    case DropReason::resting: return "resting";
    case DropReason::left: return "left";
    case DropReason::gone_back: return "gone_back";
    case DropReason::server_crashed: return "server_crashed";
    case DropReason::refused: return "refused";
  }
  return {};
}

std::string_view name(HappeningKind kind) {
  switch (kind) {
    case HappeningKind::joined: return "joined";
    case HappeningKind::left: return "left";
    case HappeningKind::forgotten: return "forgotten";
    case HappeningKind::went_back: return "went_back";
    case HappeningKind::caught_up: return "caught_up";
    case HappeningKind::server_crashed: return "server_crashed";
    case HappeningKind::server_back: return "server_back";
    case HappeningKind::outage: return "outage";
    case HappeningKind::outage_over: return "outage_over";
    case HappeningKind::data_changed: return "data_changed";
    case HappeningKind::wave_began: return "wave_began";
    case HappeningKind::wave_peak: return "wave_peak";
    case HappeningKind::wave_over: return "wave_over";
  }
  return {};
}

std::string_view name(Average average) {
  switch (average) {
    case Average::macro: return "macro";
    case Average::weighted: return "weighted";
    case Average::micro: return "micro";
    case Average::worst: return "worst";
  }
  return {};
}

}  // namespace polyclinic
