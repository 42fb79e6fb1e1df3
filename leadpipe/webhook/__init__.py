"""Posts notices to the webhook that LEADPIPE_NOTIFY_URL names: a Teams workflow, a Slack webhook, or any other."""
