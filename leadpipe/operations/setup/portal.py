"""Names the portal pages where a person does a step by hand: today's, and those of Microsoft's document of 2018.

A pair has today's page first. Where there is only one, the document of 2018 has none.
"""

_ENVIRONMENT = "Power Platform admin centre → Environments → (the environment) → Settings → Users + permissions"
_USERS = f"{_ENVIRONMENT} → Application users"
_ROLES = f"{_ENVIRONMENT} → Security roles"
_TABLES = f"{_ROLES} → (the role) → Tables → Show all tables"
_SECURITY_2018 = "Dynamics CRM → Settings → Security"

_USER_2018 = f"{_SECURITY_2018} → Users → (the user) → Enable or Disable"
_ROLE_2018 = f"{_SECURITY_2018} → Users → (the user) → Manage Roles"

SALES = "Power Platform admin centre → Environments → (the environment) → Resources → Dynamics 365 apps"
BUSINESS_UNIT = f"{_ENVIRONMENT} → Business units"
MOVE_USER = f"{_USERS} → (the user) → Change business unit"
NEW_ROLE = (
    f"{_ROLES} → New role, member's privilege inheritance: Direct User (Basic) access level and Team privileges",
    f"{_SECURITY_2018} → Security Roles → New",
)
PRIVILEGES = (
    f"{_TABLES}: Lead; User Entity UI Settings, under Core Records; System Job, under Customization",
    f"{_SECURITY_2018} → Security Roles → (the role) → tab Core Records: Lead, User Entity UI Settings",
)
NEW_USER = (
    f"{_USERS} → New app user → Add an app (a managed identity by its application id), business unit → Create",
    f"{_SECURITY_2018} → Users → view Application Users → New → User: APPLICATION USER → Application ID → Save",
)
ACTIVATE = (f"{_USERS} → (the user) → Activate", _USER_2018)
DEACTIVATE = (f"{_USERS} → (the user) → Deactivate", _USER_2018)
DELETE_USER = (f"{_USERS} → (the user, deactivated) → Delete", _USER_2018)
GIVE_ROLE = (f"{_USERS} → (the user) → Edit security roles", _ROLE_2018)
GIVE_ROLE_TO_ACCOUNT = (f"{_ENVIRONMENT} → Users → (the user) → Manage security roles", _ROLE_2018)
DELETE_ROLE = (f"{_ROLES} → (the role) → Delete", f"{_SECURITY_2018} → Security Roles → (the role) → Delete")
ACCOUNT = (
    "Microsoft 365 admin centre → Users → Active users → Add a user: a Dynamics 365 licence, no admin access",
    "Office 365 admin centre → Admin → Add a user: a Dynamics CRM Online licence, User (no admin access)",
)
