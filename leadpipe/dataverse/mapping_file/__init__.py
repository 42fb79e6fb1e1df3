"""The publisher's own mapping: a TOML file that is laid over the default one. docs/mapping.md has its format."""
