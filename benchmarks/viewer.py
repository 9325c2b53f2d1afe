"""How long a step of the wheel takes in the viewer, beside that of the incumbent imagedata 3.10.

    python benchmarks/viewer.py [--incumbent PYTHON]

The series has 10 times and 300 slices of 512 x 512 voxels, the window 1000 x 1000 pixels in memory (Agg).
A step is everything from the event to the last pixel. Time is that of the processor, which other
programs on the machine do not lengthen. `--incumbent` is the Python of another environment, with
imagedata==3.10.0 in it; it gets one time, because it copies the array.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np

TIMES, SLICES, SIDE, STEPS = 10, 300, 512, 40


def measure(times: int) -> float:
    """Return the median time of a step, in ms."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.backend_bases import MouseEvent

    from imagedata import Series
    from imagedata.viewer import Viewer

    volume = np.random.default_rng(0).integers(0, 4000, (SLICES, SIDE, SIDE), dtype=np.int16)
    # The times share their memory: a step looks at one image only.
    a = Series(np.broadcast_to(volume, (times, *volume.shape)), "time") if times > 1 else Series(volume)
    a.windowCenter, a.windowWidth = 2000, 4000
    fig, ax = plt.subplots(1, 1, squeeze=False, figsize=(10, 10), dpi=100)
    viewer = Viewer([a], fig=fig, ax=ax)
    viewer.connect()
    fig.canvas.draw()
    x, y = ax[0, 0].transAxes.transform((0.5, 0.5))
    spent = []
    for i in range(STEPS):
        event = MouseEvent("scroll_event", fig.canvas, x, y, step=1 if i % 20 < 10 else -1)
        start = time.process_time()
        event._process()
        fig.canvas.flush_events()
        spent.append(time.process_time() - start)
    return 1000 * statistics.median(spent)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--incumbent", help="Python with imagedata==3.10.0")
    parser.add_argument("--times", type=int, default=TIMES, help=argparse.SUPPRESS)
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(measure(given.times))
        return
    print(f"wheel step, imagedata: {measure(given.times):.1f} ms")
    if given.incumbent:
        command = [given.incumbent, __file__, "--only", "--times", "1"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"wheel step, imagedata 3.10: {float(run.stdout.split()[-1]):.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
