"""What a tool is to the gate: a `Tool` is one registration, and its `Signature` binds arguments before any policy sees them.

Deciding and running live elsewhere. The one idea: a call is judged on exactly the arguments that the function will get, so
positional, keyword and default forms of one call are one call. The binding is written by hand because
`inspect.Signature.bind` costs 8 µs, more than a whole decision.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ringfence.errors import ToolError, UnknownName, nearest
from ringfence.policy.model import CodeRule, Permission, Tier
from ringfence.scanning.effects import Access, Language

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

if sys.version_info >= (3, 14):
    # Reading a signature evaluates annotations there, which fails for names that are imported for type checkers only.
    from annotationlib import Format

    _read_signature = partial(inspect.signature, annotation_format=Format.FORWARDREF)
else:
    _read_signature = inspect.signature

_Member = TypeVar("_Member", Permission, Tier, Language, Access)
_PROGRAMS = (Language.PYTHON, Language.JAVASCRIPT)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Kind(Enum):
    """How a tool's function is called."""

    SYNC = "sync"
    ASYNC = "async"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async generator"

    @property
    def asynchronous(self) -> bool:
        """Whether it needs an event loop."""
        return self in (Kind.ASYNC, Kind.ASYNC_GENERATOR)

    @classmethod
    def of(cls, function: Callable[..., object]) -> Kind:
        """Return how this function is called, seen through `functools.partial` and callable objects."""
        while isinstance(function, partial):
            function = function.func
        for candidate in (function, type(function).__call__):
            if inspect.isasyncgenfunction(candidate):
                return cls.ASYNC_GENERATOR
            if inspect.iscoroutinefunction(candidate):
                return cls.ASYNC
            if inspect.isgeneratorfunction(candidate):
                return cls.GENERATOR
        return cls.SYNC


class Signature:
    """The parameters of a function, ready to bind calls quickly.

    Arguments:
        function: any callable with a readable signature.
        receiver: whether its first parameter is the object a method is called on, which is passed on
            but is no argument: neither policy nor record sees it.

    Raises:
        TypeError: the signature cannot be read.

    """

    __slots__ = (
        "_by_keyword",
        "_defaults",
        "_most",
        "_named_only",
        "_plain",
        "_positional",
        "_positional_only",
        "_required",
        "_var_keyword",
        "_var_positional",
        "names",
        "parameters",
        "receiver",
    )

    def __init__(self, function: Callable[..., object], *, receiver: bool = False) -> None:
        try:
            parameters = list(_read_signature(function).parameters.values())
        except ValueError as error:
            named = getattr(function, "__qualname__", type(function).__qualname__)
            msg = (
                f"{named} has no readable signature, so its arguments cannot be bound: wrap it in a function"
            )
            raise TypeError(msg) from error
        self.receiver = receiver
        if receiver:
            parameters = parameters[1:]
        self._positional = tuple(p.name for p in parameters if p.kind in _POSITIONAL)
        self._positional_only = tuple(
            p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY
        )
        self._by_keyword = frozenset(p.name for p in parameters if p.kind in _BY_KEYWORD)
        self._var_positional = next(
            (p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), None
        )
        self._var_keyword = next(
            (p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD), None
        )
        named = [p for p in parameters if p.kind in _POSITIONAL or p.kind is inspect.Parameter.KEYWORD_ONLY]
        self.names = tuple(p.name for p in named)
        self.parameters = frozenset(p.name for p in parameters)
        self._defaults = {p.name: p.default for p in named if p.default is not inspect.Parameter.empty}
        self._required = tuple(p.name for p in named if p.default is inspect.Parameter.empty)
        self._plain = not (self._positional_only or self._var_positional or self._var_keyword)
        self._named_only = self._plain and not receiver
        self._most = len(parameters)

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments by name, defaults included, as the function would see them.

        Arguments:
            args: positional arguments, without a receiver.
            kwargs: keyword arguments.

        Raises:
            TypeError: they do not fit; the message names the parameter and the nearest valid one.

        """
        if not self._plain:
            bound = self._bind_positional(args)
            bound |= self._bind_keywords(bound, kwargs)
            bound = {**self._defaults, **bound}
        elif not args and kwargs.keys() <= self._by_keyword:
            bound = {**self._defaults, **kwargs}
        else:
            bound = self._bind_plain(args, kwargs)
        if len(bound) < self._most:
            self._refuse_missing(bound)
        return bound

    def _bind_plain(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Bind where there is no `*args`, no `**kwargs` and no parameter that takes no keyword: nearly every tool."""
        if not kwargs.keys() <= self._by_keyword:
            self._refuse_unexpected(kwargs)
        given = self._bind_positional(args)
        if not kwargs.keys().isdisjoint(given):
            self._bind_keywords(given, kwargs)
        return {**self._defaults, **given, **kwargs}

    def _refuse_missing(self, bound: Mapping[str, object]) -> None:
        for name in self._required:
            if name not in bound:
                msg = f"missing argument {name!r}"
                raise TypeError(msg)

    def _bind_positional(self, args: Sequence[object]) -> dict[str, object]:
        room = len(self._positional)
        bound: dict[str, object] = dict(zip(self._positional, args, strict=False))
        if self._var_positional is not None:
            bound[self._var_positional] = tuple(args[room:])
        elif len(args) > room:
            msg = f"{len(args)} positional arguments came, at most {room} fit"
            raise TypeError(msg)
        return bound

    def _bind_keywords(self, bound: Mapping[str, object], kwargs: Mapping[str, object]) -> dict[str, object]:
        found: dict[str, object] = {}
        extra: dict[str, object] = {}
        for name, value in kwargs.items():
            if type(name) is not str:
                msg = "the names of arguments must be text"
                raise TypeError(msg)
            if name not in self._by_keyword:
                extra[name] = value
            elif name in bound:
                msg = f"argument {name!r} came twice"
                raise TypeError(msg)
            else:
                found[name] = value
        if self._var_keyword is not None:
            found[self._var_keyword] = extra
        elif extra:
            self._refuse_unexpected(extra)
        return found

    def _refuse_unexpected(self, kwargs: Mapping[str, object]) -> None:
        name = next(name for name in kwargs if name not in self._by_keyword)
        close = nearest(str(name), self._by_keyword)
        hint = f"; did you mean {close!r}?" if close else f"; it takes {', '.join(self.names) or 'none'}"
        msg = f"unexpected argument {str(name)[:80]!r}{hint}"
        raise TypeError(msg)

    def call(
        self, function: Callable[..., object], bound: Mapping[str, object], receiver: object = None
    ) -> object:
        """Call the function with arguments that `bind` returned, and the receiver where it has one."""
        rest = dict(bound)
        if self._named_only:
            return function(**rest)
        extra: dict[str, object] = rest.pop(self._var_keyword) if self._var_keyword else {}  # type: ignore[assignment]
        more: tuple[object, ...] = rest.pop(self._var_positional) if self._var_positional else ()  # type: ignore[assignment]
        leading = self._positional if more else self._positional_only
        args = [rest.pop(name) for name in leading]
        head = (receiver,) if self.receiver else ()
        return function(*head, *args, *more, **rest, **extra)


