#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the hub's live page of a synthetic run in headless Chromium and takes its picture.

live_page.py [--out docs/live-page.png] [--width 1280] [--height 1752] [--dark] [-- ARGUMENT of web_example ...]

Needs build/release/web_example, the packages selenium and pillow, and Debian's chromium and chromium-driver.
tests/python/test_web.py takes browser and example from here.
"""

import argparse
import base64
import contextlib
import io
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", ROOT / "build" / "release"))
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--force-device-scale-factor=1", "--disable-lcd-text"]  # fmt: skip


class Example:
    """A running web_example: its port, and `stop()`."""

    def __init__(self, *arguments, seconds: float = 600):
        command = [str(BUILD / "web_example"), str(seconds), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            self.process.wait(timeout=60)
            raise RuntimeError(self.process.stderr.read())
        self.port = int(line.split()[1])

    def stop(self):
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def example(*arguments, **options):
    running = Example(*arguments, **options)
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def browser(width: int = 1280, height: int = 1000, dark: bool = False):
    """A driver of a fresh Chromium, with its console and its network in logs `browser` and `performance`."""
    from selenium import webdriver  # here: the rest of this module serves without it

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}"]:
            options.add_argument(flag)
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        driver = webdriver.Chrome(options=options, service=service)
        try:
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                   {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})  # fmt: skip
            features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            yield driver
        finally:
            driver.quit()


def wait_for(driver, script: str, seconds: float = 120):
    """Waits until the script's value is true, and gives it."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, seconds, 0.2).until(lambda it: it.execute_script(f"return {script}"))


# The connection lives, and each chart has been drawn.
DRAWN = ("document.getElementById('link').dataset.link === 'live'"
         " && ['loss', 'rate', 'bytes'].every(id => document.querySelector(`#${id} canvas`))")  # fmt: skip


def picture(driver, path: pathlib.Path) -> None:
    """In 256 colours, which is a third of the bytes, and which nobody sees."""
    from PIL import Image

    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    image = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "live-page.png")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1752)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("arguments", nargs="*", help="of web_example, after `--`")
    options = parser.parse_args()
    arguments = options.arguments or ["--past", 456]
    with example(*arguments) as run, browser(options.width, options.height, options.dark) as driver:
        driver.get(f"http://127.0.0.1:{run.port}/")
        wait_for(driver, DRAWN)
        driver.execute_async_script("const done = arguments[0]; setTimeout(done, 1500);")
        picture(driver, options.out)
        for line in driver.get_log("browser"):
            print(line["message"])
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
