//! A plain client for stories that must cut a line in the middle or see each byte: SMTP, as mail software and as another
//! operator, and IMAP; blocking, no cleverness.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Peer;
use super::tls::{Stream, client_config};

type Line = BufReader<Stream>;

fn clear(port: u16) -> std::io::Result<TcpStream> {
    let tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_read_timeout(Some(Duration::from_secs(60)))?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

fn secured(tcp: TcpStream, config: Arc<ClientConfig>) -> Line {
    let name = ServerName::try_from("localhost").unwrap();
    let tls = StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp);
    BufReader::new(Stream::Client(Box::new(tls)))
}

fn connect(port: u16, ca: &Path) -> Line {
    secured(clear(port).unwrap(), client_config(ca, None))
}

/// An SMTP session. Every call gives an error where the line is cut, so that a story can kill the daemon.
pub struct Smtp {
    stream: Line,
    /// What the last EHLO was answered.
    pub extensions: String,
}

impl Smtp {
    /// Connects over implicit TLS, reads the greeting, says EHLO.
    pub fn connect(port: u16, ca: &Path) -> Smtp {
        Smtp::try_connect(port, ca).unwrap()
    }

    /// The same, where the server may be away.
    pub fn try_connect(port: u16, ca: &Path) -> std::io::Result<Smtp> {
        let stream = secured(clear(port)?, client_config(ca, None));
        let mut smtp = Smtp { stream, extensions: String::new() };
        smtp.greeted("poste.chu-nord.fr")?;
        Ok(smtp)
    }

    /// Connects as another operator in clear, reads the greeting, says EHLO.
    pub fn in_clear(port: u16) -> std::io::Result<Smtp> {
        let stream = BufReader::new(Stream::Clear(clear(port)?));
        let mut smtp = Smtp { stream, extensions: String::new() };
        smtp.greeted("mail.tiers.fr")?;
        Ok(smtp)
    }

    /// Connects as another operator: STARTTLS, showing `peer`'s certificate or none, then EHLO again.
    pub fn relay(port: u16, ca: &Path, peer: Option<&Peer>) -> std::io::Result<Smtp> {
        Smtp::in_clear(port)?.secured(client_config(ca, peer))
    }

    /// STARTTLS and EHLO again. With TLS 1.3 a server that minds the certificate shows it at the first reply only.
    pub fn secured(mut self, config: Arc<ClientConfig>) -> std::io::Result<Smtp> {
        let (code, text) = self.command("STARTTLS")?;
        let Stream::Clear(tcp) = self.stream.into_inner() else {
            return Err(std::io::Error::other("it is secured already"));
        };
        if code != 220 {
            return Err(std::io::Error::other(text));
        }
        let mut smtp = Smtp { stream: secured(tcp, config), extensions: String::new() };
        smtp.hello("mail.tiers.fr")?;
        Ok(smtp)
    }

    fn greeted(&mut self, name: &str) -> std::io::Result<()> {
        let (code, text) = self.reply()?;
        if code != 220 {
            return Err(std::io::Error::other(text));
        }
        self.hello(name)
    }

    fn hello(&mut self, name: &str) -> std::io::Result<()> {
        let (code, text) = self.command(&format!("EHLO {name}"))?;
        if code != 250 {
            return Err(std::io::Error::other(text));
        }
        self.extensions = text;
        Ok(())
    }

    pub fn login(&mut self, user: &str, password: &str) -> (u16, String) {
        self.try_login(user, password).unwrap()
    }

    /// The same, where the line may break.
    pub fn try_login(&mut self, user: &str, password: &str) -> std::io::Result<(u16, String)> {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0{password}"));
        self.command(&format!("AUTH PLAIN {secret}"))
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    pub fn command(&mut self, line: &str) -> std::io::Result<(u16, String)> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// One reply, all its lines: the code and the text.
    pub fn reply(&mut self) -> std::io::Result<(u16, String)> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            text.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|c| c.parse().ok());
                return code.map(|c| (c, text.clone())).ok_or_else(|| std::io::Error::other(text));
            }
        }
    }

    /// One whole transaction; the reply to the final dot, or the first refusal.
    pub fn submit(&mut self, from: &str, to: &[&str], message: &[u8]) -> std::io::Result<(u16, String)> {
        let mut steps = vec![format!("MAIL FROM:<{from}>")];
        steps.extend(to.iter().map(|r| format!("RCPT TO:<{r}>")));
        for step in &steps {
            let reply = self.command(step)?;
            if reply.0 >= 400 {
                return Ok(reply);
            }
        }
        self.data(message)
    }

    /// DATA and the message; the reply to the final dot, or to DATA if that is a refusal.
    pub fn data(&mut self, message: &[u8]) -> std::io::Result<(u16, String)> {
        let reply = self.command("DATA")?;
        if reply.0 >= 400 {
            return Ok(reply);
        }
        self.send(&stuffed(message))?;
        self.send(b".\r\n")?;
        self.reply()
    }
}

/// Dot-stuffing (RFC 5321 §4.5.2) of a message of CRLF lines.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    let mut line_start = true;
    for &byte in message {
        if line_start && byte == b'.' {
            out.push(b'.');
        }
        out.push(byte);
        line_start = byte == b'\n';
    }
    out
}

/// An IMAP session over implicit TLS.
pub struct Imap {
    stream: Line,
    tag: u32,
}

impl Imap {
    pub fn connect(port: u16, ca: &Path) -> Imap {
        Imap { stream: connect(port, ca), tag: 0 }.greeted()
    }

    fn greeted(mut self) -> Imap {
        let greeting = self.line().unwrap();
        assert!(greeting.starts_with(b"* OK"), "{}", String::from_utf8_lossy(&greeting));
        self
    }

