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

// 4 x 3 products of rows stay in registers over all columns, a partial sum in each lane
void product_tile(const float* left, const float* right, std::size_t stride, std::size_t columns,
                  std::size_t padded, double* sums) {
  V tile[3][4];
  for (auto& row : tile) {
    for (V& lanes : row) lanes = broadcast(0.0F);
  }
  for (std::size_t k = 0; k < columns; k += kFloats) {
    const V b0 = load(right + k);
    const V b1 = load(right + stride + k);
    const V b2 = load(right + 2 * stride + k);
    for (std::size_t i = 0; i < 4; ++i) {
      const V a = load(left + i * stride + k);
      tile[0][i] = fma(a, b0, tile[0][i]);
      tile[1][i] = fma(a, b1, tile[1][i]);
      tile[2][i] = fma(a, b2, tile[2][i]);
    }
  }
  for (std::size_t j = 0; j < 3; ++j) add_lane_sums(tile[j], sums + j * padded);
}

// twelve rows lie in the first-level cache while all rows from them on pass by
void products(const float* panel, std::size_t stride, std::size_t n, std::size_t columns,
              double* sums) {
  const std::size_t padded = (n + kPanelRows - 1) / kPanelRows * kPanelRows;
  for (std::size_t held = 0; held < n; held += kPanelRows) {
    for (std::size_t j = held; j < n; j += 3) {
      for (std::size_t i = held; i < held + kPanelRows && i < j + 3; i += 4) {
        product_tile(panel + i * stride, panel + j * stride, stride, columns, padded,
                     sums + j * padded + i);
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
