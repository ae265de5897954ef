# SPDX-License-Identifier: Apache-2.0
"""The live page in headless Chromium."""

import json
import urllib.parse

import pytest

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def live_page(tool):
    return tool("live_page")


@pytest.fixture(scope="module")
def run(live_page):
    with live_page.example("--past", 550, "--names", "hostile") as running:
        yield running


def open_page(live_page, driver, port: int, query: str = "") -> None:
    driver.get(f"http://127.0.0.1:{port}/{query}")
    live_page.wait_for(driver, live_page.DRAWN)


@pytest.fixture(scope="module")
def page(live_page, run):
    with live_page.browser() as driver:
        open_page(live_page, driver, run.port)
        yield driver


def requests_of(driver) -> list[str]:
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]


def text(driver, selector: str) -> str:
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def test_shows_every_member_and_the_run(page):
    rows = page.execute_script("return [...document.querySelectorAll('#member-rows tr')].map(row => row.innerText)")
    assert len(rows) == 5
    assert [row.count("training") for row in rows] == [1, 1, 1, 1, 0]
    assert "has never come" in rows[4]
    assert text(page, "#steps") == "of 2,000"
    assert text(page, "#decided") == "1 aborted"
    assert "less than DDP" in text(page, "#beside")


def test_text_of_the_run_stays_text(page):
    assert text(page, "#run") == "</title><script>alert(1)</script>"
    assert text(page, "#member-rows tr b") == HOSTILE
    shown = page.execute_script("return ['#lanes', '#loss-legend', '#events'].map(id => document.querySelector(id).textContent)")
    assert all(HOSTILE in part for part in shown)
    assert page.execute_script("return document.querySelectorAll('img, iframe, object, svg [onload]').length") == 0
    assert page.execute_script("return document.scripts.length") == 1


# Pixels of a colour; axes, grids and words are grey.
COLOURED = """
const canvas = document.querySelector(arguments[0]);
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
let count = 0;
for (let i = 0; i < data.length; i += 4)
  if (data[i + 3] > 100 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) ++count;
return count;
"""


@pytest.mark.parametrize("canvas", ["#loss canvas", "#rate canvas", "#bytes canvas", "#timeline"])
def test_charts_are_drawn(page, canvas):
    assert page.execute_script(COLOURED, canvas) > 300


def test_a_curve_can_be_hidden(page):
    before = page.execute_script(COLOURED, "#loss canvas")
    page.execute_script("for (const button of document.querySelectorAll('#loss-legend button')) button.click()")
    assert page.execute_script(COLOURED, "#loss canvas") < before / 10
    page.execute_script("for (const button of document.querySelectorAll('#loss-legend button')) button.click()")
    assert page.execute_script(COLOURED, "#loss canvas") > before / 2


def test_what_is_new_arrives_and_moves_nothing(live_page, page):
    places = ("return [...document.querySelectorAll('h1, h2, table, canvas, .fact, .legend button b, footer')]"
              ".map(node => { const box = node.getBoundingClientRect(); return [box.x, box.y].map(Math.round).join(); })")  # fmt: skip
    before, uptime = page.execute_script(places), text(page, "#about")
    live_page.wait_for(page, f"document.getElementById('about').textContent !== {json.dumps(uptime)}")
    page.execute_async_script("setTimeout(arguments[0], 3000)")
    assert page.execute_script(places) == before


def test_keyboard_and_screen_readers_get_the_rounds(live_page, page):
    from selenium.webdriver.common.keys import Keys

    timeline = page.find_element("id", "timeline")
    for key in (Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_DOWN):
        timeline.send_keys(key)
    said = text(page, "#said")
    assert said.startswith("Round ")
    assert "opened" in said
    assert "committed after" in said
    page.execute_script("document.querySelector('details').open = true")
    live_page.wait_for(page, "document.querySelectorAll('#round-rows tr').length === 12")


def test_many_members_are_scrolled(live_page):
    from selenium.webdriver.common.keys import Keys

    with live_page.example("--workers", 200) as crowd, live_page.browser() as driver:
        open_page(live_page, driver, crowd.port)
        live_page.wait_for(driver, "document.querySelectorAll('#member-rows tr').length === 200")
        assert driver.execute_script("return document.getElementById('timeline').clientHeight") < 600
        timeline = driver.find_element("id", "timeline")
        timeline.send_keys(Keys.ARROW_LEFT)
        for _ in range(40):
            timeline.send_keys(Keys.ARROW_DOWN)
        assert text(driver, "#said").startswith("Round 1, bergen · 40")
        assert driver.execute_script("return document.getElementById('rows').scrollTop") > 500
        assert driver.execute_script(COLOURED, "#timeline") > 300


def accessible(driver) -> list[tuple[str, str]]:
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]


@pytest.mark.parametrize("width", [400, 1600])
def test_fits_narrow_and_wide_screens(live_page, run, width):
    with live_page.browser(width, 900) as driver:
        open_page(live_page, driver, run.port)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        tree = accessible(driver)
        roles = [role for role, _ in tree]
        # A row that looks like a card is a row nevertheless.
        assert ("table", "Members") in tree
        assert roles.count("columnheader") >= 10
        assert roles.count("row") >= 6
        assert ("progressbar", "Steps done") in tree
        assert any(role == "image" and name.startswith("Loss") for role, name in tree)


def test_dark_and_light(live_page, run):
    def looks(dark: bool) -> list[str]:
        with live_page.browser(dark=dark) as driver:
            open_page(live_page, driver, run.port)
            style = "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]"
            return driver.execute_script(style)

    def light(colour: str) -> int:
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    (light_page, light_ink), (dark_page, dark_ink) = looks(False), looks(True)
    assert light(light_page) > 650 > 150 > light(light_ink)
    assert light(dark_page) < 150 < 650 < light(dark_ink)


def test_says_that_it_is_disconnected_and_recovers(live_page):
    with live_page.browser() as driver:
        with live_page.example("--past", 100) as first:
            open_page(live_page, driver, first.port)
        live_page.wait_for(driver, "document.getElementById('link').dataset.link === 'lost'")
        assert text(driver, "#link").startswith("Disconnected")
        assert text(driver, "#run") == "four-coasts"  # what is known stays
        with live_page.example("--past", 300, "--port", first.port):
            live_page.wait_for(driver, "document.getElementById('link').dataset.link === 'live'")
            live_page.wait_for(driver, "document.getElementById('round').textContent >= '15'")


def test_a_token_goes_with_the_events(live_page):
    with live_page.example("--token", "a b&c") as guarded, live_page.browser() as driver:
        open_page(live_page, driver, guarded.port, "?token=a%20b%26c")
        assert text(driver, "#run") == "four-coasts"
        assert driver.get_log("browser") == []


def test_no_request_leaves_and_no_error_is_logged(page, run):
    """Last: it sees all that the page did in the tests above."""
    urls = [urllib.parse.urlsplit(url) for url in requests_of(page)]
    sent = [url for url in urls if not url.scheme.startswith("chrome") and url.scheme != "data"]  # those are of the browser itself
    assert {url.netloc for url in sent} == {f"127.0.0.1:{run.port}"}
    assert {url.path for url in sent} == {"/", "/events"}
    # The tests above read pixels, on which the browser has advice.
    assert [entry for entry in page.get_log("browser") if entry["source"] != "rendering"] == []
