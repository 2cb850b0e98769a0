# Written by `python .ci/stub.py`
from . import analysis as analysis
from . import averages as averages
from . import chain as chain
from . import compare as compare
from . import concat as concat
from . import curves as curves
from . import errors as errors
from . import example as example
from . import financial as financial
from . import inspect as inspect
from . import results as results
from . import schemas as schemas
from . import stages as stages
from . import streams as streams
from . import tables as tables
from . import validation as validation
from ._version import __version__ as __version__
from .analysis import Analysis as Analysis
from .analysis import run as run
from .averages import AverageLoss as AverageLoss
from .averages import AverageLossMeanOnly as AverageLossMeanOnly
from .averages import aalcalc as aalcalc
from .averages import aalcalcmeanonly as aalcalcmeanonly
from .averages import summaryindex as summaryindex
from .chain import CdfStream as CdfStream
from .chain import CdfToCsv as CdfToCsv
from .chain import Chain as Chain
from .chain import EltCalc as EltCalc
from .chain import Events as Events
from .chain import EventsToText as EventsToText
from .chain import FmCalc as FmCalc
from .chain import FmToCsv as FmToCsv
from .chain import GetModel as GetModel
from .chain import GulCalc as GulCalc
from .chain import GulMC as GulMC
from .chain import GulToCsv as GulToCsv
from .chain import LossCsv as LossCsv
from .chain import LossStream as LossStream
from .chain import PlaCalc as PlaCalc
from .chain import PltCalc as PltCalc
from .chain import SummaryCalc as SummaryCalc
from .chain import SummaryToCsv as SummaryToCsv
from .concat import kat as kat
from .concat import katparquet as katparquet
from .curves import ExceedanceCurves as ExceedanceCurves
from .curves import leccalc as leccalc
from .curves import ordleccalc as ordleccalc
from .errors import Cancelled as Cancelled
from .errors import DataError as DataError
from .errors import InputError as InputError
from .errors import KtcError as KtcError
from .errors import OutputError as OutputError
from .errors import ReaderGone as ReaderGone
from .errors import TruncatedError as TruncatedError
from .errors import UsageError as UsageError
from .example import write_example as write_example
from .financial import Plan as Plan
from .financial import apply_rule as apply_rule
from .financial import read_plan as read_plan
from .results import Parquet as Parquet
from .results import ResultTable as ResultTable
from .stages import cdftocsv as cdftocsv
from .stages import eltcalc as eltcalc
from .stages import eve as eve
from .stages import fmcalc as fmcalc
from .stages import fmtocsv as fmtocsv
from .stages import getmodel as getmodel
from .stages import gulcalc as gulcalc
from .stages import gulmc as gulmc
from .stages import gultobin as gultobin
from .stages import gultocsv as gultocsv
from .stages import placalc as placalc
from .stages import pltcalc as pltcalc
from .stages import summarycalc as summarycalc
from .stages import summarycalctobin as summarycalctobin
from .stages import summarycalctocsv as summarycalctocsv
from .streams import Cdfs as Cdfs
from .streams import Losses as Losses
from .streams import StreamReader as StreamReader
from .streams import read_stream as read_stream
from .tables import fmprofilebinconv as fmprofilebinconv
from .tables import footprintconv as footprintconv
from .tables import read_csv as read_csv
from .tables import read_table as read_table
from .tables import tobin as tobin
from .tables import tocsv as tocsv
from .tables import write_table as write_table
from .validation import validate_run as validate_run

__all__ = [
    "__version__",
    "eve",
    "getmodel",
    "gulcalc",
    "gulmc",
    "placalc",
    "fmcalc",
    "summarycalc",
    "eltcalc",
    "pltcalc",
    "cdftocsv",
    "gultocsv",
    "fmtocsv",
    "summarycalctocsv",
    "gultobin",
    "summarycalctobin",
    "leccalc",
    "ordleccalc",
    "ExceedanceCurves",
    "aalcalc",
    "aalcalcmeanonly",
    "summaryindex",
    "AverageLoss",
    "AverageLossMeanOnly",
    "kat",
    "katparquet",
    "Parquet",
    "ResultTable",
    "tobin",
    "tocsv",
    "read_table",
    "write_table",
    "read_csv",
    "fmprofilebinconv",
    "footprintconv",
    "validate_run",
    "read_stream",
    "StreamReader",
    "Cdfs",
    "Losses",
    "Plan",
    "read_plan",
    "apply_rule",
    "Chain",
    "Events",
    "CdfStream",
    "LossStream",
    "LossCsv",
    "GetModel",
    "GulCalc",
    "GulMC",
    "PlaCalc",
    "FmCalc",
    "SummaryCalc",
    "EltCalc",
    "PltCalc",
    "EventsToText",
    "CdfToCsv",
    "GulToCsv",
    "FmToCsv",
    "SummaryToCsv",
    "run",
    "Analysis",
    "write_example",
    "KtcError",
    "DataError",
    "TruncatedError",
    "UsageError",
    "InputError",
    "OutputError",
    "ReaderGone",
    "Cancelled",
]
