// Shared text of the kernels_*.cpp, which define V, D and their operations first.

// What a pass comes to next lies in the same row, so many floats on: the processor's own prefetch
// ends at each page, and passes jump from row to row.
constexpr std::size_t kAhead = 1'024;

void prefetch_line(const float* x) {
  __builtin_prefetch(x + kAhead, 0, 2);
}

// each row is added to what came before, so the order of additions is that of the rows
void weighted_sum(const float* const* rows, const double* weights, std::size_t n, std::size_t begin,
                  std::size_t count, double* sum) {
  std::size_t r = 0;
  for (; r + 4 <= n; r += 4) {
    const float* x0 = rows[r] + begin;
    const float* x1 = rows[r + 1] + begin;
    const float* x2 = rows[r + 2] + begin;
    const float* x3 = rows[r + 3] + begin;
    const D w0 = broadcast(weights[r]);
    const D w1 = broadcast(weights[r + 1]);
    const D w2 = broadcast(weights[r + 2]);
    const D w3 = broadcast(weights[r + 3]);
    for (std::size_t c = 0; c < count; c += kColumns) {
      prefetch_line(x0 + c);
      prefetch_line(x1 + c);
      prefetch_line(x2 + c);
      prefetch_line(x3 + c);
      for (std::size_t i = c; i < c + kColumns; i += kDoubles) {
        D s = load(sum + i);
        s = add(s, mul(w0, widen(x0 + i)));
        s = add(s, mul(w1, widen(x1 + i)));
        s = add(s, mul(w2, widen(x2 + i)));
        s = add(s, mul(w3, widen(x3 + i)));
        store(sum + i, s);
      }
    }
  }
  for (; r < n; ++r) {
    const float* x = rows[r] + begin;
    const D w = broadcast(weights[r]);
    for (std::size_t i = 0; i < count; i += kDoubles) {
      store(sum + i, add(load(sum + i), mul(w, widen(x + i))));
    }
  }
}

void narrow(const double* sum, std::size_t count, double divisor, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(sum[i] / divisor);
}

void differences(const float* x, const float* point, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; i += kFloats) {
    store(out + i, subtract(load(x + i), load(point + i)));
  }
}

