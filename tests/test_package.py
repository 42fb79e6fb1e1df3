"""What goes to Azure, what git takes, and which versions are installed there."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parents[1]
GIT = shutil.which("git")
FUNCIGNORE = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()

KEYS = [
    *("client.pfx", "client.PFX", "client.pem", "Client.PEM", "client.key", "server.KEY", "client.p12", "client.P12"),
    *("contoso.cer", "CONTOSO.CER", "contoso.crt", "root.CRT", "contoso.csr", "contoso.der", "chain.p7b", "apple.p8"),
    *("store.jks", "app.keystore", "team.kdbx", "putty.ppk", "secret.gpg", "secret.asc", "id_rsa", "id_rsa.pub"),
    *("id_ed25519", "id_ecdsa", "id_dsa", ".ssh/id_rsa", ".gnupg/secring.gpg"),
    *("contoso.cert", "chain.p7c", "client.pkcs12", "app.snk", "partner.token", "secrets/crm", ".aws/credentials"),
]
SETTINGS = [
    *("local.settings.json", "local.settings.json.bak", "local.settings.prod.json", "local.settings - Copy.json"),
    *("local.settings (1).json", "local.settings.json.old", "local.settings.json.orig", "local.settings.backup"),
    *("prod.settings.json", "settings.json", "settings.prod.json", "appsettings.json", "appsettings.Development.json"),
    *(".env", ".env.local", ".env.production", ".envrc", "prod.env", "prod.env.local", ".azure/prod/.env"),
    *(".azure/config.json", "contoso.PublishSettings", "contoso.publishsettings", "terraform.tfvars"),
    *("terraform.tfstate", "terraform.tfstate.backup", ".netrc", ".pypirc", ".npmrc"),
]
ENVIRONMENTS = [
    *("env38/bin/activate", "py311/bin/python", "client.Pfx", "id_rsa_new"),
    *(".venv/bin/activate", "venv/bin/activate", "venv/lib/python3.11/site-packages/requests/api.py", "env/pyvenv.cfg"),
    *(
        "ENV/Scripts/activate.bat",
        "app/.env/bin/python",
        "venv3.12/bin/python",
        "my-venv/bin/python",
        "leadpipe_env/x.py",
    ),
    *("my_venv_2/bin/python", "test/lib/python3.12/site-packages/msal/x.py", ".virtualenv/bin/python"),
    *("node_modules/azurite/index.js",),
]
EDITORS = [
    *(".vscode/settings.json", ".vscode/launch.json", ".idea/workspace.xml", ".vs/slnx.sqlite", ".mapping.toml.swp"),
    *("function_app.py.swp", "x.swo", "leads.code-workspace", "leads.iml", "leads.sublime-workspace", "Thumbs.db"),
    *(".DS_Store", "desktop.ini", "leads.user", ".zed/settings.json", ".project", ".settings/x.prefs"),
]
DATA = [
    *("leads.csv", "leads.tsv", "export.xlsx", "export.xls", "ledger.db", "ledger.db3", "ledger.sqlite"),
    *("ledger.sqlite3", "backup.bak", "crm.bacpac", "core.dmp", "leads.dump", "leads.sql", "leads.ndjson"),
    *("leads.parquet", "leads.zip", "leads.tar.gz", "leads.7z", "app.log", "app.log.1", "mapping.toml.orig"),
    *("__azurite_db_table__.json", "__blobstorage__/x", "__queuestorage__/x", "__tablestorage__/x", "AzuriteConfig"),
    *("leads.jsonl", "leads.csv.gz", "ledger.db-wal", "ledger.sqlite-journal", "leads.pkl", "browser.har"),
]
LEFT_OUT = [*KEYS, *SETTINGS, *ENVIRONMENTS, *EDITORS, *DATA]
NOT_FOR_AZURE = [
    *("leads.txt", "notes.md", "deploy.yml", "setup.cfg", "deeper/requirements.txt", "report.xml", "look.ipynb"),
    *("azure.yaml", "infra/main.bicep", "infra/main.bicepparam", "infra/hooks/postdeploy.py", "infra/hooks/hook.py"),
    *("bench/lead.py", "console/app.py.orig", ".vscode/extensions.json", ".devcontainer/devcontainer.json"),
    *(".git/config", ".gitignore", ".funcignore", ".github/workflows/ci.yml", "leadpipe/model/__pycache__/lead.pyc"),
]
MAPPINGS = [
    "mapping.toml",
    "mapping.toml.lock",
    "mappings/europe.toml",
    "environments/data.toml",
    "id_map.toml",
    "key.toml",
]
BUILT_HERE = [
    ".python_packages/lib/site-packages/certifi/cacert.pem",
    ".python_packages/lib/site-packages/azure/functions/__init__.py",
]


KEPT_LIST = ROOT / "tests" / "samples" / "package.txt"
# azd restores a service into <folder>_env, and makes hooks_env for the hooks.
LEFT_BY_AZD = [
    *(".azure/config.json", ".azure/leadpipe/.env", ".azure/leadpipe/config.json", "leadpipe_env/pyvenv.cfg"),
    *("leadpipe_env/lib/python3.12/site-packages/azure/functions/__init__.py", "leadpipe.egg-info/PKG-INFO"),
    *("infra/hooks/hooks_env/pyvenv.cfg", "infra/hooks/hooks_env/lib/python3.12/site-packages/typer/main.py"),
    *("infra/hooks/__pycache__/hook.cpython-312.pyc", "infra/main.json", "build/lib/leadpipe/intake.py"),
]


SPECIFICATION = GitIgnoreSpec.from_lines(FUNCIGNORE)


def as_git_reads_it(path: str) -> bool:
    """https://git-scm.com/docs/gitignore; azd and VS Code follow it."""
    return not SPECIFICATION.match_file(path)


