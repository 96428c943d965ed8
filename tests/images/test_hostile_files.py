"""2,000 mutated and hostile files: nothing but `UploadError` comes out, and memory stays bounded.

They run in a process of their own, whose memory and slowest file are then looked at.
"""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from mnistlab.errors import UploadError
from mnistlab.images.upload import FORMATS, MAX_BYTES, decode_upload

FILES = 2_000
MEGABYTE = 2**20


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _digit(mode: str = "L", size: tuple[int, int] = (120, 160)) -> Image.Image:
    image = Image.new("L", size, 230)
    image.paste(20, (size[0] // 3, size[1] // 4, size[0] // 2, size[1] * 3 // 4))
    return image.convert(mode)


def _seeds() -> list[bytes]:
    """Sound files of many kinds."""
    files = [_saved(_digit(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    files += [_saved(_digit(mode), "JPEG", quality=60) for mode in ("L", "RGB", "CMYK")]
    files += [
        _saved(_digit(), "JPEG", progressive=True),
        _saved(_digit("RGB"), "JPEG", exif=_exif()),
    ]
    files += [_saved(_digit("RGBA"), "WEBP"), _saved(_digit("RGB"), "WEBP", lossless=True)]
    files += [_saved(_digit(mode), "BMP") for mode in ("1", "L", "P", "RGB")]
    frames = [_digit("RGB") for _ in range(4)]
    files += [
        _saved(frames[0], k, save_all=True, append_images=frames[1:]) for k in ("PNG", "WEBP")
    ]
    files += [_saved(_digit(), kind) for kind in ("GIF", "TIFF", "PPM", "ICO", "PDF")]
    return files


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + checksum


def _png(width: int, height: int, depth: int, colour: int, data: bytes, *more: bytes) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    parts = [_chunk(b"IHDR", header), *more, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bombs() -> Iterator[bytes]:
    """Small files that unpack to much, and files that lie about their size."""
    zeros = zlib.compress(bytes(64 * MEGABYTE), 9)
    for width, height in ((4000, 4000), (16_000_000, 1), (1, 16_000_000), (2**31 - 1,) * 2, (0, 5)):
        for depth, colour in ((8, 0), (8, 2), (8, 6), (16, 0), (16, 6), (1, 3)):
            yield _png(width, height, depth, colour, zeros)
    text = _chunk(b"zTXt", b"k\0\0" + zeros)
    yield _png(28, 28, 8, 0, zlib.compress(bytes(29 * 28)), *[text] * 20)
    yield _png(28, 28, 8, 0, zlib.compress(bytes(29 * 28)), _chunk(b"iCCP", b"k\0\0" + zeros))
    yield _saved(_digit("RGB", (3500, 3480)), "WEBP")
    for kind, mode in (("PNG", "RGBA"), ("PNG", "LA"), ("BMP", "L"), ("WEBP", "RGB")):
        yield _saved(_digit(mode, (3900, 4100)), kind)[:MAX_BYTES]
    yield _saved(_digit("RGB", (7000, 7100)), "JPEG", quality=30)
    yield _saved(_digit("CMYK", (7000, 7100)), "JPEG", quality=30)
    yield _saved(_digit("L", (7000, 7100)), "JPEG", quality=30, progressive=True)
    scans = _saved(_digit("L", (2000, 2000)), "JPEG", progressive=True)
    start = scans.rindex(b"\xff\xda")
    yield scans[:start] + scans[start:-2] * 500
    yield b"\xff" * MAX_BYTES
    yield b"<svg>" * 100_000
    yield bytes(MAX_BYTES + 1)


def _hostile() -> Iterator[bytes]:
    chance = random.Random(0)
    seeds = _seeds()
    bombs = list(_bombs())
    yield from bombs
    for _ in range(FILES - len(bombs)):
        file = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 5))):
            place = chance.randrange(len(file))
            match chance.randrange(4):
                case 0:
                    file[place] = chance.randrange(256)
                case 1:
                    del file[max(1, place) :]
                case 2:
                    file[place:place] = chance.randbytes(chance.randrange(1, 40))
                case _:  # lengths and sizes stand near the start
                    file[min(place, len(file) - 1, chance.randrange(40))] = 255
        yield bytes(file)


def _peak() -> float:
    """The most memory that this program has held, in megabytes."""
    # Not getrusage: there the peak of the process that started this one counts as well.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _run(folder: Path) -> dict[str, float]:
    for kind in FORMATS:  # what is loaded once, and compiled for the first time, does not count
        decode_upload(_saved(_digit(), kind))
    start, slowest, refused, files = _peak(), 0.0, 0, sorted(folder.iterdir())
    for file in files:
        content = file.read_bytes()
        begun = time.perf_counter()
        try:
            decode_upload(content)
        except UploadError:
            refused += 1
        slowest = max(slowest, time.perf_counter() - begun)
    return {"files": len(files), "refused": refused, "slowest": slowest, "grown": _peak() - start}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_hostile_files_give_only_upload_errors_and_little_memory(tmp_path: Path) -> None:
    for number, content in enumerate(_hostile()):
        (tmp_path / f"{number:04}").write_bytes(content)
    command = [sys.executable, __file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["files"] == FILES
    assert FILES / 4 < found["refused"] < FILES
    assert found["grown"] < 200
    assert found["slowest"] < 10  # 0.7 s on two cores; here only hanging is a failure


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]))))
