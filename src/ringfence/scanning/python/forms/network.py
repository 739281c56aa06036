"""How addresses and what is sent to them are read."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.python.catalogue.sink import NO_TRAITS
from ringfence.scanning.python.origins import file_origin
from ringfence.scanning.python.values import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site
    from ringfence.scanning.python.values import Values

_EVERYWHERE = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - compared with, not bound
_SENDS = frozenset({Trait.SENDS})
_TELLING = frozenset(
    {Origin.CREDENTIALS, Origin.SYSTEM, Origin.USER, Origin.ENVIRONMENT, Origin.DECODED, Origin.ARGUMENT}
)
_WITH_BASE = ("httpx.Client()", "httpx.AsyncClient()", "aiohttp.ClientSession()")
_REQUEST = "urllib.request.Request()"


def connection(site: Site) -> Iterator[Effect]:
    """Read where a connection leads, and whether data goes out with it, in the address too."""
    sends, data = site.sent()
    value, traits = site.value, site.sink.traits
    text = "" if site.sink.at is None else _base(site) + site.text
    if sends or (value.ref == _REQUEST and value.origins):
        traits, data = traits | _SENDS, data | value.origins
    elif HOLE in text and value.origins & _TELLING:
        # A secret in a query string goes out as well.
        traits, data = traits | _SENDS, value.origins & _TELLING
    if site.flag("verify") is False:
        traits |= {Trait.UNVERIFIED}
    yield site.effect(text=text, traits=traits, origins=data)


def _base(site: Site) -> str:
    """Return the address that a client was made with, to which a path is added; empty where it has none."""
    function = site.node.func
    if not site.text.startswith("/") or not isinstance(function, ast.Attribute):
        return ""
    for client in site.resolver.values(function.value, site.scope)[:4]:
        if client.ref in _WITH_BASE and isinstance(client.node, ast.Call) and client.scope is not None:
            base = site.resolver.arguments.keyword(client.node, "base_url", client.scope)
            if base is None and client.node.args and client.ref == "aiohttp.ClientSession()":
                base = site.resolver.arguments.lazily(client.node, client.scope)[0]
            if base is not None:
                return as_text(base[0]).rstrip("/")
    return ""


def listener(site: Site) -> Iterator[Effect]:
    """Read the address that is listened on."""
    open_to_all = {Trait.OPEN_TO_ALL} if site.text in _EVERYWHERE else NO_TRAITS
    yield site.effect(traits=site.sink.traits | open_to_all)


def address(site: Site) -> Iterator[Effect]:
    """Read a pair of host and port."""
    if isinstance(site.value.const, str):
        hosts: Values = (site.value,)
        number = None
    else:
        hosts, ports = (site.resolver.items.item(site.value, position) for position in (0, 1))
        number = ports[0].const if isinstance(ports[0].const, int) else None
    sends, data = site.sent()
    traits = site.sink.traits | (_SENDS if sends else NO_TRAITS)
    for one in hosts[:4]:
        host = as_text(one)
        everywhere = site.sink.kind is Kind.LISTEN and host in _EVERYWHERE
        host = f"[{host}]" if host.count(":") > 1 and number is not None else host
        text = host if number is None else f"{host}:{number}"
        yield site.effect(
            text=text, traits=traits | {Trait.OPEN_TO_ALL} if everywhere else traits, origins=data
        )


def upload(site: Site) -> Iterator[Effect]:
    """Read the path of a file that is sent."""
    path = site.arguments[0][0].text if site.arguments else None
    yield site.effect(text="", traits=_SENDS, origins=file_origin(path))


def container(site: Site) -> Iterator[Effect]:
    """Read how a container is made: with the host's rights, or without."""
    if site.sink.kind is Kind.CONNECT:
        yield site.effect(text="unix:///var/run/docker.sock")
        return
    options = ast.dump(
        ast.Tuple([keyword.value for keyword in site.node.keywords if keyword.arg is not None], ast.Load())
    )
    wide = (
        site.flag("privileged") is True
        or "'/'" in options
        or "docker.sock" in options
        or "value='host'" in options
    )
    if wide:
        yield site.effect(text="container")
