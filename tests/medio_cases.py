"""What is done with medio's interface, to be run with medio itself and with imagedata.medio.

    python medio_cases.py MODULE FOLDER RESULT

MODULE is `medio` or `imagedata.medio`; FOLDER holds the input that `test_medio.py` made;
RESULT is a pickle: for each case what came out, or the built-in kinds of the error.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import itertools
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CODES = [
    "".join(code)
    for axes in itertools.permutations(("RL", "AP", "IS"))
    for code in itertools.product(*axes)
]
KINDS = (
    FileNotFoundError, FileExistsError, NotImplementedError, TypeError, ValueError, IndexError, LookupError,
)  # fmt: skip

Case = Callable[[Any, Path, Path], Any]


def described(array: np.ndarray, metadata: Any) -> dict[str, Any]:
    """What can be compared: values, type of values, affine, codes."""
    return {
        "array": np.array(array), "dtype": str(array.dtype), "affine": np.array(metadata.affine, float),
        "ornt": metadata.ornt if metadata.affine.shape == (4, 4) else None,
        "coord_sys": metadata.coord_sys, "spacing": np.array(metadata.spacing, float),
    }  # fmt: skip


def cases(folder: Path) -> Iterator[tuple[str, Case]]:
    """Name and function of each case."""
    volumes = sorted(p.name for p in folder.iterdir() if p.name.startswith("volume"))
    for name in volumes:
        for backend in (None, "itk", "nib", "pdcm"):
            if (backend == "nib") != (".nii" in name) and backend is not None:
                continue
            if backend == "pdcm" and "dicom" not in name:
                continue
            yield f"read {name} {backend}", lambda m, i, o, n=name, b=backend: described(
                *m.read_img(i / n, backend=b)
            )
            yield f"read {name} {backend} native", lambda m, i, o, n=name, b=backend: described(
                *m.read_img(i / n, backend=b, coord_sys=None)
            )
            for system, code in [("itk", c) for c in CODES[::5]] + [("nib", c) for c in CODES[::11]]:
                options = {"desired_ornt": code, "backend": backend, "coord_sys": system}
                yield f"read {name} {backend} {system} {code}", lambda m, i, o, n=name, k=options: described(
                    *m.read_img(i / n, **k)
                )
    for code in CODES:
        name = f"volume-{code}.nii"
        yield f"save {code} as nii", lambda m, i, o, n=name: saved(m, i / n, o / "out.nii")
        yield f"save {code} as nii.gz turned", lambda m, i, o, n=name: saved(
            m, i / n, o / "out.nii.gz", "SLP"
        )
        yield f"save {code} as nii turned, not back", lambda m, i, o, n=name: saved(
            m, i / n, o / "out.nii", "SLP", use_original_ornt=False
        )
        yield f"save {code} as dicom", lambda m, i, o, n=name: saved_dir(m, i / n, o / "out")
        yield f"save {code} as dicom, reoriented", lambda m, i, o, n=name: saved_dir(
            m, i / n, o / "out", allow_dcm_reorient=True
        )
    plain = "volume-RAI.nii"
    for name, key in {
        "slices": (slice(1, 3), slice(None, None, 2), slice(0, 4)), "ellipsis": (Ellipsis, slice(1, 4)),
        "fewer": (slice(1, 3),), "behind": (slice(-3, -1), slice(None), slice(-2, None)),
    }.items():  # fmt: skip
        yield f"cut {name}", lambda m, i, o, k=key: cut(m, i / plain, k)
    yield "absent", lambda m, i, o: m.read_img(i / "nothing.nii.gz")
    yield "absent dicom", lambda m, i, o: m.read_img(i / "nothing")
    yield "bad backend", lambda m, i, o: m.read_img(i / plain, backend="vtk")
    yield "bad coord_sys", lambda m, i, o: m.read_img(i / plain, coord_sys="lps")
    yield "several series", lambda m, i, o: m.read_img(i / "several")
    yield "several series, 0", lambda m, i, o: described(*m.read_img(i / "several", series=0))
    yield "several series, -1", lambda m, i, o: described(*m.read_img(i / "several", series=-1))
    yield "several series, 2", lambda m, i, o: m.read_img(i / "several", series=2)
    yield "several series, unknown", lambda m, i, o: m.read_img(i / "several", series="1.2.3")
    yield "uneven", lambda m, i, o: m.read_img(i / "uneven")
    yield "tilted", lambda m, i, o: m.read_img(i / "tilted")
    yield "tilted, dominant", lambda m, i, o: described(
        *m.read_img(i / "tilted", keep_dominant_geometry=True)
    )
    yield "folder exists", lambda m, i, o: m.save_dir(i / "several", *m.read_img(i / plain))
    yield "folder absent", lambda m, i, o: m.save_dir(o / "no" / "where", *m.read_img(i / plain))
    yield "parent absent", lambda m, i, o: m.save_img(o / "no" / "a.nii.gz", *m.read_img(i / plain))
    yield "metadata", lambda m, i, o: converted(m)
    yield "signatures", lambda m, i, o: signatures(m)
    yield from reading_cases()
    yield from writing_cases()
    yield from folder_cases()
    yield from dataset_cases()


def reading_cases() -> Iterator[tuple[str, Case]]:
    """Colour, two dimensions, many frames, headers."""
    names = ("colour.nii.gz", "colour.nrrd", "colour-dicom", "frames.dcm", "flat.png", "flat-colour.png",
             "flat.tif", "flat.bmp", "flat.mha", "grey.mha", "grey.nrrd", "one.dcm", "four.nii")  # fmt: skip
    for name in names:
        for axis in (-1, 0, 1, None):
            if axis in (0, 1) and "colour" not in name:
                continue
            yield f"read {name} {axis}", lambda m, i, o, n=name, a=axis: described(
                *m.read_img(i / n, channels_axis=a)
            )
        if "flat" not in name and "four" not in name:
            yield f"read {name} turned", lambda m, i, o, n=name: described(*m.read_img(i / n, "SLP"))
            yield f"meta {name}", lambda m, i, o, n=name: known(m.read_meta(i / n))
    for name in ("frames.dcm", "one.dcm", "colour-dicom", "volume-dicom-half"):
        yield f"read {name} pdcm", lambda m, i, o, n=name: described(*m.read_img(i / n, backend="pdcm"))
        yield f"meta {name} pdcm", lambda m, i, o, n=name: known(m.read_meta(i / n, backend="pdcm"))
    for name in ("opacity.nii", "opacity.png", "vectors.nrrd", "vectors.vtk"):
        for axis in (-1, 0, 1):
            yield f"read {name} {axis}", lambda m, i, o, n=name, a=axis: described(
                *m.read_img(i / n, channels_axis=a)
            )
    for name in ("five.nii", "four-of-one.nii", "vectors.nii", "one-slice.nii", "pair.hdr", "scaled-2.nii",
                 "scaled-half.nii", "scaled-double.nii", "sform-less.nii"):  # fmt: skip
        for backend in ("nib", "itk") if not name.startswith(("five", "vectors")) else ("nib",):
            yield f"kinds {name} {backend}", lambda m, i, o, n=name, b=backend: typed(
                *m.read_img(i / n, backend=b)
            )
    for name, backend in itertools.product(
        ("from-the-last.dcm", "unsorted.dcm", "jitter", "coronal", "oblique", "mirrored", "descending",
         "tilted-gantry", "several", "uneven", "twice"), ("itk", "pdcm"),
    ):  # fmt: skip
        options: list[dict[str, Any]] = [{}]
        if "." not in name:
            options += [{"validate_series": False}, {"keep_dominant_geometry": True}, {"series": 1}]
        for given in options:
            yield f"slices {name} {backend} {given}", lambda m, i, o, n=name, b=backend, g=given: described(
                *m.read_img(i / n, backend=b, **g)
            )
    for pattern in ("*", "*.dcm", "**/*.dcm", "below/*", "**/*"):
        yield f"glob {pattern} of folders", lambda m, i, o, g=pattern: described(
            *m.read_img(i / "deep", backend="pdcm", globber=g)
        )
    yield "pixel type", lambda m, i, o: typed(
        *m.read_img(i / "grey.nrrd", pixel_type=kind_of_itk("F"), fallback_only=False)
    )
    yield "pixel type, not needed", lambda m, i, o: typed(
        *m.read_img(i / "grey.nrrd", pixel_type=kind_of_itk("F"))
    )
    yield "type int32", lambda m, i, o: described(*m.read_img(i / "grey.nrrd", dtype="int32"))
    yield "glob", lambda m, i, o: described(
        *m.read_img(i / "volume-dicom", backend="pdcm", globber="0*")
    )
    yield "glob nothing", lambda m, i, o: m.read_img(i / "volume-dicom", backend="pdcm", globber="*.x")
    yield "no place", lambda m, i, o: m.read_img(i / "unplaced.dcm", backend="pdcm")
    yield "header one.dcm", lambda m, i, o: some(m.read_img(i / "one.dcm", header=True)[1].header)
    yield "header folder", lambda m, i, o: some(m.read_img(i / "volume-dicom", header=True)[1].header)
    yield "header nii", lambda m, i, o: {
        k: np.array(v, float) for k, v in m.read_img(i / "volume-RAI.nii", header=True)[1].header.items()
        if k in ("dim", "pixdim", "srow_x", "srow_y", "srow_z", "scl_slope", "bitpix", "sform_code")
    }  # fmt: skip
    yield "header png", lambda m, i, o: {"header": m.read_img(i / "flat.png", header=True)[1].header}


def writing_cases() -> Iterator[tuple[str, Case]]:
    """Every format, types, colour, options."""
    for suffix in ("mha", "nrrd", "vtk", "nii", "dcm", "DCM"):
        for dtype in ("u1", "i2", "u2"):
            yield f"save {dtype} as {suffix}", lambda m, i, o, s=suffix, d=dtype: saved_array(
                m, o / f"out.{s}", volume(m, d)
            )
        yield f"save colour as {suffix}", lambda m, i, o, s=suffix: saved_array(
            m, o / f"out.{s}", colours(m), channels_axis=-1
        )
        yield f"save colour, first axis, as {suffix}", lambda m, i, o, s=suffix: saved_array(
            m, o / f"out.{s}", colours(m, 0), channels_axis=0
        )
    for suffix in ("mha", "nrrd", "nii"):
        for dtype in ("i4", "f4", "f8"):
            yield f"save {dtype} as {suffix}", lambda m, i, o, s=suffix, d=dtype: saved_array(
                m, o / f"out.{s}", volume(m, d)
            )
        yield f"save compressed {suffix}", lambda m, i, o, s=suffix: saved_array(
            m, o / f"out.{s}", volume(m, "i2"), backend="itk", compression=True
        )
    for suffix in ("png", "tif", "mha", "nrrd", "dcm"):
        yield f"save flat {suffix}", lambda m, i, o, s=suffix: saved_array(m, o / f"out.{s}", flat(m))
        yield f"save flat colour {suffix}", lambda m, i, o, s=suffix: saved_array(
            m, o / f"out.{s}", flat(m, colour=True), channels_axis=-1
        )
    for code in CODES:
        yield f"save {code} as one dcm", lambda m, i, o, c=code: saved_array(
            m, o / "out.dcm", volume(m, "i2", c)
        )
        yield f"save {code} as one dcm, reoriented", lambda m, i, o, c=code: saved_array(
            m, o / "out.dcm", volume(m, "i2", c), allow_dcm_reorient=True
        )
    for suffix in ("nii", "nrrd", "vtk"):
        yield f"save opacity as {suffix}", lambda m, i, o, s=suffix: saved_array(
            m, o / f"out.{s}", opaque(m), channels_axis=-1
        )
    for suffix in ("nrrd", "mha", "vtk"):
        yield f"save vectors as {suffix}", lambda m, i, o, s=suffix: saved_array(
            m, o / f"out.{s}", (colours(m)[0].astype("f4"), volume(m, "u1")[1]), channels_axis=-1
        )
    yield "save flat opacity", lambda m, i, o: saved_array(
        m, o / "out.png", (opaque(m)[0][:, :, 0], m.MetaData(np.eye(3))), channels_axis=-1
    )
    for shape in ((4, 5, 6, 2), (4, 5, 6, 2, 3), (4, 5, 6, 1)):
        yield f"save {len(shape)} dimensions, {shape[-1]}", lambda m, i, o, s=shape: saved_array(
            m, o / "out.nii", (np.arange(np.prod(s)).reshape(s).astype("i2"), volume(m, "u1")[1])
        )
    yield "save vectors as nii", lambda m, i, o: saved_array(
        m, o / "out.nii", (colours(m)[0].astype("f4"), volume(m, "u1")[1]), channels_axis=-1
    )
    yield "save other suffix by nib", lambda m, i, o: saved_array(
        m, o / "out.nrrd", volume(m, "i2"), backend="nib"
    )
    yield "save dtype", lambda m, i, o: saved_array(m, o / "out.nii", volume(m, "i2"), dtype="uint8")
    yield "save new folder", lambda m, i, o: saved_array(
        m, o / "new" / "out.nii", volume(m, "i2"), mkdir=True
    )
    yield "save new folders", lambda m, i, o: saved_array(
        m, o / "new" / "er" / "out.nii", volume(m, "i2"), mkdir=True, parents=True
    )
    yield "save new folders, not", lambda m, i, o: saved_array(
        m, o / "new" / "er" / "out.nii", volume(m, "i2"), mkdir=True
    )
    yield "save unknown", lambda m, i, o: saved_array(m, o / "out.xyzw", volume(m, "i2"))
    yield "save pdcm", lambda m, i, o: saved_array(m, o / "out.dcm", volume(m, "i2"), backend="pdcm")
    yield "save nib option", lambda m, i, o: saved_array(m, o / "o.nii", volume(m, "i2"), compression=True)


def folder_cases() -> Iterator[tuple[str, Case]]:
    """`save_dir` and its options."""
    for dtype in ("u1", "i2", "u2"):
        yield f"folder {dtype}", lambda m, i, o, d=dtype: saved_folder(m, o / "out", volume(m, d))
    yield "folder colour", lambda m, i, o: saved_folder(m, o / "out", colours(m), channels_axis=-1)
    yield "folder pattern", lambda m, i, o: {
        **saved_folder(m, o / "out", volume(m, "i2"), pattern="s_{:03d}.dcm"),
        "names": sorted(p.name for p in (o / "out").iterdir()),
    }
    yield "folder names", lambda m, i, o: {
        **saved_folder(m, o / "out", volume(m, "i2")),
        "names": sorted(p.name for p in (o / "out").iterdir()),
    }
    for pattern in ("x{}", "x{:d}.img", "IM{0}.dcm", "{:02d}"):
        yield f"folder pattern {pattern}", lambda m, i, o, p=pattern: {
            **saved_folder(m, o / "out", volume(m, "i2"), pattern=p),
            "names": sorted(p.name for p in (o / "out").iterdir()),
        }
    yield "folder type", lambda m, i, o: {
        "type": saved_folder(m, o / "out", volume(m, "i2"))["dtype"].lstrip("<=>")
    }
    given = {"0010|0010": "Somebody^Else", "0010|0020": "77", "0018|0050": "2.5", "0008|103e": "a text",
             "0008|0060": "MR", "0020|000e": "1.2.826.0.1.55",
             "0008|0016": "1.2.840.10008.5.1.4.1.1.4"}  # fmt: skip
    yield "folder elements", lambda m, i, o: elements(m, o / "out", given)
    yield "folder elements pdcm", lambda m, i, o: {
        **saved_folder(m, o / "out", volume(m, "i2"), metadata_dict=given), "again": described(
            *m.read_img(o / "out", backend="pdcm"))["array"],
    }  # fmt: skip
    for exist_ok in (True, False):
        yield f"folder again, {exist_ok}", lambda m, i, o, e=exist_ok: {
            "first": saved_folder(m, o / "out", volume(m, "i2"))["array"],
            **saved_folder(m, o / "out", volume(m, "u1"), exist_ok=e),
        }
    yield "folder deep", lambda m, i, o: saved_folder(m, o / "a" / "b", volume(m, "i2"), parents=True)
    yield "folder one slice", lambda m, i, o: saved_folder(
        m, o / "out", (volume(m, "i2")[0][..., :1], volume(m, "i2")[1])
    )


def dataset_cases() -> Iterator[tuple[str, Case]]:
    """pydicom's datasets."""
    def load(m: Any, name: str) -> Any:
        return importlib.import_module(f"{m.__name__}.{name}")

    yield "slices", lambda m, i, o: {
        "numbers": sorted(int(d.InstanceNumber) for d in load(m, "backends.pdcm_io").PdcmIO.extract_slices(
            i / "volume-dicom"))
    }  # fmt: skip
    yield "unpack one", lambda m, i, o: unpacked(m, load, i / "one.dcm")
    yield "unpack frames", lambda m, i, o: unpacked(m, load, i / "frames.dcm")
    yield "frames as one", lambda m, i, o: as_one(m, load, i / "frames.dcm")
    yield "array into a file", lambda m, i, o: into_file(m, load, i / "one.dcm", o / "out.dcm", "u2")
    yield "array into a file, kept", lambda m, i, o: into_file(
        m, load, i / "one.dcm", o / "out.dcm", "u2", keep_rescale=True
    )
    yield "array into frames", lambda m, i, o: into_file(
        m, load, i / "frames.dcm", o / "out.dcm", "u2", keep_rescale=True
    )


