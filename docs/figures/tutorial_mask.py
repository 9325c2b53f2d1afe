"""A slice of the CT, a mask of what is dense, and the labels laid on."""

import matplotlib.pyplot as plt
import numpy as np

from imagedata import samples

ct, labels = samples.series("ct"), samples.series("labels")
bone = ct > 500
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.6), layout="constrained")
for ax, name in zip(axes, ("CT", "ct > 500", "labels"), strict=True):
    ax.imshow(np.asarray(ct[18]), cmap="gray", vmin=-160, vmax=240)
    ax.set_title(name, fontsize=10)
    ax.set_axis_off()
axes[1].imshow(np.ma.masked_equal(bone[18], 0), cmap="autumn", vmin=0, vmax=2)
axes[2].imshow(np.ma.masked_less(labels[18], 2), cmap="Set1", vmin=1, vmax=9, interpolation="nearest")
