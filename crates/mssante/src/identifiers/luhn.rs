//! The Luhn sum, used by RPPS, FINESS, SIREN and SIRET (ISO/IEC 7812-1, annex B).

/// Whether the digits, check digit last, sum to a multiple of ten with every second one from the right doubled.
/// Anything that is not a digit makes it false.
pub(super) fn checks_out(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let mut sum = 0;
    for (place, digit) in digits.rev().enumerate() {
        if !digit.is_ascii_digit() {
            return false;
        }
        let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
        sum += value / 10 + value % 10;
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_digit_is_always_seen() {
        let good = *b"79927398713";
        assert!(checks_out(good.into_iter()));
        for place in 0..good.len() {
            for digit in b'0'..=b'9' {
                let mut other = good;
                other[place] = digit;
                assert_eq!(checks_out(other.into_iter()), other == good);
            }
        }
        assert!(!checks_out((*b"7992739871x").into_iter()));
    }
}
