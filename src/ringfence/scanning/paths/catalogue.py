"""Which paths are sensitive: three tables, of names anywhere, of pairs of names anywhere, and of places from a root.

Everything is in lower case. Lookup stands in `places.py`. A path belongs to all areas that any of the tables give it; what every
program may read (`PUBLIC`) is marked besides, so that rules can let a read pass that they would stop as a write.
"""

from __future__ import annotations

from ringfence.scanning.effects import Area

CREDENTIALS = frozenset({Area.CREDENTIALS})
DEVICE = frozenset({Area.DEVICE})
HISTORY = frozenset({Area.HISTORY})
KERNEL = frozenset({Area.KERNEL})
LOGS = frozenset({Area.LOGS})
PUBLIC = frozenset({Area.PUBLIC})
STARTUP = frozenset({Area.STARTUP})
SYSTEM = frozenset({Area.SYSTEM})
TEMPORARY = frozenset({Area.TEMPORARY})
VCS = frozenset({Area.VCS})
LOGIN = CREDENTIALS | HISTORY
Areas = frozenset[Area]


def _table(*rows: tuple[Areas, str]) -> dict[str, Areas]:
    """Return a table of names by their areas; a row holds several, each on a line of its own or parted by two spaces."""
    table: dict[str, Areas] = {}
    for areas, names in rows:
        for line in names.splitlines():
            for name in filter(None, (each.strip() for each in line.split("  "))):
                table[name] = table.get(name, frozenset()) | areas
    return table


NAMES = _table(
    (CREDENTIALS, ".ssh  .gnupg  .aws  .azure  .kube  .oci  .aliyun  .password-store  .vault-token  .netrc  _netrc  .pgpass"),
    (CREDENTIALS, ".git-credentials  .npmrc  .yarnrc.yml  .pypirc  .cargo-credentials  .htpasswd  .my.cnf  .mylogin.cnf"),
    (CREDENTIALS, ".s3cfg  .boto  .dockercfg  .databrickscfg  .snowsql  .env  .env.local  .env.production  .env.development"),
    (CREDENTIALS, ".env.staging  .env.prod  .env.dev  .env.test  .envrc  pgpass.conf  .terraformrc  .rclone.conf  .smbcredentials"),
    (CREDENTIALS, "id_rsa  id_dsa  id_ecdsa  id_ed25519  id_ecdsa_sk  id_ed25519_sk  id_xmss  ssh_host_rsa_key"),
    (CREDENTIALS, "ssh_host_ed25519_key  ssh_host_ecdsa_key  krb5.keytab  ntds.dit  application_default_credentials.json"),
    (CREDENTIALS, ".bitcoin  .litecoin  .dogecoin  .ethereum  .electrum  .monero  wallet.dat  .keystore"),
    (LOGIN, "login data  login data for account  key3.db  key4.db  logins.json  signons.sqlite  cookies.sqlite  login.keychain-db"),
    (HISTORY, ".bash_history  .zsh_history  .sh_history  .ash_history  .history  .python_history  .node_repl_history"),
    (HISTORY, ".mysql_history  .psql_history  .sqlite_history  .rediscli_history  .dbshell  .irb_history  .lesshst  .viminfo"),
    (HISTORY, ".mozilla  .thunderbird  .wget-hsts  consolehost_history.txt  .zhistory  fish_history  .recently-used.xbel"),
    (STARTUP, ".bashrc  .bash_profile  .bash_login  .bash_logout  .bash_aliases  .profile  .zshrc  .zprofile  .zshenv  .zlogin"),
    (STARTUP, ".zlogout  .cshrc  .tcshrc  .login  .logout  .kshrc  .xinitrc  .xprofile  .xsession  .xsessionrc  .pam_environment"),
    (STARTUP, ".vimrc  .exrc  .nvimrc  .emacs  .gdbinit  .lldbinit  .pythonrc.py  .pythonstartup  .irbrc  .rprofile  .forward"),
    (STARTUP, "authorized_keys  authorized_keys2  sitecustomize.py  usercustomize.py  crontab  launchagents  launchdaemons"),
    (STARTUP, ".envrc  .mcp.json  microsoft.powershell_profile.ps1  ld.so.preload  .selected_editor"),
    (VCS, ".git  .hg  .svn  .bzr  .gitconfig  .hgrc"),
)  # fmt: skip
"""Names that mean the same wherever they stand."""

