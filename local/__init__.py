"""The local stack: template.yaml running on one machine, without Docker (docs/local.md)."""