def kind_of_itk(name: str) -> Any:
    """A type of ITK."""
    import itk

    return getattr(itk, name)


def typed(array: np.ndarray, metadata: Any) -> dict[str, Any]:
    """The same with the type of values."""
    return {**described(array, metadata), "type": str(np.asarray(array).dtype).lstrip("<=>")}


def known(metadata: Any) -> dict[str, Any]:
    """What can be compared of metadata alone."""
    return {"affine": np.array(metadata.affine, float), "ornt": metadata.ornt,
            "shape": tuple(int(n) for n in metadata.spatial_shape)}  # fmt: skip


def some(header: Any) -> dict[str, Any]:
    """Elements of a header, without the blanks that pad them."""
    keys = ("0008|0060", "0010|0010", "0020|0013", "0028|0010", "0028|0030", "0020|0032")
    return {key: str(header[key]).strip() for key in keys}


PUBLIC = {
    "": ("read_img", "read_meta", "save_img", "save_dir", "Affine", "MetaData", "MedImg"),
    "metadata.affine": (
        "Affine.index2coord", "Affine.clone", "Affine.construct_affine", "Affine.affine2origin",
        "Affine.affine2spacing", "Affine.affine2direction", "Affine.affine2comps",
    ),
    "metadata.metadata": (
        "MetaData.get_ornt", "MetaData.convert", "MetaData.clone", "MetaData.is_right_handed_ornt",
        "MetaData.check_valid_coord_sys", "is_right_handed_axcodes", "flip_last_axcodes", "check_dcm_ornt",
    ),
    "metadata.convert_nib_itk": ("inv_axcodes", "convert_affine", "convert_nib_itk"),
    "metadata.itk_orientation": ("itk_orientation_code",),
    "metadata.pdcm_ds": ("convert_ds", "MultiFrameFileDataset.slice_position"),
    "medimg.medimg": ("MedImg.from_file", "MedImg.save"),
    "backends.itk_io": tuple(f"ItkIO.{name}" for name in (
        "read_img", "read_meta", "save_img", "prepare_image", "save_dcm_dir", "prepare_dcm_array",
        "extract_series", "from_itk_img", "to_itk_img", "read_img_file", "read_dir", "save_img_file",
        "itk_img_to_array", "array_to_itk_img", "unpack_img", "pack2img", "get_img_aff", "set_img_aff",
        "reorient",
    )),
    "backends.nib_io": tuple(f"NibIO.{name}" for name in (
        "read_img", "read_meta", "save_img", "reorient", "unravel_array", "pack_channeled_img",
    )),
    "backends.pdcm_io": tuple(f"PdcmIO.{name}" for name in (
        "read_img", "read_meta", "read_dcm_file", "read_dcm_dir", "extract_slices",
        "extract_slices_no_pixels", "aff2meta", "move_channels_axis", "reorient", "save_arr2dcm_file",
    )),
    "backends.pdcm_unpack_ds": ("affine_from_dataset", "unpack_dataset"),
    "utils.files": ("is_file_suffix", "is_nifti", "is_dicom", "make_empty_dir", "make_dir",
                    "parse_series_uids"),
    "utils.explicit_slicing": ("explicit_inds",),
    "utils.dcm_series": ("SliceGeometry", "select_dominant", "validate_series"),
}  # fmt: skip
"""What programs call, by module."""


