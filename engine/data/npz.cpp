#include "data/npz.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <string_view>

#include "base/check.hpp"

namespace polyclinic {

namespace {

static_assert(std::endian::native == std::endian::little, "npy arrays are written as they lie");

constexpr std::string_view kMagic = "\x93NUMPY";
// the header ends on a multiple of this (numpy/lib/format.py, ARRAY_ALIGN)
constexpr std::size_t kAlign = 64;
// members carry this instead of the wall clock, so that equal models are equal files
constexpr std::time_t kMemberTime = 315'619'200;  // 2 January 1980, the first that every zone has

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

std::string open_error(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// --- writing

// The .npy header of a 32-bit float array: magic, version 1.0, length, a Python dictionary.
std::string npy_header(const std::vector<std::int64_t>& shape) {
  std::string dimensions;
  for (std::int64_t n : shape) dimensions += fmt::format("{}, ", n);
  if (shape.size() > 1) dimensions.resize(dimensions.size() - 2);
  if (shape.size() == 1) dimensions.resize(dimensions.size() - 1);
  std::string text =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dimensions);
  const std::size_t before = kMagic.size() + 4;
  const std::size_t used = before + text.size() + 1;
  text.append((kAlign - used % kAlign) % kAlign, ' ');
  text += '\n';
  std::string header(kMagic);
  header += {'\x01', '\x00'};
  header += static_cast<char>(text.size() & 0xFFU);
  header += static_cast<char>(text.size() >> 8U);
  return header + text;
}

[[noreturn]] void cannot_write(const std::string& path, const std::string& why) {
  throw RunError({}, fmt::format("{} cannot be written: {}", path, why),
                 "is there room, and may this user write there?");
}

// --- reading

class NpyReader {
 public:
  // `member` is the whole .npy; `name` names it in messages.
  NpyReader(std::string_view member, std::string name) : rest_(member), name_(std::move(name)) {}

  // Returns what is wrong, or nullopt and the array.
  std::optional<std::string> read(NamedArray& array) {
    if (auto wrong = read_header()) return wrong;
    std::int64_t count = 1;
    for (std::int64_t n : shape_) {
      if (n < 0 || (n > 0 && count > kNpzBytesMax / n)) return "its shape makes no sense";
      count *= n;
    }
    const std::size_t width = doubles_ ? 8 : 4;
    if (rest_.size() != static_cast<std::size_t>(count) * width) {
      return fmt::format("it holds {} bytes of numbers where its shape needs {}", rest_.size(),
                         static_cast<std::size_t>(count) * width);
    }
    array.name = name_;
    array.shape = shape_;
    array.values.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < array.values.size(); ++i) {
      if (doubles_) {
        double value = 0;
        std::memcpy(&value, rest_.data() + i * 8, 8);
        array.values[i] = static_cast<float>(value);
      } else {
        std::memcpy(&array.values[i], rest_.data() + i * 4, 4);
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> read_header() {
    if (rest_.substr(0, kMagic.size()) != kMagic || rest_.size() < kMagic.size() + 6) {
      return "it is no numpy array";
    }
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(rest_[i]));
    };
    const std::size_t version = byte(kMagic.size());
    std::size_t start = kMagic.size() + 4;
    std::size_t length = byte(start - 2) | byte(start - 1) << 8U;
    if (version > 1) {
      length |= byte(start) << 16U | byte(start + 1) << 24U;
      start += 2;
    }
    if (rest_.size() < start || rest_.size() - start < length) return "its header is cut off";
    const std::string_view header = rest_.substr(start, length);
    rest_ = rest_.substr(start + length);
    const std::string_view type = after(header, "'descr':");
    if (type.substr(0, 5) == "'<f8'") {
      doubles_ = true;
    } else if (type.substr(0, 5) != "'<f4'") {
      return "its elements are not little-endian 32- or 64-bit floats; save it with "
             "array.astype(\"float32\")";
    }
    const bool by_columns = after(header, "'fortran_order':").substr(0, 4) == "True";
    if (auto wrong = read_shape(after(header, "'shape':"))) return wrong;
    if (by_columns && shape_.size() > 1) {
      return "it lies column after column; save it with numpy.ascontiguousarray(array)";
    }
    return std::nullopt;
  }

