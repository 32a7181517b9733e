//! Encoded words of header fields (RFC 2047).
