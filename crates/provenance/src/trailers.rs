//! Trailers.
