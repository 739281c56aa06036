"""Functions that run code, load objects or libraries, and look into the interpreter."""

from __future__ import annotations

from ringfence.scanning.effects import Kind
from ringfence.scanning.python.catalogue.sink import Sink, listed

CODE = listed(
    # Running text
    ("""builtins.eval builtins.exec cProfile.run cProfile.runctx profile.run pdb.run pdb.runeval
        code.InteractiveInterpreter().runsource code.InteractiveConsole().push
        IPython.get_ipython().run_cell IPython.get_ipython().ex sympy.sympify sympy.parse_expr
        typing.ForwardRef""",
     Sink(Kind.EVALUATE, 0, "source", form="source")),
    ("timeit.timeit timeit.repeat timeit.Timer",
     Sink(Kind.EVALUATE, 0, "stmt", form="source"), Sink(Kind.EVALUATE, 1, "setup", form="setup")),
    ("pandas.eval", Sink(Kind.EVALUATE, 0, "expr", form="source"), Sink(Kind.EVALUATE, 0, "expr", form="expression")),
    ("""cProfile.Profile().run cProfile.Profile().runctx trace.Trace().run trace.Trace().runctx
        bdb.Bdb().run numexpr.evaluate doctest.run_docstring_examples""",
     Sink(Kind.EVALUATE, 0, "stmt", form="source")),
    ("types.FunctionType types.LambdaType code.InteractiveInterpreter().runcode",
     Sink(Kind.EVALUATE, form="source")),
    ("runpy.run_path runpy.run_module", Sink(Kind.EVALUATE, 0, "path_name")),
    ("""execfile importlib.machinery.SourceFileLoader
        importlib.util.spec_from_file_location imp.load_source imp.load_module zipimport.zipimporter
        code.interact code.InteractiveConsole().interact""", Sink(Kind.EVALUATE, None)),
    # Loaders that can run code
    ("""shelve.open pickle.loads pickle.load pickle.Unpickler dill.loads dill.load cloudpickle.loads
        cloudpickle.load marshal.loads marshal.load jsonpickle.decode jsonpickle.loads joblib.load
        pandas.read_pickle yaml.unsafe_load yaml.unsafe_load_all yaml.full_load
        sklearn.externals.joblib.load pickle._loads pickle._load pickle._Unpickler ruamel.yaml.YAML().load
        kombu.serialization.loads numpy.core.multiarray._reconstruct yaml.load yaml.load_all torch.load""",
     Sink(Kind.LOAD)),
    ("multiprocessing.connection.Client().recv", Sink(Kind.LOAD, None)),
    ("logging.config.dictConfig", Sink(Kind.LOAD, 0, "config", form="factories")),
    # Foreign functions
    ("""ctypes.CDLL ctypes.PyDLL ctypes.WinDLL ctypes.OleDLL ctypes.cdll.LoadLibrary
        ctypes.windll.LoadLibrary cffi.FFI().dlopen ctypes.util.find_library numpy.ctypeslib.load_library
        importlib.machinery.ExtensionFileLoader imp.load_dynamic""", Sink(Kind.NATIVE, 0, "name")),
    ("""pkgutil.resolve_name pydoc.locate django.utils.module_loading.import_string
        werkzeug.utils.import_string twisted.python.reflect.namedAny""",
     Sink(Kind.IMPORT, 0, "name", form="module")),
    # The interpreter
    ("sys.modules.get sys.modules.pop sys.modules.__getitem__", Sink(Kind.INTROSPECT, form="loaded")),
    ("builtins.__loader__.load_module builtins.__spec__.loader.load_module", Sink(Kind.INTROSPECT)),
    ("""types.CodeType sys._getframe sys._current_frames gc.get_objects gc.get_referrers gc.get_referents
        inspect.currentframe inspect.stack sys.settrace sys.setprofile threading.settrace
        threading.setprofile sys.addaudithook faulthandler.dump_traceback inspect.getclosurevars
        inspect.getinnerframes inspect.getouterframes sys._clear_type_cache sys.call_tracing dis.dis
        inspect.trace""", Sink(Kind.INTROSPECT, None)),
    ("""jinja2.Template jinja2.Environment().from_string flask.render_template_string
        mako.template.Template tornado.template.Template django.template.Template""",
     Sink(Kind.INTROSPECT, form="template")),
    ("""string.Formatter().format string.Formatter().vformat string.Formatter().get_field
        builtins.str.format builtins.str.format_map""", Sink(Kind.INTROSPECT, form="fields")),
    ("inspect.getattr_static operator.methodcaller", Sink(Kind.INTROSPECT, None, form="named")),
)  # fmt: skip