def signatures(m: Any) -> dict[str, Any]:
    """Names, kinds and defaults of arguments; a default that is an object of ITK by its presence."""
    found = {}
    for module, names in PUBLIC.items():
        home = importlib.import_module(f"{m.__name__}.{module}" if module else m.__name__)
        for name in names:
            function = functools.reduce(getattr, name.split("."), home)
            found[f"{module}.{name}"] = [
                [p.name, str(p.kind), "none" if p.default is p.empty else shown(p.default)]
                for p in inspect.signature(function).parameters.values()
                if p.kind is not p.VAR_KEYWORD and p.name not in ("pattern", "metadata_dict")
            ]
    return found


def shown(default: Any) -> str:
    """A default value; a type of values is one of ITK's there, and None here."""
    return repr(None) if "itkCType" in repr(default) else repr(default)


def volume(m: Any, dtype: str, code: str = "RAI") -> tuple[np.ndarray, Any]:
    """Unique values and a place."""
    affine = np.eye(4)
    affine[:3, 3] = -20, 7, 11
    for column, letter in enumerate(code):
        row = next(r for r, sides in enumerate(("RL", "AP", "IS")) if letter in sides)
        affine[:3, column] = 0
        affine[row, column] = (1.5, 2, 3)[column] * (1 if letter in "RAI" else -1)
    return np.arange(120).reshape(4, 5, 6).astype(dtype), m.MetaData(affine)


