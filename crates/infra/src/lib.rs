//! crates/infra
