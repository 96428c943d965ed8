"""2,000 mutated and hostile files: nothing but `UploadError` comes out, and memory stays bounded.

They run in a process of their own, whose memory and slowest file are then looked at.
"""

from __future__ import annotations

import io
import json
import random
import struct
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
Tags = dict[int, int | list[int]]  # of a TIFF file, and their values


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
    for packed in ("raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"):
        files += [_saved(_digit(mode), "TIFF", compression=packed) for mode in ("L", "RGB")]
    files += [_saved(_digit("1"), "TIFF", compression=packed) for packed in ("group3", "group4")]
    files += [_saved(_digit(mode), "TIFF") for mode in ("I;16", "F", "CMYK", "P")]
    files += [
        _saved(_digit(), kind, save_all=True, append_images=frames) for kind in ("GIF", "TIFF")
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
    yield from _tiff_bombs(zeros)
    yield from _gif_bombs()
    yield b"\xff" * MAX_BYTES
    yield b"<svg>" * 100_000
    yield bytes(MAX_BYTES + 1)


def _tiff(tags: Tags, data: bytes, following: int = 0) -> bytes:
    """A page of LONG tags, then `data`: 0 among the offsets (tags 273, 324) is where it begins."""
    ordered = sorted(tags.items())
    lists = {tag: value for tag, value in ordered if isinstance(value, list) and len(value) > 1}
    behind = 8 + 2 + 12 * len(ordered) + 4
    start = behind + 4 * sum(len(value) for value in lists.values())
    entries, values = b"", b""
    for tag, value in ordered:
        numbers = value if isinstance(value, list) else [value]
        numbers = [n or start for n in numbers] if tag in (273, 324) else numbers
        packed = b"".join(n.to_bytes(4, "little") for n in numbers)
        place = (behind + len(values)).to_bytes(4, "little") if tag in lists else packed
        values += packed if tag in lists else b""
        entries += struct.pack("<HHL", tag, 4, len(numbers)) + place
    head = b"II*\0" + struct.pack("<LH", 8, len(ordered)) + entries + struct.pack("<L", following)
    return head + values + data


def _tiff_page(width: int, height: int, packed: int = 1) -> Tags:
    return {256: width, 257: height, 258: 8, 259: packed, 262: 1, 277: 1}


def _tiff_bombs(zeros: bytes) -> Iterator[bytes]:
    for width, height in ((6000, 6000), (16_000_000, 1), (1, 16_000_000), (2**31 - 1,) * 2):
        yield _tiff(_tiff_page(width, height, 8) | {273: 0, 278: height, 279: len(zeros)}, zeros)
    colours: Tags = {258: [16] * 4, 262: 2, 277: 4, 338: 2, 273: 0, 278: 3490, 279: len(zeros)}
    yield _tiff(_tiff_page(3490, 3490, 8) | colours, zeros)
    raw = bytes(4 * MEGABYTE)
    for side in (46_336, 4_000):  # of a tile; 2 GB and 16 MB
        tile: Tags = {322: side, 323: side, 324: 0, 325: len(zeros)}
        yield _tiff(_tiff_page(64, 64, 8) | tile, zeros)
    # One piece or a few that are unpacked tens of thousands of times, and more than anyone needs.
    again = [0] * 62_500
    yield _tiff(_tiff_page(3490, 3490) | {322: 16, 323: 16, 324: again}, raw)
    yield _tiff(_tiff_page(3490, 3490) | {322: 3491, 323: 3489, 324: again}, raw * 3)
    yield _tiff(_tiff_page(3490, 3490) | {278: 3489, 273: again}, raw * 3)
    yield _tiff(_tiff_page(3490, 3490) | {278: 3489, 273: again, 322: 16, 323: 16, 324: 0}, raw * 3)
    yield _tiff(_tiff_page(100, 1_000_000) | {278: 1, 273: [0] * 1_000_000}, b"")
    # Thousands of tags that share the same bytes; pages without end.
    yield _tiff(_tiff_page(64, 64) | {273: 0, 278: 64}, raw, following=8)
    tags: Tags = {n: [0] * 1000 for n in range(1000, 1200)}
    yield _tiff(_tiff_page(64, 64) | tags | {273: 0, 34665: 8, 34853: 8}, raw)
    shared = b"".join(struct.pack("<HHLL", n, 7, len(raw), 8) for n in range(1000, 21_000))
    yield b"II*\0" + struct.pack("<LH", 8, 20_000) + shared + bytes(4) + raw
    page = _tiff(_tiff_page(16, 16) | {273: 8, 278: 16}, b"")[8:-4]
    pages = [page + struct.pack("<L", 8 + (len(page) + 4) * n) for n in range(1, 40_000)]
    yield b"II*\0" + struct.pack("<L", 8) + b"".join(pages)


def _gif_bombs() -> Iterator[bytes]:
    gif = _saved(_digit(), "GIF")
    most = 2 * MEGABYTE - len(gif) - 10
    behind = 13 + 3 * 2 ** ((gif[10] & 7) + 1)  # the palette
    yield gif[:6] + b"\xff" * 4 + gif[10:]  # 65,535 pixels wide and high
    yield gif[:-2] + b"\1\0" * (most // 2) + b"\0;"
    yield gif[:behind] + b"!\xfe" + b"\1x" * (most // 2) + b"\0" + gif[behind:]
    yield gif[:-1] + gif[behind:-1] * (most // len(gif)) + b";"
    yield _saved(_digit("P", (3900, 4100)), "GIF")


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
    decode_upload(_saved(_digit(), "TIFF", compression="tiff_lzw"))
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
    assert done.stderr == ""
    assert found["files"] == FILES
    assert FILES / 4 < found["refused"] < FILES
    assert found["grown"] < 200
    assert found["slowest"] < 10  # 0.7 s on two cores; here only hanging is a failure


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]))))
