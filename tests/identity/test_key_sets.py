"""Key sets of providers: read from a real server or file, kept, read anew, and never believed more than they should be."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from tests.identity.helpers import KeyServer, Turned, claims, ed_key, events, guard_on, jwk, rule_of

from ringfence import (
    Guard,
    IdentityPolicy,
    IdentityProvider,
    Policy,
    PolicyError,
    TokenAlgorithm,
    TokenRefused,
)
from ringfence.errors import KeySetUnavailable
from ringfence.policy.compile import compile_policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, SECOND = ed_key(), ed_key()


def token(key: Any = FIRST, kid: str = "1", **further: object) -> str:
    """Return a token of the provider."""
    return jwt.encode(claims(**{"exp": 2_000_000_000, **further}), key, "EdDSA", {"kid": kid})


def policy_for(url: str) -> IdentityPolicy:
    """Return the settings of a guard that believes the provider."""
    provider = IdentityProvider(
        "https://login.example", "agents", url, (TokenAlgorithm.EDDSA,), roles={"staff": ("clerk",)}
    )
    return IdentityPolicy(providers={"okta": provider})


@pytest.fixture
def outside(keys: KeyServer, time: Turned) -> Iterator[Guard]:
    """Give a guard that believes the server's keys."""
    keys.serve(jwk(FIRST, "1"))
    with guard_on("memory:", time, policy_for(keys.url)) as guard:
        yield guard


def test_a_key_set_is_kept(outside: Guard, keys: KeyServer, time: Turned) -> None:
    """One request for any number of tokens, until it is five minutes old."""
    for number in range(5):
        outside.login_token(token(jti=str(number)))
    assert keys.asked == 1
    time.turn(301)
    outside.login_token(token(jti="later"))
    assert keys.asked == 2


def test_a_new_key_is_found_when_the_first_token_names_it(
    outside: Guard, keys: KeyServer, time: Turned
) -> None:
    """But not asked for more than once in half a minute, whatever strangers name."""
    outside.login_token(token())
    keys.serve(jwk(FIRST, "1"), jwk(SECOND, "2"))
    time.turn(31)
    outside.login_token(token(SECOND, "2"))
    assert (keys.asked, len(events(outside, "key-set-changed"))) == (2, 1)
    for number in range(50):
        with pytest.raises(TokenRefused, match="it is signed by a key that okta does not name"):
            outside.login_token(token(SECOND, f"made up {number}"))
    assert keys.asked == 2


def test_a_key_that_is_withdrawn_stops_counting(outside: Guard, keys: KeyServer, time: Turned) -> None:
    """Also for a token that was seen before, once the set is read again."""
    outside.login_token(token())
    keys.serve(jwk(SECOND, "1"))
    time.turn(301)
    with pytest.raises(TokenRefused, match="its signature is wrong"):
        outside.login_token(token())


def test_an_old_set_is_used_while_the_new_one_cannot_be_had_and_not_for_ever(
    outside: Guard, keys: KeyServer, time: Turned
) -> None:
    """An hour; then nobody gets in until the provider answers again. The failure is in the record."""
    outside.login_token(token())
    keys.status = 503
    time.turn(3000)
    session = outside.login_token(token(jti="2"))
    assert rule_of(outside, session) == ""
    assert "503" in events(outside, "key-set-unavailable")[0].description
    time.turn(901)
    with pytest.raises(
        KeySetUnavailable,
        match=r"the key set of the provider 'okta' cannot be used: .*503.*Nobody can log in",
    ):
        outside.login_token(token(jti="3"))
    assert events(outside, "token-refused")[-1].blocked
    keys.status = 200
    time.turn(31)
    outside.login_token(token(jti="4"))


