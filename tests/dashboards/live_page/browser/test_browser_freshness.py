"""Nothing on the page is ever older than it seems: sensors, server, network and the browser itself fail, and come back."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

from body_signals import Cause
from tests.dashboards.live_page.browser.shown import VALUES, shows, state
from tests.dashboards.live_page.conftest import MONITOR, Open, until
from tests.dashboards.live_page.scripted_session import BENT, STANDING, ScriptedSession

if TYPE_CHECKING:
    from playwright.sync_api import Browser

READABLE = """() => {
    const said = [...document.querySelectorAll('[aria-label],[title],[aria-valuetext]')].flatMap(
        node => ['aria-label', 'title', 'aria-valuetext'].map(name => node.getAttribute(name) ?? ''));
    return [document.body.innerText, ...said].join('\\n');
}"""
"""Everything that a person, or a screen reader, could read."""


def test_a_note_stays_until_it_can_be_sent(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("n")
    until(page, "document.activeElement?.dataset.input === 'note'")
    page.keyboard.type("strap")
    session.kill()
    state(page, "lost")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.answer').textContent.includes('Not sent')")
    assert page.input_value('[data-input="note"]') == "strap"


def test_a_note_waits_where_nothing_is_heard_though_the_connection_is_open(session: ScriptedSession, open_page: Open) -> None:
    """As in a network that is cut: the browser would take what is written, and it might never arrive."""
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("n")
    page.keyboard.type("strap")
    session.held.set()
    state(page, "lost")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.answer').textContent.includes('Not sent')")
    assert page.input_value('[data-input="note"]') == "strap"
    session.held.clear()
    state(page, "streaming")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('[data-input=\"note\"]').value === ''")
    until(page, "document.body.innerText.includes('strap')")
    assert [order.text for order in session.heard if order.do == "note"] == ["strap"]


def test_a_lost_sensor_is_named_its_numbers_are_dashes_and_it_comes_back(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address)
    shows(page, "hip_flexion", "32°")
    began = time.monotonic()
    session.lose("thigh_left")
    page.wait_for_selector('[data-sensor="thigh_left"][data-state="lost"]')
    shows(page, "hip_flexion", "–")
    assert time.monotonic() - began < 1.5
    assert page.evaluate("document.body.dataset.state") == "streaming"
    values = page.evaluate(VALUES)
    assert values["lumbar_flexion"] == "41°"
    assert re.match(r"Left thigh 0:0\d", page.inner_text(".line").strip())
    session.bring_back("thigh_left")
    page.wait_for_selector('[data-sensor="thigh_left"][data-state="streaming"]')
    shows(page, "hip_flexion", "32°")


def test_a_fallen_sensor_is_told_with_what_to_do(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address, MONITOR)
    shows(page, "lumbar_flexion", "41°")
    session.find("pelvis", Cause.OFF_BODY)
    page.wait_for_selector('[data-sensor="pelvis"][data-state="off_body"]')
    shows(page, "lumbar_flexion", "–")
    assert page.inner_text(".line").strip() == "Pelvis off"
    page.keyboard.press("d")
    until(page, "document.querySelector('[data-sensor=pelvis]').innerText.includes('Put it back on')")
    session.find("pelvis", Cause.OFF_BODY, over=True)
    page.wait_for_selector('[data-sensor="pelvis"][data-state="streaming"]')
    shows(page, "lumbar_flexion", "41°")


def test_nothing_stale_can_be_read_when_the_program_hangs(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address, MONITOR)
    shows(page, "lumbar_flexion", "41°")
    session.repetition(0)
    for mode in "led":
        page.keyboard.press(mode)
        page.wait_for_timeout(300)
        began = time.monotonic()
        session.held.set()
        state(page, "lost")
        assert time.monotonic() - began < 0.9
        until(page, "!('time' in document.body.dataset)")
        assert set(page.evaluate(VALUES).values()) == {"–"}
        assert {node.get_attribute("data-state") for node in page.query_selector_all("[data-sensor]")} <= {"unknown"}
        # in no text and no label
        assert "32°" not in page.evaluate(READABLE)
        assert "9\u00a0ms" not in page.evaluate(READABLE)
        if mode != "d":
            session.held.clear()
            state(page, "streaming")
    # also not for a moment, while it tries again
    page.evaluate(
        """() => {
            window.shown = new Set();
            const live = '[data-value]:not([data-fact])';
            const note = () => document.querySelectorAll(live).forEach(n => shown.add(n.textContent));
            new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    page.wait_for_timeout(2300)
    assert set(page.evaluate("[...shown]")) <= {"–"}
    assert page.evaluate("document.body.dataset.state") == "lost"
    session.held.clear()
    state(page, "streaming")


def test_what_was_held_up_on_the_way_is_not_painted_as_present(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address)
    shows(page, "lumbar_flexion", "41°")
    session.pace = 0.4
    state(page, "lost")
    assert set(page.evaluate(VALUES).values()) == {"–"}
    frames = session.page.board.rows.end
    page.wait_for_timeout(300)
    # rows are still coming, and stay unseen
    assert session.page.board.rows.end > frames
    assert page.evaluate("document.body.dataset.state") == "lost"


def test_a_killed_server_shows_at_once(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    state(page, "streaming")
    began = time.monotonic()
    session.kill()
    state(page, "lost")
    assert time.monotonic() - began < 2.0
    assert "No connection" in page.inner_text(".line")
    assert page.get_attribute(".line", "role") == "alert"


def test_a_reloaded_page_goes_on_where_it_was(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address)
    state(page, "streaming")
    session.repetition(0)
    page.keyboard.press("d")
    page.wait_for_selector('[data-repetition="1"]:not([data-under-way])')
    page.reload()
    state(page, "streaming")
    assert page.evaluate("document.body.dataset.mode") == "desk"
    assert page.is_visible('[data-repetition="1"]:not([data-under-way])')
    shows(page, "lumbar_flexion", "41°")


def test_a_page_that_slept_says_so_until_the_next_tap_and_leaves_a_mark(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    state(page, "streaming")
    # a page that is busy is as still as one whose machine slept
    page.evaluate("() => { const until = performance.now() + 3000; while (performance.now() < until); }")
    page.wait_for_selector('[data-notice="slept"]')
    assert re.search(r"Slept [23] s", page.inner_text('[data-notice="slept"]'))
    state(page, "streaming")
    page.wait_for_timeout(300)
    assert [order.do for order in session.heard] == ["slept"]
    page.mouse.click(400, 300)
    until(page, "document.querySelector('[data-notice=slept]') === null")
    page.wait_for_timeout(300)
    assert [order.do for order in session.heard] == ["slept"]


def test_a_window_behind_others_does_not_sleep(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, fresh=True)
    # what a browser does to timers of a window that nobody sees
    page.add_init_script("const every = window.setInterval; window.setInterval = (f, ms) => every(f, Math.max(ms, 2600));")
    page.reload()
    state(page, "streaming")
    page.wait_for_timeout(3500)
    assert page.query_selector('[data-notice="slept"]') is None
    assert session.heard == []


def test_a_browser_that_was_stopped_goes_on_by_itself(session: ScriptedSession, open_page: Open, browser: Browser) -> None:
    session.pose = BENT
    page = open_page(session.address)
    shows(page, "lumbar_flexion", "41°")
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [process["id"] for process in processes if process["type"] == "renderer"]
    try:
        for pid in renderers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3.5)
        session.pose = STANDING
    finally:
        for pid in renderers:
            os.kill(pid, signal.SIGCONT)
    state(page, "streaming")
    shows(page, "lumbar_flexion", "0°")
    assert re.search(r"Slept [345] s", page.inner_text('[data-notice="slept"]'))
    until(page, "document.querySelectorAll('[data-sensor][data-state=streaming]').length === 4")
    assert [order.do for order in session.heard] == ["slept"]


def test_sensors_that_still_connect_are_no_lost_connection(open_page: Open) -> None:
    session = ScriptedSession()
    try:
        page = open_page(session.address, MONITOR)
        page.wait_for_timeout(500)
        for tick in range(12):
            sensors = [{"key": "pelvis", "state": "connecting", "since_s": 0.0}]
            session.page.board.put("sensors", {"now_s": float(tick), "sensors": sensors})
            page.wait_for_timeout(100)
            if tick > 2:
                assert page.evaluate("document.body.dataset.state") == "waiting"
                assert page.evaluate("document.body.dataset.time ?? 'absent'") == "absent"
        assert page.get_attribute('[data-sensor="pelvis"]', "data-state") == "connecting"
        state(page, "lost")
    finally:
        session.page.close()


def test_a_gap_is_a_gap_in_the_ring(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    found = page.evaluate(
        """async () => {
            const {Rows} = await import('/static/session/session.js');
            const rows = new Rows(['lumbar_flexion'], 100);
            const frame = (first, time_s, values) => ({first, time_s, rows: values.length, columns: 1, values});
            rows.take(frame(10, 1.0, [1, 2, 3]));
            rows.take(frame(53, 5.0, [4, 5]));
            rows.take(frame(20, 0.5, []));
            const kept = [10, 11, 12, 13, 52, 53, 54].map(n => rows.values[0][n % rows.capacity]);
            return [kept, rows.newest, rows.at(1.01), rows.at(5.0), rows.at(9.0), rows.newestTime];
        }"""
    )
    values, *rest = found
    assert values[:3] == [1, 2, 3]
    assert all(value != value for value in values[3:5])
    assert values[5:] == [4, 5]
    assert rest == [54, 11, 53, 55, 5.01]


def test_what_was_seen_stays_when_the_same_session_goes_on(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    found = page.evaluate(
        """async () => {
            const {Session} = await import('/static/session/session.js');
            const known = new Session();
            const state = (first_row, start_utc) => ({type: 'state', columns: ['quality'], first_row, session: {start_utc}});
            known.take(state(5, 'a'));
            known.takeRows({first: 5, time_s: 1.0, rows: 3, columns: 1, values: [1, 2, 3]});
            known.take(state(7, 'a'));
            const kept = [known.rows.oldest, known.rows.newest];
            known.take(state(0, 'b'));
            return [kept, known.rows.newest];
        }"""
    )
    assert found == [[5, 7], -1]
