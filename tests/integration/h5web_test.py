"""A results file in H5Web, headless: the default plot is there when the file is opened."""

import base64
import os
import subprocess
import unittest

from pagewalk_case import SYNTHETIC, PagewalkCase
from npm_packages import npm_packages  # its folder is known now

try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    webdriver = None

DRIVER = "/usr/bin/chromedriver"
PACKAGES = ["@h5web/app@16.0.1", "@h5web/h5wasm@16.0.1", "react@18.3.1", "react-dom@18.3.1", "esbuild@0.28.2"]
VIEWER = """
import React from 'react'
import { createRoot } from 'react-dom/client'
import { App } from '@h5web/app'
import { H5WasmBufferProvider } from '@h5web/h5wasm'
import '@h5web/app/styles.css'
const bytes = Uint8Array.from(atob(document.getElementById('file').textContent), character => character.charCodeAt(0))
createRoot(document.getElementById('root')).render(
    React.createElement(H5WasmBufferProvider, { filename: 'run.h5', buffer: bytes.buffer }, React.createElement(App, {})))
"""


@unittest.skipUnless(webdriver and os.path.exists(DRIVER), "wants chromium-driver and python3-selenium of scripts/packages-test.txt")
class H5Web(PagewalkCase):
    def viewer(self, file):
        """A page with H5Web and the file in it."""
        folder = npm_packages(*PACKAGES)
        (folder / "viewer.mjs").write_text(VIEWER)
        subprocess.run([folder / "node_modules/esbuild/bin/esbuild", folder / "viewer.mjs", "--bundle", f"--outfile={self.path('viewer.js')}",
                        "--log-level=error", '--define:process.env.NODE_ENV="production"',
                        *(f"--loader:.{kind}=dataurl" for kind in ("woff", "woff2", "ttf", "wasm"))], check=True, timeout=100)
        script = self.path("viewer.js").read_text().replace("</script", "<\\/script")
        page = self.path("viewer.html")
        page.write_text(f"<!DOCTYPE html><meta charset='utf-8'><style>{self.path('viewer.css').read_text()} #root {{ height: 900px }}</style>"
                        f"<div id='root'></div><script type='text/plain' id='file'>{base64.b64encode(file.read_bytes()).decode()}</script>"
                        f"<script>{script}</script>")
        return page

    def browser(self):
        options = Options()
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,950", "--use-gl=angle",
                     "--use-angle=swiftshader", "--enable-unsafe-swiftshader", f"--user-data-dir={self.path('profile')}"):
            options.add_argument(word)
        try:
            driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        except WebDriverException as error:
            self.skipTest(f"Chromium does not start on this host: {error.msg}")
        self.addCleanup(driver.quit)
        return driver

    def test_opening_a_run_shows_its_time_series(self):
        page = self.viewer(self.run_to_file("--set", "run.interval=20k", config=SYNTHETIC))
        driver = self.browser()
        driver.get(f"file://{page}")
        root = driver.find_element(By.ID, "root")
        WebDriverWait(driver, 120).until(lambda _: "instructions (instructions)" in root.text, "the axis's label is not shown")
        self.assertIn("NX Line", root.text)
        self.assertTrue(driver.find_elements(By.TAG_NAME, "canvas"))


if __name__ == "__main__":
    unittest.main()
