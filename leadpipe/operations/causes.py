"""Says for each reason in the ledger why a lead waits or is poisoned, and how to fix it."""

import re
from dataclasses import dataclass

from leadpipe.model.errors import LeadpipeError
from leadpipe.model.record import BEHIND_FIRST, CANARY, CANARY_FAILED, PERSON_UNREAD

_ID = re.compile(r"\bID\b")
# A lead waits for these to pass. A person at a terminal needs to know what to check.
_TRY_DYNAMICS_AGAIN = "try again; if it lasts, see the organisation's health in the Power Platform admin centre"
_FIXES_NOW = {
    "storage_unreachable": "check the account's name, the network and the account's firewall, then try again",
    "storage_error": "try again; if it lasts, see the storage account's health in the portal, and check any proxy",
    "storage_refused": "check the key in AzureWebJobsStorage, or the roles of the identity that you signed in with",
    "storage_network_closed": "in the storage account, Networking, allow the address that you work from. The emulator's"
    " tables give the same answer to a wrong key",
    "storage_role_missing": "give the identity that you signed in with Storage Queue Data Contributor and Storage Table"
    " Data Contributor on the account; a new role takes effect after some minutes",
    "storage_no_token": "run `az login` with an account that has a role on the storage account",
    "sign_in_unavailable": "check DATAVERSE_AUTHORITY and the network; if it lasts, look at Entra's service health",
    "throttled": "wait a few minutes, and find out what else signs in as the same user",
    "dynamics_error": _TRY_DYNAMICS_AGAIN,
    "dynamics_busy": _TRY_DYNAMICS_AGAIN,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong, and what to do about it."""

    says: str
    fix: str


_DATA_FIX = "change the lead with `leadpipe poison edit ID`, or the mapping, then `leadpipe poison replay ID`"
_NO_TEXT_FIX = "`leadpipe poison edit ID`, then `leadpipe poison replay ID`; or discard it"
_NO_LEAD_FIX = '`leadpipe poison discard ID --why "no lead"`'
_WAITS = "nothing: the lead is tried again by itself"

_TIME_HEALS = {
    "throttled": Cause("Dynamics asked for a pause", _WAITS),
    "dynamics_error": Cause("Dynamics failed", _WAITS),
    "dynamics_busy": Cause("the organisation's database is under pressure", _WAITS),
    "dynamics_unreachable": Cause(
        "no answer from Dynamics", "if it lasts, check DATAVERSE_URL, the network and the organisation's health"
    ),
    "plugin_timeout": Cause(
        "a plug-in on lead creation took too long", "if it lasts, have the plug-in made faster or asynchronous"
    ),
    "plugin_crashed": Cause(
        "a plug-in on lead creation crashed", "if it lasts, have the plug-in fixed; its trace log shows the error"
    ),
    "sign_in_unavailable": Cause("the sign-in service is away or busy", _WAITS),
    "agent_unavailable": Cause(
        "the company's authentication agent could not check the account's password",
        "if it lasts, see Pass-through authentication in Entra Connect; a managed identity needs no agent",
    ),
    "managed_identity_failed": Cause(
        "the platform gave no token for the app's identity",
        "if it lasts, check DATAVERSE_URL: the platform answers the same where the address is not an organisation's",
    ),
    "unforeseen": Cause(
        "leadpipe met an error that it does not know",
        "report the kind that the detail names, with the line `unforeseen` of the app's log; the lead is tried again",
    ),
    "storage_unreachable": Cause("the storage account did not answer", _WAITS),
    "storage_error": Cause("the storage account failed", _WAITS),
    "record_damaged": Cause(
        "this leadpipe cannot read the record: somebody changed it, or a newer leadpipe wrote it",
        "correct the row that the detail names by hand, for example in Storage Explorer, or deploy the newer version"
        " again; the lead then goes on by itself",
    ),
    "record_unreadable": Cause("the ledger has the record and did not return it", _WAITS),
    "record_gone": Cause("the record was deleted while it was being written", _WAITS),
    "record_contended": Cause("something else changed the record each time leadpipe tried to write it", _WAITS),
}

_BLOCKED = {
    "storage_refused": Cause(
        "the storage account refused the app",
        "give the app's identity the roles of docs/setup.md, section Azure, or correct AzureWebJobsStorage",
    ),
    "storage_keys_off": Cause(
        "the storage account refused the app: it does not accept account keys",
        "reach it by identity: give the app's identity the roles of docs/setup.md, section Azure, set"
        " AzureWebJobsStorage__accountName, and delete the setting AzureWebJobsStorage",
    ),
    "storage_network_closed": Cause(
        "the storage account refused the app: it does not accept requests from the app's network",
        "in the storage account, Networking: let the app's subnet or address in, or give the app private endpoints"
        " for blob, queue and table; it needs all three. The emulator's tables give the same answer to a wrong key",
    ),
    "storage_role_missing": Cause(
        "the storage account refused the app: its identity lacks a role",
        "give it Storage Blob Data Owner, Storage Queue Data Contributor and Storage Table Data Contributor on the"
        " account; a new role takes effect after some minutes",
    ),
    "storage_not_authenticated": Cause(
        "the storage account refused the app: the key or token is not accepted",
        "copy the connection string in AzureWebJobsStorage from the account's Access keys again: the key may have"
        " changed. If it is right, check the app's clock: storage allows 15 minutes",
    ),
    "storage_account_disabled": Cause(
        "the storage account refused the app: it is disabled",
        "look at the subscription in the Azure portal: if it is disabled, so are its storage accounts; enable it",
    ),
    "storage_no_token": Cause(
        "the app's identity got no token for the storage account",
        "check that the app's identity is switched on, and that AzureWebJobsStorage__clientId, if it is set, is the"
        " client id of an identity that the app has",
    ),
    "settings": Cause("an app setting cannot be used", "correct the setting that the detail names"),
    "mapping_unusable": Cause(
        "the mapping file cannot be used",
        "correct the lines that `leadpipe mapping check` names; the waiting leads are then delivered by themselves",
    ),
    "sign_in_refused": Cause(
        "sign-in was refused",
        "check tenant, client id and secret, and in a national cloud DATAVERSE_AUTHORITY; the detail has Microsoft's"
        " code, which https://login.microsoftonline.com/error explains",
    ),
    "not_entra": Cause("what answered is not the sign-in service", "correct DATAVERSE_AUTHORITY, or the proxy"),
    "cloud_wrong": Cause(
        "the directory is in another of Microsoft's clouds",
        "set DATAVERSE_AUTHORITY to that cloud's sign-in host: https://login.microsoftonline.us for US Government,"
        " https://login.partner.microsoftonline.cn for China, https://login.microsoftonline.com for all others",
    ),
    "request_changed": Cause(
        "Entra could not read the sign-in request",
        "look for a proxy that changes requests, and for odd characters in the DATAVERSE_ settings",
    ),
    "tls_outdated": Cause(
        "the connection to the sign-in service uses an old version of TLS", "let the proxy use TLS 1.2 or later"
    ),
    "tenant_restricted": Cause(
        "a proxy allows sign-ins to other directories only",
        "add the directory to the proxy's tenant restrictions (Restrict-Access-To-Tenants), or go around the proxy",
    ),
    "secret_wrong": Cause(
        "the client secret is wrong", "set DATAVERSE_CLIENT_SECRET to the secret's value, not its id"
    ),
    "secret_expired": Cause("the client secret has expired", "make a new one and put it into DATAVERSE_CLIENT_SECRET"),
    "secret_not_sent": Cause(
        "the application does not accept a sign-in without a secret",
        "for a user name and password, allow public client flows on its Authentication page; where a secret is set,"
        " it was lost on the way: look for a proxy that changes requests",
    ),
    "certificate_unreadable": Cause(
        "the certificate's file cannot be used",
        "correct what the detail names; the file is PEM with key and certificate, or PFX",
    ),
    "certificate_expired": Cause(
        "the certificate has expired",
        "make a new one, upload it to the application, and put its file where DATAVERSE_CERTIFICATE_PATH points",
    ),
    "certificate_weak": Cause("the certificate's key is too short", "make one with an RSA key of 2048 bits or more"),
    "certificate_refused": Cause(
        "the application does not know the certificate", "upload it on the application's Certificates & secrets page"
    ),
    "clock_wrong": Cause(
        "Entra refuses the time in the certificate's signature: this machine's clock is wrong",
        "set the clock by NTP; the certificate is not at fault",
    ),
    "managed_identity_missing": Cause(
        "the app has no such managed identity",
        "assign it on the app's Identity page, or correct DATAVERSE_MANAGED_IDENTITY; it works on Azure only",
    ),
    "account_unknown": Cause("the directory has no such account", "correct DATAVERSE_USERNAME, or DATAVERSE_TENANT_ID"),
    "account_foreign": Cause(
        "the account belongs to another directory", "use an account of the directory that DATAVERSE_TENANT_ID names"
    ),
    "account_at_risk": Cause(
        "Entra considers the account to be at risk",
        "look at the risk in Entra ID Protection; if the password changes, put the new one into DATAVERSE_PASSWORD",
    ),
    "account_disabled": Cause("the account is disabled", "activate it in the Microsoft 365 admin centre"),
    "account_locked": Cause(
        "the account is locked after wrong passwords, or Entra considers the app's address malicious",
        "correct DATAVERSE_PASSWORD, then wait or have the account unlocked; Entra's sign-in logs say which it is",
    ),
    "password_wrong": Cause("the account's password is wrong", "correct DATAVERSE_PASSWORD"),
    "password_expired": Cause(
        "the account's password has expired", "put a new one into DATAVERSE_PASSWORD; a managed identity never expires"
    ),
    "password_not_enough": Cause(
        "the directory asks the account for more than a password",
        "sign in by managed identity or certificate; user name and password cannot work here",
    ),
    "federation_refused": Cause(
        "the account's own sign-in server refused it",
        "check DATAVERSE_USERNAME and DATAVERSE_PASSWORD, or sign in by managed identity or certificate",
    ),
    "federation_broken": Cause(
        "Entra does not trust the account's own sign-in server",
        "have the directory's federation checked, or sign in by managed identity or certificate",
    ),
    "sign_in_policy": Cause(
        "a policy of the directory forbids the sign-in",
        "have the account or application excluded from Conditional Access, or sign in by managed identity",
    ),
    "consent_missing": Cause(
        "the application has no consent to use Dynamics",
        "give it the permission Dynamics CRM user_impersonation, and an administrator's consent",
    ),
    "sign_in_loop": Cause(
        "Entra was asked for the same token too often", "see what else signs in with this client id, and stop it"
    ),
    "scope_refused": Cause("the sign-in service cannot read the organisation's address", "correct DATAVERSE_URL"),
    "application_public": Cause(
        "the application is a public client, which may not sign in with a secret or certificate",
        "on its Authentication page turn off Allow public client flows, or register another application",
    ),
    "application_disabled": Cause("the application is disabled", "enable it in Entra, Enterprise applications"),
    "application_unknown": Cause("the directory has no such application", "copy the client id from its overview page"),
    "tenant_unknown": Cause(
        "there is no such directory",
        "copy the directory (tenant) id from Entra's overview; in a national cloud set DATAVERSE_AUTHORITY too",
    ),
    "tenant_missing": Cause(
        "the sign-in names no directory", "set DATAVERSE_TENANT_ID to the directory (tenant) id from Entra's overview"
    ),
    "tenant_blocked": Cause(
        "Microsoft has blocked the directory",
        "see its state and its bills in the Microsoft 365 admin centre, and ask Microsoft's support to unblock it",
    ),
    "subscription_lapsed": Cause(
        "the directory's subscription to Dynamics has lapsed, or Dataverse is disabled in the directory",
        "renew the subscription; in Entra, Enterprise applications, enable sign-in for Dataverse"
        " (00000007-0000-0000-c000-000000000000)",
    ),
    "assignment_required": Cause(
        "nobody has assigned the application, or the account, to Dataverse",
        "in Entra, Enterprise applications, Dataverse (00000007-0000-0000-c000-000000000000): assign it under Users"
        " and groups, or set Assignment required to No",
    ),
    "organisation_unknown": Cause(
        "the directory knows no such organisation", "correct DATAVERSE_URL; it belongs to another directory"
    ),
    "token_refused": Cause(
        "Dynamics refused a fresh token", "check that DATAVERSE_URL and DATAVERSE_TENANT_ID belong together"
    ),
    "no_application_user": Cause(
        "the organisation has no application user for the client id",
        "`leadpipe setup --apply` makes it; so does the Power Platform admin centre: Settings, Application users",
    ),
    "no_role": Cause(
        "the application user has no role",
        "`leadpipe setup --apply` gives it one, or give it the role Microsoft Marketplace Lead Writer",
    ),
    "user_disabled": Cause(
        "the application user is disabled",
        "`leadpipe setup --apply` activates it; so does the Power Platform admin centre",
    ),
    "user_unlicensed": Cause(
        "the user has no licence, or administrative access only",
        "give the account a licence for Dynamics 365 Sales, or set its access mode to Read-Write or Non-interactive;"
        " an application user needs neither",
    ),
    "missing_privilege": Cause(
        "the application user lacks a privilege",
        "`leadpipe setup --apply` adds what leadpipe needs, or add the privilege that the detail names to its role",
    ),
    "access_denied": Cause(
        "Dynamics denied access",
        "check the application user's role and column security; with 403 and no code, see in the Power Platform admin"
        " centre whether the environment is in administration mode or has an IP firewall",
    ),
    "ip_firewall": Cause(
        "the environment's IP firewall refuses the app's address",
        "add the app's outbound addresses to it in the Power Platform admin centre; wait five minutes",
    ),
    "organisation_closed": Cause(
        "the organisation is disabled or in administration mode", "open it in the Power Platform admin centre"
    ),
    "organisation_full": Cause(
        "the organisation's storage is full",
        "free some of it, or buy more, in the Power Platform admin centre, Licensing, Capacity",
    ),
    "owner_lacks_privilege": Cause(
        "the lead's owner may not own leads", "give the owner a role that may read leads, or choose another"
    ),
    "not_dynamics": Cause("what answered is not a Dynamics organisation", "correct DATAVERSE_URL, or the proxy"),
    "table_unknown": Cause(
        "the organisation has no table of leads",
        "correct DATAVERSE_URL, or install Dynamics 365 Sales. That needs an environment with Enable Dynamics 365"
        " apps, which is chosen when its database is made and cannot be added later",
    ),
    "tls": Cause(
        "a certificate is not trusted",
        "check the proxy in between, or REQUESTS_CA_BUNDLE: its file must have, in PEM, the certificate that signed it",
    ),
}

_THIS_LEAD = {
    "not_in_dynamics": Cause("the lead was deleted in Dynamics", "nothing, if somebody meant to delete it"),
    "too_long": Cause("a value is longer than its column", _DATA_FIX),
    "option_unknown": Cause("a column has no option with this value", _DATA_FIX),
    "out_of_range": Cause("a number is outside its column's range", _DATA_FIX),
    "character_refused": Cause("a value has a character that Dynamics refuses", _DATA_FIX),
    "column_unknown": Cause(
        "a column is unknown or has another type",
        "correct the mapping, then `leadpipe poison replay --cause column_unknown`",
    ),
    "lookup_missing": Cause(
        "an owner, campaign or other row that the lead refers to does not exist",
        "correct the mapping, then `leadpipe poison replay --cause lookup_missing`",
    ),
    "lookup_unknown": Cause(
        "a lookup of the mapping points into a table that the organisation does not have",
        "correct the table's name in the mapping, then `leadpipe poison replay --cause lookup_unknown`",
    ),
    "duplicate_rule": Cause(
        "a duplicate rule of the organisation refused the lead",
        'merge and `leadpipe poison discard ID --why "merged"`; or change the rule and `leadpipe poison replay ID`',
    ),
    "plugin_refused": Cause(
        "a plug-in on lead creation refused the lead",
        "see the detail; have the plug-in changed, or `leadpipe poison edit ID`; then `leadpipe poison replay ID`",
    ),
    "id_taken": Cause(
        "Dynamics says that the lead's id is taken, and has no lead with this id",
        "a plug-in gives this answer; have it fixed, then `leadpipe poison replay ID`",
    ),
    "refused": Cause("Dynamics refused the lead", _DATA_FIX),
    BEHIND_FIRST: Cause(
        "it waits until its customer's first lead is in Dynamics, to become a note on it",
        "nothing: it goes on by itself; `leadpipe show ID` names the first lead",
    ),
    "no_outcome": Cause(
        "delivery crashed fifteen times without an outcome",
        "find the crash in the host's log, fix it, then `leadpipe poison replay ID`",
    ),
    "not_an_envelope": Cause(
        "a message on the queue was not put there by leadpipe",
        "look at it with `leadpipe show ID`: if it is a lead, `leadpipe poison replay ID`; if not,"
        ' `leadpipe poison discard ID --why "no lead"`',
    ),
    "row_refused": Cause(
        "the storage account refuses the lead's row",
        "the detail has its code; `leadpipe poison edit ID` if a value is wrong; then `leadpipe poison replay ID`",
    ),
    "wrong_key": Cause(
        "the post came with a wrong key, or with none",
        "if it is a lead, give Partner Center a key of LEADPIPE_KEYS, then `leadpipe poison replay ID`; if not,"
        ' `leadpipe poison discard ID --why "wrong key"`',
    ),
    "payload_missing": Cause("nothing is kept of what was posted", '`leadpipe poison discard ID --why "nothing kept"`'),
    "not_utf8": Cause("the posted text is not UTF-8", _NO_TEXT_FIX),
    "not_json": Cause("the posted text is not JSON", _NO_TEXT_FIX),
    "not_an_object": Cause("the posted JSON is not an object", _NO_LEAD_FIX),
    "not_a_lead": Cause("nothing in what was moved in has a lead's keys", _NO_LEAD_FIX),
    "nothing_in_it": Cause("no documented field has a value", _NO_LEAD_FIX),
    "too_large": Cause(
        "the post is larger than leadpipe keeps, which is 32 KiB; only its start is kept",
        "if it is a lead, for example a row of marketplaceleads, enter it in Dynamics by hand; then"
        ' `leadpipe poison discard ID --why "entered by hand"`',
    ),
    "no_dynamics": Cause("no organisation is configured", "set DATAVERSE_URL, then `leadpipe fallback drain`"),
    "assumed": Cause("the id was taken and could not be read back", "give the role read on leads"),
    "default_owner": Cause(
        "the owner that a rule names could not own the lead; the application user owns it",
        "assign it in Dynamics; then correct the rule, or the owner's roles: `leadpipe mapping check`",
    ),
    PERSON_UNREAD: Cause(
        "the post has personal data that leadpipe could not read",
        "read it with `leadpipe show ID --payload`, complete the lead in Dynamics by hand, then `leadpipe complete ID`",
    ),
    "completed": Cause("a person has completed it in Dynamics", "nothing"),
    "removed": Cause("a test lead, deleted in Dynamics again", "nothing"),
    "discarded": Cause("a person decided that it must not be written", "`leadpipe poison replay ID`"),
    "test_lead": Cause("test leads stay in the ledger by setting", "nothing"),
    "do_not_contact": Cause("do-not-contact leads stay in the ledger by setting", "nothing"),
    CANARY: Cause("a canary that leadpipe posted to itself; it came through", "nothing"),
    CANARY_FAILED: Cause(
        "a canary that leadpipe posted to itself; it did not come through in time",
        "the detail has the reason; `leadpipe doctor` says what is wrong now",
    ),
}

# Why a notice was not posted. No lead waits for it.
_NOTIFYING = {
    "notify_refused": Cause(
        "the webhook did not take the notice",
        "401, 403, 404, 410: make a new address where notices are read, and set LEADPIPE_NOTIFY_URL; a workflow's"
        " trigger has to let anyone post. 400: set LEADPIPE_NOTIFY_FORMAT to teams, slack or json. 3xx: set the address"
        " that it redirects to. 429, 5xx: wait. Then `leadpipe notify --test`",
    ),
    "notify_unreachable": Cause(
        "the webhook could not be reached",
        "check the host in LEADPIPE_NOTIFY_URL, the network and the proxy; then `leadpipe notify --test`",
    ),
    "notify_slow": Cause(
        "the webhook did not answer in time",
        "look for the notice where it should have come; then `leadpipe notify --test`",
    ),
    "notify_untrusted": Cause(
        "the certificate of the webhook's host is not trusted",
        "correct LEADPIPE_NOTIFY_URL; if a proxy answers for the host, name its certificates in REQUESTS_CA_BUNDLE",
    ),
    "notify_failed": Cause(
        "the notice could not be posted", "report the kind that the detail names: this is a fault of leadpipe's"
    ),
}

CAUSES: dict[str, Cause] = {**_TIME_HEALS, **_BLOCKED, **_THIS_LEAD, **_NOTIFYING}


def cause_of(reason: str, lead_id: str = "ID") -> Cause:
    """The cause and the fix for a reason, with the lead's id in the commands."""
    cause = CAUSES.get(reason)
    if cause is None:
        return Cause(says=reason, fix=f"`leadpipe show {lead_id}` has the details")
    return Cause(says=cause.says, fix=_ID.sub(lead_id, cause.fix))


def fix_now(reason: str) -> str:
    """The fix for a person who does not want to wait."""
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
