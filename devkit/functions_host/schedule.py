"""Reads NCRONTAB schedules: six fields from seconds to weekday, or five without seconds; always in UTC."""

import re
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from devkit.functions_host.errors import CannotStart

# cronsim accepts these forms, NCRONTAB does not: such a schedule would run here and fail on Azure.
_NOT_NCRONTAB = re.compile(r"#|\bL|\dL", re.IGNORECASE)


class Schedule:
    def __init__(self, expression: str, *, where: str, now: datetime) -> None:
        self._expression = expression
        if _NOT_NCRONTAB.search(expression):
            raise CannotStart(f"{where}: {expression!r} is no NCRONTAB expression: L and # are not known to it")
        try:
            self.after(now)
        except StopIteration:
            raise CannotStart(f"{where}: {expression!r} never fires") from None
        except CronSimError as error:
            raise CannotStart(f"{where}: {expression!r} is no NCRONTAB expression: {error}") from error

    def after(self, moment: datetime) -> datetime:
        """Give the first occurrence after `moment`."""
        occurrences = CronSim(self._expression, moment)
        # If both are given, cron takes day of month *or* weekday, NCRONTAB both (CrontabSchedule.cs).
        occurrences.day_and = True
        return next(occurrences)

    def is_monitored(self, now: datetime) -> bool:
        """Say whether missed runs are recorded: not if it fires more than once a minute (TimerListener.cs)."""
        for _ in range(5):
            earlier, now = now, self.after(now)
            following = self.after(now)
            if following - now < timedelta(minutes=1) and earlier < now:
                return False
        return True
