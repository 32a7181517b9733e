//! The header of the PROXY protocol: any bytes are survived, what is read is within what was sent, and what a balancer writes is read back.
#![no_main]
#![allow(dead_code)]

use std::net::{IpAddr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use proxy_header::{Header, PREFIX, REST};

#[path = "../../crates/vaguemestre/src/listeners/proxy_header.rs"]
mod proxy_header;

fuzz_target!(|input: (&[u8], [u8; 4], [u8; 16], u16, u16)| {
    let (bytes, four, sixteen, one, two) = input;
    if let Some((prefix, behind)) = bytes.split_first_chunk::<PREFIX>()
        && let Ok(length) = proxy_header::rest(prefix)
    {
        assert!(length <= REST);
        if let Some(rest) = behind.get(..length) {
            let _ = proxy_header::parse(prefix, rest);
        }
    }
    written(0x11, &four, SocketAddr::new(IpAddr::from(four), one), two);
    written(0x21, &sixteen, SocketAddr::new(IpAddr::from(sixteen).to_canonical(), one), two);
});

/// What a balancer writes for this client, who came to the same address on port `to`.
fn written(family: u8, octets: &[u8], client: SocketAddr, to: u16) {
    let rest = [octets, octets, &client.port().to_be_bytes(), &to.to_be_bytes()].concat();
    let length = u16::try_from(rest.len()).expect("it is short").to_be_bytes();
    let header = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x21, family], &length].concat();
    let prefix = header.first_chunk().expect("it is whole");
    assert_eq!(proxy_header::rest(prefix), Ok(rest.len()));
    let expected = Header::Client { client, to: SocketAddr::new(client.ip(), to) };
    assert_eq!(proxy_header::parse(prefix, &rest), Ok(expected));
}
