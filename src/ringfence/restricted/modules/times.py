"""Times: datetime as the library has it, with formats behind their guards, and the clocks of time."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from ringfence.restricted.modules.view import ModuleView, offer_natively, words

if TYPE_CHECKING:
    from ringfence.restricted.run import Run


class Datetime(ModuleView):
    """`datetime`."""

    __slots__ = ()
    __named__ = "datetime"
    MINYEAR, MAXYEAR, UTC = dt.MINYEAR, dt.MAXYEAR, dt.UTC

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        for kind in (dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone):
            self.__offer__(kind, kind)
        self.__offer__(dt.tzinfo, self.__refuse__)

    def __refuse__(self) -> None:
        raise self.__run__.meter.stop("offer", "datetime.tzinfo makes no values in a snippet: use timezone")


class Time(ModuleView):
    """`time`: clocks, no waiting."""

    __slots__ = ()
    __named__ = "time"


offer_natively(Time, time, words("time time_ns monotonic monotonic_ns perf_counter perf_counter_ns"))
