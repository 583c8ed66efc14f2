//! crates/provenance
