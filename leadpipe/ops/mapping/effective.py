"""The mapping that counts here: the file that the settings or the command line name, over the default one."""

from string import Template

from leadpipe.dataverse.lead_table import COLUMNS, Kind
from leadpipe.dataverse.mapping import LEAD_SOURCE_WEB, LENGTHS
from leadpipe.dataverse.mapping_file.merged import FileMapping
from leadpipe.dataverse.mapping_file.values import Constant, Setting, Text
from leadpipe.dataverse.mapping_file.watched import place_of, read_file

# What the default mapping does, said as a mapping file would, as far as one could.
_TEXTS = {
    "subject": "$offer_title, else $offer, else Marketplace lead – $action_words – $company, else $name",
    "firstname": "$first_name",
    "lastname": "$last_name, else $company, else $email, else $phone, else (withheld)",
    "companyname": "$company",
    "jobtitle": "$title",
    "emailaddress1": "$email",
    "telephone1": "$phone",
    "address1_country": "$country",
    "description": "$description, then Source: $source, Action: $action, Offer: $offer, Lead id: $lead_id",
}
LEAD_ID = "leadid"
DO_NOT_CONTACT = ("donotemail", "donotbulkemail", "donotphone", "donotpostalmail", "donotfax")
FOR_DO_NOT_CONTACT = "who asked not to be contacted"
EVERY_LEAD = "every lead"


def effective(named: str | None) -> FileMapping:
    """Raises FaultyMapping. Without a file: one that changes nothing."""
    return FileMapping(columns={}) if named is None else read_file(place_of(named))


def default_settings() -> dict[str, Setting]:
    """What the default mapping sets, as settings without a line of a file."""
    web = next(label for label, number in COLUMNS["leadsourcecode"].options.items() if number == LEAD_SOURCE_WEB)
    return {
        **{
            name: Setting(column=name, value=Text(template=Template(_TEXTS[name]), longest=longest), line=0)
            for name, longest in LENGTHS.items()
        },
        "leadsourcecode": Setting(
            column="leadsourcecode", value=Constant(kind=Kind.OPTION, value=LEAD_SOURCE_WEB, label=web), line=0
        ),
        **{name: Setting(column=name, value=Constant(kind=Kind.YES_NO, value=True), line=0) for name in DO_NOT_CONTACT},
    }


def own_settings(mapping: FileMapping) -> list[Setting]:
    """All that the file may set: for every lead, and by each rule."""
    return [*mapping.columns.values(), *(setting for rule in mapping.rules for setting in rule.sets.values())]


def settings_in_use(mapping: FileMapping) -> list[Setting]:
    """All that may ever be sent: the default's where the file has nothing else, the file's, each rule's."""
    kept = {name: each for name, each in default_settings().items() if name not in mapping.columns}
    return [*kept.values(), *own_settings(mapping)]
