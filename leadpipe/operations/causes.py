"""Says for each reason in the ledger why a lead waits or is poisoned, and how to fix it."""

import re
from dataclasses import dataclass

from leadpipe.model.errors import LeadpipeError
from leadpipe.model.record import CANARY, CANARY_FAILED, PERSON_UNREAD

_ID = re.compile(r"\bID\b")
# A lead can wait for these to pass; a person at a terminal wants to know what to check.
_FIXES_NOW = {
    "storage_unreachable": "check the account's name, the network and the account's firewall, then try again",
    "storage_error": "try again; if it lasts, look at the storage account's health in the portal, and at the proxy in"
    " between if there is one",
    "storage_refused": "check the key in AzureWebJobsStorage, or the roles of the identity that you signed in with",
    "storage_network_closed": "in the storage account, Networking: let in the address that you work from. The"
    " emulator's tables answer so to a wrong key",
    "storage_role_missing": "give the identity that you signed in with Storage Queue Data Contributor and Storage Table"
    " Data Contributor on the account; a new role counts after some minutes",
    "storage_no_token": "sign in with `az login`, as somebody with a role on the storage account",
    "sign_in_unavailable": "check DATAVERSE_AUTHORITY and the network; if it lasts, look at Entra's service health",
    "throttled": "wait a few minutes, and see what else works as the same user",
    "dynamics_error": "try again; if it lasts, look at the organisation's health in the Power Platform admin centre",
    "dynamics_busy": "try again; if it lasts, look at the organisation's health in the Power Platform admin centre",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    says: str
    fix: str


_DATA_FIX = "change the lead with `leadpipe poison edit ID`, or the mapping, then `leadpipe poison replay ID`"
_NO_TEXT_FIX = "`leadpipe poison edit ID`, then `leadpipe poison replay ID`; or discard it"
_NO_LEAD_FIX = '`leadpipe poison discard ID --why "no lead"`'
_WAITS = "nothing: the lead is tried again by itself"

_TIME_HEALS = {
    "throttled": Cause(says="Dynamics asked for a pause", fix=_WAITS),
    "dynamics_error": Cause(says="Dynamics failed", fix=_WAITS),
    "dynamics_busy": Cause(says="the organisation's database is under pressure", fix=_WAITS),
    "dynamics_unreachable": Cause(
        says="no answer from Dynamics",
        fix="if it lasts, check DATAVERSE_URL, the network and the organisation's health",
    ),
    "plugin_timeout": Cause(
        says="a plug-in on lead creation took too long",
        fix="if it lasts, have the plug-in looked at or made asynchronous",
    ),
    "plugin_crashed": Cause(
        says="a plug-in on lead creation crashed",
        fix="if it lasts, have the plug-in looked at; its trace log tells more",
    ),
    "sign_in_unavailable": Cause(says="the sign-in service is away or busy", fix=_WAITS),
    "agent_unavailable": Cause(
        says="the company's authentication agent could not check the account's password",
        fix="if it lasts, see Pass-through authentication in Entra Connect; a managed identity needs no agent",
    ),
    "managed_identity_failed": Cause(
        says="the platform gave no token for the app's identity",
        fix="if it lasts, check DATAVERSE_URL: for an address that is no organisation the platform says nothing else",
    ),
    "unforeseen": Cause(
        says="leadpipe met something that it does not know",
        fix="report the kind that the detail names, with the line `unforeseen` of the app's log; the lead is tried"
        " again by itself",
    ),
    "storage_unreachable": Cause(says="the storage account did not answer", fix=_WAITS),
    "storage_error": Cause(says="the storage account failed", fix=_WAITS),
    "record_damaged": Cause(
        says="somebody, or a newer leadpipe, wrote the record otherwise",
        fix="correct the row that the detail names by hand, in Storage Explorer for one, or use the newer version"
        " again; the lead then goes on by itself",
    ),
    "record_unreadable": Cause(says="the ledger has the record and did not give it", fix=_WAITS),
    "record_gone": Cause(says="the record was deleted while it was being written", fix=_WAITS),
    "record_contended": Cause(says="the record changed whenever it was to be written", fix=_WAITS),
}

_STORAGE_REFUSES = {
    "storage_refused": Cause(
        says="the storage account refused the app",
        fix="give the app's identity the roles of docs/setup.md, section Azure, or correct AzureWebJobsStorage",
    ),
    "storage_keys_off": Cause(
        says="the storage account refused the app: it takes no account keys",
        fix="reach it by identity: give the app's identity the roles of docs/setup.md, section Azure, set"
        " AzureWebJobsStorage__accountName, and delete the setting AzureWebJobsStorage",
    ),
    "storage_network_closed": Cause(
        says="the storage account refused the app: it takes no requests from the app's network",
        fix="in the storage account, Networking: let the app's subnet or address in, or give the app private endpoints"
        " for blob, queue and table; it needs all three. The emulator's tables answer so to a wrong key",
    ),
    "storage_role_missing": Cause(
        says="the storage account refused the app: its identity lacks a role",
        fix="give it Storage Blob Data Owner, Storage Queue Data Contributor and Storage Table Data Contributor on the"
        " account; a new role counts after some minutes",
    ),
    "storage_not_authenticated": Cause(
        says="the storage account refused the app: the key or token is not accepted",
        fix="copy the connection string in AzureWebJobsStorage from the account's Access keys again: the key may have"
        " changed. If it is right, check the clock: 15 minutes wrong is too much",
    ),
    "storage_account_disabled": Cause(
        says="the storage account refused the app: it is disabled",
        fix="look at the subscription in the Azure portal: with it, its storage accounts are disabled; enable it again",
    ),
    "storage_no_token": Cause(
        says="the app's identity got no token for the storage account",
        fix="check that the app's identity is switched on, and that AzureWebJobsStorage__clientId, if it is set, is the"
        " client id of an identity that the app has",
    ),
}

_CONNECTION = {
    "settings": Cause(says="an app setting cannot be used", fix="correct the setting that the detail names"),
    "mapping_unusable": Cause(
        says="the mapping file cannot be used",
        fix="correct the lines that `leadpipe mapping check` names; the waiting leads then go out by themselves",
    ),
    "sign_in_refused": Cause(
        says="sign-in was refused",
        fix="check tenant, client id and secret, and in a national cloud DATAVERSE_AUTHORITY; the detail has"
        " Microsoft's code, which https://login.microsoftonline.com/error explains",
    ),
    "not_entra": Cause(
        says="what answered is not the sign-in service", fix="correct DATAVERSE_AUTHORITY, or the proxy in between"
    ),
    "cloud_wrong": Cause(
        says="the directory is in another of Microsoft's clouds",
        fix="set DATAVERSE_AUTHORITY to that cloud's sign-in host: https://login.microsoftonline.us for US Government,"
        " https://login.partner.microsoftonline.cn for China, https://login.microsoftonline.com for all others",
    ),
    "request_changed": Cause(
        says="Entra could not read the sign-in request",
        fix="see what changes requests in between, such as a proxy, and whether a DATAVERSE_ setting has odd"
        " characters",
    ),
    "tls_outdated": Cause(
        says="the connection to the sign-in service uses an old version of TLS",
        fix="let the proxy in between use TLS 1.2 or later",
    ),
    "tenant_restricted": Cause(
        says="a proxy in between lets sign-ins pass to other directories only",
        fix="add the directory to the proxy's tenant restrictions (Restrict-Access-To-Tenants), or go around the proxy",
    ),
    "secret_wrong": Cause(
        says="the client secret is wrong", fix="paste the secret's value, not its id, into DATAVERSE_CLIENT_SECRET"
    ),
    "secret_expired": Cause(
        says="the client secret has expired", fix="make a new secret and put its value into DATAVERSE_CLIENT_SECRET"
    ),
    "secret_not_sent": Cause(
        says="the application does not take a sign-in without a secret",
        fix="for a user name and password, allow public client flows on its Authentication page; where a secret is set,"
        " it was lost on the way: see what changes requests in between",
    ),
    "certificate_unreadable": Cause(
        says="the certificate's file cannot be used",
        fix="correct what the detail names; the file is PEM with key and certificate, or PFX",
    ),
    "certificate_expired": Cause(
        says="the certificate has expired",
        fix="make a new one, upload it to the application, and put its file where DATAVERSE_CERTIFICATE_PATH points",
    ),
    "certificate_weak": Cause(
        says="the certificate's key is too short", fix="make a certificate with an RSA key of 2048 bits or more"
    ),
    "certificate_refused": Cause(
        says="the application does not know the certificate",
        fix="upload it on the application's Certificates & secrets page",
    ),
    "clock_wrong": Cause(
        says="Entra takes what the certificate signed for too early or too late: this machine's clock is wrong",
        fix="set the clock by NTP; the certificate itself is known",
    ),
    "managed_identity_missing": Cause(
        says="the app has no such managed identity",
        fix="assign it on the app's Identity page, or correct DATAVERSE_MANAGED_IDENTITY; it works on Azure only",
    ),
    "account_unknown": Cause(
        says="the directory has no such account", fix="correct DATAVERSE_USERNAME, or DATAVERSE_TENANT_ID"
    ),
    "account_foreign": Cause(
        says="the account belongs to another directory",
        fix="use an account of the organisation's own directory, which DATAVERSE_TENANT_ID names",
    ),
    "account_at_risk": Cause(
        says="Entra holds the account to be at risk",
        fix="have the risk looked at in Entra ID Protection; after a new password, put it into DATAVERSE_PASSWORD",
    ),
    "account_disabled": Cause(says="the account is disabled", fix="activate it in the Microsoft 365 admin centre"),
    "account_locked": Cause(
        says="the account is locked after wrong passwords, or the app's address is held to be malicious",
        fix="correct DATAVERSE_PASSWORD, then wait or have the account unlocked; Entra's sign-in logs say which it is",
    ),
    "password_wrong": Cause(says="the account's password is wrong", fix="correct DATAVERSE_PASSWORD"),
    "password_expired": Cause(
        says="the account's password has expired",
        fix="give it a new one and put it into DATAVERSE_PASSWORD; a managed identity would never expire",
    ),
    "password_not_enough": Cause(
        says="the directory asks the account for more than a password",
        fix="sign in by managed identity or certificate; user name and password cannot work here",
    ),
    "federation_refused": Cause(
        says="the account's own sign-in server refused it",
        fix="check DATAVERSE_USERNAME and DATAVERSE_PASSWORD, or sign in by managed identity or certificate",
    ),
    "federation_broken": Cause(
        says="Entra does not take the word of the account's own sign-in server",
        fix="have the directory's federation looked at, or sign in by managed identity or certificate",
    ),
    "sign_in_policy": Cause(
        says="a policy of the directory forbids the sign-in",
        fix="have it excepted from Conditional Access, or sign in by managed identity",
    ),
    "consent_missing": Cause(
        says="nobody has consented that the application uses Dynamics",
        fix="give it the permission Dynamics CRM user_impersonation, and an administrator's consent",
    ),
    "sign_in_loop": Cause(
        says="Entra was asked for the same token too often",
        fix="see what else signs in with this client id, and stop it",
    ),
    "scope_refused": Cause(
        says="the sign-in service cannot read the organisation's address", fix="correct DATAVERSE_URL"
    ),
    "application_public": Cause(
        says="the application is a public client, which may not prove itself by a secret or certificate",
        fix="on its Authentication page turn off Allow public client flows, or register another application",
    ),
    "application_disabled": Cause(
        says="the application is disabled", fix="enable it in Entra, Enterprise applications"
    ),
    "application_unknown": Cause(
        says="the application is not in that directory", fix="copy the client id from the application's overview"
    ),
    "tenant_unknown": Cause(
        says="there is no such directory",
        fix="copy the directory (tenant) id from Entra's overview; in a national cloud set DATAVERSE_AUTHORITY too",
    ),
    "tenant_missing": Cause(
        says="the sign-in does not say to which directory",
        fix="set DATAVERSE_TENANT_ID to the directory (tenant) id from Entra's overview",
    ),
    "tenant_blocked": Cause(
        says="Microsoft has blocked the directory",
        fix="see its state and its bills in the Microsoft 365 admin centre, and ask Microsoft's support to open it",
    ),
    "subscription_lapsed": Cause(
        says="the directory's subscription to Dynamics has lapsed, or Dataverse is disabled in the directory",
        fix="renew the subscription; in Entra, Enterprise applications, enable sign-in for Dataverse"
        " (00000007-0000-0000-c000-000000000000)",
    ),
    "assignment_required": Cause(
        says="nobody has assigned the application, or the account, to Dataverse",
        fix="in Entra, Enterprise applications, Dataverse (00000007-0000-0000-c000-000000000000): assign it under Users"
        " and groups, or set Assignment required to No",
    ),
    "organisation_unknown": Cause(
        says="the directory knows no such organisation", fix="correct DATAVERSE_URL; it belongs to another directory"
    ),
    "token_refused": Cause(
        says="Dynamics refused a fresh token", fix="check that DATAVERSE_URL and DATAVERSE_TENANT_ID belong together"
    ),
    "no_application_user": Cause(
        says="the organisation has no application user for the client id",
        fix="`leadpipe setup --apply` makes it, as the Power Platform admin centre does: Settings, Application users",
    ),
    "no_role": Cause(
        says="the application user has no role",
        fix="`leadpipe setup --apply` gives it one, or give it the role Microsoft Marketplace Lead Writer",
    ),
    "user_disabled": Cause(
        says="the application user is disabled",
        fix="`leadpipe setup --apply` activates it, as the Power Platform admin centre does",
    ),
    "user_unlicensed": Cause(
        says="the user has no licence, or administrative access only",
        fix="give the account a licence for Dynamics 365 Sales, or set its access mode to Read-Write or"
        " Non-interactive; an application user needs neither",
    ),
    "missing_privilege": Cause(
        says="the application user lacks a privilege",
        fix="`leadpipe setup --apply` adds what leadpipe needs, or add the privilege that the detail names to its role",
    ),
    "access_denied": Cause(
        says="Dynamics denied access",
        fix="check the application user's role and column security; with 403 and no code, see in the Power Platform"
        " admin centre whether the environment is in administration mode or has an IP firewall",
    ),
    "ip_firewall": Cause(
        says="the environment's IP firewall refuses the app's address",
        fix="add the app's outbound addresses to it in the Power Platform admin centre; after five minutes they count",
    ),
    "organisation_closed": Cause(
        says="the organisation is disabled or in administration mode", fix="open it in the Power Platform admin centre"
    ),
    "organisation_full": Cause(
        says="the organisation's storage is full",
        fix="free some of it, or buy more, in the Power Platform admin centre, Licensing, Capacity",
    ),
    "owner_lacks_privilege": Cause(
        says="the lead's owner may not own it", fix="give the owner a role that may read leads, or choose another"
    ),
    "not_dynamics": Cause(
        says="what answered is not a Dynamics organisation", fix="correct DATAVERSE_URL, or the proxy in between"
    ),
    "table_unknown": Cause(
        says="the organisation has no table of leads",
        fix="correct DATAVERSE_URL, or install Dynamics 365 Sales. That needs an environment with Enable Dynamics 365"
        " apps, which is chosen when its database is made and cannot be added later",
    ),
    "tls": Cause(
        says="a certificate is not trusted",
        fix="check the proxy in between, or REQUESTS_CA_BUNDLE: its file has to hold, in PEM, the one that signed it",
    ),
}

_THIS_LEAD = {
    "too_long": Cause(says="a value is longer than its column", fix=_DATA_FIX),
    "option_unknown": Cause(says="a column does not know an option's value", fix=_DATA_FIX),
    "out_of_range": Cause(says="a number is outside its column's range", fix=_DATA_FIX),
    "character_refused": Cause(says="a value has a character that Dynamics refuses", fix=_DATA_FIX),
    "column_unknown": Cause(
        says="a column is unknown or has another type",
        fix="correct the mapping, then `leadpipe poison replay --cause column_unknown`",
    ),
    "lookup_missing": Cause(
        says="an owner, campaign or other row that the lead refers to does not exist",
        fix="correct the mapping, then `leadpipe poison replay --cause lookup_missing`",
    ),
    "lookup_unknown": Cause(
        says="a lookup of the mapping points into a table that the organisation does not have",
        fix="correct the table's name in the mapping, then `leadpipe poison replay --cause lookup_unknown`",
    ),
    "duplicate_rule": Cause(
        says="a duplicate rule of the organisation refused it",
        fix='merge and `leadpipe poison discard ID --why "merged"`; or change the rule and `leadpipe poison replay ID`',
    ),
    "plugin_refused": Cause(
        says="a plug-in on lead creation refused it",
        fix="see the detail; have the plug-in changed, or `leadpipe poison edit ID`; then `leadpipe poison replay ID`",
    ),
    "id_taken": Cause(
        says="Dynamics says the lead's id exists, and it is not this lead",
        fix="a plug-in raised it; have it looked at, then `leadpipe poison replay ID`",
    ),
    "refused": Cause(says="Dynamics refused the lead", fix=_DATA_FIX),
    "no_outcome": Cause(
        says="delivery crashed fifteen times without an outcome",
        fix="see the host's log for the crash, mend it, then `leadpipe poison replay ID`",
    ),
    "not_an_envelope": Cause(
        says="a message on the queue was not put there by leadpipe",
        fix="look at it with `leadpipe show ID`: a lead goes out with `leadpipe poison replay ID`, anything else ends"
        ' with `leadpipe poison discard ID --why "no lead"`',
    ),
    "row_refused": Cause(
        says="the storage account answers, and will not take the lead's row",
        fix="see the detail for its code; `leadpipe poison replay ID` tries again, after `leadpipe poison edit ID`"
        " where a value is at fault",
    ),
    "payload_missing": Cause(
        says="nothing is kept of what was posted", fix='`leadpipe poison discard ID --why "nothing kept"`'
    ),
}

_NO_LEAD = {
    "not_utf8": Cause(says="the posted text is not UTF-8", fix=_NO_TEXT_FIX),
    "not_json": Cause(says="the posted text is not JSON", fix=_NO_TEXT_FIX),
    "not_an_object": Cause(says="the posted JSON is no object", fix=_NO_LEAD_FIX),
    "nothing_in_it": Cause(says="no documented field has a value", fix=_NO_LEAD_FIX),
    "too_large": Cause(
        says="more was sent than leadpipe keeps of a lead, which is 32 KiB of a post; its start is kept",
        fix="if it is a lead, a row of marketplaceleads say, enter it in Dynamics by hand; then"
        ' `leadpipe poison discard ID --why "entered by hand"`',
    ),
}

_AT_REST = {
    "no_dynamics": Cause(says="no organisation is configured", fix="set DATAVERSE_URL, then `leadpipe fallback drain`"),
    "assumed": Cause(says="the id was taken and could not be read back", fix="give the role read on leads"),
    "default_owner": Cause(
        says="the owner that a rule names could not have it; the application user owns it",
        fix="assign it in Dynamics; then mend the rule, or the owner's roles: `leadpipe mapping check`",
    ),
    PERSON_UNREAD: Cause(
        says="what was posted has something of a person that leadpipe could not read",
        fix="look with `leadpipe show ID --payload`, complete the lead in Dynamics by hand, then say so:"
        " `leadpipe complete ID`",
    ),
    "completed": Cause(says="a person has completed it in Dynamics", fix="nothing"),
    "removed": Cause(says="a test lead, deleted in Dynamics again", fix="nothing"),
    "discarded": Cause(says="a person decided that it shall not be written", fix="`leadpipe poison replay ID`"),
    "test_lead": Cause(says="test leads stay in the ledger by setting", fix="nothing"),
    "do_not_contact": Cause(says="do-not-contact leads stay in the ledger by setting", fix="nothing"),
    CANARY: Cause(says="a canary that leadpipe posted to itself; it came through", fix="nothing"),
    CANARY_FAILED: Cause(
        says="a canary that leadpipe posted to itself; it did not come through in time",
        fix="see the detail for the reason; `leadpipe doctor` says what is wrong now",
    ),
}

CAUSES: dict[str, Cause] = {**_TIME_HEALS, **_STORAGE_REFUSES, **_CONNECTION, **_THIS_LEAD, **_NO_LEAD, **_AT_REST}

# A lead with one of these reasons waits until a person fixes the connection, or what leadpipe did not foresee.
BLOCKED_REASONS = frozenset(_CONNECTION) | frozenset(_STORAGE_REFUSES) | {"record_damaged", "unforeseen"}


def cause_of(reason: str, lead_id: str = "ID") -> Cause:
    """The cause and the fix for a reason, with the lead's id in the commands."""
    cause = CAUSES.get(reason)
    if cause is None:
        return Cause(says=reason, fix=f"`leadpipe show {lead_id}` has the details")
    return Cause(says=cause.says, fix=_ID.sub(lead_id, cause.fix))


def fix_now(reason: str) -> str:
    """The fix, for a person who does not want to wait."""
    return _FIXES_NOW.get(reason) or cause_of(reason).fix


def failure_in_words(error: LeadpipeError) -> str:
    """One line: what went wrong and how to fix it."""
    cause = CAUSES.get(error.slug)
    if cause is None:
        return _on_one_line(error.detail or error.slug)
    return _on_one_line(f"{with_detail(cause.says, error.detail)}: {fix_now(error.slug)}")


def with_detail(words: str, detail: str) -> str:
    return f"{words} ({detail})" if detail else words


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
