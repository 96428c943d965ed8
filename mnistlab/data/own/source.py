"""What is read, for errors and for the notice of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mnistlab.errors import DataError

HOW_TO_SAVE = 'numpy.savez("digits.npz", x=images, y=labels)'
# Limits for the arrays of a file, unpacked: EMNIST's 280,000 digits have 220 MB, MNIST 55 MB. On a
# shared server, uploads of many visitors share its memory.
MAX_BYTES = 256 * 2**20
MAX_UPLOAD_BYTES = 100 * 2**20


@dataclass(frozen=True)
class Source:
    """A file or a part of one."""

    name: str
    max_bytes: int = MAX_BYTES
    """Limit for its arrays, unpacked."""
    remarks: list[str] = field(default_factory=list)
    """Sentences on what was done to read it, shared with its parts."""
    wanted: str = (
        "give a .npz file with x_train, y_train, x_test and y_test (or x and y), IDX files of "
        "images and labels, or a .csv file with label and pixel0 to pixel783"
    )
    """What to give instead of a file that cannot be used."""

    def named(self, name: str) -> Source:
        """Return a source of another name with the same limit and remarks."""
        return replace(self, name=name)

    def remark(self, sentence: str) -> None:
        """Add a sentence to the remarks, once."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def unfit(self, what: str) -> DataError:
        """Return the error for a source that cannot be used; `what` follows its name."""
        return DataError(f"{self.name} {what}.")


def printable(name: str) -> str:
    """Replace the characters of a file's name that a terminal would interpret."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name)
