"""The gateway's pages, in a real browser in front of a real gateway."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from lingate.server import ui
from lingate.simulator import Simulator
from tests.server.gateway_kit import ADMIN, MASTER, Running, running_gateway
from tests.services import find_binary

HOSTILE = "<img src=x onerror='document.title=1'>"
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--window-size=1300,900",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def config(simulator: str, **own: Any) -> str:
    def entry(name: str, model: str) -> dict[str, Any]:
        prices = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
        params = {"model": f"openai/{model}", "api_base": f"{simulator}/v1", "api_key": "sk-up", "max_retries": 0}
        return {"model_name": name, "litellm_params": {**params, **prices}}

    return json.dumps({"model_list": [entry("good", "sim-words-5"), entry("broken", "sim-fault-401")], "lingate": own})


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        Simulator() as simulator,
        running_gateway(config(simulator.url), tmp_path_factory.mktemp("gateway"), auth=True) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def key(gateway: Running) -> str:
    """A key with a hostile name, half of whose budget is spent by three calls and one failure."""
    asked = {"alias": HOSTILE, "max_budget": 1.0, "rpm_limit": 60}
    made = httpx2.post(f"{gateway.url}/admin/keys", json=asked, headers=ADMIN).raise_for_status().json()
    token: str = made["token"]
    for model in ("good", "good", "good", "broken"):
        call = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
        httpx2.post(f"{gateway.url}/v1/chat/completions", json=call, headers={"authorization": f"Bearer {token}"})
    gateway.flush()
    return token


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = find_binary("chromium")
    for switch in _SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(find_binary("chromedriver"), env={**os.environ, "SE_AVOID_STATS": "true"})
    browser = Chrome(service=service, options=options)
    try:
        yield browser
    finally:
        browser.quit()


def log(browser: Chrome, kind: str) -> list[dict[str, Any]]:
    """What the browser has noted since the last time."""
    found: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return found


class Page:
    """The pages as somebody sees them."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def until(self, seen: Callable[[Chrome], Any]) -> Any:
        """What comes of looking again and again, once it is something."""
        drawn_anew = (NoSuchElementException, StaleElementReferenceException)
        wait = WebDriverWait(self.browser, 30, poll_frequency=0.05, ignored_exceptions=drawn_anew)
        try:
            return wait.until(seen)
        except TimeoutException as error:
            shown = self.browser.execute_script("return `${location.href}: ${document.body.innerText}`")
            raise AssertionError(f"not seen in 30 s; the page is at {shown}") from error

    def one(self, selector: str) -> WebElement:
        """An element, when it is there."""
        found: WebElement = self.until(lambda browser: browser.find_element(By.CSS_SELECTOR, selector))
        return found

    def all(self, selector: str) -> list[WebElement]:
        """Elements, when there is one."""
        found: list[WebElement] = self.until(lambda browser: browser.find_elements(By.CSS_SELECTOR, selector))
        return found

    def enter(self, key: str) -> None:
        """Sign in."""
        self.one("#key").send_keys(key)
        self.one("#entry button").click()

    def go(self, tab: str, heading: str) -> None:
        """Choose a tab, and wait for a column that only it has."""
        self.one(f"nav a[href='#{tab}']").click()
        self.until(lambda _: heading in self.columns())

    def columns(self) -> list[str]:
        """Titles of the table that is shown."""
        read = "return [...document.querySelectorAll('#content thead th')].map(cell => cell.textContent)"
        found: list[str] = self.browser.execute_script(read)
        return found

    def rows(self) -> list[list[str]]:
        """Cells of the table that is shown, read at one moment: the page draws itself anew every few seconds."""
        read = (
            "return [...document.querySelectorAll('#content tbody tr:not(.facts, .facts *)')]"
            ".map(row => [...row.cells].map(cell => cell.textContent))"
        )
        found: list[list[str]] = self.browser.execute_script(read)
        return found

    def said(self) -> str:
        """What the page complains about."""
        return str(self.until(lambda browser: browser.find_element(By.ID, "problem").text))


