"""Functions that reach files: by a path, through a path object, or through a file that is open."""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.python.catalogue.sink import READ, READ_SELF, WRITE, WRITE_SELF, Sink, listed

_LIST = Sink(Kind.LIST, 0, "path", form="path")
_LIST_SELF = Sink(Kind.LIST, -1, form="path")

FILES = listed(
    # Reading
    ("""builtins.open io.open codecs.open gzip.open bz2.open lzma.open tarfile.open zipfile.ZipFile
        aiofiles.open io.FileIO h5py.File netCDF4.Dataset xarray.open_dataset soundfile.SoundFile wave.open
        smart_open.open fsspec.open""", Sink(Kind.READ, 0, "file", form="mode")),
    ("pathlib.Path().open", Sink(Kind.READ, -1, form="mode")),
    ("os.open", Sink(Kind.READ, 0, "path", form="flags")),
    ("""linecache.getline linecache.getlines linecache.updatecache fileinput.input tokenize.open
        numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.memmap PIL.Image.open cv2.imread mmap.mmap
        csv.DictReader() soundfile.read librosa.load imageio.imread docx.Document PyPDF2.PdfReader
        pypdf.PdfReader configparser.ConfigParser().read openpyxl.load_workbook dotenv.load_dotenv
        dotenv.dotenv_values toml.load zipfile.ZipFile().write tarfile.open().add shutil.copyfileobj
        sqlite3.connect().backup posix.sendfile io.open_code netrc.netrc fitz.open dask.dataframe.read_csv
        importlib.machinery.SourceFileLoader().get_data mimetypes.read_mime_types""", READ),
    ("numpy.load", READ, Sink(Kind.LOAD, form="pickled")),
    ("pathlib.Path().read_text pathlib.Path().read_bytes pathlib.Path().readlink", READ_SELF),
    ("shutil.copy shutil.copy2 shutil.copyfile shutil.copytree os.link os.symlink os.sendfile",
     READ, Sink(Kind.WRITE, 1, "dst", form="path")),
    ("shutil.unpack_archive", READ, Sink(Kind.WRITE, 1, "extract_dir", form="path")),
    ("""pandas.read_csv pandas.read_json pandas.read_excel pandas.read_table pandas.read_parquet
        pandas.read_html pandas.read_xml pandas.read_feather pandas.read_hdf pandas.read_fwf
        pandas.read_orc pandas.read_stata pandas.read_sas polars.read_csv polars.read_parquet
        polars.read_json pyarrow.parquet.read_table skimage.io.imread xml.etree.ElementTree.parse
        xml.dom.minidom.parse xml.sax.parse lxml.etree.parse""",
     Sink(Kind.READ, 0, "filepath_or_buffer", form="either")),
    ("pkgutil.get_data", Sink(Kind.READ, 1, form="path")),
    # Writing
    ("pathlib.Path().symlink_to pathlib.Path().hardlink_to", WRITE_SELF, READ),
    ("shutil.make_archive", WRITE, Sink(Kind.READ, 2, "root_dir", form="path")),
    ("zipfile.ZipFile().extractall tarfile.open().extractall", Sink(Kind.WRITE, 0, "path", form="path")),
    ("zipfile.ZipFile().extract tarfile.open().extract", Sink(Kind.WRITE, 1, "path", form="path")),
    ("""os.mkdir os.makedirs os.mknod os.mkfifo os.truncate numpy.save numpy.savetxt numpy.savez
        sqlite3.connect dbm.open os.utime cv2.imwrite imageio.imwrite readline.write_history_file
        numpy.array().tofile numpy.ndarray.tofile""", WRITE),
    ("matplotlib.pyplot.savefig", Sink(Kind.WRITE, 0, "fname", form="path")),
    ("torch.save joblib.dump", Sink(Kind.WRITE, 1, "filename", form="path")),
    ("logging.basicConfig", Sink(Kind.WRITE, 99, "filename", form="path", traits=frozenset({Trait.APPEND}))),
    ("logging.FileHandler logging.handlers.RotatingFileHandler",
     Sink(Kind.WRITE, 0, "filename", form="path", traits=frozenset({Trait.APPEND}))),
    ("pathlib.Path().write_text pathlib.Path().write_bytes pathlib.Path().mkdir pathlib.Path().touch",
     WRITE_SELF),
    ("builtins.open().write", Sink(Kind.WRITE, -1, form="content")),
    # Deleting and moving
    ("shutil.move os.rename os.replace os.renames",
     Sink(Kind.DELETE, 0, "src", form="path"), Sink(Kind.WRITE, 1, "dst", form="path")),
    ("pathlib.Path().rename pathlib.Path().replace", Sink(Kind.DELETE, -1, form="path"), WRITE),
    ("os.remove os.unlink os.rmdir os.removedirs send2trash.send2trash",
     Sink(Kind.DELETE, 0, "path", form="path")),
    ("shutil.rmtree", Sink(Kind.DELETE, 0, "path", form="path", traits=frozenset({Trait.RECURSIVE}))),
    ("pathlib.Path().unlink pathlib.Path().rmdir", Sink(Kind.DELETE, -1, form="path")),
    ("distutils.dir_util.remove_tree setuptools._distutils.dir_util.remove_tree sh.rm",
     Sink(Kind.DELETE, form="path", traits=frozenset({Trait.RECURSIVE}))),
    # Learning names, sizes and existence
    ("""os.readlink os.listdir os.scandir os.walk os.fwalk glob.glob glob.iglob os.stat os.lstat os.statvfs
        os.access os.chdir os.path.exists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime
        os.path.lexists os.path.islink shutil.disk_usage""", _LIST),
    ("watchdog.observers.Observer().schedule", Sink(Kind.LIST, 1, "path", form="path")),
    ("""pathlib.Path().iterdir pathlib.Path().glob pathlib.Path().rglob pathlib.Path().exists
        pathlib.Path().stat pathlib.Path().is_file pathlib.Path().is_dir pathlib.Path().walk
        pathlib.Path().owner""", _LIST_SELF),
    # Modes and owners
    ("os.chmod os.lchmod", Sink(Kind.PERMIT, 0, "path", form="permission")),
    ("os.chown os.lchown shutil.chown os.setxattr os.removexattr os.chflags",
     Sink(Kind.PERMIT, 0, "path", form="path")),
    ("pathlib.Path().chmod", Sink(Kind.PERMIT, -1, form="permission")),
)  # fmt: skip
