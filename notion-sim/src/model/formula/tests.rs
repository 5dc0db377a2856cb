//! Formulas against small schemas.
