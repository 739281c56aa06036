"""Secrets in a text: every form of key that is known, values whose name says what they are, and what only looks like one."""

from __future__ import annotations

import base64
import random
import re
from binascii import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.results.drawn import drawn

from ringfence.results import Kind, Treatment, inspect, mask
from ringfence.results.secret_forms import FORMS, ISSUERS, Form
from ringfence.results.secret_names import names_secret, words_of
from ringfence.results.secrets import find
from ringfence.threat import ThreatLevel

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PROVEN = {"url-password", "basic-auth"}


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.rule not in PROVEN], ids=lambda form: form.rule
)
def test_every_form_is_found_in_a_sentence(form: Form) -> None:
    """Wherever it stands, as a whole, once."""
    chance = random.Random(form.rule)
    for _ in range(12):
        key = drawn(form.pattern, chance)
        if re.search(r"(?i)x{5}|0{6}|1234567", key):
            continue
        text = f"Use {key} for it, and nothing else."
        found = find(text)
        assert [sighting.kind for sighting in found] == [Kind.SECRET], key
        assert key[8:] not in mask(text), (found, key)


@pytest.mark.parametrize("issuer", ISSUERS)
def test_keys_without_a_form_of_their_own_are_found_by_their_issuers_name(issuer: str) -> None:
    """Under a name that holds the issuer's, in any way of writing it."""
    chance = random.Random(issuer)
    for name in (f"{issuer}_api_key", f"{issuer.upper()}_TOKEN", f"{issuer}-secret"):
        key = drawn(ISSUERS[issuer], chance)
        assert key[4:] not in mask(f"{name} = '{key}'"), (name, key)


def github(body: str) -> str:
    """Return a GitHub token with the right checksum."""
    value, digits = crc32(body.encode()), ""
    while value:
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return f"ghp_{body}{digits.rjust(6, '0')}"


def test_a_checksum_that_fits_makes_it_certain() -> None:
    """GitHub's and npm's end in a CRC-32: one that fits is critical, one that does not still has the form."""
    token = github("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")
    assert [(found.rule, found.level) for found in find(token)] == [("github-token", ThreatLevel.CRITICAL)]
    assert [found.level for found in find(token[:-1] + "x")] == [ThreatLevel.HIGH]
    assert [found.level for found in find(token.replace("ghp_", "npm_"))] == [ThreatLevel.CRITICAL]


