"""A person's way through the live page in a real browser: connect, calibrate, a set, pain, a sensor lost and back, stop."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from body_signals import Cause, Quality
from dashboards.live_page.lan import qr_svg
from dashboards.notation import UNSURE_MOVEMENT
from dsp.progress import Heard, Stage
from tests.dashboards.live_page.conftest import MONITOR, Open, until
from tests.dashboards.live_page.scripted_session import BENT, STANDING, ScriptedSession

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STATE = "document.body.dataset.state === '{}'"
VALUES = """() => Object.fromEntries([...document.querySelectorAll('[data-value]:not([data-fact])')]
    .map(node => [node.dataset.value, node.textContent]))"""
READABLE = """() => {
    const said = [...document.querySelectorAll('[aria-label],[title],[aria-valuetext]')].flatMap(
        node => ['aria-label', 'title', 'aria-valuetext'].map(name => node.getAttribute(name) ?? ''));
    return [document.body.innerText, ...said].join('\\n');
}"""


@pytest.fixture
def session() -> Iterator[ScriptedSession]:
    with ScriptedSession() as scripted:
        scripted.calibrate()
        yield scripted


def state(page: Page, wanted: str) -> None:
    until(page, STATE.format(wanted))


def shows(page: Page, name: str, text: str) -> None:
    until(page, "([name, text]) => document.querySelector(`[data-value=${name}]`)?.textContent === text", [name, text])


def test_a_page_connects_and_shows_the_row_whose_time_it_carries(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address)
    state(page, "streaming")
    shows(page, "lumbar_flexion", "41°")
    shows(page, "hip_flexion", "32°")
    assert "#" not in page.url
    assert "TOKEN" not in page.content()
    assert re.fullmatch(r"\d+\.\d{3}", page.evaluate("document.body.dataset.time"))
    assert abs(float(page.evaluate("document.body.dataset.time")) - session.now_s) < 0.5
    # the same name shown twice shows the same text, in the same frame
    page.keyboard.press("d")
    until(
        page,
        """() => {
            const shown = [...document.querySelectorAll('[data-value=lumbar_flexion]')].map(n => n.textContent);
            return shown.length > 1 && shown.every(text => text === '41°');
        }""",
    )


def test_the_calibration_is_led_in_all_three_modes(open_page: Open) -> None:
    with ScriptedSession() as session:
        page = open_page(session.address)
        state(page, "waiting")
        assert page.inner_text(".line").strip() == "Calibrate"
        page.keyboard.press("e")
        page.click('[data-action="calibrate"]')
        state(page, "calibrating")
        assert session.heard[-1].do == "calibrate"
        until(page, "document.querySelector('.instruction').textContent === 'Stand still'")
        session.movements(1, 0, 0, heard=Heard("bend", 1, "", (("lumbar", 55.0), ("pelvis", 30.0)), session.now_s))
        until(page, "document.querySelector('.instruction').textContent === 'Bend forward'")
        until(page, "document.querySelector('.remark').textContent.includes('55°')")
        assert page.inner_text(".calibrate .of").split() == ["2", "of", "3"]
        page.keyboard.press("l")
        until(page, "document.querySelector('.lift .instruction')?.textContent === 'Bend\\nforward'")
        session.movements(3, 2, 1, heard=Heard("knee_right", 0, "too_shallow", (("thigh_right", 22.0),), session.now_s))
        until(page, "document.querySelector('.lift .instruction').textContent === 'Right\\nknee up'")
        session.calibrate(confidence=0.7)
        state(page, "streaming")
        page.keyboard.press("e")
        page.wait_for_selector(".ready")
        assert page.inner_text(".headline") == "Ready."
        assert "fair" in page.inner_text(".ready .least")
        assert "3 bends of 59°" in page.inner_text(".reports")
        assert page.is_visible('.better [data-action="calibrate"]')


def test_a_set_is_counted_and_stands_in_the_table(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    state(page, "streaming")
    for index in range(3):
        session.repetition(index)
    shows(page, "repetition_count", "3")
    page.keyboard.press("d")
    row = page.locator('[data-repetition="3"]')
    assert row.locator('[data-value="lumbar_rom_deg"]').text_content() == "41°"
    assert row.locator('[data-value="lumbar_share_of_trunk"]').text_content() == "61\u00a0%"
    assert row.locator('[data-value="lumbar_share_of_trunk_early"]').text_content() == "80\u00a0%"
    assert page.locator("[data-repetition]:not([data-under-way])").count() == 3
    assert page.locator("[data-under-way]").get_attribute("data-repetition") == "4"
    # the limit is that of the report (`dashboards.notation`)
    for number, confidence, asks in ((4, UNSURE_MOVEMENT, True), (5, UNSURE_MOVEMENT + 0.1, False)):
        session.repetition(number - 1, "squat", confidence, lumbar_share_of_trunk_on_thigh=0.11)
        page.wait_for_selector(f'[data-repetition="{number}"]:not([data-under-way])')
        assert ("squat ?" in page.inner_text(f'[data-repetition="{number}"]:not([data-under-way])')) is asks


def test_pain_stands_at_the_row_that_was_seen_and_can_be_taken_back(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address, MONITOR)
    shows(page, "lumbar_flexion", "41°")
    page.keyboard.press("d")
    page.click('[data-action="pain-4"]')
    until(page, "document.querySelector('.marks')?.innerText.includes('pain 4')")
    assert "at lumbar 41°" in page.inner_text(".marks")
    tap = session.heard[-1]
    assert (tap.do, tap.number) == ("pain", 4)
    assert tap.seen_s is not None
    assert abs(tap.seen_s - session.now_s) < 2.0
    page.keyboard.press("p")
    page.keyboard.press("1")
    page.keyboard.press("0")
    until(page, "document.querySelector('.marks').innerText.includes('pain 10')")
    page.keyboard.press("u")
    until(page, "!document.querySelector('.marks').innerText.includes('pain 10')")
    page.fill('[data-input="note"]', "left  heel lifts")
    page.press('[data-input="note"]', "Enter")
    until(page, "document.querySelector('.marks').innerText.includes('left heel lifts')")
    assert page.input_value('[data-input="note"]') == ""


def test_a_pedal_marks_and_presses_no_button_again(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("d")
    page.click('[data-action="pain-3"]')
    page.keyboard.press(" ")
    until(page, "document.querySelectorAll('.marks li').length === 2")
    assert [order.do for order in session.heard] == ["pain", "mark"]
    # on Lift a mark is answered where the athlete's state stands, for a moment
    page.keyboard.press("l")
    page.keyboard.press(" ")
    until(page, "document.querySelector('.line').textContent.trim() === 'Mark set'")
    until(page, "document.querySelector('.line').hidden")


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
    page = open_page(session.address)
    # what a browser does to timers of a window that nobody sees
    page.add_init_script("const every = window.setInterval; window.setInterval = (f, ms) => every(f, Math.max(ms, 2600));")
    page.reload()
    state(page, "streaming")
    page.wait_for_timeout(3500)
    assert page.query_selector('[data-notice="slept"]') is None
    assert session.heard == []


def test_stop_asks_once_and_ends(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.action") == "stop-confirm"
    page.keyboard.press("Escape")
    until(page, "document.querySelector('dialog') === null")
    page.keyboard.press("d")
    page.click('[data-action="stop"]')
    page.keyboard.press("Enter")
    state(page, "ended")
    assert session.stopped.is_set()
    assert set(page.evaluate(VALUES).values()) == {"–"}
    # keys do no more than buttons
    heard = len(session.heard)
    for key in ("4", " ", "u", "Escape"):
        page.keyboard.press(key)
    assert page.query_selector("dialog") is None
    page.wait_for_timeout(1300)
    assert len(session.heard) == heard
    assert page.evaluate("document.body.dataset.state") == "ended"


def test_without_a_token_nothing_of_the_session_is_shown(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address.partition("#")[0], MONITOR)
    state(page, "refused")
    page.keyboard.press("d")
    assert "player-07" not in page.content()
    # the right address in the same window lets in, without a reload
    page.evaluate("address => { location.href = address }", session.address)
    state(page, "streaming")
    assert "player-07" in page.content()
    assert "#" not in page.url


def test_a_viewer_has_none_of_the_operators_actions(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.page.viewer, MONITOR)
    state(page, "streaming")
    for mode in "lde":
        page.keyboard.press(mode)
        page.wait_for_timeout(100)
        actions = set(page.evaluate("[...document.querySelectorAll('[data-action]')].map(n => n.dataset.action)"))
        assert not {a for a in actions if not a.startswith(("mode-", "sound-")) and a != "start_without"}, mode
        assert page.query_selector('[data-input]:not([data-input="beats"])') is None
    page.keyboard.press("4")
    page.keyboard.press(" ")
    page.wait_for_timeout(300)
    assert session.heard == []


def test_an_operator_sees_who_is_connected_and_sends_one_away(session: ScriptedSession, open_page: Open) -> None:
    viewer = open_page(session.page.viewer)
    state(viewer, "streaming")
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("d")
    page.click('[data-action="invite-viewer"]')
    until(page, "document.querySelector('.invitation').innerText.includes('--lan')")
    page.locator(".connected li", has_text="Viewer").locator('[data-action="revoke"]').click()
    state(viewer, "refused")
    assert set(viewer.evaluate(VALUES).values()) == {"–"}


def test_a_target_set_by_hand_is_the_line_of_the_bar(session: ScriptedSession, open_page: Open) -> None:
    session.pose = BENT
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("d")
    page.fill('[data-input="target-lumbar_flexion"]', "20")
    page.press('[data-input="target-lumbar_flexion"]', "Enter")
    until(page, "document.querySelector('.notice').textContent.includes('21° over')")
    page.keyboard.press("l")
    assert page.inner_text(".line").strip() == "Lumbar 21° over"
    assert page.is_visible(".over.hatched")
    session.pose = STANDING
    until(page, "getComputedStyle(document.querySelector('.over.hatched')).display === 'none'")
    page.keyboard.press("d")
    page.click('[data-action="no-target-lumbar_flexion"]')
    until(page, "document.querySelector('[data-input=target-lumbar_flexion]').value === ''")
    # the athlete's own line is offered where there is one
    own = '[data-action="own-target-lumbar_flexion"]'
    assert page.is_hidden(own)
    session.page.offer_own_lines({"lumbar_flexion": 47, "hip_flexion": None, "sessions": 3})
    page.wait_for_selector(own, state="visible")
    assert page.inner_text(own) == "Own: 47°"
    assert "3 sessions" in str(page.get_attribute(own, "title"))
    assert page.is_hidden('[data-action="own-target-hip_flexion"]')
    page.click(own)
    until(page, "document.querySelector('[data-input=target-lumbar_flexion]').value === '47'")


def test_sounds_silence_means_well_and_lost_data_are_heard(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("d")
    tone = "document.body.dataset.tone === '{}'"
    page.click('[data-action="sound-target"]')
    assert page.evaluate("document.body.dataset.sound") == "target"
    assert "set one first" in page.inner_text("#sound-what")
    page.fill('[data-input="target-lumbar_flexion"]', "30")
    page.press('[data-input="target-lumbar_flexion"]', "Enter")
    page.wait_for_timeout(200)
    assert page.evaluate("document.body.dataset.tone") == "silent"
    session.pose = BENT
    until(page, tone.format("tone"))
    session.lose("lumbar")
    until(page, tone.format("lost"))
    session.bring_back("lumbar")
    until(page, tone.format("tone"))
    session.held.set()
    until(page, tone.format("lost"))
    session.held.clear()
    until(page, tone.format("tone"))
    page.click('[data-action="sound-off"]')
    assert page.evaluate("document.body.dataset.tone") == "silent"


def test_a_calibration_that_is_refused_says_why(session: ScriptedSession, open_page: Open) -> None:
    session.calibrate(Stage.REFUSED, reasons=("moved by 14° instead of standing still; stand still, mark calibrate again",))
    page = open_page(session.address)
    state(page, "streaming")
    page.keyboard.press("e")
    page.wait_for_selector(".ready")
    until(page, "document.querySelector('.headline').textContent === 'Not calibrated.'")
    assert "moved by 14°" in page.inner_text(".reports")


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


def test_an_invitation_is_drawn_as_a_code_and_nothing_else_of_it(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, MONITOR)
    state(page, "streaming")
    page.keyboard.press("d")
    drawing = qr_svg("http://192.0.2.7:8642/#once").replace("<path", "<script>document.title='owned'</script><path id='x'", 1)
    session.page.board.put("invitation", {"role": "viewer", "address": "http://192.0.2.7:8642/#once", "qr": drawing})
    page.wait_for_selector(".qr path")
    assert page.get_attribute(".qr", "viewBox") == "0 0 132 132"
    assert page.query_selector(".qr script, .qr [id]") is None
    assert page.title() != "owned"
    assert page.inner_text(".invitation code") == "http://192.0.2.7:8642/#once"


def test_a_gap_is_a_gap_in_the_ring(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    found = page.evaluate(
        """async () => {
            const {Rows} = await import('/static/session.js');
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
            const {Session} = await import('/static/session.js');
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


def test_while_one_thigh_moves_alone_its_hip_is_shown_by_name(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    state(page, "streaming")
    hip = "document.querySelectorAll('.lift .row')[1].innerText.replace(/\\s+/g, ' ').trim()"
    share = "document.querySelector('[data-value=\"lumbar_share_now\"]').textContent"
    for side, other in (("left", "right"), ("right", "left")):
        session.pose = {f"thigh_{side}_inclination": 80.0, f"hip_{side}_flexion": 75.0, "lumbar_flexion": 25.0}
        until(page, f"{hip} === 'Hip {side[0].upper()} 75°'")
        until(page, f"{share} === '25\u00a0%'")
        session.pose = {"thigh_left_inclination": 20.0, "thigh_right_inclination": 20.0} | BENT
        until(page, f"{hip} === 'Hip 32°'")
        # of one that is not measured nothing is told
        session.pose = {f"thigh_{side}_inclination": 80.0, f"hip_{side}_flexion": 75.0}
        session.lose(f"thigh_{other}")
        until(page, f"{hip} === 'Hip –'")
        session.bring_back(f"thigh_{other}")
        until(page, f"{hip} === 'Hip {side[0].upper()} 75°'")


def test_a_strap_that_has_slipped_is_named_where_it_is_known_which(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    state(page, "streaming")
    session.quality = int(Quality.SLIPPED)
    until(page, "document.querySelector('.lift .said').textContent === 'Strap slipped'")
    session.slipped = {"pelvis"}
    until(page, "document.querySelector('.lift .said').textContent === 'Pelvis slipped'")
    session.slipped = {"pelvis", "lumbar"}
    until(page, "document.querySelector('.lift .said').textContent === 'Strap slipped'")