def colours(m: Any, axis: int = -1) -> tuple[np.ndarray, Any]:
    """The same, in colour."""
    array = (np.arange(360).reshape(4, 5, 6, 3) % 251).astype(np.uint8)
    return np.moveaxis(array, -1, axis), volume(m, "u1")[1]


def opaque(m: Any) -> tuple[np.ndarray, Any]:
    """Colour and opacity."""
    return (np.arange(480).reshape(4, 5, 6, 4) % 251).astype(np.uint8), volume(m, "u1")[1]


def flat(m: Any, *, colour: bool = False) -> tuple[np.ndarray, Any]:
    """An image without slices."""
    shape = (4, 5, 3) if colour else (4, 5)
    return np.arange(np.prod(shape)).reshape(shape).astype(np.uint8), m.MetaData(np.eye(3))


def saved_array(m: Any, target: Path, image: tuple[np.ndarray, Any], **options: Any) -> dict[str, Any]:
    """Write and read."""
    m.save_img(target, *image, **options)
    return described(*m.read_img(target))


def saved_folder(m: Any, target: Path, image: tuple[np.ndarray, Any], **options: Any) -> dict[str, Any]:
    """Write a folder and read it."""
    m.save_dir(target, *image, **options)
    return described(*m.read_img(target))


def elements(m: Any, target: Path, given: dict[str, str]) -> dict[str, Any]:
    """Elements that were given, as pydicom reads them."""
    import pydicom

    m.save_dir(target, *volume(m, "i2"), metadata_dict=given)
    dataset = pydicom.dcmread(target / "IM3.dcm")
    found = {key: str(dataset[int(key.replace("|", ""), 16)].value) for key in given}
    return {**found, "number": str(dataset.InstanceNumber), "place": list(map(float, dataset[0x200032]))}


