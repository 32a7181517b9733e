//! Tests of the crate from outside: whole messages in, structure, sections and listings out.

#![cfg(test)]

mod against_mail_parser;
mod common;
mod listing;
mod scanner;
