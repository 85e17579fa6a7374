"""W4 in PyTorch without privacy: the yardstick by which Opacus is compared with us where Opacus is not installed.

OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 tests/bench/dp_torch.py

Opacus 1.4.1 took 9.45 times what these plain steps took in one process (.936 s against .099 s for 200 steps, and 1.17 s with its
own loader); so Opacus on this machine is taken to be 9.45 times what this prints. Needs python3-torch and libopenblas0-pthread.
"""
import time

import torch

FEATURES, BATCH, STEPS, RUNS = 40, 256, 200, 7
OPACUS_OVER_PLAIN = 0.936 / 0.099

torch.set_num_threads(1)
torch.manual_seed(4)
model = torch.nn.Sequential(torch.nn.Linear(FEATURES, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(),
                            torch.nn.Linear(32, 1))
loss_of = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x = torch.randn(64 * BATCH, FEATURES)
y = (torch.rand(64 * BATCH, 1) < 0.3).float()

times = []
for _ in range(RUNS):
    start = time.process_time()
    for step in range(STEPS):
        at = step % 64 * BATCH
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x[at:at + BATCH]), y[at:at + BATCH]).backward()
        optimizer.step()
    times.append(time.process_time() - start)
plain = min(times)
print(f"plain torch {torch.__version__}, {STEPS} steps,{1000 * plain:.1f} ms")
print(f"Opacus 1.4.1 by its published ratio to plain,{1000 * OPACUS_OVER_PLAIN * plain:.1f} ms")
