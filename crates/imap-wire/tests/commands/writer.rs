//! Commands back to the wire (RFC 3501 §9), as a client would write them: what the grammar reads of it must be the same command.
//! Used by the tests of this crate and by the fuzz target of the grammar. May use the public face of the crate only.

use imap_wire::{
    Names,
    command::{
        AclCommand, Bound, Command, ConnectionCommand, FetchItem, Flag, ListArgs, MailboxName, Messages,
        Numbering, Partial, SearchKey, SectionFetch, SelectParams, SelectedCommand, SequenceSet,
        SessionCommand, StatusItem, StoreMode, Tagged,
    },
    encode,
};
use jiff::civil::Date;

/// The command without its last line end.
pub(crate) fn write(tagged: &Tagged, names: Names) -> Vec<u8> {
    let mut writer = Writer { out: format!("{} ", tagged.tag).into_bytes(), names };
    match &tagged.command {
        Command::Idle => writer.raw("IDLE"),
        Command::Connection(command) => writer.connection(command),
        Command::Session(command) => writer.session(command),
    }
    writer.out
}

struct Writer {
    out: Vec<u8>,
    names: Names,
}

impl Writer {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &[u8]) {
        encode::string(&mut self.out, text);
    }

    fn mailbox(&mut self, name: &MailboxName) {
        encode::mailbox(&mut self.out, name.as_str(), self.names);
    }

    /// A word and a mailbox.
    fn on(&mut self, word: &str, mailbox: &MailboxName) {
        self.raw(word);
        self.mailbox(mailbox);
    }

    /// Items between parentheses.
    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.raw("(");
        self.spaced(items, &mut write);
        self.raw(")");
    }

    fn spaced<T>(&mut self, items: &[T], write: &mut impl FnMut(&mut Self, &T)) {
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.raw(" ");
            }
            write(self, item);
        }
    }

    fn connection(&mut self, command: &ConnectionCommand) {
        match command {
            ConnectionCommand::Capability => self.raw("CAPABILITY"),
            ConnectionCommand::Logout => self.raw("LOGOUT"),
            ConnectionCommand::StartTls => self.raw("STARTTLS"),
            ConnectionCommand::Id(pairs) if pairs.is_empty() => self.raw("ID NIL"),
            ConnectionCommand::Id(pairs) => {
                self.raw("ID ");
                self.list(pairs, |writer, (field, value)| {
                    writer.string(field.as_bytes());
                    writer.raw(" ");
                    encode::nstring(&mut writer.out, value.as_ref().map(String::as_bytes));
                });
            }
            ConnectionCommand::Authenticate { mechanism, initial } => {
                self.raw(&format!("AUTHENTICATE {mechanism}"));
                if let Some(initial) = initial {
                    self.raw(" ");
                    self.out.extend_from_slice(initial.bytes());
                }
            }
            ConnectionCommand::Login { user, password } => {
                self.raw("LOGIN ");
                self.string(user.as_bytes());
                self.raw(" ");
                self.string(password.bytes());
            }
        }
    }

    fn session(&mut self, command: &SessionCommand) {
        match command {
            SessionCommand::Noop => self.raw("NOOP"),
            SessionCommand::Enable(words) => self.raw(&format!("ENABLE {}", words.join(" "))),
            SessionCommand::Namespace => self.raw("NAMESPACE"),
            SessionCommand::Select { mailbox, params } => self.open("SELECT ", mailbox, params),
            SessionCommand::Examine { mailbox, params } => self.open("EXAMINE ", mailbox, params),
            SessionCommand::Delete(mailbox) => self.on("DELETE ", mailbox),
            SessionCommand::Subscribe(mailbox) => self.on("SUBSCRIBE ", mailbox),
            SessionCommand::Unsubscribe(mailbox) => self.on("UNSUBSCRIBE ", mailbox),
            SessionCommand::Create { mailbox, written, special_use } => {
                self.raw("CREATE ");
                self.called(mailbox, written.as_deref());
                if !special_use.is_empty() {
                    self.raw(" (USE ");
                    self.list(special_use, |writer, attribute| {
                        writer.raw(encode::special_use_text(*attribute));
                    });
                    self.raw(")");
                }
            }
            SessionCommand::Rename { from, to } => {
                self.on("RENAME ", from);
                self.on(" ", to);
            }
            SessionCommand::List(args) => self.list_command(args),
            SessionCommand::Lsub { reference, pattern } => {
                self.raw("LSUB ");
                self.pattern(reference);
                self.raw(" ");
                self.pattern(pattern);
            }
            SessionCommand::Status { mailbox, items } => {
                self.on("STATUS ", mailbox);
                self.raw(" ");
                self.list(items, |writer, item| writer.raw(status_item(*item)));
            }
            SessionCommand::GetQuota(root) => {
                self.raw("GETQUOTA ");
                self.string(root.as_bytes());
            }
            SessionCommand::GetQuotaRoot(mailbox) => self.on("GETQUOTAROOT ", mailbox),
            SessionCommand::SetQuota => self.raw("SETQUOTA \"\" ()"),
            SessionCommand::MyRights(mailbox) => self.on("MYRIGHTS ", mailbox),
            SessionCommand::Acl { command, mailbox } => {
                self.on(&format!("{} ", command.name()), mailbox);
                self.raw(match command {
                    AclCommand::SetAcl => " anne lr",
                    AclCommand::DeleteAcl | AclCommand::ListRights => " anne",
                    AclCommand::GetAcl => "",
                });
            }
            SessionCommand::Selected(command) => self.selected(command),
        }
    }

    /// A name as the client wrote it.
    fn called(&mut self, mailbox: &MailboxName, written: Option<&str>) {
        match written {
            Some(name) => encode::mailbox(&mut self.out, name, self.names),
            None => self.mailbox(mailbox),
        }
    }

    fn open(&mut self, word: &str, mailbox: &MailboxName, params: &SelectParams) {
        self.raw(word);
        self.called(mailbox, params.written.as_deref());
        let mut words = Vec::new();
        if params.condstore {
            words.push("CONDSTORE".to_owned());
        }
        if let Some(known) = &params.qresync {
            let mut word = format!("QRESYNC ({} {}", known.uid_validity, known.modseq);
            if let Some(uids) = &known.known_uids {
                word.push_str(&format!(" {}", set_text(uids)));
            }
            if let Some((numbers, uids)) = &known.sequence_match {
                word.push_str(&format!(" ({} {})", set_text(numbers), set_text(uids)));
            }
            words.push(format!("{word})"));
        }
        if !words.is_empty() {
            self.raw(&format!(" ({})", words.join(" ")));
        }
    }

    /// A reference or a pattern, always between quotes or as a literal.
    fn pattern(&mut self, pattern: &str) {
        match self.names {
            Names::Utf7 => self.string(imap_wire::mutf7::encode(pattern).as_bytes()),
            Names::Utf8 | Names::Utf8Accept => encode::utf8_string(&mut self.out, pattern),
        }
    }

    fn list_command(&mut self, args: &ListArgs) {
        self.raw("LIST ");
        let select = [
            (args.select.subscribed, "SUBSCRIBED"),
            (args.select.remote, "REMOTE"),
            (args.select.recursive_match, "RECURSIVEMATCH"),
            (args.select.special_use, "SPECIAL-USE"),
        ];
        let words = given(&select);
        if !words.is_empty() {
            self.list(&words, |writer, word| writer.raw(word));
            self.raw(" ");
        }
        self.pattern(&args.reference);
        self.raw(" ");
        match args.patterns.as_slice() {
            [pattern] => self.pattern(pattern),
            patterns => self.list(patterns, |writer, pattern| writer.pattern(pattern)),
        }
        let Some(returns) = &args.returns else { return };
        let options = [
            (returns.subscribed, "SUBSCRIBED"),
            (returns.children, "CHILDREN"),
            (returns.special_use, "SPECIAL-USE"),
        ];
        let mut words: Vec<String> = given(&options).into_iter().map(str::to_owned).collect();
        if !returns.status.is_empty() {
            let items: Vec<&str> = returns.status.iter().map(|item| status_item(*item)).collect();
            words.push(format!("STATUS ({})", items.join(" ")));
        }
        self.raw(" RETURN ");
        self.list(&words, |writer, word| writer.raw(word));
    }

    fn selected(&mut self, command: &SelectedCommand) {
        match command {
            SelectedCommand::Check => self.raw("CHECK"),
            SelectedCommand::Close => self.raw("CLOSE"),
            SelectedCommand::Unselect => self.raw("UNSELECT"),
            SelectedCommand::Expunge(None) => self.raw("EXPUNGE"),
            SelectedCommand::Expunge(Some(uids)) => {
                self.raw("UID EXPUNGE ");
                self.set(uids);
            }
            SelectedCommand::Search { numbering, returns, key } => {
                self.numbered(*numbering, "SEARCH ");
                if let Some(returns) = returns {
                    let options = [
                        (returns.min, "MIN"),
                        (returns.max, "MAX"),
                        (returns.all, "ALL"),
                        (returns.count, "COUNT"),
                        (returns.save, "SAVE"),
                    ];
                    self.raw(&format!("RETURN ({}) ", given(&options).join(" ")));
                }
                match key {
                    SearchKey::And(keys) if !is_new(keys) => self.spaced(keys, &mut Self::key),
                    key => self.key(key),
                }
            }
            SelectedCommand::Fetch { messages, items, changed_since, vanished } => {
                self.messages("FETCH ", messages);
                self.raw(" ");
                self.list(items, Self::item);
                if let Some(modseq) = changed_since {
                    let vanished = if *vanished { " VANISHED" } else { "" };
                    self.raw(&format!(" (CHANGEDSINCE {modseq}{vanished})"));
                }
            }
            SelectedCommand::Store { messages, unchanged_since, mode, silent, flags } => {
                self.messages("STORE ", messages);
                if let Some(modseq) = unchanged_since {
                    self.raw(&format!(" (UNCHANGEDSINCE {modseq})"));
                }
                self.raw(match mode {
                    StoreMode::Replace => " FLAGS",
                    StoreMode::Add => " +FLAGS",
                    StoreMode::Remove => " -FLAGS",
                });
                self.raw(if *silent { ".SILENT " } else { " " });
                self.list(flags, |writer, flag| writer.raw(encode::flag_text(flag)));
            }
            SelectedCommand::Copy { messages, to } => {
                self.messages("COPY ", messages);
                self.on(" ", to);
            }
            SelectedCommand::Move { messages, to } => {
                self.messages("MOVE ", messages);
                self.on(" ", to);
            }
        }
    }

    fn numbered(&mut self, numbering: Numbering, word: &str) {
        if numbering == Numbering::Uid {
            self.raw("UID ");
        }
        self.raw(word);
    }

    fn messages(&mut self, word: &str, messages: &Messages) {
        self.numbered(messages.numbering, word);
        self.set(&messages.set);
    }

    fn set(&mut self, set: &SequenceSet) {
        self.raw(&set_text(set));
    }

    fn item(&mut self, item: &FetchItem) {
        match item {
            FetchItem::Uid => self.raw("UID"),
            FetchItem::Flags => self.raw("FLAGS"),
            FetchItem::InternalDate => self.raw("INTERNALDATE"),
            FetchItem::ModSeq => self.raw("MODSEQ"),
            FetchItem::SaveDate => self.raw("SAVEDATE"),
            FetchItem::Size => self.raw("RFC822.SIZE"),
            FetchItem::Envelope => self.raw("ENVELOPE"),
            FetchItem::Body => self.raw("BODY"),
            FetchItem::BodyStructure => self.raw("BODYSTRUCTURE"),
            FetchItem::Section(fetch) => self.section(fetch),
            FetchItem::Binary(fetch) => {
                let peek = if fetch.peek { ".PEEK" } else { "" };
                self.raw(&format!("BINARY{peek}[{}]", dotted(&fetch.path)));
                self.partial(fetch.partial);
            }
            FetchItem::BinarySize(path) => self.raw(&format!("BINARY.SIZE[{}]", dotted(path))),
        }
    }

    /// As the answer calls it, but for PEEK and the length of the range.
    fn section(&mut self, fetch: &SectionFetch) {
        let mut label = Vec::new();
        encode::section_label(&mut label, &SectionFetch { partial: None, ..fetch.clone() });
        match label.strip_prefix(b"BODY[") {
            Some(rest) if fetch.peek => {
                self.raw("BODY.PEEK[");
                self.out.extend_from_slice(rest);
            }
            _ => self.out.extend_from_slice(&label),
        }
        self.partial(fetch.partial);
    }

    fn partial(&mut self, partial: Option<Partial>) {
        if let Some(partial) = partial {
            self.raw(&format!("<{}.{}>", partial.origin, partial.length));
        }
    }

    fn key(&mut self, key: &SearchKey) {
        match key {
            SearchKey::All => self.raw("ALL"),
            SearchKey::And(keys) if is_new(keys) => self.raw("NEW"),
            SearchKey::And(keys) => self.list(keys, Self::key),
            SearchKey::Or(one, other) => {
                self.raw("OR ");
                self.key(one);
                self.raw(" ");
                self.key(other);
            }
            SearchKey::Not(key) if **key == SearchKey::Recent => self.raw("OLD"),
            SearchKey::Not(key) => {
                self.raw("NOT ");
                self.key(key);
            }
            SearchKey::Sequence(set) => self.set(set),
            SearchKey::Uid(set) => {
                self.raw("UID ");
                self.set(set);
            }
            SearchKey::Has(flag) => self.flag_key("", flag),
            SearchKey::Lacks(flag) => self.flag_key("UN", flag),
            SearchKey::Recent => self.raw("RECENT"),
            SearchKey::Before(day) => self.day_key("BEFORE", *day),
            SearchKey::On(day) => self.day_key("ON", *day),
            SearchKey::Since(day) => self.day_key("SINCE", *day),
            SearchKey::SentBefore(day) => self.day_key("SENTBEFORE", *day),
            SearchKey::SentOn(day) => self.day_key("SENTON", *day),
            SearchKey::SentSince(day) => self.day_key("SENTSINCE", *day),
            SearchKey::SavedBefore(day) => self.day_key("SAVEDBEFORE", *day),
            SearchKey::SavedOn(day) => self.day_key("SAVEDON", *day),
            SearchKey::SavedSince(day) => self.day_key("SAVEDSINCE", *day),
            SearchKey::SaveDateSupported => self.raw("SAVEDATESUPPORTED"),
            SearchKey::Older(seconds) => self.raw(&format!("OLDER {seconds}")),
            SearchKey::Younger(seconds) => self.raw(&format!("YOUNGER {seconds}")),
            SearchKey::ModSeq(modseq) => self.raw(&format!("MODSEQ {modseq}")),
            SearchKey::Larger(size) => self.raw(&format!("LARGER {size}")),
            SearchKey::Smaller(size) => self.raw(&format!("SMALLER {size}")),
            SearchKey::Header(field, text) => {
                self.raw("HEADER ");
                self.string(field.as_bytes());
                self.raw(" ");
                self.string(text.as_str().as_bytes());
            }
            SearchKey::Body(text) => {
                self.raw("BODY ");
                self.string(text.as_str().as_bytes());
            }
            SearchKey::Text(text) => {
                self.raw("TEXT ");
                self.string(text.as_str().as_bytes());
            }
        }
    }

    fn flag_key(&mut self, un: &str, flag: &Flag) {
        match flag {
            Flag::Keyword(keyword) => self.raw(&format!("{un}KEYWORD {keyword}")),
            flag => {
                let name = encode::flag_text(flag).trim_start_matches('\\').to_ascii_uppercase();
                self.raw(&format!("{un}{name}"));
            }
        }
    }

    fn day_key(&mut self, word: &str, day: Date) {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = MONTHS[usize::try_from(day.month()).unwrap_or(1) - 1];
        self.raw(&format!("{word} {}-{month}-{:04}", day.day(), day.year()));
    }
}

