"""Programs that speak HTTP: `curl` and `wget`, with what they send and where they put what they receive.

The one idea: an address, a body, a header and a form all carry data out, so where each of them comes from is followed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell.options import Options, parse, word_set
from ringfence.scanning.shell.values import EMPTY, NO_ORIGINS, Value, Values, origins_of, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


RECEIVED: Values = unknown({Origin.NETWORK})

FROM_HERE = frozenset({Origin.CREDENTIALS, Origin.SYSTEM, Origin.USER, Origin.FILE, Origin.PROCESSES})
"""What counts as sent when it is part of an address; a variable there is most often the address itself."""

_CURL_VALUED = word_set(
    "-o --output --output-dir -d --data --data-raw --data-binary --data-ascii --data-urlencode "
    "--json -F --form --form-string -T --upload-file -X --request -H --header -A --user-agent -b "
    "--cookie -c --cookie-jar -e --referer -u --user -x --proxy -m --max-time --connect-timeout "
    "--retry --retry-delay -w --write-out -D --dump-header -K --config -E --cert --key --cacert "
    "--capath -r --range -C --continue-at --url --resolve --interface --limit-rate -Y -y -z -t -Q "
    "--quote --ciphers -U --proxy-user --unix-socket --max-redirs --socks5 --socks5-hostname "
    "--preproxy -P --ftp-port --netrc-file --oauth2-bearer --url-query --variable --expand-url"
)

_CURL_DATA = (
    "-d",
    "--data",
    "--data-binary",
    "--data-ascii",
    "--data-urlencode",
    "--json",
    "-F",
    "--form",
    "--url-query",
)

_HEADERS = ("-H", "--header", "-A", "--user-agent", "-e", "--referer", "-b", "--cookie")

_AUTHORISATION = re.compile(
    r"\s*(?:authorization|x-[\w-]*(?:key|token)|[\w-]*-token|api-?key|cookie)\b", re.IGNORECASE
)


def curl(m: Machine, call: Call) -> Values:
    """Follow `curl`."""
    options = parse(call.args, _CURL_VALUED)
    sent, sends = _curl_sent(m, call, options)
    traits = [Trait.SENDS] if sends else []
    traits += [Trait.UNVERIFIED] if options.has("-k", "--insecure", "--proxy-insecure") else []
    for each in options.values("-K", "--config", "--netrc-file", "--key", "-E", "--cert"):
        if each.text != "-" and options.has("-K", "--config"):
            m.content(each, "curl")
    addresses = [*options.operands, *options.values("--url")]
    for each in addresses:
        connect(m, "curl", each, sent, traits)
    if not addresses:
        m.emit(Kind.CONNECT, "curl", "", traits, sent)
    m.roles.append(("network", ""))
    return _curl_stored(m, options, addresses)


def connect(m: Machine, name: str, address: Value, sent: frozenset[Origin], traits: list[Trait]) -> None:
    """Note a connection; what the address itself carries from here counts as sent."""
    _, _, after = address.text.partition("://")
    told = HOLE in (after or address.text)[1:] or (address.known and bool(address.origins))
    carried = address.origins & FROM_HERE if told and not address.text.startswith(HOLE) else NO_ORIGINS
    held = [*traits, Trait.SENDS] if carried and Trait.SENDS not in traits else traits
    if address.text.lower().startswith("file:"):
        m.touch(
            Kind.READ,
            name,
            address._replace(text=re.sub(r"^file:(?://)?", "", address.text, flags=re.IGNORECASE)),
        )
        return
    m.emit(Kind.CONNECT, name, address.text, held, sent | carried)


def _curl_sent(m: Machine, call: Call, options: Options) -> tuple[frozenset[Origin], bool]:
    """Return where the data comes from that `curl` sends, and whether it sends any."""
    sent, sends = NO_ORIGINS, False
    for name, value in options.given:
        if value is None:
            continue
        if name in _CURL_DATA:
            sent |= _sent_text(
                m, call, value, form=name in {"-F", "--form"}, encoded=name == "--data-urlencode"
            )
            sends = True
        elif name in {"-T", "--upload-file"}:
            sent |= origins_of(call.stdin if value.text in {"-", "."} else m.content(value, "curl"))
            sends = True
        elif name in {"--data-raw", "--form-string"}:
            sent, sends = sent | value.origins, True
        elif name in _HEADERS:
            found = value.origins & FROM_HERE
            found -= {Origin.CREDENTIALS} if _AUTHORISATION.match(value.text) else NO_ORIGINS
            sent, sends = sent | found, sends or bool(found)
    return sent, sends


def _sent_text(m: Machine, call: Call, value: Value, *, form: bool, encoded: bool) -> frozenset[Origin]:
    """Return where one piece of data comes from: a text, `@file`, `@-`, `name=@file`."""
    text = value.text
    found = re.match(r"[^=@]*=([@<])" if form else r"[^=@]*(@)" if encoded else r"(@)", text)
    if found is None:
        return value.origins
    path = text[found.end() :].partition(";")[0] if form else text[found.end() :]
    if path in {"-", "/dev/stdin"}:
        return origins_of(call.stdin)
    return origins_of(m.content(value._replace(text=path), call.name)) | value.origins


def _curl_stored(m: Machine, options: Options, addresses: list[Value]) -> Values:
    targets = options.values("-o", "--output")
    if options.has("-O", "--remote-name", "--remote-name-all"):
        targets += [each._replace(text=_last_name(each.text)) for each in addresses]
    folder = "".join(value.text for value in options.values("--output-dir"))
    for each in options.values("-D", "--dump-header", "-c", "--cookie-jar"):
        m.touch(Kind.WRITE, "curl", each)
    kept = [each for each in targets if each.text not in {"-", "/dev/stdout"}]
    for each in kept:
        _store(m, "curl", each._replace(text=f"{folder}/{each.text}" if folder else each.text))
    return EMPTY if kept else RECEIVED


def _store(m: Machine, name: str, target: Value) -> None:
    m.keep(m.touch(Kind.WRITE, name, target._replace(origins=NO_ORIGINS)), RECEIVED)


def _last_name(address: str) -> str:
    path = address.partition("://")[2] or address
    return path.partition("?")[0].rstrip("/").rpartition("/")[2] or "index.html"


_WGET_VALUED = word_set(
    "-O --output-document -P --directory-prefix -o --output-file -a --append-output -i "
    "--input-file -T --timeout -t --tries -U --user-agent --header --post-data --post-file "
    "--body-data --body-file --method --user --password --load-cookies --save-cookies -e "
    "--execute -Q -R -A -D -I -X -l --level -w --wait --limit-rate --ca-certificate --certificate "
    "--use-askpass --referer --proxy"
)


def wget(m: Machine, call: Call) -> Values:
    """Follow `wget`."""
    options = parse(call.args, _WGET_VALUED)
    files = options.values("--post-file", "--body-file")
    texts = options.values("--post-data", "--body-data")
    sent = origins_of(texts) | NO_ORIGINS.union(*(origins_of(m.content(each, "wget")) for each in files))
    traits = [Trait.SENDS] if files or texts else []
    traits += [Trait.UNVERIFIED] if options.has("--no-check-certificate") else []
    for each in options.operands or ((Value(""),) if options.has("-i") else ()):
        connect(m, "wget", each, sent, traits)
    for value in options.values("--use-askpass"):
        m.evaluate((value,), "wget", quiet=True)
    m.roles.append(("network", ""))
    return _wget_stored(m, options)


def _wget_stored(m: Machine, options: Options) -> Values:
    for each in options.values("-o", "--output-file", "-a", "--append-output", "--save-cookies"):
        m.touch(Kind.WRITE, "wget", each)
    targets = options.values("-O", "--output-document")
    if any(each.text in {"-", "/dev/stdout"} for each in targets):
        return RECEIVED
    if options.has("--spider"):
        return EMPTY
    folder = "".join(value.text for value in options.values("-P", "--directory-prefix"))
    for each in targets or [each._replace(text=_last_name(each.text)) for each in options.operands]:
        _store(
            m,
            "wget",
            each._replace(text=f"{folder.rstrip('/')}/{each.text}" if folder and not targets else each.text),
        )
    return EMPTY
