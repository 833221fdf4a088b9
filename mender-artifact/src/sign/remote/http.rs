//! One exchange with a service: a request over HTTP, an answer in JSON.

use std::time::Duration;

use p256::elliptic_curve::zeroize::Zeroizing;
use serde_json::Value;
use ureq::http::{Method, Request};
use ureq::{Agent, Proxy};

use super::encode::percent;
use super::service_error::ServiceError;
use super::tls::Tls;
use crate::error::{Defect, Entry, Error};
use crate::sign::environment::{Environment, unusable};

/// Longest answer.
const ANSWER_MAX_BYTES: u64 = 64 * 1024;
/// Longest excerpt of what a service says about a refusal.
const SAID_MAX_CHARS: usize = 200;
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Seconds that one exchange may take if nothing else is said.
const TIMEOUT_SECONDS: u64 = 60;

/// A request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Content type and content.
    pub(super) body: Option<(&'a str, String)>,
}

/// The way to one service.
pub(super) struct Http {
    agent: Agent,
    /// What must not be shown, even if the service says it back.
    secrets: Vec<Zeroizing<String>>,
}

impl Http {
    /// For calls of URLs that begin with `base`. `direct` is for neighbours that no proxy leads to.
    pub(super) fn new(
        environment: Environment<'_>,
        tls: &Tls,
        base: &str,
        direct: bool,
    ) -> Result<Self, Error> {
        let timeout = environment.seconds("MENDER_ARTIFACT_SIGNING_TIMEOUT", TIMEOUT_SECONDS)?;
        let agent = Agent::config_builder()
            .tls_config(tls.config(base.starts_with("https://"))?)
            .proxy(if direct || is_loopback(base) { None } else { Proxy::try_from_env() })
            .timeout_global(Some(timeout))
            .timeout_connect(Some(timeout.min(CONNECT_TIMEOUT)))
            .http_status_as_error(false)
            // A redirect would carry tokens to somebody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("mender-artifact/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, secrets: Vec::new() })
    }

    /// Keeps a text out of messages, also as it is in forms.
    pub(super) fn hide(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.secrets.push(Zeroizing::new(secret.to_owned()));
            self.secrets.push(Zeroizing::new(percent(secret)));
        }
        self
    }

    /// Asks and takes the answer, which must be JSON of a successful call.
    pub(super) fn call(&self, call: Call<'_>) -> Result<Answer, Error> {
        let url = call.url.split('?').next().unwrap_or_default().to_owned();
        let transport =
            |source: ureq::Error| ServiceError::Transport { url: url.clone(), source: Box::new(source) };
        let mut request =
            Request::builder().method(call.method).uri(call.url).header("Accept", "application/json");
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let answer = match call.body {
            None => request.body(()).map_err(ureq::Error::Http).and_then(|request| self.agent.run(request)),
            Some((kind, body)) => request
                .header("Content-Type", kind)
                .body(body)
                .map_err(ureq::Error::Http)
                .and_then(|request| self.agent.run(request)),
        };
        let mut answer = answer.map_err(transport)?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec();
        let body = match body {
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                return Err(Error::new(Defect::TooLarge, Entry::Key)
                    .named(url.as_bytes())
                    .expected(ANSWER_MAX_BYTES));
            }
            body => body.map_err(transport)?,
        };
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        if !status.is_success() {
            let said = json.as_ref().map(said).unwrap_or_default();
            return Err(
                ServiceError::Refused { url, status: status.as_u16(), said: self.shown(&said) }.into()
            );
        }
        match json {
            Some(json) => Ok(Answer { url, json }),
            None => Err(ServiceError::Answer { url, expected: "JSON" }.into()),
        }
    }

    /// A text of the service on one line, not too long and without what must not be shown.
    fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        text.chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(SAID_MAX_CHARS)
            .collect()
    }
}

/// What a service says about a refusal, in the places where the services put it.
fn said(json: &Value) -> String {
    let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
    if let Some(errors) = json.get("errors").and_then(Value::as_array) {
        return errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    }
    let kind = ["/error/status", "/error/code", "/__type"].iter().find_map(|place| text(place));
    let places = ["/error/message", "/error_description", "/message", "/Message", "/error"];
    let message = places.iter().find_map(|place| text(place));
    match (kind, message) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (kind, message) => kind.or(message).unwrap_or_default().to_owned(),
    }
}

/// A successful answer.
pub(super) struct Answer {
    url: String,
    json: Value,
}

impl Answer {
    /// The text at a JSON pointer (RFC 6901).
    pub(super) fn text(&self, pointer: &str, expected: &'static str) -> Result<&str, Error> {
        self.json.pointer(pointer).and_then(Value::as_str).ok_or_else(|| self.lacks(expected))
    }

    /// The text at a JSON pointer, if there is one.
    pub(super) fn optional(&self, pointer: &str) -> Option<&str> {
        self.json.pointer(pointer).and_then(Value::as_str)
    }

    /// The value at a JSON pointer, if there is one.
    pub(super) fn value(&self, pointer: &str) -> Option<&Value> {
        self.json.pointer(pointer)
    }

    /// The answer is not as documented.
    pub(super) fn lacks(&self, expected: &'static str) -> Error {
        ServiceError::Answer { url: self.url.clone(), expected }.into()
    }
}

/// Whether an address is of this machine, where no proxy leads.
fn is_loopback(base: &str) -> bool {
    let host = base.split("//").nth(1).unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own))
}

/// Checks the address of a service and takes the slashes off its end.
pub(super) fn base_url(variable: &str, value: &str) -> Result<String, Error> {
    let wanted = || unusable(variable, "http:// or https://, a host, and no user, query or fragment");
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).ok_or_else(wanted)?;
    let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'@' | b'?' | b'#' | b'\\' | b'"');
    if rest.is_empty() || rest.starts_with(['/', ':']) || rest.bytes().any(odd) {
        return Err(wanted());
    }
    Ok(value.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_no_user() {
        assert_eq!(base_url("X", "https://a.example:1/b/").unwrap(), "https://a.example:1/b");
        for odd in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https:///a",
            "https://u:p@a",
            "http://a?b",
            "http://a b",
        ] {
            assert_eq!(base_url("X", odd).unwrap_err().defect(), Defect::Setting, "{odd}");
        }
    }

    #[test]
    fn refusals_are_read_from_where_each_service_puts_them() {
        for (json, text) in [
            (r#"{"errors":["1 error occurred","permission denied"]}"#, "1 error occurred; permission denied"),
            (
                r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#,
                "PERMISSION_DENIED: no",
            ),
            (r#"{"error":{"code":"Forbidden","message":"no"}}"#, "Forbidden: no"),
            (r#"{"error":"invalid_client","error_description":"AADSTS7000215"}"#, "AADSTS7000215"),
            (r#"{"__type":"AccessDeniedException","Message":"no"}"#, "AccessDeniedException: no"),
            (r#"{"error":"No such worker"}"#, "No such worker"),
            ("[1]", ""),
        ] {
            assert_eq!(said(&serde_json::from_str(json).unwrap()), text);
        }
    }
}
