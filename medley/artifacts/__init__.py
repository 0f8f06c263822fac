"""What stages made: on a file system that all workers see, or at a URL with a cache on every machine."""

from __future__ import annotations

from pathlib import Path

from medley.artifacts.store import MANIFEST, ArtifactStore, Draft, Key, Manifest, sha256_of

__all__ = ["MANIFEST", "ArtifactStore", "Draft", "Key", "Manifest", "artifact_store", "sha256_of"]


def artifact_store(root: Path, url: str = "", cache_mb: int = 0) -> ArtifactStore:
    """Opens the artifacts below `root`; with `url` those at the URL, of which `root` caches up to `cache_mb` MB."""
    if not url:
        return ArtifactStore(root, cache_mb << 20)
    from medley.artifacts.at_url import UrlArtifacts  # loads what speaks to buckets

    return UrlArtifacts(root, url, cache_mb << 20)