def unpacked(m: Any, load: Any, path: Path) -> dict[str, Any]:
    """Array and affine of a dataset."""
    import pydicom

    dataset = load(m, "metadata.pdcm_ds").convert_ds(pydicom.dcmread(path))
    array, affine = load(m, "backends.pdcm_unpack_ds").unpack_dataset(dataset)
    return {"array": np.array(array), "affine": np.array(affine, float), "type": str(affine.dtype)}


def as_one(m: Any, load: Any, path: Path) -> dict[str, Any]:
    """What a dataset of frames says when it is asked as one slice."""
    import pydicom

    dataset = load(m, "metadata.pdcm_ds").convert_ds(pydicom.dcmread(path))
    names = ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness",
             "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept")  # fmt: skip
    found = {name: np.atleast_1d(np.array(getattr(dataset, name), float)) for name in names}
    found["places"] = np.array(dataset.slice_positions(), float)
    dataset.del_intensity_trans()
    return {**found, "left": "PixelValueTransformationSequence" in dataset.SharedFunctionalGroupsSequence[0]}


def into_file(
    m: Any, load: Any, template: Path, target: Path, dtype: str, **options: Any
) -> dict[str, Any]:
    """An array in place of the pixels of a file."""
    import pydicom

    shape = pydicom.dcmread(template).pixel_array.shape
    array = (np.arange(np.prod(shape)) * 3).reshape(shape).astype(dtype)
    load(m, "backends.pdcm_io").PdcmIO.save_arr2dcm_file(target, template, array, **options)
    dataset = pydicom.dcmread(target)
    return {"array": dataset.pixel_array, "rescale": "RescaleSlope" in dataset, "who": str(dataset.PatientID)}


