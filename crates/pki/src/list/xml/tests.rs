//! What is read, what is refused. May use the reader.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

fn all(text: &str) -> Result<Vec<Event<'_>>, XmlFault> {
    read(text.as_bytes())
}

fn read(bytes: &[u8]) -> Result<Vec<Event<'_>>, XmlFault> {
    let mut document = Document::new(bytes)?;
    let mut events = Vec::new();
    while let Some(event) = document.next()? {
        events.push(event);
    }
    Ok(events)
}

/// The character data of the whole document.
fn text(source: &str) -> String {
    let events = all(source).unwrap();
    events.iter().map(|event| if let Event::Text(text) = event { text.as_ref() } else { "" }).collect()
}

fn attribute(source: &str) -> String {
    match all(source).unwrap().swap_remove(0) {
        Event::Start(mut start) => start.attributes.remove(0).value.into_owned(),
        other => panic!("{other:?}"),
    }
}

fn what(source: &str) -> &'static str {
    match all(source) {
        Err(XmlFault::Malformed { what, .. }) => what,
        other => panic!("{source:?} gives {other:?}"),
    }
}

#[test]
fn references_stand_for_characters_and_line_ends_are_line_feeds() {
    assert_eq!(text("<a>&amp;&lt;&gt;&apos;&quot;&#233;&#xe9;&#x1F600;</a>"), "&<>'\"éé😀");
    assert_eq!(text("<a>1\r\n2\r3\n4&#13;\n5&#xD;&#xA;</a>"), "1\n2\n3\n4\r\n5\r\n");
    assert_eq!(text("<a><![CDATA[<b>&amp;\r\n]] >]]>c<!-- d -->e<?f g?>h</a>"), "<b>&amp;\n]] >ceh");
}

#[test]
fn white_space_of_attributes_is_spaces_but_for_references() {
    assert_eq!(attribute("<a b='1\t2\n3\r\n4\r5'/>"), "1 2 3 4 5");
    assert_eq!(attribute("<a b = '&#9;&#10;&#13;&lt;\"'/>"), "\t\n\r<\"");
    assert_eq!(attribute("<a\n\tb=\">'>/\"\r/>"), ">'>/");
}

#[test]
fn names_have_the_namespaces_in_force() {
    let source =
        "<a xmlns='urn:1' xmlns:p='urn:2' x='' p:x=''><p:b xmlns='' xml:lang='fr'><c/></p:b><d/></a>";
    let names: Vec<_> = all(source)
        .unwrap()
        .into_iter()
        .filter_map(|event| if let Event::Start(start) = event { Some(start) } else { None })
        .flat_map(|start| [start.name].into_iter().chain(start.attributes.into_iter().map(|one| one.name)))
        .map(|name| format!("{{{}}}{}", name.namespace, name.local))
        .collect();
    let xml = format!("{{{}}}lang", names::XML);
    assert_eq!(names, ["{urn:1}a", "{}x", "{urn:2}x", "{urn:2}b", &xml, "{}c", "{urn:1}d"]);
}

#[test]
fn a_mark_of_octet_order_and_a_declaration_may_come_first() {
    for start in [
        "\u{FEFF}",
        "<?xml version='1.0'?>",
        "\u{FEFF}<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\" ?>\r\n",
    ] {
        assert_eq!(all(&format!("{start}<a/>")).unwrap().len(), 2, "{start:?}");
    }
    assert_eq!(all("<?xml version='1.1'?><a/>"), Err(XmlFault::Version));
    assert_eq!(all("<?xml encoding='UTF-8'?><a/>"), Err(XmlFault::Version));
    assert_eq!(all("<?xml version='1.0' encoding='ISO-8859-1'?><a/>"), Err(XmlFault::Encoding));
    assert_eq!(what("<?xml version='1.0' standalone='maybe'?><a/>"), "the XML declaration");
    assert_eq!(what("<?xml version='1.0' b='c'?><a/>"), "the XML declaration");
    assert_eq!(what(" <?xml version='1.0'?><a/>"), "an XML declaration stands where none may");
    assert_eq!(what("<a><?xml version='1.0'?></a>"), "an XML declaration stands where none may");
    assert_eq!(what("<a><?XML version='1.0'?></a>"), "the name of a processing instruction");
}

#[test]
fn no_document_type_and_no_entity() {
    for source in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    ] {
        assert_eq!(all(source), Err(XmlFault::DocType), "{source}");
    }
    for source in ["<a>&b;</a>", "<a b='&c;'/>", "<a>&AMP;</a>", "<a>& amp;</a>"] {
        assert!(matches!(all(source), Err(XmlFault::Entity { .. })), "{source}");
    }
}

