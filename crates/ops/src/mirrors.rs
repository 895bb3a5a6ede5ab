//! Where an archive of the table is found: what the user says, the settings file, the host's own
//! apt configuration, the table's default; in that order.

use std::collections::BTreeMap;

use diag::{Diagnostic, Kind};
use fetch::Url;
use recipe::archives::Archive;
use settings::AptSource;

/// Everything that says where archives are.
#[derive(Debug, Clone, Default)]
pub struct Mirrors {
    /// By archive: the addresses and who gave them. Nothing else is tried then.
    given: BTreeMap<Archive, Vec<Mirror>>,
    /// Entries of the host's apt, in order.
    apt: Vec<AptSource>,
}

/// One place of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its base, with a trailing slash.
    pub base: Url,
    /// Who gave it.
    pub from: &'static str,
}

/// Suites of Debian, by the word that an entry of apt's may have.
const RELEASES: [&str; 12] = [
    "stable",
    "oldstable",
    "oldoldstable",
    "testing",
    "unstable",
    "sid",
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
];

impl Mirrors {
    /// None but what the table has.
    pub fn new() -> Mirrors {
        Mirrors::default()
    }

    /// Adds an address of an archive, unless somebody with a louder voice gave one before: the caller
    /// begins with the loudest.
    ///
    /// # Errors
    /// It is neither a URL nor a path.
    pub fn give(
        &mut self,
        archive: Archive,
        addresses: &[String],
        from: &'static str,
    ) -> Result<(), Diagnostic> {
        if self.given.get(&archive).is_some_and(|m| m.iter().any(|m| m.from != from)) {
            return Ok(());
        }
        for address in addresses {
            let base = base_url(address).ok_or_else(|| {
                let shown = settings::split_login(address).0;
                Diagnostic::new(
                    Kind::Usage,
                    format!("cannot find {archive} at `{shown}` ({from}): it is no URL"),
                )
                .hint("write an http, https or file URL, or an absolute path of a directory")
            })?;
            self.given.entry(archive).or_default().push(Mirror { base, from });
        }
        Ok(())
    }

    /// Adds what the host's apt is configured with.
    pub fn apt(&mut self, entries: Vec<AptSource>) {
        self.apt.extend(entries.into_iter().filter(|e| e.binary));
    }

    /// The places of an archive, best first. An entry of apt's counts for its archive whatever suites
    /// it lists; whether the wanted suite is there and genuine shows when its `InRelease` is verified.
    pub fn of(&self, archive: Archive) -> Vec<Mirror> {
        if let Some(given) = self.given.get(&archive) {
            return given.clone();
        }
        let mut out: Vec<Mirror> = Vec::new();
        let entries = self.apt.iter().filter(|e| archive_of_entry(e) == Some(archive));
        for uri in entries.flat_map(|e| &e.uris) {
            let text = match &uri.login {
                Some(login) => with_login(&uri.text, login),
                None => uri.text.clone(),
            };
            if let Some(base) = base_url(&text)
                && !out.iter().any(|m| m.base == base)
            {
                out.push(Mirror { base, from: "apt's configuration" });
            }
        }
        if let Some(base) = base_url(archive.default_url())
            && !out.iter().any(|m| m.base == base)
        {
            out.push(Mirror { base, from: "default" });
        }
        out
    }
}

/// Which archive an entry of apt's stands for, by its suites: their names are Debian's own, the host
/// may be any mirror's.
fn archive_of_entry(entry: &AptSource) -> Option<Archive> {
    let mut found = None;
    for suite in &entry.suites {
        let (release, rest) = suite.split_once(['-', '/']).unwrap_or((suite, ""));
        if !RELEASES.contains(&release) {
            return None;
        }
        found = Some(match rest {
            "security" | "updates" if suite.contains('/') || rest == "security" => Archive::DebianSecurity,
            "" | "updates" | "backports" | "backports-sloppy" | "proposed-updates" => Archive::Debian,
            _ => return None,
        });
    }
    found
}

/// A base URL with a trailing slash; an absolute path becomes a file URL.
pub fn base_url(address: &str) -> Option<Url> {
    let text = match address.strip_prefix("file:") {
        Some(path) if path.starts_with('/') => format!("file://{}", path.trim_start_matches("//")),
        _ if address.starts_with('/') => return Url::from_directory_path(address).ok(),
        _ => address.to_owned(),
    };
    let mut url = Url::parse(&text).ok()?;
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return None;
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Some(url)
}

fn with_login(address: &str, login: &settings::Login) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    // Both fail only for URLs that cannot have user information.
    let _ = url.set_username(&login.user);
    let _ = url.set_password(Some(login.password.reveal()));
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<AptSource> {
        settings::parse_sources_list(text.as_bytes()).entries
    }

    #[test]
    fn apts_entries_count_for_their_archive() {
        let mut mirrors = Mirrors::new();
        mirrors.apt(entries(
            "deb http://mirror.test/debian bookworm main\n\
             deb http://mirror.test/debian bookworm-updates main\n\
             deb http://sec.test/debian-security bookworm-security main\n\
             deb-src http://src.test/debian bookworm main\n\
             deb http://other.test/node nodistro main\n",
        ));
        let urls = |a| mirrors.of(a).iter().map(|m| m.base.to_string()).collect::<Vec<_>>();
        assert_eq!(urls(Archive::Debian)[0], "http://mirror.test/debian/");
        assert_eq!(urls(Archive::Debian).len(), 2, "and the default");
        assert_eq!(urls(Archive::DebianSecurity)[0], "http://sec.test/debian-security/");
    }

    #[test]
    fn the_louder_voice_wins() {
        let mut mirrors = Mirrors::new();
        mirrors.give(Archive::Debian, &["/srv/mirror".to_owned()], "--mirror").unwrap();
        mirrors.give(Archive::Debian, &["http://later.test".to_owned()], "settings").unwrap();
        let found = mirrors.of(Archive::Debian);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].base.as_str(), "file:///srv/mirror/");
        assert!(mirrors.give(Archive::Wolfi, &["no url".to_owned()], "--mirror").is_err());
    }
}
