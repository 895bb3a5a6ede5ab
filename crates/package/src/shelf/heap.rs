/// Texts of a shelf while it is made: each after its length, found by its place.
pub(super) struct Heap(Vec<u8>);

impl Heap {
    /// With the empty text at 0.
    pub(super) fn new() -> Heap {
        Heap(vec![0])
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Puts a text down and gives its place.
    pub(super) fn put(&mut self, bytes: &[u8]) -> u32 {
        if bytes.is_empty() {
            return 0;
        }
        let at = self.0.len() as u32;
        let mut len = bytes.len();
        while len >= 0x80 {
            self.0.push(len as u8 | 0x80);
            len >>= 7;
        }
        self.0.push(len as u8);
        self.0.extend_from_slice(bytes);
        at
    }

    /// The text of a place that [`Heap::put`] gave.
    pub(super) fn text(&self, at: u32) -> &[u8] {
        let (mut len, mut shift, mut at) = (0, 0, at as usize);
        loop {
            let byte = self.0[at];
            at += 1;
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return &self.0[at..at + len];
            }
        }
    }
}
