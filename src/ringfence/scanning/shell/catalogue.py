"""What the operands and options of file programs mean: one line for each kind of program, as data.

Programs whose arguments take more than that have functions of their own in the modules beside. A line reads
`names : operands ; options`. Operands are words in order: `read`, `write`, `delete`, `list`, `permit`, several joined by `+`, `-` for
one that is no path; with `*` it is for all that are left, with `>` for the last one. `?-e,-f` before the first says that it is left out
where one of these options is given. Options: `-o=write` takes a path, `-n=-` takes something else.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ringfence.scanning.effects import Kind

_TABLE = """
tac nl less more most bat batcat zcat zmore zless bzcat xzcat lz4cat zstdcat strings fmt fold expand unexpand pr : read* ; -w=- -s=- -n=- --width=-
od hexdump hd xxd : read* ; -A=- -j=- -N=- -t=- -w=- -n=- -s=- -e=- -f=read -c=- -l=- -o=-
head tail : read* ; -n=- -c=- --lines=- --bytes=- -s=- --pid=-
wc md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum crc32 shasum md5 : read* ; -a=- --files0-from=read
grep egrep fgrep zgrep zegrep rg ag ack pcregrep ugrep : ?-e,-f,--regexp,--file - read* ; -e=- --regexp=- -f=read --file=read -A=- -B=- -C=- -m=- --include=- --exclude=- --exclude-dir=- -d=- -D=- -g=- -t=- --max-count=- --label=- --color=-
cut paste column uniq comm join look rev tsort shuf csvcut csvlook csvtool hexyl : read* ; -d=- -f=- -c=- -b=- -s=- -t=- -w=- -1=- -2=- -a=- -e=- -o=- -v=- -n=- -i=-
sort : read* ; -k=- -t=- -o=write --output=write -S=- -T=- --key=- --field-separator=- --parallel=- --files0-from=read --batch-size=-
diff cmp diff3 sdiff colordiff wdiff vimdiff : read* ; -U=- -C=- -x=- -X=read -I=- -F=- -W=- --label=- -n=- -i=-
jq yq xq gron : ?-f,--from-file - read* ; -f=read --from-file=read --indent=- --arg=-
xmllint xsltproc pandoc : read* ; -o=write --output=write --xpath=- -f=- -t=- --format=-
cp install : read* >write ; -t=write --target-directory=write -S=- --suffix=- -m=- -o=- -g=- --mode=-
mv rename.ul : read+delete* >write ; -t=write --target-directory=write -S=- --suffix=-
ln link : read* >write ; -t=write --target-directory=write -S=-
touch mkdir mkfifo mknod truncate fallocate : write* ; -m=- --mode=- -t=- -d=- -r=list --date=- --reference=list -s=- --size=- -l=- -o=- -c=-
mktemp : ; -p=write --tmpdir=write --suffix=-
rmdir unlink : delete* ;
ls dir vdir lsd exa eza tree : list* ; -I=- -w=- -T=- --ignore=- --block-size=- --time-style=- --sort=- --color=- -L=- -P=- --format=-
stat file du df realpath readlink basename dirname namei lsattr getfacl getfattr getcap lsblk findmnt namei pathchk : list* ; -c=- --format=- --printf=- -d=- --max-depth=- --exclude=- -t=- -s=- -B=- --block-size=- --relative-to=- -n=- -m=read -f=read
chown chgrp chcon : ?--reference - permit* ; --reference=list --from=-
chattr : - permit* ; -v=- -p=-
setfacl : permit* ; -m=- -x=- -M=read -X=read --modify=- --remove=- --restore=read
shred wipe srm : write+delete* ; -n=- -s=- --iterations=- --size=-
gzip gunzip bzip2 bunzip2 xz unxz lzma unlzma zstd unzstd lz4 compress uncompress brotli pigz : read+write* ; -S=- -o=write -T=- --suffix=-
unzip unrar : read ; -d=write -x=- -P=-
zip 7z 7za 7zr rar jar : write read* ; -x=- -i=- -P=- -b=- -t=-
cpio pax ar : read* ; -D=- -I=read -O=write -F=read --file=read
split csplit : read - ; -b=- -l=- -n=- -a=- -C=- --additional-suffix=- --filter=-
patch : write read ; -i=read --input=read -o=write -p=- -d=- -B=-
iconv dos2unix unix2dos recode : read* ; -f=- -t=- -o=write
sqlite3 : write - ; -cmd=- -separator=- -init=read
mysqldump pg_dump pg_dumpall mongodump : ; -f=write --file=write --result-file=write -o=write --out=write -h=- -u=- -U=- -p=- -d=-
nano vi vim view nvim emacs ed ex pico joe micro code subl gedit : read+write* ; -c=- -S=read -u=read --cmd=- -l=- -s=read
gpg gpg2 : read* ; -o=write --output=write -r=- -u=- --recipient=- --passphrase=- --passphrase-file=read --homedir=list
ssh-keygen : ; -f=write -t=- -b=- -C=- -N=- -P=- -i=read
ssh-copy-id : ; -i=read -p=-
ssh-add : read* ; -t=- -d=delete
strace ltrace : ; -o=write -e=- -p=-
pdftotext pdftk convert magick ffmpeg ffprobe : read* ; -i=read -f=- -layout=-
readelf objdump nm ldd elfdump objcopy strip : read* ; -j=- -M=-
losetup hdparm blkid smartctl fsck e2fsck tune2fs debugfs dumpe2fs xfs_db : read* ; -R=- -o=- -s=-
ctags cscope gdb lldb : read* ; -ex=- -x=read -p=- -c=read
make gmake ninja : ; -f=read -C=list -j=- --file=read --directory=list
pass gopass : ;
logger wall write mesg : ; -p=- -t=-
"""


class Row(NamedTuple):
    """What the arguments of a program mean.

    Attributes:
        operands: what is done to each operand, in order; nothing for one that is no path.
        rest: what is done to all that are left.
        last: what is done to the last one, where there are at least two.
        optional: options, any of which makes the first operand unneeded.
        options: what is done to the value of each option that takes one.

    """

    operands: tuple[tuple[Kind, ...], ...] = ()
    rest: tuple[Kind, ...] = ()
    last: tuple[Kind, ...] = ()
    optional: frozenset[str] = frozenset()
    options: dict[str, tuple[Kind, ...]] = {}  # noqa: RUF012 - never changed


def _kinds(text: str) -> tuple[Kind, ...]:
    return () if text == "-" else tuple(Kind(each) for each in text.split("+"))


def _row(operands: str, options: str) -> Row:
    row = Row()
    for word in operands.split():
        if word.startswith("?"):
            row = row._replace(optional=frozenset(word[1:].split(",")))
        elif word.startswith(">"):
            row = row._replace(last=_kinds(word[1:]))
        elif word.endswith("*"):
            row = row._replace(rest=_kinds(word[:-1]))
        else:
            row = row._replace(operands=(*row.operands, _kinds(word)))
    pairs = (word.rpartition("=") for word in options.split())
    return row._replace(options={name: _kinds(kinds) for name, _, kinds in pairs})


@cache
def rows() -> dict[str, Row]:
    """Return the table, by the name of the program."""
    found: dict[str, Row] = {}
    for line in filter(None, map(str.strip, _TABLE.splitlines())):
        names, _, meaning = line.partition(" : ")
        operands, _, options = meaning.partition(";")
        row = _row(operands, options)
        found |= dict.fromkeys(names.split(), row)
    return found
