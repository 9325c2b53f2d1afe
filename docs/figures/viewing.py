"""Two linked series in the viewer: an axial one and a coronal view of it, with the line of intersection."""

import matplotlib.pyplot as plt

from imagedata import Series

ct = Series("../../data/dicom/ct")
region = ct.mask_from_vertices({s: [(88, 48), (108, 48), (108, 66), (88, 66)] for s in range(15, 22)})
figure = plt.figure(figsize=(9, 4.2), facecolor="black", layout="constrained")
viewer = ct.show(ct.reorient("LIA"), fig=figure, link=True, window=400, level=40, overlay=region)
viewer.scene.step_slice(3)
viewer.update()
