// Rules, selections, metrics and batch orders written in Lua.
#include <doctest/doctest.h>

#include <limits>
#include <memory>

#include "help.hpp"

using namespace polyclinic;
using test::FakeWorld;
using test::Folder;

namespace {

// A script whose custom part is `part` in field `field` of the scenario.
struct Loaded {
  Loaded(const std::string& field, const std::string& part, const std::string& before = "")
      : script(ScenarioScript::load(
            folder.write("s.lua", before + "\nreturn scenario { cohort = cohort.ehr {}, " + field +
                                      " =\n" + part + "\n}"),
            {})) {
    const Part* found = script->spec().scenario.part(field);
    for (const FieldValue& f : found->fields) {
      if (const auto* ref = f.value.get_if<FunctionRef>()) function = *ref;
    }
  }
  Folder folder;
  std::unique_ptr<ScenarioScript> script;
  FunctionRef function;
};

// Updates with these values, all of weight 1/n.
struct Updates {
  explicit Updates(const std::vector<std::vector<float>>& values)
      : layout(std::make_shared<ParameterLayout>()) {
    layout->add("w", {static_cast<std::int64_t>(values[0].size())}, Role::weight);
    global = ParameterVector(layout);
    for (const auto& v : values) {
      Update update;
      update.delta = ParameterVector(layout);
      update.delta.assign_compact(v);
      update.weight = 1.0 / static_cast<double>(values.size());
      all.push_back(std::move(update));
    }
    context.global = &global;
    context.version = 1;
    context.seed = 5;
  }
  std::shared_ptr<ParameterLayout> layout;
  ParameterVector global;
  std::vector<Update> all;
  AggregationContext context;
};

std::string aggregate_error(const std::string& rule, const std::string& before = "") {
  const Loaded loaded("aggregation", "aggregation.custom(" + rule + ")", before);
  const Updates updates({{1, 2}, {3, 4}});
  try {
    (void)loaded.script->aggregate(loaded.function, updates.all, updates.context);
  } catch (const RunError& error) {
    std::string text = to_text(error.mistake());
    text.erase(0, loaded.folder.path().size() + 1);
    return text;
  }
  return "no error";
}

}  // namespace

TEST_CASE("an aggregation keeps its state in ctx.state") {
  const Loaded loaded("aggregation", R"(aggregation.custom(function(updates, ctx)
    ctx.state.m = 0.5 * (ctx.state.m or vec.zeros(#ctx.global)) + 0.5 * vec.median(updates)
    ctx.state.calls = (ctx.state.calls or 0) + 1
    return ctx.state.m
  end))");
  const Updates updates({{1, 2}, {3, 4}, {100, 5}});
  // medians are 3 and 4; m becomes half of them, then three quarters
  CHECK(loaded.script->aggregate(loaded.function, updates.all, updates.context) ==
        std::vector<double>{1.5, 2});
  CHECK(loaded.script->aggregate(loaded.function, updates.all, updates.context) ==
        std::vector<double>{2.25, 3});
}

TEST_CASE("a second result is the new state; the context shows weights, version and seed") {
  const Loaded loaded("aggregation", R"(aggregation.custom(function(updates, ctx)
    local n = ctx.state.n or 10
    return { n, ctx.version + ctx.seed + ctx.weights[1] }, { n = n + 1 }
  end))");
  const Updates updates({{1, 2}, {3, 4}});
  CHECK(loaded.script->aggregate(loaded.function, updates.all, updates.context) ==
        std::vector<double>{10, 6.5});
  CHECK(loaded.script->aggregate(loaded.function, updates.all, updates.context)[0] == 11);
}

