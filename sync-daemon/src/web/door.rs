//! Who may look. Pages of other sites must not be able to read what stands here, neither by a name that they
//! let point to this machine (Host) nor by a request of theirs (Origin); other machines need the token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::config::{ListenConfig, is_loopback};

/// The rules.
#[derive(Debug)]
pub(super) struct Door {
    token: Option<SecretString>,
    /// The host in `CLAIMBOARD_LISTEN`.
    name: String,
    loopback: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Host,
    Origin,
    Token,
}

impl Door {
    pub(super) fn new(config: &ListenConfig) -> Self {
        let address = config.address.as_deref().unwrap_or_default();
        let name = host(address).to_owned();
        Self {
            token: config.token.clone(),
            loopback: is_loopback(&name),
            name,
        }
    }

    fn refuses(&self, headers: &HeaderMap) -> Option<Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // HTTP/1.1 without a Host is malformed; HTTP/1.0 has none, and no browser speaks that.
        let Some(asked) = text(header::HOST).filter(|asked| self.is_ours(host(asked))) else {
            return Some(Refusal::Host);
        };
        if let Some(origin) = headers.get(header::ORIGIN) {
            let same = origin.to_str().ok().is_some_and(|origin| {
                origin == format!("http://{asked}") || origin == format!("https://{asked}")
            });
            if !same {
                return Some(Refusal::Origin);
            }
        }
        let token = self.token.as_ref()?;
        let shown = text(header::AUTHORIZATION)
            .and_then(|shown| shown.strip_prefix("Bearer "))
            .unwrap_or_default();
        // Of digests, how long a comparison takes tells nothing about the token.
        let same = Sha256::digest(shown) == Sha256::digest(token.expose_secret());
        (!same).then_some(Refusal::Token)
    }

    fn is_ours(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        is_loopback(host)
            || host.eq_ignore_ascii_case(&self.name)
            || (!self.loopback && bare.parse::<IpAddr>().is_ok())
    }
}

/// The host of `host:port`.
fn host(address: &str) -> &str {
    address
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(address, |(host, _)| host)
}

/// Lets in whom the rules allow.
pub(super) async fn check(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    match door.refuses(request.headers()) {
        None => next.run(request).await,
        Some(Refusal::Host) => (
            StatusCode::MISDIRECTED_REQUEST,
            "this host is not served here: use the address of CLAIMBOARD_LISTEN\n",
        )
            .into_response(),
        Some(Refusal::Origin) => (
            StatusCode::FORBIDDEN,
            "no page of another origin may look\n",
        )
            .into_response(),
        Some(Refusal::Token) => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
            "show the token of CLAIMBOARD_STATUS_TOKEN_FILE: Authorization: Bearer …\n",
        )
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn door(address: &str, token: Option<&str>) -> Door {
        Door::new(&ListenConfig {
            address: Some(address.to_owned()),
            given: true,
            token: token.map(SecretString::from),
        })
    }

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        let door = door("127.0.0.1:8711", None);
        for ours in [
            "127.0.0.1:8711",
            "localhost:8711",
            "[::1]:8711",
            "localhost",
        ] {
            assert_eq!(
                door.refuses(&headers(&[(header::HOST, ours)])),
                None,
                "{ours}"
            );
        }
        for foreign in [
            "evil.example:8711",
            "10.0.0.1:8711",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
        ] {
            let refusal = door.refuses(&headers(&[(header::HOST, foreign)]));
            assert_eq!(refusal, Some(Refusal::Host), "{foreign}");
        }
    }

    #[test]
    fn a_host_that_is_absent_or_no_text_is_refused() {
        let door = door("0.0.0.0:8711", Some("0123456789abcdef"));
        assert_eq!(door.refuses(&HeaderMap::new()), Some(Refusal::Host));
        let unreadable = HeaderValue::from_bytes(b"\xff").expect("a value");
        let headers = HeaderMap::from_iter([(header::HOST, unreadable)]);
        assert_eq!(door.refuses(&headers), Some(Refusal::Host));
    }

    proptest! {
        #[test]
        fn anything_gets_in_by_the_token_alone(
            host in prop::collection::vec(32_u8..=255, 0..30), origin in prop::option::of(prop::collection::vec(32_u8..=255, 0..30)),
            shown in prop::option::of(prop::collection::vec(32_u8..=255, 0..30))
        ) {
            let door = door("0.0.0.0:8711", Some("0123456789abcdef"));
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::HOST, Some(host)), (header::ORIGIN, origin), (header::AUTHORIZATION, shown)] {
                if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(&value).ok()) {
                    headers.insert(name, value);
                }
            }
            prop_assert!(door.refuses(&headers).is_some());
        }
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let door = door("127.0.0.1:8711", None);
        let host = (header::HOST, "127.0.0.1:8711");
        let from = |origin| door.refuses(&headers(&[host.clone(), (header::ORIGIN, origin)]));
        assert_eq!(from("http://127.0.0.1:8711"), None);
        for origin in ["null", "https://evil.example", "http://127.0.0.1:9999"] {
            assert_eq!(from(origin), Some(Refusal::Origin), "{origin}");
        }
    }

    #[test]
    fn other_machines_need_the_token() {
        let door = door("0.0.0.0:8711", Some("0123456789abcdef"));
        let host = (header::HOST, "192.0.2.7:8711");
        let with = |shown| door.refuses(&headers(&[host.clone(), (header::AUTHORIZATION, shown)]));
        assert_eq!(with("Bearer 0123456789abcdef"), None);
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer ",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert_eq!(with(wrong), Some(Refusal::Token), "{wrong}");
        }
        assert_eq!(
            door.refuses(&headers(std::slice::from_ref(&host))),
            Some(Refusal::Token)
        );
        assert!(!format!("{door:?}").contains("0123456789abcdef"));
    }
}
