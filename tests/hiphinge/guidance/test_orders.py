"""Keys and lines: each is answered at once, and a session is never stopped by one slip of a finger."""

from __future__ import annotations

import pytest

from hiphinge.guidance.orders import KEPT, LEGEND, LONGEST_NOTE, Orders


class Session:
    """What orders come to: marks, and whether it was stopped."""

    def __init__(self) -> None:
        self.marks: list[str] = []
        self.stopped = 0
        self.orders = Orders(self.marks.append, self._stop, lambda: 31.2)

    def _stop(self) -> None:
        self.stopped += 1

    def type(self, keys: str) -> str:
        """Press these; the last answer."""
        for key in keys:
            self.orders.pressed(key)
        return self.last

    def say(self, *lines: str) -> str:
        for line in lines:
            self.orders.said(line)
        return self.last

    @property
    def last(self) -> str:
        answers = self.orders.desk.answers
        return answers[-1].text if answers else ""


@pytest.fixture
def session() -> Session:
    return Session()


def test_the_keys_fit_a_narrow_terminal() -> None:
    assert len(LEGEND) <= 60
    assert {word for word in LEGEND.split() if len(word) == 1} == set("chmpnq")


@pytest.mark.parametrize(
    ("key", "label"), [("c", "calibrate"), ("C", "calibrate"), ("h", "heel_drop"), ("m", "mark"), (" ", "mark")]
)
def test_a_key_sets_its_mark_and_is_answered(session: Session, key: str, label: str) -> None:
    assert session.type(key) == f"marked: {label} 0:31"
    assert session.marks == [label]
    assert session.orders.desk.answers[-1].done


@pytest.mark.parametrize("key", ["x", "7", "\x1b[A", "ä", "\r", "\x1b", "\x00"])
def test_a_key_that_does_nothing_says_what_there_is(session: Session, key: str) -> None:
    session.orders.pressed(key)
    assert "c h m p n q" in session.last
    assert (session.marks, session.stopped, session.orders.desk.answers[-1].done) == ([], 0, False)


@pytest.mark.parametrize("yes", ["q", "y", "Q", "Y"])
def test_q_asks_once(session: Session, yes: str) -> None:
    assert "stop and close the session?" in session.type("q")
    assert "stop and close the session?" in session.orders.desk.prompt
    assert not session.stopped
    session.type(yes)
    assert session.stopped == 1
    assert not session.orders.desk.prompt


@pytest.mark.parametrize("no", ["n", "c", "\x1b", "\r", " ", "\x1b[A"])
def test_any_other_key_lets_the_session_go_on(session: Session, no: str) -> None:
    session.type("q")
    session.orders.pressed(no)
    assert (session.stopped, session.marks, session.last) == (0, [], "the session goes on")
    session.type("q")
    assert not session.stopped, "it asks anew"


@pytest.mark.parametrize(("typed", "label"), [("0", "pain 0"), ("3", "pain 3"), ("10", "pain 10"), ("03", "pain 3")])
def test_pain_is_typed(session: Session, typed: str, label: str) -> None:
    session.type(f"p{typed}")
    assert session.orders.desk.prompt.startswith(f"pain 0 to 10: {typed}_")
    assert session.marks == []
    assert session.type("\n") == f"marked: {label} 0:31"
    assert session.marks == [label]


@pytest.mark.parametrize("typed", ["", "11", "99", "x", "-"])
def test_pain_that_is_no_number_from_0_to_10_is_not_set(session: Session, typed: str) -> None:
    assert "no pain set" in session.type(f"p{typed}\n")
    assert session.marks == []
    session.type("c")
    assert session.marks == ["calibrate"], "and keys are keys again"


def test_what_is_typed_can_be_mended_and_cancelled(session: Session) -> None:
    session.type("p9\x7f4\n")
    session.type("n" + "knee\b\bxx" + "\x1b")
    assert session.marks == ["pain 4"]
    assert session.last == "no note set"
    assert not session.orders.desk.prompt


def test_a_note_is_typed_with_letters_that_are_keys_otherwise(session: Session) -> None:
    session.type("nquick squat, Knie schmerzt ä")
    session.orders.pressed("\x1b[A")
    assert session.type("\r") == "marked: note: quick squat, Knie schmerzt ä 0:31"
    assert (session.marks, session.stopped) == (["note: quick squat, Knie schmerzt ä"], 0)
    assert "no note set" in session.type("n  \n")
    assert len(session.marks) == 1


def test_a_long_note_ends_somewhere(session: Session) -> None:
    session.type("n" + 2 * LONGEST_NOTE * "a" + "\n")
    assert session.marks == ["note: " + LONGEST_NOTE * "a"]


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("mark calibrate", "calibrate"),
        ("  mark   before the break ", "before the break"),
        ("mark pain 3", "pain 3"),
        ("mark pain: 3", "pain 3"),
        ("pain 10", "pain 10"),
        ("note it hurts", "note: it hurts"),
        ("mark note: it  hurts", "note: it hurts"),
        ("mark note it hurts", "note: it hurts"),
        ("c", "calibrate"),
        ("note \x1b[31mred\x07", "note: [31mred"),
    ],
)
def test_a_line_says_the_same(session: Session, line: str, label: str) -> None:
    assert session.say(line) == f"marked: {label} 0:31"
    assert session.marks == [label]


@pytest.mark.parametrize(
    "line", ["mark", "pain", "pain 11", "mark pain", "mark pain -1", "pain 3.5", "note", "foo", "x", "p", "n", "pain ²"]
)
def test_a_line_that_is_not_understood_is_answered_and_does_nothing(session: Session, line: str) -> None:
    assert session.say(line)
    assert (session.marks, session.stopped, session.orders.desk.answers[-1].done) == ([], 0, False)


def test_a_note_keeps_what_joins_its_letters_and_nothing_that_turns_them(session: Session) -> None:
    session.say("note می\u200cخواهم 👩\u200d👧", "note \u202eabc\u200f\x1b[2J\u2028end")
    assert session.marks == ["note: می\u200cخواهم 👩\u200d👧", "note: abc[2J end"]


def test_an_empty_line_is_nothing(session: Session) -> None:
    assert session.say("", "  ") == ""


def test_stop_as_a_line_is_sure_and_q_is_asked(session: Session) -> None:
    session.say("stop")
    assert session.stopped == 1
    other = Session()
    assert other.say("q", "n") == "the session goes on"
    other.say("q")
    assert not other.stopped
    other.say("q")
    assert other.stopped == 1


def test_answers_are_counted_and_the_latest_are_kept(session: Session) -> None:
    session.type("m" * (KEPT + 30))
    numbers = [answer.number for answer in session.orders.desk.answers]
    assert numbers == list(range(31, KEPT + 31))
    assert [a.number for a in session.orders.desk.since(KEPT + 28)] == [KEPT + 29, KEPT + 30]