  // What follows a key of the header's dictionary, blanks skipped.
  static std::string_view after(std::string_view header, std::string_view key) {
    const std::size_t at = header.find(key);
    if (at == std::string_view::npos) return {};
    std::string_view value = header.substr(at + key.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
  }

  std::optional<std::string> read_shape(std::string_view text) {
    if (text.empty() || text.front() != '(') return "its header states no shape";
    for (text.remove_prefix(1); !text.empty() && text.front() != ')'; text.remove_prefix(1)) {
      if (text.front() == ' ' || text.front() == ',') continue;
      std::int64_t n = 0;
      std::size_t digits = 0;
      while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 18) {
        n = n * 10 + (text[digits++] - '0');
      }
      if (digits == 0) return "its header states no shape";
      shape_.push_back(n);
      text.remove_prefix(digits - 1);
    }
    return text.empty() ? std::optional<std::string>("its header states no shape") : std::nullopt;
  }

  std::string_view rest_;
  std::string name_;
  std::vector<std::int64_t> shape_;
  bool doubles_ = false;
};

// Reads one member whole; throws with what is wrong.
std::string read_member(zip_t* archive, zip_uint64_t index, std::int64_t bytes) {
  const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(archive, index, 0));
  if (!file) throw std::runtime_error(zip_strerror(archive));
  std::string content(static_cast<std::size_t>(bytes), '\0');
  std::int64_t done = 0;
  while (done < bytes) {
    const auto got =
        zip_fread(file.get(), content.data() + done, static_cast<zip_uint64_t>(bytes - done));
    if (got <= 0) throw std::runtime_error("it is cut off or damaged");
    done += got;
  }
  // one more read checks the sum of the whole member
  char beyond = 0;
  if (zip_fread(file.get(), &beyond, 1) != 0) throw std::runtime_error("it is damaged");
  return content;
}

}  // namespace

void write_npz(const std::string& path, std::span<const NamedArray> arrays) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) cannot_write(path, open_error(code));
  std::vector<std::string> members;
  members.reserve(arrays.size());  // libzip reads them when the archive is closed
  for (const NamedArray& array : arrays) {
    std::string member = npy_header(array.shape);
    member.append(reinterpret_cast<const char*>(array.values.data()), array.values.size() * 4);
    members.push_back(std::move(member));
    zip_source_t* source =
        zip_source_buffer(archive.get(), members.back().data(), members.back().size(), 0);
    const std::string name = array.name + ".npy";
    const zip_int64_t index =
        source ? zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
      const std::string why = zip_strerror(archive.get());
      if (source) zip_source_free(source);
      cannot_write(path, why);
    }
    zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    zip_file_set_mtime(archive.get(), static_cast<zip_uint64_t>(index), kMemberTime, 0);
  }
  // writes a temporary file and renames it
  if (zip_close(archive.get()) != 0) cannot_write(path, zip_strerror(archive.get()));
  static_cast<void>(archive.release());
}

std::vector<NamedArray> read_npz(const std::string& path, const SourcePosition& where) {
  const auto refuse = [&](const std::string& why) -> ScenarioError {
    return {where, fmt::format("{} cannot be read: {}", path, why),
            "expected a .npz file such as the model.npz that `run --out DIR` keeps"};
  };
  int code = 0;
  const Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!archive) throw refuse(open_error(code));
  std::vector<NamedArray> arrays;
  std::int64_t total = 0;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive.get(), index, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE)) {
      throw refuse(zip_strerror(archive.get()));
    }
    std::string name = stat.name;
    if (!name.ends_with(".npy")) throw refuse(fmt::format("its member {} is no array", name));
    name.resize(name.size() - 4);
    if (stat.size > static_cast<zip_uint64_t>(kNpzBytesMax - total)) {
      throw refuse("it unpacks to more than 4 GiB");
    }
    total += static_cast<std::int64_t>(stat.size);
    std::string content;
    try {
      content = read_member(archive.get(), index, static_cast<std::int64_t>(stat.size));
    } catch (const std::runtime_error& error) {
      throw refuse(fmt::format("array {}: {}", name, error.what()));
    }
    NamedArray array;
    if (const auto wrong = NpyReader(content, name).read(array)) {
      throw refuse(fmt::format("array {}: {}", name, *wrong));
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

}  // namespace polyclinic
