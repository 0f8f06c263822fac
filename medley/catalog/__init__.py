"""The durable ledger: assets, locations, stages, runs, claims. SQLite by default, Postgres by URL."""

from medley.catalog.catalog import Catalog, open_catalog
from medley.catalog.lookup import Location, Outcome

__all__ = ["Catalog", "Location", "Outcome", "open_catalog"]