// the tree of all instruction sets over eight running sums
double sum_of_eight(const D* sums) {
  alignas(64) double s[8];
  for (std::size_t k = 0; k < 8 / kDoubles; ++k) store(s + k * kDoubles, sums[k]);
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

void distances(const float* const* rows, std::size_t n, std::size_t begin, std::size_t count,
               const double* point, double* out) {
  for (std::size_t r = 0; r < n; ++r) {
    const float* x = rows[r] + begin;
    D sums[8 / kDoubles];
    for (std::size_t k = 0; k < 8 / kDoubles; ++k) sums[k] = broadcast(0.0);
    for (std::size_t i = 0; i < count; i += 8) {
      for (std::size_t k = 0; k < 8 / kDoubles; ++k) {
        const std::size_t at = i + k * kDoubles;
        const D difference = subtract(widen(x + at), load(point + at));
        sums[k] = add(sums[k], mul(difference, difference));
      }
    }
    out[r] += sum_of_eight(sums);
  }
}

void dots(const float* const* rows, std::size_t n, std::size_t begin, std::size_t count,
          const double* point, double* out) {
  for (std::size_t r = 0; r < n; ++r) {
    const float* x = rows[r] + begin;
    D sums[8 / kDoubles];
    for (std::size_t k = 0; k < 8 / kDoubles; ++k) sums[k] = broadcast(0.0);
    for (std::size_t i = 0; i < count; i += 8) {
      for (std::size_t k = 0; k < 8 / kDoubles; ++k) {
        const std::size_t at = i + k * kDoubles;
        sums[k] = add(sums[k], mul(widen(x + at), load(point + at)));
      }
    }
    out[r] += sum_of_eight(sums);
  }
}

// a tile of kTileRows x kColumns sums stays in registers over all columns
void product_tile(const float* left, const float* right, std::size_t stride, std::size_t columns,
                  float* tile) {
  constexpr std::size_t kVectors = kColumns / kFloats;
  V sums[kTileRows][kVectors];
  for (std::size_t i = 0; i < kTileRows; ++i) {
    for (std::size_t v = 0; v < kVectors; ++v) sums[i][v] = broadcast(0.0F);
  }
  for (std::size_t k = 0; k < columns; ++k) {
    V b[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) b[v] = load(right + k * stride + v * kFloats);
    for (std::size_t i = 0; i < kTileRows; ++i) {
      const V a = broadcast(left[k * stride + i]);
      for (std::size_t v = 0; v < kVectors; ++v) sums[i][v] = fma(a, b[v], sums[i][v]);
    }
  }
  for (std::size_t i = 0; i < kTileRows; ++i) {
    for (std::size_t v = 0; v < kVectors; ++v) store(tile + i * kColumns + v * kFloats, sums[i][v]);
  }
}

void products(const float* panel, std::size_t stride, std::size_t n, std::size_t columns,
              double* sums) {
  float tile[kTileRows * kColumns];
  for (std::size_t i0 = 0; i0 < n; i0 += kTileRows) {
    for (std::size_t j0 = i0 / kColumns * kColumns; j0 < n; j0 += kColumns) {
      product_tile(panel + i0, panel + j0, stride, columns, tile);
      for (std::size_t i = i0; i < i0 + kTileRows && i < n; ++i) {
        const float* row = tile + (i - i0) * kColumns;
        double* out = sums + i * n + j0;
        const std::size_t width = n - j0 < kColumns ? n - j0 : kColumns;
        for (std::size_t j = 0; j < width; ++j) out[j] += static_cast<double>(row[j]);
      }
    }
  }
}

// every lane sorts a coordinate of its own: the network is the same for all
void run_network(const ColumnReduction& reduction, float* scratch) {
  const std::uint16_t* pair = reduction.pairs;
  for (std::size_t p = 0; p < reduction.comparators; ++p, pair += 2) {
    float* low = scratch + kColumns * pair[0];
    float* high = scratch + kColumns * pair[1];
    V a[kColumns / kFloats];
    V b[kColumns / kFloats];
    for (std::size_t k = 0; k < kColumns / kFloats; ++k) {
      a[k] = load(low + k * kFloats);
      b[k] = load(high + k * kFloats);
    }
    for (std::size_t k = 0; k < kColumns / kFloats; ++k) {
      store(low + k * kFloats, vmin(a[k], b[k]));
      store(high + k * kFloats, vmax(a[k], b[k]));
    }
  }
}

void mean_of_wires(const ColumnReduction& reduction, const float* scratch, float* out) {
  if (reduction.last - reduction.first == 1) {
    for (std::size_t i = 0; i < kColumns; ++i) out[i] = scratch[kColumns * reduction.first + i];
    return;
  }
  D sums[kColumns / kDoubles];
  for (std::size_t k = 0; k < kColumns / kDoubles; ++k) sums[k] = broadcast(0.0);
  for (std::size_t wire = reduction.first; wire < reduction.last; ++wire) {
    for (std::size_t k = 0; k < kColumns / kDoubles; ++k) {
      sums[k] = add(sums[k], widen(scratch + kColumns * wire + k * kDoubles));
    }
  }
  alignas(64) double s[kColumns];
  for (std::size_t k = 0; k < kColumns / kDoubles; ++k) store(s + k * kDoubles, sums[k]);
  narrow(s, kColumns, static_cast<double>(reduction.last - reduction.first), out);
}

// in sorted order the values nearest to the median lie side by side; of two equally far the smaller
// one is kept
float mean_of_nearest(const ColumnReduction& reduction, const float* column) {
  const std::size_t n = reduction.wires;
  const double upper = static_cast<double>(column[kColumns * (n / 2)]);
  const double lower = static_cast<double>(column[kColumns * ((n - 1) / 2)]);
  const double median = 0.5 * (lower + upper);
  std::size_t first = 0;
  std::size_t last = n;
  while (last - first > reduction.keep) {
    const double below = median - static_cast<double>(column[kColumns * first]);
    const double above = static_cast<double>(column[kColumns * (last - 1)]) - median;
    if (above >= below)
      --last;
    else
      ++first;
  }
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += static_cast<double>(column[kColumns * i]);
  return static_cast<float>(sum / static_cast<double>(reduction.keep));
}

void reduce_columns(const float* const* rows, std::size_t begin, std::size_t count,
                    const ColumnReduction& reduction, float* scratch, float* out) {
  for (std::size_t c = 0; c < count; c += kColumns) {
    for (std::size_t r = 0; r < reduction.wires; ++r) {
      const float* x = rows[r] + begin + c;
      prefetch_line(x);
      for (std::size_t k = 0; k < kColumns; k += kFloats) {
        store(scratch + kColumns * r + k, load(x + k));
      }
    }
    run_network(reduction, scratch);
    if (reduction.keep > 0) {
      for (std::size_t i = 0; i < kColumns; ++i)
        out[c + i] = mean_of_nearest(reduction, scratch + i);
    } else {
      mean_of_wires(reduction, scratch, out + c);
    }
  }
}
