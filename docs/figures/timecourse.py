"""The mean of a region over time, with its spread."""

import matplotlib.pyplot as plt

from imagedata import Series
from imagedata.roi import Ellipse

a = Series("../../data/dicom/time", "time")
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for name, region in [("one region", Ellipse(29, 55, 4, 6)), ("another", Ellipse(53, 42, 5, 4))]:
    a.timecourse(a.mask_from_vertices({4: region})).plot(axes)
    axes.lines[-1].set_label(name)
axes.legend(frameon=False)
