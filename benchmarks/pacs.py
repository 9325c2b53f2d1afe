"""What a PACS costs: images a second stored to and fetched from Orthanc, beside dcmtk's programs; memory.

    python benchmarks/pacs.py [--count COUNT] [--tool-count COUNT]

Orthanc, dcmtk and the tests of this repository are needed. The images are 64 x 64 of 16 bits: what is
measured is what an image costs beyond its bytes. dcmtk's programs get fewer of them, as they wait for
acknowledgements; with the variable TCP_NODELAY they would not, and are measured so too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import orthanc_server
import synthetic
from imagedata.formats.contract import Made
from imagedata.network.address import parse
from imagedata.network.find import find_images
from imagedata.network.inbox import Inbox
from imagedata.network.receiver import receiving
from imagedata.network.retrieve import retrieved
from imagedata.network.settings import Settings
from imagedata.network.store import outgoing, store


def make_files(folder: Path, count: int) -> list[Path]:
    """Write images of one series."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 999, (64, 64)).astype(np.uint16)
    folder.mkdir()
    paths = []
    for number in range(count):
        path = folder / f"{number:06}.dcm"
        synthetic.image(pixels, (0, 0, number), number=number + 1).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def memory() -> float:
    """Return the most memory in MB that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def told(what: str, count: int, begun: float) -> None:
    """Print what a piece of work took."""
    seconds = time.perf_counter() - begun
    print(f"{what:44}{count:7}{seconds:9.2f} s{count / seconds:9.0f} /s   {memory():7.0f} MB", flush=True)


def tool(name: str, *arguments: str, nodelay: bool = False) -> None:
    """Run a program of dcmtk."""
    environment = {**os.environ, **({"TCP_NODELAY": "1"} if nodelay else {})}
    path = shutil.which(name, path="/usr/bin:/usr/local/bin") or name  # pynetdicom has some of these names
    subprocess.run([path, *arguments], check=True, capture_output=True, env=environment)


def measure(folder: Path, count: int, tool_count: int) -> None:
    """Store, fetch and receive."""
    begun = time.perf_counter()
    paths = make_files(folder / "images", count)
    told("images made", count, begun)
    some = folder / "some"
    some.mkdir()
    for path in paths[:tool_count]:
        (some / path.name).symlink_to(path)
    with orthanc_server.running(folder) as server:
        url = f"dicom://127.0.0.1:{server.port}/{server.aet}"
        peer, wanted = parse(f"{url}//{synthetic.uid('study')}")
        settings = Settings.of({"calling_aet": orthanc_server.CLIENT})
        client = ("-aet", orthanc_server.CLIENT, "-aec", server.aet, "127.0.0.1", str(server.port))
        for nodelay in (False, True):
            begun = time.perf_counter()
            tool("storescu", *client, "+sd", str(some), nodelay=nodelay)
            told(f"storescu{', TCP_NODELAY' if nodelay else ''}", tool_count, begun)
            server.clear()
        begun = time.perf_counter()
        store([outgoing(Made.at(path)) for path in paths], peer, settings)
        told("imagedata, stored", count, begun)
        begun = time.perf_counter()
        images = find_images(peer, wanted, settings)
        told("imagedata, found", len(images), begun)
        begun = time.perf_counter()
        held = retrieved(peer, images, wanted, settings)
        told("imagedata, fetched (C-GET, held in memory)", len(held), begun)
        del held
        begun = time.perf_counter()
        with receiving(Inbox(folder / "in"), server.client_port, settings, host="127.0.0.1"):
            move = threading.Thread(
                target=tool,
                args=("movescu", "-S", *client[:4], "-aem", orthanc_server.CLIENT, *client[4:],
                      "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={synthetic.uid('study')}"),
            )  # fmt: skip
            move.start()
            move.join()
        told("imagedata receive, from Orthanc", sum(1 for _ in (folder / "in").rglob("*.dcm")), begun)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="images for imagedata (default: 10 000)")
    parser.add_argument("--tool-count", type=int, default=300, help="images for dcmtk (default: 300)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.count, given.tool_count)


if __name__ == "__main__":
    main()
