//! Every key that the configuration file may hold, once, with its default: the reader, the check for unknown keys and
//! the test of the sample file all start from this table.
//!
//! Must never hold two truths: a default stands here as TOML text and nowhere else in the code.

/// One key of the file.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// The default as TOML text; `None` when the operator must write the key (in a section that may be left out: once
    /// the section is there).
    pub(super) default: Option<&'static str>,
}

const fn required(section: &'static str, name: &'static str) -> Key {
    Key { section, name, default: None }
}

const fn key(section: &'static str, name: &'static str, default: &'static str) -> Key {
    Key { section, name, default: Some(default) }
}

/// The keys, in the order of the sample file.
pub(super) const KEYS: &[Key] = &[
    required("operator", "name"),
    required("operator", "hostname"),
    required("operator", "mssante_domains"),
    required("operator", "login_domains"),
    key("operator", "secure_structures", "[]"),
    key("operator", "time_zone", r#""Europe/Paris""#),
    key("patients", "domain", r#""patient.mssante.fr""#),
    key("patients", "robots", "[]"),
    key("patients", "test_identities", r#""refuse""#),
    key("patients", "after_end", r#""deliver""#),
    required("tls", "certificate"),
    required("tls", "key"),
    key("tls", "highest_version", r#""1.3""#),
    key("trust", "environment", r#""production""#),
    required("trust", "roots"),
    required("trust", "authorities"),
    key("trust", "crls", r#""/var/lib/vaguemestre/crls""#),
    key("trust", "crl_fetch", r#""on""#),
    key("trust", "crl_urls", "[]"),
    key("trust", "crl_refresh", r#""4 h""#),
    key("trust", "ocsp", r#""off""#),
    key("trust", "crl_grace", r#""4 h""#),
    key("trust", "list", r#""""#),
    key("trust", "list_url", r#""""#),
    key("trust", "list_anchors", r#""""#),
    key("trust", "list_refresh", r#""1 h""#),
    key("trust", "proxy", r#""""#),
    required("trust", "signers"),
    key("trust", "signer_policies", r#"["1.2.250.1.213.1.7.1.1.2.3.1"]"#),
    key("trust", "state", r#""/var/lib/vaguemestre/trust""#),
    key("trust", "refresh", r#""1 min""#),
    key("trust", "alarm_after", r#""48 h""#),
    key("trust", "stop_after", r#""15 d""#),
    key("relay", "certificate", r#""""#),
    key("relay", "key", r#""""#),
    key("relay", "routes", "[]"),
    key("relay", "connections", "50"),
    key("relay", "connections_per_domain", "20"),
    key("relay", "resolvers", "[]"),
    key("queue", "lifetime", r#""5 d""#),
    key("queue", "first_retry", r#""1 min""#),
    key("queue", "longest_retry", r#""1 h""#),
    key("queue", "spread", "20"),
    key("queue", "probe", r#""30 s""#),
    key("queue", "longest_probe", r#""5 min""#),
    key("queue", "delay_notice", r#""4 h""#),
    key("queue", "distrust_lifetime", r#""4 h""#),
    key("store", "directory", r#""/var/lib/vaguemestre/store""#),
    key("store", "master_key", r#""/etc/vaguemestre/master.key""#),
    key("store", "memory", r#""128 MiB""#),
    key("store", "open_files", "512"),
    key("store", "queued", "1000000"),
    key("store", "queued_next_hop", "500000"),
    key("store", "queued_account", "100000"),
    key("store", "disk_reserve", r#""256 MiB""#),
    key("retention", "trace_months", "6"),
    key("retention", "structures", "[]"),
    key("dkim", "selector", r#""""#),
    key("dkim", "key", r#""""#),
    key("scan", "clamd", r#""""#),
    key("scan", "timeout", r#""60 s""#),
    key("scan", "on_failure", r#""tempfail""#),
    key("scan", "max_size", r#""100 MB""#),
    key("listeners", "submission", r#"["0.0.0.0:587", "[::]:587"]"#),
    key("listeners", "submission_tls", r#"["0.0.0.0:465", "[::]:465"]"#),
    key("listeners", "imap", r#"["0.0.0.0:143", "[::]:143"]"#),
    key("listeners", "imap_tls", r#"["0.0.0.0:993", "[::]:993"]"#),
    key("listeners", "imap_plain", "[]"),
    key("listeners", "relay", "[]"),
    key("listeners", "metrics", "[]"),
    key("listeners", "proxy_from", "[]"),
    key("imap", "without", "[]"),
    key("imap", "accounts", "[]"),
    key("imap", "quirks", "[]"),
    key("imap", "sessions_per_account", "100"),
    key("imap", "commands_per_second", "5000"),
    key("imap", "login_time", r#""60 s""#),
    key("imap", "idle_timeout", r#""30 min""#),
    key("imap", "keep_alive", r#""2 min""#),
    required("connectors", "name"),
    required("connectors", "structure"),
    required("connectors", "domains"),
    key("connectors", "listen", "[]"),
    key("connectors", "protocol", r#""smtp""#),
    key("connectors", "tls", r#""starttls""#),
    key("connectors", "certificates", "[]"),
    key("connectors", "login", r#""none""#),
    key("connectors", "users", "[]"),
    key("connectors", "unsecured", r#""give-back""#),
    key("connectors", "all_secure", r#""no""#),
    key("connectors", "reports", r#""""#),
    key("connectors", "deliver", r#""box""#),
    key("connectors", "server", r#""""#),
    key("connectors", "server_protocol", r#""smtp""#),
    key("connectors", "server_tls", r#""starttls""#),
    key("connectors", "server_certificates", "[]"),
    required("smart_host", "host"),
    key("smart_host", "tls", r#""starttls""#),
    key("smart_host", "authorities", r#""/etc/ssl/certs/ca-certificates.crt""#),
    key("smart_host", "certificates", "[]"),
    key("smart_host", "user", r#""""#),
    key("smart_host", "password_file", r#""""#),
    key("control", "socket", r#""/var/lib/vaguemestre/control.sock""#),
    key("control", "administrators", "[]"),
    key("limits", "submission_sessions", "1000"),
    key("limits", "imap_sessions", "10000"),
    key("limits", "relay_sessions", "500"),
    key("limits", "sessions_per_peer", "200"),
    key("limits", "imap_sessions_per_peer", "2000"),
    key("limits", "connections_per_minute", "6000"),
    key("limits", "messages_per_session", "1000"),
    key("limits", "recipients", "500"),
    key("limits", "attachments", r#""60 MB""#),
    key("limits", "mailbox_bytes", r#""50 GB""#),
    key("limits", "mailbox_messages", "2000000"),
    key(
        "limits",
        "person_per_hour",
        r#"{ messages = 20000, recipients = 100000, refusals = 5000, bytes = "50 GB" }"#,
    ),
    key(
        "limits",
        "software_per_hour",
        r#"{ messages = 200000, recipients = 1000000, refusals = 50000, bytes = "500 GB" }"#,
    ),
    key(
        "limits",
        "operator_per_hour",
        r#"{ messages = 1000000, recipients = 2000000, refusals = 100000, bytes = "5000 GB" }"#,
    ),
    key(
        "limits",
        "all_per_hour",
        r#"{ messages = 10000000, recipients = 20000000, refusals = 1000000, bytes = "50000 GB" }"#,
    ),
    key("log", "level", r#""info""#),
    key("log", "format", r#""text""#),
    key("shutdown", "grace", r#""20 s""#),
];

/// The nearest of `candidates` to what was written, if near enough to be what was meant.
pub(super) fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_key_that_was_meant_or_none() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("recipient", names()), Some("recipients"));
        assert_eq!(nearest("host_name", names()), Some("hostname"));
        assert_eq!(nearest("quota", names()), None);
    }
}
