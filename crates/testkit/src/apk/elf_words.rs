/// What melange reads from an ELF object to write its dependencies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ElfWords {
    /// `DT_SONAME`.
    pub(super) soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub(super) needed: Vec<String>,
    /// The program's interpreter.
    pub(super) interpreter: Option<String>,
}

/// A program header: type, offset, address, size in the file.
type Segment = (u64, u64, u64, u64);

impl ElfWords {
    /// Of a 64-bit little-endian object (System V gABI, chapters 4 and 5); nothing of other files.
    pub(super) fn of(bytes: &[u8]) -> Option<ElfWords> {
        if !bytes.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let (table, count) = (number(bytes, 32, 8)?, number(bytes, 56, 2)?);
        let segment = |n: u64| -> Option<Segment> {
            let at = table + n * 56;
            let field = |offset: u64, width: usize| number(bytes, at + offset, width);
            Some((field(0, 4)?, field(8, 8)?, field(16, 8)?, field(32, 8)?))
        };
        let segments: Vec<Segment> = (0..count).map_while(segment).collect();
        let mut words = ElfWords::default();
        for (kind, offset, _, _) in &segments {
            match kind {
                2 => words.dynamic(bytes, &segments, *offset)?,
                3 => words.interpreter = text(bytes, *offset),
                _ => {}
            }
        }
        Some(words)
    }

    fn dynamic(&mut self, bytes: &[u8], segments: &[Segment], offset: u64) -> Option<()> {
        let entry =
            |n: u64| Some((number(bytes, offset + n * 16, 8)?, number(bytes, offset + n * 16 + 8, 8)?));
        let entries: Vec<(u64, u64)> = (0..).map_while(entry).take_while(|(tag, _)| *tag != 0).collect();
        let (_, strings) = entries.iter().find(|(tag, _)| *tag == 5)?;
        // The table is named by its address; the file has it where a loaded segment says.
        let (_, at, address, _) = segments
            .iter()
            .find(|(kind, _, address, size)| *kind == 1 && (*address..address + size).contains(strings))?;
        let strings = strings - address + at;
        for (tag, value) in &entries {
            match tag {
                1 => self.needed.extend(text(bytes, strings + value)),
                14 => self.soname = text(bytes, strings + value),
                _ => {}
            }
        }
        Some(())
    }
}

fn number(bytes: &[u8], at: u64, width: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let field = bytes.get(at..at + width)?;
    Some(field.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

fn text(bytes: &[u8], at: u64) -> Option<String> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|b| *b == 0)?;
    String::from_utf8(rest[..end].to_vec()).ok()
}
