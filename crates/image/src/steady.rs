use std::io::{self, Read};

use diag::{Reporter, Task, Unit};
use oci::{Descriptor, Raw};

use crate::{Carried, Document, Source, TransportError};

/// How often in a row a body may break off before a byte more came.
const MAX_BREAKS: u32 = 5;

/// Of smaller parts nobody sees a bar.
const WORTH_TELLING: u64 = 1 << 20;

/// A source whose bodies go on where they broke off, are told of as they come, and end when the user asks to
/// stop. Their content is checked by whoever takes it.
pub struct Steady<'a> {
    source: &'a dyn Source,
    reporter: &'a dyn Reporter,
}

impl<'a> Steady<'a> {
    /// Reads from `source`.
    pub fn new(source: &'a dyn Source, reporter: &'a dyn Reporter) -> Steady<'a> {
        Steady { source, reporter }
    }
}

impl Source for Steady<'_> {
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        self.source.document(name)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        self.reporter.check().map_err(TransportError::Stopped)?;
        let reader = Some(self.source.blob(of, from)?);
        let is_small = of.size < WORTH_TELLING;
        // The beginning of a digest, as engines show it.
        let label: String = of.digest.hex().chars().take(12).collect();
        let task = (!is_small).then(|| self.reporter.task(&label, Some(of.size), Unit::Bytes));
        task.iter().for_each(|task| task.advance(from));
        Ok(Box::new(Body { steady: self, of: of.clone(), reader, at: from, breaks: 0, task }))
    }
}

/// A blob's bytes; where they break off, the source is asked for the rest.
struct Body<'a> {
    steady: &'a Steady<'a>,
    of: Descriptor,
    reader: Option<Box<dyn Read + Send + 'a>>,
    at: u64,
    breaks: u32,
    task: Option<Task<'a>>,
}

impl Body<'_> {
    /// Asks for the rest, once more.
    fn again(&mut self, why: io::Error) -> io::Result<()> {
        self.breaks += 1;
        self.reader = None;
        if self.breaks > MAX_BREAKS {
            return Err(why);
        }
        let rest = self.steady.source.blob(&self.of, self.at);
        self.reader = Some(rest.map_err(|error| io::Error::other(Carried(error.into())))?);
        Ok(())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.of.size;
        loop {
            self.steady.reporter.check().map_err(io::Error::other)?;
            let Some(reader) = &mut self.reader else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            match reader.read(buffer) {
                // One that ends at the same place again is as long as it is; whoever takes it judges that.
                Ok(0) if self.at < size && !buffer.is_empty() && self.breaks == 0 => {
                    let text = format!("it ends after {} of {size} bytes", self.at);
                    self.again(io::Error::new(io::ErrorKind::UnexpectedEof, text))?;
                }
                Ok(got) => {
                    self.at += got as u64;
                    self.breaks = if got > 0 { 0 } else { self.breaks };
                    self.task.iter().for_each(|task| task.advance(got as u64));
                    return Ok(got);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // A source that says what is wrong has tried again itself.
                Err(e) if e.get_ref().is_some_and(|e| e.is::<Carried>()) => return Err(e),
                Err(e) => self.again(e)?,
            }
        }
    }
}
