//! Where the status page is served, and who may see it.

use std::net::IpAddr;
use std::path::Path;

use secrecy::SecretString;

use super::{ConfigErrors, accept, set};

/// The address when none is given.
const DEFAULT: &str = "127.0.0.1:8711";

/// The status page's address and token.
#[derive(Debug, Clone)]
pub struct ListenConfig {
    /// `CLAIMBOARD_LISTEN`; `None`: no page.
    pub address: Option<String>,
    /// Whether somebody asked for this very address.
    pub given: bool,
    /// The content of `CLAIMBOARD_STATUS_TOKEN_FILE`: whoever shows it may look.
    pub token: Option<SecretString>,
}

impl ListenConfig {
    /// Reads what concerns the status page.
    pub fn from_vars(
        variable: impl Fn(&str) -> Option<String>,
        read_file: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let token = set(&variable, "CLAIMBOARD_STATUS_TOKEN_FILE")
            .map(|file| status_token(&file, read_file))
            .transpose();
        let token = accept(
            &mut errors,
            "CLAIMBOARD_STATUS_TOKEN_FILE",
            "/etc/claimboard/status-token",
            token,
        );
        let listen = set(&variable, "CLAIMBOARD_LISTEN");
        let given = listen.is_some();
        let has_token = token.as_ref().is_none_or(Option::is_some);
        let address = match listen.as_deref() {
            Some("off") => Ok(None),
            other => address(other.unwrap_or(DEFAULT), has_token).map(Some),
        };
        let address = accept(&mut errors, "CLAIMBOARD_LISTEN", DEFAULT, address);
        match (address, token) {
            (Some(address), Some(token)) => Ok(Self {
                address,
                given,
                token,
            }),
            _ => Err(ConfigErrors(errors)),
        }
    }
}

/// Whether a host is this machine to itself.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn address(text: &str, has_token: bool) -> Result<String, String> {
    let parts = text
        .rsplit_once(':')
        .filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let Some((host, _)) = parts else {
        return Err(format!("is {text:?}, not an address with a port, nor off"));
    };
    if !is_loopback(host) && !has_token {
        return Err(format!(
            "is {text:?}, which other machines can reach; set CLAIMBOARD_STATUS_TOKEN_FILE, or use an address of 127.0.0.1"
        ));
    }
    Ok(text.to_owned())
}

/// Short tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

fn status_token(
    file: &str,
    read_file: impl Fn(&Path) -> std::io::Result<String>,
) -> Result<SecretString, String> {
    let token = read_file(Path::new(file))
        .map_err(|error| format!("names {file:?}, which cannot be read: {error}"))?;
    let token = token.trim();
    if token.len() < SHORTEST_TOKEN {
        return Err(format!(
            "names {file:?}, which holds fewer than {SHORTEST_TOKEN} characters"
        ));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "names {file:?}, which holds characters that cannot stand in a header"
        ));
    }
    Ok(SecretString::from(token))
}
