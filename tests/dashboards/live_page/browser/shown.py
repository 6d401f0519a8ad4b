"""What a page shows: its state, its live numbers, one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.dashboards.live_page.conftest import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

STATE = "document.body.dataset.state === '{}'"
VALUES = """() => Object.fromEntries([...document.querySelectorAll('[data-value]:not([data-fact])')]
    .map(node => [node.dataset.value, node.textContent]))"""
"""The text of each live number, by its name."""


def state(page: Page, wanted: str) -> None:
    until(page, STATE.format(wanted))


def shows(page: Page, name: str, text: str) -> None:
    until(page, "([name, text]) => document.querySelector(`[data-value=${name}]`)?.textContent === text", [name, text])
