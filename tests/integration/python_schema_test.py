"""A results file holds what results/schema.md says, all of it, and nothing else.

usage: python_schema_test.py WRITER SCHEMA.md
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import h5py

WRITER, SCHEMA = sys.argv[1:3]


def rows_of(section, text):
    body = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)
    table = [line for line in body.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def pattern(path):
    expression = re.escape(path.strip("`")).replace("<path>", ".+")
    return re.compile(re.sub(r"<[a-z_]+>", "[^/]+", expression))


def type_of(item):
    if isinstance(item, h5py.Group):
        return "group"
    kind = item.dtype
    name = "compound" if kind.names else "text" if kind.kind in "SO" else str(kind)
    return name + ("[]" if item.shape else "")


def attribute_type(value):
    return "text" if isinstance(value, bytes) else str(value.dtype)


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = os.path.join(cls.folder.name, "run.h5")
        subprocess.run([WRITER, path, "100"], check=True)
        cls.file = h5py.File(path, "r")
        with open(SCHEMA, encoding="utf-8") as page:
            cls.page = page.read()
        cls.objects = [
            (pattern(path), re.sub(r"\[\w+\]", "[]", kind).replace(" or ", ", ").split(", "), unit.strip(), meaning)
            for path, kind, unit, meaning in rows_of("Objects", cls.page)
        ]
        cls.items = {}
        cls.file.visititems(lambda name, item: cls.items.__setitem__("/" + name, item))

    @classmethod
    def tearDownClass(cls):
        cls.file.close()
        cls.folder.cleanup()

    def rows_for(self, name, item):
        return [
            row
            for row in self.objects
            if row[0].fullmatch(name)
            and type_of(item) in row[1]
            and (isinstance(item, h5py.Group) or row[2] in ("*", item.attrs["unit"].decode()))
        ]

    def test_version_is_the_pages(self):
        title = re.match(r"# Results files, schema version (\d+)", self.page)
        self.assertEqual(self.file.attrs["schema_version"], int(title.group(1)))

    def test_every_object_is_written_down_with_its_type_and_unit(self):
        levels = re.compile(r"/(stats|stats_total|proc)/.+")
        for name, item in self.items.items():
            if isinstance(item, h5py.Group) and levels.fullmatch(name):
                continue  # a level of <path>
            self.assertTrue(self.rows_for(name, item), f"{name}: {type_of(item)} is not in schema.md")

    def test_everything_written_down_is_there(self):
        for row in self.objects:
            if row[3].startswith("optional"):
                continue
            self.assertTrue(
                any(row in self.rows_for(name, item) for name, item in self.items.items()), row[0].pattern
            )

    def test_attributes_are_as_written_down(self):
        known = {"unit", "description"}
        rows = rows_of("Attributes", self.page)
        written = []
        for path, names, kind, meaning in rows:
            for name in re.findall(r"`([^`]+)`", names):
                written.append((pattern(path), pattern(name), kind, meaning.startswith("optional"), set()))
        for name, item in [("/", self.file), *self.items.items()]:
            for attribute, value in item.attrs.items():
                matches = [
                    row for row in written if row[0].fullmatch(name) and row[1].fullmatch(attribute)
                    and row[2] == attribute_type(value)
                ]
                for row in matches:
                    row[4].add(name)
                self.assertTrue(matches or attribute in known, f"{name}@{attribute} is not in schema.md")
        for row in written:
            self.assertTrue(row[3] or row[4], f"no {row[0].pattern}@{row[1].pattern}")

    def test_command_line_is_a_link_into_the_hosts_facts(self):
        link = self.file.get("meta/command_line", getlink=True)
        self.assertIsInstance(link, h5py.SoftLink)
        self.assertEqual(link.path, "/meta/host/command_line")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