def test_a_signed_token_is_certain_where_its_head_is_json() -> None:
    """Three parts that look like one are enough for a doubt."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    text = f"{head}.eyJzdWIiOiIxMjM0NSJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r"
    assert [(found.rule, found.level) for found in find(text)] == [("jwt", ThreatLevel.CRITICAL)]


@pytest.mark.parametrize(
    ("text", "rule", "secret"),
    [
        ('password = "p4zt9!QwLr7"', "assigned-secret", "p4zt9!QwLr7"),
        ("DB_PASSWORD=p4zt9QwLr7vN", "assigned-secret", "p4zt9QwLr7vN"),
        ('{"clientSecret": "Zk39fLq0PbX81hVd"}', "assigned-secret", "Zk39fLq0PbX81hVd"),
        ("api-key: 8f14e45fceea167a5a36dedd4bea2543", "assigned-secret", "8f14e45fceea167a5a36dedd4bea2543"),
        ("export STRIPE_WEBHOOK_TOKEN='q7W3eR9tY1uI5oP0'", "assigned-secret", "q7W3eR9tY1uI5oP0"),
        ("accesstoken => m4Kx0Lq92VbTz7Rp", "assigned-secret", "m4Kx0Lq92VbTz7Rp"),
        ("facebook_secret: 6dca6432e45d933e13650d1882bd5e69", "facebook-key", "6dca6432e45d933e13650d1882bd5e69"),
        ("postgresql://app:9fQ2xZ@db.internal:5432/shop", "url-password", "9fQ2xZ"),
        ("curl -H 'Authorization: Bearer 9dkq2Lmx83VbnQ0z'", "basic-auth", "9dkq2Lmx83VbnQ0z"),
        ("DefaultEndpointsProtocol=https;AccountKey=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ubw==;", "azure-storage-key", "Zm9vYmFy"),
    ],
)  # fmt: skip
def test_a_value_is_secret_by_its_name(text: str, rule: str, secret: str) -> None:
    """However it is written: as a setting, as JSON, in an address, in a header."""
    found = {sighting.rule: text[sighting.start : sighting.end] for sighting in find(text)}
    assert rule in found
    assert secret in found[rule]
    assert secret not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "password = os.environ['DB_PASSWORD']", 'password = "changeme123"', "token: ${GITHUB_TOKEN}", "api_key = YOUR_API_KEY_HERE_1", "secret_name: web-prod-2024", "key_id = 9f8e7d6c5b4a39281706",
        "token_type: Bearer2Token", "primary_key = 8f14e45fceea167a5a36dedd4bea2543", "public_key: MIIBIjANBgkqhkiG9w0BAQ", "csrf_token = 9dkq2Lmx83VbnQ0zKd", "password: correct horse battery staple",
        "AKIAIOSFODNN7EXAMPLE", "ghp_" + "x" * 36, "commit 8f14e45fceea167a5a36dedd4bea2543abcd1234", "sha256:8f14e45fceea167a5a36dedd4bea2543", "the monkey = 8f14e45fceea167a5a36dedd4bea2543", "keyboard: qwertz-2024-de",
        "https://user:${PASSWORD}@host/", "https://example.com/a:b@c", "if token == expected_token1:", "tokens: 12873645091", "author: 8f14e45fceea167a5a36dedd4bea2543", "key = com.example.Service1", "api:rc0.15.0_20231217",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    """Placeholders, references, names, digests and keys of tables."""
    assert find(text) == []


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("apiKey", True), ("API_KEY", True), ("x-api-key", True), ("clientSecretProd", True), ("DB_PASSWORD_1", True), ("passwd", True), ("userpassword", True), ("token", True), ("credentials", True),
        ("key_id", False), ("tokenType", False), ("monkey", False), ("keyboard", False), ("primaryKey", False), ("publicToken", False), ("csrfToken", False), ("secretName", False), ("passenger", False), ("", False), ("tokenizer", False),
    ],
)  # fmt: skip
def test_the_last_word_of_a_name_says_what_it_is(name: str, secret: bool) -> None:
    """In any way of writing names."""
    assert names_secret(words_of(name)) is secret


def test_an_issuer_gives_out_keys_of_its_form_only() -> None:
    """A value under its name that has another form is none of its keys."""
    assert "meraki" in ISSUERS
    assert [found.rule for found in find("meraki_key = 6bec40cf957de430a6f1f2baa056b99a4fac9ea0")] == [
        "meraki-key"
    ]
    assert find("meraki_key = 6BEC40CF957DE430A6F1F2BAA056B99A4FAC9EA0") == []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_looked_at(text: str) -> None:
    """Whatever it holds, sightings lie in it, in order and apart, and a mask leaves the rest as it was."""
    at = 0
    for found in find(text):
        assert at <= found.start < found.end <= len(text)
        at = found.end
    assert isinstance(mask(text), str)
    if not find(text):
        assert mask(text) == text


@pytest.mark.parametrize("text", ["a" * 200_000, "key=" * 50_000, "://" * 60_000, "=" * 200_000, "-----BEGIN " * 20_000, "eyJ." * 50_000, "password: " + "a1" * 100_000, "x.y_z-" * 40_000, "[](" * 60_000, "0" * 200_000, "@" * 100_000])  # fmt: skip
def test_no_text_takes_for_ever(text: str) -> None:
    """Two hundred thousand characters of what patterns begin with: an engine that tries again at each would not come back in time."""
    for kind in Kind:
        inspect(text, (kind,))


def test_treatments_are_a_closed_list() -> None:
    """As the policy names them."""
    assert [str(each) for each in Treatment] == ["off", "flag", "mask", "tokenise", "withhold"]
