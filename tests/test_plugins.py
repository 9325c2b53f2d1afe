"""Plugins: found, checked, skipped with a warning, asked in the right order; old ones adapted."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import imagedata
from imagedata import Series, archives, errors, formats, registry, transports
from imagedata.archives.abstractarchive import AbstractArchive, filled
from imagedata.cli.main import main
from imagedata.formats.contract import Capabilities, Format, ReadRequest, ReadResult, Source, WriteRequest
from imagedata.header import Identity, SeriesData, default_header

CACHED = ("_entries", "_states", "_loaded", "_warn", "plugin_list", "plugin_table", "_instance")
Install = Callable[..., None]

PLAIN = """
    import json
    import numpy as np
    from imagedata.formats.contract import Format, ReadResult
    from imagedata.header import Identity, SeriesData, default_header

    class Plain(Format):
        name = 'plain'
        description = 'Numbers in JSON'
        extensions = ('.plain',)
        requires = {'no_such_module': 'plain[more]'}
        def identifies(self, name, head):
            return head.startswith(b'[[')
        def read(self, sources, request):
            series = []
            for source in sources:
                with source.open() as file:
                    try:
                        array = np.array(json.load(file)) + 0
                    except ValueError as error:
                        from imagedata.errors import CorruptFileError
                        raise CorruptFileError(f'{source.name} is damaged: {error}') from error
                series.append(SeriesData(array, default_header(array.shape), Identity()))
            return ReadResult(series)
        def write(self, data, request):
            name = request.filename or 'Image.plain'
            (request.folder / name).write_text(json.dumps(data.array[0].tolist()))
            return [name]
"""

OLD = """
    import numpy as np
    from imagedata.axis import UniformLengthAxis
    from imagedata.formats import NotImageError
    from imagedata.formats.abstractplugin import AbstractPlugin

    class Old(AbstractPlugin):
        name = 'old'
        description = 'An old one'
        authors = version = url = ''
        def __init__(self):
            super().__init__(self.name, self.description, self.authors, self.version, self.url)
        def _read_image(self, f, opts, hdr):
            data = f.read()
            if not data.startswith(b'OLD'):
                raise NotImageError('no OLD at its beginning')
            if hdr.input_order == 'auto':
                hdr.input_order = 'none'
            return {'n': len(data)}, np.frombuffer(data[3:], np.uint8).reshape(2, 3, 4)
        def _set_tags(self, image_list, hdr, si):
            names = ['slice', 'row', 'column']
            if si.ndim > 3:
                names.insert(0, hdr.input_order)
            hdr.axes = [UniformLengthAxis(n, 0, k) for n, k in zip(names, si.shape)]
            hdr.spacing = (5, 2, 1)
            hdr.orientation = np.array([0, 0, 1, 0, 1, 0])
            hdr.imagePositions = {0: np.array([30.0, 20.0, 10.0]), 1: np.array([35.0, 20.0, 10.0])}
            hdr.patientID = 'P7'
            hdr.dicomToDo.append((0x00180081, 12.5, None, None))
        def write_3d_numpy(self, si, destination, opts):
            archive = destination['archive']
            archive.set_member_naming_scheme('Image.old', 0, '.old', ['.old'])
            with archive.open(archive.construct_filename(None), 'wb') as f:
                f.write(b'OLD' + si.tobytes())
        def write_4d_numpy(self, si, destination, opts):
            archive = destination['archive']
            archive.set_member_naming_scheme('Image_{:05d}.old', 1, '.old', ['.old'])
            for i in range(si.shape[0]):
                with archive.open(archive.construct_filename((i,)), 'wb') as f:
                    f.write(b'OLD' + si[i].tobytes())
"""


def forget() -> None:
    for name in CACHED:
        getattr(registry, name).cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """A function that installs a package with one plugin, for the time of a test."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules = []

    def add(package: str, entry: str, target: str, code: str) -> None:
        module = target.split(":")[0]
        modules.append(module)
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[imagedata_plugins]\n{entry} = {target}\n")
        forget()

    yield add
    forget()
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def new(install: Install) -> None:
    install("plain", "plainformat", "plain_plugin:Plain", PLAIN)


@pytest.fixture
def old(install: Install) -> None:
    install("old", "oldformat", "old_plugin:Old", OLD)


# --- the registry -----------------------------------------------------------------------------------


