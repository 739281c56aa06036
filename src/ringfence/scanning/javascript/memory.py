"""What a resolver remembers, so that each question is worked out about once.

Two kinds of answers are incomplete: one that was needed while it was being worked out itself, and one that was too far from the
question. The one idea: such an answer serves only where it would be given again, or the order of questions could hide a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.javascript.values import NOTHING_KNOWN

if TYPE_CHECKING:
    from ringfence.scanning.javascript.scopes import Binding
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Values

Key = "tuple[Node | Binding, Frame | None]"
_NONE = 1 << 30


class Question(NamedTuple):
    """A question that is being worked out.

    Arguments:
        key: what is asked.
        depth: how many questions are around it.
        rests_on, is_cut: what held for the question around it when it began.
        waiting: how many provisional answers there were.

    """

    key: tuple[Node | Binding, Frame | None]
    depth: int
    rests_on: int
    is_cut: bool
    waiting: int


class Memory:
    """Answers, and the questions that are being worked out."""

    def __init__(self) -> None:
        self._complete: dict[tuple[Node | Binding, Frame | None], Values] = {}
        self._far: dict[tuple[Node | Binding, Frame | None], tuple[Values, int]] = {}
        self._provisional: dict[tuple[Node | Binding, Frame | None], tuple[Values, int, bool]] = {}
        self._waiting: list[tuple[Node | Binding, Frame | None]] = []
        self._open: dict[tuple[Node | Binding, Frame | None], int] = {}
        self._rests_on = _NONE
        self._is_cut = False

    @property
    def depth(self) -> int:
        """How many questions are being worked out, one within another."""
        return len(self._open)

    def find(self, key: tuple[Node | Binding, Frame | None], hands: int) -> Values | None:
        """Return the answer to a question; None where it must be worked out.

        Arguments:
            key: what is asked.
            hands: how far away from the outermost question it is asked.

        """
        found = self._complete.get(key)
        if found is not None:
            return found
        far = self._far.get(key)
        if far is not None and far[1] <= hands:
            self._is_cut = True
            return far[0]
        provisional = self._provisional.get(key)
        if provisional is not None:
            self._rests_on = min(self._rests_on, provisional[1])
            self._is_cut = self._is_cut or provisional[2]
            return provisional[0]
        if key in self._open:
            self._rests_on = min(self._rests_on, self._open[key])
            return NOTHING_KNOWN
        return None

    def begin(self, key: tuple[Node | Binding, Frame | None]) -> Question:
        """Note that a question is being worked out."""
        question = Question(key, len(self._open), self._rests_on, self._is_cut, len(self._waiting))
        self._open[key] = question.depth
        self._rests_on, self._is_cut = _NONE, False
        return question

    def end(self, question: Question, found: Values, hands: int) -> None:
        """Note the answer to the question that was begun last."""
        key = question.key
        del self._open[key]
        if self._rests_on < question.depth:
            self._provisional[key] = (found, self._rests_on, self._is_cut)
            self._waiting.append(key)
            self._rests_on = min(self._rests_on, question.rests_on)
        else:
            # Whatever rested on this question alone can now be worked out in full.
            for each in self._waiting[question.waiting :]:
                self._provisional.pop(each, None)
            del self._waiting[question.waiting :]
            if self._is_cut:
                self._far[key] = (found, hands)
            else:
                self._complete[key] = found
            self._rests_on = question.rests_on
        self._is_cut = self._is_cut or question.is_cut

    def cut(self) -> None:
        """Note that the question being worked out is not followed any further."""
        self._is_cut = True
