//! Parts of files from servers, by HTTP/1.1 and TLS.

use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::answer::ContentRange;
use super::image_address::shown;
use super::problem::{RepairProblem, What};
use super::remote_file::RemoteFile;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time for one part of a file, none of which is larger than 256 KiB.
const PART_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for everything; clocks count further than that.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How many other addresses an address may lead to.
const MOST_REDIRECTS: u32 = 3;
/// How often a part is asked for when the connection fails or the server is overloaded.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; twice that before the third.
const PAUSE: Duration = Duration::from_millis(500);

/// The way to servers, until a deadline.
pub(crate) struct Http {
    agent: Agent,
    seconds: u64,
    deadline: Instant,
}

impl Http {
    /// `seconds` is for everything that is read; more than a year is a year, and in none nothing is read.
    pub(crate) fn new(seconds: u64) -> Self {
        // Without any, a TLS connection says what is wrong.
        let loaded = rustls_native_certs::load_native_certs();
        let roots: Vec<_> = loaded.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .user_agent(concat!("mender-binary-delta/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let now = Instant::now();
        let deadline = now.checked_add(Duration::from_secs(seconds).min(LONGEST)).unwrap_or(now);
        Self { agent, seconds, deadline }
    }

    /// Finds out how large a file is.
    ///
    /// # Errors
    ///
    /// No answer, no such file, or no parts of files.
    pub(crate) fn open(&self, address: &str) -> Result<HttpFile<'_>, RepairProblem> {
        let mut file = HttpFile {
            http: self,
            address: address.to_owned(),
            shown: shown(address),
            size_bytes: None,
            tag: None,
        };
        file.part(0, &mut [0])?;
        Ok(file)
    }
}

/// A file on a server.
pub(crate) struct HttpFile<'h> {
    http: &'h Http,
    address: String,
    shown: String,
    /// As the first answer said.
    size_bytes: Option<u64>,
    /// `ETag` of the first answer.
    tag: Option<String>,
}

impl HttpFile<'_> {
    /// One part, asked for again where that may help.
    fn part(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), RepairProblem> {
        let mut attempt = 1;
        loop {
            let what = match self.attempt(offset, buffer) {
                Ok(()) => return Ok(()),
                Err(what) => what,
            };
            let may_pass = matches!(what, What::Transport(_) | What::Status(500..=599));
            if attempt == ATTEMPTS || !may_pass {
                return Err(RepairProblem { address: self.shown.clone(), what });
            }
            std::thread::sleep(PAUSE * attempt);
            attempt += 1;
        }
    }

    fn attempt(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), What> {
        let left = self.http.deadline.saturating_duration_since(Instant::now());
        let late = || What::Late { seconds: self.http.seconds };
        if left.is_zero() {
            return Err(late());
        }
        let wanted = offset..offset + buffer.len() as u64;
        let timed = self.http.agent.get(&self.address).config();
        let timed = timed.timeout_global(Some(left.min(PART_TIMEOUT))).timeout_connect(Some(CONNECT_TIMEOUT));
        // Nobody on the way can have it read without TLS what is to be read with it.
        let is_https = self.address.get(..8).is_some_and(|begin| begin.eq_ignore_ascii_case("https://"));
        let request = timed
            .https_only(is_https)
            .build()
            .header(header::RANGE, format!("bytes={}-{}", wanted.start, wanted.end - 1))
            .header(header::ACCEPT_ENCODING, "identity");
        let failed = |what: What| if Instant::now() >= self.http.deadline { late() } else { what };
        let mut answer = request.call().map_err(|error| failed(without_addresses(&error)))?;
        match answer.status().as_u16() {
            206 => {}
            200 => return Err(What::NoRanges),
            status => return Err(What::Status(status)),
        }
        let (size, tag) = self.check(answer.headers(), &wanted)?;
        fill(answer.body_mut(), buffer, |error| failed(What::Transport(error.to_string())))?;
        (self.size_bytes, self.tag) = (Some(size), tag);
        Ok(())
    }

    /// The part must be the wanted one, of the same file as before. Gives the size of the file and its tag.
    fn check(&self, headers: &HeaderMap, wanted: &Range<u64>) -> Result<(u64, Option<String>), What> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(found) =
            text(header::CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            return Err(different("Content-Encoding", "none".into(), found));
        }
        let stated = text(header::CONTENT_RANGE).unwrap_or("none");
        let range = ContentRange::parse(stated).filter(|range| range.part == *wanted);
        let Some(range) = range else {
            let expected = format!("bytes {}-{}", wanted.start, wanted.end - 1);
            return Err(different("Content-Range", expected, stated));
        };
        if self.size_bytes.is_some_and(|size| size != range.whole) {
            return Err(What::Changed { name: "its size" });
        }
        let tag = text(header::ETAG).map(str::to_owned);
        if self.size_bytes.is_some() && tag != self.tag {
            return Err(What::Changed { name: "its ETag" });
        }
        Ok((range.whole, tag))
    }
}

/// Reads the whole body, which must be as long as the buffer.
fn fill(body: &mut Body, buffer: &mut [u8], failed: impl Fn(io::Error) -> What) -> Result<(), What> {
    let mut reader = body.as_reader();
    let expected = buffer.len() as u64;
    reader.read_exact(buffer).map_err(&failed)?;
    match reader.read(&mut [0]).map_err(&failed)? {
        0 => Ok(()),
        _ => Err(What::TooLong { expected }),
    }
}

/// What went wrong. Addresses that a server leads to may hold signatures, and are not for the log.
fn without_addresses(error: &ureq::Error) -> What {
    match error {
        ureq::Error::RequireHttpsOnly(_) => What::Redirect("the server redirects to an address without TLS"),
        ureq::Error::TooManyRedirects => What::Redirect("the server redirects more than 3 times"),
        ureq::Error::BadUri(_) | ureq::Error::RedirectFailed | ureq::Error::Http(_) => {
            What::Redirect("this address, or one that the server redirects to, cannot be used")
        }
        ureq::Error::Protocol(_) => What::Transport("the answer is not one of HTTP/1.1".to_owned()),
        other => What::Transport(other.to_string()),
    }
}

fn different(name: &'static str, expected: String, found: &str) -> What {
    // What a server says is not for the log as it is.
    let found = found.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect();
    What::Header { name, expected, found }
}

impl RemoteFile for HttpFile<'_> {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes.unwrap_or(0)
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), RepairProblem> {
        if buffer.is_empty() { Ok(()) } else { self.part(offset, buffer) }
    }
}
