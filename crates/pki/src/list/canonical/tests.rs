//! Documents of our own and their canonical forms, each compared with libxml2's when it was written; and what holds for all.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// Each vector: a document, a line `-- canonical --`, its canonical form without the file's last line feed.
const VECTORS: [(&str, &str); 5] = [
    ("namespaces", include_str!("vectors/namespaces.txt")),
    ("attributes", include_str!("vectors/attributes.txt")),
    ("text", include_str!("vectors/text.txt")),
    ("outside", include_str!("vectors/outside.txt")),
    ("list", include_str!("vectors/list.txt")),
];

fn canonical_text(document: &str) -> String {
    String::from_utf8(canonical(document.as_bytes()).unwrap()).unwrap()
}

#[test]
fn documents_have_the_canonical_form_that_others_give_them() {
    for (name, vector) in VECTORS {
        let (document, expected) = vector.split_once("-- canonical --\n").unwrap();
        let expected = expected.strip_suffix('\n').unwrap();
        assert_eq!(canonical_text(document), expected, "{name}");
        // line ends of another system mean the same
        assert_eq!(canonical_text(&document.replace('\n', "\r\n")), expected, "{name}");
    }
}

#[test]
fn carriage_returns_that_are_meant_are_kept() {
    assert_eq!(canonical_text("<a b='&#13;&#10;&#9;'>&#13;\r\n</a>"), "<a b=\"&#xD;&#xA;&#x9;\">&#xD;\n</a>");
}

#[test]
fn an_ampersand_in_a_namespace_is_escaped() {
    // libxml2 writes it bare, which is no document; Canonical XML 1.0 §2.3 writes namespaces as attributes
    assert_eq!(canonical_text("<a xmlns='urn:b?c&amp;d'/>"), "<a xmlns=\"urn:b?c&amp;d\"></a>");
}

#[test]
fn pieces_of_any_size_have_the_digest_of_the_whole() {
    let mut pieces = Digest::new();
    let mut whole = Vec::new();
    for size in [0, 1, 100, GATHER - 101, 1, GATHER, GATHER + 1, 3 * GATHER, 7] {
        let piece = vec![b'x'; size];
        pieces.write(&piece);
        whole.write(&piece);
    }
    assert_eq!(pieces.finish().as_ref(), digest::digest(&digest::SHA256, &whole).as_ref());
}

/// An element with what it holds, in one of the ways to write it.
fn element() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "p:a", "q:b"]);
    let declaration = prop::sample::select(vec![
        "",
        " xmlns='urn:1'",
        " xmlns=''",
        " xmlns:p='urn:1'",
        " xmlns:q=\"urn:2\"\n xmlns:p = 'urn:3'",
    ]);
    let attribute = prop::sample::select(vec![
        "",
        " x='1'",
        " p:x=\"&#9;\"",
        " q:x='\"' p:y='&lt;&amp;'",
        " y='\n' x='&#xA;'",
        " xml:lang='fr'",
    ]);
    let text = prop::sample::select(vec![
        "t",
        "&amp;&lt;",
        "<![CDATA[<&>]]>",
        "<!-- c -->",
        "\r\n",
        "&#13;",
        "<?p d ?>",
        "é",
        ">",
        "",
    ]);
    let leaf = (name.clone(), declaration.clone(), attribute.clone())
        .prop_map(|(name, declaration, attribute)| format!("<{name}{declaration}{attribute}/>"));
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let children = prop::collection::vec(prop_oneof![inner, text.clone().prop_map(str::to_owned)], 0..4);
        (name.clone(), declaration.clone(), attribute.clone(), children).prop_map(
            |(name, declaration, attribute, children)| {
                format!("<{name}{declaration}{attribute}>{}</{name}>", children.concat())
            },
        )
    })
}

proptest! {
    #[test]
    fn a_canonical_form_is_its_own(element in element()) {
        let document = format!("<root xmlns:p='urn:p' xmlns:q='urn:q'>{element}</root>");
        let once = canonical(document.as_bytes()).unwrap();
        prop_assert_eq!(&canonical(&once).unwrap(), &once);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[<>/=?!&;#x'\" a:\\[\\]\\-]{0,60}") {
        let _ = canonical(&bytes);
        let _ = canonical(text.as_bytes());
        let _ = canonical(format!("<a>{text}</a>").as_bytes());
    }
}
