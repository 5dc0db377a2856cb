//! For how long ended claims and the agent log are kept.

use super::{ConfigErrors, accept, set};

/// A year, and the month that is not over.
const DEFAULT: u32 = 13;

/// `CLAIMBOARD_KEEP_MONTHS`; `None`: for ever.
pub fn keep_months(variable: impl Fn(&str) -> Option<String>) -> Result<Option<u32>, ConfigErrors> {
    let mut errors = Vec::new();
    let months = match set(&variable, "CLAIMBOARD_KEEP_MONTHS").as_deref() {
        None => Ok(Some(DEFAULT)),
        Some("all") => Ok(None),
        Some(number) => number
            .parse()
            .ok()
            .filter(|months| (1..=1200).contains(months))
            .map(Some)
            .ok_or_else(|| {
                format!("is {number:?}, not a number of months from 1 to 1200, nor all")
            }),
    };
    accept(&mut errors, "CLAIMBOARD_KEEP_MONTHS", "13", months).ok_or(ConfigErrors(errors))
}
