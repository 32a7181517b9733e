//! The header of the PROXY protocol, version 2, by which a load balancer that passes TLS through says whose connection it hands
//! on. Bytes to addresses; pure, and nothing but the standard library, since the fuzz target takes this very file.
//!
//! Version 1 is not read, TLVs are passed over. Must never read from a socket.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// Bytes of its fixed part.
pub(crate) const PREFIX: usize = 16;

/// The longest rest, in bytes. Addresses take 36; the rest is for what balancers add, which nobody reads here.
pub(crate) const REST: usize = 2048;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// The balancer speaks for itself, to see whether we live; or it does not know for whom.
    Itself,
    /// It hands on the connection of `client`, who came to its address `to`.
    Client { client: SocketAddr, to: SocketAddr },
}

/// Why a header is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something else was sent.
    NotProxy,
    /// Another version than 2.
    Version(u8),
    /// A command that is neither LOCAL nor PROXY.
    Command(u8),
    /// Addresses of something that is no TCP.
    Family(u8),
    /// A rest of so many bytes.
    TooLong(usize),
    /// Too short for its addresses.
    TooShort(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotProxy => write!(f, "no header of the PROXY protocol version 2"),
            Self::Version(version) => write!(f, "version {version} of the PROXY protocol, not 2"),
            Self::Command(command) => write!(f, "the unknown command {command}"),
            Self::Family(family) => {
                write!(f, "addresses of the family {family:#04x}, not TCP over IPv4 or IPv6")
            }
            Self::TooLong(bytes) => write!(f, "{bytes} bytes of header, more than {REST}"),
            Self::TooShort(bytes) => write!(f, "{bytes} bytes of header, too few for its addresses"),
        }
    }
}

/// How many bytes follow the fixed part.
pub(crate) fn rest(prefix: &[u8; PREFIX]) -> Result<usize, Fault> {
    let [.., version, _, high, low] = *prefix;
    if prefix.get(..SIGNATURE.len()) != Some(&SIGNATURE[..]) {
        return Err(Fault::NotProxy);
    }
    if version >> 4 != 2 {
        return Err(Fault::Version(version >> 4));
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > REST { Err(Fault::TooLong(length)) } else { Ok(length) }
}

/// What the header says, given its fixed part and as many bytes as [`rest`] told.
pub(crate) fn parse(prefix: &[u8; PREFIX], rest: &[u8]) -> Result<Header, Fault> {
    let [.., version, family, _, _] = *prefix;
    match (version & 0x0f, family) {
        (0, _) | (1, 0x00) => Ok(Header::Itself),
        (1, 0x11) => addresses::<4>(rest),
        (1, 0x21) => addresses::<16>(rest),
        (1, family) => Err(Fault::Family(family)),
        (command, _) => Err(Fault::Command(command)),
    }
}

/// Two addresses of `N` bytes, then two ports.
fn addresses<const N: usize>(rest: &[u8]) -> Result<Header, Fault>
where
    [u8; N]: Octets,
{
    let short = Fault::TooShort(rest.len());
    let (from, rest) = rest.split_first_chunk::<N>().ok_or(short)?;
    let (to, rest) = rest.split_first_chunk::<N>().ok_or(short)?;
    let ([a, b, c, d], _) = rest.split_first_chunk::<4>().ok_or(short)?;
    let client = SocketAddr::new(from.address(), u16::from_be_bytes([*a, *b]));
    Ok(Header::Client { client, to: SocketAddr::new(to.address(), u16::from_be_bytes([*c, *d])) })
}

trait Octets {
    fn address(&self) -> IpAddr;
}

impl Octets for [u8; 4] {
    fn address(&self) -> IpAddr {
        Ipv4Addr::from(*self).into()
    }
}

impl Octets for [u8; 16] {
    fn address(&self) -> IpAddr {
        Ipv6Addr::from(*self).to_canonical()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header of these fields.
    pub(in super::super) fn header(version: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[version, family], &length, rest].concat()
    }

    /// A header that hands on the connection of 192.0.2.7:40000 to 192.0.2.1:465.
    pub(in super::super) fn of_client() -> Vec<u8> {
        header(0x21, 0x11, &[192, 0, 2, 7, 192, 0, 2, 1, 0x9c, 0x40, 0x01, 0xd1])
    }

    fn read(bytes: &[u8]) -> Result<Header, Fault> {
        let prefix = bytes.first_chunk().unwrap();
        let length = rest(prefix)?;
        assert_eq!(bytes.len(), PREFIX + length);
        parse(prefix, &bytes[PREFIX..])
    }

    #[test]
    fn the_client_is_told_over_both_families_whatever_stands_behind() {
        let expected = Header::Client {
            client: "192.0.2.7:40000".parse().unwrap(),
            to: "192.0.2.1:465".parse().unwrap(),
        };
        assert_eq!(read(&of_client()), Ok(expected));
        let mut v6 = [0_u8; 36];
        v6[..2].copy_from_slice(&[0x20, 0x01]);
        (v6[15], v6[31], v6[33], v6[35]) = (7, 1, 1, 2);
        let tlvs = [&v6[..], &[0x04, 0, 1, 0], &[0xff; 200]].concat();
        let Ok(Header::Client { client, to }) = read(&header(0x21, 0x21, &tlvs)) else { panic!() };
        assert_eq!((client.to_string().as_str(), to.to_string().as_str()), ("[2001::7]:1", "[::1]:2"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_is_an_ipv4_address() {
        let mut mapped = [0_u8; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 9]);
        let Ok(Header::Client { client, .. }) = read(&header(0x21, 0x21, &mapped)) else { panic!() };
        assert_eq!(client.ip().to_string(), "192.0.2.9");
    }

    #[test]
    fn a_balancer_that_speaks_for_itself() {
        for bytes in [header(0x20, 0x00, &[]), header(0x20, 0x11, &[1; 12]), header(0x21, 0x00, &[9; 30])] {
            assert_eq!(read(&bytes), Ok(Header::Itself));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (bytes, fault) in [
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 465\r\n".to_vec(), Fault::NotProxy),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00".to_vec(), Fault::NotProxy),
            (header(0x11, 0x11, &[0; 12]), Fault::Version(1)),
            (header(0x22, 0x11, &[0; 12]), Fault::Command(2)),
            (header(0x21, 0x12, &[0; 12]), Fault::Family(0x12)),
            (header(0x21, 0x31, &[0; 216]), Fault::Family(0x31)),
            (header(0x21, 0x11, &[0; 11]), Fault::TooShort(11)),
            (header(0x21, 0x21, &[0; 35]), Fault::TooShort(35)),
            (header(0x21, 0x11, &[0; REST + 1]), Fault::TooLong(REST + 1)),
        ] {
            let prefix = bytes.first_chunk().unwrap();
            let said = rest(prefix).and_then(|_| parse(prefix, &bytes[PREFIX..]));
            assert_eq!(said, Err(fault));
        }
    }
}
