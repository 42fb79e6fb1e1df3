"""Lists the reasons for which a lead waits until a person fixes something, so that nobody has to wait to hear of it.

operations/causes.py says for each reason what it means and what fixes it.
"""

# Dynamics, the sign-in or a setting: no lead gets through.
CONNECTION = frozenset(
    {
        "access_denied",
        "account_at_risk",
        "account_disabled",
        "account_foreign",
        "account_locked",
        "account_unknown",
        "application_disabled",
        "application_public",
        "application_unknown",
        "assignment_required",
        "certificate_expired",
        "certificate_refused",
        "certificate_unreadable",
        "certificate_weak",
        "clock_wrong",
        "cloud_wrong",
        "consent_missing",
        "federation_broken",
        "federation_refused",
        "ip_firewall",
        "managed_identity_missing",
        "mapping_unusable",
        "missing_privilege",
        "no_application_user",
        "no_role",
        "not_dynamics",
        "not_entra",
        "organisation_closed",
        "organisation_full",
        "organisation_unknown",
        "owner_lacks_privilege",
        "password_expired",
        "password_not_enough",
        "password_wrong",
        "request_changed",
        "scope_refused",
        "secret_expired",
        "secret_not_sent",
        "secret_wrong",
        "settings",
        "sign_in_loop",
        "sign_in_policy",
        "sign_in_refused",
        "subscription_lapsed",
        "table_unknown",
        "tenant_blocked",
        "tenant_missing",
        "tenant_restricted",
        "tenant_unknown",
        "tls",
        "tls_outdated",
        "token_refused",
        "user_disabled",
        "user_unlicensed",
    }
)
# Storage refuses the app itself.
STORAGE_REFUSES = frozenset(
    {
        "storage_account_disabled",
        "storage_keys_off",
        "storage_network_closed",
        "storage_no_token",
        "storage_not_authenticated",
        "storage_refused",
        "storage_role_missing",
    }
)
BLOCKED = CONNECTION | STORAGE_REFUSES | {"record_damaged", "unforeseen"}
