"""A person's way through the live page in a real browser: connect, calibrate, a set, pain, a sensor lost and back, stop."""

from __future__ import annotations

import re

from body_signals import Quality
from dashboards.live_page.lan import qr_svg
from dashboards.notation import UNSURE_MOVEMENT
from dsp.progress import Heard, Stage
from tests.dashboards.live_page.browser.shown import VALUES, shows, state
from tests.dashboards.live_page.conftest import MONITOR, PHONE, Open, until
from tests.dashboards.live_page.scripted_session import BENT, STANDING, ScriptedSession


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
        steps = """[...document.querySelectorAll('.lift .dots i')].map(dot => dot.getBoundingClientRect()).filter(
            ({width, height, right, bottom}) => Math.abs(width - height) < 1 && right <= innerWidth && bottom <= innerHeight)"""
        assert len(page.evaluate(steps)) == 4, "a round dot for each step, whole"
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


def test_a_calibration_s_picture_and_its_buttons_are_in_sight(open_page: Open) -> None:
    in_sight = """selectors => selectors.filter(selector => {
        const {top, bottom, left, right} = document.querySelector(selector).getBoundingClientRect();
        return top < 0 || bottom > innerHeight || left < 0 || right > innerWidth || bottom - top < 40;
    })"""
    shown = [
        ".instruction",
        ".calibrate .body",
        '[data-action="calibrate"]',
        '[data-action="start_without"]',
        '[data-action="stop"]',
    ]
    sizes = ((1024, 768), (768, 1024), PHONE)
    with ScriptedSession() as session:
        page = open_page(session.address)
        state(page, "waiting")
        page.keyboard.press("e")
        for size in sizes:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.reload()
            state(page, "waiting")
            page.wait_for_selector(".calibrate .body")
            assert page.evaluate(in_sight, shown) == [], size
        session.calibrate()
        page.wait_for_selector(".ready")
        for size in sizes:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            assert page.evaluate(in_sight, [".headline", '.foot [data-action="mode-lift"]']) == [], size


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
