"""Reports in headless Chromium: no error, every plot drawn, hover, filter, sort, themes, keyboard."""

import os
import pathlib
import re
import resource
import time
import unittest

import h5py
import numpy as np

from pagewalk_case import SYNTHETIC, PagewalkCase, text

try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    webdriver = None

DRIVER = "/usr/bin/chromedriver"
INTERVALS = "[run]\ninterval = 20k\n[events]\nfunctions = 1\nfilemap = 1\n"
SWEEP = SYNTHETIC.replace("200k", "50k") + """
[sweep]
repeats = 2
baseline = entries=128
[axis.entries]
option = mmu.l2_tlb.entries
values = 128, 512
[axis.slab]
option = os.slab
values = slub, slob
"""


class Files(PagewalkCase):
    def test_names_sizes_and_refusals(self):
        file = self.run_to_file(config=SYNTHETIC + INTERVALS)
        done = self.succeed("report", file)
        self.assertEqual(done.stdout.strip(), str(self.path("run.html")))
        page = self.path("run.html").read_text()
        self.assertLess(len(page), 3 << 20)
        self.assertEqual(re.findall(r"""(?:src|href)=["'](?!#|data:)""", page.partition("<script")[0]), [])  # offline
        self.succeed("report", file, "-o", "pages")
        self.assertTrue(self.path("pages/run.html").exists())
        self.path("broken.h5").write_bytes(file.read_bytes()[:5000])
        for words, named in ((["broken.h5"], "cannot be read"), ([file, "-o", "/proc/x"], "cannot write"), (["absent.h5"], "does not exist")):
            refused = self.call("report", *words)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(named, refused.stderr)

    def test_a_run_that_was_killed_at_once_has_its_page(self):
        process = self.start("run", self.config(SYNTHETIC.replace("200k", "0")), "-o", "run.h5")
        while not self.path("run.h5").exists():
            time.sleep(0.01)
        process.kill()
        process.communicate()
        self.succeed("report", "run.h5")
        self.assertIn("running", self.path("run.html").read_text())

    def test_a_hundred_million_events_are_sampled(self):
        file = self.run_to_file(config=SYNTHETIC + INTERVALS)
        with h5py.File(file, "r+") as run:
            for name in ("allocations", "page_faults"):
                many_rows(run["events"], name, 50_000_000)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.succeed("report", file)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # CPU time: others may load the machine.
        self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 10)
        self.assertRegex(self.path("run.html").read_text(), r"Of a sample: 2.\d* % of the events")
        self.assertLess(self.path("run.html").stat().st_size, 3 << 20)

    def test_a_real_machines_texts_have_their_page(self):
        file = self.run_to_file(config=SYNTHETIC)
        with h5py.File(file) as run:
            for moment in ("10.5", "9.25"):
                folder = self.path(f"texts/{moment}")
                folder.mkdir(parents=True)
                for name in ("buddyinfo", "pagetypeinfo", "vmstat", "meminfo", "slabinfo"):
                    (folder / name).write_text(text(run[f"proc/{name}"]))
        self.succeed("report", "--from-proc", "texts", "-o", "pages")
        page = self.path("pages/texts.html").read_text()
        for named in ("2 moments in 1.25 s", "Page blocks by migratetype", "Free memory by order", "vm_area_struct"):
            self.assertIn(named, page)
        # The host's own, as far as it has them.
        if os.path.exists("/proc/buddyinfo"):
            self.path("host").mkdir()
            for name in ("buddyinfo", "vmstat", "meminfo"):
                self.path(f"host/{name}").write_bytes(pathlib.Path(f"/proc/{name}").read_bytes())
            self.succeed("report", "--from-proc", "host")
            self.assertIn("1 moments", self.path("host/host.html").read_text())
        for broken, named in (("", "no line of buddyinfo"), (None, "has no buddyinfo")):
            self.path("broken").mkdir(exist_ok=True)
            target = self.path("broken/buddyinfo")
            target.unlink(missing_ok=True)
            if broken is not None:
                target.write_text("Node 0, zone Normal x\n")
            refused = self.call("report", "--from-proc", "broken")
            self.assertEqual(refused.returncode, 2)
            self.assertIn(named, refused.stderr)

    def test_what_programs_are_called_is_text(self):
        file = self.run_to_file("--set", "machine.name=</script><script>alert(1)</script>", config=SYNTHETIC)
        self.succeed("report", file)
        self.assertFalse("<script>alert" in self.path("run.html").read_text())