fn set_text(set: &SequenceSet) -> String {
    if set.is_saved() {
        return "$".to_owned();
    }
    let bound = |bound: Bound| match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Largest => "*".to_owned(),
    };
    let ranges = set.ranges().iter().map(|(from, to)| match from == to {
        true => bound(*from),
        false => format!("{}:{}", bound(*from), bound(*to)),
    });
    ranges.collect::<Vec<_>>().join(",")
}

fn dotted(path: &[u16]) -> String {
    path.iter().map(u16::to_string).collect::<Vec<_>>().join(".")
}

fn given(options: &[(bool, &'static str)]) -> Vec<&'static str> {
    options.iter().filter(|(is_given, _)| *is_given).map(|(_, word)| *word).collect()
}

/// What NEW stands for.
fn is_new(keys: &[SearchKey]) -> bool {
    matches!(keys, [SearchKey::Recent, SearchKey::Lacks(Flag::Seen)])
}

fn status_item(item: StatusItem) -> &'static str {
    match item {
        StatusItem::Messages => "MESSAGES",
        StatusItem::Recent => "RECENT",
        StatusItem::UidNext => "UIDNEXT",
        StatusItem::UidValidity => "UIDVALIDITY",
        StatusItem::Unseen => "UNSEEN",
        StatusItem::Size => "SIZE",
        StatusItem::Deleted => "DELETED",
        StatusItem::DeletedStorage => "DELETED-STORAGE",
        StatusItem::HighestModSeq => "HIGHESTMODSEQ",
        StatusItem::AppendLimit => "APPENDLIMIT",
    }
}
