"""A colour picture, and two ways to grey."""

import matplotlib.pyplot as plt
import numpy as np

from imagedata import samples

picture = samples.series("picture")
shown = {
    "colour": np.stack([picture[channel] for channel in "RGB"], axis=-1),
    "to_gray()": picture.to_gray(),
    "the mean of the three": picture.to_gray((1 / 3, 1 / 3, 1 / 3)),
}
fig, axes = plt.subplots(1, 3, figsize=(7.5, 3.2), layout="constrained")
for ax, (name, image) in zip(axes, shown.items(), strict=True):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_title(name, fontsize=10)
    ax.set_axis_off()
