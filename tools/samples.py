"""Make the files of imagedata/samples from data/.

    python tools/samples.py

The archives hold the files of data/dicom, one folder each. Needs NumPy, pydicom, Pillow and SimpleITK.
"""

from __future__ import annotations

import importlib.util
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
FILES = REPOSITORY / 'imagedata' / 'samples' / 'files'


def generator() -> Any:
    """Return the module data/generate.py."""
    spec = importlib.util.spec_from_file_location('sample_data', REPOSITORY / 'data' / 'generate.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pack(folder: Path, target: Path) -> None:
    """Pack the files of a folder, without what the machine would add: dates, owners."""
    with tarfile.open(target, 'w:xz', preset=9) as archive:
        for file in sorted(folder.iterdir()):
            content = file.read_bytes()
            member = tarfile.TarInfo(file.name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_labels(values: Any, affine: Any, target: Path) -> None:
    """Write a MetaImage; `affine` is to LPS, of (slice, row, column)."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(values)
    columns = affine[:3, [2, 1, 0]]
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((columns / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    SimpleITK.WriteImage(image, str(target), useCompression=True)


def main() -> None:
    """Write all files."""
    import PIL.Image

    FILES.mkdir(exist_ok=True)
    for folder in sorted((REPOSITORY / 'data' / 'dicom').iterdir()):
        pack(folder, FILES / f'{folder.name}.tar.xz')
    sample = generator()
    PIL.Image.fromarray(sample.picture()).save(FILES / 'picture.png', optimize=True)
    write_labels(*sample.labels(), FILES / 'labels.mha')
    print(sum(file.stat().st_size for file in FILES.iterdir()), 'bytes in', FILES)


if __name__ == '__main__':
    main()
