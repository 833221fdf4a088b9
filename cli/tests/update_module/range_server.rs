//! A server of ranges on the loopback interface, and what can go wrong with one.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a server does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Good,
    /// Sends whole files.
    NoRanges,
    /// Sends another part than the one that was asked for.
    OtherRange,
    /// Sends one byte more than it should.
    TooLong,
    /// Says that what it sends is packed.
    Packed,
    /// Another `ETag` with each answer.
    Changing,
    /// Closes each connection after half of the body.
    Cuts,
    /// A body comes a byte at a time.
    Drips,
    /// Answers so often, then closes every connection at once.
    GoneAfter(usize),
    /// Answers the first requests of each part with status 503.
    Busy,
    /// Says this of what it does not have.
    Refuses(u16),
    /// Leads from everything to there.
    LeadsTo(&'static str),
}

/// A running server; what it has is also under its path behind any number of `/to`, from where it leads there. It ends with the test.
pub(crate) struct RangeServer {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RangeServer {
    pub(crate) fn start(manner: Manner, files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let files: HashMap<String, Vec<u8>> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (files, seen) = (Arc::new(files), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (files, seen) = (Arc::clone(&files), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, manner, &files, &seen));
            }
        });
        Self { address, requests }
    }

    /// `/path first-last`, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// One connection. The client going away ends it.
fn serve(
    stream: TcpStream,
    manner: Manner,
    files: &HashMap<String, Vec<u8>>,
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let path = head[0].split(' ').nth(1)?.to_owned();
        let range = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("range").then(|| value.strip_prefix("bytes=").map(str::to_owned))?
        })?;
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(format!("{path} {range}"));
            seen.len()
        };
        if matches!(manner, Manner::GoneAfter(most) if number > most) {
            return None;
        }
        let elsewhere = match manner {
            Manner::LeadsTo(place) => Some(place),
            _ => path.strip_prefix("/to"),
        };
        if let Some(place) = elsewhere {
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok()?;
            continue;
        }
        let Some(file) = files.get(path.split('?').next()?) else {
            let status = if let Manner::Refuses(status) = manner { status } else { 404 };
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok()?;
            continue;
        };
        if manner == Manner::Busy && number % 2 == 1 {
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").ok()?;
            continue;
        }
        let (first, last) = range.split_once('-')?;
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        let mut body = file[first..=last].to_vec();
        if manner == Manner::TooLong {
            body.push(0);
        }
        let shift = usize::from(manner == Manner::OtherRange);
        let tag = if manner == Manner::Changing { number } else { 0 };
        let mut answer = format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"{tag}\"\r\nContent-Length: {}\r\nContent-Range: bytes {}-{}/{}\r\n",
            body.len(),
            first + shift,
            last + shift,
            file.len()
        );
        match manner {
            Manner::NoRanges => {
                body.clone_from(file);
                answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", file.len());
            }
            Manner::Packed => answer += "Content-Encoding: gzip\r\n",
            _ => {}
        }
        stream.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
        match manner {
            Manner::Cuts => {
                stream.write_all(&body[..body.len() / 2]).ok()?;
                return None;
            }
            Manner::Drips => {
                for byte in body {
                    stream.write_all(&[byte]).ok()?;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            _ => stream.write_all(&body).ok()?,
        }
    }
}
