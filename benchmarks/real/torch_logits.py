"""Compares the logits that networks.py wrote with those of torch, in an environment of its own.

    python benchmarks/real/networks.py logits
    python -m venv other && other/bin/pip install torch==2.0.1 numpy==1.26.4 \\
        efficientnet-lite-pytorch
    other/bin/python benchmarks/real/torch_logits.py logits
"""

import sys
from pathlib import Path

import numpy as np
import packages
import torch
from efficientnet_lite_pytorch import EfficientNet

for file in sorted(Path(sys.argv[1]).glob("*.npz")):
    (weights,) = packages.folder(file.stem).glob("*/models/*.pth")
    model = EfficientNet.from_pretrained(f"efficientnet-{file.stem}", weights_path=str(weights))
    saved = np.load(file)
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(saved["pixels"].transpose(0, 3, 1, 2)))
    difference = np.abs(logits.numpy() - saved["logits"]).max()
    print(f"{file.stem}: logits differ by at most {difference:.1e}")
