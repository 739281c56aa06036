"""The built-in functions as a snippet has them: each takes what Python's own takes, and pays for what it does before it does it."""

from __future__ import annotations

import builtins
import re
from decimal import Decimal
from itertools import compress
from types import FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any

from ringfence.restricted import shallow
from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.formatting import format_fields
from ringfence.restricted.meter import SMALL
from ringfence.restricted.names import BUILT_IN_TYPES, EXCEPTIONS, SPECIAL_METHODS
from ringfence.restricted.objects import HINT, Either, Hint, Kind, SnippetType, View
from ringfence.restricted.shallow import deque
from ringfence.restricted.weigh import are_small, size, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.restricted.meter import Meter

_NUMBERS = frozenset((int, float, bool))
_FLAT = frozenset((int, float, bool, str, type(None)))
_SIZED = (list, tuple, set, frozenset, dict, str, bytes, bytearray, range)
_MOST_DIGITS = INTEGER_BITS // 3
_MOST_WIDTH = 10_000
_MOST_ROUNDING = 10_000
_WIDTH = re.compile(r"\d+")
_MOST_RANGE = 1 << 62
_LISTS = frozenset((list, tuple))
_FEW = 64
_SHORT = 100
_FLAT_HOLDERS = (str, bytes, bytearray, range)
_CODECS = frozenset(
    [
        "utf-8",
        "utf8",
        "utf-8-sig",
        "ascii",
        "us-ascii",
        "latin-1",
        "latin1",
        "iso-8859-1",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-le",
        "utf-32-be",
        "cp1252",
    ]
)
MOST_GROWN = 10
"""How many times as long a text may get by an encoding: `backslashreplace` writes ten characters for one."""
_BASES_OFFERED = (object, *(getattr(builtins, name) for name in EXCEPTIONS if hasattr(builtins, name)))


class _LongRange:
    """A long range as the right side of `in`: integers are found by arithmetic, anything else by walking through it, which is paid for."""

    __slots__ = ("_meter", "_values")

    def __init__(self, values: range, meter: Meter) -> None:
        self._values = values
        self._meter = meter

    def __contains__(self, item: object) -> bool:
        if type(item) is not int and type(item) is not bool:
            self._meter.charge(len(self._values) >> 1)
        return item in self._values


