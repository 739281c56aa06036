"""`@secure_tool`: every call of the function goes through the gate. The wrapper keeps name, signature, docstring and annotations.

One wrapper for each kind of function, each a single line; what the gate does with the call stands in `guard.py`.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast, overload

from ringfence.default import declare, default_guard
from ringfence.tool import Kind, Tool, declared_arguments, make_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ringfence.guard import Guard
    from ringfence.policy.model import CodeRule, Permission, Tier

P = ParamSpec("P")
R = TypeVar("R")


@overload
def secure_tool(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def secure_tool(
    *,
    role: str | None = None,
    permissions: Iterable[Permission | str] = (),
    tier: Tier | str = "inline",
    profile: str | None = None,
    code: Mapping[str, CodeRule | str] | None = None,
    name: str | None = None,
    guard: Guard | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def secure_tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    role: str | None = None,
    permissions: Iterable[Permission | str] = (),
    tier: Tier | str = "inline",
    profile: str | None = None,
    code: Mapping[str, CodeRule | str] | None = None,
    name: str | None = None,
    guard: Guard | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a function, method, async function, generator function or async generator function.

    What is asked for here and what the policy asks for must both hold. A denied call raises `CallDenied` where it is made, for
    a generator too, and the body never runs; a gate that breaks raises `GuardBroken`.

    Arguments:
        function: the function, where the decorator is written without parentheses.
        role: the role that a caller needs, itself or through one that inherits it.
        permissions: the permissions that a caller needs, all of them.
        tier: the loosest tier it may run in; the policy can only make it stricter.
        profile: the name of the profile that it runs under.
        code: the arguments that hold code, commands, queries, paths or URLs, each with its language (`python`, `shell`, `javascript`,
            `sql`, `path`, `url`) or a `CodeRule`. They are scanned before the body runs, and so are those that the policy declares.
        name: the name that policy, record and model know it by; the function's own name by default.
        guard: the guard that decides; the default one where none is given.

    Raises:
        UnknownName: a permission, tier, language or declared argument does not exist.
        ToolError: `code` is no mapping, or a code rule says of another language what only SQL has.
        ToolExists: the guard has another function under this name.

    """
    asked, declared = tuple(permissions), declared_arguments(code)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if isinstance(function, (staticmethod, classmethod)):
            inner = decorate(function.__func__)
            return cast("Callable[P, R]", type(function)(inner))
        made = make_tool(
            function, name=name, role=role, permissions=asked, tier=tier, profile=profile, code=declared
        )
        if guard is None:
            declare(made)
        else:
            guard.register(made)
        return _guarded(function, made, guard)

    return decorate if function is None else decorate(function)


def _guarded(function: Callable[P, R], tool: Tool, guard: Guard | None) -> Callable[P, R]:
    wrapper = wraps(function)(_wrapper(tool, guard))
    wrapper.__ringfence_tool__ = tool  # type: ignore[attr-defined]
    return cast("Callable[P, R]", wrapper)


def _wrapper(tool: Tool, guard: Guard | None) -> Callable[..., object]:
    """Return the plain function that stands in for a tool's function of the same kind."""

    def sync(*args: object, **kwargs: object) -> object:
        return (guard or default_guard()).call(tool, args, kwargs)

    async def asynchronous(*args: object, **kwargs: object) -> object:
        return await (guard or default_guard()).acall(tool, args, kwargs)

    def generator(*args: object, **kwargs: object) -> object:
        return (guard or default_guard()).stream(tool, args, kwargs)

    def async_generator(*args: object, **kwargs: object) -> object:
        return (guard or default_guard()).astream(tool, args, kwargs)

    kinds = {
        Kind.SYNC: sync,
        Kind.ASYNC: asynchronous,
        Kind.GENERATOR: generator,
        Kind.ASYNC_GENERATOR: async_generator,
    }
    return kinds[tool.kind]
