"""One slice of the CT in two windows."""

import matplotlib.pyplot as plt

from imagedata import samples

ct = samples.series("ct")
fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.3), layout="constrained")
for ax, (centre, width) in zip(axes, [(-150, 1700), (40, 400)], strict=True):
    image = ct[18]
    drawn = ax.imshow(image, cmap="gray", vmin=centre - width / 2, vmax=centre + width / 2)
    ax.set_title(f"centre {centre}, width {width}", fontsize=10)
    ax.set_axis_off()
    fig.colorbar(drawn, ax=ax, label="HU", shrink=0.8)
