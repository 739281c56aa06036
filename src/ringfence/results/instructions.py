"""Sentences in a result that speak to the model instead of telling it something.

No list of phrases finds them all, and none is promised here: an attacker can ask for anything in any words. What is found are the usual ways in
which such text announces itself: it revokes what was said before, it plays a role of the conversation, it speaks to "the assistant", or it wants
to be kept from the user. Where values come from is what decides; this only labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.results.screen import Pattern, Screen
from ringfence.results.sighting import Kind, Sighting
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_EARLIER = r"(?:all |any |every |the |your |my |these |those |of |other ){0,3}(?:previous|prior|above|earlier|preceding|foregoing|existing|original|initial|former|given|system|safety)(?: |-)"
_ORDERS = r"(?:instruction|prompt|rule|direction|guideline|command|context|message|order|restriction|constraint|polic|request|task|conversation|programming)"
_RULES: tuple[tuple[str, ThreatLevel, tuple[str, ...], str], ...] = (
    ("revokes-instructions", ThreatLevel.HIGH,
     (rf"(?i:\b(?:ignore|disregard|forget|override|bypass|neglect|skip|drop|discard|do not (?:follow|obey)|don't (?:follow|obey)|stop following|pay no attention to)\s{{1,3}}{_EARLIER}\w{{0,20}} ?{_ORDERS})",
      r"(?i:\b(?:ignore|disregard|forget)\s{1,3}(?:everything|all|anything)\s{1,3}(?:that |you |i )?(?:above|before|previously|was said|were told|have been told|said))",
      r"(?i:\b(?:ignorier\w{0,4}|vergiss|missachte\w{0,2})\s{1,3}(?:\w{1,12} ){0,3}(?:anweisung|vorgabe|befehl|regel))|(?i:\b(?:ignore[rz]?|oublie[rz]?)\s{1,3}(?:\w{1,12} ){0,3}(?:instruction|consigne|directive)s?\s{1,3}(?:pr[eé]c[eé]dente|ci-dessus|ant[eé]rieure))",
      r"(?i:\b(?:ignora|olvida|descarta)\w{0,3}\s{1,3}(?:\w{1,12} ){0,3}(?:instruccion|indicacion|orden)\w{0,4}\s{1,3}(?:anterior|previa))"),
     "it revokes earlier instructions"),
    ("plays-a-role", ThreatLevel.HIGH,
     (r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id|begin_of_text)\|>|\[/?INST\]|<</?SYS>>|(?m:^[ \t]{0,4}(?:#{1,4} ?|\*\*|<)?(?i:system|assistant|developer)(?i: prompt| message| instruction)?(?:\*\*)?>? ?: ?\S)|</?(?:system|assistant|tool_result|function_results|user_query|system-reminder)>",),
     "it plays a role of the conversation"),
    ("speaks-to-the-model", ThreatLevel.MEDIUM,
     (r"(?i:\b(?:dear |hey |hello |attention |note (?:to|for) (?:the )?|message (?:to|for) (?:the )?|instructions? (?:to|for) (?:the )?)(?:ai|llm|language model|assistant|chat ?bot|chatgpt|gpt|claude|gemini|copilot|agent)\b)",
      r"(?i:\b(?:as|if you are|if you're|since you are|you are) an? (?:ai|artificial intelligence|llm|large language model|language model|ai assistant|ai agent|automated agent)\b[^.\n]{0,80}\b(?:must|should|have to|need to|please|shall|are required)\b)",
      r"(?i:\b(?:ai|llm|language model|ai assistant|ai agent)s? (?:reading|processing|summari[sz]ing|parsing) this\b)"),
     "it speaks to the model"),
    ("new-orders", ThreatLevel.MEDIUM,
     (r"(?i:\b(?:your|the) (?:new|real|actual|true|updated|only) (?:instruction|task|goal|objective|mission|role|purpose|directive)s? (?:is|are|will be)\b)|(?i:\b(?:new|updated|revised|important) (?:system )?(?:instruction|directive|prompt)s?\s{0,2}:)",
      r"(?i:\bfrom now on,? (?:you|respond|answer|act|always|only)\b)|(?i:\byou (?:are|will) now (?:be |act |a |an |in |the |dan\b|free|operating|unrestricted|no longer))|(?i:\b(?:before|prior to|in order to) (?:you can )?(?:solv|complet|continu|answer|perform|execut|finish|proceed)\w{0,4} (?:with )?(?:the |your |this )?(?:original |current |user'?s? )?(?:task|request|question|quer)\w{0,3}[^.\n]{0,60}\b(?:please|must|first|you (?:should|need))\b)"),
     "it gives new orders"),
    ("keeps-from-the-user", ThreatLevel.HIGH,
     (r"(?i:\b(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|mentioning|reveal|revealing|notify|notifying|alert|alerting|ask|asking|show|showing|disclos\w{1,3})\b[^.\n]{0,40}\b(?:the )?(?:user|human|person|owner|anyone|customer|operator)\b)",),
     "it wants to be kept from the user"),
    ("reveals-the-prompt", ThreatLevel.MEDIUM,
     (r"(?i:\b(?:reveal|print|show|repeat|output|display|leak|tell me|give me|write out|dump|send)\b[^.\n]{0,30}\b(?:your|the) (?:system|initial|original|hidden|secret|full|entire|exact) (?:prompt|instruction|message|configuration)s?)",),
     "it asks for the system prompt"),
    ("unlocks-the-model", ThreatLevel.MEDIUM,
     (r"(?i:\b(?:developer|debug|god|jailbreak|dan|admin|maintenance|sudo|unrestricted) mode (?:is )?(?:enabled|activated|on\b|engaged))|(?i:\b(?:disable|turn off|deactivate|bypass|remove) (?:all |your |any |the )?(?:safety|security|content|ethical|guard)[ -]?(?:filter|guideline|rail|measure|restriction|check|protocol|setting)s?)|(?i:\bdo anything now\b)",),
     "it wants the model without its limits"),
)  # fmt: skip
_rules = tuple((rule, level, Pattern("|".join(patterns)), what) for rule, level, patterns, what in _RULES)
SCREEN = Screen("|".join(patterns) for _, _, patterns, _ in _RULES)


def find(text: str) -> list[Sighting]:
    """Return the sentences in a text that speak to the model, in order."""
    if not SCREEN.hits(text):
        return []
    return sorted(_found(text), key=lambda sighting: sighting.start)


def _found(text: str) -> Iterator[Sighting]:
    for rule, level, pattern, what in _rules:
        for match in pattern.finditer(text):
            yield Sighting(Kind.INSTRUCTION, rule, level, *match.span(), what)
