#include "cli/parse.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <limits>
#include <string_view>

#include "base/error.hpp"

namespace polyclinic {

namespace {

constexpr const char* kAbout =
    "Polyclinic: virtual hospitals learn together on a simulated clock.\n"
    "Simulation, not for clinical use.";

ScenarioError mistake(std::string message, std::string hint) {
  return {{}, std::move(message), std::move(hint)};
}

// A whole number from text, all of it.
template <class Integer>
Integer whole_number(const std::string& option, const std::string& text, Integer low,
                     Integer high) {
  Integer value{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < low || value > high) {
    throw mistake(
        fmt::format("{} takes a whole number from {} to {}, not \"{}\"", option, low, high, text),
        fmt::format("for example {} {}", option, low == 0 ? low + 1 : low));
  }
  return value;
}

// Everything that options are first written into, as text.
struct Texts {
  std::vector<std::string> settings;
  std::string seed;
  std::string threads;
  std::string seeds;
  std::string orders;
  std::string truncate;
  std::string round;
  std::string hospital;
  std::string code;
};

class Parser {
 public:
  Parser() : app_(kAbout, "polyclinic") {
    app_.require_subcommand(0, 1);
    app_.allow_extras();
    app_.add_flag("--version", version_, "print build, instruction set and libraries");
    add_run();
    add_sweep();
    add_contribution();
    add_join();
    add_check();
    add_eval();
    add_others();
    add_account();
  }

  CommandLine parse(int argc, const char* const* argv) {
    check_command(argc, argv);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      line_.command = "help";
      line_.help = app_.help();  // of the command, where one was named
      return std::move(line_);
    } catch (const CLI::ParseError& error) {
      translate(error);
    }
    if (version_) {
      line_.command = "version";
      return std::move(line_);
    }
    const CLI::App* command = chosen();
    if (command == nullptr) throw no_command("a command is needed");
    check_extras(*command);
    line_.command = command->get_name();
    take_texts(*command);
    for (int i = 0; i < argc; ++i) {
      line_.run.command_line += (i > 0 ? " " : "") + std::string(argv[i]);
    }
    line_.sweep.run = line_.run;
    line_.contribution.run = line_.run;
    line_.join.run = line_.run;
    return std::move(line_);
  }

 private:
  // --- what there is

  // One value each time it is given: --data a --data b.
  static void one_value(CLI::Option* option, const char* type) {
    option->type_name(type)->allow_extra_args(false);
  }

  void add_scenario_options(CLI::App& command) {
    one_value(command.add_option("--set", texts_.settings,
                                 "set a parameter of the scenario: --set rounds=50"),
              "K=V");
    command.add_option("--seed", texts_.seed, "seed of everything random")
        ->type_name("N")
        ->take_last();
    one_value(command.add_option("--data", line_.run.script.data_folders,
                                 "folder to look for data in; may be given again"),
              "DIR");
  }

  CLI::App& add_command(const char* name, const char* doc) {
    CLI::App* command = app_.add_subcommand(name, doc);
    command->allow_extras();
    return *command;
  }

  void add_run() {
    CLI::App& run = add_command("run", "run a scenario or a study and print what happened");
    run.add_option("FILE", line_.run.file, "scenario")->required()->type_name("");
    add_scenario_options(run);
    add_result_options(run, "new folder for database, tables and model");
  }

  void add_result_options(CLI::App& command, const char* out) {
    command
        .add_option("--threads", texts_.threads,
                    "threads to compute with (default: all); never changes a result")
        ->type_name("N")
        ->take_last();
    command.add_option("--out", line_.run.out, out)->type_name("DIR")->take_last();
    command.add_flag("--json", line_.run.json, "print the result as one JSON object");
    command.add_flag("-q,--quiet", line_.run.quiet, "print nothing but errors");
  }