def saved(m: Any, source: Path, target: Path, code: str | None = None, **options: Any) -> Any:
    """Read, write, and read what was written."""
    array, metadata = m.read_img(source, code)
    m.save_img(target, array, metadata, **options)
    return described(*m.read_img(target))


def saved_dir(m: Any, source: Path, target: Path, **options: Any) -> Any:
    """The same, as a folder of DICOM files."""
    array, metadata = m.read_img(source)
    m.save_dir(target, array.astype(np.int16), metadata, **options)
    return described(*m.read_img(target))


def cut(m: Any, source: Path, key: Any) -> Any:
    """A part of an image."""
    part = m.MedImg.from_file(source)[key]
    return described(part.np_image, part.metadata)


def converted(m: Any) -> Any:
    """Metadata alone, in both systems."""
    found = []
    for code in CODES:
        affine = np.eye(4)
        for column, letter in enumerate(code):
            row = next(r for r, sides in enumerate(("RL", "AP", "IS")) if letter in sides)
            affine[:3, column] = 0
            affine[row, column] = 2 if letter in "RAI" else -2
        metadata = m.MetaData(affine, code, "itk")
        before = (metadata.ornt, bool(metadata.is_right_handed_ornt()))
        metadata.convert("nib")
        found.append((*before, metadata.ornt, metadata.orig_ornt, np.array(metadata.affine).tolist()))
    return {"found": found}


