"""What identity costs: a token (A5) beside PyJWT and joserfc, a call in a session that somebody logged in to, and log-ins.

`python -m bench.identity` prints a table, `--json` the object for machines. All items of a figure run in turn in one process, over a real SQLite
store in a temporary folder, and over PostgreSQL where RINGFENCE_BENCH_POSTGRES names an empty database.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from bench.measure import OURS, Figure, Sample, compare, interleave, report
from ringfence import Audit, Guard, Passwords, Policy, Role, State, StoreKind, acting_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PASSWORD = "correct horse battery"
_ISSUER, _AUDIENCE = "ringfence", "ringfence"
_CLAIMS = ("iss", "aud", "sub", "exp")


def peers() -> dict[str, Callable[[], object] | None]:
    """Return verifications of one token by others, ready to run: signature, issuer, audience and time, as ours."""
    import jwt

    now = int(time())
    claims = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": "ana",
        "iat": now,
        "exp": now + 86_400,
        "jti": "0" * 32,
    }
    secret = "s" * 32
    hs256 = jwt.encode(claims, secret, "HS256")
    options = {"require": list(_CLAIMS)}

    def pyjwt() -> object:
        return jwt.decode(hs256, secret, ["HS256"], options, audience=_AUDIENCE, issuer=_ISSUER)  # type: ignore[arg-type]  # its options are a typed dictionary

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public, eddsa = private.public_key(), jwt.encode(claims, private, "EdDSA")

    def pyjwt_eddsa() -> object:
        return jwt.decode(eddsa, public, ["EdDSA"], options, audience=_AUDIENCE, issuer=_ISSUER)  # type: ignore[arg-type]  # likewise

    found: dict[str, Callable[[], object] | None] = {
        "pyjwt_hs256": pyjwt,
        "pyjwt_eddsa": pyjwt_eddsa,
        "joserfc_hs256": None,
        "joserfc_eddsa": None,
    }
    if find_spec("joserfc") is not None:
        found |= _joserfc(hs256, secret, claims)
    return found


def _joserfc(hs256: str, secret: str, claims: dict[str, object]) -> dict[str, Callable[[], object] | None]:
    jwt: Any = import_module("joserfc.jwt")
    jwk: Any = import_module("joserfc.jwk")
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": _ISSUER},
        aud={"essential": True, "value": _AUDIENCE},
        exp={"essential": True},
    )
    shared, pair = jwk.OctKey.import_key(secret), jwk.OKPKey.generate_key("Ed25519")
    eddsa = jwt.encode({"alg": "Ed25519"}, claims, pair, algorithms=["Ed25519"])

    def with_secret() -> object:
        token = jwt.decode(hs256, shared, algorithms=["HS256"])
        rules.validate(token.claims)
        return token

    def with_pair() -> object:
        token = jwt.decode(eddsa, pair, algorithms=["Ed25519"])
        rules.validate(token.claims)
        return token

    return {"joserfc_hs256": with_secret, "joserfc_eddsa": with_pair}


class Bench:
    """The figures, with guards closed and folders removed at the end.

    Arguments:
        rounds, calls: how long to measure.
        stack: closes them.

    """

    def __init__(self, rounds: int, calls: int, stack: ExitStack) -> None:
        self._rounds, self._calls, self._stack = rounds, calls, stack
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringfence-bench-")))
        self._stores = {"memory": "memory:", "sqlite": f"sqlite:{self._folder / 'state.db'}"}
        if os.environ.get("RINGFENCE_BENCH_POSTGRES"):
            self._stores["postgres"] = os.environ["RINGFENCE_BENCH_POSTGRES"]
        self._guards = {name: self._guard(url) for name, url in self._stores.items()}

    def _guard(self, url: str, passwords: Passwords | None = None) -> Guard:
        roles = {"clerk": Role(inherits=("user",), allow=("refund",))}
        policy = Policy(roles=roles, state=State(url), audit=Audit(store=StoreKind.MEMORY))
        guard = self._stack.enter_context(Guard(policy, passwords=passwords))
        guard.register(lambda: None, name="refund")
        if not any(user.id == "ana" for user in guard.identity.users()):
            guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        return guard

    def _run(
        self, items: Mapping[str, Callable[[], object] | None], share: int = 1
    ) -> dict[str, Sample | None]:
        there = {name: call for name, call in items.items() if call is not None}
        measured = interleave(there, self._rounds, max(20, self._calls // share))
        return {name: measured.get(name) for name in items}

    def tokens(self) -> list[Figure]:
        """A5: a token that was verified before, beside those who verify each time; then with its session, and the first time."""
        guard = self._guards["sqlite"]
        token = guard.identity.issue_token("ana", seconds=86_400)

        def seen() -> object:
            return guard.identity.verify_token(token)

        if seen() != guard.identity.check_token(token):
            raise RuntimeError("the token is not verified")
        there = peers()
        samples = self._run({OURS: seen, **there})
        what = "token seen before, against"
        figures = [
            compare(
                "A5",
                f"{what} joserfc's HS256",
                samples,
                "joserfc_hs256",
                floor=1 / 10,
                goal=1 / 25,
                limit=1.1,
            ),
            compare(
                "A5", f"{what} PyJWT's HS256", samples, "pyjwt_hs256", floor=1 / 10, goal=1 / 25, limit=1.1
            ),
            compare(
                "A5",
                f"{what} joserfc's EdDSA",
                samples,
                "joserfc_eddsa",
                floor=1 / 10,
                goal=1 / 80,
                limit=1.1,
            ),
        ]
        for name, other in self._guards.items():
            own = other.identity.issue_token("ana", seconds=86_400)
            items = {
                OURS: lambda guard=other, own=own: guard.login_token(own),
                "joserfc_eddsa": there["joserfc_eddsa"],
                "joserfc_hs256": there["joserfc_hs256"],
            }
            label = f"its session by login_token, the store asked whether anything changed, {name}"
            figures.append(
                compare("A5-session", label, self._run(items, 4), "joserfc_eddsa", floor=1, goal=1 / 10)
            )

        def first() -> object:
            guard.identity.configure(guard.policy.identity, {})
            return guard.identity.verify_token(token)

        figures.append(
            compare("A5-first", "a token verified the first time, with the look into the store", self._run({OURS: first, "pyjwt_eddsa": there["pyjwt_eddsa"]}, 8), "pyjwt_eddsa", floor=4, goal=2)
        )  # fmt: skip
        return figures

    def calls(self) -> list[Figure]:
        """Measure what a log-in's session costs each call, beside `acting_as`, for each store."""
        figures = []
        for name, guard in self._guards.items():
            session, plain = guard.login("ana", PASSWORD), guard.session("ana", ["clerk"])

            def decide(guard: Guard = guard, session: object = session) -> object:
                with acting_in(session):  # type: ignore[arg-type]  # one of the two
                    return guard.decide("refund")

            def acting(guard: Guard = guard, plain: object = plain) -> object:
                with acting_in(plain):  # type: ignore[arg-type]  # likewise
                    return guard.decide("refund")

            if not decide().allowed:  # type: ignore[attr-defined]  # a verdict
                raise RuntimeError("the session is not let through")
            samples = self._run({OURS: decide, "acting_as": acting}, 8 if name == "postgres" else 1)
            figures.append(
                compare("A5-call", f"a decision in a session that somebody logged in to, {name}", samples, "acting_as", floor=3, goal=2)
            )  # fmt: skip
        return figures

    def logins(self) -> list[Figure]:
        """Log-ins a second from eight threads, wrong ones and right ones, beside argon2 alone."""
        guard, seconds = self._guards["sqlite"], max(0.5, self._rounds / 5)
        from argon2 import PasswordHasher

        hasher = PasswordHasher()
        kept = hasher.hash(PASSWORD)

        def wrong(number: int) -> None:
            try:
                guard.login(f"nobody {number}", "a wrong password of some length")
            except Exception as error:
                if type(error).__name__ != "LoginFailed":
                    raise

        ours = _rate(lambda _: guard.login("ana", PASSWORD), seconds)
        alone = _rate(lambda _: hasher.verify(kept, PASSWORD), seconds)
        failing = _rate(wrong, seconds)
        common = {"unit": "log-ins/s", "floor": 0.5, "goal": 0.9, "lower_is_better": False}
        beside = {"argon2 alone": alone}
        return [
            Figure(id="login", what="log-ins that are right, 8 threads, SQLite", ours=ours, ratio=ours / alone, peers=beside, **common),  # type: ignore[arg-type]  # what both share
            Figure(id="login", what="log-ins for names that nobody has", ours=failing, ratio=failing / alone, peers=beside, **common),  # type: ignore[arg-type]  # likewise
        ]  # fmt: skip


def _rate(run: Callable[[int], object], seconds: float, threads: int = 8) -> float:
    """Return how many runs a second go through, from so many threads."""
    end = perf_counter() + seconds
    start = perf_counter()

    def work(number: int) -> int:
        done = 0
        while perf_counter() < end:
            run(number * 1_000_000 + done)
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(work, range(threads)))
    return done / (perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, to see that it works")
    options = parser.parse_args()
    with ExitStack() as stack:
        bench = Bench(*((3, 50) if options.quick else (15, 2000)), stack)
        figures = [*bench.tokens(), *bench.calls(), *bench.logins()]
        also = ("argon2-cffi", "cryptography", "joserfc", "psycopg", "pyjwt")
        report("identity", figures, json=options.json, also=also)


if __name__ == "__main__":
    main()
