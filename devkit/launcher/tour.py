"""Shows a newcomer the steps of one lead, then where to look and what to type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import requests

from devkit.bootstrap import python_of
from devkit.functions_host import app_settings
from devkit.launcher import sample
from devkit.launcher.screen import Stopwatch

if TYPE_CHECKING:
    import argparse

    from devkit.launcher.screen import Screen
    from devkit.launcher.settings import Given, Settings


class Tour:
    """`host_url` is empty if the user starts the functions, `console_url` if there is no console."""

    def __init__(
        self, options: argparse.Namespace, given: Given, settings: Settings, screen: Screen, settings_file: Path
    ) -> None:
        self.host_url = ""
        self.console_url = ""
        self._options = options
        self._settings = settings
        self._screen = screen
        self._settings_file = settings_file
        self._is_own_dynamics = not given.where_dynamics_is_set()
        self._command = command_line(settings_file)

    def show(self) -> None:
        try:
            if self.host_url and self._options.enable_auth:
                sample.make_keys(self.host_url)
            # A lead cannot be written before the organisation is set up.
            if self.host_url and not (self._options.no_sample or self._options.empty):
                self._send_a_lead()
        except (sample.SampleError, requests.RequestException) as reason:
            self._screen.fail(str(reason))
        self._show_where_to_look()

    def _send_a_lead(self) -> None:
        key = sample.own_key(self._settings.process)
        if not key and self._options.enable_auth:
            key = sample.function_key(self._options.data / "host")
        stopwatch = Stopwatch()
        lead_id = sample.post(self.host_url, key=key)
        self._screen.done("lead accepted", seconds=stopwatch.seconds, detail=lead_id)
        if app_settings.is_disabled("deliver", self._settings.process):
            self._screen.warn("it waits on the queue: AzureWebJobs.deliver.Disabled is set")
            return
        record = sample.follow(lead_id, self._settings.process)
        reason = f" ({record.reason})" if record.reason else ""
        if record.written_at and self._is_own_dynamics:
            self._require_in_standin(lead_id)
        self._screen.done(f"lead {record.state}{reason}", seconds=stopwatch.seconds, detail="from the post to Dynamics")
        self._screen.note(f"its history: {self._command} show {lead_id}")

    def _require_in_standin(self, lead_id: str) -> None:
        url, trust = self._settings.process["DATAVERSE_URL"], self._settings.process["REQUESTS_CA_BUNDLE"]
        if not sample.is_in_standin(lead_id, url, trust):
            raise sample.SampleError(f"lead {lead_id} counts as written, but {url} does not have it")

    def _show_where_to_look(self) -> None:
        show = self._screen.pair
        self._screen.blank()
        if self.host_url:
            show("post leads", f"{self.host_url}/api/leads")
            if sample.own_key(self._settings.process):
                show("their key", "one of LEADPIPE_KEYS, as x-functions-key or as ?code= behind the address")
            elif self._options.enable_auth:
                file = sample.keys_file(self._options.data / "host")
                show("their key", f"`default` in {file}, for --key of send-test, or ?code= behind the address")
            show("health", f"{self.host_url}/api/health")
        if self._is_own_dynamics:
            show("Dynamics", f"{self._settings.process['DATAVERSE_URL']}  (a stand-in; shows its leads)")
        if self.console_url:
            show("console", f"{self.console_url}  (lets one browser in)")
        show("settings", str(self._settings_file))
        if kept_out := self._settings.kept_out:
            show(
                "not in it",
                f"{', '.join(kept_out)}: from your environment; in local.settings.json the commands know them too",
            )
        show("logs", str(self._options.data / "logs"))
        if self._options.empty and self._is_own_dynamics:
            show("set up", f"{self._command} setup --apply")
        show("commands", f"{self._command} status | leads | show ID | doctor | send-test | --help")
        if not self.host_url:
            show("functions", f"cp {self._settings_file} local.settings.json && func start")
        self._screen.note("Ctrl-C stops everything.")


def command_line(settings_file: Path) -> str:
    """Gives the shortest command that works: the tools find settings in the usual folder themselves."""
    program = python_of(Path(".venv")).with_name("leadpipe")
    return str(program) if settings_file.parent.name == ".devkit" else f"{program} --settings {settings_file}"
