//! Questions that nobody is asked: answers are the templates' defaults (debconf-devel(7)).

use bstr::ByteSlice;

use shell::{Answer, Answers, Text, Walker};

/// Answers a call of debconf's shell library.
pub(super) fn ask(walker: &mut Walker<'_>, name: &str, arguments: &[Text]) -> Answer {
    walker.cover("debconf");
    let question = arguments.first().and_then(Text::whole).map(str::to_owned);
    match name {
        "db_get" => {
            let value = question.as_ref().and_then(|q| walker.answers().get(q).cloned());
            let answer = if value.is_some() { Answer::known(true) } else { Answer::unknown() };
            set_ret(walker, value.unwrap_or_else(Text::unknown));
            answer
        }
        "db_set" => {
            let value = arguments.get(1).cloned().unwrap_or_else(|| Text::known(""));
            match question {
                Some(question) => {
                    walker.answers().insert(question, value);
                }
                None => walker.answers().clear(),
            }
            Answer::known(true)
        }
        "db_fget" | "db_metaget" | "db_capb" | "db_exist" => {
            set_ret(walker, Text::unknown());
            Answer::unknown()
        }
        "db_input" => Answer::unknown(),
        _ => {
            set_ret(walker, Text::known(""));
            Answer::known(true)
        }
    }
}

fn set_ret(walker: &mut Walker<'_>, value: Text) {
    walker.set_variable("RET", value);
}

/// The defaults in a `templates` file, by question.
pub(super) fn defaults(templates: &[u8]) -> Answers {
    let mut all = Answers::new();
    let mut question: Option<String> = None;
    for line in templates.lines() {
        let Some((name, value)) = line.split_once_str(":") else { continue };
        let value = value.trim_ascii().to_str_lossy().into_owned();
        match name {
            b"Template" => {
                all.insert(value.clone(), Text::known(""));
                question = Some(value);
            }
            b"Default" => {
                if let Some(question) = &question {
                    all.insert(question.clone(), Text::known(value));
                }
            }
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_defaults() {
        let all = defaults(b"Template: a/b\nType: boolean\nDefault: true\nDescription: x\n more: y\n\nTemplate: c\nType: string\n");
        assert_eq!(all.get("a/b"), Some(&Text::known("true")));
        assert_eq!(all.get("c"), Some(&Text::known("")));
        assert_eq!(all.len(), 2);
    }
}
