"""Tokens: every way in which one can be forged, turned or used again ends in a clear denial and an event, and a revoked one is worthless at once."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.helpers import PASSWORD, START, Turned, claims, ed_key, events, guard_on, jwk, rule_of

from ringfence import Guard, IdentityPolicy, IdentityProvider, TokenAlgorithm, TokenRefused
from ringfence.errors import DelegationTooWide, IdentityError, UserUnknown
from ringfence.identity.tokens import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY, OTHER = ed_key(), ed_key()
RSA = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)
EC = ec.generate_private_key(ec.SECP256R1())
ALL = (TokenAlgorithm.EDDSA, TokenAlgorithm.RS256, TokenAlgorithm.ES256)
PROVIDER = IdentityProvider(
    "https://login.example", "agents", "keys.json", ALL, roles={"staff": ("clerk",), "boss": ("chief",)}
)


@pytest.fixture
def outside(tmp_path: Path, time: Turned) -> Iterator[Guard]:
    """Give a guard that believes one provider, with a key of each kind and one that is too short, in a file."""
    keys = [
        jwk(KEY, "ed"),
        jwk(RSA, "rsa", alg="RS256", use="sig"),
        jwk(EC, "ec"),
        jwk(SHORT, "short"),
        jwk(OTHER, "enc", use="enc"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {**jwk(OTHER, "private"), "d": "AAAA"},
    ]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    other = IdentityProvider(
        "https://other.example", "agents", "other.json", ALL, roles={"staff": ("chief",)}
    )
    (tmp_path / "other.json").write_text(json.dumps({"keys": [jwk(OTHER, "ed")]}))
    identity = IdentityPolicy(providers={"okta": PROVIDER, "other": other})
    with guard_on("memory:", time, identity, folder=tmp_path) as guard:
        yield guard


def signed(
    key: Any = KEY, algorithm: str = "EdDSA", kid: str | None = "ed", *, header: Any = None, **further: object
) -> str:
    """Return a provider's token."""
    headers = {**({"kid": kid} if kid is not None else {}), **(header or {})}
    return jwt.api_jws.encode(
        json.dumps(claims(**further)).encode(), key, algorithm, headers
    )  # it minds no claims


def signed_by_short_key() -> str:
    """Return a token that is signed with a key which PyJWT warns about."""
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        return signed(SHORT, "RS256", "short")


def piece(value: object) -> str:
    """Return a part of a token by hand."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def public_pem(key: Any) -> bytes:
    """Return what an attacker knows of a key."""
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def hmac_signed(secret: bytes, header: dict[str, object], body: dict[str, object]) -> str:
    """Return a token that is signed with a public key as the secret of HS256, which PyJWT itself would not make."""
    import hashlib
    import hmac

    text = f"{piece(header)}.{piece(body)}"
    return f"{text}.{piece(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def refused(guard: Guard, token: Any) -> str:
    """Log in with a token that is refused; return why, which stands in the record too."""
    before = len(events(guard, "token-refused"))
    with pytest.raises(TokenRefused, match="the token was refused: ") as caught:
        guard.login_token(token, address="10.0.0.9")
    (event,) = events(guard, "token-refused")[before:]
    assert (event.blocked, event.address, event.facts["why"]) == (True, "10.0.0.9", caught.value.why)
    assert len(str(token)) < 10 or str(token) not in event.description
    return caught.value.why


# Those of providers


@pytest.mark.parametrize(
    "token", [signed(), signed(RSA, "RS256", "rsa"), signed(EC, "ES256", "ec"), signed(groups="staff")]
)
def test_a_token_of_a_provider_gives_a_session_of_its_user(outside: Guard, token: str) -> None:
    """Under the provider's name, with the roles of the mapping, and nothing else."""
    session = outside.login_token(token, address="10.0.0.1")
    assert (session.principal.user, session.principal.roles) == ("okta:u1", ("clerk",))
    assert rule_of(outside, session) == ""
    assert events(outside, "login", "okta:u1")[0].description == "logged in with a token of okta"


@pytest.mark.parametrize("groups", [[], None, ["wheel"], ["Staff"], [7, None], {"staff": 1}, "clerk"])
def test_what_the_mapping_does_not_name_gives_nothing(outside: Guard, groups: object) -> None:
    """Not even a group that is called like a role of ours."""
    session = outside.login_token(signed(groups=groups))
    assert session.principal.roles == ()
    assert rule_of(outside, session) == "execute-tool"