PAIRS = _table(
    (CREDENTIALS, ".docker/config.json  .config/gcloud  .config/gh  .config/hub  .config/doctl  .config/rclone  .config/op"),
    (CREDENTIALS, ".cargo/credentials  .cargo/credentials.toml  .gem/credentials  .m2/settings.xml  .m2/settings-security.xml"),
    (CREDENTIALS, ".gradle/gradle.properties  .composer/auth.json  .terraform.d/credentials.tfrc.json  .config/git"),
    (CREDENTIALS, ".huggingface/token  huggingface/token  .kaggle/kaggle.json  .config/solana  .config/sops  .config/age"),
    (CREDENTIALS, "share/keyrings  share/kwalletd  library/keychains  .gnome2/keyrings  .config/keybase  secrets/kubernetes.io"),
    (CREDENTIALS, "roaming/bitcoin  roaming/ethereum  roaming/exodus  roaming/electrum  application support/bitcoin"),
    (CREDENTIALS, "application support/exodus  application support/ethereum  .config/exodus  bitwarden/data.json"),
    (CREDENTIALS, "microsoft/credentials  microsoft/vault  microsoft/protect  microsoft/crypto  roaming/gcloud  etc/shadow"),
    (CREDENTIALS, "etc/passwd  etc/gshadow  etc/sudoers  .config/github-copilot  .jupyter/jupyter_server_config.json"),
    (CREDENTIALS, "discord/local storage  local storage/leveldb  telegram desktop/tdata  filezilla/sitemanager.xml  .config/filezilla  winscp/winscp.ini"),
    (HISTORY, ".config/google-chrome  .config/chromium  .config/bravesoftware  .config/microsoft-edge  .config/opera"),
    (HISTORY, "application support/google  application support/firefox  application support/bravesoftware  library/safari"),
    (HISTORY, "application support/microsoft edge  library/mail  library/messages  google/chrome  microsoft/edge"),
    (HISTORY, "user data/default  user data/local state  user data/profile 1  chrome/user data  chromium/user data  vivaldi/user data"),
    (HISTORY, "yandex/yandexbrowser  opera software/opera stable  opera software/opera gx stable  .config/vivaldi"),
    (HISTORY, "mozilla/firefox  roaming/thunderbird  microsoft/outlook  spool/mail  bravesoftware/brave-browser  library/cookies"),
    (STARTUP, ".config/autostart  .config/systemd  systemd/user  .config/fish  .config/nvim  .vim/plugin  .emacs.d/init.el"),
    (STARTUP, ".config/environment.d  .config/upstart  profile_default/startup  .git/hooks  .hg/hgrc  .git/config  .husky/_"),
    (STARTUP, ".vscode/tasks.json  .vscode/settings.json  .vscode/launch.json  .idea/workspace.xml  programs/startup"),
    (STARTUP, "start menu/startup  xdg/autostart  .local/share/systemd  .kde/autostart  .ssh/rc  .ssh/environment"),
    (STARTUP, ".claude/settings.json  .claude/settings.local.json  .cursor/mcp.json  .gemini/settings.json  .codex/config.toml"),
    (STARTUP, ".config/plasma-workspace  .config/openbox  .config/i3  .config/sway  windowspowershell/profile.ps1"),
)  # fmt: skip
"""Two names in a row that mean the same wherever they stand."""

