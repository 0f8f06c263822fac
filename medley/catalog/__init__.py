"""The durable ledger: assets, locations, stages, runs, claims. SQLite by default, Postgres by URL."""

from medley.catalog.catalog import Catalog, Location, Outcome, open_catalog

__all__ = ["Catalog", "Location", "Outcome", "open_catalog"]