TWICE = b'{"iss": "https://login.example", "iss": "https://other.example"}'
HEAD = {"alg": "EdDSA", "kid": "ed"}
REFUSED: dict[str, tuple[Any, str]] = {
    "expired": (signed(exp=START - 31), "it has expired"),
    "not yet": (signed(nbf=START + 31), "it is from the future"),
    "issued tomorrow": (signed(iat=START + 86_400), "it is from the future"),
    "no exp": (signed(exp=None), "it has no claim exp"),
    "no aud": (signed(aud=None), "it has no claim aud"),
    "no iss": (signed(iss=None), "it is from an issuer that the policy does not name"),
    "no sub": (signed(sub=None), "it has no claim sub"),
    "another audience": (signed(aud="others"), "it is for another audience"),
    "another issuer": (signed(iss="https://evil.example"), "it is from an issuer that the policy does not name"),
    "an issuer that begins so": (signed(iss="https://login.example/evil"), "it is from an issuer"),
    "issuer as list": (signed(iss=["https://login.example"]), "it is from an issuer"),
    "another key": (signed(OTHER), "its signature is wrong"),
    "the other provider's key": (signed(KEY, iss="https://other.example"), "its signature is wrong"),
    "unknown kid": (signed(OTHER, kid="new"), "it is signed by a key that okta does not name"),
    "no kid": (signed(kid=None), "it is signed by a key that okta does not name"),
    "kid as path": (signed(kid="../../etc/passwd"), "it is signed by a key that okta does not name"),
    "kid as SQL": (signed(kid="' OR 1=1 --"), "it is signed by a key that okta does not name"),
    "long kid": (signed(kid="k" * 200), "its key's id is no short text"),
    "short RSA key": (signed_by_short_key(), "it is signed by a key that okta does not name"),
    "key for encryption": (signed(OTHER, kid="enc"), "it is signed by a key that okta does not name"),
    "key with private half": (signed(OTHER, kid="private"), "it is signed by a key that okta does not name"),
    "key of another kind": (signed(RSA, "RS256", "ed"), "it is signed by a key that okta does not name"),
    "RS512": (signed(RSA, "RS512", "rsa"), "it is signed with another algorithm than EdDSA, RS256, ES256"),
    "HS256": (signed("s" * 32, "HS256"), "it is signed with another algorithm"),
    "HS256, known secret": (signed("secret" * 6, "HS256", "oct"), "it is signed with another algorithm"),
    "HS256 with the public key": (hmac_signed(public_pem(RSA), {"alg": "HS256", "kid": "rsa"}, claims()), "it is signed with another algorithm"),
    "public key, RS256 claimed": (hmac_signed(public_pem(RSA), {"alg": "RS256", "kid": "rsa"}, claims()), "its signature is wrong"),
    "none": (f"{piece({'alg': 'none'})}.{piece(claims())}.", "it is no signed JWT"),
    "none with something": (f"{piece({'alg': 'none', 'kid': 'ed'})}.{piece(claims())}.AAAA", "it is not signed"),
    "NoNe": (f"{piece({'alg': 'NoNe', 'kid': 'ed'})}.{piece(claims())}.AAAA", "it is not signed"),
    "no alg": (f"{piece({'kid': 'ed'})}.{piece(claims())}.AAAA", "it is not signed"),
    "alg as list": (f"{piece({'alg': ['EdDSA']})}.{piece(claims())}.AAAA", "it is not signed"),
    "jwk": (signed(OTHER, header={"jwk": jwk(OTHER, "ed")}), "its header has 'jwk', which nothing here goes by"),
    "jku": (signed(OTHER, header={"jku": "https://evil.example/keys"}), "its header has 'jku'"),
    "x5u": (signed(OTHER, header={"x5u": "https://evil.example/cert"}), "its header has 'x5u'"),
    "x5c": (signed(OTHER, header={"x5c": ["AAAA"]}), "its header has 'x5c'"),
    "crit": (signed(header={"crit": ["exp"]}), "its header has 'crit'"),
    "zip": (signed(header={"zip": "DEF"}), "its header has 'zip'"),
    "oversized": (signed(padding="x" * 9000), "it is larger than 8,192 characters"),
    "a gigabyte's beginning": ("a" * 5_000_000, "it is larger than 8,192 characters"),
    "nested": (f"{piece(b'[' * 4000)}.{piece(claims())}.AAAA", "it is no signed JWT"),
    "nested claims": (f"{piece(HEAD)}.{piece(b'[' * 4000)}.AAAA", "it is no signed JWT"),
    "a name twice": (f"{piece(HEAD)}.{piece(TWICE)}.AAAA", "it is no signed JWT"),
    "encrypted": ("a.b.c.d.e", "it is no signed JWT"),
    "empty": ("", "it is no signed JWT"),
    "white space": (f" {signed()}", "it is no signed JWT"),
    "line end": (f"{signed()}\n", "it is no signed JWT"),
    "not text": (None, "it is no text of a token"),
    "bytes": (b"a.b.c", "it is no text of a token"),
    "surrogate": ("\ud800", "it is no text of a token"),
    "exp as text": (signed(exp=None, nbf="soon"), "it has no claim exp"),
    "nbf as text": (signed(nbf="soon"), "its claim nbf is no time"),
    "exp as infinity": (f"{signed(exp=1e300)}", "its claim exp is no time"),
    "sub as number": (signed(sub=None, **{"sub ": "x"}), "it has no claim sub"),
    "long sub": (signed(sub="u" * 300), "its claim sub is no short text"),
    "invisible sub": (signed(sub="u1\u200b"), "its claim sub is no short text"),
    "too many groups": (signed(groups=["g"] * 501), "its claim groups is too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_proves_nothing_is_refused(outside: Guard, name: str) -> None:
    """It says why, it stands in the record without the token, and nobody is let in."""
    token, why = REFUSED[name]
    assert refused(outside, token).startswith(why)
    assert events(outside, "login") == []


def test_a_provider_cannot_sign_for_us_or_for_another(outside: Guard) -> None:
    """A token with our issuer needs a key of ours, whatever its kid says; an own token is worth nothing elsewhere."""
    outside.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
    own = outside.identity.issue_token("ana")
    kid = jwt.get_unverified_header(own)["kid"]
    body = jwt.decode(own, options={"verify_signature": False})
    assert refused(outside, jwt.encode(body, KEY, "EdDSA", {"kid": kid})) == "its signature is wrong"
    assert (
        refused(outside, jwt.encode(body, KEY, "EdDSA", {"kid": "ed"}))
        == "it is signed by a key that is not in use any longer"
    )
    assert (
        refused(
            outside,
            jwt.encode(
                {**body, "iss": "https://login.example", "aud": "agents"}, OTHER, "EdDSA", {"kid": "ed"}
            ),
        )
        == "its signature is wrong"
    )


def test_a_provider_cannot_name_one_of_our_users(outside: Guard) -> None:
    """Its users have its name in front; one that a store's user has too gets no role from there, but is bound by being deactivated."""
    outside.identity.add_user("u1", password=PASSWORD, roles=["chief"])
    outside.identity.add_user("okta:u1", roles=["chief"])
    session = outside.login_token(signed())
    assert (session.principal.user, session.principal.roles) == ("okta:u1", ("clerk",))
    outside.identity.deactivate("okta:u1")
    assert rule_of(outside, session) == "session-ended"


def test_a_claim_of_delegation_from_outside_means_nothing(outside: Guard) -> None:
    """`roles`, `tools` and `parent` are read in tokens of ours only."""
    session = outside.login_token(signed(roles=["chief"], tools=["*"], parent="0" * 16))
    assert session.principal.roles == ("clerk",)


def test_a_providers_token_can_hold_once_only(tmp_path: Path, time: Turned) -> None:
    """Played again it is refused, also by another process's guard."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk(KEY, "ed")]}))
    once = IdentityProvider("https://login.example", "agents", "keys.json", ALL, once=True)
    identity = IdentityPolicy(providers={"okta": once})
    url = f"sqlite:{tmp_path / 'state.db'}"
    with (
        guard_on(url, time, identity, folder=tmp_path) as guard,
        guard_on(url, time, identity, folder=tmp_path) as other,
    ):
        token = signed(jti="t1")
        guard.login_token(token)
        for each in (guard, other):
            assert refused(each, token) == "it was used already, and holds for one session only"
        assert refused(guard, signed()) == "it has no claim jti"


def test_a_providers_token_can_be_revoked(outside: Guard) -> None:
    """By itself, or by provider and jti; its sessions end."""
    one, two = signed(jti="t1"), signed(jti="t2")
    session = outside.login_token(one)
    assert outside.identity.revoke_token(one)
    assert not outside.identity.revoke_token(one)
    assert outside.identity.revoke_token("okta:t2")
    assert rule_of(outside, session) == "session-ended"
    assert refused(outside, one) == refused(outside, two) == "it was revoked"
    with pytest.raises(TokenRefused, match="it has no claim jti, by which it could be revoked"):
        outside.identity.revoke_token(signed())


def test_the_clock_of_a_provider_may_be_off_by_the_leeway(outside: Guard) -> None:
    """Half a minute to each side, and no more."""
    outside.login_token(signed(iat=START + 29, nbf=START + 29))
    outside.login_token(signed(exp=START - 29))
    refused(outside, signed(exp=START - 30))


# Our own


def test_a_token_is_a_log_in_for_an_hour(guard: Guard, time: Turned) -> None:
    """Its session has the user's roles of the moment, and ends with it."""
    token = guard.identity.issue_token("ana")
    session = guard.login_token(token)
    assert rule_of(guard, session) == ""
    assert (jwt.get_unverified_header(token)["alg"], events(guard, "token-issued")[0].user) == (
        "EdDSA",
        "ana",
    )
    for _ in range(2):
        time.turn(1500)
        assert rule_of(guard, session) == ""
    time.turn(600)
    assert rule_of(guard, session) == "session-expired"
    assert refused(guard, token) == "it has expired"


def test_a_token_seen_before_is_the_same_session(guard: Guard) -> None:
    """For each address one; after a log-out the token begins another."""
    token = guard.identity.issue_token("ana")
    session = guard.login_token(token, address="10.0.0.1")
    assert guard.login_token(token, address="10.0.0.1") is session
    assert guard.login_token(token, address="10.0.0.2") is not session
    assert len(events(guard, "login")) == 2
    guard.logout(session)
    assert guard.login_token(token, address="10.0.0.1") is not session


def test_a_revoked_token_is_worthless_at_once(guard: Guard) -> None:
    """What was remembered of it is dropped, its sessions end, and playing it again is refused and recorded."""
    token, other = guard.identity.issue_token("ana"), guard.identity.issue_token("ana")
    session = guard.login_token(token)
    assert guard.identity.revoke_token(token)
    assert refused(guard, token) == refused(guard, token) == "it was revoked"
    assert rule_of(guard, session) == "session-ended"
    with pytest.raises(TokenRefused, match="it was revoked"):
        guard.identity.check_token(token)
    guard.login_token(other)
    assert guard.identity.revoke_token(guard.identity.check_token(other).id)
    assert refused(guard, other) == "it was revoked"
    assert len(events(guard, "token-revoked")) == 2


@pytest.mark.parametrize("change", ["revoke", "deactivate", "once", "rotate"])
def test_a_verified_token_is_asked_about_again_after_each_change(guard: Guard, change: str) -> None:
    """`verify_token` answers from memory, and not once something happened to the token in this process."""
    identity = guard.identity
    token = identity.issue_token("ana", once=change == "once")
    assert [identity.verify_token(token).user for _ in range(3)] == ["ana"] * 3
    changes: dict[str, Callable[[], object]] = {
        "revoke": lambda: identity.revoke_token(token),
        "deactivate": lambda: identity.deactivate("ana"),
        "once": lambda: guard.login_token(token),
        "rotate": lambda: identity.rotate_keys(revoke=True),
    }
    changes[change]()
    for ask in (identity.verify_token, identity.check_token):
        with pytest.raises(TokenRefused, match="the token was refused: "):
            ask(token)


def test_a_token_that_is_revoked_elsewhere_is_dropped(tmp_path: Path, time: Turned) -> None:
    """Two guards over one store, as in two processes: the next look-up in the other one refuses it."""
    url = f"sqlite:{tmp_path / 'state.db'}"
    with guard_on(url, time) as one, guard_on(url, time) as two:
        one.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        token = one.identity.issue_token("ana")
        assert [each.login_token(token).principal.user for each in (one, two)] == ["ana", "ana"]
        one.identity.revoke_token(token)
        assert refused(two, token) == "it was revoked"


@pytest.mark.parametrize("change", ["deactivate", "remove_user", "password"])
def test_a_token_ends_with_what_its_user_was(guard: Guard, change: str) -> None:
    """Another generation of the user: the token is refused, seen before or not."""
    seen, unseen = guard.identity.issue_token("ana"), guard.identity.issue_token("ana")
    guard.login_token(seen)
    if change == "password":
        guard.identity.set_password("ana", PASSWORD)
    else:
        getattr(guard.identity, change)("ana")
    assert refused(guard, seen) == refused(guard, unseen)


def test_a_token_can_be_narrowed_when_it_is_issued(guard: Guard) -> None:
    """Never to more than the user has."""
    token = guard.identity.issue_token("ana", tools=["read_*"], seconds=10)
    session = guard.login_token(token)
    assert rule_of(guard, session, "read_order") == ""
    assert rule_of(guard, session, "refund") == "delegation.tools"
    with pytest.raises(DelegationTooWide, match="the role 'chief' cannot be given on"):
        guard.identity.issue_token("ana", roles=["chief"])
    with pytest.raises(UserUnknown, match="there is no user 'nobody'"):
        guard.identity.issue_token("nobody")
    guard.identity.deactivate("ana")
    with pytest.raises(IdentityError, match="the user 'ana' is not active"):
        guard.identity.issue_token("ana")


def test_keys_are_rotated_without_breaking_tokens(guard: Guard, time: Turned) -> None:
    """The old key verifies until its last token has expired, has no private half, and is then deleted."""
    old = guard.identity.issue_token("ana")
    first = guard.identity.keys()[0].id
    second = guard.identity.rotate_keys()
    new = guard.identity.issue_token("ana")
    assert jwt.get_unverified_header(new)["kid"] == second != first
    guard.login_token(old)
    with guard.identity._store.read() as transaction:
        rows = transaction.execute("SELECT id, private_key IS NULL FROM keys ORDER BY created, id")
    assert {key: bool(gone) for key, gone in rows} == {first: True, second: False}
    time.turn(3601)
    guard.identity.rotate_keys()
    assert first not in {key.id for key in guard.identity.keys()}  # noqa: SIM118 - no mapping
    assert refused(guard, old) == "it is signed by a key that is not in use any longer"


def test_keys_that_were_stolen_are_rotated_with_all_tokens(guard: Guard) -> None:
    """Tokens and the sessions that began with them end at once; sessions by password go on."""
    token = guard.identity.issue_token("ana")
    by_token, by_password = guard.login_token(token), guard.login("ana", PASSWORD)
    guard.identity.rotate_keys(revoke=True)
    assert (rule_of(guard, by_token), rule_of(guard, by_password)) == ("session-ended", "")
    refused(guard, token)
    guard.login_token(guard.identity.issue_token("ana"))


def test_a_token_that_is_signed_but_not_in_the_store_is_refused(guard: Guard) -> None:
    """A stolen key alone makes no token: each is a row too."""
    token = guard.identity.issue_token("ana")
    with guard.identity._store.write() as transaction:
        transaction.execute("DELETE FROM tokens")
    assert refused(guard, token) == "it is not in the store"


@given(
    text=st.text(max_size=300)
    | st.from_regex(r"[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{1,40}", fullmatch=True)
)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Nothing but a refusal ever comes out."""
    try:
        header, body = parts(text)
    except TokenRefused:
        return
    assert isinstance(header, dict)
    assert isinstance(body, dict)


@given(place=st.integers(0, 10_000), character=st.sampled_from("ABab01_-."))
def test_no_changed_token_is_let_in(place: int, character: str) -> None:
    """One character changed anywhere: refused, unless only spare bits of the last character changed."""
    with guard_on("memory:", Turned()) as guard:
        guard.identity.add_user("ana", password=PASSWORD)
        token = guard.identity.issue_token("ana")
        at = place % len(token)
        changed = token[:at] + character + token[at + 1 :]
        if changed == token or at == len(token) - 1:
            return
        with pytest.raises(TokenRefused):
            guard.login_token(changed)
