"""Records: dataclasses. A class gets the methods that the library would write for it, and each of them pays for what it does.

Only the head of `__init__` is written as source, because Python alone binds arguments, and complains of them, as Python does.
"""

from __future__ import annotations

import dataclasses
import inspect
import keyword
from typing import TYPE_CHECKING, Any

from ringfence.restricted.modules.copying import Deep
from ringfence.restricted.modules.recording import (
    MISSING,
    Field,
    comparison,
    frozen_delattr,
    frozen_setattr,
    hash_of,
    refuse_other,
    repr_of,
)
from ringfence.restricted.modules.view import ModuleView
from ringfence.restricted.names import attribute_fault, is_special
from ringfence.restricted.objects import HINT, SnippetType

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_MOST_FIELDS = 100
_STEPS = 10_000
"""What making the methods of one class takes."""
_OPTIONS = {
    "init": True, "repr": True, "eq": True, "order": False, "unsafe_hash": False, "frozen": False, "match_args": True,
    "kw_only": False,
}  # fmt: skip
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")


class Dataclasses(ModuleView):
    """`dataclasses`."""

    __slots__ = ()
    __named__ = "dataclasses"
    MISSING = MISSING
    InitVar = KW_ONLY = HINT

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(dataclasses.FrozenInstanceError)

    def dataclass(self, cls: Any = None, /, **options: Any) -> Any:
        """Give a class the methods of a record."""
        for name, value in options.items():
            if name not in _OPTIONS and value:
                raise self.__run__.meter.stop("offer", f"dataclass({name}=...) is not offered in a snippet")
        chosen = {**_OPTIONS, **options}
        if cls is not None:
            return _Making(self.__run__, cls, chosen).done()
        return lambda decorated: _Making(self.__run__, decorated, chosen).done()

    def field(self, **options: Any) -> Field:
        """Return what is special about a field."""
        if options.pop("metadata", None):
            raise self.__run__.meter.stop("offer", "metadata of a field is not offered in a snippet")
        return Field(**options)

    def fields(self, class_or_instance: Any) -> tuple[Field, ...]:
        """Return the fields of a record."""
        found = getattr(class_or_instance, "__dataclass_fields__", None)
        if found is None:
            raise TypeError("must be called with a dataclass type or instance")
        return tuple(found.values())

    def is_dataclass(self, obj: Any) -> bool:
        """Return whether a class or an object is a record."""
        return hasattr(obj if isinstance(obj, type) else type(obj), "__dataclass_fields__")

    def asdict(self, obj: Any, *, dict_factory: Any = dict) -> Any:
        """Return a record as a dict, and the records in it too."""
        if not _is_record(obj):
            raise TypeError("asdict() should be called on dataclass instances")
        return _unfold(self.__run__, obj, dict_factory)

    def astuple(self, obj: Any, *, tuple_factory: Any = tuple) -> Any:
        """Return a record as a tuple, and the records in it too."""
        if not _is_record(obj):
            raise TypeError("astuple() should be called on dataclass instances")
        return _unfold(self.__run__, obj, lambda pairs: tuple_factory([value for _, value in pairs]))

    def replace(self, obj: Any, /, **changes: Any) -> Any:
        """Return another record with some fields changed."""
        if not _is_record(obj):
            raise TypeError("replace() should be called on dataclass instances")
        for field in obj.__dataclass_fields__.values():
            if not field.init:
                if field.name in changes:
                    raise ValueError(
                        f"field {field.name} is declared with init=False, it cannot be specified with replace()"
                    )
            elif field.name not in changes:
                changes[field.name] = getattr(obj, field.name)
        return type(obj)(**changes)


def _is_record(value: Any) -> bool:
    return hasattr(type(value), "__dataclass_fields__")