def test_a_new_plugin_reads_and_writes(new: None, tmp_path: Path) -> None:
    (tmp_path / "a.plain").write_text("[[1, 2], [3, 4]]")
    np.testing.assert_array_equal(Series(tmp_path / "a.plain"), [[1, 2], [3, 4]])
    Series(np.array([[5, 6]])).write(tmp_path / "b", formats=".plain")
    assert (tmp_path / "b.plain").read_text() == "[[5, 6]]"
    assert ("plainformat", "plain") in [row[:2] for row in imagedata.plugins["format"]]
    assert formats.find_plugin("plain").name == "plain"


def test_what_a_plugin_need_not_do(new: None, tmp_path: Path) -> None:
    """It gives an array of any type, and a header without its name: both are as with other formats."""
    (tmp_path / "a.plain").write_text("[[1, 2], [3, 300]]")
    series = Series(tmp_path / "a.plain")
    assert series.input_format == "plain"
    assert series.explain().startswith("read by the format plain")
    assert Series(tmp_path / "a.plain", dtype="f4").dtype == np.float32
    with pytest.raises(errors.DataTypeError, match="do not fit uint8"):
        Series(tmp_path / "a.plain", dtype="u1")



@pytest.mark.parametrize(
    ("code", "target", "words"),
    [
        ("import no_such_module", "broken:X", ["brokenformat (broken:X, of bad 1.0)", "ModuleNotFoundError"]),
        ("raise SystemError('on import')", "broken:X", ["SystemError: on import"]),
        ("class Y: pass", "broken:X", ["AttributeError"]),
        ("class X: pass", "broken:X", ["plugin_type is None"]),
        ("class X:\n    plugin_type = 'format'\n    name = 'x'", "broken:X", ["lacks", "extensions", "read"]),
        ("class X:\n    plugin_type = 'transport'", "broken:X", ["'transport'", "says format"]),
        (PLAIN.replace("'plain'", "'nifti'"), "broken:Plain", ["'nifti' is taken", "NiftiPlugin"]),
        (OLD.replace("__init__(self):", "__init__(self, more):"), "broken:Old", ["old", "TypeError"]),
    ],
    ids=["import", "any error", "no class", "no kind", "lacks", "other kind", "duplicate", "arguments"],
)
def test_a_bad_plugin_is_skipped_and_breaks_no_other(
    code: str, target: str, words: list[str], install: Install, tmp_path: Path
) -> None:
    install("bad", "brokenformat", target, code)
    with pytest.warns(errors.PluginWarning) as caught:
        Series(np.zeros((2, 3, 4))).write(tmp_path / "a.nii.gz")
    assert len(caught) == 1
    for word in ("broken", *words):
        assert word in str(caught[0].message)
    # Once is enough.
    assert Series(tmp_path / "a.nii.gz").shape == (2, 3, 4)


def test_kinds_are_loaded_when_needed(install: Install, tmp_path: Path) -> None:
    install("bad", "brokentransport", "broken:X", "raise SystemError('on import')")
    formats.get_plugins_list()
    with pytest.warns(errors.PluginWarning, match="brokentransport"):
        transports.get_transporter_list()


def test_entry_points_of_two_packages_may_share_their_name(install: Install) -> None:
    install("plain", "sameformat", "plain_plugin:Plain", PLAIN)
    install("old", "sameformat", "old_plugin:Old", OLD)
    assert {"plain", "old"} <= {name for _, name, _ in formats.get_plugins_list()}


def test_a_plugin_that_a_program_appends(tmp_path: Path) -> None:
    class Own(Format):
        name, description, extensions = "own", "", (".own",)

        def read(self, sources: list[Source], request: ReadRequest) -> ReadResult:
            array = np.ones((2, 2))
            return ReadResult([SeriesData(array, default_header(array.shape), Identity())])

    (tmp_path / "a.own").write_bytes(b"x")
    row = ("ownformat", "own", Own)
    imagedata.plugins["format"].append(row)
    try:
        assert Series(tmp_path / "a.own").shape == (2, 2)
        with pytest.raises(errors.WriteNotImplemented, match="own is read only"):
            Series(tmp_path / "a.own").write(tmp_path / "b.own")
    finally:
        imagedata.plugins["format"].remove(row)


def test_import_loads_no_plugin() -> None:
    code = "import imagedata, sys; print([m for m in sys.modules if m.startswith('imagedata.legacy')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- which format reads a file ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nii", "a.dcm", "a.plain", "a.txt", "a"])
