#include "cli/sweep_command.hpp"

#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>

#include "base/parallel.hpp"
#include "cli/interrupt.hpp"
#include "record/whole_file.hpp"
#include "study/report.hpp"
#include "study/runner.hpp"
#include "study/study_folder.hpp"
#include "study/study_progress.hpp"

namespace polyclinic {

namespace {

// Only the first reading of the file shows what it prints.
LoadStudy loader(const RunArguments& arguments, bool read) {
  // shared: the function is copied, the flag is one
  const auto shown = std::make_shared<std::atomic<bool>>(read);
  return [&arguments, shown](const Settings& varied, std::optional<std::uint64_t> seed) {
    ScriptOptions options = arguments.script;
    options.silent = shown->exchange(true);
    options.settings.insert(options.settings.end(), varied.begin(), varied.end());
    options.varied = varied.size();
    if (seed) options.seed = seed;
    std::unique_ptr<ScenarioScript> script = ScenarioScript::load(arguments.file, options);
    LoadedStudy loaded;
    loaded.spec = script->study();
    loaded.source_hash = script->source_hash();
    loaded.script = std::move(script);
    return loaded;
  };
}

int threads_of(const RunArguments& arguments) {
  return arguments.threads > 0 ? arguments.threads : hardware_threads();
}

StudyPlan plan_of(const SweepArguments& arguments, const LoadStudy& load) {
  PlanOptions options;
  options.file = arguments.run.file;
  for (const std::string& text : arguments.vary) options.vary.push_back(parse_variation(text));
  for (const Variation& vary : options.vary) {
    for (const auto& [name, value] : arguments.run.script.settings) {
      if (name != vary.name) continue;
      throw ScenarioError({}, fmt::format("'{}' is given to --set and to --vary", name),
                          "keep one of them");
    }
  }
  options.seeds = arguments.seeds;
  options.seed = arguments.run.script.seed;
  options.metric = arguments.metric;
  options.against = arguments.against;
  options.threads = threads_of(arguments.run);
  return make_plan(options, load);
}

void check_csv(const std::string& path) {
  if (path.empty()) return;
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    throw ScenarioError({}, fmt::format("--csv {} is there already", path),
                        "give another name, or remove it");
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
    throw ScenarioError({}, fmt::format("--csv {}: there is no folder {}", path, folder.string()),
                        "make the folder, or give another name");
  }
}

void print_study(const StudyResult& result, const SweepArguments& arguments) {
  if (arguments.run.json) {
    fmt::print("{}\n", study_json(result));
    return;
  }
  if (arguments.run.quiet) return;
  fmt::print("{}", study_table(result));
  if (!arguments.run.out.empty()) fmt::print("  Results are in {}.\n", arguments.run.out);
}

}  // namespace

LoadStudy study_loader(const RunArguments& arguments) {
  return loader(arguments, false);
}

Exit run_sweep(const SweepArguments& arguments) {
  const double started = wall_seconds();
  std::optional<StudyFolder> folder;
  if (!arguments.run.out.empty()) folder.emplace(arguments.run.out);
  check_csv(arguments.csv);
  const LoadStudy load = loader(arguments.run, arguments.read);
  StudyResult result;
  result.plan = plan_of(arguments, load);
  const KeepResults keep;
  if (folder) folder->open(result.plan);

  std::optional<StudyProgress> progress;
  if (!arguments.run.json && !arguments.run.quiet) {
    progress.emplace(progress_options(), result.plan.runs());
  }
  StudyOptions options;
  options.threads = threads_of(arguments.run);
  options.interrupt = &interrupt_flag();
  if (folder) options.commit = [&](const StudyRun& run) { folder->add(run); };
  if (progress) {
    options.progress = [&](std::int64_t ended, std::int64_t failed) {
      progress->show(ended, failed);
    };
  }
  result.runs = run_study(result.plan, load, options);
  if (progress) progress->clear();
  result.interrupted = static_cast<std::int64_t>(result.runs.size()) < result.plan.runs();
  result.provenance = provenance(arguments.run, wall_seconds() - started);
  result.provenance.emplace_back("threads", fmt::format("{}", options.threads));
  // what cannot be written is reported last, after what there is has been printed
  std::exception_ptr failure;
  try {
    if (folder) folder->finish(result);
    if (!arguments.csv.empty()) {
      write_whole_file(arguments.csv, runs_csv(result), "give another file with --csv FILE");
    }
  } catch (const RunError&) {
    failure = std::current_exception();
  }
  print_study(result, arguments);
  if (failure) std::rethrow_exception(failure);
  if (result.interrupted) return Exit::interrupted;
  if (const std::int64_t failed = failed_runs(result); failed > 0) {
    throw RunError({}, fmt::format("{} of {} runs failed", failed, result.plan.runs()),
                   "the others are kept; --json, --csv and --out say why for each");
  }
  return Exit::done;
}

Exit check_study(const RunArguments& arguments, const Table& params) {
  SweepArguments sweep;
  sweep.run = arguments;
  const LoadStudy load = loader(arguments, true);
  const StudyPlan plan = plan_of(sweep, load);
  if (arguments.json) {
    std::vector<std::pair<std::string, std::string>> texts;
    for (const auto& [name, value] : params) texts.emplace_back(name, to_text(value));
    fmt::print("{}\n", plan_json(plan, texts));
    return Exit::done;
  }
  const auto add = [](std::string_view what, const std::string& text) {
    fmt::print("{:<12} {}\n", what, text);
  };
  if (!plan.title.empty()) add("title", plan.title);
  for (const PlannedArm& arm : plan.arms) {
    add("arm", arm.name + (arm.changes.empty() ? ": the base" : ": " + arm.changes));
  }
  add("seeds", plan.seeds == 1
                   ? fmt::format("1: {}", plan.first_seed)
                   : fmt::format("{}: {} to {}", plan.seeds, plan.first_seed,
                                 plan.first_seed + static_cast<std::uint64_t>(plan.seeds - 1)));
  add("runs", fmt::format("{}", plan.runs()));
  add("compare", fmt::format("{}, with {}", plan.metric, plan.arms[plan.arms[0].against].name));
  if (!params.empty()) add("params", to_text(Value(params)));
  fmt::print("{} is valid\n", arguments.file);
  return Exit::done;
}

}  // namespace polyclinic
