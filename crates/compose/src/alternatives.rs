use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use rootfs::Node;
use rootfs::actions::Alternative;

use crate::Rule;
use crate::draft::{Draft, DraftError};

/// Makes the links of `update-alternatives --auto`: of each name the choice of the highest priority
/// that is in the image, the first of equals; followers only where what they mean is there.
pub(crate) fn apply(draft: &mut Draft<'_>, alternatives: &[Alternative]) -> Result<(), DraftError> {
    let mut best: BTreeMap<&BString, &Alternative> = BTreeMap::new();
    for choice in alternatives.iter().filter(|a| draft.behind(a.path.as_bstr()).is_some()) {
        let chosen = best.entry(&choice.name).or_insert(choice);
        if choice.priority > chosen.priority {
            *chosen = choice;
        }
    }
    for choice in best.into_values() {
        link(draft, &choice.link, &choice.name, &choice.path)?;
        for follower in &choice.followers {
            if draft.behind(follower.path.as_bstr()).is_some() {
                link(draft, &follower.link, &follower.name, &follower.path)?;
            }
        }
    }
    Ok(())
}

fn link(draft: &mut Draft<'_>, link: &BString, name: &BString, path: &BString) -> Result<(), DraftError> {
    let real = draft.real(link.as_bstr(), false)?;
    // As update-alternatives, which never replaces a file that is no link.
    if draft.entries.get(&real).is_some_and(|e| !matches!(e.node, Node::Symlink(_))) {
        return Ok(());
    }
    let under = |directory: &[u8], name: &BString| {
        let mut path = BString::from(directory);
        path.extend_from_slice(name);
        path
    };
    draft.put_link(under(b"etc/alternatives/", name), under(b"/", path), Rule::Alternatives)?;
    draft.put_link(link.clone(), under(b"/etc/alternatives/", name), Rule::Alternatives)
}
