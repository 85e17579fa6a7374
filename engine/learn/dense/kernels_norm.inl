// Kernels of normalisation over V; a part of kernels_impl.inl.

// y = normed scale + shift, rows of `stride`
inline void scale_and_shift(const Normalisation& t) {
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.stride; j += kWidth) {
      const V normed = load(t.normed + i * t.stride + j);
      store(t.x + i * t.stride + j, fma(normed, load(t.scale + j), load(t.shift + j)));
    }
  }
}

// Two passes: the mean first, then the mean square of what is left. Sums of a block of rows join
// the whole one after another, so that the error of a long sum grows with its blocks alone.
void column_moments(const float* a, std::ptrdiff_t a_row, std::int64_t rows, std::int64_t n,
                    float* mean, float* variance) {
  constexpr std::int64_t kRows = 64;
  const V count = broadcast(static_cast<float>(rows));
  for (std::int64_t j = 0; j < n; j += kWidth) {
    V total = broadcast(0.0F);
    for (std::int64_t first = 0; first < rows; first += kRows) {
      const std::int64_t end = rows - first < kRows ? rows : first + kRows;
      V part = broadcast(0.0F);
      for (std::int64_t i = first; i < end; ++i) part = part + load(a + i * a_row + j);
      total = total + part;
    }
    const V middle = total / count;
    total = broadcast(0.0F);
    for (std::int64_t first = 0; first < rows; first += kRows) {
      const std::int64_t end = rows - first < kRows ? rows : first + kRows;
      V part = broadcast(0.0F);
      for (std::int64_t i = first; i < end; ++i) {
        const V away = load(a + i * a_row + j) - middle;
        part = fma(away, away, part);
      }
      total = total + part;
    }
    store(mean + j, middle);
    store(variance + j, total / count);
  }
}

void norm_columns(const Normalisation& t) {
  for (std::int64_t j = 0; j < t.stride; j += kWidth) {
    const V spread = vmax(broadcast(0.0F), load(t.variance + j)) + broadcast(t.epsilon);
    store(t.inverse + j, broadcast(1.0F) / vsqrt(spread));
  }
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.stride; j += kWidth) {
      const V away = load(t.x + i * t.stride + j) - load(t.mean + j);
      store(t.normed + i * t.stride + j, away * load(t.inverse + j));
    }
  }
  scale_and_shift(t);
}

inline std::int64_t padded_to_lanes(std::int64_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

// Copies n floats and writes zeros behind them up to whole lanes.
inline void copy_padded(const float* from, std::int64_t n, float* to) {
  __builtin_memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
  for (std::int64_t j = n; j < padded_to_lanes(n); ++j) to[j] = 0.0F;
}

void norm_rows(const Normalisation& t) {
  const std::int64_t size = t.width / t.groups;
  const std::int64_t lanes = padded_to_lanes(size);
  const auto count = static_cast<float>(size);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t g = 0; g < t.groups; ++g) {
      const std::int64_t at = i * t.stride + g * size;
      float* part = t.scratch;
      copy_padded(t.x + at, size, part);
      const V mean = broadcast(sum(part, lanes) / count);
      for (std::int64_t j = 0; j < lanes; j += kWidth) store(part + j, load(part + j) - mean);
      for (std::int64_t j = size; j < lanes; ++j) part[j] = 0.0F;
      float squares = 0.0F;
      dots(part, lanes, 1, part, lanes, 0.0F, &squares);
      alignas(64) float inverse[kWidth];
      store(inverse, broadcast(1.0F) / vsqrt(broadcast(squares / count + t.epsilon)));
      t.inverse[i * t.groups + g] = inverse[0];
      const V factor = broadcast(inverse[0]);
      for (std::int64_t j = 0; j < lanes; j += kWidth) store(part + j, load(part + j) * factor);
      __builtin_memcpy(t.normed + at, part, static_cast<std::size_t>(size) * sizeof(float));
    }
  }
  scale_and_shift(t);
}

// With g = error scale, n the rows that statistics are of: z = inverse (g - mean(g) -
// normed mean(g normed)); where the statistics are constants, inverse g.
void norm_columns_back(const NormSlopes& t) {
  const V share =
      broadcast(t.rows_of_statistics > 0 ? 1.0F / static_cast<float>(t.rows_of_statistics) : 0.0F);
  const bool own = t.rows_of_statistics > 0;
  for (std::int64_t j = 0; j < t.stride; j += kWidth) {
    const V factor = load(t.scale + j) * load(t.inverse + j);
    const V shift = own ? load(t.shift_sums + j) * share : broadcast(0.0F);
    const V tilt = own ? load(t.scale_sums + j) * share : broadcast(0.0F);
    for (std::int64_t i = 0; i < t.rows; ++i) {
      float* error = t.error + i * t.stride + j;
      const V normed = load(t.normed + i * t.stride + j);
      store(error, factor * (load(error) - shift - normed * tilt));
    }
  }
}

void norm_rows_back(const NormSlopes& t) {
  const std::int64_t size = t.width / t.groups;
  const std::int64_t lanes = padded_to_lanes(size);
  const auto count = static_cast<float>(size);
  float* slope = t.scratch;
  float* normed = t.scratch + lanes;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    float* row = t.error + i * t.stride;
    for (std::int64_t j = 0; j < t.stride; j += kWidth) {
      store(row + j, load(row + j) * load(t.scale + j));
    }
    for (std::int64_t g = 0; g < t.groups; ++g) {
      copy_padded(row + g * size, size, slope);
      copy_padded(t.normed + i * t.stride + g * size, size, normed);
      float along = 0.0F;
      dots(slope, lanes, 1, normed, lanes, 0.0F, &along);
      const V shift = broadcast(sum(slope, lanes) / count);
      const V tilt = broadcast(along / count);
      const V inverse = broadcast(t.inverse[i * t.groups + g]);
      for (std::int64_t j = 0; j < lanes; j += kWidth) {
        store(slope + j, inverse * (load(slope + j) - shift - load(normed + j) * tilt));
      }
      __builtin_memcpy(row + g * size, slope, static_cast<std::size_t>(size) * sizeof(float));
    }
  }
}

void multiply(std::int64_t n, const float* a, const float* b, float* out) {
  for (std::int64_t i = 0; i < n; i += kWidth) store(out + i, load(a + i) * load(b + i));
}
