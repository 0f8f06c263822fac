"""Search: every embedding space is asked, each record gets a score of its own, and neighbours become one moment."""

from medley.search.moments import WEAK, Evidence, Moment
from medley.search.spaces import EncoderOf, query_encoder, search_moments, similar_to_picture, similar_to_record

__all__ = [
    "WEAK",
    "EncoderOf",
    "Evidence",
    "Moment",
    "query_encoder",
    "search_moments",
    "similar_to_picture",
    "similar_to_record",
]
