"""Orders of the person at a session, by a key or by a line, and the answer to each: every order is answered.

Keys: c calibrate, h heel drop, m (or the space that a foot pedal sends) mark, p pain, n note, q stop. Pain and notes are typed:
Enter sets them, Esc cancels. q asks once. A line from another program has the same effect: ``mark LABEL``, ``pain 3``,
``note TEXT``, ``stop``, or a key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from body_signals import (
    ACTING,
    CALIBRATE,
    HEEL_DROP,
    NEW_SET,
    PRIMARY,
    RETEST,
    SLEPT,
    TARGET,
    TREATMENT,
    UNDO,
    UnclearLabel,
    check_label,
    is_off_scale,
    session_fact,
    spelled,
)
from dashboards.live_page import PageOrder
from dashboards.notation import clock
from dsp.screen import PROTOCOL
from hiphinge.guidance.protocol_guide import BACK, REPEAT, SKIP, START, STOP

MARK = "mark"
KEYS = {"c": CALIBRATE, "h": HEEL_DROP, "m": MARK, " ": MARK}
"""Key → label of the mark that it sets."""
LED_KEYS = {"g": START, "s": SKIP, "r": REPEAT, "b": BACK}
"""The same while a protocol runs."""
PAIN_KEY, NOTE_KEY, STOP_KEY, YES_KEY = "p", "n", "q", "y"
ENTER, ESCAPE, ERASE = ("\r", "\n"), "\x1b", ("\x7f", "\b")
LEGEND = "c calibrate  h heel drop  m mark  p pain  n note  q stop"
"""The keys, as shown on the screen; fits 60 columns."""
LETTERS = "c h m p n q"
LINES = "mark LABEL, pain 0 to 10, note TEXT, stop"
"""The lines that another program may send."""
BEGIN_KEY = "g"
"""Begins the protocol that is ready."""
PAIN, NOTE = "pain", "note"
MOST_PAIN = 10
"""Upper end of the pain scale, as in `body_signals.marks`."""
LONGEST_NOTE = 500
"""Most characters of a note (ours)."""
JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner: no width, and no direction."""
KEPT = 50
"""Number of answers kept for a slow screen (ours)."""
STOP_QUESTION = "stop and close the session? q again or y: yes, any other key: no"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an order. number: counted from 1. done: whether the order was carried out."""

    number: int
    time_s: float
    text: str
    done: bool
    code: str = ""
    """What was done, for a page that says it in its own language: ``marked``, ``taken_back``, ``nothing_to_take_back``,
    ``stopping``; empty for what only a terminal asks."""

    def document(self) -> dict[str, object]:
        """As it stands in JSON lines."""
        return {"time_s": round(self.time_s, 3), "text": self.text, "done": self.done}


@dataclass(frozen=True, slots=True)
class Desk:
    """State of the orders: the open question with the text typed so far (empty: none), and the latest answers."""

    prompt: str = ""
    answers: tuple[Answer, ...] = ()

    def since(self, number: int) -> tuple[Answer, ...]:
        """The answers after that one."""
        return tuple(answer for answer in self.answers if answer.number > number)


class Orders:
    """Takes keys and lines, on one thread; `desk` may be read from any. mark: sets a mark; stop: ends the session; now_s: the
    session time."""

    def __init__(self, mark: Callable[..., int | None], stop: Callable[[], None], now_s: Callable[[], float]) -> None:
        self._mark, self._stop, self._now_s = mark, stop, now_s
        self._tapped: list[tuple[int, str]] = []
        """Numbers and labels of the marks that pages set and have not taken back."""
        self.led: Callable[[], bool] = lambda: False
        """Whether a protocol runs."""
        self.protocols: Callable[[], Sequence[str]] = tuple
        """Names of the protocols that may be begun; none where nobody leads through any."""
        self.ready = ""
        """Name of the protocol that g begins; empty where none is awaited."""
        self.enter_ends = False
        """Whether Enter ends the session, where it answers nothing."""
        self._answering = ""
        """The key whose question is open."""
        self._question: tuple[str, Callable[[bool], None]] | None = None
        """A question of the program, and what hears whether the answer is yes."""
        self._typed = ""
        self.desk = Desk()

    def pressed(self, key: str) -> None:
        """A key: a character, or the whole sequence that a key such as an arrow sends."""
        if self._answering == YES_KEY:
            self._reply(key)
        elif self._answering == STOP_KEY:
            self._confirm(key)
        elif self._answering:
            self._type(key)
        elif key.lower() in KEYS:
            self._set(KEYS[key.lower()])
        elif key.lower() in LED_KEYS and self.led():
            self._set(LED_KEYS[key.lower()])
        elif key.lower() == BEGIN_KEY and self.ready:
            self._set(f"{PROTOCOL} {self.ready}")
        elif key.lower() in (PAIN_KEY, NOTE_KEY, STOP_KEY):
            self._ask(key.lower())
        elif key in ENTER and self.enter_ends:
            self._end()
        elif key in ENTER or key == ESCAPE:
            self._answer(f"nothing to set or cancel; keys: {LETTERS}", done=False)
        else:
            name = repr(key) if key.isprintable() else "this key"
            self._answer(f"{name} does nothing; keys: {LETTERS}", done=False)

    def ask(self, question: str, answered: Callable[[bool], None]) -> bool:
        """Ask the person at the keyboard, unless something else is being asked; whether it was asked."""
        if self._answering:
            return False
        self._answering, self._question = YES_KEY, (question, answered)
        self._answer(question, done=False)
        return True

    def left(self) -> None:
        """The keyboard has gone. Where Enter ends the session nobody else may be there to end it."""
        if self.enter_ends:
            self._end()

    def said(self, line: str) -> None:
        """A line from another program."""
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if word == "mark" and rest:
            first, _, more = rest.partition(" ")
            if first.lower().rstrip(":") == PAIN:
                self._set_pain(more)
            elif first.lower().rstrip(":") == NOTE and more.strip():
                self._set_note(more)
            else:
                self._set(rest)
        elif word.lower() == PAIN:
            self._set_pain(rest)
        elif word.lower() == NOTE:
            self._set_note(rest)
        elif word == "stop":
            self._end()
        elif len(word) == 1 and not rest and self._answering in ("", STOP_KEY):
            self._press_line(word)
        elif word or rest:
            self._answer(f"not understood: {line.strip()[:40]!r}. There is: {LINES}", done=False)

    def tapped(self, order: PageOrder) -> None:
        """What a page says. Its marks stand at the row that the person saw, and can be taken back."""
        seen_s, number = order.seen_s, order.number
        match order.do:
            case "mark":
                self._tap(order.text, seen_s)
            case "pain" if number is not None:
                self._tap(f"{PAIN} {number:.0f}", seen_s)
            case "note":
                self._tap(_noted(order.text), seen_s)
            case "new_set":
                self._tap(NEW_SET, seen_s)
            case "session_note":
                self._set(_noted(order.text))
            case "calibrate":
                self._set(CALIBRATE)
            case "heel_drop":
                self._set(HEEL_DROP)
            case "target":
                self._set(f"{TARGET} {order.text} {'none' if number is None else f'{number:g}'}")
            case "slept" if number is not None:
                self._set(f"{SLEPT} {number:.0f}")
            case "protocol":
                self._set(f"{PROTOCOL} {order.text}")
            case "led":
                self._set(f"step {order.text}")
            case "primary":
                self._set(f"{PRIMARY} {order.text}")
                self._set(TREATMENT)
            case "retest":
                self._set(RETEST)
                self._set(f"{PROTOCOL} {RETEST}")
            case "protocol_stop":
                self._set(STOP)
            case "undo":
                self._undo()
            case "stop":
                self._end()

    def _may(self, label: str) -> bool:
        """Whether a mark means what its words say; the person who typed it is told where it does not."""
        try:
            check_label(label)
        except UnclearLabel as error:
            self._answer(f"not marked: {error}. {error.remedy}", done=False, code="unclear")
            return False
        word, _, name = label.partition(" ")
        known = self.protocols()
        if word == PROTOCOL and known and name.split(" ")[0] not in (*known, "stop"):
            self._answer(f"not marked: there is no protocol {name!r}. There are {', '.join(known)}", done=False, code="unclear")
            return False
        return True

    def _tap(self, label: str, seen_s: float | None) -> None:
        label = spelled(_shown(label))
        if not self._may(label):
            return
        seq = self._mark(label, seen_s)
        if seq is not None and label not in ACTING:
            self._tapped.append((seq, label))
        at_s = self._now_s() if seen_s is None else min(seen_s, self._now_s())
        self._answer(f"marked: {label} {clock(at_s)}", done=True, code="marked")

    def _undo(self) -> None:
        if not self._tapped:
            self._answer("nothing to take back", done=False, code="nothing_to_take_back")
            return
        seq, label = self._tapped.pop()
        self._mark(f"{UNDO} {seq}")
        self._answer(f"taken back: {label}", done=True, code="taken_back")

    def _press_line(self, key: str) -> None:
        if not self._answering and key.lower() in (PAIN_KEY, NOTE_KEY):
            self._answer(f"say it in one line: {PAIN} 3, or {NOTE} TEXT", done=False)
        elif self._answering or key.lower() in (*KEYS, *LED_KEYS, STOP_KEY):
            self.pressed(key)
        else:
            self._answer(f"not understood: {key!r}. There is: {LINES}", done=False)

    def _ask(self, key: str) -> None:
        self._answering, self._typed = key, ""
        if key == STOP_KEY:
            self._answer(STOP_QUESTION, done=False)
        else:
            self._show()

    def _confirm(self, key: str) -> None:
        self._answering = ""
        if key.lower() in (STOP_KEY, "y"):
            self._end()
        else:
            self._answer("the session goes on", done=True)

    def _reply(self, key: str) -> None:
        assert self._question is not None
        (_, answered), self._answering, self._question = self._question, "", None
        yes = key.lower() == YES_KEY
        answered(yes)
        self._answer("it is used" if yes else "it is not used", done=True)

    def _type(self, key: str) -> None:
        asked = self._answering
        if key in ENTER:
            self._answering, typed = "", self._typed
            if asked == PAIN_KEY:
                self._set_pain(typed)
            else:
                self._set_note(typed)
        elif key == ESCAPE:
            self._answering = ""
            self._answer(f"no {PAIN if asked == PAIN_KEY else NOTE} set", done=True)
        else:
            if key in ERASE:
                self._typed = self._typed[:-1]
            elif asked == PAIN_KEY:
                self._typed += key if key in "0123456789" and len(self._typed) < 2 else ""
            elif key.isprintable() and len(self._typed) < LONGEST_NOTE:
                self._typed += key
            self._show()

    def _set_pain(self, text: str) -> None:
        text = text.strip()
        if text.isascii() and text.isdigit() and int(text) <= MOST_PAIN:
            self._set(f"{PAIN} {int(text)}")
        else:
            self._answer(f"no pain set: {text[:20]!r} is no whole number from 0 to {MOST_PAIN}", done=False)

    def _set_note(self, text: str) -> None:
        text = _shown(text)[:LONGEST_NOTE]
        if text:
            self._set(_noted(text))
        else:
            self._answer("no note set: it is empty", done=False)

    def _set(self, label: str) -> None:
        label = spelled(_shown(label))
        if not self._may(label):
            return
        self._mark(label)
        self._answer(f"marked: {label} {clock(self._now_s())}", done=True, code="marked")

    def _end(self) -> None:
        self._answering = ""
        self._answer("stopping; the session is being closed", done=True, code="stopping")
        self._stop()

    def _answer(self, text: str, *, done: bool, code: str = "") -> None:
        answers = self.desk.answers
        number = answers[-1].number + 1 if answers else 1
        self.desk = Desk(self._prompt(), (*answers[-KEPT + 1 :], Answer(number, self._now_s(), text, done, code)))

    def _show(self) -> None:
        self.desk = Desk(self._prompt(), self.desk.answers)

    def _prompt(self) -> str:
        if self._question is not None:
            return self._question[0]
        if self._answering == STOP_KEY:
            return STOP_QUESTION
        if self._answering == PAIN_KEY:
            return f"pain 0 to {MOST_PAIN}: {self._typed}_   Enter sets, Esc cancels"
        if self._answering == NOTE_KEY:
            return f"note: {self._typed}_   Enter sets, Esc cancels"
        return ""


def _noted(text: str) -> str:
    """The label of a note; what is a fact of the session, such as ``srpe 7``, is kept as that."""
    if is_off_scale(_shown(text)):
        # it was meant as a number, and is asked for again
        return text
    fact = session_fact(_shown(text))
    return f"{NOTE}: {text}" if fact is None else fact.label


def _shown(text: str) -> str:
    """A text on one line, without characters that would move a terminal's cursor or turn its direction. Joiners stay: without
    them a letter of some languages, and a picture of a family, would be another one."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable() or c in JOINERS)
