"""From a call to its effects: the catalogue's entries are filled with what the arguments may stand for.

How an argument is read (as a path with a mode, a command line, an address) is told by the entry's form and done in `forms/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind
from ringfence.scanning.python.forms import code, files, loaders, network, processes
from ringfence.scanning.python.forms.site import Site
from ringfence.scanning.python.values import SOMETHING

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping, Sequence

    from ringfence.scanning.python.catalogue import Sink
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Value, Values

_SYNONYMS = frozenset(
    {
        "address", "args", "cmd", "command", "file", "filename", "filepath", "fname", "host", "name", "path", "pathname", "source", "src",
        "top", "uri", "url",
    }
)  # fmt: skip
"""Names under which packages take what others take as the first argument."""

_Reader = Callable[[Site], Iterator[Effect]]


def effects_of_call(
    name: str, function: Value, sinks: Sequence[Sink], node: ast.Call, scope: Scope, resolver: Resolver
) -> Iterator[Effect]:
    """Return the effects of one call.

    Arguments:
        name: the catalogue's name of what is called.
        function: what is called, with the object it belongs to.
        sinks: the catalogue's entries.
        node: the call.
        scope: where it stands.
        resolver: tells what arguments may stand for.

    """
    arguments = resolver.arguments.lazily(node, scope)
    for sink in sinks:
        read = _FORMS[sink.form]
        for value in _values(sink, function, arguments, node, scope, resolver):
            resolver.spend(4)
            yield from read(Site(name, sink, value, arguments, node, scope, resolver))


def _values(
    sink: Sink, function: Value, arguments: Sequence[Values], node: ast.Call, scope: Scope, resolver: Resolver
) -> Values:
    """Return what the argument may stand for that an entry speaks of; nothing where it is optional and not given."""
    if sink.at is None or sink.form == "words":
        return SOMETHING
    if sink.at == -1:
        return (function,)
    if sink.at < len(arguments):
        return arguments[sink.at]
    given = resolver.arguments.keyword(node, sink.keyword, scope) if sink.keyword and node.keywords else None
    if given is not None:
        return given
    for keyword in node.keywords:
        if keyword.arg in _SYNONYMS and sink.at == 0:
            return resolver.values(keyword.value, scope)
    optional = sink.kind in (Kind.WRITE, Kind.READ, Kind.LIST) and (sink.at > 0 or not node.args)
    return () if optional else SOMETHING


def _text(site: Site) -> Iterator[Effect]:
    """Read an argument as it is; the kind of effect tells what else matters."""
    read = _BY_KIND.get(site.sink.kind)
    if read is not None:
        yield from read(site)
    else:
        yield site.effect(text="" if site.sink.at is None else None, traits=site.sink.traits)


_BY_KIND: Mapping[Kind, _Reader] = {
    Kind.CONNECT: network.connection,
    Kind.LOAD: loaders.loader,
    Kind.KILL: processes.kill,
    Kind.LISTEN: network.listener,
}

_FORMS: Mapping[str, _Reader] = {
    "text": _text,
    "path": files.path,
    "mode": files.opened,
    "flags": files.opened_by_flags,
    "permission": files.permission,
    "either": files.either,
    "address": network.address,
    "shell": processes.shell,
    "process": processes.process,
    "words": processes.all_words,
    "source": code.source,
    "query": code.query,
    "module": code.module,
    "expression": code.expression,
    "stdin": processes.stdin,
    "pip": processes.pip,
    "loaded": code.loaded,
    "factories": loaders.factories,
    "setup": code.setup,
    "image": processes.image,
    "image words": processes.image_words,
    "template": code.template,
    "fields": code.fields,
    "device": files.device,
    "cookies": files.cookies,
    "keys": files.keys,
    "container": network.container,
    "upload": network.upload,
    "content": files.content,
    "named": code.named,
    "pickled": loaders.pickled,
    "magic": processes.magic,
    "program": processes.program,
}
"""The reader of each form."""
