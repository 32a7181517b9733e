//! BODY and BODYSTRUCTURE in wire form (RFC 3501 §7.4.2).
//!
//! May use: `structure`, `mime`, `wire`. Depth is bounded by the scan.

use crate::{
    mime::{MimeInfo, Params},
    structure::{Kind, Structure},
};

use super::wire::{nstring, string};

/// The structure of a message; `extended` makes it BODYSTRUCTURE, otherwise it is BODY.
pub(super) fn wire(structure: &Structure, extended: bool) -> Vec<u8> {
    let mut out = Vec::new();
    body(&mut out, structure, 0, extended);
    out
}

fn body(out: &mut Vec<u8>, structure: &Structure, index: usize, extended: bool) {
    let Some(node) = structure.nodes.get(index) else { return out.extend_from_slice(b"NIL") };
    let info = &node.info;
    out.push(b'(');
    match &node.kind {
        Kind::Multipart(children) => {
            for child in children {
                body(out, structure, *child, extended);
            }
            out.push(b' ');
            string(out, &info.subtype);
            if extended {
                out.push(b' ');
                parameters(out, &info.params);
                extension(out, info);
            }
        }
        Kind::Message { inner, envelope } => {
            single(out, info, node.content.end - node.content.start);
            out.push(b' ');
            out.extend_from_slice(envelope);
            out.push(b' ');
            body(out, structure, *inner, extended);
            out.extend_from_slice(format!(" {}", node.lines).as_bytes());
            single_extension(out, info, extended);
        }
        Kind::Leaf => {
            single(out, info, node.content.end - node.content.start);
            if info.is_kind("text") {
                out.extend_from_slice(format!(" {}", node.lines).as_bytes());
            }
            single_extension(out, info, extended);
        }
    }
    out.push(b')');
}

/// The fields that all but multiparts begin with.
fn single(out: &mut Vec<u8>, info: &MimeInfo, octets: u64) {
    string(out, &info.kind);
    out.push(b' ');
    string(out, &info.subtype);
    out.push(b' ');
    parameters(out, &info.params);
    out.push(b' ');
    nstring(out, info.id.as_deref());
    out.push(b' ');
    nstring(out, info.description.as_deref());
    out.push(b' ');
    string(out, info.encoding.as_deref().filter(|encoding| !encoding.is_empty()).unwrap_or(b"7BIT"));
    out.extend_from_slice(format!(" {octets}").as_bytes());
}

fn single_extension(out: &mut Vec<u8>, info: &MimeInfo, extended: bool) {
    if extended {
        out.push(b' ');
        nstring(out, info.md5.as_deref());
        extension(out, info);
    }
}

/// Disposition, language, location.
fn extension(out: &mut Vec<u8>, info: &MimeInfo) {
    match &info.disposition {
        Some((kind, params)) => {
            out.extend_from_slice(b" (");
            string(out, kind);
            out.push(b' ');
            parameters(out, params);
            out.push(b')');
        }
        None => out.extend_from_slice(b" NIL"),
    }
    out.push(b' ');
    match info.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        [language] => string(out, language),
        languages => {
            for (number, language) in languages.iter().enumerate() {
                out.push(if number == 0 { b'(' } else { b' ' });
                string(out, language);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, info.location.as_deref());
}

fn parameters(out: &mut Vec<u8>, params: &Params) {
    if params.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    for (number, (name, value)) in params.iter().enumerate() {
        out.push(if number == 0 { b'(' } else { b' ' });
        string(out, name);
        out.push(b' ');
        string(out, value);
    }
    out.push(b')');
}