BAD: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"<html>", "Expecting value"),
    "not utf-8": (b"\xff\xfe\xff", "utf"),
    "no object": (b"[]", "it is no JSON object with a list of keys"),
    "no list": (b'{"keys": {}}', "it is no JSON object with a list of keys"),
    "no key": (b'{"keys": []}', "it holds no key for EdDSA"),
    "other keys": (b'{"keys": [{"kty": "oct", "k": "AAAA", "kid": "1"}, 7, {"kty": "OKP"}]}', "it holds no key for EdDSA"),
    "one id twice": (json.dumps({"keys": [jwk(FIRST, "1"), jwk(SECOND, "1")]}).encode(), "it holds two keys with one id"),
    "id as number": (json.dumps({"keys": [{**jwk(FIRST, "1"), "kid": 1}]}).encode(), "an id that is no text"),
    "too many": (json.dumps({"keys": [{}] * 101}).encode(), "it holds more than 100 keys"),
    "too large": (b" " * (256 * 1024 + 1), "it is larger than 256 KiB"),
    "nested": (b"[" * 100_000, "recursion"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_set_that_cannot_be_used_lets_nobody_in(outside: Guard, keys: KeyServer, name: str) -> None:
    """It says why, and the guard goes on."""
    keys.body, why = BAD[name]
    with pytest.raises(KeySetUnavailable, match=f"cannot be used: .*{why}"):
        outside.login_token(token())


def test_a_redirect_is_not_followed(outside: Guard, keys: KeyServer) -> None:
    """Where the keys are is said by the policy."""
    keys.status, keys.headers = 302, {"Location": keys.url + "/elsewhere"}
    with pytest.raises(KeySetUnavailable, match="302"):
        outside.login_token(token())
    assert keys.asked == 1


def test_a_server_that_does_not_answer_is_not_waited_for(
    outside: Guard, keys: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor asked again at once."""
    monkeypatch.setattr("ringfence.identity.keysets._FETCH_SECONDS", 0.3)
    keys.stall.clear()
    for _ in range(3):
        with pytest.raises(KeySetUnavailable, match=r"did not come within 0\.3 seconds|timed out"):
            outside.login_token(token())
    assert keys.asked == 1


def test_a_server_that_is_not_there(time: Turned) -> None:
    """A closed port is a denial like any other."""
    with (
        guard_on("memory:", time, policy_for("http://127.0.0.1:1/keys")) as guard,
        pytest.raises(KeySetUnavailable, match="refused"),
    ):
        guard.login_token(token())


def test_a_file_is_a_key_set_too(tmp_path: Path, time: Turned) -> None:
    """Relative to the policy's folder; one that is missing, or no file, lets nobody in."""
    with guard_on("memory:", time, policy_for("keys.json"), folder=tmp_path) as guard:
        with pytest.raises(KeySetUnavailable, match="No such file"):
            guard.login_token(token())
        os.mkfifo(tmp_path / "keys.json")
        time.turn(31)
        with pytest.raises(KeySetUnavailable, match="it is no ordinary file"):
            guard.login_token(token())
        (tmp_path / "keys.json").unlink()
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk(FIRST, "1")]}))
        time.turn(31)
        guard.login_token(token())


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ({"keys": "http://login.example/keys"}, r"providers\.p\.keys: expected a file, an https URL, or an http URL of this machine"),
        ({"keys": "http://127.0.0.1.evil.example/keys"}, "expected a file, an https URL"),
        ({"keys": "http://localhost@evil.example/keys"}, "expected a file, an https URL"),
        ({"keys": "ftp://login.example/keys"}, "expected a file, an https URL"),
        ({"keys": "https://"}, "expected a file, an https URL"),
        ({"algorithms": ()}, r"algorithms: expected at least one algorithm"),
        ({"algorithms": ("HS256",)}, r"algorithms\[0\]: expected one of EdDSA, .*HS256"),
        ({"issuer": "ringfence"}, r"issuer: expected an issuer of its own, got that of identity"),
        ({"audience": ""}, r"audience: expected a name, got empty text"),
        ({"roles": {"staff": ("nobody",)}}, r"identity\.providers\.p\.roles\.staff: unknown role 'nobody'"),
    ],
)  # fmt: skip
def test_a_provider_that_cannot_be_meant_is_refused(provider: dict[str, Any], message: str) -> None:
    """When the policy is loaded, with its place."""
    given = {"issuer": "https://i.example", "audience": "a", "keys": "https://i.example/keys", **provider}
    with pytest.raises(PolicyError, match=message):
        compile_policy(Policy(identity=IdentityPolicy(providers={"p": IdentityProvider(**given)})))
