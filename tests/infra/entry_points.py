"""Compares what a person or azd gives and gets: main.bicep, leadpipe.bicep and the parameter file."""

import re
from collections.abc import Iterator, Mapping

from tests.infra.bicep import Bicep, Declared, parameter_file, text_of
from tests.infra.symbols import symbol_faults, wrong_kind

# azd keeps them in its environment, where the hooks read them.
OUTPUTS = frozenset(
    {
        *("AZURE_FUNCTION_APP_NAME", "AZURE_RESOURCE_GROUP", "AZURE_STORAGE_ACCOUNT_NAME", "LEADPIPE_ENDPOINT"),
        *("LEADPIPE_IDENTITY_CLIENT_ID", "LEADPIPE_IDENTITY_NAME", "LEADPIPE_KEY_VAULT_NAME"),
        *("LEADPIPE_CONSOLE", "LEADPIPE_CONSOLE_IDENTITY_CLIENT_ID"),
    }
)


def parameter_file_faults(source: str, files: Mapping[str, Bicep]) -> Iterator[str]:
    template, assigned = parameter_file(source)
    if template not in files:
        yield f"is for {template or 'no template'}, which does not exist"
        return
    yield from _of_the_file(assigned)
    parameters = {each.name: each for each in files[template].of("param")}
    for each in assigned.of("var"):
        if each.name not in parameters:
            yield f"{template} has no parameter {each.name}"
        elif problem := wrong_kind(parameters[each.name], assigned.body(each)):
            yield f"{each.name} {problem}"
    left_out = set(re.findall(r"^// param (\w+) =", source, re.MULTILINE))
    missing = parameters.keys() - {each.name for each in assigned.of("var")} - left_out
    yield from (f"does not mention {name}" for name in sorted(missing))


def _of_the_file(assigned: Bicep) -> Iterator[str]:
    """Faults of the file itself. Its assignments are read as variables, which nothing has to use."""
    found = symbol_faults({assigned.name: assigned}, {})
    yield from (fault.partition(": ")[2] for fault in found if not fault.endswith("is not used"))


def entry_point_faults(files: Mapping[str, Bicep]) -> Iterator[str]:
    """main.bicep and leadpipe.bicep take the same parameters, each explained and with a default."""
    main, group = files["main.bicep"], files["leadpipe.bicep"]
    texts = [{each.name: _parameter_text(each) for each in file.of("param")} for file in (main, group)]
    for name in sorted(texts[0].keys() | texts[1].keys()):
        if texts[0].get(name) != texts[1].get(name):
            yield f"the parameter {name} differs between main.bicep and leadpipe.bicep"
    for each in main.of("param"):
        if "description" not in each.decorators:
            yield f"main.bicep: the parameter {each.name} has no description"
        if not main.has_default(each):
            yield f"main.bicep: the parameter {each.name} has no default"
        elif problem := wrong_kind(each, main.body(each)):
            yield f"main.bicep: {each.name} {problem}"
    given = {each.name for each in main.of("output")}
    yield from (f"main.bicep: the output {name} is missing" for name in sorted(OUTPUTS - given))
    yield from (f"main.bicep: the output {name} is not known" for name in sorted(given - OUTPUTS))
    if {each.name for each in group.of("output")} != OUTPUTS - {"AZURE_RESOURCE_GROUP"}:
        yield "leadpipe.bicep: its outputs are not those of main.bicep"


def _parameter_text(parameter: Declared) -> str:
    """The parameter as it is written, but for the scope that its default is taken from and the place of its name."""
    text = text_of(parameter.node).replace("deployment().location", "").replace("resourceGroup().location", "")
    limits = {name: value for name, value in parameter.decorators.items() if name != "description"}
    about = parameter.decorators.get("description") if parameter.name != "environmentName" else ""
    return f"{text} {limits} {about}"
