//! Questions to whoever sits at the terminal.

use std::io::{self, BufRead, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A line of standard input as the user sees it typed, after `prompt`; none at its end.
pub(crate) fn read_line(prompt: &str) -> io::Result<Option<String>> {
    io::stderr().lock().write_all(prompt.as_bytes())?;
    let mut line = String::new();
    let n = io::stdin().lock().take(4096).read_line(&mut line)?;
    Ok((n > 0).then(|| line.trim().to_owned()))
}

/// A line of standard input that nobody sees, after `prompt`; none if the user pressed Ctrl-C or Ctrl-D instead.
///
/// Keys come one by one, so that Ctrl-C leaves a terminal behind that shows again what is typed.
pub(crate) fn read_secret(prompt: &str) -> io::Result<Option<String>> {
    // Before the question, since the answer may come as soon as that is seen.
    let _silence = Silence::begin()?;
    io::stderr().lock().write_all(prompt.as_bytes())?;
    let mut line = Line::default();
    let mut key = [0];
    let done = loop {
        // Not through the buffer of `Stdin`, which might keep what comes after.
        if io::stdin().lock().read(&mut key)? == 0 {
            break None;
        }
        match line.press(key[0]) {
            Pressed::More => {}
            Pressed::Done => break Some(line.text()),
            Pressed::Stopped => break None,
        }
    };
    io::stderr().lock().write_all(b"\n")?;
    Ok(done)
}

/// Control characters, as terminals send them.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: u8 = 8;
const KILL: u8 = 21;
const DELETE: u8 = 127;

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pressed {
    More,
    Done,
    Stopped,
}

/// What was typed so far.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
}

impl Line {
    fn press(&mut self, key: u8) -> Pressed {
        match key {
            b'\r' | b'\n' => return Pressed::Done,
            INTERRUPT => return Pressed::Stopped,
            END if self.bytes.is_empty() => return Pressed::Stopped,
            END => return Pressed::Done,
            KILL => self.bytes.clear(),
            BACKSPACE | DELETE => {
                // The whole of a character that has several bytes.
                while self.bytes.pop().is_some_and(|b| b & 0xc0 == 0x80) {}
            }
            key => self.bytes.push(key),
        }
        Pressed::More
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// While it lives, the terminal shows nothing of what is typed.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> io::Result<Silence> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Silence { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<String> {
        let mut line = Line::default();
        for key in keys {
            match line.press(*key) {
                Pressed::More => {}
                Pressed::Done => return Some(line.text()),
                Pressed::Stopped => return None,
            }
        }
        panic!("not ended");
    }

    #[test]
    fn keys_do_what_they_do_elsewhere() {
        assert_eq!(typed(b"secret\r").as_deref(), Some("secret"));
        assert_eq!(typed("sé\u{7f}\u{7f}pä\u{8}w\n".as_bytes()).as_deref(), Some("pw"));
        assert_eq!(typed(b"wrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(typed(b"\x7f\x7fa\x04").as_deref(), Some("a"));
        assert_eq!(typed(b"sec\x03"), None);
        assert_eq!(typed(b"\x04"), None);
    }
}
