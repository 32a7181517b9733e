//! What of a message a next hop may not take: found byte by byte, in places between which the walk tells it apart.
//!
//! May use: nothing. Keeps two numbers of the line that passes.

/// Longest line that every server takes, its line break not counted (RFC 5321 §4.5.3.1.6).
const LINE: usize = 998;

/// What was seen in one place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// An octet above 127.
    pub(super) eight_bit: bool,
    /// A NUL, a CR or LF that is no line break, or a line that is too long.
    pub(super) binary: bool,
}

/// Watches bytes go by.
#[derive(Debug, Default)]
pub(super) struct Watch {
    facts: Facts,
    after_cr: bool,
    column: usize,
    /// Whether what only binary content may hold is looked for.
    for_binary: bool,
}

impl Watch {
    pub(super) fn new(for_binary: bool) -> Self {
        Self { for_binary, ..Self::default() }
    }

    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.facts.eight_bit |= !bytes.is_ascii();
        if !self.for_binary {
            return;
        }
        for byte in bytes {
            let line_break = self.after_cr && *byte == b'\n';
            self.facts.binary |= *byte == 0 || (self.after_cr || *byte == b'\n') && !line_break;
            self.after_cr = *byte == b'\r';
            self.column = if line_break { 0 } else { self.column + 1 };
            self.facts.binary |= self.column > LINE + 1;
        }
    }

    /// What the place that ends here holds; another one begins, on the same line.
    pub(super) fn end(&mut self) -> Facts {
        let mut facts = std::mem::take(&mut self.facts);
        facts.binary |= std::mem::take(&mut self.after_cr);
        facts
    }
}

/// What a whole text holds.
pub(super) fn of(bytes: &[u8], for_binary: bool) -> Facts {
    let mut watch = Watch::new(for_binary);
    watch.see(bytes);
    watch.end()
}