FROM_ROOT = _table(
    (SYSTEM, "etc  usr  bin  sbin  lib  lib32  lib64  libx32  boot  run  nix  system  library  applications  lost+found"),
    (SYSTEM, "var/lib  var/spool  var/cache  var/run  var/lock  var/db  var/backups  var/mail  var/adm  var/local"),
    (KERNEL, "proc  sys"),
    (DEVICE, "dev"),
    (LOGS, "var/log  library/logs  run/log"),
    (TEMPORARY, "tmp  var/tmp  var/folders"),
    (HISTORY, "var/mail  var/spool/mail"),
    (CREDENTIALS, "etc/passwd  etc/passwd-  etc/shadow  etc/shadow-  etc/gshadow  etc/gshadow-  etc/security/opasswd"),
    (CREDENTIALS, "etc/sudoers  etc/sudoers.d  etc/krb5.keytab  etc/ssl/private  etc/pki/private  etc/pki/tls/private"),
    (CREDENTIALS, "etc/kubernetes  etc/rancher  etc/ppp/chap-secrets  etc/ppp/pap-secrets  etc/wireguard  etc/openvpn"),
    (CREDENTIALS, "etc/networkmanager/system-connections  etc/wpa_supplicant  etc/letsencrypt/live  etc/letsencrypt/archive"),
    (CREDENTIALS, "etc/master.passwd  etc/spwd.db  etc/samba/smbpasswd  etc/docker/key.json  etc/ipsec.secrets  etc/mysql/debian.cnf"),
    (CREDENTIALS, "run/secrets  var/run/secrets  var/lib/kubelet/pki  var/lib/kubelet/pods  var/lib/sss/db  var/lib/samba/private"),
    (CREDENTIALS, "var/backups/shadow.bak  var/backups/passwd.bak  usr/share/base-passwd  var/db/dslocal  library/keychains"),
    (CREDENTIALS, "proc/kcore  dev/mem  dev/kmem"),
    (STARTUP, "etc/profile  etc/profile.d  etc/bash.bashrc  etc/bashrc  etc/zsh  etc/zshrc  etc/zprofile  etc/zshenv  etc/csh.cshrc"),
    (STARTUP, "etc/csh.login  etc/fish  etc/environment  etc/environment.d  etc/crontab  etc/cron.d  etc/cron.daily  etc/cron.hourly"),
    (STARTUP, "etc/cron.weekly  etc/cron.monthly  etc/anacrontab  var/spool/cron  var/spool/at  etc/init.d  etc/init  etc/inittab"),
    (STARTUP, "etc/rc.local  etc/rc.d  etc/rc0.d  etc/rc1.d  etc/rc2.d  etc/rc3.d  etc/rc4.d  etc/rc5.d  etc/rc6.d  etc/rcs.d"),
    (STARTUP, "etc/systemd  lib/systemd  usr/lib/systemd  usr/local/lib/systemd  run/systemd/system  etc/ld.so.preload  etc/ld.so.conf"),
    (STARTUP, "etc/ld.so.conf.d  etc/pam.d  etc/udev/rules.d  lib/udev/rules.d  etc/modules-load.d  etc/update-motd.d  etc/apt/apt.conf.d"),
    (STARTUP, "etc/networkmanager/dispatcher.d  etc/xdg/autostart  etc/x11/xsession.d  etc/skel  etc/launchd.conf  etc/logrotate.d"),
    (STARTUP, "library/launchdaemons  library/launchagents  system/library/launchdaemons  library/startupitems"),
    # What every program may read: facts about the machine without users, processes or hardware, and shared files.
    (PUBLIC, "etc/hosts  etc/hostname  etc/networks  etc/services  etc/protocols  etc/rpc  etc/mtab  etc/os-release  etc/lsb-release"),
    (PUBLIC, "etc/timezone  etc/localtime  etc/mime.types  etc/locale.conf  etc/locale.gen  etc/locale.alias  etc/debian_version"),
    (PUBLIC, "etc/alpine-release  etc/redhat-release  etc/resolv.conf  etc/fonts  etc/ssl/certs  etc/ca-certificates  etc/papersize"),
    (PUBLIC, "etc/shells  etc/ethertypes  etc/default/locale  etc/magic  etc/imagemagick-6  etc/imagemagick-7  etc/manpath.config"),
    (PUBLIC, "proc/loadavg  proc/uptime  proc/mounts  proc/version  proc/filesystems  proc/self/mounts  proc/self/mountinfo"),
    (PUBLIC, "proc/stat  proc/net/dev  proc/diskstats  proc/vmstat  proc/pressure"),
    (PUBLIC, "proc/self/status  proc/self/stat  proc/self/statm  proc/self/limits  proc/self/io  proc/self/cgroup  proc/self/exe"),
    (PUBLIC, "proc/sys/kernel/osrelease  proc/sys/kernel/ostype  proc/sys/kernel/hostname  proc/sys/kernel/random/uuid"),
    (PUBLIC, "sys/fs/cgroup  sys/devices/system/cpu/online  sys/devices/system/cpu/possible  sys/devices/system/cpu/present"),
    # Whatever packages share between machines, by the Filesystem Hierarchy Standard 3.0, 4.11.
    (PUBLIC, "usr/share  usr/local/share  usr/include  usr/local/include  usr/lib/os-release"),
    (PUBLIC, "applications  library/fonts  system/library/fonts  usr/lib/locale"),
)  # fmt: skip
"""Places below the root; a path has the areas of every entry that it equals or lies below."""

