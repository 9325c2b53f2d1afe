"""How long the interface of medio takes here, and with medio 0.7.1 itself.

    python benchmarks/medio.py [--medio PYTHON] [--rounds COUNT]

A volume of 512 x 512 x 300 voxels, int16, is read from MetaImage, NIfTI and a folder of DICOM files, and
turned to another order of axes. Times are those of the processor: other programs may run beside.
`--medio` is the Python of another environment, with medio==0.7.1 in it. Each round runs both, one after
the other. Copying the view that is given here into memory of its own is timed as well, as a program may
need it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SHAPE = (300, 512, 512)
CODE = "SAR"

PROGRAM = """
import importlib, json, sys, time, warnings
warnings.simplefilter('ignore')
medio = importlib.import_module(sys.argv[1])
import numpy as np
folder, code = sys.argv[2:]
found, check = {}, []
def timed(name, function):
    start = time.process_time()
    result = function()
    found[name] = time.process_time() - start
    check.append([int(result[::50, ::50, ::50].astype(np.int64).sum()), list(result.shape)])
for name in ('volume.mha', 'volume.nii', 'volume.nii.gz', 'folder'):
    medio.read_img(f'{folder}/{name}')
    timed(f'read {name}', lambda: medio.read_img(f'{folder}/{name}')[0])
name = f'{folder}/volume.mha'
timed('read and turn', lambda: medio.read_img(name, code)[0])
timed('read, turn and copy', lambda: np.ascontiguousarray(medio.read_img(name, code)[0]))
found['check'] = check
print(json.dumps(found))
"""


def run(python: str, module: str, folder: Path) -> dict[str, float]:
    """Return the times of one process, in s."""
    command = [python, "-c", PROGRAM, module, str(folder), CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the shortest time of each step."""
    import numpy as np
    import SimpleITK

    import imagedata.medio

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--medio", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    programs = {"imagedata.medio": sys.executable, **({"medio": given.medio} if given.medio else {})}
    with tempfile.TemporaryDirectory() as folder:
        values = (np.arange(np.prod(SHAPE), dtype=np.int64) % 30011).astype(np.int16).reshape(SHAPE)
        for name in ("volume.mha", "volume.nii", "volume.nii.gz"):
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(Path(folder, name)))
        metadata = imagedata.medio.MetaData(np.eye(4))
        imagedata.medio.save_dir(Path(folder, "folder"), values.T, metadata)
        results: dict[str, list[dict[str, float]]] = {module: [] for module in programs}
        for _ in range(given.rounds):
            for module, python in programs.items():
                results[module].append(run(python, module, Path(folder)))
    assert len({str(rounds[0]["check"]) for rounds in results.values()}) == 1
    for step in (name for name in results["imagedata.medio"][0] if name != "check"):
        best = {module: min(round_[step] for round_ in rounds) for module, rounds in results.items()}
        times = "   ".join(f"{module} {seconds:8.4f} s" for module, seconds in best.items())
        ratio = f"   {best['medio'] / best['imagedata.medio']:6.1f} x" if given.medio else ""
        print(f"{step:20} {times}{ratio}")


if __name__ == "__main__":
    main()