CodeArguments = tuple[tuple[str, CodeRule], ...]
Requirements = tuple[str | None, tuple[Permission, ...], Tier, str | None, CodeArguments]
NO_REQUIREMENTS: Requirements = (None, (), Tier.INLINE, None, ())
"""What a tool asks for whose registration asks for nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One registered tool.

    Arguments:
        name: the name that policy, record and model know it by.
        function: what runs; None for a tool that a framework runs itself.
        signature: how its arguments are bound; None takes any mapping as it comes.
        kind: how the function is called.
        role: the role that the decorator asks for, besides what the policy asks for.
        permissions: the permissions that the decorator asks for, likewise.
        tier: the loosest tier it may run in.
        profile: the name of its profile.
        code: the arguments that the decorator declares as code, each with what it is written in.
        description: what it does, for people and models.

    """

    name: str
    function: Callable[..., object] | None = None
    signature: Signature | None = None
    kind: Kind = Kind.SYNC
    role: str | None = None
    permissions: tuple[Permission, ...] = ()
    tier: Tier = Tier.INLINE
    profile: str | None = None
    code: CodeArguments = ()
    description: str = field(default="", repr=False)

    @property
    def requirements(self) -> Requirements:
        """What it asks for by itself: role, permissions, tier, profile, code arguments."""
        return self.role, self.permissions, self.tier, self.profile, self.code

    @property
    def snippet(self) -> str | None:
        """The argument that the restricted tier runs: the only one that the registration declares as Python; None where there is none."""
        found = [argument for argument, rule in self.code if rule.language == Language.PYTHON]
        return found[0] if len(found) == 1 else None

    @property
    def program(self) -> tuple[str, Language] | None:
        """The argument that the sandbox tier runs, and its language: the only one declared as Python or JavaScript; None where the function runs."""
        found = [(argument, rule.language) for argument, rule in self.code if rule.language in _PROGRAMS]
        return found[0] if len(found) == 1 else None

    @property
    def asks(self) -> bool:
        """Whether it asks for anything by itself."""
        return self.requirements != NO_REQUIREMENTS

    @property
    def origin(self) -> str:
        """Where the function was written, as `module.qualname`; for another callable its class. Never its text: it may hold values."""
        function = self.function
        named = getattr(function, "__qualname__", None) or type(function).__qualname__
        return f"{getattr(function, '__module__', '?')}.{named}"

    @property
    def reloadable(self) -> bool:
        """Whether it is a module's own function, which comes again when the module is loaded anew."""
        function = self.function
        return (
            inspect.isfunction(function)
            and "<" not in function.__qualname__
            and not hasattr(function, "__wrapped__")
        )