FROM_DRIVE = _table(
    (SYSTEM, "windows  winnt  program files  program files (x86)  programdata  progra~1  progra~2  progra~3  boot  recovery"),
    (SYSTEM, "system volume information  bootmgr  boot.ini  perflogs  $recycle.bin"),
    (CREDENTIALS, "windows/system32/config  windows/repair/sam  windows/ntds  windows/system32/lsass.dmp  unattend.xml"),
    (CREDENTIALS, "windows/panther  windows/system32/sysprep"),
    (STARTUP, "windows/tasks  windows/system32/tasks  windows/system32/grouppolicy  autoexec.bat  windows/system32/drivers"),
    (LOGS, "windows/logs  windows/system32/winevt  windows/debug"),
    (TEMPORARY, "windows/temp  temp  tmp"),
    (PUBLIC, "program files  program files (x86)  progra~1  progra~2  windows/fonts  windows/media  windows/win.ini  windows/system32/drivers/etc  windows/globalization"),
)  # fmt: skip
"""Places below a Windows drive, likewise."""

DEEPEST = 4
"""The largest number of names in an entry of `FROM_ROOT` or `FROM_DRIVE`."""

HARMLESS_DEVICES = frozenset(
    {
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "stdin",
        "stdout",
        "stderr",
        "tty",
        "fd",
        "ptmx",
        "console",
    }
)
TERMINALS = ("tty", "pty", "pts")
"""How the names of terminals and serial ports begin: what is behind one is a matter of the grants, no secret and no disk."""
WHOLE = frozenset(
    {"etc", "usr", "bin", "sbin", "lib", "lib64", "boot", "root", "home", "var", "opt", "srv", "mnt", "media", "dev", "proc", "sys", "run", "users", "system", "library", "applications", "volumes"}
)  # fmt: skip
"""Top-level folders that belong to the system or to all its users; a project's own (`/workspace`, `/app`, `/content`) are not listed."""
CLIMBED_TO = frozenset({"etc", "home", "proc", "root", "sys", "usr", "windows", "winnt"})
"""Top-level folders that a path with several `..` means rather than a folder of that name in a project."""
SOFTWARE = frozenset({"site-packages", "dist-packages", "node_modules"})
"""Folders of installed libraries, that every program may read."""
KEY_ENDINGS = (
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".ppk",
    ".jks",
    ".keystore",
    ".kdbx",
    ".kdb",
    ".keychain",
    ".keytab",
)
CERTIFICATES = ("cert", "chain", "public", "pubkey", "bundle", "ca.")
"""In the name of a `.pem` file, these say that it holds no secret."""
EXAMPLE_ENDINGS = (".example", ".sample", ".template", ".dist", ".pub", ".md")
PROGRAM_FOLDERS = (
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
)
"""Folders of the system's own programs, which only an administrator changes."""
