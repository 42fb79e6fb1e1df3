"""Checks Kusto queries with Microsoft's own parser. It is an npm package, installed like Azurite."""

from devkit.kusto.parser import Fault, ensure_parser, faults_of

__all__ = ["Fault", "ensure_parser", "faults_of"]
