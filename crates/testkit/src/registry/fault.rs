use std::time::Duration;

/// How a request goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The connection is closed after so many bytes of the request's body.
    BreakRequest(u64),
    /// The connection is closed after so many bytes of the answer's body, or after all of it.
    BreakReply(u64),
    /// The connection is closed before the answer, after the deed was done.
    BreakHead,
    /// Nothing is done, and this is the answer; the text is its `Retry-After`, if not empty.
    Status(u16, String),
    /// Everything is done, and this is the answer.
    DoneBut(u16),
    /// One byte of the answer's body is another.
    WrongByte,
    /// The answer ends sooner, and says so in its length.
    Truncate(u64),
    /// The answer's body comes in pieces of a kilobyte, with so much time before each.
    Slow(Duration),
    /// Another header of that name.
    Header(String, String),
    /// Every token is no good any more, this request's first.
    ExpireTokens,
}

/// Something that goes wrong with requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) deed: Deed,
    /// So many requests of the kind are left alone first.
    pub(super) after: u32,
    /// And so many are hit.
    pub(super) times: u32,
}

impl Fault {
    /// Hits the next request of this method whose target holds `path`.
    pub fn once(method: &str, path: &str, deed: Deed) -> Fault {
        Fault { method: method.to_owned(), path: path.to_owned(), deed, after: 0, times: 1 }
    }

    /// Hits so many requests.
    pub fn times(self, times: u32) -> Fault {
        Fault { times, ..self }
    }

    /// Leaves so many alone first.
    pub fn after(self, after: u32) -> Fault {
        Fault { after, ..self }
    }

    /// Whether it hits this request; counts.
    pub(super) fn hits(&mut self, method: &str, target: &str) -> bool {
        if self.times == 0 || self.method != method || !target.contains(&self.path) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}

/// Breaks at random bytes.
#[derive(Debug)]
pub(super) struct Chaos {
    state: u64,
    left: u32,
}

impl Chaos {
    pub(super) fn new(seed: u64, left: u32) -> Chaos {
        Chaos { state: seed.wrapping_mul(2).wrapping_add(1), left }
    }

    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// For a request with a body of `length` bytes, perhaps a break; two of three requests are hit. The
    /// answer's length is not known yet, so a break there is drawn by its order of magnitude.
    pub(super) fn draw(&mut self, length: u64) -> Option<Deed> {
        if self.left == 0 || self.next().is_multiple_of(3) {
            return None;
        }
        self.left -= 1;
        Some(match self.next() % 4 {
            0 | 1 if length > 0 => Deed::BreakRequest(self.next() % length),
            2 => Deed::BreakHead,
            _ => {
                let most = 1 << (self.next() % 21);
                Deed::BreakReply(self.next() % most)
            }
        })
    }

    /// xorshift64*.
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }
}
