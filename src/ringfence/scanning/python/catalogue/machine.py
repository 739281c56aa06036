"""Functions that tell about the machine and its users, reach its devices and secrets, or weaken it."""

from __future__ import annotations

from ringfence.scanning.effects import Kind
from ringfence.scanning.python.catalogue.sink import Sink, listed

_BROWSERS = ("chrome", "firefox", "opera", "edge", "chromium", "brave", "load", "vivaldi", "safari")
_COOKIES = " ".join(f"browser_cookie3.{name} browsercookie.{name} rookiepy.{name}" for name in _BROWSERS)

MACHINE = listed(
    (_COOKIES, Sink(Kind.READ, None, form="cookies")),
    # Reading
    ("""keyring.get_password keyring.get_credential boto3.Session().get_credentials
        botocore.session.get_session().get_credentials google.auth.default win32crypt.CryptUnprotectData
        secretstorage.get_default_collection""", Sink(Kind.READ, None, form="keys")),
    # Variables, and facts about the machine
    ("os.getenv os.environ.get os.environ.pop os.environ.setdefault os.putenv os.unsetenv os.getenvb",
     Sink(Kind.ENVIRONMENT, 0, "key")),
    ("""platform.platform platform.uname platform.node platform.system platform.release platform.version
        platform.machine os.uname os.getlogin getpass.getuser socket.gethostname socket.getfqdn os.getuid
        os.geteuid pwd.getpwall pwd.getpwnam pwd.getpwuid grp.getgrall uuid.getnode os.getgroups
        spwd.getspall""", Sink(Kind.ENVIRONMENT, None)),
    # Devices
    ("cv2.VideoCapture", Sink(Kind.CAPTURE, form="device")),
    ("""evdev.InputDevice Xlib.display.Display win32clipboard.GetClipboardData tkinter.Tk().clipboard_get
        pyxhook.HookManager pyHook.HookManager PIL.ImageGrab.grab pyautogui.screenshot mss.mss
        pynput.keyboard.Listener pynput.mouse.Listener keyboard.hook keyboard.on_press keyboard.record
        keyboard.read_key pyperclip.paste sounddevice.rec pyaudio.PyAudio pyscreenshot.grab
        pygetwindow.getActiveWindow win32gui.GetForegroundWindow""", Sink(Kind.CAPTURE, None)),
    # Code that runs later
    ("""crontab.CronTab winreg.SetValueEx winreg.CreateKey winreg.CreateKeyEx
        win32serviceutil.InstallService plistlib.writePlist""", Sink(Kind.PERSIST, None)),
    # Practices that weaken a program
    ("""hashlib.md5 hashlib.sha1 hashlib.new tempfile.mktemp ssl._create_unverified_context ssl.wrap_socket
        telnetlib.Telnet() Crypto.Cipher.DES.new Crypto.Cipher.ARC4.new Crypto.Cipher.ARC2.new
        Crypto.Cipher.Blowfish.new Crypto.Hash.MD5.new Crypto.Hash.MD4.new markupsafe.Markup
        django.utils.safestring.mark_safe logging.config.listen
        paramiko.SSHClient().set_missing_host_key_policy""", Sink(Kind.WEAK)),
)  # fmt: skip
