"""json, base64, binascii, hashlib, uuid: the values of the library, in bounded memory."""

from __future__ import annotations

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.restricted import evaluate

VALUE = "{'a': [1, 2.5, None, True, 'é\\n\"😀'], 'b': {'c': (), 'd': {}}, 'e': [], 3: 'x', None: 1, 1.5: 2}"
JSON = [
    f"json.dumps({VALUE})",
    f"json.dumps({VALUE}, indent=2)",
    f"json.dumps({VALUE}, indent='\\t', separators=(',', ': '))",
    f"json.dumps({VALUE}, ensure_ascii=False)",
    f"json.dumps({VALUE}, separators=(',', ':'))",
    "json.dumps({'b': 1, 'a': [2, {'d': 1, 'c': 2}]}, sort_keys=True)",
    "json.dumps({'b': 1, 'a': 2}, sort_keys=True, indent=1)",
    "json.dumps({(1, 2): 3, 'a': 1}, skipkeys=True)",
    "json.dumps([1, {2, 3}], default=sorted)",
    "json.dumps([{1}], default=lambda v: list(v), indent=1)",
    "class A:\n    def __init__(self, v): self.v = v\njson.dumps([A(1), A([A(2)])], default=lambda o: {'v': o.v})",
    "json.dumps(float('nan'))",
    "json.dumps(float('nan'), allow_nan=False)",
    "json.dumps({1, 2})",
    "json.dumps({(1,): 2})",
    "json.dumps(10**5000)",
    "json.dumps(object)",
    "json.dumps([1, [2]], indent=0)",
    "json.dumps('x', indent=None)",
    "json.dumps([], indent=4)",
    "json.loads('{\"a\": [1, 2.5, null, true, \"\\\\u00e9\"], \"b\": {}}')",
    "json.loads(b'[1, 2]')",
    "json.loads(' [1.5, 1e10, -3, NaN, Infinity] ')",
    "json.loads('{\"a\": 1, \"b\": {\"c\": 2}}', object_hook=lambda d: sorted(d.items()))",
    "json.loads('{\"a\": 1, \"a\": 2}', object_pairs_hook=lambda p: p)",
    "json.loads('[1.5, 2, NaN]', parse_float=str, parse_int=float, parse_constant=lambda c: 'c' + c)",
    "from decimal import Decimal\njson.loads('1.10', parse_float=Decimal)",
    "json.dumps({1}, default=lambda v: [v])",
    "json.loads('')",
    "json.loads('[1,')",
    "json.loads('{\"a\": 1} x')",
    "json.loads(None)",
    "json.loads('[' * 100000)",
    "try:\n    json.loads('[1, x]')\nexcept json.JSONDecodeError as e:\n    r = [e.msg, e.pos, e.lineno, e.colno, e.doc, str(e), isinstance(e, ValueError), type(e) is json.JSONDecodeError]\nr",
    "json.loads(json.dumps({'k': list(range(50))})) == {'k': list(range(50))}",
]  # fmt: skip
BASE64 = [
    "[base64.b64encode(b'hello'), base64.b64decode('aGVsbG8='), base64.urlsafe_b64encode(b'\\xff\\xfe'), base64.urlsafe_b64decode('__4=')]",
    "[base64.b32encode(b'hi'), base64.b32decode('NBUQ===='), base64.b16encode(b'hi'), base64.b16decode('6869'), base64.b85encode(b'hello'), base64.b85decode('Xk~0{Zv')]",
    "[base64.a85encode(b'hello'), base64.a85decode('BOu!rDZ'), base64.encodebytes(b'a' * 60), base64.standard_b64decode('YQ==')]",
    "[base64.b64encode(b'\\xff\\xfe', altchars=b'-_'), base64.b64decode('YQ==', validate=True)]",
    "base64.b64decode('a')",
    "base64.b64encode('text')",
    "base64.b64decode('Y!Q=', validate=True)",
    "import binascii\ntry:\n    base64.b64decode('a')\nexcept binascii.Error as e:\n    r = [str(e), type(e) is binascii.Error]\nr",
]
BINASCII = [
    "[binascii.hexlify(b'ab'), binascii.unhexlify('6162'), binascii.crc32(b'abc'), binascii.hexlify(b'abcd', '-')]",
    "binascii.unhexlify('6')",
]
HASHES = [
    *(
        f"hashlib.{name}(b'abc').hexdigest()"
        for name in [
            "md5",
            "sha1",
            "sha224",
            "sha256",
            "sha384",
            "sha512",
            "sha3_256",
            "sha3_512",
            "blake2b",
            "blake2s",
        ]
    ),
    "h = hashlib.sha256()\nh.update(b'a')\nh.update(b'b')\nc = h.copy()\n[h.hexdigest(), c.digest(), h.name, h.digest_size, h.block_size]",
    "[hashlib.new('sha256', b'x').hexdigest(), hashlib.blake2b(b'x', digest_size=8, key=b'k').hexdigest()]",
    "hashlib.md5('text')",
    "hashlib.sha1(b'x', usedforsecurity=False).hexdigest()",
]
UUIDS = [
    "u = uuid.UUID('12345678-1234-5678-1234-567812345678')\n[u, str(u), u.hex, u.int, u.bytes, u.fields, u.version, u.variant, u.urn, u.time]",
    "[uuid.uuid5(uuid.NAMESPACE_DNS, 'a.b'), uuid.uuid3(uuid.NAMESPACE_URL, 'x'), uuid.UUID(int=5), uuid.UUID(bytes=b'a' * 16)]",
    "u = uuid.uuid4()\n[u.version, len(str(u)), u == uuid.UUID(str(u)), isinstance(u, uuid.UUID), type(u) is uuid.UUID, u < uuid.uuid4() or True]",
    "uuid.UUID('x')",
    "uuid.UUID()",
    "sorted([uuid.UUID(int=2), uuid.UUID(int=1)])[0].int",
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "expression"),
    [
        (module, expression)
        for module, some in (("json", JSON), ("base64", BASE64), ("binascii", BINASCII), ("hashlib", HASHES), ("uuid", UUIDS))
        for expression in some
    ],
)  # fmt: skip
def test_encodings_give_what_the_library_gives(module: str, expression: str) -> None:
    """The same text, bytes or value, or the same exception."""
    check_same(module, expression)