def as_core_tools_read_it(path: str) -> bool:
    """https://github.com/Azure/azure-functions-core-tools/blob/main/src/Cli/func/Common/GitIgnoreParser.cs."""

    def matcher(patterns: list[str]) -> re.Pattern[str]:
        expressions = (
            re.escape(pattern.removeprefix("/")).replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)")
            for pattern in patterns
        )
        return re.compile(rf"^(({')|('.join(expressions)}))\b", re.ASCII)

    lines = [line.strip() for line in FUNCIGNORE if line.strip() and not line.strip().startswith("#")]
    ignored = matcher([line for line in lines if not line.startswith("!")])
    kept = matcher([line[1:] for line in lines if line.startswith("!")])
    never = {".funcignore", ".gitignore", "local.settings.json", "project.lock.json"}
    hidden = {".git", ".vscode"} & {*path.split("/")[:-1]} or path.rpartition("/")[2] in never
    return not hidden and (bool(kept.match(path)) or not ignored.match(path))


READERS = pytest.mark.parametrize("goes_in", [as_git_reads_it, as_core_tools_read_it])


def own_files() -> list[str]:
    """The project's, as git has them; in a copy without git, all that lies there."""
    if GIT and (ROOT / ".git").exists():
        listed = subprocess.run([GIT, "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
        return [path for path in listed.split("\0") if (ROOT / path).is_file()]
    found: list[str] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name[0] != "." and name not in {"__pycache__", "node_modules"}]
        found += [(Path(folder) / file).relative_to(ROOT).as_posix() for file in files]
    return [path for path in found if ".egg-info/" not in path]


def package(folder: Path, goes_in: Callable[[str], bool]) -> set[str]:
    """The files that a deployment of this folder takes along."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {file for file in files if goes_in(file)}


def fill(folder: Path, files: list[str]) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


@READERS
def test_what_the_functions_need_goes_to_azure_and_nothing_else(tmp_path: Path, goes_in: Callable[[str], bool]) -> None:
    own = own_files()
    deeper = [f"{folder}/{file}" for folder in ("certs", "leadpipe/model") for file in LEFT_OUT]
    fill(tmp_path, [*own, *LEFT_OUT, *deeper, *NOT_FOR_AZURE, *MAPPINGS])

    code = {path for path in own if path.startswith("leadpipe/") and path.endswith(".py")}
    commands = {path for path in code if path.startswith("leadpipe/cli/")} | {"leadpipe/__main__.py"}
    pages = {path for path in own if path.startswith(("leadpipe/console/static/", "leadpipe/console/templates/"))}
    needed = {"function_app.py", "host.json", "requirements.txt", *(code - commands), *pages}
    assert package(tmp_path, goes_in) == {*needed, *MAPPINGS}


def zipped(folder: Path, file: Path, goes_in: Callable[[str], bool]) -> list[str]:
    """Builds the package as azd and Core Tools do: all files of the folder that the reader lets in. Its list."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package_:
        for path in sorted(package(folder, goes_in)):
            package_.write(folder / path, path)
    with zipfile.ZipFile(file) as package_:
        return package_.namelist()


@READERS
def test_the_package_of_a_clone_where_azd_ran_has_what_the_kept_list_has(
    tmp_path: Path, goes_in: Callable[[str], bool]
) -> None:
    clone = tmp_path / "leadpipe"
    for file in own_files():
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, clone / file)
    fill(clone, LEFT_BY_AZD)

    names = zipped(clone, tmp_path / "package.zip", goes_in)

    assert names == KEPT_LIST.read_text(encoding="utf-8").split(), f"if this is intended, change {KEPT_LIST.name}"


