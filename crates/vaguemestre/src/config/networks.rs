//! Networks of addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address alone.
//!
//! Pure. Must never look anything up.

use std::{fmt, net::IpAddr};

/// All addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads an address, or a network whose address has nothing behind its bits; none for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => (address, Some(bits)),
            Some(_) => return None,
            None => (text, None),
        };
        let base: IpAddr = address.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        let network = Self { base, bits };
        (bits <= most && network.start(base) == network.start_of_base()).then_some(network)
    }

    /// Whether `address` is in it; an IPv4 address in IPv6 counts as the IPv4 address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.base.is_ipv4() == address.is_ipv4() && self.start(address) == self.start(self.base)
    }

    /// Whether every address of its family is in it.
    pub(crate) fn is_everybody(&self) -> bool {
        self.bits == 0
    }

    fn start(&self, address: IpAddr) -> u128 {
        let (value, width) = Self::value(address);
        let behind = width - u32::from(self.bits);
        value.checked_shr(behind).unwrap_or(0)
    }

    /// The base as it was written: nothing may stand behind the bits.
    fn start_of_base(&self) -> u128 {
        let (value, width) = Self::value(self.base);
        let behind = width - u32::from(self.bits);
        if value.trailing_zeros() >= behind { value.checked_shr(behind).unwrap_or(0) } else { u128::MAX }
    }

    fn value(address: IpAddr) -> (u128, u32) {
        match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Network::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_in_a_network_or_not() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.4/30", "192.0.2.7", "192.0.2.8"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "11.0.0.0"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.1"),
        ] {
            assert!(contains(network, inside), "{network} {inside}");
            assert!(!contains(network, outside), "{network} {outside}");
        }
        assert!(Network::parse("::/0").unwrap().is_everybody());
        assert_eq!(Network::parse("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "192.0.2/24",
            "2001:db8::/129",
            "2001:db8::1/32",
            "x/8",
            "192.0.2.0/",
            "192.0.2.0/+24",
            "192.0.2.0/24/1",
            "mail.chu-nord.fr",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