LISTS = "x = []\nfor _ in range(60): x = [x, x]\n"


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        (f"{LISTS}json.dumps(x)", "steps|time|memory"),
        (f"{LISTS}json.dumps([{{1}}], default=lambda v: x)", "steps|time|memory"),
        (f"{LISTS}json.dumps(x, indent=1)", "steps|time|memory"),
        ("x = []\nx.append(x)\njson.dumps(x)", "recursion|steps|time|memory"),
        ("json.dumps([1], indent=10**9)", "offer"),
        ("json.dumps([1], indent=' ' * 1000)", "offer"),
        ("json.dumps([1, 2], separators=(',' * 10**6, ':'))", "offer"),
        ("json.dumps([1], cls=str)", "offer"),
        ("json.loads('[1]', cls=str)", "offer"),
        ("x = []\nfor _ in range(800): x = [x]\njson.dumps([x] * 20000, indent=32)", "recursion|steps|time|memory"),
        ("json.loads('[' + '[],' * 2000000 + '1]')", "memory|time|steps"),
        ("json.dump([1], 2)", "offer"),
        ("json.load(2)", "offer"),
        ("json.codecs", "offer"),
        ("json.decoder", "offer"),
        ("x = 'é' * 3000000\nwhile True: json.dumps([x] * 3)", "memory|time|steps"),
        ("x = b'a' * 1000000\nwhile True: base64.b64encode(x)", "memory|time|steps"),
        ("x = b'a' * 1000000\nwhile True: base64.b85encode(x)", "memory|time|steps"),
        ("x = b'a' * 1000000\nwhile True: hashlib.sha256(x)", "time|steps"),
        ("base64.b64encode([1])", "offer"),
        ("hashlib.new('shake_128')", "offer"),
        ("hashlib.scrypt(b'', salt=b'', n=2**20, r=8, p=1)", "offer"),
        ("hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)", "offer"),
        ("hashlib.file_digest", "offer"),
        ("uuid.uuid1()", "offer"),
        ("uuid.getnode()", "offer"),
        ("uuid.os", "offer"),
        ("uuid.UUID('1' * 1000000)", "offer"),
    ],
)  # fmt: skip
def test_encodings_without_end_are_stopped(source: str, limit: str) -> None:
    """What would be large is paid for before it is made; what tells of the machine, or works for long, is refused."""
    check_stopped(f"import json, base64, hashlib, uuid\n{source}", limit)


def test_an_identifier_shows_nothing_of_its_class() -> None:
    """`is_safe` is a member of an enumeration of the host, whose table of members can be changed."""
    with pytest.raises(Exception, match="'is_safe' is not offered"):
        evaluate("import uuid\nuuid.uuid4().is_safe")
