"""Containers: collections, and collections.abc for tests of what a value can do."""

from __future__ import annotations

import collections
import collections.abc
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

from ringfence.restricted.modules.stands import stand
from ringfence.restricted.modules.view import ModuleView
from ringfence.restricted.shallow import defaultdict, deque

if TYPE_CHECKING:
    from ringfence.restricted.run import Run

_MOST_FIELDS = 100
_MOST_NAME = 60
_NAMED_TUPLE_STEPS = 10_000
"""What making a class of named tuples takes: Python compiles one."""
_NAMED_TUPLE_BYTES = 16_384


class Collections(ModuleView):
    """`collections`."""

    __slots__ = ()
    __named__ = "collections"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(Counter, self.__counter__)
        self.__offer__(OrderedDict, self.__ordered__)
        self.__offer__(defaultdict, self.__default__)
        self.__offer__(deque, self.__deque__)

    @property
    def abc(self) -> Any:
        """`collections.abc`."""
        return self.__run__.import_module("collections.abc", "collections.abc")

    def __counter__(self, *args: Any, **kwargs: Any) -> Counter[Any]:
        if len(args) > 1:
            raise TypeError(
                f"Counter.__init__() takes from 1 to 2 positional arguments but {len(args) + 1} were given"
            )
        made: Counter[Any] = Counter()
        self.__run__.dot_update(made, *args, **kwargs)  # type: ignore[attr-defined]
        return made

    def __ordered__(self, *args: Any, **kwargs: Any) -> OrderedDict[Any, Any]:
        return OrderedDict(*map(self.__run__.pairs, args), **kwargs)

    def __default__(self, default_factory: Any = None, /, *args: Any, **kwargs: Any) -> defaultdict:
        return defaultdict(default_factory, *map(self.__run__.pairs, args), **kwargs)

    def __deque__(self, iterable: Any = (), maxlen: Any = None) -> deque:
        return deque(self.__run__.metered(iterable), maxlen)

    def namedtuple(
        self,
        typename: Any,
        field_names: Any,
        *,
        rename: Any = False,
        defaults: Any = None,
        module: Any = None,
    ) -> Any:
        """Return a class of tuples whose items have names."""
        run = self.__run__
        names = field_names if isinstance(field_names, str) else run.listed(field_names)
        if len(names) > _MOST_FIELDS * _MOST_NAME:
            raise run.meter.stop("offer", f"a named tuple of more than {_MOST_FIELDS} fields is not offered")
        listed = names.replace(",", " ").split() if isinstance(names, str) else names
        if len(listed) > _MOST_FIELDS or any(
            type(name) is not str or len(name) > _MOST_NAME for name in (*listed, typename)
        ):
            raise run.meter.stop(
                "offer", f"a named tuple of more than {_MOST_FIELDS} fields, or of long names, is not offered"
            )
        run.meter.charge(_NAMED_TUPLE_STEPS)
        run.meter.grow(_NAMED_TUPLE_BYTES)
        values = None if defaults is None else run.listed(defaults)
        make: Any = collections.namedtuple  # noqa: PYI024 - it is what a snippet asks for
        shown = module if type(module) is str else "__main__"
        kind = make(typename, listed, rename=bool(rename), defaults=values, module=shown)
        return run.offer_type(kind, kind)


class CollectionsAbc(ModuleView):
    """`collections.abc`."""

    __slots__ = ()
    __named__ = "collections.abc"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        for name in collections.abc.__all__:
            vars(self)[name] = stand(run, getattr(collections.abc, name))
