"""How much a text looks like it was drawn by chance, as keys are, and not written by people, as names, words and placeholders are.

Two measures that need no list of words: Shannon's entropy of its characters, and how many neighbouring letters are pairs that words are made of.
"""

from __future__ import annotations

from collections import Counter
from math import log2

_TEXT = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur "
    "ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh "
    "ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu ei ov by rm ep tt oc fa "
    "ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp ua up lu go ht ru ug ds lt pi rc rr eg au ck ew mu br bi pt ak pu ui rg ib tl ny ki rk ys "
    "ob mm fu ph og ms ye ud mb ip ub oi rl gu dr hr cc tw ft wn nu af hu nn eo vo rv nf xp gn sm fl iz ok nl my gl aw ju oa eq sy sl ps jo lf nv je nk kn "
    "gs dy hy ze ks xt bs ik dd rp"
)
_PAIRS = frozenset(_TEXT[at : at + 2] for at in range(0, len(_TEXT), 3))
"""The 260 commonest pairs of letters in English words (after Norvig's counts), which make up nine in ten there and four in ten in random letters; words of other
languages and names in programs share them for the most part."""
_SHORTEST_RUN = 3


def entropy(text: str) -> float:
    """Return Shannon's entropy of a text's characters, in bits for each."""
    size = len(text)
    return -sum(count / size * log2(count / size) for count in Counter(text).values()) if size else 0.0


def wordiness(text: str) -> float:
    """Return which share of a text stands in letters that follow each other as in words: near 0 for keys, near 1 for names."""
    inside = 0
    for run in _runs(text):
        pairs = [run[at : at + 2] in _PAIRS for at in range(len(run) - 1)]
        if sum(pairs) >= 0.7 * len(pairs):
            inside += len(run)
    return inside / len(text) if text else 0.0


def _runs(text: str) -> list[str]:
    """Return the runs of letters in one case, a capital first letter included, in lower case."""
    runs, current = [], ""
    for before, letter in zip(" " + text, text, strict=False):
        goes_on = (
            letter.isalpha()
            and letter.isascii()
            and (letter.islower() or before.isupper() or not before.isalpha())
        )
        if goes_on and (not letter.isupper() or before.isupper()):
            current += letter
        else:
            runs.append(current)
            current = letter if letter.isalpha() and letter.isascii() else ""
    runs.append(current)
    return [run.lower() for run in runs if len(run) >= _SHORTEST_RUN]
