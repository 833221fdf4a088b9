//! A web server that sends one file over a bad line.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Pieces that a file is sent in.
const PIECES: usize = 40;

/// Serves `body` to whoever asks, taking `seconds` for it. Gives the address.
pub(crate) fn serve(body: Vec<u8>, seconds: u64) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            // A client that hangs up is what some tests are about.
            let _hung_up = answer(connection.unwrap(), &body, Duration::from_secs(seconds));
        }
    });
    format!("http://{address}/artifact.mender")
}

fn answer(mut connection: TcpStream, body: &[u8], duration: Duration) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _headers = connection.read(&mut request)?;
    write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    for piece in body.chunks(body.len().div_ceil(PIECES)) {
        std::thread::sleep(duration / u32::try_from(PIECES).unwrap_or(1));
        connection.write_all(piece)?;
    }
    Ok(())
}
