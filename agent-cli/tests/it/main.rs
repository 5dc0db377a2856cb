//! The real binary on a private cluster.
