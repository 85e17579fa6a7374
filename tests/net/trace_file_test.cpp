#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "net/availability_kinds.hpp"
#include "net_parts.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

// A file of its own for each test case, removed afterwards.
class TraceFile {
 public:
  explicit TraceFile(const std::string& text) {
    static int number = 0;
    path_ = (std::filesystem::temp_directory_path() /
             ("polyclinic_trace_" + std::to_string(::getpid()) + "_" + std::to_string(number++)))
                .string();
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TraceFile() { std::filesystem::remove(path_); }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  [[nodiscard]] std::unique_ptr<Availability> of(const std::string& hospital) const {
    const Value value = part("availability", "trace", {{"file", FilePath{"up.csv", path_}}});
    AvailabilityContext context;
    context.name = hospital;
    return make_availability(&value, context);
  }
  // What is said about it, with the path shortened.
  [[nodiscard]] std::string mistake(const std::string& hospital = "Lyon") const {
    std::string text = mistake_text([&] { static_cast<void>(of(hospital)); });
    for (std::size_t at = text.find(path_); at != std::string::npos; at = text.find(path_)) {
      text.replace(at, path_.size(), "up.csv");
    }
    return text;
  }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a trace of states: up before its first line, then as it says") {
  const TraceFile file(
      "\xEF\xBB\xBFhospital,time,state\r\n"
      "Lyon, 10, down\r\n"
      "\"Sao Paulo, Centro\",5,down\r\n"
      "Lyon,20,up\r\n"
      "\r\n"
      "Lyon,30,up\r\n"
      "Lyon,1h,down\r\n");
  auto lyon = file.of("Lyon");
  CHECK(lyon->up_at(TimeNs{}));
  CHECK(lyon->next_change(TimeNs{}) == at_seconds(10));
  CHECK_FALSE(lyon->up_at(at_seconds(10)));
  CHECK(lyon->next_change(at_seconds(10)) == at_seconds(20));
  // a line that repeats the state changes nothing
  CHECK(lyon->next_change(at_seconds(20)) == at_seconds(3600));
  CHECK(lyon->next_change(at_seconds(3600)) == kNever);
  CHECK(lyon->up_at(at_seconds(25)));
  CHECK(file.of("Sao Paulo, Centro")->next_change(TimeNs{}) == at_seconds(5));
}

TEST_CASE("a trace of intervals: up inside, down outside; * stands for all others") {
  const TraceFile file(
      "start,hospital,end\n"
      "10,Lyon,20\n"
      "20,Lyon,25\n"
      "2.5,*,3\n"
      "40,Lyon,1.5min\n");
  auto lyon = file.of("Lyon");
  CHECK_FALSE(lyon->up_at(TimeNs{}));
  CHECK(lyon->next_change(TimeNs{}) == at_seconds(10));
  CHECK(lyon->next_change(at_seconds(10)) == at_seconds(25));
  CHECK(lyon->next_change(at_seconds(40)) == at_seconds(90));
  CHECK(file.of("Oslo")->next_change(TimeNs{}) == at_seconds(2.5));
  // answers outlive what read the file
  std::unique_ptr<Availability> kept;
  {
    const TraceFile other("hospital,time,state\nLyon,1,down\n");
    kept = other.of("Lyon");
  }
  CHECK(kept->next_change(TimeNs{}) == at_seconds(1));
}

TEST_CASE("a broken trace file says where and what, in full") {
  CHECK(TraceFile("").mistake() ==
        "up.csv:1: the trace file is empty\n"
        "    its first line names the columns: hospital,time,state or hospital,start,end");
  CHECK(TraceFile("site,when\n").mistake() ==
        "up.csv:1: the columns of this trace file are not known\n"
        "    site,when\n"
        "    ^\n"
        "    its first line names the columns: hospital,time,state or hospital,start,end");
  CHECK(TraceFile("hospital,time,state\nLyon,1,down\nLyon,5\n").mistake() ==
        "up.csv:3: 2 cells where the first line names 3 columns\n"
        "    Lyon,5");
  CHECK(TraceFile("hospital,time,state\nLyon,1,dwon\n").mistake() ==
        "up.csv:2: the state \"dwon\" is neither up nor down\n"
        "    Lyon,1,dwon\n"
        "           ^");
  CHECK(TraceFile("hospital,time,state\nLyon,soon,down\n").mistake() ==
        "up.csv:2: \"soon\" is no time\n"
        "    Lyon,soon,down\n"
        "         ^\n"
        "    write seconds (5400), or a number with a unit (1.5h)");
  CHECK(TraceFile("hospital,time,state\nLyon,-3,down\n").mistake() ==
        "up.csv:2: the time -3 is not between 0 and a hundred years\n"
        "    Lyon,-3,down\n"
        "         ^");
  CHECK(TraceFile("hospital,time,state\nLyon,nan,down\n").mistake() ==
        "up.csv:2: the time nan is not between 0 and a hundred years\n"
        "    Lyon,nan,down\n"
        "         ^");
  CHECK(TraceFile("hospital,time,state\nLyon,7,down\nLyon,7,up\n").mistake() ==
        "up.csv:3: 'Lyon' goes back in time: its last line is of 7 s\n"
        "    Lyon,7,up\n"
        "         ^\n"
        "    lines of one hospital are in order of time");
  CHECK(TraceFile("hospital,start,end\nLyon,7,9\nLyon,8,12\n").mistake() ==
        "up.csv:3: 'Lyon' goes back in time: it is up until 9 s already\n"
        "    Lyon,8,12\n"
        "         ^\n"
        "    lines of one hospital are in order of time and do not overlap");
  CHECK(TraceFile("hospital,start,end\nLyon,7,7\n").mistake() ==
        "up.csv:2: the end 7 is not after the start 7\n"
        "    Lyon,7,7\n"
        "           ^");
  CHECK(TraceFile("hospital,start,end\n,7,9\n").mistake() ==
        "up.csv:2: a line without a hospital\n"
        "    ,7,9\n"
        "    ^");
  CHECK(TraceFile("hospital,time,state\nLyon,1,down\nOslo,2,down\n").mistake("Lyno") ==
        "world.lua:7: 'up.csv' says nothing about the hospital 'Lyno'\n"
        "    did you mean 'Lyon'?\n"
        "    it names Lyon and Oslo; a hospital called * stands for all others");
  const Value missing =
      part("availability", "trace", {{"file", FilePath{"up.csv", "/nowhere/up.csv"}}});
  CHECK(mistake_text([&] { make_availability(&missing, {}); }) ==
        "world.lua:7: cannot read the trace file '/nowhere/up.csv'");
}