@pytest.fixture
def page(chromium: Chrome, gateway: Running) -> Iterator[Page]:
    for kind in ("browser", "performance"):
        log(chromium, kind)
    chromium.get(f"{gateway.url}{ui.PAGE}")
    chromium.execute_script("sessionStorage.clear()")
    chromium.refresh()
    yield Page(chromium, gateway.url)
    errors = [entry["message"] for entry in log(chromium, "browser") if entry["level"] == "SEVERE"]
    faults = [error for error in errors if "Failed to load resource" not in error]
    assert faults == [], "a script failed, or a policy forbade something"


def test_without_a_key_there_is_nothing_to_see_and_a_wrong_one_is_refused(page: Page) -> None:
    assert not page.one("#tabs").is_displayed()

    page.enter("sk-nobody")

    assert "key" in page.said()
    assert page.one("#entry").is_displayed()
    assert page.rows() == []


def test_a_key_that_no_request_can_bring_is_refused_as_any_wrong_one(page: Page) -> None:
    page.enter("sk-\u200bmaster")  # as some programs copy it

    page.until(lambda _: "not valid" in page.said())
    assert page.one("#key").is_displayed()


def test_an_ordinary_key_is_told_that_it_is_not_an_administrators(page: Page, key: str) -> None:
    page.enter(key)

    assert "administrator" in page.said()
    assert page.one("#entry").is_displayed()


def test_spend_is_what_the_ledger_has_as_tiles_a_chart_and_a_table(page: Page, gateway: Running, key: str) -> None:
    page.enter(MASTER)
    tiles = page.all(".tile b")
    totals = httpx2.get(f"{gateway.url}/admin/spend", headers=ADMIN).json()["totals"]

    assert tiles[0].text == f"${totals['cost']:.3f}".rstrip("0")
    assert [tile.text for tile in tiles[1:]] == [
        str(totals[name]) for name in ("calls", "errors", "prompt_tokens", "completion_tokens")
    ]
    (bar,) = page.all(".chart rect")
    assert float(bar.get_attribute("height") or 0) > 100
    assert {row[0]: row[1:3] for row in page.rows()} == {"good": ["3", "0"], "broken": ["1", "1"]}
    assert [row[-1] for row in page.rows()] == [tiles[0].text, "$0.00"]


def test_a_phone_shows_the_whole_page_and_the_chart_can_be_read(page: Page, key: str) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        page.enter(MASTER)
        for tab, heading in (("spend", "cost"), ("calls", "status"), ("keys", "alias"), ("models", "asks")):
            page.go(tab, heading)
            seen = "return [innerWidth, document.getElementById('leave').getBoundingClientRect().right <= innerWidth]"
            assert page.browser.execute_script(seen) == [390, True]
        page.go("spend", "cost")
        page.one(".chart text")
        assert page.browser.execute_script("return document.querySelector('.chart').getScreenCTM().a") >= 0.9
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_spend_is_split_by_what_is_chosen_and_names_are_text(page: Page, key: str) -> None:
    page.enter(MASTER)
    Select(page.one("select[aria-label='By']")).select_by_visible_text("key")
    page.until(lambda _: page.columns()[:1] == ["key"])

    assert [row[0] for row in page.rows()] == [HOSTILE]
    assert page.until(lambda browser: browser.find_element(By.CSS_SELECTOR, ".legend").text) == HOSTILE
    Select(page.one("select[aria-label='Measure']")).select_by_visible_text("Failures")
    Select(page.one("select[aria-label='Period']")).select_by_visible_text("30 days")
    page.until(lambda browser: "1" in browser.find_element(By.CSS_SELECTOR, ".chart").text.split("\n"))
    assert page.browser.find_elements(By.TAG_NAME, "img") == []
    assert page.browser.title == "Lingate"


