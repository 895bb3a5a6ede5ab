use bstr::BStr;
use package::base_accounts::{group_named, user_named};
use shell::{Answer, Literal, Presence, System, Text, Walker};

use super::rules::{RULES, Rules};
use super::{Subject, accounts, choices};

impl System for Subject<'_> {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    fn own(&self, path: &BStr) -> Option<Presence> {
        self.own_presence(path)
    }

    fn brings(&self, path: &BStr) -> bool {
        self.tree.is_some_and(|tree| tree.get(path).is_some())
    }

    fn script_path(&self) -> &'static str {
        "/var/lib/dpkg/info/script"
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        user_named(name).map(|u| u.uid)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        group_named(name).map(|g| g.gid)
    }

    /// On a first installation they are those of base-passwd.
    fn has_user(&self, name: &str) -> Option<bool> {
        Some(user_named(name).is_some())
    }

    fn has_group(&self, name: &str) -> Option<bool> {
        Some(group_named(name).is_some())
    }

    fn known(&self, walker: &mut Walker<'_>, name: &str, arguments: &[Text]) -> Option<Answer> {
        self.known_program(walker, name, arguments)
    }

    fn literal(&self, name: &str, arguments: &[Text]) -> Option<Literal> {
        let acts = accounts::read(self, name, arguments);
        acts.map(|acts| ("accounts", acts)).or_else(|| choices::read(name, arguments, self))
    }

    fn name_accounts(&self, walker: &mut Walker<'_>, name: &str, arguments: &[Text]) {
        super::named::name_accounts(walker, name, arguments);
    }
}
