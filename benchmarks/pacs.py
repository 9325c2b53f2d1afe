"""What a PACS costs: images a second stored to and fetched from Orthanc, beside dcmtk's programs; memory.

    python benchmarks/pacs.py [--count COUNT] [--tool-count COUNT]

Orthanc, dcmtk and the tests of this repository are needed. The images are 64 x 64 of 16 bits: what is
measured is what an image costs beyond its bytes. With the numbers of the defaults it takes about five
minutes.

dcmtk's programs get fewer images, because each of theirs waits for an acknowledgement that the other side
delays by 40 ms, whatever the machine: 10 000 would take a quarter of an hour. With the variable TCP_NODELAY
they wait half as long, and are measured so too. What Orthanc itself takes for an image is measured by giving
it files over HTTP, on one connection.

The memory of this process is that at its highest so far: a line that does not raise it held no more than
those before it. A series that is fetched is held, of course, and its files while it is read.
"""

from __future__ import annotations

import argparse
import http.client
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
from imagedata import Series
from imagedata.network.address import parse
from imagedata.network.find import find_images
from imagedata.network.inbox import Inbox
from imagedata.network.receiver import receiving
from imagedata.network.settings import Settings


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


def over_http(server: orthanc_server.Orthanc, paths: list[Path]) -> None:
    """Give files to Orthanc, one after the other."""
    connection = http.client.HTTPConnection(server.host, server.http_port)
    for path in paths:
        connection.request("POST", "/instances", path.read_bytes())
        connection.getresponse().read()
    connection.close()


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
        client = ("-aet", orthanc_server.CLIENT, "-aec", server.aet, "127.0.0.1", str(server.port))
        for nodelay in (False, True):
            begun = time.perf_counter()
            tool("storescu", *client, "+sd", str(some), nodelay=nodelay)
            told(f"storescu{', TCP_NODELAY' if nodelay else ''}", tool_count, begun)
            server.clear()
        begun = time.perf_counter()
        over_http(server, paths[:tool_count])
        told("Orthanc itself: files over HTTP", tool_count, begun)
        server.clear()
        ours(folder, server)
        begun = time.perf_counter()
        with receiving(
            Inbox(folder / "in"), server.client_port, Settings.of({}), host="127.0.0.1"
        ):
            move = threading.Thread(
                target=tool,
                args=("movescu", "-S", *client[:4], "-aem", orthanc_server.CLIENT, *client[4:],
                      "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={synthetic.uid('study')}"),
            )  # fmt: skip
            move.start()
            move.join()
        told("imagedata receive, from Orthanc", sum(1 for _ in (folder / "in").rglob("*.dcm")), begun)


def ours(folder: Path, server: orthanc_server.Orthanc) -> None:
    """Write a series, and read it."""
    url = f"dicom://127.0.0.1:{server.port}/{server.aet}"
    options = {"calling_aet": orthanc_server.CLIENT}
    begun = time.perf_counter()
    series = Series(folder / "images")
    told("Series(folder)", len(series), begun)
    begun = time.perf_counter()
    series.write(url, keep_uid=True, **options)
    told("Series.write(dicom://)", len(series), begun)
    del series
    peer, wanted = parse(f"{url}//{synthetic.uid('study')}")
    begun = time.perf_counter()
    images = find_images(peer, wanted, Settings.of(options))
    told("found", len(images), begun)
    begun = time.perf_counter()
    back = Series(f"{url}//{synthetic.uid('study')}", **options)
    told("Series(dicom://), by C-GET", len(back), begun)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="images for imagedata (default: 10 000)")
    parser.add_argument("--tool-count", type=int, default=500, help="images for dcmtk (default: 500)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.count, given.tool_count)


if __name__ == "__main__":
    main()
