"""The workload of aggregation_bench in NumPy, each rule as fast as we know to write it.

OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 tests/bench/aggregation_numpy.py
"""
import time

import numpy as np

N, D, F, STEPS = 100, 1_000_000, 10, 4
X = np.random.default_rng(6).standard_normal((N, D), dtype=np.float32)


def mean():
    return np.full(N, 1 / N, np.float32) @ X


def blocks(reduce, width=4096):
    out = np.empty(D, np.float32)
    for at in range(0, D, width):
        block = np.ascontiguousarray(X[:, at:at + width].T)
        out[at:at + width] = reduce(block)
    return out


def median():
    def middle(block):
        block.partition((N // 2 - 1, N // 2), axis=1)
        return block[:, N // 2 - 1:N // 2 + 1].mean(axis=1)
    return blocks(middle)


def trimmed_mean():
    def inner(block):
        block.sort(axis=1)
        return block[:, F:N - F].mean(axis=1)
    return blocks(inner)


def multi_krum():
    gram = X @ X.T
    squares = np.diag(gram)
    distances = np.sort(squares[:, None] + squares[None, :] - 2 * gram, axis=1)
    scores = distances[:, 1:N - F - 1].sum(axis=1)
    weights = np.zeros(N, np.float32)
    weights[np.argsort(scores)[:N - F]] = 1 / (N - F)
    return weights @ X


def geometric_median():
    squares = np.einsum("ij,ij->i", X, X)
    z = np.full(N, 1 / N, np.float32) @ X
    for _ in range(STEPS):
        distances = np.sqrt(np.maximum(squares - 2 * (X @ z) + z @ z, 0))
        weights = 1 / np.maximum(distances, 1e-5)
        z = (weights / weights.sum()).astype(np.float32) @ X
    return z


for rule in (mean, median, trimmed_mean, multi_krum, geometric_median):
    times = []
    for _ in range(3):
        start = time.process_time()
        rule()
        times.append(time.process_time() - start)
    print(f"{rule.__name__},{1000 * min(times):.1f} ms")
