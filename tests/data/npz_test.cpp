// System: .npz files. Expectation: what is written comes back bit for bit, numpy's own layout is
// kept (checked byte by byte and by Python where there is one), and damaged files are refused.
#include "data/npz.hpp"

#include <doctest/doctest.h>
#include <zip.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>

#include "support.hpp"

namespace polyclinic {
namespace {

std::vector<NamedArray> example() {
  const float tiny = std::numeric_limits<float>::denorm_min();
  return {{"hidden1.weight", {2, 3}, {1.5F, -0.0F, tiny, 3e38F, -2.0F, 0.1F}},
          {"hidden1.bias", {2}, {0.25F, -7.0F}},
          {"scale", {}, {4.0F}},
          {"nothing", {0, 3}, {}}};
}

// An archive with one member of these bytes.
void write_zip(const std::string& path, const std::string& member, const std::string& content) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  REQUIRE(archive != nullptr);
  zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
  REQUIRE(zip_file_add(archive, member.c_str(), source, 0) >= 0);
  REQUIRE(zip_close(archive) == 0);
}

std::string npy(const std::string& dictionary, const std::string& numbers) {
  std::string text = dictionary + "\n";
  std::string header = "\x93NUMPY";
  header += {'\x01', '\x00', static_cast<char>(text.size()), '\x00'};
  return header + text + numbers;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string refusal(const std::string& path) {
  try {
    read_npz(path, {"world.lua", 3, 5});
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().at(0).where.line == 3);
    return error.mistakes().at(0).message;
  }
  return "it was accepted";
}

TEST_CASE("arrays come back bit for bit, in order") {
  const test::Folder folder;
  const std::string path = folder.path() + "/model.npz";
  write_npz(path, example());
  const std::vector<NamedArray> read = read_npz(path, {});
  const std::vector<NamedArray> wanted = example();
  REQUIRE(read.size() == wanted.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    CHECK(read[i].name == wanted[i].name);
    CHECK(read[i].shape == wanted[i].shape);
    REQUIRE(read[i].values.size() == wanted[i].values.size());
    if (read[i].values.empty()) continue;
    CHECK(std::memcmp(read[i].values.data(), wanted[i].values.data(),
                      read[i].values.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("python reads it with its own zipfile and struct") {
  if (std::system("python3 -c '' 2>/dev/null") != 0) {
    MESSAGE("skipped: no python3");
    return;
  }
  const test::Folder folder;
  const std::string path = folder.path() + "/model.npz";
  write_npz(path, example());
  // numpy/lib/format.py: the header, padded to 64 bytes and ended by a newline, then the numbers
  const std::string script = folder
                                 .write("read.py", R"PY(
import ast, struct, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
assert z.namelist() == ["hidden1.weight.npy", "hidden1.bias.npy", "scale.npy", "nothing.npy"]
def read(name):
    b = z.read(name)
    assert b[:8] == b"\x93NUMPY\x01\x00"
    n, = struct.unpack("<H", b[8:10])
    assert (10 + n) % 64 == 0 and b[10 + n - 1:10 + n] == b"\n"
    h = ast.literal_eval(b[10:10 + n].decode("latin1"))
    assert h["descr"] == "<f4" and h["fortran_order"] is False
    count = 1
    for d in h["shape"]: count *= d
    return h["shape"], struct.unpack("<%df" % count, b[10 + n:])
shape, values = read("hidden1.weight.npy")
assert shape == (2, 3) and values[0] == 1.5 and values[4] == -2.0
assert read("hidden1.bias.npy") == ((2,), (0.25, -7.0))
assert read("scale.npy") == ((), (4.0,))
assert read("nothing.npy") == ((0, 3), ())
)PY")
                                 .found;
  CHECK(std::system(("python3 " + script + " " + path).c_str()) == 0);
}

TEST_CASE("doubles are rounded, as numpy would") {
  const test::Folder folder;
  const std::string path = folder.path() + "/d.npz";
  const double values[] = {0.1, -2.5};
  std::string bytes(sizeof values, '\0');
  std::memcpy(bytes.data(), values, sizeof values);
  write_zip(path, "w.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", bytes));
  const auto arrays = read_npz(path, {});
  REQUIRE(arrays.size() == 1);
  CHECK(arrays[0].values == std::vector<float>{0.1F, -2.5F});
}

TEST_CASE("what is wrong with a file is said") {
  const test::Folder folder;
  const std::string path = folder.path() + "/bad.npz";
  CHECK(refusal(path) == path + " cannot be read: No such file");
  folder.write("bad.npz", "no archive at all");
  CHECK(refusal(path) == path + " cannot be read: Not a zip archive");
  write_zip(path, "readme.txt", "hello");
  CHECK(refusal(path) == path + " cannot be read: its member readme.txt is no array");
  write_zip(path, "w.npy", "hello");
  CHECK(refusal(path) == path + " cannot be read: array w: it is no numpy array");
  write_zip(path, "w.npy",
            npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", "abcd"));
  CHECK(refusal(path) ==
        path +
            " cannot be read: array w: its elements are not little-endian 32- or 64-bit floats; "
            "save it with array.astype(\"float32\")");
  write_zip(path, "w.npy",
            npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "abcd"));
  CHECK(refusal(path) == path +
                             " cannot be read: array w: it lies column after column; save it "
                             "with numpy.ascontiguousarray(array)");
  write_zip(path, "w.npy",
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd"));
  CHECK(refusal(path) == path +
                             " cannot be read: array w: it holds 4 bytes of numbers where its "
                             "shape needs 8");
  write_zip(path, "w.npy",
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
                "abcd"));
  CHECK(refusal(path) == path + " cannot be read: array w: its shape makes no sense");
  write_zip(path, "w.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1", "abcd"));
  CHECK(refusal(path) == path + " cannot be read: array w: its header states no shape");
}

TEST_CASE("a damaged byte is found by the archive's sum") {
  const test::Folder folder;
  const std::string path = folder.path() + "/model.npz";
  const std::vector<NamedArray> one{{"w", {4}, {1, 2, 3, 4}}};
  write_npz(path, one);
  std::string bytes = read_file(path);
  // the last float lies right before the central directory ("PK\1\2")
  const std::size_t directory = bytes.find("PK\x01\x02");
  REQUIRE(directory != std::string::npos);
  bytes[directory - 1] = static_cast<char>(bytes[directory - 1] ^ 0x10);
  folder.write("model.npz", bytes);
  CHECK(refusal(path) == path + " cannot be read: array w: it is damaged");
}

TEST_CASE("a folder that is not there is said at once") {
  const test::Folder folder;
  const std::string path = folder.path() + "/missing/model.npz";
  try {
    write_npz(path, example());
    CHECK(false);
  } catch (const RunError& error) {
    CHECK(error.mistake().message.find(path + " cannot be written: ") == 0);
  }
}

}  // namespace
}  // namespace polyclinic
