//! What is fetched for the trust space, from where and by which way (M-1, M-4): the keys of `[trust]` that speak of it.
//!
//! Data and its reading. Must never ask a host: whether one answers is seen when the daemon runs.

use std::{path::PathBuf, time::Duration};

use fetch::{Proxy, Url};

use super::{pass::Pass, raw::Value, values::Item};

/// What the daemon fetches for the trust space.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fetching {
    /// Where the white list is; none where it comes from a file alone.
    pub(crate) list_url: Option<Url>,
    /// The authorities of the list's host; those of the trust space unless others are written.
    pub(crate) list_anchors: Option<PathBuf>,
    /// How often the list is asked for.
    pub(crate) list_refresh: Duration,
    /// Whether revocation lists are fetched.
    pub(crate) crls: bool,
    /// Where some are, beside what certificates say.
    pub(crate) crl_urls: Vec<Url>,
    /// How often they are asked for.
    pub(crate) crl_refresh: Duration,
    /// The way out, where there is one.
    pub(crate) proxy: Option<Proxy>,
}

impl Pass<'_> {
    /// The keys of `[trust]` about fetching.
    pub(super) fn fetching(&mut self) -> Fetching {
        self.refuse_ocsp();
        Fetching {
            list_url: self.list_url(),
            list_anchors: self.optional_path("trust", "list_anchors"),
            list_refresh: self.waiting("trust", "list_refresh"),
            crls: self.choice(("trust", "crl_fetch"), false, &[("on", true), ("off", false)]),
            crl_urls: self.crl_urls(),
            crl_refresh: self.waiting("trust", "crl_refresh"),
            proxy: self.proxy(),
        }
    }

    fn list_url(&mut self) -> Option<Url> {
        let item = self.item("trust", "list_url");
        let write = "the list's address, https://HOST/PATH, or \"\" for none";
        let url = match &item.value {
            Value::Text(text) if text.is_empty() => return None,
            Value::Text(text) => Url::parse(text).ok().filter(Url::is_secure),
            _ => None,
        };
        url.or_else(|| self.wrong(&item, write))
    }

    fn crl_urls(&mut self) -> Vec<Url> {
        let texts = self.texts("trust", "crl_urls");
        let item = self.item("trust", "crl_urls");
        let write =
            "a list of addresses such as [\"http://igc-sante.esante.gouv.fr/CRL/ACI-EL-ORG.crl\"], or []";
        let parsed: Option<Vec<_>> = texts.iter().map(|text| Url::parse(text).ok()).collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn proxy(&mut self) -> Option<Proxy> {
        let item = self.item("trust", "proxy");
        match &item.value {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Proxy::parse(text).ok().or_else(|| self.wrong_proxy(&item)),
            _ => self.wrong_proxy(&item),
        }
    }

    /// Its value is not repeated: it may hold a password.
    fn wrong_proxy(&mut self, item: &Item) -> Option<Proxy> {
        let line = item.line();
        let write = "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, or \"\" for none";
        self.push("trust", "proxy", line, "it is no proxy".to_owned(), write.to_owned());
        None
    }

    /// Said rather than ignored: whoever writes it would rest on it.
    fn refuse_ocsp(&mut self) {
        let item = self.item("trust", "ocsp");
        if !matches!(&item.value, Value::Text(text) if text == "off") {
            let what = "revocation is known from lists alone (M-4): answers of OCSP are not asked for";
            self.push("trust", "ocsp", item.line(), what.to_owned(), "\"off\"".to_owned());
        }
    }
}
