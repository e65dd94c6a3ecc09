"""Runs Pagewalk and reads back its statistics."""

import re
import subprocess
import tempfile
from pathlib import Path

import h5py


class SimulatedRun:
    """Statistics of one run by their paths below /stats."""

    def __init__(self, program, config, settings, trace=None, keep=None):
        with tempfile.TemporaryDirectory() as scratch:
            results = Path(keep or scratch) / "run.h5"
            command = [program, "run", config, "-o", results]
            for key, value in settings.items():
                command += ["--set", f"{key}={value}"]
            if trace:
                command += ["--trace", trace]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            self._values = {}
            with h5py.File(results, "r") as file:
                file["stats"].visititems(self._keep_scalar)

    def _keep_scalar(self, path, item):
        if isinstance(item, h5py.Dataset) and item.shape == ():
            self._values[path] = float(item[()])

    def __getitem__(self, path):
        return self._values[path]

    def sum(self, suffix):
        """Of all components whose path ends so."""
        return sum(value for path, value in self._values.items() if path.endswith(suffix))

    def over_cpus(self, name):
        """Sum of a statistic of the CPUs themselves."""
        return sum(value for path, value in self._values.items() if re.fullmatch(rf"cpu\d+/{name}", path))
