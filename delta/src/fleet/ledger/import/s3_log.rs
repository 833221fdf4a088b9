//! Lines of S3 server access logs: fields between spaces, times in brackets, texts in quotes (Amazon S3 User Guide, "Amazon S3
//! server access log format").
//!
//! Whoever signs a URL puts query parameters into it that begin with `x-`: S3 ignores them, and its log keeps them.
//!
//! | parameter | meaning |
//! |---|---|
//! | `x-device`, `x-deployment` | who downloads, and why; without them the request is somebody else's |
//! | `x-artifact` | SHA-256 of the Artifact; not needed where the last part of the object's key is that |
//! | `x-tenant` | whose it is; not needed |
//! | `x-kind`, `x-full-size` | as in a record; not needed where another event says it |

use crate::fleet::ledger::event::{Event, digest};
use crate::fleet::ledger::record::{Kind, Record, Via, What};
use crate::fleet::ledger::refusal::Refusal;
use crate::fleet::ledger::time;
use crate::fleet::tenant::TenantId;

/// Operation of a request for an object.
const GET: &str = "REST.GET.OBJECT";

/// Why a sound line is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassedOver {
    /// It is no download of an object.
    OtherOperation,
    /// The answer was not 200 or 206.
    NoSuccess,
    /// The URL does not say which device and deployment it was made for.
    NotOurs,
    /// It belongs to another tenant.
    OtherTenant,
}

impl PassedOver {
    /// Stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OtherOperation => "other_operation",
            Self::NoSuccess => "no_success",
            Self::NotOurs => "not_ours",
            Self::OtherTenant => "other_tenant",
        }
    }
}

/// The event that a line tells of.
pub(super) fn event(tenant: &TenantId, line: &[u8]) -> Result<Result<Event, PassedOver>, Refusal> {
    let text =
        std::str::from_utf8(line).map_err(|_| Refusal::BadRecord("the line is not UTF-8".to_owned()))?;
    let fields = Fields::of(text).ok_or_else(|| bad("expected the fields of an S3 server access log"))?;
    if fields.operation != GET {
        return Ok(Err(PassedOver::OtherOperation));
    }
    if fields.status != "200" && fields.status != "206" {
        return Ok(Err(PassedOver::NoSuccess));
    }
    let uri = fields
        .request
        .split(' ')
        .nth(1)
        .ok_or_else(|| bad("expected a request of method, path and protocol"))?;
    let parameters = Parameters::of(uri)?;
    let (Some(device), Some(deployment)) = (parameters.device, parameters.deployment) else {
        return Ok(Err(PassedOver::NotOurs));
    };
    // Keys of the store are `tenant/objects/sha256`.
    let key: Vec<&str> = fields.key.split("%2F").flat_map(|part| part.split('/')).collect();
    let of_key = match key.as_slice() {
        [.., of_key, "objects", _] => Some(*of_key),
        _ => None,
    };
    let named = parameters.tenant.as_deref().or(of_key);
    if named.is_some_and(|named| named != tenant.as_str()) {
        return Ok(Err(PassedOver::OtherTenant));
    }
    let artifact_size = number(fields.object_size)?.ok_or(Refusal::Missing("object size"))?;
    let bytes = number(fields.bytes_sent)?.unwrap_or(0);
    let in_key = key.last().and_then(|name| name.split('.').next()).filter(|name| digest(name).is_some());
    let artifact = parameters.artifact.or_else(|| in_key.map(str::to_owned));
    // The log does not say which range was asked for.
    let is_placed = fields.status == "200" || bytes == artifact_size;
    let record = Record {
        v: 1,
        event_id: format!("s3:{}", fields.request_id),
        tenant: tenant.as_str().to_owned(),
        deployment,
        device,
        artifact_sha256: artifact.ok_or(Refusal::Missing("x-artifact"))?,
        kind: parameters.kind,
        from: None,
        to: None,
        event: if fields.status == "200" && bytes < artifact_size { What::Aborted } else { What::Served },
        via: Some(Via::Origin),
        range: is_placed.then_some([0, artifact_size]),
        bytes: Some(bytes),
        artifact_size,
        full_size: parameters.full_size,
        ts: String::new(),
    };
    Event::check_at(tenant, record, time::parse_access_log(fields.time)?).map(Ok)
}

fn bad(why: &str) -> Refusal {
    Refusal::BadRecord(why.to_owned())
}

