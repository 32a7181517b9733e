//! Numbers packed small: varints for what is read once, and columns of one width for what is read anywhere.
//!
//! Pure. What is damaged gives nothing or a wrong number, never a panic: the caller knows how many there must be.

/// Bytes that follow the last number of a column, so that eight can always be read at once.
const SLACK: usize = 8;

/// Writes a number, seven bits a byte, lowest first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bytes being read from the front.
#[derive(Clone, Copy)]
pub(crate) struct Input<'b>(pub(crate) &'b [u8]);

impl<'b> Input<'b> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// What [`put_varint`] wrote; none if it is cut short or longer than any number.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A varint that is at most `most`.
    pub(crate) fn small(&mut self, most: u32) -> Option<u32> {
        u32::try_from(self.varint()?).ok().filter(|number| *number <= most)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

/// Writes a column: the least number, then how far each is above it, all in as many bytes as the farthest needs.
pub(crate) fn put_column(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64> + Clone) {
    let base = numbers.clone().min().unwrap_or(0);
    let most = numbers.clone().map(|number| number - base).max().unwrap_or(0);
    let width = (u64::BITS - most.leading_zeros()).div_ceil(8);
    out.push(width as u8);
    out.extend_from_slice(&base.to_le_bytes());
    for number in numbers {
        out.extend_from_slice(&(number - base).to_le_bytes()[..width as usize]);
    }
    out.extend_from_slice(&[0; SLACK]);
}

/// A column that [`put_column`] wrote, read anywhere.
#[derive(Clone, Copy)]
pub(crate) struct Column<'b> {
    base: u64,
    width: usize,
    mask: u64,
    bytes: &'b [u8],
}

impl<'b> Column<'b> {
    /// The column at the front; none if it is not one of `count` numbers.
    pub(crate) fn read(input: &mut Input<'b>, count: usize) -> Option<Self> {
        let width = usize::from(input.byte()?);
        let mask = match width {
            0 => 0,
            1..=8 => u64::MAX >> (64 - 8 * width),
            _ => return None,
        };
        let base = input.u64()?;
        let bytes = input.take(count.checked_mul(width)?.checked_add(SLACK)?)?;
        Some(Self { base, width, mask, bytes })
    }

    /// The number at a position; 0 beyond the last.
    #[inline]
    pub(crate) fn at(&self, position: usize) -> u64 {
        let from = position.saturating_mul(self.width);
        let raw = self.bytes.get(from..from.saturating_add(8)).and_then(|bytes| bytes.try_into().ok());
        raw.map_or(0, |raw| self.base.wrapping_add(u64::from_le_bytes(raw) & self.mask))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back(numbers in proptest::collection::vec(any::<u64>(), 0..20)) {
            let mut bytes = vec![];
            numbers.iter().for_each(|number| put_varint(&mut bytes, *number));
            let mut input = Input(&bytes);
            for number in numbers {
                prop_assert_eq!(input.varint(), Some(number));
            }
            prop_assert_eq!(input.varint(), None);
        }

        #[test]
        fn columns_come_back(base in any::<u64>(), spread in 0..64_u32, more in proptest::collection::vec(any::<u64>(), 0..50)) {
            let numbers: Vec<u64> = more.iter().map(|more| base.saturating_add(more >> spread)).collect();
            let mut bytes = vec![];
            put_column(&mut bytes, numbers.iter().copied());
            bytes.push(9);
            let mut input = Input(&bytes);
            let column = Column::read(&mut input, numbers.len()).unwrap();
            for (position, number) in numbers.iter().enumerate() {
                prop_assert_eq!(column.at(position), *number);
            }
            prop_assert_eq!(input.0, &[9]);
        }

        #[test]
        fn damage_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), count in 0..9000_usize) {
            Input(&bytes).varint();
            if let Some(column) = Column::read(&mut Input(&bytes), count) {
                for position in [0, 1, count, usize::MAX] {
                    column.at(position);
                }
            }
        }
    }
}
