//! The second walk: the body as it leaves, piece by piece.
//!
//! May use: the plan, `encode`, `label`. Keeps one header of a part at a time.

use super::{
    encode::{Encoder, escape},
    label::{labelled, relabelled},
    plan::{Act, Plan},
};

/// Rewrites a body as its plan says.
#[derive(Debug)]
pub struct Recoder {
    plan: Plan,
    at: usize,
    offset: u64,
    encoder: Option<Encoder>,
    held: Vec<u8>,
}

impl Recoder {
    /// One that follows this plan, made for the same body.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let mut recoder = Self { plan, at: 0, offset: 0, encoder: None, held: Vec::new() };
        recoder.begin();
        recoder
    }

    /// Takes the next bytes of the body, cut anywhere, and appends what leaves. The last bytes bring what was held back: with them the
    /// result is whole.
    pub fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty()
            && let Some(step) = self.plan.steps.get(self.at).copied()
        {
            let left = usize::try_from(step.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
            let (here, rest) = bytes.split_at(left.min(bytes.len()));
            self.offset += here.len() as u64;
            self.act(step.act, here, out);
            if self.offset >= step.end {
                self.end(step.act, out);
            }
            bytes = rest;
        }
    }

    fn begin(&mut self) {
        if let Some(Act::Encode { written, .. }) = self.plan.steps.get(self.at).map(|step| step.act) {
            self.encoder = Some(Encoder::new(written));
        }
    }

    fn act(&mut self, act: Act, here: &[u8], out: &mut Vec<u8>) {
        match act {
            Act::Copy => out.extend_from_slice(here),
            Act::Mask => out.extend(here.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' })),
            Act::Label { .. } | Act::Relabel(_) => self.held.extend_from_slice(here),
            Act::Encode { .. } => {
                if let Some(encoder) = &mut self.encoder {
                    encoder.feed(here, out);
                }
            }
            Act::Escape => {
                for byte in here {
                    match byte.is_ascii() {
                        true => out.push(*byte),
                        false => out.extend_from_slice(&escape(*byte)),
                    }
                }
            }
            Act::Thin => out.extend(here.iter().filter(|byte| byte.is_ascii())),
        }
    }

    fn end(&mut self, act: Act, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        match act {
            Act::Label { encoding, message } => out.extend(labelled(&held, encoding, message)),
            Act::Relabel(carries) => out.extend(relabelled(&held, carries).unwrap_or(held)),
            Act::Encode { at_end, .. } => {
                if let Some(encoder) = self.encoder.take() {
                    encoder.finish(at_end, out);
                }
            }
            Act::Copy | Act::Mask | Act::Escape | Act::Thin => {}
        }
        self.at += 1;
        self.begin();
    }
}
