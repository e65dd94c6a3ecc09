"""What a test compares with: captures of real kernels, other simulators' figures, measurements."""

from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def evidence(name):
    """A file or folder of tests/data, or, where that has none of the name, of ../shared/groundtruth beside the checkout,
    for captures and traces that are not published. The path may not exist."""
    own = SOURCE / "tests/data" / name
    beside = SOURCE.parent / "shared/groundtruth" / name
    return beside if not own.exists() and beside.exists() else own