@READERS
def test_packages_that_were_installed_here_for_azure_go_along_whole(goes_in: Callable[[str], bool]) -> None:
    assert [path for path in BUILT_HERE if not goes_in(path)] == []


def test_nothing_that_git_holds_of_leadpipe_is_forgotten() -> None:
    """Of leadpipe's code no file is needed that has another ending, but for the console's pages."""
    others = {path for path in own_files() if path.startswith("leadpipe/") and not path.endswith(".py")}
    assert {path.split("/")[1] for path in others} == {"console"}
    assert {Path(path).suffix for path in others} == {".html", ".css", ".js", ".svg"}


@pytest.fixture
def ignored(tmp_path: Path) -> Callable[[list[str]], set[str]]:
    """Which of these files git would not take, in a repository with this project's .gitignore."""
    if GIT is None:
        pytest.skip("there is no git here")
    git = GIT
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run([git, "init", "--quiet", tmp_path], check=True, env=environment)
    shutil.copy(ROOT / ".gitignore", tmp_path)

    def of(files: list[str]) -> set[str]:
        fill(tmp_path, files)
        found = subprocess.run(
            [git, "-C", tmp_path, "check-ignore", "--stdin", "-z"],
            input="\0".join(files), capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        return {*found.stdout.split("\0")} - {""}

    return of


def test_git_takes_no_secret_no_data_and_nothing_of_one_machine(ignored: Callable[[list[str]], set[str]]) -> None:
    files = [*LEFT_OUT, *(f"deeper/down/{file}" for file in LEFT_OUT), "CLIENT.PFX", "mapping.toml~", "#mapping.toml#"]
    assert {*files} - ignored(files) == set()


def test_git_takes_nothing_that_azd_leaves(ignored: Callable[[list[str]], set[str]]) -> None:
    left = {*LEFT_BY_AZD} - {"infra/main.json"}

    assert left - ignored([*left]) == set()


def test_git_takes_all_of_this_project(ignored: Callable[[list[str]], set[str]]) -> None:
    assert ignored([*own_files(), *MAPPINGS, "tests/samples/marketplace/export.csv"]) == set()


# The lock

PYTHONS = ["3.11", "3.12", "3.13"]
SYSTEMS = {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")


def locked() -> list[tuple[Requirement, list[str]]]:
    """Each pin with its hashes."""
    entries = re.sub(r"\\\n", " ", re.sub(r"^ *#.*$", "", LOCK, flags=re.MULTILINE)).splitlines()
    pairs = [entry.split("--hash=") for entry in entries if entry.strip()]
    return [(Requirement(requirement), [hash_.strip() for hash_ in hashes]) for requirement, *hashes in pairs]


def pins(python: str, system: str = "linux") -> dict[str, Version]:
    """What is installed there: each name once, with its version."""
    found: dict[str, Version] = {}
    for pin, _ in locked():
        if pin.marker is None or pin.marker.evaluate(where(python, system)):
            (specifier,) = pin.specifier
            assert (specifier.operator, pin.name in found) == ("==", False), str(pin)
            found[canonicalize_name(pin.name)] = Version(specifier.version)
    return found


def where(python: str, system: str) -> dict[str, str]:
    return {
        **{name: str(value) for name, value in default_environment().items()},
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": SYSTEMS[system],
        "extra": "",
    }


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_everything_that_is_needed_is_pinned_within_its_range(python: str, system: str) -> None:
    there = pins(python, system)
    for needed in map(Requirement, PROJECT["dependencies"]):
        if needed.marker is None or needed.marker.evaluate(where(python, system)):
            assert there[canonicalize_name(needed.name)] in needed.specifier, str(needed)


def test_what_that_needs_in_turn_is_pinned_too() -> None:
    python = "{}.{}".format(*sys.version_info[:2])
    there = pins(python)
    for name in there:
        for needed in map(Requirement, importlib.metadata.requires(name) or []):
            if needed.marker is None or needed.marker.evaluate(where(python, "linux")):
                assert canonicalize_name(needed.name) in there, f"{name} needs {needed}"


def test_each_pin_has_hashes_and_nothing_says_where_it_comes_from() -> None:
    for pin, hashes in locked():
        assert hashes, str(pin)
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), str(pin)
    assert "://" not in LOCK
    assert not re.search(r"^\s*-(?!-hash=)", LOCK, re.MULTILINE)


def test_the_python_of_the_lock_is_the_oldest_that_is_supported() -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert f"--python-version {PYTHONS[0]} --generate-hashes" in LOCK.splitlines()[1]