/// Digits only; `-` is no number.
fn number(text: &str) -> Result<Option<u64>, Refusal> {
    match text {
        "-" => Ok(None),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map(Some).map_err(|_| bad("expected a number of less than 2^64"))
        }
        _ => Err(bad("expected a number or -")),
    }
}

/// The fields that matter, as they stand in the line.
struct Fields<'a> {
    time: &'a str,
    request_id: &'a str,
    operation: &'a str,
    key: &'a str,
    request: &'a str,
    status: &'a str,
    bytes_sent: &'a str,
    object_size: &'a str,
}

impl<'a> Fields<'a> {
    /// What stands behind the size of the object, some of it written by clients, is not looked at.
    fn of(line: &'a str) -> Option<Self> {
        let (_owner, rest) = line.split_once(' ')?;
        let (_bucket, rest) = rest.split_once(' ')?;
        let (time, rest) = rest.strip_prefix('[')?.split_once("] ")?;
        let (_address, rest) = rest.split_once(' ')?;
        let (_requester, rest) = requester(rest)?;
        let (request_id, rest) = rest.split_once(' ')?;
        let (operation, rest) = rest.split_once(' ')?;
        let (key, rest) = rest.split_once(' ')?;
        let (request, rest) = match rest.strip_prefix("- ") {
            Some(rest) => ("-", rest),
            None => quoted_before_status(rest.strip_prefix('"')?)?,
        };
        let mut rest = rest.split(' ');
        let (status, _error, bytes_sent) = (rest.next()?, rest.next()?, rest.next()?);
        let object_size = rest.next()?;
        Some(Self { time, request_id, operation, key, request, status, bytes_sent, object_size })
    }
}

/// An ARN may have spaces in it; it is followed by the id of the request and the operation, which has points.
fn requester(rest: &str) -> Option<(&str, &str)> {
    let mut behind = 0;
    loop {
        behind += rest.get(behind..)?.find(' ')? + 1;
        let mut fields = rest.get(behind..)?.split(' ');
        let (id, operation) = (fields.next()?, fields.next()?);
        let id_like = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let operation_like =
            ["REST.", "WEBSITE.", "SOAP.", "BATCH.", "S3."].iter().any(|begin| operation.starts_with(begin));
        if id_like && operation_like {
            return Some((&rest[..behind - 1], &rest[behind..]));
        }
    }
}

/// What a client wrote may have quotes in it; the last one stands before a status.
fn quoted_before_status(rest: &str) -> Option<(&str, &str)> {
    rest.match_indices("\" ").find_map(|(at, end)| {
        let behind = &rest[at + end.len()..];
        let status = behind.split(' ').next()?;
        let is_status =
            status == "-" || status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        is_status.then_some((&rest[..at], behind))
    })
}

/// Our parameters of a URL, decoded.
#[derive(Default)]
struct Parameters {
    device: Option<String>,
    deployment: Option<String>,
    artifact: Option<String>,
    tenant: Option<String>,
    kind: Option<Kind>,
    full_size: Option<u64>,
}

impl Parameters {
    fn of(uri: &str) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        let query = uri.split_once('?').map_or("", |(_, query)| query);
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let place = match name {
                "x-device" => &mut parameters.device,
                "x-deployment" => &mut parameters.deployment,
                "x-artifact" => &mut parameters.artifact,
                "x-tenant" => &mut parameters.tenant,
                "x-kind" => {
                    parameters.kind = Some(match value {
                        "full" => Kind::Full,
                        "delta" => Kind::Delta,
                        _ => return Err(bad("x-kind: expected full or delta")),
                    });
                    continue;
                }
                "x-full-size" => {
                    parameters.full_size = number(value)?;
                    continue;
                }
                _ => continue,
            };
            if place.is_some() {
                return Err(bad("one of the parameters x- stands there twice"));
            }
            *place = Some(decoded(value)?);
        }
        Ok(parameters)
    }
}

