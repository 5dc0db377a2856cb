//! Numbers that must not be mistaken for one another.

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

numbers! {
    /// A claim's number. It names the claim; it proves nothing.
    ClaimId;
    /// The number of a row of the log.
    LogId;
    /// A session's number. Public: what proves a session is its [`Secret`](crate::Secret).
    SessionId;
    /// The number of a place in line; smaller ones are older.
    TicketId;
    /// A fencing token: larger than that of every earlier holder that was incompatible. Public, and no credential.
    Token;
}
