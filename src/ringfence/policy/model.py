"""What a policy is: plain frozen dataclasses, one per section of the policy file. No I/O, no pydantic, no decisions.

Every field is documented with its meaning, default and what empty means; `ringfence policy schema` prints these texts.
`file.py` reads them from YAML or TOML, `compile.py` turns them into something that decides in a look-up.
The one idea: everything here narrows. A tool needs what the policy *and* its decorator ask for; a forbidden tool stays forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic resolves the annotations when a file is read
from dataclasses import dataclass, field
from enum import StrEnum

from ringfence.scanning.decision import SecurityLevel as SecurityLevel  # noqa: PLC0414 - part of this model too, for those who import it from here
from ringfence.scanning.effects import Access, Language
from ringfence.scanning.findings import Capability  # noqa: TC001 - pydantic, as above
from ringfence.verdict import Decision as Decision  # noqa: PLC0414, TC001 - part of this model too, and pydantic, as above


class Permission(StrEnum):
    """What a role may do. The list is closed."""

    EXECUTE_TOOL = "execute_tool"
    MANAGE_TOOLS = "manage_tools"
    VIEW_LOGS = "view_logs"
    ADMIN_ACCESS = "admin_access"
    NETWORK_ACCESS = "network_access"
    FILE_READ = "file_read"
    FILE_WRITE = "file_write"
    SYSTEM_MODIFY = "system_modify"


class Tier(StrEnum):
    """Where a tool runs, from the loosest to the strictest."""

    INLINE = "inline"
    RESTRICTED = "restricted"
    SANDBOX = "sandbox"


class Mode(StrEnum):
    """Whether the policy bites."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class JavaScriptEngine(StrEnum):
    """What runs JavaScript in the sandbox tier: QuickJS, which stands ready, or Node, where it is installed."""

    QUICKJS = "quickjs"
    NODE = "node"


class RuleLevel(StrEnum):
    """How bad a rule of the scanner says that it is; `off`: the rule says nothing."""

    OFF = "off"
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class TokenAlgorithm(StrEnum):
    """How a provider signs its tokens (RFC 7518, RFC 8037): with a private key. Shared secrets and `none` are not in the list."""

    EDDSA = "EdDSA"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"


class Durability(StrEnum):
    """When a record is safe: before the result is handed back, within 10 ms, or on the disk."""

    CALL = "call"
    BATCH = "batch"
    FSYNC = "fsync"


class Channel(StrEnum):
    """How a person is asked: not at all, at the terminal of the process, through the store that processes share, or by a web service."""

    NONE = "none"
    CONSOLE = "console"
    QUEUE = "queue"
    WEBHOOK = "webhook"


class Per(StrEnum):
    """What a limit, or `at_most`, counts apart: calls of different users, roles, tools or sessions do not count together."""

    USER = "user"
    ROLE = "role"
    TOOL = "tool"
    SESSION = "session"


class StoreKind(StrEnum):
    """Where records go."""

    SQLITE = "sqlite"
    JSONL = "jsonl"
    MEMORY = "memory"
    NONE = "none"


@dataclass(frozen=True)
class Role:
    """A named set of rights.

    Attributes:
        inherits: roles whose permissions, tool patterns and limits this one has too. Empty: none.
        permissions: what it may do, besides what it inherits. Empty: nothing of its own.
        allow: tools this role may call, by name or pattern (`*` any characters, `?` one). It does not lift what a tool
            requires. Empty: only tools whose own requirements the role meets.
        ask: tools, by name or pattern, for which a person must say yes each time.
        deny: tools, by name or pattern, that nobody with this role may call, whatever other roles say.
        concurrent_runs: how many calls one user may have running. The largest of a user's roles counts. None: the largest inherited, or 1.
        seconds: the longest run, in seconds. The largest of a user's roles counts, and it bounds the profile. None: the largest inherited, or 30.
        memory_mb: the memory of a run, in MB (2**20 bytes). The largest of a user's roles counts, and it bounds the profile.
            None: the largest inherited, or 128.

    """

    inherits: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()
    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    concurrent_runs: int | None = None
    seconds: float | None = None
    memory_mb: int | None = None


