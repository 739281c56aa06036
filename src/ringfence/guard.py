"""The guard: one policy in force over one set of tools, and the ways to run them through it.

`Guard.run` is the flow: admit the call, run it, settle it. The steps themselves stand in `gate.py`; what they ask stands in
`policy/`, `checks/`, `runners/` and `audit/`. The one idea: a call has an outcome in every case, and the outcome stands in the
record before anybody sees it.
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from ringfence.bodies import (
    async_body,
    call_tool,
    in_thread,
    runs_in_thread,
    split_receiver,
    sync_body,
)
from ringfence.call import Principal
from ringfence.clock import Clock
from ringfence.errors import PolicyError, RingfenceError, ToolError, UnknownName
from ringfence.gate import Gate
from ringfence.incoming import Incoming, new_id
from ringfence.limiting import Limiter
from ringfence.policy.model import Durability, Mode, Policy, StoreKind
from ringfence.recording import Recording
from ringfence.registry import Registry
from ringfence.session import Session, acting_in, current_session
from ringfence.state.lazy import LazyDatabase
from ringfence.streams import GuardedAsyncGenerator, GuardedGenerator
from ringfence.threat import ThreatLevel
from ringfence.tool import Tool, make_tool
from ringfence.unsafe import warn_any_tool, warn_no_record, warn_observing
from ringfence.verdict import Decision, combine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ringfence.admission import Admission
    from ringfence.approvals.approver import Callback, Desk
    from ringfence.approvals.queue import Approval, ApprovalQueue
    from ringfence.audit import AuditLog
    from ringfence.call import Outcome, ToolCall
    from ringfence.explain import Explanation
    from ringfence.identity import Identity, LoginSession, Passwords
    from ringfence.in_force import InForce
    from ringfence.policy.model import CodeRule, Permission, Tier
    from ringfence.runners.base import AsyncBody, Body
    from ringfence.verdict import Verdict

_NOTHING: Mapping[str, object] = {}


class Guard:
    """One policy in force over one set of tools.

    Arguments:
        policy: what is allowed; by default the built-in roles, which allow nothing by themselves.
        plugins: further plugins as objects, by name. They take part after those that the policy names.
        folder: where relative paths of the policy start; the current folder by default.
        clock: the time; for tests.
        passwords: how passwords are hashed, and how many at once.
        approve: asks a person where the policy asks, after the plugins and before the policy's own channel: a function of an
            `ApprovalRequest` that returns an `ApprovalAnswer`, True, False, or None for "not mine". It may block for `approval_seconds`.

    Raises:
        PolicyError: the policy is unsound.
        PluginError: a plugin that the policy names cannot take part.
        RecordError: the log cannot be opened, or is damaged.

    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        plugins: Mapping[str, object] | None = None,
        folder: str | Path | None = None,
        clock: Clock | None = None,
        passwords: Passwords | None = None,
        approve: Callback | None = None,
    ) -> None:
        from ringfence.in_force import bring_into_force  # noqa: PLC0415 - `import ringfence` does without

        policy = Policy() if policy is None else policy
        self._plugins = dict(plugins or {})
        self._folder = folder
        clock = Clock() if clock is None else clock
        self._state = LazyDatabase(policy.state.url, folder)
        self._desk = _open_desk(self._state, clock.read, approve, folder)
        self._force = bring_into_force(policy, self._plugins, self._desk, self._folder)
        self._registry = Registry()
        self._log = _open_log(policy, folder)
        self._clock = clock
        limiter = Limiter(self._state, clock.read)
        self._gate = Gate(
            Incoming(self._registry, self._clock), Recording(self._log), limiter, lambda: self._force
        )
        self._passwords = passwords
        self._identity: Identity | None = None
        self._opening = Lock()
        self._file: Path | None = None
        self._close_watcher: Callable[[], None] | None = None
        self._syncs_disk = policy.audit.durability is Durability.FSYNC
        _warn(policy)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        plugins: Mapping[str, object] | None = None,
        watch_seconds: float | None = None,
        clock: Clock | None = None,
        passwords: Passwords | None = None,
        approve: Callback | None = None,
    ) -> Self:
        """Return a guard over the policy in a file.

        Arguments:
            path: a YAML or TOML file; relative paths in it start at its folder.
            plugins: as for `Guard`.
            watch_seconds: look at the file this often and reload it when it changed; None: only on `reload()`.
            clock, passwords, approve: as for `Guard`.

        Raises:
            PolicyFileError: the file cannot be used; it says where and why.
            PluginError, RecordError: as for `Guard`.

        """
        from pathlib import Path  # noqa: PLC0415 - as below

        from ringfence.policy.file import load_sound_policy  # noqa: PLC0415 - pulls in pydantic and the parsers
        from ringfence.policy.watch import file_stamp, watch  # noqa: PLC0415 - likewise

        path = Path(path)
        seen = file_stamp(path)  # before it is read, so that no change falls between the two
        policy, folder = load_sound_policy(path), path.resolve().parent
        guard = cls(policy, plugins=plugins, folder=folder, clock=clock, passwords=passwords, approve=approve)
        guard._file = path
        if watch_seconds is not None:
            guard._close_watcher = watch(guard, path, watch_seconds, seen)
        return guard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def flush(self) -> None:
        """Settle generators that were dropped half way, and commit what waits for the log.

        Raises:
            RecordError: it cannot be written; it goes on waiting.

        """
        self._gate.settle_dropped()
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        """Stop watching the policy file, close the shared state, and commit and close the log. A call after it is recorded all the same, at once."""
        if self._close_watcher is not None:
            self._close_watcher()
        self._gate.settle_dropped()
        if self._identity is not None:
            self._identity.close()
        if self._log is not None:
            self._log.close()
        self._state.close()

    # The policy

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._force.policy.policy

    @property
    def policy_version(self) -> str:
        """Twelve hexadecimal digits that change whenever the policy does; every record carries them."""
        return self._force.policy.version

    def reload(self) -> None:
        """Read the policy file again and put it in force, all of it or nothing. Running calls keep the policy that admitted them.

        Raises:
            PolicyError: the guard has no file, or the new policy cannot be used. The old one stays in force, and the log says so.
            PluginError: likewise, for a plugin that the new policy names.

        """
        from ringfence.in_force import bring_into_force  # noqa: PLC0415 - as in __init__
        from ringfence.policy.file import load_sound_policy  # noqa: PLC0415 - as in from_file

        if self._file is None:
            raise PolicyError(
                "this guard's policy comes from no file", "Make the guard with Guard.from_file."
            )
        try:
            policy = load_sound_policy(self._file)
            if policy.audit != self.policy.audit:
                raise PolicyError(
                    f"{self._file}: `audit` changed", "The log is open: restart to change how it is kept."
                )
            if policy.state != self.policy.state:
                raise PolicyError(
                    f"{self._file}: `state` changed", "The store is open: restart to keep it elsewhere."
                )
            force = bring_into_force(
                policy, self._plugins, self._desk, self._folder, self._force.policy.tallies
            )
        except RingfenceError as error:
            text = (
                f"the new policy was refused and the old one, {self.policy_version}, stays in force: {error}"
            )
            self._report("policy-rejected", ThreatLevel.MEDIUM, text)
            raise
        before, self._force = self.policy_version, force
        if self._identity is not None:
            self._identity.configure(policy.identity, force.policy.roles)
        _warn(policy)
        self._report("policy-reloaded", ThreatLevel.INFO, f"policy {force.policy.version} replaced {before}")

    def _report(self, kind: str, level: ThreatLevel, text: str) -> None:
        self._gate.report(self._force, self._gate.event(kind, level, text, "policy"))

    # Tools

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The registered tools by name."""
        return self._registry.tools

    def register(
        self,
        function: Callable[..., object] | Tool,
        *,
        name: str | None = None,
        role: str | None = None,
        permissions: Iterable[Permission | str] = (),
        tier: Tier | str = "inline",
        profile: str | None = None,
        code: Mapping[str, CodeRule | str] | None = None,
    ) -> Tool:
        """Register a function as a tool, so that `run` finds it by name. The function itself stays unguarded: see `secure_tool`.

        Arguments:
            function: a function or method of any kind, or a registration. One that `secure_tool` guards brings its own.
            name, role, permissions, tier, profile, code: as for `secure_tool`.

        Raises:
            ToolExists: the name belongs to another function.
            ToolError: another decorator stands above `secure_tool`, or `code` says of another language what only SQL has.
            UnknownName: a permission, tier, language or declared argument does not exist.

        """
        if isinstance(function, Tool):
            return self._registry.add(function)
        guarded = getattr(function, "__ringfence_tool__", None)
        if isinstance(guarded, Tool):
            if getattr(function, "__wrapped__", None) is not guarded.function:
                raise ToolError(
                    f"{guarded.name!r} has a decorator above secure_tool, which `run` would skip",
                    "Put secure_tool on top of the others.",
                )
            return self._registry.add(guarded)
        made = make_tool(
            function,
            name=name,
            role=role,
            permissions=tuple(permissions),
            tier=tier,
            profile=profile,
            code=code,
        )
        return self._registry.add(made)

    def adopt(self, tool: Tool) -> Tool:
        """Return the tool to judge a framework's tool by: the registered one where it is the same function, else itself.

        Arguments:
            tool: made by an adapter from a framework's own tool object.

        Raises:
            ToolExists: the name belongs to another function, so the framework's tool would be taken for it.

        """
        self._registry.refuse_taken(tool)
        return self._registry.tools.get(tool.name, tool)

    # Callers

    def acting_as(
        self, user: str, roles: Iterable[str] | None = None, *, address: str = ""
    ) -> AbstractContextManager[Session]:
        """Make all calls in a `with` block, and in the tasks started from it, the calls of this user.

        Arguments:
            user: the user's id.
            roles: names of roles. None: those that the policy's `users` gives.
            address: where the request came from, for the record.

        Raises:
            UnknownName: no roles were given, and the policy does not name the user.

        """
        return acting_in(self.session(user, roles, address=address))

    def session(self, user: str, roles: Iterable[str] | None = None, *, address: str = "") -> Session:
        """Return a new session of this user, to act in with `ringfence.acting_in`. Arguments and errors as for `acting_as`."""
        if roles is None:
            users = self.policy.users
            if user not in users:
                raise UnknownName("user", user, users, "acting_as")
            roles = users[user].roles
        if isinstance(roles, str):
            raise TypeError(f"roles is a list of names, not the text {roles!r}: write roles=[{roles!r}]")
        return Session(new_id(), Principal(user, tuple(roles), address))

    # Logging in

    @property
    def identity(self) -> Identity:
        """The accounts, tokens and sessions in the store that the policy names, for administration. It is opened when it is first used."""
        if self._identity is None:
            from ringfence.identity import Identity  # noqa: PLC0415 - a guard that nobody logs in to does without

            with self._opening:
                if self._identity is None:
                    self._identity = Identity(
                        self.policy.identity,
                        state=self.policy.state.url,
                        folder=self._folder,
                        roles=self._force.policy.roles,
                        passwords=self._passwords,
                        report=lambda event: self._gate.report(self._force, event),
                        clock=self._clock,
                    )
        return self._identity

    def login(self, user: str, password: str, *, address: str = "") -> LoginSession:
        """Return a new session of a user, to act in with `ringfence.acting_in`.

        Arguments:
            user: the user's id.
            password: what was typed.
            address: where the request came from, for the record.

        Raises:
            LoginFailed: the user is not let in; it says the same whatever the reason is.
            IdentityBusy: too many log in at once.
            StateError, RecordError, ClockJumped: it could not be decided or recorded, so nobody is let in.

        """
        return self.identity.login(user, password, address=address)

    def login_token(self, token: str, *, address: str = "") -> LoginSession:
        """Return the session of a token: the one that it has begun here already, or a new one.

        Arguments:
            token: a signed token (JWT), issued here or by a provider that the policy names.
            address: where the request came from, for the record.

        Raises:
            TokenRefused: the token proves nothing here; it says why.
            KeySetUnavailable: the keys of its issuer cannot be had.
            StateError, RecordError, ClockJumped: as for `login`.

        """
        return self.identity.login_token(token, address=address)

    def delegate(
        self,
        session: Session,
        *,
        roles: Iterable[str] | None = None,
        tools: Iterable[str] | None = None,
        seconds: float | None = None,
        once: bool = False,
    ) -> str:
        """Return a token for a sub-agent, whose session is never wider than this one and ends with it.

        Arguments:
            session: from `login` or `login_token`.
            roles: the only roles; None: those that this session has at each moment.
            tools: the only tools, by name or pattern; None: this session's.
            seconds: how long at most; None, or more than this session has left: until this one ends.
            once: whether it begins one session only.

        Raises:
            DelegationTooWide: a role is not this session's to give on, or it was delegated too often already.
            SessionEnded: this session is over.
            StateError, RecordError, ClockJumped: it could not be signed or recorded.

        """
        return self.identity.delegate(session, roles=roles, tools=tools, seconds=seconds, once=once)

    def logout(self, session: Session) -> None:
        """End a session that somebody logged in to, and those that were delegated from it. A second time does nothing."""
        self.identity.logout(session)

    # Running

    def run(
        self,
        tool: str | Tool,
        arguments: Mapping[str, object] = _NOTHING,
        *,
        body: Body | None = None,
        approval: str = "",
    ) -> Outcome:
        """Take a call through the gate, and return what became of it, whatever that is.

        Arguments:
            tool: the name of a registered tool, or a registration.
            arguments: by name.
            body: what runs instead of the tool's own function, for a framework that runs its tools itself.
            approval: the id of an approval from `request_approval`, which is used up. Where the policy asks, nobody else is asked then.

        Returns:
            The outcome. The value of a generator tool is the list of its items. An async tool runs in an event loop of its own.

        Raises:
            ToolError: an async tool was run from inside a running event loop; use `arun`.

        """
        admission = self._gate.admit(
            self._force, tool, (), arguments, runnable=body is not None, approval=approval
        )
        if admission.outcome is not None:
            return admission.outcome
        return self._run(admission, body)

    async def arun(
        self,
        tool: str | Tool,
        arguments: Mapping[str, object] = _NOTHING,
        *,
        body: AsyncBody | None = None,
        approval: str = "",
    ) -> Outcome:
        """As `run`, in an event loop. The tool's own synchronous function runs in a thread, so it does not block the loop."""
        admission = await self._admit_in_loop(
            tool, (), arguments, runnable=body is not None, approval=approval
        )
        if admission.outcome is not None:
            return admission.outcome
        if body is None and runs_in_thread(admission):
            return await in_thread(partial(self._run, admission, None))
        return await self._arun(admission, body or async_body(admission))

    def call(self, tool: Tool, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """Take a plain function's call through the gate, and return its value.

        Raises:
            CallDenied, GuardBroken, RunFailed: as `Outcome.unwrap`, which also raises the tool's own exceptions.

        """
        receiver, args = split_receiver(tool, args)
        admission = self._gate.admit(self._force, tool, args, kwargs, receiver=receiver)
        if admission.outcome is not None:
            return admission.outcome.unwrap()
        return self._run(admission, None, receiver).unwrap()

    async def acall(self, tool: Tool, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """As `call`, for an async function."""
        receiver, args = split_receiver(tool, args)
        admission = await self._admit_in_loop(tool, args, kwargs, receiver=receiver)
        if admission.outcome is not None:
            return admission.outcome.unwrap()
        return (await self._arun(admission, async_body(admission, receiver))).unwrap()

    def stream(self, tool: Tool, args: Sequence[object], kwargs: Mapping[str, object]) -> GuardedGenerator:
        """As `call`, for a generator function. It decides now, not at the first item: a denial is raised here."""
        admission, start = self._open_stream(tool, args, kwargs)
        return GuardedGenerator(self._gate, admission, start)

    def astream(
        self, tool: Tool, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> GuardedAsyncGenerator:
        """As `stream`, for an async generator function."""
        admission, start = self._open_stream(tool, args, kwargs)
        return GuardedAsyncGenerator(self._gate, admission, start)

    def admit(self, tool: str | Tool, arguments: Mapping[str, object] = _NOTHING) -> Admission:
        """Decide about a call that somebody else runs, and record the intent. Whoever runs it must call `finish` afterwards.

        Arguments:
            tool: a registration, or a name that is registered or that the policy names.
            arguments: by name.

        Returns:
            The admission. Its `outcome` is set where the call was denied: then it must not run, and is finished.

        """
        return self._gate.admit(self._force, tool, (), arguments, runnable=True, runs_itself=True)

    def finish(
        self, admission: Admission, value: object = None, error: BaseException | None = None
    ) -> Outcome:
        """Inspect and record what became of an admitted call that somebody else ran; a second time does nothing.

        Arguments:
            admission: from `admit`.
            value: what the tool returned.
            error: what it raised; the value does not count then.

        Returns:
            The outcome. Hand on its value, not the one that came: inspection may have withheld it.

        """
        return self._gate.settle(admission, self._gate.ended(admission, value, error))

    def decide(self, tool: str | Tool, arguments: Mapping[str, object] = _NOTHING) -> Verdict:
        """Return the verdict on a call by the current caller. Nothing runs, nobody is asked, nothing is recorded."""
        return combine(self._gate.judge(self._force, tool, arguments)[2])

    def explain(self, tool: str | Tool, arguments: Mapping[str, object] = _NOTHING) -> Explanation:
        """Return every rule that speaks about a call by the current caller, and what would have allowed it. As `decide`."""
        from ringfence.explain import explain  # noqa: PLC0415 - a call does without

        force = self._force
        return explain(force.policy, *self._gate.judge(force, tool, arguments), current_session())

    def judge(self, call: ToolCall, session: Session) -> tuple[list[Verdict], list[RingfenceError]]:
        """Return what every check says about a call that was made elsewhere, such as one of the record. As `decide`, for any caller.

        Arguments:
            call: the call, with its arguments as the tool would get them.
            session: whose call it is, and what the session has done before.

        Returns:
            The verdicts in the order of the checks, and the errors behind those of checks that failed.

        """
        force, failures = self._force, list[RingfenceError]()
        return force.asking.judge(call, force.policy, session, failures), failures

    # Approvals

    @property
    def approvals(self) -> ApprovalQueue:
        """The questions in the store that processes share: `requests()` and `get(id)` show them, `decide_approval` answers one."""
        return self._desk.queue

    def request_approval(
        self, tool: str | Tool, arguments: Mapping[str, object] = _NOTHING, *, reference: str = ""
    ) -> Approval | None:
        """Put the question about a call by the current caller into the queue, for a program that asks the person itself.

        What stands about exactly this call already comes back instead of a new question. Once it is approved (`decide_approval`, or
        `ringfence approvals approve`), the same call runs with `run(..., approval=approval.request.id)`.

        Arguments:
            tool, arguments: as for `run`.
            reference: which of the program's own calls it is about; equal calls with other references are asked about apart.

        Returns:
            The question; None where the policy does not ask about the call, or no approval can be bound to its arguments.

        Raises:
            StateError: the store cannot be used.
            ApprovalClosed: too many calls of this user wait already.

        """
        force = self._force
        call, _, verdicts = self._gate.judge(force, tool, arguments)
        verdict = combine(verdicts)
        if verdict.decision is not Decision.ASK or force.observing:
            return None
        return force.asking.approver.submit(call, verdict, reference)

    def decide_approval(
        self,
        approval_id: str,
        *,
        approve: bool,
        user: str = "",
        roles: Iterable[str] | None = None,
        comment: str = "",
    ) -> Approval:
        """Answer a question in the queue, for a person whom your program knows and vouches for.

        Arguments:
            approval_id: which.
            approve: whether the call may run.
            user: who decides. Needed for four eyes, and where the policy names `approvers`.
            roles: theirs; None: those that the policy's `users` gives.
            comment: why, for the record; the model reads it where the call is denied.

        Raises:
            ApproverRefused: they may not decide it.
            ApprovalUnknown: there is no such question.
            ApprovalClosed: it was decided, or its time is over.
            StateError: the store cannot be used.

        """
        from ringfence.approvals.deciders import decision_event  # noqa: PLC0415 - a call does without
        from ringfence.approvals.request import ApprovalAnswer  # noqa: PLC0415 - likewise

        force = self._force
        decided = force.asking.approver.decide(approval_id, ApprovalAnswer(approve, user, comment), roles)
        self._gate.report(force, decision_event(decided, new_id()))
        return decided

    # One step each

    def _run(self, admission: Admission, body: Body | None, receiver: object = None) -> Outcome:
        call, verdict, profile = admission.call, admission.verdict, admission.profile
        if body is None:
            try:
                body = sync_body(admission, receiver)
            except ToolError:
                self._gate.cancel(admission)
                raise
        try:
            outcome = admission.runner.run(call, verdict, profile, body)
        except Exception as error:  # noqa: BLE001 - a tool's own errors are outcomes, so the runner is at fault
            outcome = self._gate.runner_failed(admission, error)
        except (
            BaseException
        ) as error:  # exit, interrupt and cancellation end the call, after it stands in the record
            self.finish(admission, error=error)
            raise
        return self._gate.settle(admission, outcome)

    async def _arun(self, admission: Admission, body: AsyncBody) -> Outcome:
        call, verdict, profile = admission.call, admission.verdict, admission.profile
        try:
            outcome = await admission.runner.arun(call, verdict, profile, body)
        except Exception as error:  # noqa: BLE001 - as in _run
            outcome = self._gate.runner_failed(admission, error)
        except BaseException as error:  # as in _run
            self.finish(admission, error=error)
            raise
        if admission.force.asking.may_block_after or self._syncs_disk or admission.reservation is not None:
            return await in_thread(partial(self._gate.settle, admission, outcome))
        return self._gate.settle(admission, outcome)

    async def _admit_in_loop(
        self,
        tool: str | Tool,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        receiver: object = None,
        runnable: bool = False,
        approval: str = "",
    ) -> Admission:
        """Admit in the loop's own thread where that takes microseconds, and in another where it may wait for somebody or scan code."""
        force = self._force
        admit = partial(
            self._gate.admit,
            force,
            tool,
            args,
            kwargs,
            receiver=receiver,
            runnable=runnable,
            approval=approval,
        )
        authority = current_session().authority
        waits = force.asking.may_block or self._syncs_disk or (authority is not None and authority.may_block)
        if not (approval or waits or self._takes_long(force, tool)):
            return admit()
        return await in_thread(admit, abandoned=self._abandon, daemon=True)

    def _takes_long(self, force: InForce, tool: str | Tool) -> bool:
        """Return whether a call by the current caller may wait: for a scan, for other processes that a limit counts, or for a person."""
        known = self._registry.tools.get(tool) if isinstance(tool, str) else tool
        if not isinstance(known, Tool):
            return force.asking.approver.asks or bool(force.policy.policy.limits)
        policy, roles = force.policy, current_session().principal.roles
        if force.asking.approver.asks and policy.may_ask(roles, known):
            return True
        return policy.scans(roles, known) or policy.limits(roles, known)

    def _abandon(self, admission: Admission) -> None:
        """Settle a call whose caller was cancelled while it was being admitted. Nothing ran."""
        if admission.outcome is None:
            self._gate.cancel(admission)

    def _open_stream(
        self, tool: Tool, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> tuple[Admission, Callable[[], object]]:
        receiver, args = split_receiver(tool, args)
        admission = self._gate.admit(self._force, tool, args, kwargs, receiver=receiver, runs_itself=True)
        if admission.outcome is not None:
            admission.outcome.unwrap()
        return admission, partial(call_tool, tool, admission.call.arguments, receiver)


def _warn(policy: Policy) -> None:
    """Warn of what a policy says that weakens it."""
    if policy.mode is Mode.OBSERVE:
        warn_observing()
    for name, rule in policy.rules.items():
        if rule.unsafe_any:
            warn_any_tool(name)


def _open_desk(
    state: LazyDatabase, now: Callable[[], float], approve: Any, folder: str | Path | None
) -> Desk:
    """Return what the guard has for asking people."""
    from inspect import iscoroutinefunction  # noqa: PLC0415 - as below
    from pathlib import Path  # noqa: PLC0415 - `import ringfence` does without

    from ringfence.approvals.approver import Desk  # noqa: PLC0415 - likewise
    from ringfence.approvals.queue import ApprovalQueue  # noqa: PLC0415 - likewise

    if approve is not None and (not callable(approve) or iscoroutinefunction(approve)):
        raise TypeError(
            "approve is a plain function of an ApprovalRequest: it runs in a thread and may block"
        )
    return Desk(ApprovalQueue(state.get, now), approve, Path(folder or "."), now)


def _open_log(policy: Policy, folder: str | Path | None) -> AuditLog | None:
    """Return the record that a policy asks for; None where it asks for none."""
    if policy.audit.store is StoreKind.NONE:
        warn_no_record()
        return None
    from pathlib import Path  # noqa: PLC0415 - `import ringfence` does without

    from ringfence.audit import open_log  # noqa: PLC0415 - pulls in the store's libraries

    return open_log(policy.audit, Path(folder or "."))
