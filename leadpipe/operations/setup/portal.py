"""Names the portal pages where a person does a step by hand: today's, and those of Microsoft's document of 2018."""

_ENVIRONMENT = "Power Platform admin centre → Environments → (the environment) → Settings → Users + permissions"
_USERS = f"{_ENVIRONMENT} → Application users"
_ROLES = f"{_ENVIRONMENT} → Security roles"
_SECURITY_2018 = "Dynamics CRM → Settings → Security"

SALES = "Power Platform admin centre → Environments → (the environment) → Resources → Dynamics 365 apps"
BUSINESS_UNIT = f"{_ENVIRONMENT} → Business units"
MOVE_USER = f"{_USERS} → (the user) → Change business unit"
NEW_ROLE = f"{_ROLES} → New role, member's privilege inheritance: Direct User (Basic) access level and Team privileges"
NEW_ROLE_2018 = f"{_SECURITY_2018} → Security Roles → New"
PRIVILEGES = (
    f"{_ROLES} → (the role) → Tables → Show all tables: Lead; User Entity UI Settings, under Core Records; "
    "System Job, under Customization"
)
PRIVILEGES_2018 = f"{_SECURITY_2018} → Security Roles → (the role) → tab Core Records: Lead, User Entity UI Settings"
NEW_USER = f"{_USERS} → New app user → Add an app (a managed identity by its application id), business unit → Create"
NEW_USER_2018 = (
    f"{_SECURITY_2018} → Users → view Application Users → New → User: APPLICATION USER → Application ID → Save"
)
ACTIVATE = f"{_USERS} → (the user) → Activate"
ACTIVATE_2018 = f"{_SECURITY_2018} → Users → (the user) → Enable or Disable"
DEACTIVATE = f"{_USERS} → (the user) → Deactivate"
DELETE_USER = f"{_USERS} → (the user, deactivated) → Delete"
GIVE_ROLE = f"{_USERS} → (the user) → Edit security roles"
GIVE_ROLE_TO_ACCOUNT = f"{_ENVIRONMENT} → Users → (the user) → Manage security roles"
GIVE_ROLE_2018 = f"{_SECURITY_2018} → Users → (the user) → Manage Roles"
DELETE_ROLE = f"{_ROLES} → (the role) → Delete"
DELETE_ROLE_2018 = f"{_SECURITY_2018} → Security Roles → (the role) → Delete"
ACCOUNT = "Microsoft 365 admin centre → Users → Active users → Add a user: a Dynamics 365 licence, no admin access"
ACCOUNT_2018 = "Office 365 admin centre → Admin → Add a user: a Dynamics CRM Online licence, User (no admin access)"