def test_calls_are_listed_filtered_and_opened(page: Page, key: str) -> None:
    page.enter(MASTER)
    page.go("calls", "answered by")
    assert [row[3] for row in page.rows()] == ["broken", "good", "good", "good"]

    page.one("#controls input[type=checkbox]").click()
    page.until(lambda _: len(page.rows()) == 1)
    (failed,) = page.rows()
    assert failed[2:4] == [HOSTILE, "broken"]
    assert "auth" in failed[1]

    page.one("tr.open").click()
    facts = page.one(".facts").text
    assert "lg-" in facts
    assert f"at {failed[0]}" in facts, "in words, as everywhere"
    assert "openai_chat" in facts


def test_numbers_of_calls_lead_to_the_calls_and_back_leads_back(page: Page, key: str) -> None:
    page.enter(MASTER)
    page.until(lambda _: len(page.rows()) == 2)
    page.one("a[href='#calls?model=broken&failed=true']").click()
    page.until(lambda _: [row[3] for row in page.rows()] == ["broken"])
    assert page.one("[aria-label=Model]").get_property("value") == "broken"
    assert page.one("#controls input[type=checkbox]").is_selected()

    page.browser.back()
    page.until(lambda _: page.columns()[:1] == ["model"])
    page.go("keys", "budget")
    page.one("#content a").click()
    page.until(lambda _: len(page.rows()) == 4)
    assert not page.one("#controls input[type=checkbox]").is_selected(), "of another question"


def test_what_is_chosen_stands_in_the_address_and_outlasts_a_reload(page: Page, key: str) -> None:
    page.enter(MASTER)
    Select(page.one("[aria-label=Measure]")).select_by_visible_text("Failures")
    Select(page.one("[aria-label=By]")).select_by_visible_text("kind of error")
    page.until(lambda _: page.columns()[:1] == ["kind of error"])
    assert page.browser.current_url.endswith("#spend?measure=errors&by=error&period=day")
    page.browser.refresh()
    page.until(lambda _: page.columns()[:1] == ["kind of error"])

    page.one("nav a[href='#others']").click()
    Select(page.one("[aria-label=Whose]")).select_by_visible_text("Tags")
    page.until(lambda _: page.one("#controls summary").text == "New tag")
    assert page.browser.execute_script("return document.activeElement.ariaLabel") == "Whose"
    page.browser.refresh()
    page.until(lambda _: page.one("#controls summary").text == "New tag")

    page.browser.get(f"{page.url}{ui.PAGE}#spend?by=constructor&period=ever")
    page.until(lambda _: page.columns()[:1] == ["model"])


def test_whoever_works_with_the_keyboard_keeps_the_place_and_what_is_marked_stays(page: Page, key: str) -> None:
    page.enter(MASTER)
    page.one("nav a[href='#calls']").send_keys(Keys.ENTER)
    page.until(lambda _: "answered by" in page.columns())
    assert page.browser.execute_script("return document.activeElement.hash") == "#calls"

    row = page.one("tr.open")
    row.send_keys("")
    time.sleep(6)
    row.send_keys(Keys.ENTER)
    page.one(".facts")
    page.go("models", "asks")
    page.browser.execute_script("getSelection().selectAllChildren(document.querySelector('#content td'))")
    time.sleep(6)
    assert page.browser.execute_script("return getSelection().toString()") == "good"


def test_the_tab_key_goes_through_the_calls_and_out_again(page: Page, key: str) -> None:
    page.enter(MASTER)
    page.go("calls", "answered by")
    page.one("tr.open").send_keys("")
    place = "return [...document.querySelectorAll('tr.open')].indexOf(document.activeElement)"

    places = []
    for back in (False, False, True, True, True):
        places.append(page.browser.execute_script(place))
        keys = ActionChains(page.browser)
        (
            keys.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT) if back else keys.send_keys(Keys.TAB)
        ).perform()

    assert places == [0, 1, 2, 1, 0]
    assert page.browser.execute_script("return document.activeElement.type") == "checkbox"


