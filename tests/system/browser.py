"""A real Chromium without a window, driven by selenium through the system's chromedriver."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
DEADLINE = 20.0  # seconds in which the page must show what it should
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # whatever it wants elsewhere, it does not get
)


class Browser:
    """One tab, and the questions that tests ask about it."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(DRIVER))
        self.size(1280, 900)

    def size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """Media features, such as ``prefers_color_scheme="dark"``; none takes them back."""
        rows = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": rows})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The first visible one, as soon as there is one."""
        return self.until(lambda: next((e for e in self.all(selector) if e.is_displayed()), None), selector)

    def text(self, selector: str = "main") -> str:
        return self.one(selector).text

    def until(self, ask: Callable[[], T | None], what: str = "") -> T:
        """What ``ask`` answers, once that is something."""
        wait = WebDriverWait(self.driver, DEADLINE, 0.05, ignored_exceptions=(StaleElementReferenceException,))
        try:
            found: T = wait.until(lambda _: ask())
        except TimeoutException:
            page = self.run("return document.body.innerText")
            raise AssertionError(f"{what or 'what was awaited'!r} is not in:\n{page}") from None
        return found

    def shows(self, text: str, selector: str = "main") -> bool:
        """True once ``text`` is there; fails after the deadline."""
        return self.until(lambda: text in self.text(selector) or None, text)

    def complaints(self) -> list[str]:
        """What the browser complained about since the last time it was asked."""
        return [row["message"] for row in self.driver.get_log("browser") if row["level"] in ("SEVERE", "WARNING")]

    def close(self) -> None:
        self.driver.quit()
