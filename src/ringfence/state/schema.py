"""The tables of the state that workers share, and how an older set of them becomes this one.

The one idea: each entry of `MIGRATIONS` leads from one version to the next and is never changed once it was released; a store from a newer
version is left alone. The statements are in the part of SQL that SQLite and PostgreSQL have in common. Times are seconds since the epoch.
"""

from __future__ import annotations

_USERS = """
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  mail TEXT NOT NULL,
  password TEXT,                    -- an argon2 hash; null: this user has none
  active INTEGER NOT NULL,
  generation BIGINT NOT NULL,       -- another one after whatever must end the sessions and tokens that there are
  created DOUBLE PRECISION NOT NULL,
  last_login DOUBLE PRECISION,
  failed INTEGER NOT NULL,          -- log-ins that failed since the last that did not
  locked_until DOUBLE PRECISION
)"""
_USER_ROLES = """
CREATE TABLE user_roles (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  PRIMARY KEY (user_id, role)
)"""
_SESSIONS = """
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  generation BIGINT,                -- the user's, when it began; null for a user of an outside provider
  parent TEXT,                      -- the session that it was delegated from
  token TEXT,                       -- the token that it began with
  address TEXT NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  last_used DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL,
  ended DOUBLE PRECISION,
  granted TEXT NOT NULL             -- JSON: what it is narrowed to
)"""
_TOKENS = """
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,              -- the claim jti; that of an outside provider with its name in front
  user_id TEXT NOT NULL,
  generation BIGINT,                -- the user's, when it was issued; null for a user of an outside provider
  key_id TEXT NOT NULL,
  parent TEXT,                      -- the session that it was delegated from
  once INTEGER NOT NULL,            -- whether it begins one session only
  used DOUBLE PRECISION,
  issued DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL,
  revoked DOUBLE PRECISION
)"""
_STRANGERS = """
CREATE TABLE strangers (
  id INTEGER PRIMARY KEY,           -- one of a fixed number, for the names that nobody has
  failed INTEGER NOT NULL,
  locked_until DOUBLE PRECISION
)"""
_KEYS = """
CREATE TABLE keys (
  id TEXT PRIMARY KEY,              -- the header kid
  algorithm TEXT NOT NULL,
  public_key TEXT NOT NULL,
  private_key TEXT,                 -- null once it signs no more
  created DOUBLE PRECISION NOT NULL,
  retired DOUBLE PRECISION
)"""
_APPROVALS = """
CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  call_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  digest TEXT NOT NULL,             -- of the arguments
  policy TEXT NOT NULL,             -- its version
  user_id TEXT NOT NULL,
  roles TEXT NOT NULL,              -- JSON: the caller's, sorted
  session_id TEXT NOT NULL,
  question TEXT NOT NULL,           -- JSON: what the person who decides is shown, secrets masked
  four_eyes INTEGER NOT NULL,       -- whether the caller may not decide
  asked DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL,
  state TEXT NOT NULL,              -- waiting, approved, denied, used
  decided_by TEXT NOT NULL,
  decided DOUBLE PRECISION,
  comment TEXT NOT NULL,
  reference TEXT NOT NULL           -- which of a framework's calls; empty: any equal one
)"""
_LEASES = """
CREATE TABLE leases (
  id TEXT PRIMARY KEY,
  limit_key TEXT NOT NULL,
  holder TEXT NOT NULL,             -- the process
  expires DOUBLE PRECISION NOT NULL
)"""
_USES = """
CREATE TABLE uses (
  id TEXT PRIMARY KEY,
  limit_key TEXT NOT NULL,
  at DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL DEFAULT 0,  -- when it leaves the window of its limit
  amount BIGINT NOT NULL            -- 1, or millionths
)"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        _USERS,
        _USER_ROLES,
        _SESSIONS,
        "CREATE INDEX sessions_of_user ON sessions (user_id)",
        _STRANGERS,
        _TOKENS,
        "CREATE INDEX tokens_of_user ON tokens (user_id)",
        "CREATE INDEX sessions_by_end ON sessions (expires)",
        "CREATE INDEX tokens_by_end ON tokens (expires)",
        _KEYS,
        _APPROVALS,
        "CREATE INDEX approvals_by_state ON approvals (state, asked)",
        "CREATE INDEX approvals_of_call ON approvals (digest, user_id)",
        _LEASES,
        "CREATE INDEX leases_of_limit ON leases (limit_key, expires)",
        _USES,
        "CREATE INDEX uses_of_limit ON uses (limit_key, at, amount)",
    ),
)
"""What leads from each version to the next, from an empty store on. The version is how many of them a store has behind it."""
