"""A tour of an IMAP server with Python's imaplib: python3 tour.py PORT CA USER PASSWORD.

Ends with an assertion's traceback at the first answer that is not what the RFCs say."""

import email.message
import functools
import imaplib
import ssl
import sys

PORT, CA, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
FOLDER = "Tourn&AOk-e"


def connect():
    context = ssl.create_default_context(cafile=CA)
    imap = imaplib.IMAP4_SSL("localhost", PORT, ssl_context=context, timeout=60)
    assert "AUTH=PLAIN" in imap.capabilities, imap.capabilities
    return imap


def log_in():
    imap = connect()
    imap.login(USER, PASSWORD)
    return imap


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


@functools.cache
def note(subject, text):
    """A message; the same words give the same bytes."""
    message = email.message.EmailMessage()
    message["From"] = message["To"] = USER
    message["Subject"] = subject
    message["Message-ID"] = f"<tour-{abs(hash(subject))}@poste>"
    message.set_content(text)
    message.add_attachment(bytes(range(256)) * 20, maintype="application", subtype="octet-stream", filename="courbe.bin")
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def logins():
    imap = connect()
    try:
        imap.login(USER, "wrong")
        raise AssertionError("a wrong password opens")
    except imap.error as error:
        assert "AUTHENTICATIONFAILED" in str(error), error
    ok(imap.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode()))
    kind, _ = imap.logout()
    assert kind == "BYE"
    with imaplib.IMAP4_SSL("localhost", PORT, ssl_context=ssl.create_default_context(cafile=CA), timeout=60) as imap:
        try:
            imap.authenticate("CRAM-MD5", lambda _: b"")
            raise AssertionError("CRAM-MD5 opens")
        except imap.error:
            pass


def folders(imap):
    ok(imap.create(FOLDER))
    ok(imap.subscribe(FOLDER))
    listed = ok(imap.list())
    assert any(FOLDER.encode() in line for line in listed), listed
    assert any(b"\\Sent" in line for line in listed), listed
    assert len(ok(imap.lsub('""', FOLDER))) == 1
    assert b'"/"' in ok(imap.namespace())[0]
    ok(imap.create(FOLDER + "/Dedans"))
    ok(imap.rename(FOLDER, "Ailleurs"))
    listed = ok(imap.list('""', "Ailleurs*"))
    assert len(listed) == 2, listed
    ok(imap.rename("Ailleurs", FOLDER))
    ok(imap.delete(FOLDER + "/Dedans"))
    kind, _ = imap.create("INBOX")
    assert kind == "NO", "INBOX cannot be created"


def append(imap):
    when = imaplib.Time2Internaldate(1_790_000_000)
    for number in range(5):
        ok(imap.append(FOLDER, r"(\Seen $Tour)" if number == 0 else None, when, note(f"étape {number}", f"pas {number}\n")))
    status = ok(imap.status(FOLDER, "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))[0]
    assert b"MESSAGES 5" in status and b"UNSEEN 4" in status, status
    kind, data = imap.append("Absente", None, None, note("rien", "rien\n"))
    assert kind == "NO" and b"TRYCREATE" in data[0], data


def read(imap):
    assert ok(imap.select(FOLDER)) == [b"5"]
    assert imap.response("UIDVALIDITY")[1][0]
    whole = ok(imap.fetch("2", "(RFC822)"))[0][1]
    assert whole == note("étape 1", "pas 1\n"), "every byte comes back"
    head = ok(imap.fetch("3", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1]
    assert head.startswith(b"Subject:") and head.endswith(b"\r\n\r\n"), head
    part = ok(imap.fetch("3", "(BODY.PEEK[1])"))[0][1]
    assert part == b"pas 2\r\n", part
    piece = ok(imap.fetch("3", "(BODY.PEEK[]<10.20>)"))[0]
    assert piece[0].endswith(b"BODY[]<10> {20}") and piece[1] == note("étape 2", "pas 2\n")[10:30], piece
    shape = ok(imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
    assert len(shape) == 5 and all(b"courbe.bin" in line for line in shape), shape
    assert b"\\Seen" in ok(imap.fetch("2", "(FLAGS)"))[0], "RFC822 sets \\Seen"
    assert b"\\Seen" not in ok(imap.fetch("3", "(FLAGS)"))[0], "PEEK does not"
    try:
        imap.fetch("99", "(FLAGS)")
        raise AssertionError("a message that is not there was fetched")
    except imap.error as error:
        assert "BAD" in str(error), error


def search(imap):
    assert ok(imap.search(None, "ALL")) == [b"1 2 3 4 5"]
    assert ok(imap.search(None, "SEEN", "KEYWORD", "$Tour")) == [b"1"]
    imap.literal = "ÉTAPE 3".encode()
    assert ok(imap.search("UTF-8", "SUBJECT")) == [b"4"]
    imap.literal = "pas 4".encode()
    assert ok(imap.uid("SEARCH", "CHARSET", "UTF-8", "BODY")) == [b"5"]
    assert ok(imap.search(None, "OR", "LARGER", "10000000", "NOT", "SINCE", "1-Jan-2026")) in ([b""], [None])


def change(imap):
    changed = ok(imap.store("1:2", "+FLAGS", r"(\Flagged)"))
    assert len(changed) == 2 and all(b"\\Flagged" in line for line in changed), changed
    ok(imap.store("1", "-FLAGS.SILENT", r"(\Flagged)"))
    ok(imap.store("1", "FLAGS", r"($Autre)"))
    ok(imap.copy("1:2", "Trash"))
    assert imap.response("COPYUID")[1][0]
    ok(imap.uid("MOVE", "3", "Trash"))
    assert imap.response("EXPUNGE")[1] == [b"3"]
    assert b"MESSAGES 3" in ok(imap.status("Trash", "(MESSAGES)"))[0]
    ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
    assert ok(imap.expunge()) == [b"1"]
    ok(imap.uid("STORE", "4:5", "+FLAGS.SILENT", r"(\Deleted)"))
    assert ok(imap.uid("EXPUNGE", "4")) is not None
    assert ok(imap.uid("SEARCH", "ALL")) == [b"2 5"]
    ok(imap.check())
    ok(imap.close())
    assert ok(imap.select(FOLDER, readonly=True)) == [b"1"], "CLOSE expunges"
    kind, _ = imap.store("1", "+FLAGS", r"(\Deleted)")
    assert kind == "NO", "EXAMINE lets nothing be changed"
    ok(imap.unselect())


def wait(imap):
    """IDLE by hand: imaplib of this age has no word for it."""
    ok(imap.select(FOLDER))
    tag = imap._new_tag()
    imap.send(tag + b" IDLE\r\n")
    assert imap.readline().startswith(b"+")
    other = log_in()
    ok(other.append(FOLDER, None, None, note("appel", "allô\n")))
    line = imap.readline()
    while line.startswith(b"* OK"):
        line = imap.readline()
    assert line == b"* 2 EXISTS\r\n", line
    imap.send(b"DONE\r\n")
    while not line.startswith(tag):
        line = imap.readline()
    assert b" OK " in line, line
    ok(imap.noop())
    other.logout()


logins()
tour = log_in()
for step in (folders, append, read, search, change, wait):
    step(tour)
    print(step.__name__)
assert tour.logout()[0] == "BYE"
print("the tour is over")