def test_content_comes_before_the_name(name: str, new: None, tmp_path: Path) -> None:
    (tmp_path / name).write_text("[[1, 2], [3, 4]]")
    np.testing.assert_array_equal(Series(tmp_path / name), [[1, 2], [3, 4]])


@pytest.mark.parametrize("name", ["a.plain", "a.dcm", "a.IMA", "b"])
def test_nifti_under_other_names(name: str, new: None, tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    Series(values).write(tmp_path / "a.nii.gz")
    (tmp_path / "a.nii.gz").rename(tmp_path / name)
    np.testing.assert_array_equal(Series(tmp_path / name), values)


def test_nifti_named_as_dicom_beside_dicom_is_no_damaged_image(tmp_path: Path, sample_data: Path) -> None:
    image = min(sample_data.rglob("*.dcm"))
    (tmp_path / image.name).write_bytes(image.read_bytes())
    Series(np.zeros((2, 3, 4), np.int16)).write(tmp_path / "a.nii")
    (tmp_path / "a.nii").rename(tmp_path / "zzz.dcm")
    with pytest.raises(errors.MultipleSeriesError, match="2 series"):
        Series(tmp_path)
    (tmp_path / "zzz.dcm").write_bytes(b"no image")
    with pytest.raises(errors.CorruptFileError, match="not DICOM, as its name says"):
        Series(tmp_path)


def test_no_fall_through_for_a_format_that_identifies_itself(new: None, old: None, tmp_path: Path) -> None:
    (tmp_path / "a.old").write_text("[[1, 2], [3,")
    with pytest.raises(errors.CorruptFileError, match=r"a\.old is damaged"):
        Series(tmp_path / "a.old")


def test_what_a_plugin_did_not_catch_names_the_file(new: None, tmp_path: Path) -> None:
    (tmp_path / "a.plain").write_text('{"a": 1}')
    with pytest.raises(errors.CorruptFileError, match=r"a\.plain is damaged, or the plugin plain has"):
        Series(tmp_path / "a.plain", dtype="f4")


def test_input_format_asks_nobody_else(new: None, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[[1]]")
    with pytest.raises(errors.UnknownInputError, match=r"tried: nifti\)"):
        Series(tmp_path / "a", input_format="nifti")
    assert Series(tmp_path / "a", input_format=".plain").shape == (1, 1)
    with pytest.raises(errors.FormatPluginNotFound, match="'nonsense'"):
        Series(tmp_path / "a", input_format="nonsense")


def test_what_was_tried_and_what_would_help(new: None, old: None, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a text about images")
    with pytest.raises(errors.UnknownInputError) as caught:
        Series(tmp_path / "a.txt")
    for word in ("dicom", "nifti", "plain", "old", "a.txt", "no OLD at its beginning"):
        assert word in str(caught.value)


def test_the_extra_that_would_read_it(install: Install, tmp_path: Path) -> None:
    left = PLAIN.replace("head.startswith(b'[[')", "False").replace(
        "series = []", "return ReadResult([], [(s, 'no_such_module is missing') for s in sources])"
    )
    install("plain", "plainformat", "plain_plugin:Plain", left)
    (tmp_path / "a.plain").write_bytes(b"x")
    with pytest.raises(errors.UnknownInputError, match=r"pip install 'plain\[more\]' \(plain\)"):
        Series(tmp_path / "a.plain")


def test_used_files_are_not_left_out(tmp_path: Path) -> None:
    class Pair(Format):
        name, description, extensions = "pair", "", (".head",)

        def identifies(self, name: str, head: bytes) -> bool:
            return head == b"PAIR"

        def read(self, sources: list[Source], request: ReadRequest) -> ReadResult:
            assert [s.basename for s in sources] == ["a.head"]
            array = np.ones((2, 2))
            beside = sources[0].beside("a.body")
            return ReadResult(
                [SeriesData(array, default_header(array.shape), Identity())], used=[beside.name]
            )

    for name, content in (("a.head", b"PAIR"), ("a.body", b"1111"), ("c.txt", b"text")):
        (tmp_path / name).write_bytes(content)
    row = ("pairformat", "pair", Pair)
    imagedata.plugins["format"].append(row)
    try:
        told = Series(tmp_path).explain()
    finally:
        imagedata.plugins["format"].remove(row)
    assert "c.txt" in told
    assert "a.body" not in told


@pytest.mark.parametrize(
    ("able", "shape", "word"),
    [
        (Capabilities(writes=False), (2, 3, 4), "read only"),
        (Capabilities(dimensions=3), (2, 2, 3, 4), "3 dimensions at most, not 4"),
        (Capabilities(dimensions=2), (2, 3, 4), "2 dimensions at most, not 3"),
    ],
)
def test_capabilities_are_kept(able: Capabilities, shape: tuple[int, ...], word: str, tmp_path: Path) -> None:
    class Small(Format):
        name, description, extensions, capabilities = "small", "", (".small",), able

        def read(self, sources: list[Source], request: ReadRequest) -> ReadResult:
            return ReadResult([])

        def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
            raise AssertionError("it is not asked")

    row = ("smallformat", "small", Small)
    imagedata.plugins["format"].append(row)
    try:
        with pytest.raises(errors.WriteNotImplemented, match=word):
            Series(np.zeros(shape)).write(tmp_path / "a.small")
    finally:
        imagedata.plugins["format"].remove(row)
    assert not list(tmp_path.iterdir())


# --- plugins of imagedata 3 -------------------------------------------------------------------------

BODY = bytes(range(24))


def test_old_format_without_extensions(old: None, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"OLD" + BODY)
    series = Series(tmp_path / "image")
    np.testing.assert_array_equal(series, np.arange(24).reshape(2, 3, 4))
    assert series.input_format == "old"
    assert series.patientID == "P7"
    assert series.getDicomAttribute("EchoTime") == 12.5
    # (slice, row, column) 1, 2, 3 is at z 30 + 5, y 20 + 2 * 2, x 10 + 3 * 1.
    np.testing.assert_allclose(series.getPositionForVoxel((1, 2, 3)).ravel(), [35, 24, 13])


def test_old_format_of_several_files_in_an_archive(old: None, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(3):
            archive.writestr(f"t/{i}.old", b"OLD" + bytes((b + i) for b in BODY))
    series = Series(f"{tmp_path / 'a.zip'}?t", "time")
    assert series.axes._fields == ("time", "slice", "row", "column")
    np.testing.assert_array_equal(series, np.arange(24).reshape(2, 3, 4) + np.arange(3)[:, None, None, None])


def test_old_format_writes(old: None, tmp_path: Path) -> None:
    values = np.arange(48, dtype=np.uint8).reshape(2, 2, 3, 4)
    Series(values[0]).write(tmp_path / "a.old")
    assert (tmp_path / "a.old").read_bytes() == b"OLD" + values[0].tobytes()
    Series(values, "time").write(tmp_path / "b.old")
    # One name for two files: neither is lost.
    assert sorted(p.name for p in tmp_path.glob("b*")) == ["b_00000.old", "b_00001.old"]
    np.testing.assert_array_equal(Series(sorted(tmp_path.glob("b*")), "time"), values)


def test_old_format_writes_nowhere_else(install: Install, tmp_path: Path) -> None:
    code = OLD.replace("archive.construct_filename(None)", "'../../../escaped.old'")
    install("old", "oldformat", "old_plugin:Old", code)
    with pytest.raises(errors.WriteError, match="outside"):
        Series(np.zeros((2, 3, 4), np.uint8)).write(tmp_path / "a.old")
    assert not list(tmp_path.parent.parent.rglob("escaped.old"))
    assert not (tmp_path / "a.old").exists()


def test_old_format_that_contradicts_itself(install: Install, tmp_path: Path) -> None:
    install("old", "oldformat", "old_plugin:Old", OLD.replace("(n, 0, k)", "(n, 0, k + 1)"))
    (tmp_path / "a.old").write_bytes(b"OLD" + BODY)
    with pytest.raises(errors.UnknownInputError, match=r"shape \(2, 3, 4\) with the axes slice \(3\)"):
        Series(tmp_path / "a.old")


def test_old_archive(install: Install, tmp_path: Path) -> None:
    code = """
        import mimetypes
        from imagedata.archives.abstractarchive import AbstractArchive, Member
        mimetypes.add_type('application/x-joined', '.joined')

        class Joined(AbstractArchive):
            '''Names and bytes, in lines of hexadecimal digits.'''
            name = 'joined'
            mimetypes = ['application/x-joined']
            def __init__(self, transport=None, url=None, mode='r', read_directory_only=False, opts=None):
                super().__init__('joined', '', '', '', '', self.mimetypes)
                self.url, self.mode, self.files = url, mode, {}
                if mode == 'r':
                    with open(url) as f:
                        self.files = {n: bytes.fromhex(h) for n, h in (line.split() for line in f)}
            def use_query(self): return True
            def getnames(self, files=None): return [n for n in self.files if not files or n in files]
            def getmembers(self, files=None): return [Member(n) for n in self.getnames(files)]
            def basename(self, filehandle): return filehandle.filename
            def open(self, member, mode='rb'):
                import io
                return io.BytesIO(self.files[member.filename])
            def construct_filename(self, tag, query=None): return query
            def new_local_file(self, filename): raise NotImplementedError
            def to_localfile(self, member): raise NotImplementedError
            def add_localfile(self, local_file, filename):
                with open(local_file, 'rb') as f:
                    self.files[filename] = f.read()
            def writedata(self, filename, data): self.files[filename] = data
            def close(self):
                if self.mode == 'w':
                    with open(self.url, 'w') as f:
                        f.writelines(f'{n} {d.hex()}\\n' for n, d in self.files.items())
            def is_file(self, member): return True
            def exists(self, member): return member.filename in self.files
            def __enter__(self): return self
            def __exit__(self, *exc): self.close()
    """
    install("joined", "joinedarchive", "joined_plugin:Joined", code)
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    Series(values).write(f"{tmp_path / 'a.joined'}?x.nii")
    line = (tmp_path / "a.joined").read_text().split()
    assert line[0] == "x.nii"
    np.testing.assert_array_equal(np.frombuffer(bytes.fromhex(line[1])[352:], np.int16).size, 24)
    np.testing.assert_array_equal(Series(tmp_path / "a.joined"), values)
    np.testing.assert_array_equal(Series(f"{tmp_path / 'a.joined'}?x.nii"), values)
    with archives.find_plugin("joined", str(tmp_path / "a.joined")) as archive:
        assert archive.getnames() == ["x.nii"]


def test_old_transport(install: Install, tmp_path: Path) -> None:
    code = """
        import io
        from imagedata.transports.abstracttransport import AbstractTransport
        STORE = {}

        class Sent(io.BytesIO):
            def close(self):
                STORE[self.path] = self.getvalue()
                super().close()

        class Shelf(AbstractTransport):
            name, description, schemes = 'shelf', 'In memory', ['shelf']
            def __init__(self, netloc=None, root=None, mode='r', read_directory_only=False, opts=None):
                super().__init__(self.name, self.description, '', '', '', self.schemes)
                if opts['password'] != 'open sesame':
                    raise ValueError(f"wrong password {opts['password']}")
            def walk(self, top):
                yield top.rstrip('/'), [], sorted(
                    p.rpartition('/')[2] for p in STORE if p.rpartition('/')[0] == top.rstrip('/'))
            def isfile(self, path): return path in STORE
            def exists(self, path): return path in STORE
            def open(self, path, mode='r'):
                if mode[0] == 'r':
                    return io.BytesIO(STORE[path])
                out = Sent()
                out.path = path
                return out
            def close(self): pass
            def info(self, path): return path
    """
    install("shelf", "shelftransport", "shelf_plugin:Shelf", code)
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    start = "shelf://me:open%20sesame@host/top/"
    Series(values).write(start + "a.nii.gz")
    Series(values + 1).write(start + "b.zip?b.nii")
    np.testing.assert_array_equal(Series(start + "a.nii.gz"), values)
    np.testing.assert_array_equal(Series(start + "b.zip"), values + 1)
    np.testing.assert_array_equal(Series(start + "a*"), values)
    with pytest.raises(errors.InputNotFoundError, match=r"shelf://host/top/c\.nii"):
        Series(start + "c.nii")
    with pytest.raises(errors.ImagedataError, match=r"wrong password \*\*\*"):
        Series("shelf://me:guess@host/top/a.nii.gz")
    transport = transports.Transport(start + "a.nii.gz")
    assert type(transport).__name__ == "Shelf"
    assert transport.exists("/top/a.nii.gz")


# --- functions of imagedata 3 -----------------------------------------------------------------------


def test_archives_opened_by_hand(tmp_path: Path) -> None:
    url = str(tmp_path / "a.zip")
    with archives.find_mimetype_plugin("application/zip", url, "w") as archive:
        assert isinstance(archive, AbstractArchive)
        archive.writedata("x/1.txt", b"one")
        with archive.open("2.txt", "wb") as file:
            file.write(b"two")
    with zipfile.ZipFile(url) as packed:
        assert {n: packed.read(n) for n in packed.namelist()} == {"x/1.txt": b"one", "2.txt": b"two"}
    with archives.find_plugin("zip", url) as archive:
        (name,) = [n for n in archive.getnames() if n.endswith("2.txt")]
        assert archive.open(archive.getmembers([name])[0]).read() == b"two"
        assert Path(archive.to_localfile(archive.getmembers([name])[0])).read_bytes() == b"two"
    with pytest.raises(errors.ArchivePluginNotFound, match="x-nonsense"):
        archives.find_mimetype_plugin("application/x-nonsense", url)
    assert "zip" in [name for _, name, _ in archives.get_archiver_list()]


def test_folder_opened_by_hand(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one")
    with archives.find_mimetype_plugin(None, str(tmp_path)) as archive:
        assert [Path(n).name for n in archive.getnames()] == ["a.txt"]
    with archives.find_plugin("filesystem", f"{tmp_path}/", "w") as archive:
        archive.writedata("b.txt", b"two")
    assert (tmp_path / "b.txt").read_bytes() == b"two"


def test_transports_opened_by_hand(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_bytes(b"one")
    transport = transports.Transport("file", root=str(tmp_path))
    assert list(transport.walk(str(tmp_path)))[1] == (str(tmp_path / "x"), [], ["a.txt"])
    with transport.open(str(tmp_path / "x" / "a.txt")) as file:
        assert file.read() == b"one"
    with pytest.raises(errors.TransportPluginNotFound, match="nonsense"):
        transports.Transport("nonsense://host/path")


def test_memory_transport_opened_by_hand() -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.pipe("/by-hand/a/b.txt", b"one")
    try:
        transport = transports.Transport("memory://", netloc="", root="/by-hand")
        assert transport.isfile("/by-hand/a/b.txt")
        assert transport.open("/by-hand/a/b.txt").read() == b"one"
        assert [files for _, _, files in transport.walk("/by-hand")] == [["b.txt"]]
        assert not transport.exists("/by-hand/c")
    finally:
        store.rm("/by-hand", recursive=True)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("flipud", [False, True])
def test_reordering_and_back(flip: bool, flipud: bool, old: None) -> None:
    plugin = formats.find_plugin("old")
    data = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    there = plugin._reorder_to_dicom(data, flip, flipud)
    assert there.shape == ((5, 4, 3, 2) if flipud else (5, 4, 2, 3))
    b = 2 if flip else 0
    assert there[1, 2, 0, 0] == data[0, b, 2, 1]
    np.testing.assert_array_equal(plugin._reorder_from_dicom(there, flip, flipud), data)


def test_names_with_tags() -> None:
    assert filled("a_{:03d}_%02d.x", (4, 5)) == "a_004_05.x"
    assert filled("a.x", (4, 5)) == "a_00004_00005.x"
    assert filled("a", (4,)) == "a_00004"


# --- the program ------------------------------------------------------------------------------------


def test_program_lists_all_with_their_state(
    new: None, old: None, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("bad", "brokenformat", "broken:X", "import no_such_module")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["plugins"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for text in (
        "  dicom          DICOM files",
        "SKIPPED: ModuleNotFoundError: No module named 'no_such_module'",
        "missing no_such_module: pip install 'plain[more]'",
        "old 1.0, old_plugin:Old, written for imagedata 3",
        "archives\n",
        "  file           Files on the local disk",
    ):
        assert text in printed.out
    assert main(["plugins", "transport"]) == 0
    assert "DICOM files" not in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["plugins", "nonsense"]])
def test_program_on_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def test_stream_of_bytes() -> None:
    """What plugins get of files that are not on the disk can be read, and sought, as they expect."""
    from imagedata.legacy.folders import SourceArchive

    archive = SourceArchive([Source("far/a.bin", opener=lambda: io.BytesIO(b"0123456789"))])
    with archive.open("far/a.bin") as file:
        assert file.name == "far/a.bin"
        assert file.seek(4) == 4
        assert (file.read(2), file.tell(), file.read()) == (b"45", 6, b"6789")