def _unfold(run: Run, value: Any, factory: Callable[[list[Any]], Any]) -> Any:
    run.meter.tick()
    kind = type(value)
    if _is_record(value):
        fields = kind.__dataclass_fields__
        return factory([(name, _unfold(run, getattr(value, name), factory)) for name in fields])
    if kind is list:
        return [_unfold(run, item, factory) for item in run.each(value)]
    if isinstance(value, tuple):
        items = [_unfold(run, item, factory) for item in run.each(value)]
        return tuple(items) if kind is tuple else kind(*items)
    if kind is dict:
        pairs = run.each(value.items())
        return {run.light(_unfold(run, key, factory)): _unfold(run, item, factory) for key, item in pairs}
    if isinstance(value, dict | list):
        raise run.meter.stop("offer", f"a record that holds a {kind.__name__} is not offered here")
    return Deep(run).copy(value)


class _Making:
    """Makes the methods of one class."""

    def __init__(self, run: Run, cls: Any, options: dict[str, Any]) -> None:
        self._run = run
        self._cls = cls
        self._options = options
        if type(cls) is not SnippetType:
            raise run.meter.stop("offer", "dataclass is offered for classes of the snippet only")
        run.meter.charge(_STEPS)
        self._fields = self._inherited()
        self._collect()
        if any(is_special(name) or attribute_fault(name) for name in self._fields):
            raise run.meter.stop("offer", "a field with a name of Python's own is not offered in a dataclass")
        if len(self._fields) > _MOST_FIELDS:
            raise run.meter.stop("offer", f"a dataclass of more than {_MOST_FIELDS} fields is not offered")

    def _inherited(self) -> dict[str, Field]:
        found: dict[str, Field] = {}
        for base in self._cls.__mro__[-1:0:-1]:
            found.update(vars(base).get("__dataclass_fields__", {}))
            frozen = vars(base).get("__dataclass_frozen__")
            if frozen is not None and frozen != bool(self._options["frozen"]):
                raise TypeError(
                    "cannot inherit non-frozen dataclass from a frozen one"
                    if frozen
                    else "cannot inherit frozen dataclass from a non-frozen one"
                )
        return found

    def _collect(self) -> None:
        """Note the fields that the class itself has."""
        kw_only = bool(self._options["kw_only"])
        annotated = inspect.get_annotations(self._cls)
        for name, annotation in annotated.items():
            role = str(annotation).strip("'")  # a compiler may quote what is quoted
            if role == "InitVar":
                raise self._run.meter.stop("offer", "InitVar is not offered in a snippet")
            if role == "KW_ONLY":
                kw_only = True
            elif role != "ClassVar":
                self._fields[name] = self._field(name, kw_only=kw_only)
        for name, found in vars(self._cls).items():
            if isinstance(found, Field) and name not in annotated:
                raise TypeError(f"{name!r} is a field but has no type annotation")

    def _field(self, name: str, *, kw_only: bool) -> Field:
        cls = self._cls
        default = getattr(cls, name, MISSING)
        found = default if isinstance(default, Field) else Field(default=default)
        found.name = name
        if found.kw_only is MISSING:
            found.kw_only = kw_only
        if found.default is not MISSING and type(found.default).__hash__ is None:
            kind = type(found.default)
            raise ValueError(f"mutable default {kind} for field {name} is not allowed: use default_factory")
        if found is default:
            if found.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, found.default)
        return found

    def done(self) -> Any:
        """Return the class, with its methods."""
        cls, options, fields = self._cls, self._options, list(self._fields.values())
        explicit_hash = self._has_hash()
        cls.__dataclass_fields__ = self._fields
        cls.__dataclass_frozen__ = bool(options["frozen"])
        if options["init"]:
            self._put("__init__", self._init())
        if options["repr"]:
            self._put(
                "__repr__", repr_of(self._run, self._cls, [field.name for field in fields if field.repr])
            )
        compared = [field.name for field in fields if field.compare]
        if options["eq"]:
            self._put("__eq__", comparison(self._run, self._cls, "__eq__", compared))
        if options["order"]:
            self._order(compared)
        if options["frozen"]:
            self._put("__setattr__", frozen_setattr(self._run, cls, frozenset(self._fields)))
            self._put("__delattr__", frozen_delattr(self._run, cls, frozenset(self._fields)))
        self._hash(explicit=explicit_hash)
        if options["match_args"] and "__match_args__" not in vars(cls):
            matched = tuple(field.name for field in fields if field.init and not field.kw_only)
            type.__setattr__(cls, "__match_args__", matched)
        return cls

    def _put(self, name: str, method: Any) -> None:
        if name not in vars(self._cls):
            method.__name__, method.__qualname__ = name, f"{self._cls.__qualname__}.{name}"
            setattr(self._cls, name, method)

    def _order(self, compared: list[str]) -> None:
        if not self._options["eq"]:
            raise ValueError("eq must be true if order is true")
        for name in _ORDER:
            if name in vars(self._cls):
                raise TypeError(
                    f"Cannot overwrite attribute {name} in class {self._cls.__name__}. "
                    "Consider using functools.total_ordering"
                )
            self._put(name, comparison(self._run, self._cls, name, compared))

    def _has_hash(self) -> bool:
        found = vars(self._cls).get("__hash__", MISSING)
        return not (found is MISSING or (found is None and "__eq__" in vars(self._cls)))

    def _hash(self, *, explicit: bool) -> None:
        options = self._options
        if options["unsafe_hash"] and explicit:
            raise TypeError(f"Cannot overwrite attribute __hash__ in class {self._cls.__name__}")
        if options["unsafe_hash"] or (options["eq"] and options["frozen"] and not explicit):
            names = [f.name for f in self._fields.values() if (f.compare if f.hash is None else f.hash)]
            self._cls.__hash__ = hash_of(self._run, self._cls, names)
        elif options["eq"] and not explicit:
            self._cls.__hash__ = None

    def _init(self) -> Any:
        """Return `__init__`: its head in source, its body a function."""
        taken = [field for field in self._fields.values() if field.init]
        plain = [field for field in taken if not field.kw_only]
        _check_order(plain)
        named = [field for field in taken if field.kw_only]
        names = [field.name for field in plain + named]
        if any(keyword.iskeyword(name) or not name.isidentifier() for name in names):
            raise self._run.meter.stop("offer", "a field with this name is not offered")
        own = next(name for name in _spare_names("self") if name not in names)
        fill = next(name for name in _spare_names("fill") if name not in (*names, own))
        absent = next(name for name in _spare_names("absent") if name not in (*names, own, fill))
        heads = [
            [field.name + (f"={absent}" if field.has_default else "") for field in some]
            for some in (plain, named)
        ]
        head = ", ".join([own, *heads[0], *(["*", *heads[1]] if named else [])])
        namespace: dict[str, Any] = {fill: self._filler(names), absent: MISSING, "__builtins__": {}}
        source = f"def __init__({head}): {fill}({own}, ({''.join(name + ', ' for name in names)}))"
        exec(compile(source, "<dataclass>", "exec"), namespace)  # noqa: S102 - names only, which have been checked
        return namespace["__init__"]

    def _filler(self, names: list[str]) -> Callable[[Any, tuple[Any, ...]], None]:
        run, fields, cls = self._run, list(self._fields.values()), self._cls
        put: Callable[..., None] = object.__setattr__ if self._options["frozen"] else setattr

        def fill(record: Any, values: tuple[Any, ...]) -> None:
            refuse_other(run, cls, record)
            run.meter.tick()
            given = dict(zip(names, values, strict=True))
            for field in fields:
                value = given.get(field.name, MISSING)
                if value is MISSING:
                    if field.default_factory is not MISSING:
                        value = field.default_factory()
                    elif field.default is MISSING or not field.init:
                        continue
                    else:
                        value = field.default
                put(record, field.name, value)
            if after:
                record.__post_init__()

        after = hasattr(cls, "__post_init__")
        return fill


def _spare_names(start: str) -> list[str]:
    return [start + "_" * i for i in range(_MOST_FIELDS + 3)]


def _check_order(fields: list[Field]) -> None:
    seen = False
    for field in fields:
        if seen and not field.has_default:
            raise TypeError(f"non-default argument {field.name!r} follows default argument")
        seen = seen or field.has_default
