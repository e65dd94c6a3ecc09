"""The page of a real machine's /proc texts, taken at intervals: `pagewalk report --from-proc DIR`.

DIR has a folder a moment, named by its time in seconds (date +%s.%N), with copies of /proc's buddyinfo and, where they could be
read, pagetypeinfo, vmstat, meminfo and slabinfo; or these texts themselves, of one moment.
"""

import pandas as pd

from .. import proc_text
from ..command_line import InputError
from . import kernel_parts, page


class Moments:
    """Raises InputError where there is no buddyinfo, or a text is none of the kernel's."""

    def __init__(self, folder):
        self.folder = folder
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder")
        moments = [folder] if (folder / "buddyinfo").exists() else sorted(path for path in folder.iterdir() if (path / "buddyinfo").exists())
        if not moments:
            raise InputError(f"{folder} has no buddyinfo, and no folders with one: copies of /proc's texts, a folder a moment")
        times = {path: self._seconds(path.name, number) for number, path in enumerate(moments)}
        self.moments = sorted(moments, key=times.get)
        self.times = [times[path] - times[self.moments[0]] for path in self.moments]

    @staticmethod
    def _seconds(name, number):
        try:
            return float(name)
        except ValueError:
            return float(number)

    def frames(self, name, parse):
        """What `parse` makes of the text of each moment that has it: (seconds, frame)."""
        found = []
        for time, path in zip(self.times, self.moments):
            file = path / name
            if file.exists():
                try:
                    found.append((time, parse(file.read_text(encoding="utf-8"))))
                except (ValueError, IndexError) as error:
                    raise InputError(f"{file}: {error}") from None
        return found


def series(found):
    """A row a moment of what are series."""
    return pd.DataFrame([values for _, values in found], index=[time for time, _ in found])


def render(moments, name):
    free = [(time, frame.sum()) for time, frame in moments.frames("buddyinfo", proc_text.buddyinfo)]
    x = "time, s"
    sections = [("Free memory", kernel_parts.fragmentation(series(free), x))]
    types = [(time, frame.sum()) for time, frame in moments.frames("pagetypeinfo", proc_text.pageblock_types)]
    if len(types) > 1:
        sections.append(("Mobility", [page.lines("Page blocks by migratetype", series(types).astype(float), x, "blocks", stacked=True)]))
    vmstat = moments.frames("vmstat", proc_text.counters)
    if vmstat:
        over_time = series(vmstat)
        change = over_time.iloc[-1] - over_time.iloc[0] if len(over_time) > 1 else over_time.iloc[0]
        text = "Between the first and the last moment." if len(over_time) > 1 else "Since the machine was started."
        sections.append(("Kernel activity", [*kernel_parts.activity(change, text), kernel_parts.huge_page_success(over_time, x)]))
    meminfo = moments.frames("meminfo", proc_text.counters)
    if meminfo:
        sections.append(("Memory use", kernel_parts.memory_use(meminfo[-1][1])))
    slab = moments.frames("slabinfo", str)
    if slab:
        sections.append(("Object caches", kernel_parts.slab(slab[-1][1])))
    return page.render(f"Memory of {name}", f"{len(moments.times)} moments in {moments.times[-1]:.6g} s", sections)
