#include "script/scenario_script.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "script/custom_parts.hpp"
#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic {

namespace {

using script::CustomParts;
using script::Failure;
using script::Interpreter;

std::string read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw ScenarioError({path, 0, 0}, "this is a folder",
                        "give the path of a scenario: a .lua file");
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    throw ScenarioError({path, 0, 0}, "there is no such file",
                        "give the path of a scenario: a .lua file");
  }
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (!error && bytes > std::uintmax_t{script::kSourceBytesMax}) {
    throw ScenarioError(
        {path, 0, 0},
        fmt::format("the file has {} MB, and a scenario at most 4 MiB", bytes / 1'000'000),
        "data belong into files of their own: data \"...\"");
  }
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

RunError run_error(const Failure& failure) {
  const Mistake& mistake = failure.mistakes().front();
  return {mistake.where, mistake.message, mistake.hint};
}

// What the file returned, the first of `count` results on the stack: a scenario or a study.
Part returned_part(Interpreter& interpreter, int count) {
  lua_State* L = interpreter.lua();
  const SourcePosition file{interpreter.file, 0, 0};
  if (count == 0) {
    throw ScenarioError(file, "the file returns nothing", "end it with: return scenario { ... }");
  }
  const Value* value = script::to_boxed(L, -count);
  const Part* part = value ? value->part() : nullptr;
  if (part == nullptr || (part->kind != "scenario" && part->kind != "study")) {
    throw ScenarioError(
        file,
        fmt::format("the file returns {}, not a scenario", script::describe_argument(L, -count)),
        "end it with: return scenario { ... }");
  }
  return *part;
}

class LoadedScript : public ScenarioScript {
 public:
  LoadedScript(const std::string& path, const ScriptOptions& options)
      : interpreter_(options, path), custom_(interpreter_) {
    const int count = interpreter_.run(read_file(path), path);
    script::check_settings(interpreter_);
    resolve(returned_part(interpreter_, count), path);
    for (StudyArm& arm : study_.arms) settle(arm.spec);
    settle(spec_);
    lua_settop(interpreter_.lua(), 0);
  }

  [[nodiscard]] const WorldSpec& spec() const override { return spec_; }
  [[nodiscard]] const StudySpec& study() const override { return study_; }
  [[nodiscard]] std::uint64_t source_hash() const override { return interpreter_.source_hash(); }
  [[nodiscard]] const Table& params() const override { return interpreter_.params; }

  void start(const List& timeline, WorldControl& world) override {
    interpreter_.random =
        Stream(make_run_key(spec_.seed, spec_.replication), Purpose::kLuaRandom, 1);
    interpreter_.timeline.start(interpreter_, timeline, world);
  }
  void resume(std::uint64_t token) override {
    try {
      interpreter_.timeline.resume(interpreter_, token);
    } catch (const Failure& failure) {
      throw run_error(failure);
    }
  }
  void begin_anew() override { custom_.begin_anew(); }
  void finish() override { interpreter_.timeline.finish(interpreter_); }

  std::vector<double> aggregate(const FunctionRef& function, std::span<const Update> updates,
                                const AggregationContext& context) override {
    return custom_.aggregate(function, updates, context);
  }
  std::vector<std::int32_t> select(const FunctionRef& function,
                                   std::span<const std::string> candidates, std::int64_t round,
                                   std::uint64_t seed) override {
    return custom_.select(function, candidates, round, seed);
  }
  double metric(const FunctionRef& function, std::span<const double> scores,
                std::span<const double> labels, std::span<const PatientGroups> groups) override {
    return custom_.metric(function, scores, labels, groups);
  }
  std::vector<std::int32_t> batch_order(const FunctionRef& function, std::string_view hospital,
                                        std::int64_t epoch, std::int64_t rows) override {
    return custom_.batch_order(function, hospital, epoch, rows);
  }

 private:
  void resolve(const Part& returned, const std::string& path) {
    if (returned.kind == "study") {
      const auto rebuild = [this](Part& part) { script::rebuild_strategy(interpreter_, part); };
      study_ = make_study(returned, path, rebuild);
      spec_ = study_.arms.front().spec;
    } else {
      spec_ = resolve_world(returned, path);
      study_ = study_of_one(spec_);
    }
  }

  void settle(WorldSpec& spec) const {
    if (interpreter_.options.seed) spec.seed = *interpreter_.options.seed;
    spec.params = interpreter_.params;
  }

  Interpreter interpreter_;
  CustomParts custom_;
  StudySpec study_;
  WorldSpec spec_;
};

// Code from the command line is in no file that a message could quote: its line goes into the hint.
std::vector<Mistake> with_source(std::vector<Mistake> mistakes, const Interpreter& interpreter) {
  for (Mistake& mistake : mistakes) {
    std::error_code error;
    const script::SourceText* source = interpreter.source(mistake.where.file);
    if (source == nullptr || mistake.where.line <= 0) continue;
    if (std::filesystem::exists(mistake.where.file, error)) continue;
    std::string quoted(source->line(mistake.where.line));
    if (mistake.where.column > 0) {
      quoted += "\n" + std::string(static_cast<std::size_t>(mistake.where.column) - 1, ' ') + "^";
    }
    mistake.hint = mistake.hint.empty() ? quoted : quoted + "\n" + mistake.hint;
  }
  return mistakes;
}

int run_code(Interpreter& interpreter, const std::string& code, const std::string& name) {
  // an expression is a program too: eval -e "hours(2) / minutes(1)"
  lua_State* L = interpreter.lua();
  bool expression = true;
  try {
    interpreter.load_chunk(L, "return " + code, name, code);
    lua_pop(L, 1);
  } catch (const Failure&) {
    expression = false;
  }
  return interpreter.run(expression ? "return " + code : code, name, code);
}

}  // namespace

std::unique_ptr<ScenarioScript> ScenarioScript::load(const std::string& path,
                                                     const ScriptOptions& options) {
  try {
    return std::make_unique<LoadedScript>(path, options);
  } catch (const Failure& failure) {
    throw ScenarioError(failure.mistakes());
  }
}

std::string evaluate_lua(const std::string& code, const std::string& name,
                         const ScriptOptions& options, bool json) {
  Interpreter interpreter(options, name);
  lua_State* L = interpreter.lua();
  try {
    const int count = run_code(interpreter, code, name);
    script::check_settings(interpreter);
    if (json && count != 1) {
      std::string text = "[";
      for (int i = 0; i < count; ++i) {
        text += (i > 0 ? ", " : "") + script::json_text(L, i - count);
      }
      return count == 0 ? "null" : text + "]";
    }
    std::string text;
    for (int i = 0; i < count; ++i) {
      if (i > 0) text += '\n';
      text += json ? script::json_text(L, i - count) : script::inspect_text(L, i - count);
    }
    return text;
  } catch (const Failure& failure) {
    throw ScenarioError(with_source(failure.mistakes(), interpreter));
  }
}

Catalogue full_catalogue() {
  return Interpreter(ScriptOptions{}, "").catalogue;
}

}  // namespace polyclinic
