use crate::grammar::{Command, CommandKind, List};

/// Tells of every variable that commands may set.
pub(crate) fn names_in(list: &List, tell: &mut dyn FnMut(&str)) {
    for item in list {
        for pipeline in std::iter::once(&item.first).chain(item.rest.iter().map(|(_, p)| p)) {
            for command in &pipeline.commands {
                names_in_command(command, tell);
            }
        }
    }
}

fn names_in_command(command: &Command, tell: &mut dyn FnMut(&str)) {
    match &command.kind {
        CommandKind::Simple { assignments, words } => {
            assignments.iter().for_each(|(name, _)| tell(name));
            for word in words {
                // `read x`, `local x`, `getopts o x`: any bare word may be a name.
                if let [crate::grammar::Part::Plain(text)] = word.0.as_slice() {
                    tell(text.split('=').next().unwrap_or_default());
                }
            }
        }
        CommandKind::Group(list) | CommandKind::Subshell(list) => names_in(list, tell),
        CommandKind::If { arms, otherwise } => {
            for (condition, body) in arms {
                names_in(condition, tell);
                names_in(body, tell);
            }
            names_in(otherwise, tell);
        }
        CommandKind::For { name, body, .. } => {
            tell(name);
            names_in(body, tell);
        }
        CommandKind::While { condition, body, .. } => {
            names_in(condition, tell);
            names_in(body, tell);
        }
        CommandKind::Case { arms, .. } => arms.iter().for_each(|(_, body)| names_in(body, tell)),
        CommandKind::Function { .. } | CommandKind::Opaque => {}
    }
}
