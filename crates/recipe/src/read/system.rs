//! What the image's tree gets besides packages: accounts, paths; and what is allowed in it.

use crate::error::RecipeError;
use crate::keys;
use crate::node::{Node, Value};
use crate::recipe::Body;
use crate::walk::{self, Fields};
use crate::{Allow, Capabilities, Group, PathChange, PathKind, RunAs, User};

use super::modes;

pub(super) fn allow(node: &Node, place: &str) -> Result<Allow, RecipeError> {
    const WORDS: [(&str, Allow); 4] = [
        ("shell", Allow::Shell),
        ("package-manager", Allow::PackageManager),
        ("setuid", Allow::Setuid),
        ("root", Allow::Root),
    ];
    walk::word(node, place, &WORDS)
}

/// An absolute path in the image, without `.`, `..`, doubled or trailing slashes.
pub(super) fn path(node: &Node, place: &str) -> Result<String, RecipeError> {
    let text = walk::line(node, place)?;
    let Some(rest) = text.strip_prefix('/') else {
        return Err(RecipeError::bad(&node.at, &text, format!("an absolute path ({place})"))
            .hint(format!("write `/{}`", text.trim_start_matches("./"))));
    };
    below_root(node, &text, rest, place)
}

/// The same, or as apko has it relative to the image's root, which is all there is to be relative to.
fn path_in_image(node: &Node, place: &str) -> Result<String, RecipeError> {
    let text = walk::line(node, place)?;
    if text.is_empty() {
        return Err(RecipeError::bad(&node.at, &text, format!("a path ({place})")));
    }
    let rest = text.strip_prefix('/').unwrap_or_else(|| text.strip_prefix("./").unwrap_or(&text));
    below_root(node, &text, rest, place)
}

fn below_root(node: &Node, text: &str, rest: &str, place: &str) -> Result<String, RecipeError> {
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(RecipeError::bad(&node.at, text, format!("a path without `.` and `..` ({place})")));
    }
    // Linux's NAME_MAX: no engine could unpack the image.
    if parts.iter().any(|part| part.len() > 255) {
        let what = format!("a path whose names have at most 255 bytes each ({place})");
        return Err(RecipeError::bad(&node.at, text, what).hint("shorten the name"));
    }
    Ok(format!("/{}", parts.join("/")))
}

/// The same as it is written: it goes into the image's config, where programs see a trailing slash.
pub(super) fn config_path(node: &Node, place: &str) -> Result<String, RecipeError> {
    path(node, place)?;
    walk::line(node, place)
}

/// A glob of absolute paths.
pub(super) fn glob(node: &Node, place: &str) -> Result<String, RecipeError> {
    let text = walk::line(node, place)?;
    if !text.starts_with('/') {
        return Err(RecipeError::bad(&node.at, &text, format!("a glob of absolute paths ({place})"))
            .hint(format!("write `/{text}`, or `/**/{text}` for any directory")));
    }
    let mut depth = 0i32;
    let mut class = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if !class => class = true,
            ']' if class => class = false,
            '{' if !class => depth += 1,
            '}' if !class => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    if depth != 0 || class || escaped {
        return Err(RecipeError::bad(&node.at, &text, "a glob: a bracket or brace has no partner"));
    }
    Ok(text)
}

pub(super) fn accounts(node: &Node, body: &mut Body) -> Result<(), RecipeError> {
    let fields = Fields::of(node, &keys::ACCOUNTS)?;
    body.run_as = fields.spanned("run-as", run_as)?;
    body.users = fields.each("users", user)?;
    body.groups = fields.each("groups", group)?;
    Ok(())
}

fn run_as(node: &Node, place: &str) -> Result<RunAs, RecipeError> {
    let text = walk::line(node, place)?;
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return walk::id(node, place).map(RunAs::Uid);
    }
    if let Some((user, group)) = text.split_once(':') {
        if let (Some(uid), Some(gid)) = (number(user), number(group)) {
            return Ok(RunAs::Numbers { uid, gid });
        }
        return Err(RecipeError::bad(
            &node.at,
            &text,
            "a user's name or number, or two numbers (`1000:1000`)",
        )
        .hint("the group is the user's own; give it with `accounts: {users: [{username, uid, gid}]}`"));
    }
    account_name(node, place).map(RunAs::Name)
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && *n < u32::MAX)
}

/// A name that `/etc/passwd` and `/etc/group` can hold (passwd(5): no colon, no line end), of what Linux
/// takes for a name at most (LOGIN_NAME_MAX, limits.h).
fn account_name(node: &Node, place: &str) -> Result<String, RecipeError> {
    let text = walk::line(node, place)?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || !text.chars().all(good) || text.len() > 255 {
        return Err(RecipeError::bad(&node.at, &text, "a name of an account")
            .hint("letters, digits, `_`, `-` and `.`, at most 255, a letter or `_` first"));
    }
    Ok(text)
}