def test_keys_show_how_far_their_budgets_are(page: Page, gateway: Running, key: str) -> None:
    listed = httpx2.get(f"{gateway.url}/admin/keys", headers=ADMIN).json()["data"][0]
    page.enter(MASTER)
    page.go("keys", "budget")
    (row,) = page.rows()

    assert row[0] == HOSTILE
    assert row[2].startswith("$0.")
    assert "of $1.00" in row[3]
    assert row[4] == "60 requests a minute"
    share = float(page.one("[role=meter]").get_attribute("aria-valuenow") or 0)
    assert share == pytest.approx(100 * listed["budgets"][0]["spent"], abs=0.5)


def _call(gateway: Running, token: str) -> int:
    call = {"model": "good", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.post(f"{gateway.url}/v1/chat/completions", json=call, headers=headers).status_code


def _fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        box = page.one(f"#controls [name={name}]")
        if box.tag_name == "select":
            Select(box).select_by_visible_text(text)
        else:
            box.send_keys(text)
    page.one("#controls form button").click()


def _press(page: Page, alias: str, text: str) -> None:
    """Press a button in the row of a key."""

    def found(browser: Chrome) -> bool:
        for row in browser.find_elements(By.CSS_SELECTOR, "#content tbody tr"):
            cells = row.find_elements(By.TAG_NAME, "td")
            if cells[0].text == alias:
                next(one for one in cells[-1].find_elements(By.TAG_NAME, "button") if one.text == text).click()
                return True
        return False

    page.until(found)


def test_a_key_is_made_shown_once_blocked_and_deleted(page: Page, gateway: Running, key: str) -> None:
    page.enter(MASTER)
    page.go("keys", "budget")
    page.one("summary").click()
    wanted = {"max_budget": "2.5", "budget_duration": "a day", "models": "good, other-*", "rpm_limit": "100"}
    _fill(page, alias="from the browser", duration="30d", **wanted)
    token = page.one("#controls code").text

    made = httpx2.get(f"{gateway.url}/admin/me", headers={"authorization": f"Bearer {token}"}).json()
    assert made["alias"] == "from the browser"
    assert (made["max_budget"], made["budget_duration"], made["rpm_limit"]) == (2.5, "1d", 100)
    assert made["models"] == ["good", "other-*"]
    assert made["expires_at"] is not None
    assert made["admin"] is False
    assert _call(gateway, token) == 200
    row = page.until(lambda _: next((row for row in page.rows() if row[0] == "from the browser"), None))
    assert "of $2.50 / 1d" in row[3]

    _press(page, "from the browser", "Block")
    page.until(lambda _: any(row[:2] == ["from the browser", "blocked"] for row in page.rows()))
    assert _call(gateway, token) in (401, 403)
    _press(page, "from the browser", "Unblock")
    page.until(lambda _: all(row[1] != "blocked" for row in page.rows()))
    assert _call(gateway, token) == 200

    _press(page, "from the browser", "Delete")
    page.browser.switch_to.alert.dismiss()
    assert _call(gateway, token) == 200
    _press(page, "from the browser", "Delete")
    assert "from the browser" in page.browser.switch_to.alert.text
    page.browser.switch_to.alert.accept()
    page.until(lambda _: all(row[0] != "from the browser" for row in page.rows()))
    assert _call(gateway, token) == 401

    page.go("models", "asks")
    page.go("keys", "budget")
    assert token not in page.browser.page_source


def test_a_key_that_cannot_be_made_says_why_and_keeps_what_was_typed(page: Page, gateway: Running, key: str) -> None:
    page.enter(MASTER)
    page.go("keys", "budget")
    page.one("summary").click()
    _fill(page, alias="never", duration="a while")

    assert "duration" in page.until(lambda browser: browser.find_element(By.CSS_SELECTOR, "#controls .bad").text)
    assert page.one("#controls [name=alias]").get_property("value") == "never"
    assert all(row[0] != "never" for row in page.rows())


def _admin(gateway: Running, method: str, path: str, body: Any = None) -> Any:
    return httpx2.request(method, f"{gateway.url}/admin/{path}", json=body, headers=ADMIN).raise_for_status().json()


def _write(page: Page, name: str, text: str) -> None:
    """Put something in the place of what a field says."""
    box = page.one(f"#controls [name={name}]")
    box.clear()
    box.send_keys(text)


def test_a_key_is_changed_in_what_somebody_changes_and_in_nothing_else(page: Page, gateway: Running) -> None:
    kept = {"budget_duration": "90d", "models": ["good", "other-*"], "tpm_limit": 500, "model_rpm_limit": {"good": 7}}
    asked = {"alias": "changes", "max_budget": 5, "rpm_limit": 60, **kept}
    made = _admin(gateway, "POST", "keys", asked)["key"]
    page.enter(MASTER)
    page.go("keys", "budget")
    _press(page, "changes", "Change")
    assert page.one("#controls summary").text == "Change changes"
    assert page.one("#controls [name=models]").get_property("value") == "good, other-*"
    _write(page, "max_budget", "7.5")
    page.one("#controls [name=rpm_limit]").clear()
    _fill(page, soft_budget="6")
    page.until(lambda browser: browser.find_element(By.CSS_SELECTOR, "#controls [role=status]").text == "Saved.")

    found = _admin(gateway, "GET", f"keys/{made['id']}")
    assert {name: found[name] for name in kept} == kept
    assert (found["alias"], found["max_budget"], found["soft_budget"], found["rpm_limit"]) == ("changes", 7.5, 6, None)
    page.until(lambda _: any("of $7.50 / 90d" in row[3] for row in page.rows() if row[0] == "changes"))
    assert page.one("#controls summary").get_property("textContent") == "New key"

    _press(page, "changes", "Change")
    _write(page, "max_budget", "9")
    page.one("#controls button[type=button]").click()
    assert _admin(gateway, "GET", f"keys/{made['id']}")["max_budget"] == 7.5
    _press(page, "changes", "Change")
    _fill(page, duration="a while")
    assert "duration" in page.until(lambda browser: browser.find_element(By.CSS_SELECTOR, "#controls .bad").text)
    _admin(gateway, "DELETE", f"keys/{made['id']}")


def test_a_key_gets_a_new_token_and_the_old_one_stays_good_for_as_long_as_is_said(page: Page, gateway: Running) -> None:
    made = _admin(gateway, "POST", "keys", {"alias": "turns"})
    page.enter(MASTER)
    page.go("keys", "budget")
    tokens = [made["token"]]
    for overlap, good in (("1h", [200, 200]), (" ", [401, 401, 200])):
        _press(page, "turns", "Rotate")
        page.browser.switch_to.alert.send_keys(overlap)
        page.browser.switch_to.alert.accept()
        old = tokens[-1]
        tokens.append(page.until(lambda browser, old=old: _told(browser, old)))
        assert [_call(gateway, token) for token in tokens] == good

    _press(page, "turns", "Rotate")
    page.browser.switch_to.alert.dismiss()
    assert _call(gateway, tokens[-1]) == 200
    _admin(gateway, "DELETE", f"keys/{made['key']['id']}")


def test_a_new_token_is_seen_wherever_one_has_scrolled_to(page: Page, gateway: Running) -> None:
    made = [_admin(gateway, "POST", "keys", {"alias": alias})["key"]["id"] for alias in ("far down", *"abcdefghij")]
    low = {"width": 1300, "height": 300, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", low)
    try:
        page.enter(MASTER)
        page.go("keys", "budget")
        _press(page, "far down", "Rotate")
        page.browser.switch_to.alert.accept()
        seen = "return document.querySelector('#controls code').getBoundingClientRect().top"
        page.one("#controls code")
        assert 0 <= page.browser.execute_script(seen) < 300
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        for one in made:
            _admin(gateway, "DELETE", f"keys/{one}")


def _told(browser: Chrome, old: str) -> str | None:
    token = browser.find_element(By.CSS_SELECTOR, "#controls code").text
    return token if token != old else None


@pytest.mark.parametrize(
    ("title", "many", "called"),
    [
        ("Teams", "teams", "team"),
        ("Users", "users", "user"),
        ("End users", "customers", "end user"),
        ("Tags", "tags", "tag"),
    ],
)
def test_teams_users_end_users_and_tags_are_made_changed_blocked_and_deleted(
    page: Page, gateway: Running, title: str, many: str, called: str
) -> None:
    page.enter(MASTER)
    page.one("nav a[href='#others']").click()
    Select(page.one("#controls [aria-label=Whose]")).select_by_visible_text(title)
    page.until(lambda _: page.one("#controls summary").text == f"New {called}")
    page.one("#controls summary").click()
    _fill(page, id="red one", alias=HOSTILE, max_budget="20", budget_duration="a month")
    page.until(lambda _: any("of $20.00 / 1mo" in row[4] for row in page.rows() if row[:2] == ["red one", HOSTILE]))

    _press(page, "red one", "Change")
    assert not page.one("#controls [name=id]").is_enabled()
    _fill(page, max_parallel_requests="3")
    page.until(lambda _: any(row[5] == "3 at once" for row in page.rows() if row[0] == "red one"))
    _press(page, "red one", "Block")
    page.until(lambda _: any(row[2] == "blocked" for row in page.rows() if row[0] == "red one"))

    found = _admin(gateway, "GET", f"{many}/red%20one")
    assert (found["max_budget"], found["budget_duration"], found["max_parallel_requests"]) == (20, "1mo", 3)
    assert found["blocked"]
    _press(page, "red one", "Delete")
    assert "Its limits are no more" in page.browser.switch_to.alert.text, "a blocked end user may call again"
    page.browser.switch_to.alert.accept()
    page.until(lambda _: all(row[0] != "red one" for row in page.rows()))


def test_a_team_that_still_has_keys_is_not_deleted_and_the_page_says_why(page: Page, gateway: Running) -> None:
    _admin(gateway, "POST", "teams", {"id": "busy"})
    member = _admin(gateway, "POST", "keys", {"alias": "member", "team_id": "busy"})["key"]["id"]
    page.enter(MASTER)
    page.go("others", "budget")
    _press(page, "busy", "Delete")
    page.browser.switch_to.alert.accept()

    assert "busy" in page.said()
    assert any(row[0] == "busy" for row in page.rows())
    _admin(gateway, "DELETE", f"keys/{member}")
    _admin(gateway, "DELETE", "teams/busy")


def test_models_show_who_rests(page: Page, key: str) -> None:
    page.enter(MASTER)
    page.go("models", "asks")

    assert page.rows()[0][:3] == ["good", "openai/sim-words-5", "ready"]
    assert [row[4:] for row in page.rows()] == [["1,000.00", "10,000.00"]] * 2


def test_new_calls_are_seen_without_asking_for_them(page: Page, gateway: Running, key: str) -> None:
    page.enter(MASTER)
    before = page.all(".tile b")[1].text
    call = {"model": "good", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
    httpx2.post(f"{gateway.url}/v1/chat/completions", json=call, headers={"authorization": f"Bearer {key}"})

    page.until(lambda browser: browser.find_elements(By.CSS_SELECTOR, ".tile b")[1].text == str(int(before) + 1))


def test_the_key_stays_in_the_tab_and_signing_out_forgets_it(page: Page) -> None:
    page.enter(MASTER)
    page.all(".tile")
    kept = page.browser.execute_script("return [localStorage.length, document.cookie, sessionStorage.length]")
    assert kept == [0, "", 1]
    assert MASTER not in page.browser.current_url + page.browser.page_source

    page.browser.refresh()
    page.all(".tile")
    page.one("#leave").click()
    page.until(lambda browser: browser.find_element(By.ID, "entry").is_displayed())
    assert page.browser.execute_script("return sessionStorage.length") == 0
    assert page.rows() == []


def test_the_page_speaks_to_its_own_gateway_only(page: Page, gateway: Running) -> None:
    page.enter(MASTER)
    page.all(".tile")
    told = [json.loads(entry["message"])["message"] for entry in log(page.browser, "performance")]
    asked = {entry["params"]["request"]["url"] for entry in told if entry["method"] == "Network.requestWillBeSent"}

    assert f"{gateway.url}/ui/app.js" in asked
    assert {url for url in asked if not url.startswith((gateway.url, "data:"))} == set()


def test_the_head_says_how_many_deployments_rest(page: Page, tmp_path: Any) -> None:
    with Simulator() as simulator:
        failing = config(simulator.url).replace("sim-words-5", "sim-fault-500").replace('"broken"', '"good"')
        with running_gateway(failing, tmp_path, auth=True) as running:
            for _ in range(10):
                call = {"model": "good", "messages": [{"role": "user", "content": "hello"}]}
                httpx2.post(f"{running.url}/v1/chat/completions", json=call, headers=ADMIN)
            page.browser.get(f"{running.url}{ui.PAGE}")
            page.enter(MASTER)
            page.until(lambda _: "resting" in page.one("#state").text)


def test_what_nobody_knows_the_cost_of_is_not_shown_as_free(page: Page, tmp_path: Any) -> None:
    with Simulator() as simulator:
        unpriced = json.loads(config(simulator.url))
        for entry in unpriced["model_list"]:
            del entry["litellm_params"]["input_cost_per_token"], entry["litellm_params"]["output_cost_per_token"]
        with running_gateway(json.dumps(unpriced), tmp_path, auth=True) as running:
            call = {"model": "good", "messages": [{"role": "user", "content": "hello"}]}
            httpx2.post(f"{running.url}/v1/chat/completions", json=call, headers=ADMIN).raise_for_status()
            running.flush()
            page.browser.get(f"{running.url}{ui.PAGE}")
            page.enter(MASTER)

            assert page.until(lambda _: page.rows())[0][-1] == "unknown"


def test_a_gateway_that_goes_away_is_said_to_be_away(page: Page, tmp_path: Any) -> None:
    with contextlib.ExitStack() as stack:
        brief = stack.enter_context(running_gateway(config("http://127.0.0.1:9"), tmp_path, auth=True))
        page.browser.get(f"{brief.url}{ui.PAGE}")
        page.enter(MASTER)
        page.all(".tile")
        stack.close()
        page.one("nav a[href='#keys']").click()

        assert page.said() == "the gateway does not answer"
        assert page.one("#tabs").is_displayed()
        assert page.one("#state").text == "", "it is not ready, as far as anybody knows"


def test_an_answer_that_breaks_off_is_told_and_the_page_goes_on_looking(page: Page, gateway: Running) -> None:
    class Between(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {"authorization": self.headers.get("authorization") or ""}
            answer = httpx2.get(gateway.url + self.path, headers=headers)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content[: 5 if breaking.is_set() else None])

        def log_message(self, *_: object) -> None:
            """It keeps quiet."""

    breaking = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Between) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        page.browser.get(f"http://127.0.0.1:{proxy.server_port}{ui.PAGE}")
        page.enter(MASTER)
        page.all(".tile")
        breaking.set()

        assert page.said() == "the gateway does not answer"
        breaking.clear()
        page.until(lambda browser: not browser.find_element(By.ID, "problem").is_displayed())
        page.browser.get("about:blank")
        proxy.shutdown()


def test_a_double_click_makes_one_key(page: Page, gateway: Running, key: str) -> None:
    page.enter(MASTER)
    page.go("keys", "alias")
    before = _admin(gateway, "GET", "keys")["total"]
    page.one("#controls summary").click()
    ActionChains(page.browser).double_click(page.one("#controls form button")).perform()  # type: ignore[no-untyped-call]

    page.one("#controls code")
    page.until(lambda _: len(page.rows()) > before)
    assert _admin(gateway, "GET", "keys")["total"] == before + 1
    _admin(gateway, "DELETE", f"keys/{_admin(gateway, 'GET', 'keys?limit=1')['data'][0]['id']}")


@pytest.mark.parametrize("name", ["nonsense", "constructor"])
def test_an_address_with_a_tab_that_there_is_not_shows_the_first(page: Page, name: str) -> None:
    page.browser.get(f"{page.url}{ui.PAGE}#{name}")
    page.browser.refresh()
    page.enter(MASTER)

    assert page.all(".tile")


def test_a_browser_that_keeps_nothing_for_the_page_can_sign_in(page: Page) -> None:
    denied = "Object.defineProperty(self, 'sessionStorage', {get() { throw new DOMException('', 'SecurityError'); }})"
    script = page.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": denied})
    try:
        page.browser.refresh()
        page.enter(MASTER)
        assert page.all(".tile")
        page.one("#leave").click()
        page.until(lambda browser: browser.find_element(By.ID, "entry").is_displayed())
    finally:
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_names_without_end_leave_the_page_as_wide_as_the_window(page: Page, tmp_path: Any) -> None:
    with running_gateway(config("http://127.0.0.1:9"), tmp_path, auth=True) as running:
        httpx2.post(f"{running.url}/admin/keys", json={"alias": "k" * 200}, headers=ADMIN).raise_for_status()
        call = {"model": "m" * 300, "messages": [{"role": "user", "content": "hello"}]}
        assert httpx2.post(f"{running.url}/v1/chat/completions", json=call, headers=ADMIN).status_code == 404
        running.flush()
        page.browser.get(f"{running.url}{ui.PAGE}")
        page.enter(MASTER)
        widths = "return [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"

        Select(page.one("[aria-label=Measure]")).select_by_visible_text("Calls")
        page.until(lambda _: page.one(".legend").text.startswith("mmm"))
        wide, window = page.browser.execute_script(widths)
        assert wide == window
        page.go("keys", "alias")
        _press(page, "k" * 200, "Change")
        page.until(lambda _: page.one("#controls summary").text.startswith("Change kkk"))
        wide, window = page.browser.execute_script(widths)
        assert wide == window


def test_all_files_are_served_with_a_policy_that_keeps_scripts_out(gateway: Running) -> None:
    page = httpx2.get(f"{gateway.url}{ui.PAGE}")
    script = httpx2.get(f"{gateway.url}/ui/app.js")

    assert page.headers["content-type"].startswith("text/html")
    assert script.headers["content-type"].startswith("text/javascript")
    for answer in (page, script):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert httpx2.get(f"{gateway.url}/ui/", follow_redirects=True).text == page.text
    assert httpx2.request("HEAD", f"{gateway.url}{ui.PAGE}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/ui/../builtin.py", "/ui/__init__.py", "/ui/%2e%2e/builtin.py", "/ui/nothing.js", "/uix"]
)
def test_nothing_else_is_served_beside_them(gateway: Running, path: str) -> None:
    assert httpx2.get(f"{gateway.url}{path}").status_code == 404
    assert httpx2.post(f"{gateway.url}{ui.PAGE}").status_code == 404


def test_the_pages_can_be_switched_off(tmp_path: Any) -> None:
    with running_gateway(config("http://127.0.0.1:9", ui=False), tmp_path, auth=True) as running:
        assert httpx2.get(f"{running.url}{ui.PAGE}").status_code == 404
        assert ui.PAGE not in httpx2.get(running.url).text
