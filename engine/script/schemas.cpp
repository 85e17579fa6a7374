// What this floor declares itself: distributions and the entries of a timeline.
#include "script/interpreter.hpp"

namespace polyclinic::script {

namespace {

Schema happening(const char* word, const char* doc, Type when, const char* when_doc,
                 const char* example) {
  return Schema{.kind = "happening",
                .name = word,
                .doc = doc,
                .fields = {Field{"when", std::move(when), {}, when_doc, true},
                           Field{"run",
                                 type::function(),
                                 {},
                                 "a coroutine on the simulated clock: function(world) ... end",
                                 true}},
                .positional = true,
                .example = example,
                .word = word};
}

Schema define_schema() {
  return Schema{
      .kind = "define",
      .name = "strategy",
      .doc = "Declares strategy.NAME, with its schema, documentation and errors.",
      .fields =
          {Field{"name", type::text(), {}, "the new word: strategy.NAME", true},
           Field{"doc", type::text(), "", "what it is, in a sentence"},
           Field{"paper", type::text(), "", "where it comes from"},
           Field{"params",
                 type::table(type::any()),
                 {},
                 "its own fields: { mu = { default = 0.01, low = 0, high = 1, doc = \"...\" } }"},
           Field{"build",
                 type::function(),
                 {},
                 "function(p) ... end: from the fields to compose { ... }",
                 true}},
      .example =
          "define.strategy { name = \"slow\", build = function(p) return compose { server "
          "= server.sgd { rate = 0.5 } } end }"};
}

}  // namespace

std::vector<Schema> script_schemas() {
  std::vector<Schema> all = distribution_schemas();
  const Type time = type::quantity(Dimension::time);
  all.push_back(
      happening("at", "Something that happens once.", time.at_least(0) | type::moment(),
                "a simulated time, or from_version(10)",
                "at(days(2), function(world) world.hospital[\"Lyon\"]:disconnect() end)"));
  all.push_back(happening(
      "every", "Something that happens again and again.", time.above(0),
      "from one time to the next; the first is after one such time",
      "every(hours(6), function(world) world:note(\"auroc %.3f\", world.metric.auroc) end)"));
  all.push_back(define_schema());
  return all;
}

}  // namespace polyclinic::script