def main(name: str, folder: Path) -> dict[str, Any]:
    """Run each case; an error stands as the names of the built-in kinds that it is."""
    module = importlib.import_module(name)
    results: dict[str, Any] = {}
    for case, function in cases(folder):
        with tempfile.TemporaryDirectory() as output, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                results[case] = function(module, folder, Path(output))
            except Exception as error:  # noqa: BLE001 - whatever medio raises is the result
                kinds = [kind.__name__ for kind in KINDS if isinstance(error, kind)]
                results[case] = {"error": kinds, "text": str(error)[:300]}
    return results


def plain(value: Any) -> Any:
    """Results as JSON has them."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        kind = "fields" if value.dtype.names else value.dtype.str
        content = [value[name].tolist() for name in value.dtype.names or ()] or value.tolist()
        if value.dtype.kind == "c":
            content = [value.real.tolist(), value.imag.tolist()]
        return {"array of": kind, "names": value.dtype.names, "content": content, "shape": value.shape}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [plain(part) for part in value]}
    return value.item() if isinstance(value, np.generic) else value


def unplain(value: Any) -> Any:
    """The results again."""
    if not isinstance(value, dict):
        return value
    if "array of" in value:
        if value["names"]:
            array = np.empty(value["shape"], [(name, "u1") for name in value["names"]])
            for name, content in zip(value["names"], value["content"], strict=True):
                array[name] = content
            return array
        if np.dtype(value["array of"]).kind == "c":
            return np.array(value["content"][0]) + 1j * np.array(value["content"][1])
        return np.array(value["content"], value["array of"]).reshape(value["shape"])
    if set(value) in ({"list"}, {"tuple"}):
        made = [unplain(part) for part in next(iter(value.values()))]
        return tuple(made) if "tuple" in value else made
    return {key: unplain(part) for key, part in value.items()}


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        outcome = main(sys.argv[1], Path(sys.argv[2]))
    Path(sys.argv[3]).write_bytes(pickle.dumps(outcome))
