"""Readers that the npm registry has and Debian has not."""

import os
import pathlib
import shutil
import subprocess
import unittest

FOLDER = pathlib.Path(os.environ["PAGEWALK_PROGRAMS"]).parent / "npm"


def npm_packages(*names):
    """Folder whose node_modules has the packages ("name@version"); installs what is missing. Raises SkipTest where that cannot be."""
    if not shutil.which("npm"):
        raise unittest.SkipTest("wants npm")
    missing = [name for name in names if not (FOLDER / "node_modules" / name.rpartition("@")[0]).is_dir()]
    if missing:
        FOLDER.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *missing],
                                  capture_output=True, text=True, timeout=200)
        except subprocess.TimeoutExpired:
            raise unittest.SkipTest(f"npm does not bring {' '.join(missing)} in time") from None
        if done.returncode != 0:
            raise unittest.SkipTest(f"npm does not bring {' '.join(missing)}: {done.stderr.strip()[-200:]}")
    return FOLDER
