//! Durations and sizes as people write them: `20 s`, `5 min`, `60 MB`.
//!
//! Pure text; must never know which key it reads for.

use std::time::Duration;

/// A duration: a whole number and `ms`, `s`, `min`, `h` or `d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// A size in bytes: a whole number and `B`, `kB`, `MB`, `GB` (powers of 1000) or `KiB`, `MiB`, `GiB` (of 1024).
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes = match unit {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(duration("20 s"), Some(Duration::from_secs(20)));
        assert_eq!(duration("5min"), Some(Duration::from_secs(300)));
        assert_eq!(duration("15 d"), Some(Duration::from_secs(15 * 86_400)));
        assert_eq!(size("60 MB"), Some(60_000_000));
        assert_eq!(size("64 MiB"), Some(67_108_864));
    }

    #[test]
    fn refuses_what_it_cannot_know() {
        for text in
            ["", "20", "s", "-1 s", "1.5 s", "20 sec", "99999999999999999999 s", "18446744073709551615 h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["60", "60 mb", "60 Mo", "18446744073709551615 GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
