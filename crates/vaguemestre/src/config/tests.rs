//! What the configuration promises: the sample is complete and true, every fault is named with what to write.

use super::*;

const SAMPLE: &str = include_str!("../../../../config/vaguemestre.toml");
pub(super) const REQUIRED: &str = r#"
[operator]
name = "Centre hospitalier Nord"
hostname = "mail.chu-nord.fr"
mssante_domains = ["chu-nord.mssante.fr"]
login_domains = ["chu-nord.fr"]
[tls]
certificate = "/etc/vaguemestre/tls/chain.pem"
key = "/etc/vaguemestre/tls/key.pem"
"#;
const TRUST: &str = r#"
[trust]
roots = "/etc/vaguemestre/trust/roots.pem"
authorities = "/etc/vaguemestre/trust/authorities.pem"
list = "/var/lib/vaguemestre/listeblanchemssante.xml"
signers = ["CN=alb.mssante.fr,OU=347976684200724,O=CAPGEMINI TECHNOLOGY SERVICES,ST=Hauts-de-Seine (92),C=FR"]
"#;

pub(super) fn read(text: &str) -> Result<Settings, ConfigError> {
    parse(Path::new("/etc/vaguemestre/vaguemestre.toml"), text)
}

pub(super) fn faults(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// The sample with the sections that stand behind a mark, since not everybody has them: `#key = …`, where words have a blank.
fn whole_sample() -> String {
    let unmarked = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    SAMPLE.lines().map(unmarked).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_marked_sections_of_the_sample_are_good_too() {
    let settings = read(&whole_sample()).unwrap();
    assert_eq!(settings.connectors.len(), 1);
    assert!(settings.smart_host.is_some());
}

#[test]
fn the_sample_parses_and_its_defaults_are_the_codes() {
    assert_eq!(read(SAMPLE).unwrap(), read(&format!("{REQUIRED}{TRUST}")).unwrap());
}

#[test]
fn the_rooms_defaults_are_those_that_the_sample_tells() {
    let settings = read(SAMPLE).unwrap();
    let usual = store::Settings::default();
    assert_eq!(settings.store.memory, usual.memory);
    assert_eq!(settings.store.open_files, usual.open_files);
    assert_eq!(settings.store.queued, usual.queued);
    assert_eq!(settings.store.queued_next_hop, usual.queued_lane);
    assert_eq!(settings.store.queued_account, usual.queued_sender);
    let relay = delivery::RelaySettings::new("mail.chu-nord.fr");
    assert_eq!(settings.relay.connections, relay.connections);
    assert_eq!(settings.relay.connections_per_domain, relay.connections_per_domain);
    assert_eq!(settings.queue.spread, relay.jitter);
    assert_eq!(crate::trust::signed(settings.queue.probe), relay.probe);
    assert_eq!(crate::trust::signed(settings.queue.longest_probe), relay.longest_probe);
    assert_eq!(settings.store.disk_reserve, usual.disk_reserve);
    assert_eq!(settings.limits.mailbox_bytes, usual.account_bytes);
    assert_eq!(settings.limits.mailbox_messages, usual.account_messages);
    let (limits, usual) = (&settings.limits, delivery::limits::LimitSettings::default());
    for (written, usual) in [
        (limits.person_per_hour, usual.person),
        (limits.software_per_hour, usual.software),
        (limits.operator_per_hour, usual.operator),
        (limits.all_per_hour, usual.all),
    ] {
        let written = (written.messages, written.recipients, written.refusals, written.bytes);
        assert_eq!(written, (usual.messages, usual.recipients, usual.refusals, usual.bytes));
    }
    assert_eq!(u32::try_from(limits.messages_per_session).unwrap(), smtp::Limits::default().mails);
}

#[test]
fn every_key_known_to_the_code_is_in_the_sample_with_words_above_it() {
    let whole = whole_sample();
    let raw = raw::Raw::parse(Path::new("sample"), &whole).unwrap();
    let lines: Vec<_> = whole.lines().collect();
    for key in keys::KEYS {
        let mut entries = raw.entries.iter().chain(raw.tables.iter().flat_map(|table| &table.entries));
        let entry = entries.find(|entry| entry.section == key.section && entry.name == key.name);
        let entry = entry.unwrap_or_else(|| panic!("[{}] {} is not in the sample", key.section, key.name));
        assert!(lines[entry.line - 2].starts_with('#'), "{} has no explanation in the sample", key.name);
    }
}

#[test]
fn the_keys_of_the_sample_stand_in_the_order_of_the_table() {
    let raw = raw::Raw::parse(Path::new("sample"), &whole_sample()).unwrap();
    let mut entries: Vec<_> =
        raw.entries.iter().chain(raw.tables.iter().flat_map(|table| &table.entries)).collect();
    entries.sort_by_key(|entry| entry.line);
    let written: Vec<_> = entries.iter().map(|entry| (entry.section.as_str(), entry.name.as_str())).collect();
    let known: Vec<_> = keys::KEYS.iter().map(|key| (key.section, key.name)).collect();
    assert_eq!(written, known);
}

#[test]
fn an_unknown_key_is_named_with_its_nearest() {
    let text = faults(&format!("{REQUIRED}[limits]\nrecipient = 100\n"));
    assert_eq!(
        text,
        "/etc/vaguemestre/vaguemestre.toml:11: [limits] recipient: there is no such key. \
         Write recipients, or delete the line."
    );
}

#[test]
fn an_unknown_section_and_a_key_without_section_are_named() {
    assert!(
        faults(&format!("{REQUIRED}[limit]\nx = 1\n"))
            .contains("[limit]: there is no such section. Write [limits]")
    );
    assert!(
        faults(&format!("grace = \"1 s\"\n{REQUIRED}"))
            .contains("grace: this key stands before any [section]")
    );
    assert!(faults(&format!("{REQUIRED}[limits]\ngrace = \"1 s\"\n")).contains("Write it under [shutdown]"));
}

#[test]
fn all_faults_come_at_once_in_the_order_of_lines() {
    let text = faults(
        "[operator]\nhostname = \"x y\"\nname = \"N\"\n[limits]\nrecipients = 1\nattachments = \"60 Mo\"\n",
    );
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.iter().any(|line| line.contains("mssante_domains: this key has no default and is absent")));
    assert!(lines.iter().any(|line| line.contains("certificate: this key has no default")));
    let known = lines.iter().filter(|line| line.starts_with("/etc/vaguemestre/vaguemestre.toml:")).count();
    assert_eq!(known, lines.len());
    assert!(text.contains(":2: [operator] hostname: \"x y\" cannot be used. Write a full DNS name"));
    assert!(text.contains(":5: [limits] recipients: 1 cannot be used. Write an integer from 100 to 10000"));
    assert!(text.contains(":6: [limits] attachments: \"60 Mo\" cannot be used. Write a size from"));
}

#[test]
fn relative_paths_start_from_the_files_directory() {
    let settings = read(&REQUIRED.replace("/etc/vaguemestre/tls/key.pem", "tls/key.pem")).unwrap();
    assert_eq!(settings.tls.key, Path::new("/etc/vaguemestre/tls/key.pem"));
}

#[test]
fn administrators_have_a_name_and_one_of_uid_and_gid() {
    let with = |list: &str| read(&format!("{REQUIRED}[control]\nadministrators = {list}\n"));
    let settings =
        with(r#"[{ name = "claire", uid = 1000 }, { name = "exploitation", gid = 990 }]"#).unwrap();
    assert_eq!(
        settings.control.administrators[1],
        Administrator { name: "exploitation".into(), who: Who::Gid(990) }
    );
    for wrong in
        [r#"[{ name = "x" }]"#, r#"[{ uid = 1 }]"#, r#"[{ name = "x", uid = 1, gid = 1 }]"#, r#"["x"]"#]
    {
        assert!(with(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn contradictions_are_refused() {
    let twice = format!("{REQUIRED}[listeners]\nimap = [\"0.0.0.0:587\"]\n");
    assert!(faults(&twice).contains("[listeners] imap: 0.0.0.0:587 is listened on twice"));
    let clear = |address: &str| format!("{REQUIRED}[listeners]\nimap_plain = [\"{address}\"]\n");
    let text = faults(&clear("192.0.2.1:1431"));
    assert!(text.contains("[listeners] imap_plain: 192.0.2.1:1431 is not a loopback address"), "{text}");
    assert!(read(&clear("[::1]:1431")).is_ok());
    let none = format!("{REQUIRED}[listeners]\nsubmission=[]\nsubmission_tls=[]\nimap=[]\nimap_tls=[]\n");
    assert!(faults(&none).contains("no address to listen on"));
    let mixed = REQUIRED.replace(r#"["chu-nord.fr"]"#, r#"["chu-nord.mssante.fr"]"#);
    assert!(faults(&mixed).contains("login_domains: chu-nord.mssante.fr is also in mssante_domains"));
    let long = format!("{REQUIRED}[control]\nsocket = \"/{}\"\n", "x".repeat(107));
    assert!(faults(&long).contains("is 108 octets long"));
}

#[test]
fn what_is_fetched_is_said_by_addresses_and_nothing_else() {
    let with = |lines: &str| format!("{REQUIRED}{TRUST}{lines}\n");
    let fetching = read(&with("")).unwrap().trust.unwrap().fetching;
    assert!(fetching.crls && fetching.list_url.is_none() && fetching.proxy.is_none());
    let text = with(
        "list_url = \"https://espacedeconfiance.mssante.fr/listeblanchemssante.xml\"\nproxy = \"http://u:geheim@proxy:3128\"\n\
         crl_urls = [\"http://igc-sante.esante.gouv.fr/CRL/ACI-EL-ORG.crl\"]\ncrl_fetch = \"off\"",
    );
    let fetching = read(&text).unwrap().trust.unwrap().fetching;
    assert_eq!((fetching.crl_urls.len(), fetching.crls), (1, false));
    assert!(!format!("{fetching:?}").contains("geheim"));
    for (lines, says) in [
        ("list_url = \"http://espacedeconfiance.mssante.fr/liste.xml\"", "[trust] list_url: \"http://"),
        ("crl_urls = [\"ldap://annuaire/x\"]", "[trust] crl_urls:"),
        ("proxy = \"socks5://u:geheim@proxy\"", "[trust] proxy: it is no proxy"),
        ("ocsp = \"prefer\"", "[trust] ocsp: revocation is known from lists alone (M-4)"),
        ("list_refresh = \"48 h\"", "[trust] list_refresh: the list would be asked for less often"),
        ("crl_fetch = \"perhaps\"", "[trust] crl_fetch:"),
    ] {
        let told = faults(&with(lines));
        assert!(told.contains(says) && !told.contains("geheim"), "{lines}: {told}");
    }
    let nowhere = TRUST.replace("list = \"/var/lib/vaguemestre/listeblanchemssante.xml\"\n", "");
    let told = faults(&format!("{REQUIRED}{nowhere}"));
    assert!(told.contains("[trust] list: nothing says where the white list is"), "{told}");
    let fetched = format!("{REQUIRED}{nowhere}list_url = \"https://host/liste.xml\"\n");
    assert_eq!(read(&fetched).unwrap().trust.unwrap().list, None);
}

#[test]
fn without_its_section_there_is_no_trust_and_nothing_to_relay_with() {
    assert_eq!(read(REQUIRED).unwrap().trust, None);
    let listener = format!("{REQUIRED}[listeners]\nrelay = [\"0.0.0.0:25\"]\n");
    assert!(faults(&listener).contains("[listeners] relay: mail from other operators cannot be judged"));
    assert!(read(&format!("{listener}{TRUST}")).is_ok());
    let routes =
        format!("{REQUIRED}[relay]\nroutes = [{{ domain = \"x.mssante.fr\", host = \"192.0.2.1\" }}]\n");
    assert!(faults(&routes).contains("[relay] routes: nothing leaves for another operator without [trust]"));
    let text = faults(&format!("{REQUIRED}[trust]\nlist = \"list.xml\"\nsigners = []\n"));
    assert!(text.contains("[trust] roots: this key has no default and is absent"), "{text}");
    assert!(text.contains("[trust] signers: nobody could be believed. Write at least one"), "{text}");
    let text = faults(&format!("{REQUIRED}{}", TRUST.replace("CN=alb", "alb")));
    assert!(text.contains("[trust] signers:") && text.contains("Write whole names"), "{text}");
}

#[test]
fn a_route_is_a_domain_a_host_and_perhaps_a_port() {
    let with = |list: &str| read(&format!("{REQUIRED}{TRUST}[relay]\nroutes = {list}\n"));
    let routes = with(r#"[{ domain = "sud.mssante.fr", host = "192.0.2.1" }, { domain = "est.mssante.fr", host = "mx.est.fr", port = 2525 }]"#)
        .unwrap()
        .relay
        .routes;
    assert_eq!((routes[0].port, routes[1].port), (25, 2525));
    for wrong in [
        r#"[{ domain = "sud.mssante.fr" }]"#,
        r#"[{ host = "192.0.2.1" }]"#,
        r#"[{ domain = "sud.mssante.fr", host = "192.0.2.1", port = 0 }]"#,
        r#"[{ domain = "sud.mssante.fr", host = "192.0.2.1", port = 70000 }]"#,
        r#"[{ domain = "sud.mssante.fr", host = "a b" }]"#,
        r#"[{ domain = "sud.mssante.fr", host = "192.0.2.1", tls = "no" }]"#,
        r#"[{ domain = "sud.mssante.fr", host = "192.0.2.1" }, { domain = "SUD.mssante.fr", host = "192.0.2.2" }]"#,
        r#"[{ domain = "chu-nord.mssante.fr", host = "192.0.2.1" }]"#,
        r#"["sud.mssante.fr"]"#,
    ] {
        assert!(with(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_relay_shows_the_certificate_of_tls_unless_it_has_one_with_its_key() {
    let settings = read(REQUIRED).unwrap();
    assert_eq!(
        (&settings.relay.certificate, &settings.relay.key),
        (&settings.tls.certificate, &settings.tls.key)
    );
    let own = "certificate = \"relay.pem\"\n";
    let text = faults(&format!("{REQUIRED}[relay]\n{own}"));
    assert!(text.contains("[relay] key: [relay] names a certificate and no key"), "{text}");
    let text = faults(&format!("{REQUIRED}[relay]\ncertificate = \"\"\nkey = \"relay.key\"\n"));
    assert!(text.contains("[relay] certificate: [relay] names a key and no certificate"), "{text}");
    // another certificate of the same key is one of its own
    let same = format!("{own}key = \"{}\"\n", settings.tls.key.display());
    assert!(read(&format!("{REQUIRED}[relay]\n{same}")).is_ok());
    assert!(read(&format!("{REQUIRED}[relay]\ncertificate = \"\"\nkey = \"\"\n")).is_ok());
    let settings = read(&format!("{REQUIRED}[relay]\n{own}key = \"relay.key\"\n")).unwrap();
    assert_eq!(settings.relay.certificate, Path::new("/etc/vaguemestre/relay.pem"));
}

#[test]
fn durations_that_contradict_each_other_are_refused() {
    for (lines, what) in [
        ("[queue]\nfirst_retry = \"2 h\"\n", "first_retry: it is longer than longest_retry"),
        ("[queue]\nlongest_retry = \"6 d\"\n", "longest_retry: it is longer than lifetime"),
        ("[queue]\nprobe = \"10 min\"\n", "probe: it is longer than longest_probe"),
        ("[queue]\nspread = 51\n", "spread: "),
        ("[relay]\nresolvers = [\"dns.test\"]\n", "resolvers: "),
        ("[queue]\ndelay_notice = \"6 d\"\n", "delay_notice: it is longer than lifetime"),
        ("[queue]\ndistrust_lifetime = \"6 d\"\n", "distrust_lifetime: it is longer than lifetime"),
        ("[queue]\nfirst_retry = \"0 s\"\n", "first_retry: it is too short"),
        ("[relay]\nconnections_per_domain = 51\n", "connections_per_domain: more for one than for all"),
    ] {
        let text = faults(&format!("{REQUIRED}{lines}"));
        assert!(text.contains(what), "{what}: {text}");
    }
    for (line, what) in [
        ("stop_after = \"1 h\"", "alarm_after: relaying would stop before anyone is told"),
        ("refresh = \"3 d\"", "refresh: the list would be looked at less often"),
        ("refresh = \"0 s\"", "refresh: it is too short"),
    ] {
        let text = faults(&format!("{REQUIRED}{TRUST}{line}\n"));
        assert!(text.contains(what), "{what}: {text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let text = load(Path::new("/does/not/exist.toml")).unwrap_err().to_string();
    assert!(text.starts_with("/does/not/exist.toml: cannot be read:"), "{text}");
}

#[test]
fn the_master_key_is_a_file_or_a_credential() {
    let place = |value: &str| read(&format!("{REQUIRED}[store]\nmaster_key = \"{value}\"\n"));
    let master_key = |value: &str| place(value).unwrap().store.master_key;
    assert_eq!(master_key("keys/master"), MasterKeyPlace::File("/etc/vaguemestre/keys/master".into()));
    assert_eq!(master_key("credential:master"), MasterKeyPlace::Credential("master".into()));
    assert_eq!(master_key("credential:master").to_string(), "credential:master");
    for value in ["", "credential:", "credential:a/b", "credential:.."] {
        let text = place(value).unwrap_err().to_string();
        assert!(text.contains("[store] master_key") && text.contains("credential:NAME"), "{text}");
    }
}

#[test]
fn a_load_balancer_is_a_network_and_never_everybody() {
    let with = |list: &str| format!("{REQUIRED}[listeners]\nproxy_from = {list}\n");
    let read = read(&with("[\"10.0.0.0/24\", \"2001:db8::7\"]")).unwrap();
    assert!(read.listeners.proxy_from[0].contains("10.0.0.9".parse().unwrap()));
    for wrong in ["[\"10.0.0.1/24\"]", "[\"mail.chu-nord.fr\"]", "\"10.0.0.0/24\"", "[7]"] {
        assert!(faults(&with(wrong)).contains("[listeners] proxy_from: "), "{wrong}");
    }
    assert!(faults(&with("[\"0.0.0.0/0\"]")).contains("0.0.0.0/0 is everybody"));
}

#[test]
fn an_hours_worth_is_a_whole_table() {
    let with = |table: &str| format!("{REQUIRED}[limits]\nperson_per_hour = {table}\n");
    let hourly = "{ messages = 1, recipients = 2, refusals = 3, bytes = \"4 MB\" }";
    let read = read(&with(hourly)).unwrap().limits.person_per_hour;
    assert_eq!((read.messages, read.recipients, read.refusals, read.bytes), (1, 2, 3, 4_000_000));
    for wrong in [
        "{ messages = 1 }",
        "{ messages = 0, recipients = 2, refusals = 3, bytes = \"4 MB\" }",
        "{ messages = 1, recipients = 2, refusals = 3, bytes = 4 }",
        "{ messages = 1, recipients = 2, refusals = 3, bytes = \"4 MB\", other = 1 }",
        "5",
    ] {
        assert!(faults(&with(wrong)).contains("[limits] person_per_hour: "), "{wrong}");
    }
}