fn user(node: &Node, _: &str) -> Result<User, RecipeError> {
    let fields = Fields::of(node, &keys::USER)?;
    let uid = fields.need("uid")?;
    if walk::id(uid, "`uid`")? == 0 {
        return Err(RecipeError::bad(&uid.at, "0", "the uid of a further user: it is root's"));
    }
    Ok(User {
        username: account_name(fields.need("username")?, "`username`")?,
        uid: walk::id(uid, "`uid`")?,
        gid: fields.read("gid", walk::id)?,
        shell: fields.read("shell", passwd_field)?,
        homedir: fields.read("homedir", passwd_field)?,
        at: fields.find("homedir").map_or_else(|| fields.need("username"), Ok)?.at.clone(),
    })
}

fn passwd_field(node: &Node, place: &str) -> Result<String, RecipeError> {
    let path = path(node, place)?;
    if path.contains(':') {
        return Err(RecipeError::bad(&node.at, &path, "possible in /etc/passwd: it has a colon"));
    }
    Ok(path)
}

fn group(node: &Node, _: &str) -> Result<Group, RecipeError> {
    let fields = Fields::of(node, &keys::GROUP)?;
    Ok(Group {
        groupname: account_name(fields.need("groupname")?, "`groupname`")?,
        gid: walk::id(fields.need("gid")?, "`gid`")?,
        members: fields.each("members", account_name)?.into_iter().map(|s| s.value).collect(),
    })
}

pub(super) fn path_change(node: &Node, _: &str) -> Result<PathChange, RecipeError> {
    let fields = Fields::of(node, &keys::PATH)?;
    let kind = path_kind(&fields)?;
    if let Some(source) = fields.find("source")
        && !matches!(kind, PathKind::Hardlink { .. } | PathKind::Symlink { .. })
    {
        let text = "`source` goes with `type: hardlink` and `type: symlink`";
        return Err(RecipeError::clash(&source.at, text)
            .hint("a file with contents belongs in `contents: {files: [..]}`"));
    }
    let mode = fields.read("permissions", modes::mode)?;
    if matches!(kind, PathKind::Permissions) && mode.is_none() && fields.find("capabilities").is_none() {
        let owner = fields.find("uid").or(fields.find("gid"));
        if owner.is_none() {
            return Err(RecipeError::clash(fields.at(), "the path changes nothing")
                .hint("give `permissions:`, `uid:`, `gid:` or `capabilities:`"));
        }
    }
    let capabilities = fields.read("capabilities", capabilities)?;
    if let (Some(at), false) =
        (fields.find("capabilities"), matches!(kind, PathKind::EmptyFile | PathKind::Permissions))
    {
        return Err(RecipeError::clash(&at.at, "`capabilities` go on a file: `type: permissions`"));
    }
    Ok(PathChange {
        path: path_in_image(fields.need("path")?, "`path`")?,
        kind,
        uid: fields.read("uid", walk::id)?,
        gid: fields.read("gid", walk::id)?,
        mode,
        recursive: fields.read("recursive", walk::truth)?.unwrap_or(false),
        capabilities,
        at: fields.need("path")?.at.clone(),
    })
}

fn path_kind(fields: &Fields<'_>) -> Result<PathKind, RecipeError> {
    const KINDS: [(&str, u8); 5] =
        [("directory", 0), ("empty-file", 1), ("hardlink", 2), ("symlink", 3), ("permissions", 4)];
    let kind = walk::word(fields.need("type")?, "`type`", &KINDS)?;
    Ok(match kind {
        0 => PathKind::Directory,
        1 => PathKind::EmptyFile,
        2 => PathKind::Hardlink { source: path_in_image(fields.need("source")?, "`source`")? },
        3 => PathKind::Symlink { source: walk::line(fields.need("source")?, "`source`")? },
        _ => PathKind::Permissions,
    })
}

fn capabilities(node: &Node, place: &str) -> Result<Capabilities, RecipeError> {
    match &node.value {
        Value::List(items) => {
            let mut all = Capabilities::default();
            for item in items {
                all = capability_clause(item, place, all)?;
            }
            Ok(all)
        }
        _ => capability_clause(node, place, Capabilities::default()),
    }
}

fn capability_clause(node: &Node, place: &str, so_far: Capabilities) -> Result<Capabilities, RecipeError> {
    let text = walk::line(node, place)?;
    so_far.with(&text).map_err(|why| {
        RecipeError::bad(&node.at, &text, format!("a set of capabilities: {why}"))
            .hint("write it as setcap does: `cap_net_bind_service+ep`")
    })
}
