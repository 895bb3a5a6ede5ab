use crate::text::Text;

/// A command's arguments, sorted out as getopt(3) does: options may stand anywhere before `--`.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// As written without value: `--force`, `-f`; clusters such as `-rf` come apart.
    pub flags: Vec<&'a str>,
    /// Options with their values.
    pub values: Vec<(&'a str, Text)>,
    /// What is no option.
    pub operands: Vec<&'a Text>,
}

impl<'a> Options<'a> {
    /// `valued` are the options that take a value. `None` where an argument is not known well
    /// enough to say what it is.
    pub fn read(arguments: &'a [Text], valued: &[&str]) -> Option<Options<'a>> {
        let mut out = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let text = argument.prefix();
            if text.is_empty() && argument.whole().is_none() {
                return None;
            }
            if text == "--" {
                out.operands.extend(rest);
                break;
            }
            if !text.starts_with('-') || text == "-" {
                out.operands.push(argument);
            } else if let Some((name, value)) = text.split_once('=').filter(|_| text.starts_with("--")) {
                let mut value = Text::known(value);
                if argument.whole().is_none() {
                    value.push(&Text::unknown());
                }
                out.values.push((name, value));
            } else if valued.contains(&text) {
                out.values.push((text, rest.next()?.clone()));
            } else if text.starts_with("--") {
                out.flags.push(argument.whole()?);
            } else {
                out.read_cluster(argument.whole()?, valued, &mut rest)?;
            }
        }
        Some(out)
    }

    fn read_cluster(
        &mut self,
        cluster: &'a str,
        valued: &[&str],
        rest: &mut std::slice::Iter<'a, Text>,
    ) -> Option<()> {
        for (at, c) in cluster.char_indices().skip(1) {
            if let Some(option) = valued.iter().find(|v| v.len() == 2 && v.ends_with(c)) {
                let value = &cluster[at + c.len_utf8()..];
                let value = if value.is_empty() { rest.next()?.clone() } else { Text::known(value) };
                self.values.push((short(option)?, value));
                return Some(());
            }
            self.flags.push(&cluster[at..at + c.len_utf8()]);
        }
        Some(())
    }

    /// Is any of these among the flags?
    pub fn has(&self, names: &[&str]) -> bool {
        self.flags.iter().any(|f| names.iter().any(|n| n == f || n.strip_prefix('-') == Some(f)))
    }

    /// The last value of any of these.
    pub fn value(&self, names: &[&str]) -> Option<&Text> {
        self.values.iter().rev().find(|(n, _)| names.contains(n)).map(|(_, v)| v)
    }

    /// All operands, where all are known.
    pub fn known_operands(&self) -> Option<Vec<&'a str>> {
        self.operands.iter().map(|o| o.whole()).collect()
    }
}

/// Options with one letter that take a value anywhere here, so that a name can be lent for good.
fn short(option: &str) -> Option<&'static str> {
    const ALL: [&str; 15] =
        ["-m", "-o", "-g", "-t", "-S", "-d", "-s", "-u", "-c", "-G", "-h", "-k", "-K", "-p", "-e"];
    ALL.into_iter().find(|o| *o == option)
}