def is_bare_method(tool: Tool) -> bool:
    """Return whether a tool is a method as its class has it, which runs on an object only."""
    return tool.signature is not None and tool.signature.receiver


def is_method(function: Callable[..., object]) -> bool:
    """Return whether a function was written in a class body and takes its object as the first argument.

    While a class body runs there is no class yet to ask, so the function's qualified name and its first parameter tell.
    """
    owner = getattr(function, "__qualname__", "").rpartition(".")[0]
    if not owner or owner.endswith("<locals>") or inspect.ismethod(function):
        return False
    try:
        first = next(iter(_read_signature(function).parameters), None)
    except ValueError:
        return False
    return first in ("self", "cls")


def make_tool(
    function: Callable[..., object],
    *,
    name: str | None = None,
    role: str | None = None,
    permissions: Sequence[Permission | str] = (),
    tier: Tier | str = Tier.INLINE,
    profile: str | None = None,
    code: Mapping[str, CodeRule | str] | None = None,
) -> Tool:
    """Return the registration of a function.

    Arguments:
        function: a function or method of any kind, or a callable object.
        name: the name that policy, record and model know it by; its own name by default.
        role: the role that a caller needs.
        permissions: the permissions that a caller needs.
        tier: the loosest tier it may run in.
        profile: the name of its profile.
        code: the arguments that hold code, each with its language (`python`, `shell`, `javascript`, `sql`, `path`, `url`) or a rule.

    Raises:
        UnknownName: a permission, tier, language, dialect or declared argument does not exist.
        ToolError: a code rule says of another language what only SQL has.
        TypeError: the function's signature cannot be read.

    """
    name = name or getattr(function, "__name__", None) or type(function).__name__
    where = f"tool {name!r}"
    signature = Signature(function, receiver=is_method(function))
    return Tool(
        name,
        function,
        signature,
        Kind.of(function),
        role,
        tuple(_member(Permission, "permission", permission, where) for permission in permissions),
        _member(Tier, "tier", tier, where),
        profile,
        tuple(
            (argument, _code_rule(name, signature, argument, rule))
            for argument, rule in declared_arguments(code).items()
        ),
        inspect.getdoc(function) or "",
    )


def declared_arguments(code: Mapping[str, CodeRule | str] | None) -> dict[str, CodeRule | str]:
    """Return what a decorator or a registration declares as code, as a mapping of its own.

    Raises:
        ToolError: it is no mapping.

    """
    if code is not None and not isinstance(code, Mapping):
        raise ToolError(
            f"code: expected a mapping from arguments to languages, got a {type(code).__name__}",
            'Name the argument that holds it: code={"query": "sql"}.',
        )
    return dict(code or {})


def _code_rule(tool: str, signature: Signature, argument: str, declared: CodeRule | str) -> CodeRule:
    """Return what a decorator declares about an argument, which must be there: one that is not would never be scanned."""
    where = f"code of tool {tool!r}"
    if argument not in signature.parameters:
        raise UnknownName("argument", str(argument), sorted(signature.parameters), where)
    given = declared if isinstance(declared, CodeRule) else CodeRule(declared)  # type: ignore[arg-type]  # known from the next line on
    rule = replace(
        given,
        language=_member(Language, "language", given.language, where),
        access=_member(Access, "access", given.access, where),
    )
    if rule.misplaced:
        raise ToolError(
            f"{where}: {argument!r} is {rule.language} and has {', '.join(rule.misplaced)}",
            "Only SQL has dialects, statements, tables and columns, and only a path an access: leave them out.",
        )
    if rule.dialect:
        from ringfence.scanning.sql import parser_name  # noqa: PLC0415 - most tools take no SQL

        parser_name(rule.dialect)
    return rule


def _member(members: type[_Member], kind: str, value: str, where: str) -> _Member:
    try:
        return members(value)
    except ValueError as error:
        raise UnknownName(kind, str(value), [str(member.value) for member in members], where) from error
