"""Which function follows which program: one table of names. What a name means stands in the modules that it points into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.shell import (
    builtins,
    bulk,
    decoding,
    fetching,
    files,
    foreign,
    git,
    http,
    interpreters,
    network,
    processes,
    remote,
    search,
    system,
    text,
    wrappers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call
    from ringfence.scanning.shell.values import Values

    Follow = Callable[[Machine, Call], Values]

_NAMES: tuple[tuple[str, Follow], ...] = (
    # The shell's own
    (": true false break continue return exit wait jobs fg bg disown times umask ulimit help dirs bind compgen complete logout unalias type which whereis", builtins.nothing),
    ("cd pushd popd", builtins.cd),
    ("pwd", builtins.pwd),
    ("eval", builtins.evaluate),
    ("source .", builtins.source),
    ("local export declare typeset readonly", builtins.declare),
    ("unset", builtins.unset),
    ("let getopts", builtins.let),
    ("history fc", builtins.history),
    ("set shopt", builtins.options),
    ("shift", builtins.shift),
    ("read", builtins.read),
    ("mapfile readarray", builtins.mapfile),
    ("trap", builtins.trap),
    ("alias", builtins.alias),
    ("exec", builtins.execute),
    ("test [", builtins.test),
    ("hash", builtins.hash_command),
    # Text
    ("echo", text.echo),
    ("printf", text.printf),
    ("base64 base32", decoding.base_64),
    ("xxd", decoding.xxd),
    ("openssl", decoding.openssl),
    ("rev", decoding.rev),
    ("tac", text.tac),
    ("tr", text.tr),
    ("gzip gunzip zcat gzcat bzip2 bunzip2 bzcat xz unxz xzcat", decoding.gunzip),
    ("head tail", text.head),
    ("cut", text.cut_fields),
    # Files
    ("cat bat batcat", files.cat),
    ("tee", files.tee),
    ("cp mv ln install link", files.copy),
    ("rm", files.remove),
    ("truncate fallocate", bulk.truncate),
    ("dd", bulk.dd),
    ("tar bsdtar gtar", bulk.tar),
    ("chmod", files.chmod),
    ("sed gsed", bulk.sed),
    ("ls dir vdir tree lsd exa eza", files.listing),
    ("find gfind", search.find),
    # Programs that start others
    ("env", wrappers.env),
    ("printenv", wrappers.all_variables),
    ("sudo doas pkexec run0 sudoedit gosu su-exec", wrappers.sudo),
    ("su", wrappers.su),
    ("xargs gxargs", wrappers.xargs),
    ("parallel", wrappers.parallel),
    ("ssh autossh", remote.ssh),
    ("docker podman nerdctl kubectl oc lxc", remote.container),
    # Interpreters
    (" ".join(wrappers.SHELLS), interpreters.shell),
    (" ".join((*interpreters.INTERPRETERS, *interpreters.SAME)), interpreters.interpreter),
    ("awk gawk mawk nawk", foreign.awk),
    ("vim vi nvim ex ed view", foreign.editor),
    # Network
    ("curl", http.curl),
    ("wget wget2", http.wget),
    ("nc ncat netcat nc.traditional nc.openbsd telnet", network.netcat),
    ("socat", network.socat),
    ("scp rsync sftp rcp", network.transfer),
    ("ping ping6 dig nslookup host getent traceroute tracepath mtr nmap masscan whois arping hping3 drill", network.lookup),
    ("mail mailx sendmail mutt msmtp swaks", network.mail),
    ("ftp lftp tftp smbclient ncftp", network.ftp),
    (" ".join(fetching.REGISTRIES), fetching.packages),
    ("git", git.git),
    ("apt apt-get aptitude dnf yum apk pacman zypper snap flatpak dpkg rpm", fetching.system_packages),
    ("ngrok cloudflared chisel frpc localtunnel bore gsocket gs-netcat ligolo", system.remote_shell_tools),
    # The machine
    ("kill", processes.kill),
    ("pkill killall killall5 skill xkill fuser slay", processes.kill_by_name),
    ("ps top htop pstree lsof ss netstat atop", processes.processes),
    ("pgrep pidof", processes.pidof),
    ("whoami id groups hostname uname uptime w who last lastlog finger lscpu lspci lsusb lshw dmidecode free ifconfig ip arp route hostnamectl arch nproc tty logname users getconf", system.facts),
    ("shutdown reboot halt poweroff init telinit", processes.power),
    ("systemctl service rc-service", processes.services),
    ("update-rc.d chkconfig rc-update launchctl", processes.boot_services),
    ("crontab", processes.crontab),
    ("at batch", processes.at),
    ("useradd adduser newusers usermod userdel deluser groupadd groupmod groupdel gpasswd addgroup passwd chpasswd visudo vipw chsh chage", system.accounts),
    ("mount", system.mount),
    ("mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.ntfs mke2fs mkswap fdisk sfdisk gdisk sgdisk cfdisk parted wipefs blkdiscard mkdosfs pvremove vgremove lvremove cryptsetup badblocks", system.format_device),
    ("insmod modprobe rmmod kexec sysctl", system.kernel),
    ("setcap", system.capabilities),
    ("nsenter chroot unshare capsh", system.namespaces),
    ("iptables ip6tables nft ufw firewall-cmd setenforce auditctl aa-disable aa-teardown aa-complain pfctl ebtables", system.firewall),
    ("journalctl dmesg", system.journal),
    ("yes", processes.endless),
    ("stress stress-ng", processes.load),
    ("xclip xsel pbpaste wl-paste scrot screencapture gnome-screenshot maim import arecord fswebcam imagesnap logkeys xinput xev showkey", system.capture),
    ("getopt", system.quoted_arguments),
    ("ssh-agent direnv pyenv rbenv nodenv jenv opam conda mamba starship zoxide dircolors lesspipe minikube docker-machine fnm rustup register-python-argcomplete thefuck mise brew-shellenv resize keychain luarocks", system.for_evaluation),
    ("tmux screen", system.terminal),
)  # fmt: skip


def _table() -> dict[str, Follow]:
    table: dict[str, Follow] = {"": files.by_catalogue}
    table |= dict.fromkeys(wrappers.WRAPPERS, wrappers.wrapper)
    for names, follow in _NAMES:
        table |= dict.fromkeys(names.split(), follow)
    from ringfence.scanning.shell.catalogue import rows  # noqa: PLC0415 - its table is read when the first command comes

    return dict.fromkeys(rows(), files.by_catalogue) | table


PROGRAMS = _table()
