#include "record/event_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "record/progress.hpp"
#include "record/text_table.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kRowsMost = 24;  // more are left to the files
constexpr std::size_t kHappeningsMost = 20;
constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 18;

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string time_text(TimeNs time) {
  return rough_duration(time.seconds());
}

// "Lyon joined", "the server crashed: down for 20 min"
std::string happening_text(const HappeningRecord& h) {
  std::string text;
  switch (h.kind) {
    case HappeningKind::joined: text = h.hospital + " joined"; break;
    case HappeningKind::left: text = h.hospital + " left"; break;
    case HappeningKind::forgotten: text = h.hospital + " was forgotten"; break;
    case HappeningKind::went_back: text = "the federation went back"; break;
    case HappeningKind::caught_up: text = h.hospital + " is made up for"; break;
    case HappeningKind::server_crashed: text = "the server crashed"; break;
    case HappeningKind::server_back: text = "the server is back"; break;
    case HappeningKind::outage:
      text = h.hospital.empty() ? "outage" : h.hospital + " went down";
      break;
    case HappeningKind::outage_over:
      text = h.hospital.empty() ? "outage over" : h.hospital + " is up again";
      break;
    case HappeningKind::data_changed:
    case HappeningKind::wave_began: text = h.hospital.empty() ? "data" : h.hospital; break;
    case HappeningKind::wave_peak: text = "the wave is at its height where it began"; break;
    case HappeningKind::wave_over: text = "the wave is over"; break;
  }
  return h.text.empty() ? text : text + ": " + h.text;
}

// What it cost to forget a hospital.
std::string forgetting_table(const RunResult& result) {
  if (result.forgotten.empty()) return {};
  TextTable table({true, true, false, false, false, false, false, false});
  table.add({"forgotten", "", "version", "rounds", "steps", "up", "down", "time"});
  for (std::size_t i = 0; i < std::min(result.forgotten.size(), kRowsMost); ++i) {
    const ForgettingRecord& f = result.forgotten[i];
    table.add({shortened(f.name, kNameColumns), "undone",
               fmt::format("{} to {}", f.from_version, f.to_version), fmt::format("{}", f.rounds),
               fmt::format("{}", f.steps), size_text(f.bytes_up), size_text(f.bytes_down),
               time_text(f.time)});
    if (!f.again) {
      table.add({"", "not made good", "", "", "", "", "", ""});
      continue;
    }
    table.add({"", "done again", fmt::format("{}", f.new_version),
               fmt::format("{}", f.again->rounds), fmt::format("{}", f.again->steps),
               size_text(f.again->bytes_up), size_text(f.again->bytes_down),
               time_text(f.again->at - f.at)});
  }
  return "\n" + table.text();
}

}  // namespace

std::string border_table(const RunResult& result) {
  if (result.borders.empty()) return {};
  TextTable table({true, false, false, false, false, false, false, false, true});
  table.add({"crossed the border of", "hospitals", "models in", "size", "sums out", "size", "lost",
             "in a sum", "aggregated by"});
  for (const BorderAccount& b : result.borders) {
    const std::string least = fmt::format("{}", b.hospitals_least);
    table.add(
        {shortened(b.region, kNameColumns), fmt::format("{}", b.hospitals),
         fmt::format("{}", b.models), size_text(b.bytes_down), fmt::format("{}", b.sums),
         size_text(b.bytes_up), fmt::format("{}", b.sums_lost),
         b.sums == 0                             ? "-"
         : b.hospitals_least == b.hospitals_most ? least
                                                 : fmt::format("{} to {}", least, b.hospitals_most),
         b.aggregator.empty() ? "a machine of its own" : shortened(b.aggregator, kNameColumns)});
  }
  std::int64_t inside = 0;
  for (const BorderAccount& b : result.borders) inside += b.inside;
  return "\n" + table.text() +
         fmt::format("  Of {} messages of single hospitals none crossed.\n", inside);
}

std::string gossip_line(const RunResult& result) {
  if (!result.gossip) return {};
  const GossipAccount& g = *result.gossip;
  std::string text = fmt::format("  No server: {} hospitals on a graph ({}) of {} links, {}",
                                 g.hospitals, g.graph, g.links, g.exchange);
  if (g.spectral_gap) text += fmt::format(", spectral gap {:.3f}", *g.spectral_gap);
  return text + fmt::format("; {} messages, {} lost.\n", g.messages, g.lost);
}

std::string happening_lines(const RunResult& result) {
  if (result.happenings.empty()) return {};
  std::string text = "\n";
  for (std::size_t i = 0; i < std::min(result.happenings.size(), kHappeningsMost); ++i) {
    const HappeningRecord& h = result.happenings[i];
    text +=
        "  " +
        wrapped(fmt::format("at {}, version {}: {}", time_text(h.at), h.version, happening_text(h)),
                kColumns - 2, 4) +
        "\n";
  }
  if (result.happenings.size() > kHappeningsMost) {
    text += fmt::format("  ... and {} more\n", result.happenings.size() - kHappeningsMost);
  }
  return text + forgetting_table(result);
}

std::string data_change_table(const RunResult& result, const std::vector<std::string>& shown) {
  if (result.data_changes.empty()) return {};
  constexpr std::size_t kMetricsMost = 3;
  TextTable table({true, true, true, false, false, false});
  table.add({"data changed", "at", "", "before", "after", "at the end"});
  for (std::size_t i = 0; i < std::min(result.data_changes.size(), kRowsMost); ++i) {
    const DataChangeRecord& change = result.data_changes[i];
    std::size_t lines = 0;
    for (const DataChangeRecord::Value& value : change.values) {
      if (std::find(shown.begin(), shown.end(), value.metric) == shown.end()) continue;
      if (lines == kMetricsMost) break;
      table.add({lines == 0 ? shortened(change.who, kNameColumns) : "",
                 lines == 0 ? time_text(change.at) : "", value.metric, number(value.before),
                 number(value.after), number(value.end)});
      ++lines;
    }
  }
  return "\n" + table.text() +
         "  (means over the hospitals where it began: one model before and after it, or at a "
         "wave's height, and the last)\n";
}

}  // namespace polyclinic