    /// Connects where nothing is encrypted.
    pub fn in_clear(port: u16) -> Imap {
        Imap { stream: BufReader::new(Stream::Clear(clear(port).unwrap())), tag: 0 }.greeted()
    }

    pub fn login(port: u16, ca: &Path, user: &str, password: &str) -> Imap {
        let mut imap = Imap::connect(port, ca);
        imap.ok(&format!("LOGIN \"{user}\" \"{password}\""));
        imap
    }

    /// A line with its CRLF; its literals stay where they stand, their bytes included.
    pub fn line(&mut self) -> std::io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            let start = whole.len();
            if self.stream.read_until(b'\n', &mut whole)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let Some(length) = literal_length(&whole[start..]) else { return Ok(whole) };
            let from = whole.len();
            whole.resize(from + length, 0);
            self.stream.read_exact(&mut whole[from..])?;
        }
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    /// Sends a command; gives the untagged responses and the tagged one, as bytes.
    pub fn command(&mut self, command: &str) -> (Vec<Vec<u8>>, String) {
        let tag = self.begin(command);
        self.finish(&tag)
    }

    /// Sends a command without waiting for its answer; gives its tag.
    pub fn begin(&mut self, command: &str) -> String {
        self.tag += 1;
        let tag = format!("t{} ", self.tag);
        self.send(format!("{tag}{command}\r\n").as_bytes()).unwrap();
        tag
    }

    /// Reads the answer of a command that was begun.
    pub fn finish(&mut self, tag: &str) -> (Vec<Vec<u8>>, String) {
        let mut untagged = Vec::new();
        loop {
            let line = self.line().unwrap();
            if line.starts_with(tag.as_bytes()) {
                return (untagged, String::from_utf8_lossy(&line[tag.len()..]).trim_end().to_owned());
            }
            untagged.push(line);
        }
    }

    /// Begins an APPEND whose message does not wait to be asked for (RFC 7888).
    pub fn begin_append(&mut self, folder: &str, message: &str) -> String {
        self.begin(&format!("APPEND {folder} {{{}+}}\r\n{message}", message.len()))
    }

    /// Puts a message into a folder.
    pub fn append(&mut self, folder: &str, message: &str) {
        let tag = self.begin_append(folder, message);
        let (_, tagged) = self.finish(&tag);
        assert!(tagged.starts_with("OK"), "{tagged}");
    }

    /// Starts IDLE; returns once the server listens. [`Imap::wake`] takes the tag.
    pub fn idle(&mut self) -> String {
        let tag = self.begin("IDLE");
        let answer = self.line().unwrap();
        assert!(answer.starts_with(b"+"), "{}", String::from_utf8_lossy(&answer));
        tag
    }

    /// While idle: the next line that is no sign of life.
    pub fn hear(&mut self) -> String {
        loop {
            let line = String::from_utf8_lossy(&self.line().unwrap()).trim_end().to_owned();
            if !line.starts_with("* OK") {
                return line;
            }
        }
    }

    /// Ends IDLE; gives what was told meanwhile.
    pub fn wake(&mut self, tag: &str) -> String {
        self.send(b"DONE\r\n").unwrap();
        let (untagged, tagged) = self.finish(tag);
        assert!(tagged.starts_with("OK"), "{tagged}");
        String::from_utf8_lossy(&untagged.concat()).into_owned()
    }

    /// Sends a command that must succeed; gives the untagged responses.
    pub fn ok(&mut self, command: &str) -> Vec<Vec<u8>> {
        let (untagged, tagged) = self.command(command);
        assert!(tagged.starts_with("OK"), "{command}: {tagged}");
        untagged
    }

    /// The same as one text.
    pub fn text(&mut self, command: &str) -> String {
        String::from_utf8_lossy(&self.ok(command).concat()).into_owned()
    }

    /// Selects INBOX again and again until it holds `count` messages.
    pub fn wait_for(&mut self, count: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        let wanted = format!("* {count} EXISTS");
        loop {
            let said = self.text("SELECT INBOX");
            if said.contains(&wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "not {count} messages:\n{said}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Opens INBOX for looking; gives how many messages it holds.
    pub fn examine(&mut self) -> u32 {
        let said = self.text("EXAMINE INBOX");
        let exists =
            said.lines().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok());
        exists.unwrap_or_else(|| panic!("{said}"))
    }

    /// The messages of INBOX: Message-ID (without brackets) to the texts found under it.
    pub fn texts(&mut self) -> HashMap<String, Vec<String>> {
        let mut found: HashMap<String, Vec<String>> = HashMap::new();
        for number in 1..=self.examine() {
            let header = String::from_utf8(self.section(number, "HEADER.FIELDS (Message-ID)")).unwrap();
            let id = header.split(['<', '>']).nth(1).unwrap_or_else(|| panic!("no Message-ID: {header}"));
            found
                .entry(id.to_owned())
                .or_default()
                .push(String::from_utf8(self.section(number, "TEXT")).unwrap());
        }
        found
    }

    /// The bytes of one body section of message `number`.
    pub fn section(&mut self, number: u32, section: &str) -> Vec<u8> {
        let lines = self.ok(&format!("FETCH {number} (BODY.PEEK[{section}])"));
        let line = lines.iter().find(|l| l.windows(5).any(|w| w == b"FETCH")).unwrap();
        let end = line.iter().position(|&b| b == b'\n').unwrap() + 1;
        let length = literal_length(&line[..end]).unwrap();
        line[end..end + length].to_vec()
    }
}

/// `{n}` at the end of a line.
fn literal_length(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let open = line.iter().rposition(|&b| b == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}