class ValueType(StrEnum):
    """What kind of plain value an argument is. `number` is whole or not; `true` is no number."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "list"
    MAPPING = "mapping"
    NOTHING = "nothing"


class Day(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


@dataclass(frozen=True)
class SqlRule:
    """What SQL may hold. At least one of statements, tables and columns is set.

    Attributes:
        dialect: the database: postgres, mysql, sqlite, tsql, oracle, snowflake, bigquery, duckdb and more. Empty: what they share.
        statements: the only kinds of statement, such as `select` or `drop table`, by name or pattern. Empty: any.
        tables: the only tables, by name or pattern. Empty: any.
        columns: the only columns, by name or pattern. Empty: any.

    """

    dialect: str = ""
    statements: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArgumentRule:
    """What one argument of a tool must be. At least one field is set, and every one that is must hold; an absent argument fails.

    Attributes:
        equals: exactly this value, of exactly this type.
        one_of: one of these values, at least one. None: no such rule.
        none_of: none of these values, at least one, and of the type of one of them. None: no such rule.
        in_list: one of the values of this list, by its name under `lists`.
        not_in_list: none of the values of this list, by its name under `lists`, and of the type of one of them.
        type: text, number, integer, boolean, list, mapping or nothing.
        matches: text that fits this pattern as a whole (`*` any characters, `?` one, `[abc]` one of).
        pattern: text that fits this regular expression as a whole. It runs in linear time, so there are no look-arounds and no back-references.
        min: a number that is not smaller.
        max: a number that is not larger.
        min_length: text, list or mapping with at least so many characters or items.
        max_length: text, list or mapping with at most so many characters or items.
        within: a path in one of these folders, `..` and links followed. A relative folder starts at the policy file's folder, a relative path where
            the process runs. None: no such rule.
        hosts: a URL, `host:port` or host whose host is one of these names or IP addresses, or below one that is written
            `*.example.org`. None: no such rule.
        schema: a value that this JSON Schema file describes (needs the extra `jsonschema`). A relative file starts at the policy file's folder; nothing
            is fetched.
        sql: SQL that holds no other kinds of statement, tables and columns than these.

    """

    equals: str | int | float | bool | None = None
    one_of: tuple[str | int | float | bool, ...] | None = None
    none_of: tuple[str | int | float | bool, ...] | None = None
    in_list: str | None = None
    not_in_list: str | None = None
    type: ValueType | None = None
    matches: str | None = None
    pattern: str | None = None
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    within: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None
    schema: str | None = None
    sql: SqlRule | None = None


MOST_COUNTED = 1000
"""The largest number of calls that `at_most` may ask about: sessions keep the times of twice as many."""


@dataclass(frozen=True)
class AtMost:
    """How many calls of a rule's tools have been admitted: fewer than so many, so that this call is not one too many.

    Attributes:
        calls: so many calls, from 1 to 1000.
        seconds: in so many seconds before this call. None: since the session began.
        per: `session`, or `user`: all sessions of the caller in this process, which wants `seconds`.

    """

    calls: int
    seconds: float | None = None
    per: Per = Per.SESSION


@dataclass(frozen=True)
class Condition:
    """When something holds. At least one field is set, and every one that is must hold.

    What cannot be told for certain, such as whether a list fits a text's pattern or where a call without an address came from, is a doubt: in doubt
    a rule that asks or denies speaks, and one that allows is silent.

    Attributes:
        arguments: what arguments must be, by name. A path leads into a value: `filter.amount` is a key of a mapping, `recipients[]` every item of a
            list, `recipients[any]` at least one. What is absent does not hold. Empty: no such condition.
        users: the caller is one of these, by id or pattern. Empty: anybody.
        roles: the caller has one of these roles, or one that inherits it. Empty: anybody.
        addresses: the request came from one of these networks, such as `10.0.0.0/8`. Empty: from anywhere.
        hours: the time of day, such as `08:00-18:00`, the end not included; from a later to an earlier one it goes past midnight. None: any.
        days: the day, at the moment of the call, is one of mon, tue, wed, thu, fri, sat, sun. Empty: any day.
        zone: the time zone of `hours` and `days`, such as `Europe/Berlin`.
        after: a call of each of these tools, by name or pattern, has given a value in this session. Empty: no such condition.
        not_after: no call of any of these tools, by name or pattern, has run or is running in this session. Empty: no such condition.
        at_most: fewer calls than this were admitted. None: no such condition.
        all: each of these holds. Empty: no such condition.
        any: at least one of these holds. Empty: no such condition.
        none: none of these holds. Empty: no such condition.
        condition: the condition of this name, under `conditions`, holds. None: no such condition.

    """

    arguments: Mapping[str, ArgumentRule] = field(default_factory=dict)
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    hours: str | None = None
    days: tuple[Day, ...] = ()
    zone: str = "UTC"
    after: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    at_most: AtMost | None = None
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()
    condition: str | None = None


@dataclass(frozen=True)
class RuleException:
    """A case in which a rule says nothing, for a time.

    Attributes:
        when: the case.
        owner: who answers for it.
        until: the last day of it, such as `"2027-01-31"`, in UTC.
        reason: why it is made.

    """

    when: Condition
    owner: str
    until: str
    reason: str


@dataclass(frozen=True)
class CallRule:
    """What is said about the calls that fit. Deny stands over ask, ask over allow, whichever rule, role or tool says it.

    Attributes:
        decision: allow, ask or deny.
        tools: tools, by name or pattern. Empty: all, which a rule that allows may say only with `unsafe_any`.
        roles: callers with one of these roles, or one that inherits it. Empty: all.
        when: what must hold for the rule to speak. None: it always does.
        unless: where this holds, the rule says nothing. None: there is no such case.
        reason: why, for people. Empty: a sentence that names the rule.
        hint: what to do instead, for the model. Empty: a general one.
        exceptions: cases in which it says nothing until a day. Empty: none.
        unsafe_any: a rule that allows may speak about every tool, those that come later included. It warns.

    """

    decision: Decision
    tools: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    when: Condition | None = None
    unless: Condition | None = None
    reason: str = ""
    hint: str = ""
    exceptions: tuple[RuleException, ...] = ()
    unsafe_any: bool = False


@dataclass(frozen=True)
class CodeRule:
    """What one argument of a tool is written in. It is scanned before the tool runs.

    Attributes:
        language: python, shell, javascript, sql, path or url. A list of words is a shell's command, a list of paths or URLs several.
        dialect: for SQL, the database: postgres, mysql, sqlite, tsql, oracle, snowflake, bigquery, duckdb and more. Empty: what they share.
        statements: for SQL, the only kinds of statement, such as `select` or `drop table`, by name or pattern. Empty: any.
        tables: for SQL, the only tables, by name or pattern. Empty: any.
        columns: for SQL, the only columns, by name or pattern. Empty: any.
        access: for paths, what the tool does with it: read, list, write or delete.

    """

    language: Language
    dialect: str = ""
    statements: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    access: Access = Access.READ

    @property
    def misplaced(self) -> tuple[str, ...]:
        """The fields that are set although the language has no such thing."""
        only = {
            "dialect": Language.SQL,
            "statements": Language.SQL,
            "tables": Language.SQL,
            "columns": Language.SQL,
        }
        names = [name for name, language in only.items() if getattr(self, name) and self.language != language]
        reads = self.access == Access.READ or self.language == Language.PATH
        return (*names, *(() if reads else ("access",)))


@dataclass(frozen=True)
class ToolRule:
    """What one tool, or all tools that fit a pattern, require. Every rule that fits a tool's name must hold.

    Attributes:
        role: the caller has this role, or one that inherits it. None: no such requirement.
        permissions: the caller has all of these. Empty: only `execute_tool`, which every call needs.
        ask: a person must say yes each time.
        four_eyes: with `ask`, that person must be another than the caller.
        arguments: rules for arguments, by name. Empty: any arguments that fit the signature.
        code: arguments that hold code, commands, queries, paths or URLs, by name, besides those that the decorator declares.
            Empty: none.
        tier: where it runs; the stricter of this and the decorator's counts. None: the decorator's, or inline.
        profile: the name of a profile. None: the decorator's, or `default`.
        description: for people who read the policy.

    """

    role: str | None = None
    permissions: tuple[Permission, ...] = ()
    ask: bool = False
    four_eyes: bool = False
    arguments: Mapping[str, ArgumentRule] = field(default_factory=dict)
    code: Mapping[str, CodeRule] = field(default_factory=dict)
    tier: Tier | None = None
    profile: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Profile:
    """What code may use: in the restricted and sandbox tiers while it runs, and in every tier by what the scanner sees in it before.

    Attributes:
        cpu_seconds: CPU time.
        wall_seconds: elapsed time. None: `cpu_seconds` + 10.
        memory_mb: memory of the whole process tree, in MB (2**20 bytes).
        file_size_mb: the largest file it may write, in MB.
        open_files: open descriptors.
        processes: processes and threads.
        output_bytes: how much of stdout and of stderr is kept; the rest is counted and cut.
        source_bytes: the largest source.
        steps: in the restricted tier, how many steps a snippet may take: passes of loops, calls of its functions, work of built-in operations.
        modules: in the restricted tier, the only modules that a snippet may import. None: every one that there is a view of.
        network: whether it may use the network at all.
        hosts: the only hosts it may reach: names or IP addresses, `*.example.org` for every name below `example.org`, `*` for all.
            Empty: none.
        ports: the only ports it may reach. Empty: none.
        read_only: paths it may read, besides its working folder.
        read_write: paths it may write, besides its working folder.
        forbidden: paths that stay closed, whatever else is granted.
        subprocesses: whether it may start processes at all.
        commands: the only programs it may start, by name or pattern; one outside of the system's own folders, such as `./build`, by its path. Empty: none.
        capabilities: what else it may do at the security levels high and paranoid: dynamic_code, environment, introspection,
            native_code, persistence. Below those levels only findings speak about these. Empty: none of them.
        preload: in the sandbox tier, modules that are loaded before a run begins, so that it does not wait for them; they make the packages
            that are installed beside Ringfence importable. Empty: the standard library only.
        javascript: in the sandbox tier, what runs JavaScript: quickjs, or node, which is slower to start, and without network and subprocesses.
        waiting: in the sandbox tier, how many processes stand ready for the next run.
        running: in the sandbox tier, how many runs may go at once; others wait, each user in turn.
        queue: in the sandbox tier, how many runs may wait; further ones are refused.
        security_level: low, medium, high or paranoid. At `low` only critical findings block. At `medium` high ones too, and
            network, files and processes beyond what profile and permissions grant. At `high` every capability that is not granted.
            `paranoid` is `high`, and takes no run where a protection layer is missing.

    """

    cpu_seconds: float = 60
    wall_seconds: float | None = None
    memory_mb: int = 512
    file_size_mb: int = 100
    open_files: int = 100
    processes: int = 1
    output_bytes: int = 1024 * 1024
    source_bytes: int = 100 * 1024
    steps: int = 10_000_000
    modules: tuple[str, ...] | None = None
    network: bool = False
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    read_only: tuple[str, ...] = ()
    read_write: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ("/etc", "/bin", "/usr")
    subprocesses: bool = False
    commands: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    preload: tuple[str, ...] = ()
    javascript: JavaScriptEngine = JavaScriptEngine.QUICKJS
    waiting: int = 2
    running: int = 64
    queue: int = 1000
    security_level: SecurityLevel = SecurityLevel.MEDIUM


@dataclass(frozen=True)
class User:
    """A user whom the policy itself names.

    Attributes:
        roles: the user's roles. Empty: nothing is allowed.

    """

    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """How the record is kept.

    Attributes:
        store: sqlite, jsonl, memory (lost with the process) or none (no record; warns).
        path: the log file. A relative path starts at the policy file's folder, or at the current folder where the policy
            has no file.
        durability: `call`: committed before the tool runs and before its result is handed back, safe against a killed process.
            `batch`: committed in groups, at most 10 ms later; a killed process loses those. `fsync`: as `call`, and on the
            disk, safe against a power cut.
        key_file: the file with the signing key. None: RINGFENCE_AUDIT_KEY, or `<path>.key`, made on first use.
        redact: names of further arguments, by name or pattern, whose values never reach the record.

    """

    store: StoreKind = StoreKind.SQLITE
    path: str = "ringfence-audit.db"
    durability: Durability = Durability.CALL
    key_file: str | None = None
    redact: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """What the processes share that name the same store: users, sessions, approvals and counts. It is opened when something first needs it.

    Attributes:
        url: `sqlite:FILE`, `postgresql://USER@HOST/NAME` (needs the extra `postgres`; the password comes from PGPASSWORD or PGPASSFILE), or
            `memory:`, which is lost with the process. A relative file starts at the policy file's folder, or at the current folder where
            the policy has no file.

    """

    url: str = "sqlite:ringfence-state.db"


@dataclass(frozen=True)
class IdentityProvider:
    """Somebody else whose tokens are believed. Its users are called `NAME:USER`, so that none of them is taken for one of ours.

    Attributes:
        issuer: the claim `iss` of its tokens, exactly.
        audience: what their claim `aud` must name.
        keys: its key set (JWKS, RFC 7517): an https URL, http for this very machine only, or a file. A relative file starts at the policy
            file's folder, or at the current folder where the policy has no file.
        algorithms: the only algorithms its tokens may be signed with: EdDSA, ES256, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512.
        user_claim: the claim with the user's id.
        roles_claim: the claim with the user's groups, as text or as a list.
        roles: roles by a value of that claim. A value that is not here gives nothing. Empty: its users have no roles.
        once: whether a token begins one session only. It needs the claim `jti` then.

    """

    issuer: str
    audience: str
    keys: str
    algorithms: tuple[TokenAlgorithm, ...] = (TokenAlgorithm.RS256,)
    user_claim: str = "sub"
    roles_claim: str = "groups"
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    once: bool = False


@dataclass(frozen=True)
class IdentityPolicy:
    """How users log in, and how long that holds. The times of a session are those of NIST SP 800-63B for authentication at level 2.

    Attributes:
        issuer: the claim `iss` of the tokens that are issued here.
        audience: their claim `aud`.
        session_seconds: how long a session may last.
        idle_seconds: how long a session may go without a call.
        token_seconds: how long a token holds that is issued here.
        most_failures: after so many failed log-ins in a row an account is locked.
        lockout_seconds: for how long.
        leeway_seconds: how far the clocks of providers may be off.
        key_set_seconds: how long a provider's key set is used before it is read again.
        refetch_seconds: how often at most it is read again for a key that it does not hold, or after it could not be read.
        stale_seconds: how long after that an old key set is used on while the new one cannot be read.
        providers: outside identity providers by name. Empty: none.

    """

    issuer: str = "ringfence"
    audience: str = "ringfence"
    session_seconds: float = 43_200.0
    idle_seconds: float = 1800.0
    token_seconds: float = 3600.0
    most_failures: int = 5
    lockout_seconds: float = 3600.0
    leeway_seconds: float = 30.0
    key_set_seconds: float = 300.0
    refetch_seconds: float = 30.0
    stale_seconds: float = 3600.0
    providers: Mapping[str, IdentityProvider] = field(default_factory=dict)


@dataclass(frozen=True)
class Approvals:
    """How a person decides about a call that the policy asks about.

    Attributes:
        channel: `console`: at the terminal of the process. `queue`: in the store that processes share, by `ringfence approvals`.
            `webhook`: by a web service. `none`: only plugins and a callback are asked; where none answers, the call is denied.
        wait_seconds: with `queue` and `webhook`, how long the call itself waits; it is denied then, and the same call repeated uses what was
            decided meanwhile. 0: not at all. None: as long as there is time to answer, `approval_seconds`.
        four_eyes: nobody may approve a call of their own, whatever the tool.
        approvers: roles that may approve, themselves or by inheritance. Empty: with `ringfence approvals`, who has the permission
            admin_access; elsewhere, who answers there.
        url: with `webhook`, the address of the service; `https://`, or `http://` on this machine.
        secret_file: with `webhook`, the file with the secret that signs what is asked and answered, of at least 32 bytes. A relative path
            starts at the policy file's folder, or at the current folder where the policy has no file. None: RINGFENCE_WEBHOOK_SECRET.

    """

    channel: Channel = Channel.NONE
    wait_seconds: float | None = None
    four_eyes: bool = False
    approvers: tuple[str, ...] = ()
    url: str | None = None
    secret_file: str | None = None


@dataclass(frozen=True)
class Budget:
    """How much the values of one argument may come to.

    Attributes:
        argument: the argument's name. A call whose value is not a number of at least 0 is denied.
        most: the largest sum, counted in millionths.
        seconds: of the calls of so many seconds.

    """

    argument: str
    most: float
    seconds: float


@dataclass(frozen=True)
class Limit:
    """How many calls there may be, counted over all processes that share the store. At least one of `concurrent`, `calls` and `budget` is set.

    Attributes:
        tools: the tools whose calls count, by name or pattern. Empty: all.
        roles: the callers whose calls count: who has one of these roles, or one that inherits it. Empty: all.
        per: what is counted apart: user, role, tool, session. Empty: all calls count together.
        concurrent: how many may run at once.
        calls: how many may be admitted in any `seconds`.
        seconds: the length of that window, in seconds.
        budget: how much the values of an argument may come to.

    """

    tools: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    per: tuple[Per, ...] = ()
    concurrent: int | None = None
    calls: int | None = None
    seconds: float | None = None
    budget: Budget | None = None


@dataclass(frozen=True)
class Scan:
    """Which rules the scanner goes by.

    Attributes:
        levels: another level for a rule, by its id: info, low, medium, high, critical, or off. `ringfence rules list` shows the ids.
            Empty: each rule's own.
        folders: folders with rule files of your own. A relative path starts at the policy file's folder, or at the current folder
            where the policy has no file. Empty: the built-in rules only.

    """

    levels: Mapping[str, RuleLevel] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A whole policy. `Policy()` has the built-in roles and allows nothing.

    Attributes:
        version: the format of the file; 1 is the only one.
        mode: `enforce`, or `observe`: policy denials are recorded and warned about, and the call runs.
        roles: roles by name, besides guest, user, power_user and admin. A built-in name replaces the built-in role.
        tools: what tools require, by name or pattern.
        users: users by id, for set-ups without an identity store.
        profiles: profiles by name. `default` may be replaced.
        lists: lists of values by name, for `in_list` and `not_in_list`.
        conditions: conditions by name, for `condition`.
        rules: what is said about calls, by the rule's name, besides what roles and tools say.
        plugins: the plugins that take part in deciding, in order, by entry-point name. None that is not named here is loaded.
        plugin_seconds: how long one hook of such a plugin may take before its answer is "deny".
        approval_seconds: how long a person may take before the answer is "deny".
        approvals: how a person is asked.
        limits: how many calls there may be, by a name for each limit.
        scan: which rules the scanner goes by.
        state: what processes share.
        identity: how users log in.
        audit: how the record is kept.

    """

    version: int = 1
    mode: Mode = Mode.ENFORCE
    roles: Mapping[str, Role] = field(default_factory=dict)
    tools: Mapping[str, ToolRule] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    lists: Mapping[str, tuple[str | int | float | bool, ...]] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    rules: Mapping[str, CallRule] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    plugin_seconds: float = 5.0
    approval_seconds: float = 300.0
    approvals: Approvals = field(default_factory=Approvals)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    scan: Scan = field(default_factory=Scan)
    state: State = field(default_factory=State)
    identity: IdentityPolicy = field(default_factory=IdentityPolicy)
    audit: Audit = field(default_factory=Audit)


_USER = (Permission.EXECUTE_TOOL, Permission.VIEW_LOGS, Permission.FILE_READ)
_POWER_USER = (Permission.FILE_WRITE, Permission.NETWORK_ACCESS)

BUILT_IN_ROLES: Mapping[str, Role] = {
    "guest": Role(permissions=(Permission.VIEW_LOGS,), concurrent_runs=1, seconds=30, memory_mb=128),
    "user": Role(inherits=("guest",), permissions=_USER, concurrent_runs=3, seconds=180, memory_mb=256),
    "power_user": Role(
        inherits=("user",), permissions=_POWER_USER, concurrent_runs=5, seconds=300, memory_mb=512
    ),
    "admin": Role(
        inherits=("power_user",),
        permissions=tuple(Permission),
        concurrent_runs=10,
        seconds=600,
        memory_mb=1024,
    ),
}
"""The four roles that exist without a policy file."""
