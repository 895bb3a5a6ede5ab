use bstr::{BString, ByteSlice};

/// A line of a package's `triggers` file (deb-triggers(5)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trigger {
    /// The package waits for it (`interest`), or sets it off (`activate`).
    pub interest: bool,
    /// A name, or an absolute path that stands for everything below it.
    pub name: BString,
}

/// Reads a `triggers` file; lines that dpkg would refuse are left out, since a package that has
/// them could not be installed anywhere.
pub fn parse_triggers(text: &[u8]) -> Vec<Trigger> {
    let line = |line: &[u8]| {
        let line = line.split_once_str("#").map_or(line, |(l, _)| l);
        let mut words = line.fields_with(char::is_whitespace);
        let interest = match words.next()? {
            b"interest" | b"interest-await" | b"interest-noawait" => true,
            b"activate" | b"activate-await" | b"activate-noawait" => false,
            _ => return None,
        };
        let name = words.next()?.into();
        words.next().is_none().then_some(Trigger { interest, name })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_directives() {
        let text =
            b"# made by debhelper\nactivate-noawait ldconfig\n\ninterest /usr/share/icons # all\nbogus x\n";
        let expected = [(false, "ldconfig"), (true, "/usr/share/icons")];
        let found = parse_triggers(text);
        assert_eq!(
            found.iter().map(|t| (t.interest, t.name.to_str().unwrap())).collect::<Vec<_>>(),
            expected
        );
    }
}
