//! What every story needs: a demonstration world of its own, its operators' daemons, clients to speak to them, and other
//! operators for them to meet.

mod client;
mod filling;
pub mod line;
pub mod maildir;
mod peer;
pub mod postfix;
pub mod processes;
pub mod random;
mod sink;
pub mod tls;
pub mod web;
mod world;

use std::process::{Command, Output};

pub use client::{Imap, Smtp};
pub use filling::fill;
pub use peer::{Flaw, Peer};
pub use random::Random;
pub use sink::{Answer, Sink};
pub use tls::client_config;
pub use world::{PASSWORD, Site, World};

pub const DOCTOR: &str = "medecin.un@chu-nord.mssante.fr";
pub const INTERN: &str = "interne.deux@chu-nord.mssante.fr";
pub const DEPARTMENT: &str = "cardiologie@chu-nord.mssante.fr";
pub const EMERGENCIES: &str = "urgences@clinique-sud.mssante.fr";
pub const SUD_DOCTOR: &str = "medecin.trois@clinique-sud.mssante.fr";
pub const SECRETARY: &str = "secretariat@cabinet-nord.fr";

/// Runs a client to its end; gives what it printed on both streams, and whether it ended well.
pub fn run(command: &mut Command) -> (String, bool) {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (text, status.success())
}

/// Runs a client that must end well; gives what it printed.
pub fn succeed(command: &mut Command) -> String {
    let (text, ok) = run(command);
    assert!(ok, "{command:?} failed:\n{text}");
    text
}

/// Bytes that no compression shortens, the same for the same seed (xorshift; statistical quality is all that is needed).
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Base64 of `bytes` in lines of 76 characters ended by CRLF (RFC 2045 §6.8).
pub fn base64_lines(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let flat = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut lines = String::with_capacity(flat.len() + flat.len() / 38 + 2);
    for chunk in flat.as_bytes().chunks(76) {
        lines.push_str(std::str::from_utf8(chunk).unwrap());
        lines.push_str("\r\n");
    }
    lines
}

/// A small secure message, CRLF lines, from the doctor.
pub fn letter(to: &str, message_id: &str, subject: &str, body: &str) -> String {
    format!(
        "From: {DOCTOR}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{message_id}>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
    )
}
