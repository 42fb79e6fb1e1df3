"""Lists what Dataverse's error codes mean, and the sentences that decide if the code is a general one.

https://learn.microsoft.com/power-apps/developer/data-platform/reference/web-service-error-codes
"""

import re

# For these general codes ("nothing", "none", "unexpected") the status and the text decide.
NO_CODE = "0x0"
GENERAL = frozenset({"", NO_CODE, "0x80040216"})

ID_TAKEN = "0x80040237"  # to be confirmed: a plug-in in the transaction can raise it too
NO_SUCH_ROW = "0x80040217"
NO_SUCH_SEGMENT = "0x8006088a"  # any failure of the Web API; with 404 part of the address is unknown
PRIVILEGE_DENIED = "0x80040220"

# https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
TRANSIENT = {
    "0x80072322": "throttled",  # requests
    "0x80072321": "throttled",  # execution time
    "0x80072326": "throttled",  # concurrency
    "0x8005f103": "throttled",
    "0x80044150": "dynamics_busy",  # SQL, deadlock
    "0x80044151": "dynamics_busy",  # SQL time-out
    "0x80072324": "dynamics_busy",  # SQL, too many workers
    "0x80073000": "dynamics_busy",  # SQL, networking
    "0x8004a001": "dynamics_busy",  # resource governor
    "0x80040224": "plugin_crashed",
    "0x80044171": "plugin_timeout",
    "0x80044172": "plugin_timeout",
    "0x80044173": "plugin_timeout",
    "0x80081111": "plugin_timeout",
    "0x8004418d": "plugin_timeout",  # no sandbox worker is free
    "0x80081116": "plugin_timeout",  # too many of them died
}
BLOCKED = {
    PRIVILEGE_DENIED: "missing_privilege",
    "0x80042f09": "no_role",
    "0x80072560": "no_application_user",
    "0x80040225": "user_disabled",
    "0x80041d1f": "user_disabled",
    "0x8004a112": "user_disabled",
    "0x8004d24b": "user_unlicensed",
    "0x8004d24c": "user_unlicensed",
    "0x80048306": "access_denied",
    "0x80048405": "access_denied",
    "0x80040256": "access_denied",
    "0x80040277": "access_denied",
    "0x8004f502": "access_denied",
    "0x8004a113": "organisation_closed",  # administration mode
    "0x8004a104": "organisation_closed",  # disabled
    "0x80040276": "organisation_closed",  # nothing can be created in it
    "0x8004415c": "organisation_closed",  # the trial has ended
    "0x80072325": "organisation_full",
    "0x8004b057": "organisation_full",
    "0x8004a101": "token_refused",
    "0x8004a102": "token_refused",
    "0x80044302": "token_refused",
}
BLOCKED_THIS_LEAD = {"0x80040231": "owner_lacks_privilege"}
REFUSED = {
    "0x80044331": "too_long",
    "0x8004431a": "option_unknown",
    "0x8004432f": "out_of_range",
    "0x80044330": "out_of_range",
    "0x80040278": "character_refused",
    "0x80048d19": "column_unknown",
    "0x80048408": "column_unknown",
    NO_SUCH_ROW: "lookup_missing",
    "0x80060891": "lookup_missing",
    "0x80040333": "duplicate_rule",  # with 412; older pages print 500
    "0x80060892": "duplicate_rule",  # an alternate key
    "0x80040265": "plugin_refused",
    "0x80040200": "refused",  # a required column is missing
    "0x80040203": "refused",  # an argument is invalid
}
# Reasons that may be due to the lead's intended owner: its row is gone, disabled, or lacks a role or a licence, or we
# may not give leads to others (prvAssignLead, prvCreateLead beyond the user's own).
EXPLAINED_BY_OWNER = frozenset(
    {
        "lookup_missing",
        "owner_lacks_privilege",
        "missing_privilege",
        "user_disabled",
        "user_unlicensed",
        "access_denied",
    }
)

# Reasons that may be due to the note, or to the lead that it is for, which may belong to anybody by now. A lead of its
# own does not meet them.
EXPLAINED_BY_NOTE = frozenset({"missing_privilege", "access_denied"})

# Sentences are matched only before the first quote: a quoted lead must not be able to shut the gate for all leads.
_UNQUOTED = r"\A[^'\"]{0,200}"


def _begins(pattern: str) -> re.Pattern[str]:
    return re.compile(_UNQUOTED + pattern, re.IGNORECASE | re.DOTALL)


UNKNOWN_SEGMENT = _begins(r"\bResource not found for the segment\b\W*(?P<segment>(?:[\w$-]+(?:\.[\w$-]+)*)?)")
MISSING_PRIVILEGE = _begins(r"(Principal user \(.*\bis missing prv\w+ privilege|SecLib::.*\bPrivilegeName: prv\w+)")
NO_ROLES = _begins(r"(\bno roles are assigned to\b|\bnot (been )?assigned any (security )?roles?\b)")
# The calling user has administrative access only, or no licence. Either leaves it few of the privileges of its roles.
UNLICENSED = _begins(r"(Principal user \(.*?(accessMode='?1\b|\bunlicensed\b)|\bnot been assigned any licen[cs]e)")
# These two only choose the reason of a refusal.
MISSING_ROW = re.compile(r"\bWith Ids? = .{1,200}\bDoes Not Exist", re.IGNORECASE)
A_COLUMN = re.compile(r"propert|\battribute|\bcolumn|\btype\b|\bedm\.|\bpayload\b|\bliteral\b", re.IGNORECASE)
QUOTED = re.compile(r"""["'«»„“”‚‘’]\s*([\w.$-]+)""")
# Only used with 401 and 403, whose text quotes nothing of the lead.
ACCESS_TEXTS = (
    (re.compile(r"\bunlicensed\b", re.IGNORECASE), "user_unlicensed"),
    (re.compile(r"\badmin(istration|istrator)?[- ](only )?mode\b", re.IGNORECASE), "organisation_closed"),
    (re.compile(r"\baccess to your IP\b|\bIP firewall\b", re.IGNORECASE), "ip_firewall"),
)
