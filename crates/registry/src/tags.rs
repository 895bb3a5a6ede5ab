use std::collections::HashSet;

use fetch::{Method, Response};
use serde::Deserialize;
use url::Url;

use crate::endpoint::{Call, Endpoint, Target};
use crate::error::{Asked, Cause, Error};
use crate::manifests::is_tag;
use crate::onward::onward;
use crate::{Repository, parse_next_link, said};

/// The largest page, in bytes.
const LARGEST: u64 = 8 << 20;
/// Nobody has more pages; a server that always names another one is stopped here.
const MOST_PAGES: usize = 10_000;
/// Nor so many bytes of them.
const MOST_BYTES: usize = 64 << 20;
/// Nor more tags.
const MOST: usize = 1_000_000;
/// So many that are no tags are named in a warning, each cut to so many characters.
const MOST_NAMED: usize = 3;
const LONGEST_NAMED: usize = 40;

#[derive(Deserialize)]
struct Page {
    /// `null` in some registries where there are none.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// All tags, as the registry sorts them. What is no tag by the grammar is left out, with a warning:
    /// printed, it could be a line of its own that no registry has.
    pub fn tags(&self) -> Result<Vec<String>, Error> {
        let (tags, others): (Vec<String>, Vec<String>) =
            self.all_tags()?.into_iter().partition(|tag| is_tag(tag));
        if !others.is_empty() {
            let named: Vec<String> = others.iter().take(MOST_NAMED).map(|t| named(t)).collect();
            let more = if others.len() > MOST_NAMED { ", …" } else { "" };
            let text = format!(
                "{} of the tags of {} are no tags and left out: {}{more}",
                others.len(),
                self.name(),
                named.join(", ")
            );
            self.home().host.options.reporter.note(diag::Note::Warning(text));
        }
        Ok(tags)
    }

    fn all_tags(&self) -> Result<Vec<String>, Error> {
        self.list("its tags", |endpoint, once| {
            let mut tags = Vec::new();
            let doing = "list the tags of";
            endpoint.pages(doing, "tags/list?n=1000", once, LARGEST, &[200], |asked, _, bytes| {
                let malformed = |why: String| Error::new(asked.clone(), Cause::Malformed { why });
                let page: Page = serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))?;
                tags.extend(page.tags.unwrap_or_default());
                if tags.len() > MOST {
                    return Err(malformed(format!("it has more than {MOST} tags")));
                }
                Ok(true)
            })?;
            Ok(tags)
        })
    }
}

/// Such that it can be printed.
fn named(tag: &str) -> String {
    let start: String = tag.chars().take(LONGEST_NAMED).collect();
    let shown: String = start.escape_debug().collect();
    format!("`{}{}`", said::shown(&shown), if start.len() < tag.len() { "…" } else { "" })
}

impl Endpoint {
    /// Reads pages, following their `Link` headers within the registry, as long as `take` wants more.
    pub(crate) fn pages(
        &self,
        doing: &str,
        path: &str,
        once: bool,
        most: u64,
        takes: &[u16],
        mut take: impl FnMut(&Asked, &Response, Vec<u8>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut next: Option<Url> = None;
        let (mut seen, mut total) = (HashSet::new(), 0);
        loop {
            let mut call = Call::new(doing, Method::Get, path, takes);
            if let Some(url) = &next {
                call.target = Target::Url(url);
            }
            let (response, bytes) = self.read(&call, most, once)?;
            let asked = response.asked.clone();
            let malformed = |why: String| Error::new(asked.clone(), Cause::Malformed { why });
            total += bytes.len();
            if total > MOST_BYTES {
                return Err(malformed("its pages are larger than 64 MiB together".to_owned()));
            }
            if !take(&asked, &response, bytes)? {
                return Ok(());
            }
            let Some(link) = response.headers("link").find_map(parse_next_link) else { return Ok(()) };
            let url =
                onward(&response.url, link).map_err(|why| malformed(format!("its next page: {why}")))?;
            if url.origin() != response.url.origin() {
                return Err(malformed("its next page is on another host".to_owned()));
            }
            if !seen.insert(url.clone()) || seen.len() > MOST_PAGES {
                return Err(malformed("its pages have no end".to_owned()));
            }
            next = Some(url);
        }
    }
}
