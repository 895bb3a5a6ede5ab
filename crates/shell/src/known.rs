//! Programs whose answer on a first installation is known before they run.

use crate::state::Answer;
use crate::text::Text;
use crate::walk::Walker;

impl Walker<'_> {
    pub(crate) fn known_program(&mut self, name: &str, arguments: &[Text]) -> Option<Answer> {
        let words: Option<Vec<&str>> = arguments.iter().map(Text::whole).collect();
        let has = |word: &str| arguments.iter().any(|a| a.whole() == Some(word));
        match name {
            "echo" => self.echo(arguments),
            "printf" => self.printf(arguments),
            "cat" if arguments.iter().all(|a| a.whole() == Some("-")) => {
                let input = self.input.clone();
                self.write(&input);
                Some(Answer::known(true))
            }
            "basename" | "dirname" => {
                let path = words.as_ref().and_then(|w| w.first().copied());
                let cut = |path: &str| {
                    let path = path.trim_end_matches('/');
                    match (name, path.rsplit_once('/')) {
                        ("basename", Some((_, base))) => base.to_owned(),
                        ("basename", None) => path.to_owned(),
                        (_, Some(("", _))) => "/".to_owned(),
                        (_, Some((directory, _))) => directory.to_owned(),
                        (_, None) => ".".to_owned(),
                    }
                };
                let value = path.filter(|_| arguments.len() == 1).map(cut);
                self.write(&Text::of(value));
                Some(Answer::known(true))
            }
            "getent" => self.getent(words.as_deref()),
            "id" => self.id(words.as_deref()),
            "uname" if arguments.is_empty() || has("-s") => {
                self.write(&Text::known("Linux"));
                Some(Answer::known(true))
            }
            "ls" => {
                let paths: Vec<&Text> = arguments.iter().filter(|a| !a.prefix().starts_with('-')).collect();
                self.write(&Text::unknown());
                match paths.as_slice() {
                    [path] => Some(self.ask_path(&(*path).clone(), rootfs::actions::Test::Exists)),
                    _ => Some(Answer::unknown()),
                }
            }
            "tempfile" | "mktemp" => {
                let mut path = Text::known("/tmp/");
                path.push(&Text::unknown());
                self.write(&path);
                Some(Answer::known(true))
            }
            "sleep" | "sync" | "clear" => Some(Answer::known(true)),
            _ => None,
        }
    }

    fn echo(&mut self, arguments: &[Text]) -> Option<Answer> {
        let mut out = Text::known("");
        let newline = arguments.first().and_then(Text::whole) != Some("-n");
        let rest = if newline { arguments } else { &arguments[1..] };
        for (n, argument) in rest.iter().enumerate() {
            if n > 0 {
                out.push_str(" ");
            }
            out.push(argument);
        }
        if newline {
            out.push_str("\n");
        }
        self.write(&out);
        Some(Answer::known(true))
    }

    /// `printf` with `%s` and `\n` only; anything else has an output that is not looked into.
    fn printf(&mut self, arguments: &[Text]) -> Option<Answer> {
        let format = arguments.first().and_then(Text::whole);
        let mut values = arguments.iter().skip(1);
        let mut out = Text::known("");
        let mut rest = format.unwrap_or("%?").chars();
        while let Some(c) = rest.next() {
            match (c, c == '\\' || c == '%') {
                (_, false) => out.push_str(&c.to_string()),
                ('\\', _) => match rest.next() {
                    Some('n') => out.push_str("\n"),
                    Some('t') => out.push_str("\t"),
                    Some('\\') => out.push_str("\\"),
                    _ => out.push(&Text::unknown()),
                },
                _ => match rest.next() {
                    Some('s') => out.push(values.next().unwrap_or(&Text::known(""))),
                    Some('%') => out.push_str("%"),
                    _ => out.push(&Text::unknown()),
                },
            }
        }
        if values.next().is_some() {
            out.push(&Text::unknown());
        }
        self.write(&out);
        Some(Answer::known(true))
    }

    /// Users and groups on a first installation are those of the system's base.
    fn getent(&mut self, words: Option<&[&str]>) -> Option<Answer> {
        self.write(&Text::unknown());
        Some(match words? {
            ["passwd", name] => Answer::of(self.system.has_user(name)),
            ["group", name] => Answer::of(self.system.has_group(name)),
            _ => Answer::unknown(),
        })
    }

    fn id(&mut self, words: Option<&[&str]>) -> Option<Answer> {
        let words = words.unwrap_or_default();
        let (options, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|w| w.starts_with('-'));
        match names.as_slice() {
            [] => {
                let value = if options == ["-un"] || options == ["-u", "-n"] { "root" } else { "0" };
                self.write(&Text::known(value));
                Some(Answer::known(true))
            }
            [name] => {
                self.write(&Text::unknown());
                Some(Answer::of(self.system.has_user(name)))
            }
            _ => None,
        }
    }
}
