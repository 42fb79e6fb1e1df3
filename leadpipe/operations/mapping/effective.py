"""The mapping that counts here: the file that the settings or the command line name, over the default one."""

LEAD_ID = "leadid"
FOR_DO_NOT_CONTACT = "who asked not to be contacted"
EVERY_LEAD = "every lead"