  void add_sweep() {
    CLI::App& sweep = add_command("sweep", "run a scenario or study over seeds and values");
    sweep.add_option("FILE", line_.run.file, "scenario or study")->required()->type_name("");
    one_value(sweep.add_option("--vary", line_.sweep.vary,
                               "values of a parameter: noise=0.5,1,2 or, from:to:count, "
                               "skew=0.1:1.0:4; every combination is run"),
              "K=V,V");
    sweep.add_option("--seeds", texts_.seeds, "runs of each arm (default: the study's, else 10)")
        ->type_name("N")
        ->take_last();
    sweep.add_option("--compare", line_.sweep.metric, "value to compare: auroc, auroc.worst ...")
        ->type_name("METRIC")
        ->take_last();
    sweep.add_option("--against", line_.sweep.against, "arm that the others are compared with")
        ->type_name("ARM")
        ->take_last();
    sweep.add_option("--csv", line_.sweep.csv, "new file for a row per run")
        ->type_name("FILE")
        ->take_last();
    add_scenario_options(sweep);
    add_result_options(sweep, "new folder for database and tables");
  }

  void add_contribution() {
    CLI::App& command =
        add_command("contribution", "train coalitions of hospitals: what does each add?");
    command.add_option("FILE", line_.run.file, "scenario")->required()->type_name("");
    command
        .add_option("--metric", line_.contribution.metric,
                    "by which coalitions are judged: auroc, auroc.worst ... (default: the first "
                    "that is measured)")
        ->type_name("METRIC")
        ->take_last();
    command.add_option("--seeds", texts_.seeds, "worlds to ask in (default: 1)")
        ->type_name("N")
        ->take_last();
    command
        .add_option("--orders", texts_.orders,
                    "random orders a seed for Shapley values of more than 5 hospitals (default: "
                    "20); of fewer all coalitions are trained")
        ->type_name("N")
        ->take_last();
    command
        .add_option("--truncate", texts_.truncate,
                    "an order ends so near to what all reach together (default: 0, never)")
        ->type_name("X")
        ->take_last();
    command.add_flag("--leave-one-out", line_.contribution.leave_one_out,
                     "no Shapley values: as many trainings as hospitals, and two");
    add_scenario_options(command);
    add_result_options(command, "new folder for database and tables");
  }

  void add_join() {
    CLI::App& command = add_command(
        "join", "what joining is worth to a hospital, to the others, and what it costs");
    command.add_option("FILE", line_.run.file, "scenario")->required()->type_name("");
    command
        .add_option("HOSPITAL", line_.join.hospital, "member of the scenario that thinks about it")
        ->required()
        ->type_name("");
    command
        .add_option("--metric", line_.join.metric,
                    "by which models are judged at each hospital: auroc, loss ... (default: the "
                    "first that is measured)")
        ->type_name("METRIC")
        ->take_last();
    command.add_option("--seeds", texts_.seeds, "worlds to ask in (default: 10)")
        ->type_name("N")
        ->take_last();
    add_scenario_options(command);
    add_result_options(command, "new folder for database and tables");
  }

  void add_check() {
    CLI::App& check = add_command("check", "validate a scenario and print what it resolves to");
    check.add_option("FILE", line_.run.file, "scenario")->required()->type_name("");
    add_scenario_options(check);
    check.add_flag("--json", line_.run.json, "print it as one JSON object");
  }

  void add_eval() {
    CLI::App& eval =
        add_command("eval", "run Lua with the whole vocabulary and print what it returns");
    eval.add_option("FILE", line_.run.file, "file with Lua code")->type_name("");
    eval.add_option("-e", texts_.code, "the code itself: -e \"return mbit(20) / 2\"")
        ->type_name("CODE")
        ->take_last();
    add_scenario_options(eval);
    eval.add_flag("--json", line_.run.json, "print it as JSON");
  }

  void add_others() {
    CLI::App& list = add_command("list", "list scenarios and the vocabulary");
    list.add_option("KIND", line_.name, "only this kind: cohort, model, strategy ...")
        ->type_name("");
    CLI::App& docs = add_command("docs", "print the page of a word, such as cohort.csv");
    docs.add_option("NAME", line_.name, "word of the vocabulary")->type_name("");
    docs.add_option("--write", line_.write, "write all pages and editor stubs below this folder")
        ->type_name("DIR")
        ->take_last();
    CLI::App& explain = add_command("explain", "tell in words what happened in a recorded run");
    explain.add_option("RUN", line_.name, "folder of `run --out`")->required()->type_name("");
    explain.add_option("--hospital", texts_.hospital, "only what concerns this one")
        ->type_name("NAME")
        ->take_last();
    explain.add_option("--round", texts_.round, "only this round")->type_name("N")->take_last();
    CLI::App& fresh = add_command("new", "write a commented scenario to start from");
    fresh.add_option("NAME", line_.name, "its file will be NAME.lua")->required()->type_name("");
  }

