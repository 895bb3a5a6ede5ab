use std::collections::HashSet;

use fetch::{Method, Response};
use serde::Deserialize;
use url::Url;

use crate::endpoint::{Call, Endpoint, Target};
use crate::error::{Asked, Cause, Error};
use crate::onward::onward;
use crate::{Repository, parse_next_link};

/// The largest page, in bytes.
const LARGEST: u64 = 8 << 20;
/// Nobody has more pages; a server that always names another one is stopped here.
const MOST_PAGES: usize = 10_000;
/// Nor so many bytes of them.
const MOST_BYTES: usize = 64 << 20;
/// Nor more tags.
const MOST: usize = 1_000_000;

#[derive(Deserialize)]
struct Page {
    /// `null` in some registries where there are none.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// All tags, as the registry sorts them.
    pub fn tags(&self) -> Result<Vec<String>, Error> {
        self.first(|endpoint, once| {
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
