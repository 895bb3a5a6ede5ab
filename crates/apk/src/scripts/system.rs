use bstr::BStr;
use rootfs::Node;
use shell::{Act, Answer, Literal, Presence, System, Text, Walker};

use super::rules::{RULES, Rules};
use super::{Subject, accounts};

impl System for Subject<'_> {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn own(&self, path: &BStr) -> Option<Presence> {
        let entry = self.tree?.get(path)?;
        let executable = entry.mode & 0o111 != 0;
        match &entry.node {
            Node::Dir => Some(Presence::Directory),
            Node::File(body) => Some(Presence::File { executable, empty: body.size == 0 }),
            Node::Hardlink(_) => Some(Presence::File { executable, empty: false }),
            // Where it leads is the world's to say.
            Node::Symlink(_) | Node::Special(_) => None,
        }
    }

    fn brings(&self, path: &BStr) -> bool {
        self.tree.is_some_and(|tree| tree.get(path).is_some())
    }

    fn script_path(&self) -> &'static str {
        "lib/apk/exec/script"
    }

    /// Numbers are given once all packages are read ([`super::number_accounts`]).
    fn user_id(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    /// Those of alpine-baselayout, of another package, or none: not known here.
    fn has_user(&self, name: &str) -> Option<bool> {
        (name == "root").then_some(true)
    }

    fn has_group(&self, name: &str) -> Option<bool> {
        (name == "root").then_some(true)
    }

    fn known(&self, _: &mut Walker<'_>, _: &str, _: &[Text]) -> Option<Answer> {
        None
    }

    fn literal(&self, name: &str, arguments: &[Text]) -> Option<Literal> {
        if name == "add-shell" {
            let shells: Option<Vec<Act>> =
                arguments.iter().map(|s| s.whole().map(|s| Act::Shell(s.into()))).collect();
            return Some(("shells", shells?));
        }
        accounts::read(name, arguments).map(|acts| ("accounts", acts))
    }
}