#[test]
fn a_document_that_is_cut_off_is_said_to_be() {
    let whole = "<?xml version=\"1.0\"?><a b='c' d=\"é\"><!-- e --><f>g&amp;h</f><![CDATA[i]]><?j k?></a>";
    assert!(all(whole).is_ok());
    for end in 0..whole.len() {
        assert_eq!(read(&whole.as_bytes()[..end]), Err(XmlFault::Truncated), "{end}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for (source, why) in [
        ("<a>]]></a>", "\"]]>\" stands in text"),
        ("<a/><b/>", "a second root element"),
        ("<a/>b", "text stands outside the root element"),
        ("b<a/>", "text stands outside the root element"),
        ("<a/>&#32;", "a reference stands outside the root element"),
        ("<![CDATA[ ]]><a/>", "a CDATA section stands outside the root element"),
        ("<a b='1'c='2'/>", "attributes that no white space sets apart"),
        ("<a b='1' b='2'/>", "an attribute that stands twice"),
        ("<a xmlns:p='urn:1' xmlns:q='urn:1' p:b='1' q:b='2'/>", "an attribute that stands twice"),
        ("<a xmlns='urn:1' xmlns='urn:2'/>", "a namespace that is declared twice"),
        ("<a b/>", "an attribute without a value"),
        ("<a b=c/>", "an attribute's value without quotes"),
        ("<a b='<'/>", "\"<\" stands in an attribute's value"),
        ("<a b='&amp'/>", "an open reference"),
        ("<1a/>", "a name"),
        ("<a:/>", "a name"),
        ("<:a/>", "a name"),
        ("<a:b:c/>", "a name"),
        ("< a/>", "a name"),
        ("<a>&#0;</a>", "a reference to no character"),
        ("<a>&#xD800;</a>", "a reference to no character"),
        ("<a>&#x110000;</a>", "a reference to no character"),
        ("<a>&#+65;</a>", "a reference to no character"),
        ("<a>&#;</a>", "a reference to no character"),
        ("<a>&#XFF;</a>", "a reference to no character"),
        ("<a></b>", "tags that do not match, or an open reference or comment"),
        ("</a>", "tags that do not match, or an open reference or comment"),
        ("<a>&amp</a>", "tags that do not match, or an open reference or comment"),
        ("<a><!-- -- --></a>", "tags that do not match, or an open reference or comment"),
        ("<a><!b></a>", "unknown markup after <!"),
        ("<a><? b?></a>", "the name of a processing instruction"),
        ("<a><?b:c d?></a>", "the name of a processing instruction"),
    ] {
        assert_eq!(what(source), why, "{source}");
    }
}

#[test]
fn prefixes_must_be_bound_and_bindings_be_sane() {
    for source in [
        "<p:a/>",
        "<a p:b=''/>",
        "<a><b xmlns:p='urn:1'/><p:c/></a>",
        "<a xmlns:p=''/>",
        "<a xmlns='relative'/>",
        "<a xmlns:p='../relative:not'/>",
        "<a xmlns:xml='urn:1'/>",
        "<a xmlns:xmlns='urn:1'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<xmlns:a/>",
    ] {
        assert!(matches!(all(source), Err(XmlFault::Namespace { .. })), "{source}: {:?}", all(source));
    }
    assert!(all("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:b=''/>").is_ok());
}

#[test]
fn characters_that_no_document_may_hold_are_refused() {
    for (character, code) in
        [('\0', 0), ('\u{B}', 0xB), ('\u{1F}', 0x1F), ('\u{FFFE}', 0xFFFE), ('\u{FFFF}', 0xFFFF)]
    {
        assert_eq!(all(&format!("<a>{character}</a>")), Err(XmlFault::Character(code)));
    }
    assert_eq!(read(b"<a>\xE9</a>"), Err(XmlFault::Encoding));
    assert_eq!(read(b"\xFF\xFE<\0a\0/\0>\0"), Err(XmlFault::Encoding));
}

#[test]
fn depth_and_attributes_have_limits() {
    let deep = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert_eq!(all(&deep(MAX_DEPTH)).unwrap().len(), 2 * MAX_DEPTH);
    assert_eq!(all(&deep(MAX_DEPTH + 1)), Err(XmlFault::TooDeep));
    let wide = |count| format!("<a{}/>", (0..count).map(|n| format!(" a{n}=''")).collect::<String>());
    assert!(all(&wide(MAX_ATTRIBUTES)).is_ok());
    assert!(matches!(all(&wide(MAX_ATTRIBUTES + 1)), Err(XmlFault::TooManyAttributes { .. })));
}
