//! The git checkout that a recipe stands in: where it came from and which commit it is of. Read from
//! git's files (gitrepository-layout(5)), as apko does; the answer is a habit, not a proof, so whatever
//! cannot be read means that there is none.

use std::path::{Path, PathBuf};

use crate::shop::Shop;

/// `URL@COMMIT` of the checkout of `recipe`, looked for from its directory up to the working directory.
pub(crate) fn find(shop: &Shop<'_>, recipe: &Path) -> Option<String> {
    let top = &shop.world.working_dir;
    let dirs = recipe.parent()?.ancestors().take_while(|dir| dir.starts_with(top));
    let git = dirs.map(|dir| Checkout::at(shop, &dir.join(".git"))).find_map(|found| found)?;
    let url = origin(&git.text(shop, "config")?)?;
    Some(format!("{url}@{}", git.commit(shop)?))
}

/// Git's own directory, and the one that it shares with other checkouts of the same repository.
struct Checkout {
    own: PathBuf,
    common: PathBuf,
}

impl Checkout {
    /// `.git` is a directory, or (in further worktrees and submodules) a file that names it.
    fn at(shop: &Shop<'_>, dot_git: &Path) -> Option<Checkout> {
        // One that appears later would be another answer; reading it notes that it is not there.
        let head = shop.own.read(&dot_git.join("HEAD"));
        let own = match head {
            Ok(_) => dot_git.to_owned(),
            Err(_) => {
                let text = String::from_utf8(shop.own.read(dot_git).ok()?).ok()?;
                dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim())
            }
        };
        let shared = shop.own.read(&own.join("commondir")).ok().and_then(|b| String::from_utf8(b).ok());
        let common = shared.map_or_else(|| own.clone(), |path| own.join(path.trim()));
        Some(Checkout { own, common })
    }

    fn text(&self, shop: &Shop<'_>, name: &str) -> Option<String> {
        let read = |dir: &Path| String::from_utf8(shop.own.read(&dir.join(name)).ok()?).ok();
        read(&self.own).or_else(|| read(&self.common))
    }

    /// What `HEAD` leads to.
    fn commit(&self, shop: &Shop<'_>) -> Option<String> {
        let head = self.text(shop, "HEAD")?;
        let Some(branch) = head.strip_prefix("ref:").map(str::trim) else { return hash(&head) };
        if branch.split('/').any(|part| part == "..") {
            return None;
        }
        if let Some(text) = self.text(shop, branch) {
            return hash(&text);
        }
        let packed = self.text(shop, "packed-refs")?;
        let named = packed.lines().filter_map(|line| line.split_once(' '));
        named.filter(|(_, name)| *name == branch).find_map(|(id, _)| hash(id))
    }
}

/// A commit's name, SHA-1 or SHA-256.
fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    (hex && matches!(text.len(), 40 | 64)).then(|| text.to_owned())
}

/// The URL of the remote `origin` in a git-config(1) file, without a login.
fn origin(config: &str) -> Option<String> {
    let mut here = false;
    let mut url = None;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            here = line == "[remote \"origin\"]";
        } else if here && let Some((key, value)) = line.split_once('=') {
            // The first counts, as for fetching.
            if key.trim().eq_ignore_ascii_case("url") && url.is_none() {
                url = Some(normal(value.trim().trim_matches('"')));
            }
        }
    }
    url.filter(|u| !u.is_empty() && !u.contains(char::is_control))
}

/// `git@host:path`, which is no URL, as apko writes it: `git+ssh://host/path`.
fn normal(url: &str) -> String {
    if url.contains("://") {
        return recipe::without_user(url);
    }
    match url.split_once(':') {
        Some((host, path)) if !host.contains('/') => {
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("git+ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_checkout_came_from() {
        let config = |url: &str| {
            format!(
                "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = https://no.example\n[remote \"origin\"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n"
            )
        };
        for (written, meant) in [
            ("https://git.example.org/a/b.git", "https://git.example.org/a/b.git"),
            ("https://me:secret@git.example.org/a/b", "https://git.example.org/a/b"),
            ("git@git.example.org:a/b.git", "git+ssh://git.example.org/a/b.git"),
            ("ssh://git@git.example.org/a/b", "ssh://git.example.org/a/b"),
            ("/srv/git/b.git", "/srv/git/b.git"),
        ] {
            assert_eq!(origin(&config(written)).as_deref(), Some(meant));
        }
        assert_eq!(origin("[remote \"other\"]\n\turl = https://no.example\n"), None);
    }

    #[test]
    fn names_of_commits() {
        let sha1 = "d57ac2d0d57ac2d0d57ac2d0d57ac2d0d57ac2d0";
        assert_eq!(hash(&format!("{sha1}\n")).as_deref(), Some(sha1));
        assert_eq!(hash("main"), None);
    }
}