def many_rows(tables, name, count):
    """Puts in the place of an event table one that repeats its first chunk."""
    first = tables[name]
    rows = first[:]
    attributes = dict(first.attrs)
    del tables[name]
    table = tables.create_dataset(name, (count,), rows.dtype, chunks=(8192,), shuffle=True, compression=1)
    table[:8192] = np.resize(rows, 8192)
    mask, chunk = table.id.read_direct_chunk((0,))
    for begin in range(8192, count, 8192):
        table.id.write_direct_chunk((begin,), chunk, mask)
    for key, value in attributes.items():
        table.attrs[key] = np.array(value, dtype=f"S{max(1, len(value))}") if isinstance(value, bytes) else value


@unittest.skipUnless(webdriver and os.path.exists(DRIVER), "wants chromium-driver and python3-selenium of scripts/packages-test.txt")
class Browser(PagewalkCase):
    @classmethod
    def setUpClass(cls):
        case = cls("test_run_page_draws_every_plot_without_error")
        case.setUp()
        cls.addClassCleanup(case.doCleanups)
        cls.run_file = case.run_to_file(config=SYNTHETIC + INTERVALS)
        case.succeed("report", cls.run_file)
        case.succeed("sweep", case.config(SWEEP, "sweep.cfg"), "-o", "out")
        case.succeed("report", "out")
        cls.pages = {"run": case.path("run.html"), "sweep": case.path("out/report.html")}
        options = Options()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1300,1000",
                     f"--user-data-dir={case.path('profile')}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            cls.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        except WebDriverException as error:
            raise unittest.SkipTest(f"Chromium does not start on this host: {error.msg}") from None
        cls.addClassCleanup(cls.driver.quit)

    def open(self, page):
        self.driver.get(f"file://{self.pages[page]}")
        self.until(lambda: self.all("figure svg"))

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, condition):
        return WebDriverWait(self.driver, 20).until(lambda _: condition())

    def assert_no_errors(self):
        self.assertEqual([entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")], [])

    def rows(self, table):
        return [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in self.all(f"#table-{table} tbody tr")]

    def tooltip(self, figure):
        return [tip.text for tip in figure.find_elements(By.CSS_SELECTOR, ".chart > div:last-child") if tip.text]

    def test_run_page_draws_every_plot_without_error(self):
        self.open("run")
        headings = [heading.text for heading in self.all("h2")]
        self.assertEqual(headings, ["Overview", "Cycles", "TLBs and page walks", "Page faults", "Allocations", "Free memory",
                                    "Physical memory", "Kernel memory", "Memory traffic", "Kernel timeline",
                                    "Processes"])
        figures = self.all("figure")
        self.assertGreater(len(figures), 12)
        for figure in figures:
            # Axes alone are lines and texts: bars and curves are filled or stroked paths.
            self.assertGreater(len(figure.find_elements(By.CSS_SELECTOR, "svg path")), 5, figure.text)
        self.assert_no_errors()

    def test_hover_shows_values(self):
        self.open("run")
        figure = self.all("figure")[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
        ActionChains(self.driver).move_to_element(figure.find_element(By.CSS_SELECTOR, ".chart svg")).perform()
        self.assertIn("user", " ".join(self.until(lambda: self.tooltip(figure))))

    def test_arrow_keys_read_a_chart(self):
        self.open("run")
        figure = self.all("figure")[0]
        figure.send_keys(Keys.ARROW_RIGHT)
        first = self.until(lambda: self.tooltip(figure))
        figure.send_keys(Keys.ARROW_RIGHT)
        self.until(lambda: self.tooltip(figure) != first)

    def test_tables_filter_and_sort_by_mouse_and_keyboard(self):
        self.open("sweep")
        self.assertEqual(len(self.rows("points")), 8)
        box = self.all("#table-points input")[0]
        box.send_keys("entries=128 slab=slob")
        self.assertEqual(len(self.rows("points")), 2)
        box.clear()
        box.send_keys("entries>200")
        self.assertEqual(len(self.rows("points")), 4)
        box.clear()
        box.send_keys(" ")
        button = next(b for b in self.all("#table-points th button") if b.text == "cycles")
        column = [b.text for b in self.all("#table-points th button")].index("cycles")
        button.send_keys(Keys.ENTER)
        values = [int(row[column].replace(",", "")) for row in self.rows("points")]
        self.assertEqual(values, sorted(values))
        button.click()
        values = [int(row[column].replace(",", "")) for row in self.rows("points")]
        self.assertEqual(values, sorted(values, reverse=True))
        self.assert_no_errors()

    def test_sweeps_metric_axes_and_baseline_can_be_chosen(self):
        self.open("sweep")
        chart = self.all("#explorer")[0]
        before = chart.find_element(By.CSS_SELECTOR, "svg").get_attribute("innerHTML")
        Select(self.all("#metric")[0]).select_by_visible_text("walks, count")
        self.until(lambda: "walks, count" in chart.find_element(By.CSS_SELECTOR, "svg").text)
        self.assertNotEqual(chart.find_element(By.CSS_SELECTOR, "svg").get_attribute("innerHTML"), before)
        self.all("#against-baseline")[0].send_keys(Keys.SPACE)
        self.until(lambda: "% more than the baseline" in chart.find_element(By.CSS_SELECTOR, "svg").text)
        chart.send_keys(Keys.ARROW_RIGHT)
        self.assertIn("slab slob", " ".join(self.until(lambda: self.tooltip(chart))))
        self.assert_no_errors()

    def test_physical_memory_zooms_by_mouse_and_keyboard(self):
        self.open("run")
        frame = self.all("#memory-map")[0]
        # 256 MiB and what lies below: 128 page blocks, a cell each; a node is a choice of its own.
        self.assertIn("node 0, zone DMA32", [option.text for option in Select(frame.find_elements(By.TAG_NAME, "select")[0]).options])
        Select(frame.find_elements(By.TAG_NAME, "select")[0]).select_by_visible_text("node 0, zone DMA32")
        frame.send_keys(Keys.ARROW_RIGHT)
        self.assertIn("blocks", " ".join(self.until(lambda: self.tooltip(frame))))
        Select(frame.find_elements(By.TAG_NAME, "select")[1]).select_by_visible_text("use")
        self.until(lambda: "anonymous" in frame.find_element(By.CSS_SELECTOR, "svg").text)
        self.assert_no_errors()

    def test_large_memory_opens_cell_by_cell(self):
        self.open("run")
        self.driver.execute_script("""
            const runs = [...Array(4096).keys()].map(i => ({ pfn: i * 512, blocks: 1, node: 0, zone: "Normal", type: i % 2 ? "Movable" : "Unmovable",
                                                             frames: [512, 0, 0, 0, 0, 0] }));
            document.querySelector("#memory-map").remove();
            document.querySelector("#content").prepend(memoryPart({ kind: "memory", title: "Large", text: "", pageBytes: 4096, blockPages: 512, runs }));
            charts.forEach(draw);
        """)
        frame = self.all("#memory-map")[0]
        out = frame.find_elements(By.TAG_NAME, "button")[0]
        self.assertFalse(out.is_enabled())
        frame.send_keys(Keys.ARROW_RIGHT)
        self.assertIn("4 blocks", " ".join(self.until(lambda: self.tooltip(frame))))
        frame.send_keys(Keys.ENTER)
        self.until(out.is_enabled)
        frame.send_keys(Keys.ARROW_RIGHT)
        self.until(lambda: "1 blocks" in " ".join(self.tooltip(frame)))
        frame.send_keys(Keys.ESCAPE)
        self.until(lambda: not out.is_enabled())
        self.assert_no_errors()

    def test_all_points_are_lines_through_axes_and_metrics(self):
        self.open("sweep")
        frame = self.all("#parallel")[0]
        text = frame.find_element(By.CSS_SELECTOR, "svg").text
        for name in ("entries", "slab", "cycles"):
            self.assertIn(name, text)
        self.assertGreaterEqual(len(frame.find_elements(By.CSS_SELECTOR, "svg path[fill='none']")), 8)
        self.assert_no_errors()

    def test_printed_pages_have_no_controls(self):
        self.open("sweep")
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        self.addCleanup(self.driver.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"media": ""})
        self.assertFalse(any(controls.is_displayed() for controls in self.all("nav, #theme, .controls")))
        self.assertTrue(all(figure.is_displayed() for figure in self.all("figure")))

    def test_light_and_dark(self):
        self.open("run")
        colour = "return getComputedStyle(document.body).backgroundColor"
        before = self.driver.execute_script(colour)
        self.all("#theme")[0].click()
        self.assertNotEqual(self.driver.execute_script(colour), before)
        self.assert_no_errors()


if __name__ == "__main__":
    unittest.main()
