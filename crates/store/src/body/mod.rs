//! Bodies: sealed chunk by chunk as they arrive, read chunk by chunk as they leave (I-3).

mod reader;
mod writer;

pub use reader::BodyReader;
pub use writer::{BodyWriter, SealedBody};