class Functions:
    """Guards of built-in functions, one method each."""

    __slots__ = ()
    meter: Meter
    namespace: dict[str, Any]
    light: Callable[[Any], Any]
    metered: Callable[[Any], Any]
    feed: Callable[[Any], Any]
    add: Callable[[Any, Any], Any]
    pow: Callable[[Any, Any], Any]
    floordiv: Callable[[Any, Any], Any]
    light_items: Callable[[Any], Any]
    attribute: Callable[..., Any]
    own: Callable[[Any], Any]
    view: Callable[[type], Any]

    # Iterating

    def each(self, values: Any) -> Iterator[Any]:
        """Return an iterator that takes a step for each item."""
        iterator: Iterator[Any] = self.feed(values)
        return iterator

    def listed(self, values: Any) -> Any:
        """Return a list or tuple of the items, which have been paid for; the value itself where it is one."""
        if type(values) in _LISTS:
            if len(values) > _FEW:
                self.meter.charge(len(values) >> 4)
            return values
        return self.do_list(values)

    def hashable(self, values: Any) -> Any:
        """Return an iterable over items that are about to be hashed, and have been weighed."""
        kind = type(values)
        if kind in (str, bytes, range) or (kind in (set, frozenset, dict) and are_small(values)):
            return self.metered(values)
        if kind in (list, tuple) and are_small(values):
            return self.metered(values)
        return self.light_items(values)

    def pairs(self, values: Any) -> Any:
        """Return what `dict.update` may take: a mapping, or pairs whose keys have been weighed."""
        if isinstance(values, dict):
            self.meter.grow(len(values) * 64)
            if not are_small(dict.keys(values)):
                self.light(list(dict.keys(values)))
            return values
        if type(type(values)) is SnippetType and hasattr(values, "keys"):
            return {self.light(key): values[key] for key in self.each(values.keys())}
        return map(self._light_pair, self.metered(values))

    def _light_pair(self, pair: Any) -> Any:
        pair = tuple(self.each(pair)) if type(pair) not in (tuple, list) else pair
        for key in pair[:1]:
            self.light(key)
        return pair

    def spread(self, values: Any) -> Any:
        """Return what is unpacked by a star: something that has been paid for."""
        return self.metered(values)

    def spread_each(self, values: Any) -> Any:
        """Return an iterable whose items are unpacked by a star, each."""
        return map(self.metered, values)

    def mapping(self, values: Any) -> Any:
        """Return what is unpacked by two stars: a dict."""
        if type(values) is dict:
            if len(values) > SMALL >> 6:
                self.meter.grow(len(values) * 64)
            return values
        if isinstance(values, dict) or (type(type(values)) is SnippetType and hasattr(values, "keys")):
            return self.do_dict(values)
        raise TypeError(f"{type(values).__name__!r} object is not a mapping")

    def container(self, values: Any) -> Any:
        """Return the right side of `in`: something whose search has been paid for."""
        kind = type(values)
        if kind is dict or kind is set or kind is frozenset:
            return values
        if kind in _SIZED or isinstance(values, list | tuple | deque):
            if len(values) > SMALL >> 6:
                if kind is range:
                    return _LongRange(values, self.meter)
                self.meter.charge(len(values) >> (9 if kind is str else 5))
                self.pay_to_compare(values)
            return values
        if type(kind) is SnippetType:
            return values if hasattr(kind, "__contains__") else compress(values, self.meter.steps)
        if isinstance(values, dict | View | Hint) or hasattr(kind, "__contains__"):
            return values
        return compress(values, self.meter.steps)

    def pay_to_compare(self, values: Any) -> None:
        """Take the steps that comparing something with each of these items takes."""
        if type(values) not in _FLAT_HOLDERS and not are_small(values):
            weigh(self.meter, values)

    def getitem(self, value: Any, key: Any) -> Any:
        """Return an item, under a key that has been weighed, or a slice, which is paid for."""
        kind = type(key)
        if kind is str or kind is int:
            return value[key]
        if kind is slice:
            return self.getslice(value, key.start, key.stop, key.step)
        return value[self.light(key)]

    def key(self, key: Any) -> Any:
        """Return the key under which an item is set or deleted.

        Raises:
            Stopped: it is a slice as an object, whose items nobody has paid for.

        """
        if type(key) is slice:
            raise self.meter.stop(
                "offer", "setting or deleting by a slice object is not offered in a snippet"
            )
        return self.light(key)

    def copied(self, value: Any) -> Any:
        """Return the subject of a match, parts of which a pattern may copy."""
        if type(value) in _SIZED or isinstance(value, list | tuple | dict | deque):
            self.meter.grow(len(value) * 64)
        return value

    def wide(self, value: Any, length: int) -> Any:
        self.meter.grow(length * 16)
        return value

    def getslice(self, value: Any, lower: Any, upper: Any, step: Any) -> Any:
        if type(value) not in _SIZED:
            return value[self.bound(lower) : self.bound(upper) : self.bound(step)]
        if len(value) > SMALL >> 3:
            length = len(range(*slice(lower, upper, step).indices(len(value))))
            self.meter.grow(size(value) * length // len(value))
        return value[lower:upper:step]

    def bound(self, value: Any) -> Any:
        """Return a bound of a slice: no slice itself."""
        if type(value) is slice:
            raise self.meter.stop("offer", "a slice of slices is not offered in a snippet")
        return value

    def do_enumerate(self, iterable: Any, start: int = 0) -> Iterator[Any]:
        return enumerate(self.feed(iterable), start)

    def do_zip(self, *iterables: Any, strict: bool = False) -> Iterator[Any]:
        return zip(*map(self.feed, iterables), strict=strict)

    def held(self, value: Any) -> Any:
        """Return a value that an iterator of the library is to keep: no other such iterator, which it would be freed with in C, level by level."""
        kind = type(value)
        if hasattr(kind, "__next__") and kind is not GeneratorType and type(kind) is not SnippetType:
            raise self.meter.stop(
                "offer", "an iterator that keeps another one as a value is not offered in a snippet"
            )
        return value

    def do_map(self, function: Any, *iterables: Any) -> Iterator[Any]:
        if not iterables:
            raise TypeError("map() must have at least two arguments.")
        return map(self.held(function), *map(self.feed, iterables))

    def do_filter(self, function: Any, iterable: Any) -> Iterator[Any]:
        return filter(self.held(function), self.feed(iterable))

    def do_iter(self, value: Any, *sentinel: Any) -> Iterator[Any]:
        if sentinel:
            self.light(self.held(sentinel[0]))
            return compress(iter(self.held(value), *sentinel), self.meter.steps)
        return iter(value)

    def do_all(self, iterable: Any) -> bool:
        return all(compress(iterable, self.meter.steps))

    def do_any(self, iterable: Any) -> bool:
        return any(compress(iterable, self.meter.steps))

    # Folding and sorting

    def do_sum(self, iterable: Any, start: Any = 0) -> Any:
        """Add up: by Python's own `sum` where there are numbers only, else one by one."""
        items = self.listed(iterable)
        kinds = set(map(type, items))
        if kinds <= _NUMBERS and type(start) in _NUMBERS:
            self.pay_to_compare(items)
            return sum(items, start)
        if isinstance(start, str | bytes | bytearray):
            return sum((), start)  # raises what Python says
        total = start
        for item in items:
            total = self.add(total, item)
        return total

    def do_min(self, *values: Any, **options: Any) -> Any:
        return self._extreme(min, values, options)

    def do_max(self, *values: Any, **options: Any) -> Any:
        return self._extreme(max, values, options)

    def _extreme(self, choose: Callable[..., Any], values: tuple[Any, ...], options: dict[str, Any]) -> Any:
        key = options.get("key")
        if len(values) == 2 and not options and type(values[0]) in _FLAT and type(values[1]) in _FLAT:  # noqa: PLR2004
            return choose(*values)
        if len(values) == 1:
            found = values[0]
            flat = type(found) in (list, tuple) and are_small(found)
            items = self.metered(found) if flat or key is not None else self.light_items(found)
        else:
            items = list(map(self.light, values)) if key is None else list(values)
        if key is not None:
            options["key"] = lambda item: self.light(key(item))
        return choose(items, **options) if len(values) < 2 else choose(*items, **options)  # noqa: PLR2004

    def do_sorted(self, iterable: Any, *, key: Any = None, reverse: bool = False) -> list[Any]:
        """Sort a copy. What is compared has been weighed, as often as it may be compared."""
        items = self.do_list(iterable)
        if key is not None:
            return self._sorted_by(items, key, reverse=reverse)
        if not are_small(items):
            self._pay_to_sort(items, weigh(self.meter, items))
        elif len(items) > _FEW:
            self._pay_to_sort(items, 0)
        items.sort(reverse=reverse)
        return items

    def _sorted_by(self, items: list[Any], key: Any, *, reverse: bool) -> list[Any]:
        """Sort by keys, which are worked out first and weighed as often as they are compared."""
        keys = [self.light(key(item)) for item in items]
        if not are_small(keys):
            self._pay_to_sort(items, weigh(self.meter, keys) if len(items) > 1 else 0)
        elif len(items) > _FEW:
            self._pay_to_sort(items, 0)
        order = sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
        return [items[place] for place in order]

    def _pay_to_sort(self, items: list[Any], written: int) -> None:
        rounds = len(items).bit_length()
        self.meter.charge((len(items) * rounds >> 4) + (written * rounds >> 9))

    def do_reversed(self, value: Any) -> Any:
        return reversed(value)

    # Making values

    def do_list(self, iterable: Any = ()) -> list[Any]:
        kind = type(iterable)
        if kind in _SIZED:
            length = len(iterable)
            if length > _FEW:
                self.meter.grow(length * (40 if kind in (range, str) else 8))
                self.meter.charge(length >> 4)
            return list(iterable)
        return list(compress(iterable, self.meter.steps))

    def do_tuple(self, iterable: Any = ()) -> tuple[Any, ...]:
        return iterable if type(iterable) is tuple else tuple(self.do_list(iterable))

    def do_set(self, iterable: Any = ()) -> set[Any]:
        self._pay_for_entries(iterable)
        return set(self.hashable(iterable))

    def _pay_for_entries(self, iterable: Any) -> None:
        """Count the entries of a set or dict that is about to be made of these."""
        if type(iterable) in _SIZED and len(iterable) > _FEW:
            self.meter.grow(len(iterable) * 64)

    def do_frozenset(self, iterable: Any = ()) -> frozenset[Any]:
        self._pay_for_entries(iterable)
        return frozenset(self.hashable(iterable))

    def do_dict(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*map(self.pairs, args), **kwargs)

    def do_range(self, *args: Any) -> range:
        made = range(*args)
        if not -_MOST_RANGE < made.start <= _MOST_RANGE or not -_MOST_RANGE < made.stop <= _MOST_RANGE:
            raise self.meter.stop("offer", "a range beyond 62 bits is not offered")
        return made

    def do_int(self, *args: Any, **kwargs: Any) -> int:
        value = args[0] if args else 0
        if isinstance(value, str | bytes | bytearray):
            if len(value) > _MOST_DIGITS:
                raise self.meter.stop("memory", f"an integer would take more than {INTEGER_BITS:,} bits")
            if len(value) > SMALL >> 3:
                self.meter.charge(len(value) * len(value) >> 14)
        elif type(value) is Decimal:
            self.bounded_decimal(value)
        return int(*args, **kwargs)

    def bounded_decimal(self, value: Decimal) -> Decimal:
        """Return a decimal whose digits before and after the point are few enough to write out."""
        if value.is_finite() and abs(value.adjusted()) > _MOST_ROUNDING:
            raise self.meter.stop("offer", f"a Decimal beyond 10**{_MOST_ROUNDING:,} is not offered here")
        return value

    def do_str(self, *args: Any, **kwargs: Any) -> str:
        if len(args) == 1 and not kwargs:
            kind = type(args[0])
            if kind is str or kind is int or kind is float:
                return str(args[0])
            self._pay_to_show(args[0])
        elif args and isinstance(args[0], bytes | bytearray):
            self.codec(*args[1:2], **{k: v for k, v in kwargs.items() if k == "encoding"})
            self.meter.grow(len(args[0]) * MOST_GROWN)
        return str(*args, **kwargs)

    def str_of(self, value: Any) -> str:
        """Do what `str` does with one argument."""
        kind = type(value)
        if kind is int or kind is str or kind is float:
            return str(value)
        return self.do_str(value)

    def int_of(self, value: Any) -> int:
        """Do what `int` does with one argument."""
        kind = type(value)
        if kind is float or kind is int or (kind is str and len(value) <= _SHORT):
            return int(value)
        return self.do_int(value)

    def do_repr(self, value: Any) -> str:
        self._pay_to_show(value)
        return repr(value)

    def do_ascii(self, value: Any) -> str:
        self._pay_to_show(value)
        return ascii(value)

    def _pay_to_show(self, value: Any) -> None:
        written = weigh(self.meter, value)
        if written > SMALL:
            self.meter.grow(written)

    def do_bytes(self, *args: Any, **kwargs: Any) -> bytes:
        return bytes(*self._byte_source(args), **kwargs)

    def do_bytearray(self, *args: Any, **kwargs: Any) -> bytearray:
        return bytearray(*self._byte_source(args), **kwargs)

    def _byte_source(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if not args:
            return args
        first = args[0]
        if isinstance(first, int):
            self.meter.grow(max(0, first))
        elif isinstance(first, str):
            self.codec(*args[1:2])
            self.meter.grow(size(first) * MOST_GROWN)
        elif isinstance(first, bytes | bytearray):
            self.meter.grow(size(first))
        elif not hasattr(type(first), "__bytes__") and not hasattr(type(first), "__index__"):
            return (self.metered(first), *args[1:])
        return args

    def codec(self, encoding: Any = "utf-8", errors: Any = "strict") -> None:
        """Refuse an encoding that takes longer than its text is long, or that the library loads a module for."""
        if isinstance(encoding, str) and encoding.lower().replace("_", "-") not in _CODECS:
            raise self.meter.stop("offer", f"the encoding {encoding[:40]!r} is not offered in a snippet")
        if errors == "namereplace":
            raise self.meter.stop("offer", "errors='namereplace' is not offered in a snippet")

    # Numbers

    def do_round(self, number: Any, ndigits: Any = None) -> Any:
        if isinstance(ndigits, int) and abs(ndigits) > _MOST_ROUNDING and not isinstance(number, float):
            raise self.meter.stop("offer", f"rounding to more than {_MOST_ROUNDING:,} digits is not offered")
        if type(number) is Decimal:
            self.bounded_decimal(number)
        return round(number) if ndigits is None else round(number, ndigits)

    def do_divmod(self, a: Any, b: Any) -> Any:
        self.floordiv(a, b)  # pays for it, and raises what it raises
        return divmod(a, b)

    def do_pow(self, base: Any, exp: Any, mod: Any = None) -> Any:
        if mod is None:
            return self.pow(base, exp)
        if isinstance(base, int) and isinstance(exp, int) and isinstance(mod, int):
            words = (mod.bit_length() >> 5) + 1
            self.meter.charge(
                (exp.bit_length() * words * words >> 6) + ((base.bit_length() >> 5) * words >> 6)
            )
        return pow(base, exp, mod)

    def do_hash(self, value: Any) -> int:
        return hash(self.light(value))

    # Text

    def do_print(
        self,
        *values: Any,
        sep: Any = " ",
        end: Any = "\n",
        file: Any = None,
        flush: bool = False,  # noqa: ARG002 - nothing waits
    ) -> None:
        if file is not None:
            raise self.meter.stop("offer", "print to a file is not offered in a snippet")
        texts = [self.do_str(value) for value in values]
        separator, ending = " " if sep is None else sep, "\n" if end is None else end
        if type(separator) is not str or type(ending) is not str:
            raise TypeError("sep and end must be None or a string")
        self.write(separator, texts, ending)

    def write(self, separator: str, texts: list[str], ending: str) -> None:
        """Keep what is printed."""
        raise NotImplementedError

    def shown(self, value: Any) -> Any:
        """Return a value that is about to be shown in a text, and has been paid for."""
        kind = type(value)
        if kind is int or kind is float:
            return value
        if kind is str:
            if len(value) > SMALL:
                self.meter.grow(size(value))
            return value
        self._pay_to_show(value)
        return value

    def shown_by(self, value: Any) -> Any:
        """Return a value that is about to be shown by a specification, whose widths have been looked at."""
        kind = type(value)
        if kind is int or kind is float:
            return value
        if kind is Decimal:
            self.bounded_decimal(value)
        return self.shown(value)

    def formatted(self, value: Any, spec: str, conversion: int) -> str:
        """Return a replacement field of a text, made by its specification."""
        if conversion != -1:
            value = {114: self.do_repr, 115: self.do_str, 97: self.do_ascii}[conversion](value)
        return self.do_format(value, spec)

    def do_format(self, value: Any, spec: str = "") -> str:
        if type(spec) is str:
            self._pay_for_widths(spec)
        if type(value) is Decimal:
            self.bounded_decimal(value)
        self.shown(value)
        return format(value, spec)

    def _pay_for_widths(self, spec: str) -> None:
        for width in _WIDTH.findall(spec) if len(spec) < SMALL else [spec]:
            if len(width) > 5 or int(width) > _MOST_WIDTH:  # noqa: PLR2004 - digits of the largest width
                raise self.meter.stop(
                    "offer", f"a width of more than {_MOST_WIDTH:,} characters is not offered"
                )

    def format_text(self, text: str, args: tuple[Any, ...], kwargs: Any) -> str:
        """Do what `str.format` does, with guarded attributes, items and widths."""
        return format_fields(self, text, args, kwargs)

    # Objects

    def real(self, value: Any) -> Any:
        """Return the type behind a view, where Python itself must see it."""
        return value.__real__ if type(value) is View else value

    def do_isinstance(self, value: Any, kinds: Any) -> bool:
        if type(value) is View and kinds == self.do_type:
            return True
        return isinstance(value, self._classes(kinds)) or self._is_kind(value, kinds)

    def _is_kind(self, value: Any, kinds: Any) -> bool:
        group = kinds if type(kinds) is tuple else (kinds,)
        return any(type(kind) is Kind and type(value) is kind.__kind__ for kind in group)

    def do_issubclass(self, kind: Any, kinds: Any) -> bool:
        return issubclass(self.real(kind), self._classes(kinds))

    def _classes(self, kinds: Any) -> Any:
        if type(kinds) is tuple:
            return tuple(self._classes(kind) for kind in self.each(kinds))
        if type(kinds) is Either:
            return tuple(self._classes(kind) for kind in kinds.__types__ if kind is not None) + (
                (type(None),) if None in kinds.__types__ else ()
            )
        if type(kinds) is Kind:
            return ()
        if kinds is HINT:
            raise self.meter.stop("offer", "a test against a type of `typing` is not offered in a snippet")
        return type if kinds == self.do_type else self.real(kinds)

    def class_pattern(self, kind: Any) -> Any:
        return self.real(kind)

    def do_type(self, value: Any, *more: Any) -> Any:
        """Return the type of a value: a class of the snippet, a view of a built-in one, or just its name."""
        if more:
            raise self.meter.stop("offer", "making classes with type() is not offered in a snippet")
        kind = type(value)
        if kind is View or kind is SnippetType or kind is type:
            return self.namespace["__builtins__"].get("type", self.do_type)
        if type(kind) is SnippetType or (issubclass(kind, BaseException) and kind.__module__ == "builtins"):
            return kind
        return self.view(kind)

    def do_getattr(self, value: Any, name: str, *default: Any) -> Any:
        return self.attribute(value, name, *default)

    def do_setattr(self, value: Any, name: str, new: Any) -> None:
        self._settable(name)
        setattr(self.own(value), name, new)

    def do_delattr(self, value: Any, name: str) -> None:
        self._settable(name)
        delattr(self.own(value), name)

    def _settable(self, name: Any) -> None:
        if type(name) is not str:
            raise TypeError("attribute name must be a string")
        if name.startswith("__"):
            raise self.meter.stop("offer", f"the attribute {name[:80]!r} cannot be set in a snippet")

    def do_callable(self, value: Any) -> bool:
        return callable(value) or value is HINT

    def build_class(self, body: Any, name: str, *bases: Any, **keywords: Any) -> Any:
        """Make a class, whose bases are classes of the snippet, exceptions or `object`.

        Raises:
            Stopped: another base is not offered.

        """
        if keywords or type(body) is not FunctionType:
            raise self.meter.stop("offer", "a class in a snippet takes no keywords")
        self.meter.charge(20)
        self.meter.grow(2048)
        real = [base for base in bases if base is not HINT]
        for base in real:
            if not (type(base) is SnippetType or (isinstance(base, type) and base in _BASES_OFFERED)):
                raise self.meter.stop(
                    "offer", "a class in a snippet derives from its own classes, exceptions or object"
                )
        made = builtins.__build_class__(body, name, *real, metaclass=SnippetType)
        for special in SPECIAL_METHODS.intersection(vars(made)):
            if not self._is_own_function(vars(made)[special]):
                raise self.meter.stop(
                    "offer", f"{special} of a class in a snippet must be a function of its own"
                )
        return made

    def _is_own_function(self, value: Any) -> bool:
        """Return whether a special method is the snippet's own code, which takes steps, and nothing that the library runs in C."""
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        return value is None or (type(value) is FunctionType and value.__globals__ is self.namespace)


def plain_import(name: str, *_: Any) -> Any:
    """Import for the interpreter itself: a few C functions load a module of the library when they are first called."""
    if name not in ("time", "_strptime", "datetime", "locale", "calendar"):
        raise ImportError(f"{name} is not offered in a snippet")
    return builtins.__import__(name)


NATIVE: dict[str, Any] = {
    **{name: getattr(builtins, name) for name in EXCEPTIONS if hasattr(builtins, name)},
    **{
        name: getattr(builtins, name) for name in ("abs", "bin", "chr", "hex", "len", "next", "object", "oct")
    },
    **{name: getattr(builtins, name) for name in ("ord", "super")},
    **{name: getattr(shallow, name) for name in ("classmethod", "property", "staticmethod")},
    "NotImplemented": NotImplemented,
    "Ellipsis": Ellipsis,
    "__debug__": True,
    "__import__": plain_import,
}
"""What a snippet has as Python has it: it neither grows, nor loops, nor leads anywhere."""

GUARDED = (
    frozenset(
        [
            "all",
            "any",
            "ascii",
            "callable",
            "delattr",
            "dict",
            "divmod",
            "enumerate",
            "filter",
            "format",
            "getattr",
            "hash",
            "isinstance",
            "issubclass",
            "iter",
            "list",
            "map",
            "max",
            "min",
            "pow",
            "print",
            "range",
            "repr",
            "reversed",
            "round",
            "set",
            "setattr",
            "sorted",
            "str",
            "sum",
            "tuple",
            "type",
            "zip",
        ]
    )
    - BUILT_IN_TYPES
)
"""Functions that are guarded by the method of the same name; types are views besides."""