  void add_account() {
    CLI::App& account =
        add_command("account", "what noisy steps cost in epsilon, under every accountant");
    AccountArguments& to = line_.account;
    const auto text = [&](const char* name, std::optional<std::string>& value, const char* type,
                          const char* doc) {
      account.add_option(name, value, doc)->type_name(type)->take_last();
    };
    text("--q", to.q, "SHARE", "share of the records in a step (1 without sampling)");
    text("--sigma", to.sigma, "X", "noise multiplier: noise on the sum over the clipping bound");
    text("--steps", to.steps, "N", "number of steps");
    text("--delta", to.delta, "P", "prints epsilon at this delta");
    text("--epsilon", to.epsilon, "X", "prints delta at this epsilon instead");
    text("--target-epsilon", to.target_epsilon, "X",
         "with --delta: prints the noise that reaches it (without --sigma), or how many steps it "
         "allows (without --steps)");
    text("--sampling", to.sampling, "WORD", "none, poisson, without_replacement or shuffled");
    text("--adjacency", to.adjacency, "WORD", "add_remove or replace_one");
    one_value(account.add_option("--accountant", to.accountants,
                                 "only this one: rdp, pld, prv, gdp, zcdp, advanced; may be given "
                                 "again"),
              "WORD");
    one_value(account.add_option("--phase", to.phases,
                                 "steps of one kind, composed with those of further --phase"),
              "q=Q,sigma=X,steps=N");
    text("--records", to.records, "K", "most records of one unit (a patient)");
    text("--unit", to.unit, "WORD", "what is protected, for the statement: record, patient ...");
    text("--orders", to.orders, "GRID",
         "Renyi orders: standard, opacus, tf_privacy, integer, fine, or 1.1:10.9:0.1,12:63,128");
    account.add_flag("--json", to.json, "print an array with an object per accountant");
  }

  // --- what was asked

  [[nodiscard]] const CLI::App* chosen() const {
    const auto parsed = app_.get_subcommands();
    return parsed.empty() ? nullptr : parsed.front();
  }

  [[nodiscard]] std::vector<std::string> commands() const {
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
    }
    return names;
  }

  [[nodiscard]] ScenarioError no_command(const std::string& message,
                                         const std::string& near = {}) const {
    return mistake(message, near + (near.empty() ? "" : "\n") + "commands are " +
                                join_names(commands()) + "; see polyclinic --help");
  }

  // The first word that is no option must be a command: said before anything else is.
  void check_command(int argc, const char* const* argv) const {
    if (argc < 2 || argv[1][0] == '-') return;
    const std::vector<std::string> names = commands();
    if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return;
    throw no_command(fmt::format("there is no command \"{}\"", argv[1]),
                     did_you_mean(argv[1], names));
  }

