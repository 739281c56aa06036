"""Where a log's key comes from, and which keys are refused."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.audit.helpers import FILES, checked, filled, open_in, record_call

from ringfence.audit import open_log
from ringfence.audit.keys import VARIABLE, load_key, load_or_make_key
from ringfence.errors import RecordKeyInvalid
from ringfence.policy.model import Audit, StoreKind

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(200, 232))


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away a key that the developer's shell may have."""
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_new_log_gets_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    """The key is made beside the log, with mode 0600; so are log and head."""
    for store in FILES:
        filled(tmp_path / store, store)
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("*/*")} == {"0o600"}


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper() + "\n",
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
    ],
)
def test_a_key_is_hexadecimal_or_base64(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both spellings mean the same key, in a file and in the environment."""
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    assert load_key(file, None) == KEY
    monkeypatch.setenv(VARIABLE, text)
    assert load_key(None, tmp_path / "log", environment=os.environ) == KEY


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ab" * 31, "it has 31 bytes, at least 32 are needed"),
        ("", "it has 0 bytes, at least 32 are needed"),
        ("not a key! not a key!", "it is neither hexadecimal nor base64"),
    ],
)
def test_a_bad_key_is_refused_without_being_shown(tmp_path: Path, text: str, why: str) -> None:
    """A short or unreadable key is an error that does not repeat it."""
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(RecordKeyInvalid, match=why) as caught:
        load_key(file, None)
    assert not text or text not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes mean nothing here")
@pytest.mark.parametrize(
    ("mode", "refused"), [(0o600, False), (0o400, False), (0o440, False), (0o644, True), (0o660, True)]
)
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int, refused: bool) -> None:
    """Whoever reads the key can forge the log, so a key file open to others is no key file. A group may read: mounted secrets."""
    file = tmp_path / "key"
    file.write_text(KEY.hex())
    file.chmod(mode)
    if refused:
        with pytest.raises(RecordKeyInvalid, match=f"its mode {mode:04o} lets others read or change it"):
            load_key(file, None)
    else:
        assert load_key(file, None) == KEY


@pytest.mark.parametrize("store", FILES)
def test_a_log_without_its_key_is_not_continued(tmp_path: Path, store: StoreKind) -> None:
    """No new key is made for an existing log."""
    filled(tmp_path, store)
    (tmp_path / "log.key").unlink()
    with pytest.raises(RecordKeyInvalid, match=r"log\.key cannot be used: No such file"):
        open_in(tmp_path, store)
    assert not (tmp_path / "log.key").exists()


def test_a_named_key_file_must_exist(tmp_path: Path) -> None:
    """A key file that the policy names is never made."""
    with pytest.raises(RecordKeyInvalid, match="No such file"):
        open_log(Audit(store=StoreKind.SQLITE, path="log", key_file="missing"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_key_beside_a_log_is_no_link(tmp_path: Path) -> None:
    """A symbolic link in the place of the key is not followed, whether it leads anywhere or not."""
    (tmp_path / "elsewhere").write_text(KEY.hex())
    (tmp_path / "log.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordKeyInvalid, match="symbolic links"):
        load_or_make_key(None, tmp_path / "log")
    (tmp_path / "elsewhere").unlink()
    with pytest.raises(RecordKeyInvalid, match="symbolic links"):
        load_or_make_key(None, tmp_path / "log")
    assert not (tmp_path / "elsewhere").exists()


def test_the_environment_serves_any_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With RINGFENCE_AUDIT_KEY no key file is made."""
    monkeypatch.setenv(VARIABLE, KEY.hex())
    filled(tmp_path, StoreKind.SQLITE)
    assert not (tmp_path / "log.key").exists()
    assert checked(tmp_path / "log").ok


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Whoever makes the key first wins; nobody uses another."""
    code = "import sys; from ringfence.audit.keys import load_or_make_key; print(load_or_make_key(None, sys.argv[1]).hex())"
    command = [sys.executable, "-c", code, str(tmp_path / "log")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {process.communicate(timeout=30)[0] for process in started}
    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64


def test_a_memory_log_needs_no_key() -> None:
    """Its key lives and dies with it."""
    log = open_log(Audit(store=StoreKind.MEMORY))
    record_call(log)
    log.close()
