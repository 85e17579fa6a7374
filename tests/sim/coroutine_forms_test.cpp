#include "coroutine_forms.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace polyclinic;

namespace {

std::string findings_in(const std::string& body) {
  std::string text;
  for (const forms::Finding& finding :
       forms::find_forbidden_forms("Task<void> f(Simulation& sim) {\n" + body + "\n}\n")) {
    text += std::to_string(finding.line) + ": " + finding.what + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("the forbidden coroutine forms are found") {
  const char* const in_expression = "2: a brace in a co_await expression\n";
  CHECK(findings_in("co_await send(Message{1, 2});") == in_expression);
  CHECK(findings_in("co_await send({1, 2});") == in_expression);
  CHECK(findings_in("co_await Timer{sim, 5};") == in_expression);
  CHECK(findings_in("int x = co_await ask(Message{}) + 1;") == in_expression);
  CHECK(findings_in("if (co_await ask(Message{1})) { g(); }") == in_expression);
  CHECK(findings_in("while (co_await ask(std::vector<int>{1})) g();") == in_expression);
  CHECK(findings_in("co_await all_of(std::vector{a, b});") == in_expression);
  CHECK(findings_in("co_await send(\"{\", Message{\"}\"});") == in_expression);
  CHECK(findings_in("co_await sim.delay(\n  TimeNs{5});") == in_expression);
  CHECK(findings_in("co_await run([x] { return x; });") ==
        "2: a lambda in a co_await expression\n");
  CHECK(findings_in("co_await run([&](int y) { return x + y; });") ==
        "2: a lambda in a co_await expression\n");
  CHECK(findings_in("g(Message{1}, co_await ask());") ==
        "2: a brace before co_await in one statement\n");
  CHECK(findings_in("auto r = Reply{co_await ask()};") ==
        "2: co_await within a braced initialiser\n");
  CHECK(findings_in("co_return Reply{co_await ask()};") ==
        "2: co_await within a braced initialiser\n");
  CHECK(findings_in("auto t = [x]() -> Task<int> { co_return x; };") ==
        "2: a lambda coroutine with captures\n");
  CHECK(findings_in("auto t = [&] -> Task<int> { if (a) { co_await g(); } };") ==
        "2: a lambda coroutine with captures\n");
  CHECK(findings_in("spawn([this](int a) -> Task<void> { co_await g(a); }(1));") ==
        "2: a lambda coroutine with captures\n");
}

TEST_CASE("the allowed coroutine forms are not") {
  for (const char* const body : {
           "Message m{1, 2};\nco_await send(std::move(m));",
           "co_await send(Message(1, 2));",
           "if (a) { co_await g(); } else { co_await h(); }",
           "if (co_await ask()) { g(Message{1}); }",
           "while (!(co_await ask()).done) { Message m{1}; }",
           "for (int i = 0; i < n; ++i) { co_await g(i); }",
           "for (auto& x : xs) co_await g(x);",
           "{ Scope s{sim}; }\nco_await g();",
           "Message m{1};\nint x = co_await ask();",
           "try { co_await g(); } catch (const E& e) { h(E{1}); }",
           "auto f = [x](int y) { return x + y; };\nco_await g();",
           "auto f = []() -> Task<int> { co_return 1; };",
           "auto f = [x] { return []() -> Task<int> { co_return 1; }; };",
           "a[i] = co_await g();",
           "int v[3];\nco_await g(v[0]);",
           "[[maybe_unused]] const int x = co_await g();",
           "// co_await f(M{1})\n/* co_await f(M{1}) */ s = \"co_await f(M{1})\";",
           "auto f = [x] { return x; };\nauto t = [](int y) -> Task<int> { co_await g(y); };",
           "switch (co_await ask()) { case 1: co_await g(); }",
           "co_await sim.delay(1'000'000);\ng({1});",
       }) {
    CAPTURE(body);
    CHECK(findings_in(body) == "");
  }
  CHECK(forms::find_forbidden_forms("struct A : B {\n auto f() -> Task<int> { co_await g(); }\n};")
            .empty());
}

TEST_CASE("the engine has none of the forbidden coroutine forms") {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path engine = std::filesystem::path(POLYCLINIC_SOURCE_DIR) / "engine";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(engine)) {
    const auto extension = entry.path().extension();
    if (extension == ".hpp" || extension == ".cpp") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  bool saw_coroutine = false;
  for (const auto& file : files) {
    std::ifstream stream(file);
    std::stringstream source;
    source << stream.rdbuf();
    saw_coroutine = saw_coroutine || source.str().find("co_await") != std::string::npos;
    for (const forms::Finding& finding : forms::find_forbidden_forms(source.str())) {
      FAIL_CHECK(file.string() << ":" << finding.line << ": " << finding.what);
    }
  }
  // guards against an empty walk
  CHECK(saw_coroutine);
}