/// Without percent signs.
fn decoded(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let value = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                value.ok_or_else(|| bad("a percent sign without two digits"))?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad("a parameter is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn line(request: &str, status: &str, sent: &str, size: &str) -> String {
        format!(
            "79a59df900b949e5 bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 arn:aws:iam::1:user/an account 3E57427F3EXAMPLE \
             REST.GET.OBJECT acme/objects/{SHA} \"{request}\" {status} - {sent} {size} 41 28 \"-\" \"a \"quoted\" agent\" - \
             host+id= SigV4 ECDHE-RSA-AES128-GCM-SHA256 QueryString b.s3.us-west-1.amazonaws.com TLSV1.2 - -"
        )
    }

    fn of(line: &str) -> Result<Result<Event, PassedOver>, Refusal> {
        event(&TenantId::new("acme").unwrap(), line.as_bytes())
    }

    const REQUEST: &str =
        "GET /bucket/a?X-Amz-Signature=1&x-device=b%201&x-deployment=d&x-kind=delta HTTP/1.1";

    #[test]
    fn a_whole_download() {
        let event = of(&line(REQUEST, "200", "1000", "1000")).unwrap().unwrap();
        assert_eq!((event.device.as_str(), event.deployment.as_str()), ("b 1", "d"));
        assert_eq!((event.id.as_str(), event.start, event.bytes), ("s3:3E57427F3EXAMPLE", Some(0), 1000));
        assert_eq!(
            (event.what, event.facts.kind, event.artifact[..2].to_vec()),
            (What::Served, Some(Kind::Delta), vec![0xe3, 0xb0])
        );
        assert_eq!(event.ts, 1_549_411_238_000);
    }

    #[test]
    fn parts() {
        let event = of(&line(REQUEST, "206", "400", "1000")).unwrap().unwrap();
        assert_eq!((event.start, event.bytes, event.what), (None, 400, What::Served));
        let event = of(&line(REQUEST, "206", "1000", "1000")).unwrap().unwrap();
        assert_eq!((event.start, event.bytes), (Some(0), 1000));
        let event = of(&line(REQUEST, "200", "-", "1000")).unwrap().unwrap();
        assert_eq!((event.start, event.bytes, event.what), (Some(0), 0, What::Aborted));
    }

    #[test]
    fn requests_with_quotes() {
        let request = "GET /bucket/a\"b \" c?x-device=1&x-deployment=d HTTP/1.1";
        // What follows the path is not the query then.
        assert_eq!(of(&line(request, "200", "1", "1")), Ok(Err(PassedOver::NotOurs)));
        let request = "GET /bucket/a\"b?x-device=\"1\"&x-deployment=d HTTP/1.1";
        assert_eq!(of(&line(request, "200", "1", "1")).unwrap().unwrap().device, "\"1\"");
    }

    #[test]
    fn what_is_no_download_of_ours() {
        let whole = line(REQUEST, "200", "1", "1");
        assert_eq!(
            of(&whole.replace("REST.GET.OBJECT", "REST.HEAD.OBJECT")),
            Ok(Err(PassedOver::OtherOperation))
        );
        assert_eq!(of(&line(REQUEST, "403", "1", "-")), Ok(Err(PassedOver::NoSuccess)));
        assert_eq!(of(&whole.replace("x-device", "y-device")), Ok(Err(PassedOver::NotOurs)));
        assert_eq!(of(&whole.replace("acme/objects", "other/objects")), Ok(Err(PassedOver::OtherTenant)));
        assert_eq!(of(&whole.replace("x-kind=delta", "x-tenant=other")), Ok(Err(PassedOver::OtherTenant)));
        assert!(matches!(of(&whole.replace("acme/objects", "a/b")), Ok(Ok(_))));
    }

    #[test]
    fn bad_lines() {
        let whole = line(REQUEST, "200", "1", "1");
        for cut in 0..whole.find(" 41 28").unwrap() - 2 {
            assert!(of(&whole[..cut]).is_err(), "{}", &whole[..cut]);
        }
        for (from, to) in [
            ("200 - 1 1", "200 - -1 1"),
            ("200 - 1 1", "200 - 2 1"),
            ("200 - 1 1", "200 - 1 -"),
            ("200 - 1 1", "200 - 1 99999999999999999999"),
            ("200 - 1 1", "200 - 0 0"),
            ("x-kind=delta", "x-kind=other"),
            ("x-kind=delta", "x-full-size=-5"),
            ("x-kind=delta", "x-device=c"),
            ("b%201", "b%2"),
            ("b%201", "b%ff"),
            ("b%201", "b%0a"),
            ("b%201", ""),
            ("06/Feb/2019", "31/Feb/2019"),
            (SHA, "name"),
        ] {
            assert!(of(&whole.replace(from, to)).is_err(), "{from} {to}");
        }
    }
}
