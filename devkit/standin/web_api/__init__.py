"""The Dataverse Web API: what is asked over HTTP, and the answers."""
