"""Windows of a real browser that tests hand on to one another: a new one takes ten times as long as a new page in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOWHERE = "about:blank"


@dataclass(frozen=True, slots=True)
class Window:
    """A page in a profile of its own; what its scripts failed with, and all addresses that it asked."""

    page: Page
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class Windows:
    """Each window is one test's alone from `take` to `leave`, and empty when it is taken."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[Window]] = {}
        self._taken: list[tuple[str, Window]] = []

    def take(self, size: tuple[int, int], *, dark: bool = False, fresh: bool = False, **options: Any) -> Window:
        """A window that shows nothing yet. options: as for a new context. fresh: one that is only for this test, which puts
        something into it that stays there, or asks what a first visit is like."""
        kind = "" if fresh else repr(sorted(options.items()))
        free = self._free.get(kind, [])
        window = free.pop() if free and not fresh else self._opened(options)
        self._taken.append((kind, window))
        window.page.set_viewport_size({"width": size[0], "height": size[1]})
        window.page.emulate_media(media="null", color_scheme="dark" if dark else "light")
        return window

    def leave(self) -> list[Window]:
        """Empty all windows that are taken; what they had seen."""
        left = [Window(window.page, [*window.faults], [*window.asked]) for _, window in self._taken]
        for kind, window in self._taken:
            if kind and self._emptied(window):
                self._free.setdefault(kind, []).append(window)
            else:
                window.page.context.close()
        self._taken.clear()
        return left

    def _opened(self, options: dict[str, Any]) -> Window:
        # as a browser with a window does by itself
        granted = {"permissions": ["screen-wake-lock"], **options}
        window = Window(self._browser.new_context(**granted).new_page())
        window.page.on("pageerror", lambda error: window.faults.append(str(error)))
        window.page.on("console", lambda said: window.faults.append(said.text) if "Content Security" in said.text else None)
        window.page.on("request", lambda request: window.asked.append(request.url))
        return window

    @staticmethod
    def _emptied(window: Window) -> bool:
        """Whether it is as it was when it was opened."""
        page = window.page
        if page.is_closed() or len(page.context.pages) > 1:
            return False
        # the next server may get the same port, and so its page the same origin
        page.evaluate(
            "() => { try { sessionStorage.clear(); localStorage.clear(); } catch { /* it shows no server's page */ } }"
        )
        page.goto(NOWHERE)
        page.context.clear_cookies()
        page.mouse.move(0, 0)
        window.faults.clear()
        window.asked.clear()
        return True