  void check_extras(const CLI::App& command) const {
    const std::vector<std::string> before = app_.remaining();
    if (!before.empty()) {
      throw mistake(fmt::format("{} stands before the command", before.front()),
                    "write the command first: " + usage(command));
    }
    const std::vector<std::string> extras = command.remaining();
    if (extras.empty()) return;
    const std::string& extra = extras.front();
    if (extra.empty() || extra[0] != '-') {
      throw mistake(
          fmt::format("{} does not know what to do with \"{}\"", command.get_name(), extra),
          usage(command));
    }
    const std::string word = extra.substr(0, extra.find('='));
    std::vector<std::string> options;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
      for (const std::string& name : option->get_snames()) options.push_back("-" + name);
    }
    const std::string near = did_you_mean(word, options);
    throw mistake(fmt::format("{} has no option {}", command.get_name(), word),
                  near + (near.empty() ? "" : "\n") + "its options are " + join_names(options));
  }

  static std::string usage(const CLI::App& command) {
    std::string text = "usage: polyclinic " + command.get_name();
    for (const CLI::Option* option : command.get_options()) {
      if (!option->get_positional()) continue;
      const std::string name = option->get_name(true);
      text += option->get_required() ? " " + name : " [" + name + "]";
    }
    return text + fmt::format(" [OPTIONS]; see polyclinic {} --help", command.get_name());
  }

  // CLI11's errors in our words.
  [[noreturn]] void translate(const CLI::ParseError& error) const {
    const CLI::App* command = chosen();
    const std::string what = error.what();
    const std::string subject = what.substr(0, what.find(':'));
    if (command != nullptr &&
        error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
      const std::string name = what.substr(0, what.find(' '));
      throw mistake(fmt::format("{} needs a {}", command->get_name(), name), usage(*command));
    }
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ArgumentMismatch)) {
      throw mistake(fmt::format("{} needs a value", subject),
                    command ? usage(*command) : "see polyclinic --help");
    }
    throw mistake(what, command ? usage(*command) : "see polyclinic --help");
  }

  void take_texts(const CLI::App& command) {
    for (const std::string& setting : texts_.settings) {
      const auto equals = setting.find('=');
      if (equals == std::string::npos || equals == 0) {
        throw mistake(fmt::format("--set {} has no name and '='", setting),
                      "write --set name=value, for example --set rounds=50");
      }
      line_.run.script.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    }
    for (const std::string& folder : line_.run.script.data_folders) {
      std::error_code unreadable;
      if (std::filesystem::is_directory(folder, unreadable)) continue;
      const bool there = std::filesystem::exists(folder, unreadable);
      throw mistake(fmt::format("--data {} is no folder{}", folder, there ? "" : " that is there"),
                    "name a folder with data files: --data DIR");
    }
    const auto given = [&](const char* option) {
      const CLI::Option* found = command.get_option_no_throw(option);
      return found != nullptr && found->count() > 0;
    };
    if (given("--seed")) {
      line_.run.script.seed = static_cast<std::uint64_t>(whole_number<std::int64_t>(
          "--seed", texts_.seed, 0, std::numeric_limits<std::int64_t>::max()));  // as Lua's
    }
    if (given("--threads")) {
      line_.run.threads = whole_number<int>("--threads", texts_.threads, 1, 1024);
    }
    if (given("--seeds")) {
      line_.sweep.seeds = whole_number<std::int64_t>("--seeds", texts_.seeds, 1, 1'000'000);
    }
    if (command.get_name() == "contribution") take_contribution(given);
    if (command.get_name() == "join" && given("--seeds")) {
      line_.join.seeds = whole_number<std::int64_t>("--seeds", texts_.seeds, 1, 100'000);
    }
    if (given("--round")) {
      line_.round = whole_number<std::int64_t>("--round", texts_.round, 1, 1'000'000'000);
    }
    if (given("--hospital")) line_.hospital = texts_.hospital;
    if (given("-e")) line_.code = texts_.code;
    if (given("--out") && line_.run.out.empty()) {
      throw mistake("--out needs the name of a folder", usage(command));
    }
    if (command.get_name() == "eval" && line_.code.has_value() == !line_.run.file.empty()) {
      throw mistake(
          line_.code ? "eval takes a FILE or -e CODE, not both" : "eval needs a FILE or -e CODE",
          "for example polyclinic eval -e \"return mbit(20) / 2\"");
    }
  }

  void take_contribution(const std::function<bool(const char*)>& given) {
    ContributionArguments& to = line_.contribution;
    constexpr std::int64_t kMost = 100'000;
    if (given("--seeds")) {
      to.seeds = whole_number<std::int64_t>("--seeds", texts_.seeds, 1, kMost);
    }
    if (given("--orders")) {
      to.orders = whole_number<std::int64_t>("--orders", texts_.orders, 2, kMost);
    }
    if (!given("--truncate")) return;
    const char* end = texts_.truncate.data() + texts_.truncate.size();
    const auto [stopped, error] = std::from_chars(texts_.truncate.data(), end, to.truncate);
    if (error == std::errc() && stopped == end && to.truncate >= 0 && to.truncate < 1e9) return;
    throw mistake(fmt::format("--truncate takes a number from 0 on, not \"{}\"", texts_.truncate),
                  "for example --truncate 0.002: an order ends .002 from what all reach");
  }

  CLI::App app_;
  CommandLine line_;
  Texts texts_;
  bool version_ = false;
};

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  return Parser().parse(argc, argv);
}

}  // namespace polyclinic