TEST_CASE("changing an upvalue is refused, however deep it lies") {
  CHECK(aggregate_error("function(updates) count = count + 1 return updates[1] end",
                        "local count = 0") ==
        "s.lua:3: this function changed 'count', which lives outside of it\n"
        "    aggregation.custom(function(updates) count = count + 1 return updates[1] end)\n"
        "                       ^\n"
        "    what it remembers from one call to the next goes into ctx.state, so that it can be "
        "saved");
  CHECK(aggregate_error("function(updates) memory.a.b = 2 return updates[1] end",
                        "local memory = { a = { b = 1 } }")
            .find("this function changed 'memory'") != std::string::npos);
  CHECK(aggregate_error("function(updates) bump() return updates[1] end",
                        "local n = 0 local function bump() n = n + 1 end")
            .find("this function changed 'bump'") != std::string::npos);
  CHECK(aggregate_error("function(updates) start[1] = 7 return updates[1] end",
                        "local start = vec.zeros(2)")
            .find("this function changed 'start'") != std::string::npos);
  CHECK(aggregate_error("function(updates) return updates[1] * scale.x end",
                        "local scale = { x = 2 }") == "no error");
}

TEST_CASE("results of an aggregation are checked") {
  CHECK(aggregate_error("function(updates) return { 1 } end") ==
        "s.lua:3: this aggregation returned 1 numbers for 2 parameters\n"
        "    aggregation.custom(function(updates) return { 1 } end)\n"
        "                       ^");
  CHECK(aggregate_error("function(updates) return updates[1] / 0 end")
            .find("this aggregation returned a number that is not finite") != std::string::npos);
  CHECK(aggregate_error("function(updates) return nil end")
            .find("the result of an aggregation takes a vec or a list of numbers, found nil") !=
        std::string::npos);
  CHECK(aggregate_error("function(updates, ctx) ctx.state.f = print return updates[1] end")
            .find("ctx.state holds something that cannot be saved") != std::string::npos);
  CHECK(aggregate_error("function(updates) updates[1][1] = 5 return updates[1] end") ==
        "s.lua:3: this vec belongs to the engine and cannot be changed\n"
        "    aggregation.custom(function(updates) updates[1][1] = 5 return updates[1] end)\n"
        "    ^\n"
        "    change a copy: v:copy()");
  CHECK(aggregate_error("function(updates) wait(hours(1)) return updates[1] end")
            .find("s.lua:3: wait works only in a timeline") == 0);
}

TEST_CASE("a selection sees names and returns places") {
  const Loaded loaded("selection", R"(selection.custom(function(candidates, ctx)
    local chosen = {}
    for i, name in ipairs(candidates) do if name ~= "Lyon" and ctx.round == 1 then chosen[#chosen + 1] = i end end
    return chosen
  end))");
  const std::vector<std::string> candidates{"Lyon", "Oslo"};
  CHECK(loaded.script->select(loaded.function, candidates, 1, 1) == std::vector<std::int32_t>{1});
  // the round is told too
  CHECK(loaded.script->select(loaded.function, candidates, 2, 1).empty());
}

TEST_CASE("a selection outside of the candidates is refused") {
  const Loaded loaded("selection", "selection.custom(function() return { 1, 3 } end)");
  const std::vector<std::string> candidates{"Lyon", "Oslo"};
  CHECK_THROWS_WITH_AS(loaded.script->select(loaded.function, candidates, 1, 1),
                       doctest::Contains("the selection holds 3, and there are 2 of them"),
                       RunError);
}

TEST_CASE("a metric gets vecs and returns a number; a batch order is a permutation") {
  const Folder folder;
  const auto script = ScenarioScript::load(folder.write("s.lua", R"(
return scenario { cohort = cohort.ehr {}, measure = measure { metrics = {
  metric.custom { name = "alerts", metric = function(scores, labels, groups)
    return scores:dot(labels) + (groups.sex[2] == "male" and 8 or 0)
  end },
} } })"),
                                           {});
  const Part* measure = script->spec().scenario.part("measure");
  const auto function = measure->list("metrics")[0].part()->at("metric").as<FunctionRef>();
  const std::vector<double> scores{0.5, 0.25};
  const std::vector<double> labels{1, 0};
  const std::vector<std::string> levels{"female", "male"};
  const std::vector<std::uint8_t> sex{0, 1};
  const std::vector<PatientGroups> groups{{"sex", levels, sex}};
  CHECK(script->metric(function, scores, labels, groups) == 8.5);
}
