use bstr::BString;

use crate::{Class, Endian, Kind, Machine, Summary, VersionNeed};

/// The form of [`Summary::encode`]. Goals: small (some 100 bytes for a library), stable, told apart
/// from later forms by its first byte. Rule: a change of meaning or order takes a new number, and a
/// reader refuses numbers that it does not know; the cache is then filled anew.
const VERSION: u8 = 1;

const BIG: u8 = 1;
const WIDE: u8 = 2;
const DYNAMIC: u8 = 4;
const PIE: u8 = 8;
const INTERPRETER: u8 = 16;
const SONAME: u8 = 32;
const RPATH: u8 = 64;
const RUNPATH: u8 = 128;

/// Bytes that [`Summary::encode`] did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode the summary of an ELF object: {what}")]
pub struct DecodeError {
    /// What is wrong.
    pub what: &'static str,
}

impl diag::Explain for DecodeError {
    fn kind(&self) -> diag::Kind {
        // Such bytes come from our own cache only, whose blocks are checked before.
        diag::Kind::Internal
    }
}

impl Summary {
    /// A compact form to keep beside the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut flags = 0;
        let mut set = |bit: u8, on: bool| flags |= if on { bit } else { 0 };
        set(BIG, self.endian == Endian::Big);
        set(WIDE, self.class == Class::Elf64);
        set(DYNAMIC, self.dynamic);
        set(PIE, self.pie);
        set(INTERPRETER, self.interpreter.is_some());
        set(SONAME, self.soname.is_some());
        set(RPATH, self.rpath.is_some());
        set(RUNPATH, self.runpath.is_some());
        let mut out = vec![VERSION, flags, self.os_abi];
        let kind = match self.kind {
            Kind::Relocatable => 1,
            Kind::Executable => 2,
            Kind::Shared => 3,
            Kind::Other(other) => u32::from(other) + 4,
        };
        for number in [u32::from(self.machine.0), kind, self.flags, self.isa_needed] {
            put_number(&mut out, number);
        }
        for text in [&self.interpreter, &self.soname, &self.rpath, &self.runpath].into_iter().flatten() {
            put_text(&mut out, text);
        }
        put_texts(&mut out, &self.needed);
        put_number(&mut out, self.version_needs.len() as u32);
        for need in &self.version_needs {
            put_text(&mut out, &need.library);
            put_number(&mut out, need.versions.len() as u32);
            for (version, weak) in &need.versions {
                put_text(&mut out, version);
                out.push(u8::from(*weak));
            }
        }
        put_texts(&mut out, &self.version_definitions);
        put_texts(&mut out, &self.dlopen);
        out
    }

    /// Reads what [`Summary::encode`] wrote; total.
    ///
    /// # Errors
    /// Another version, a number or text that leaves the bytes, bytes left over.
    pub fn decode(bytes: &[u8]) -> Result<Summary, DecodeError> {
        let mut from = Cursor { rest: bytes };
        if from.byte()? != VERSION {
            return Err(DecodeError { what: "another version of the format" });
        }
        let (flags, os_abi) = (from.byte()?, from.byte()?);
        let has = |bit: u8| flags & bit != 0;
        let machine =
            u16::try_from(from.number()?).map_err(|_| DecodeError { what: "a machine above 65535" })?;
        let kind = kind_of(from.number()?)?;
        let summary = Summary {
            class: if has(WIDE) { Class::Elf64 } else { Class::Elf32 },
            endian: if has(BIG) { Endian::Big } else { Endian::Little },
            machine: Machine(machine),
            os_abi,
            kind,
            dynamic: has(DYNAMIC),
            pie: has(PIE),
            flags: from.number()?,
            isa_needed: from.number()?,
            interpreter: from.text_if(has(INTERPRETER))?,
            soname: from.text_if(has(SONAME))?,
            rpath: from.text_if(has(RPATH))?,
            runpath: from.text_if(has(RUNPATH))?,
            needed: from.list(Cursor::text)?,
            version_needs: from.list(Cursor::version_need)?,
            version_definitions: from.list(Cursor::text)?,
            dlopen: from.list(Cursor::text)?,
        };
        match from.rest {
            [] => Ok(summary),
            _ => Err(DecodeError { what: "bytes after the end" }),
        }
    }
}

fn kind_of(number: u32) -> Result<Kind, DecodeError> {
    match number {
        0 => Err(DecodeError { what: "no kind" }),
        1 => Ok(Kind::Relocatable),
        2 => Ok(Kind::Executable),
        3 => Ok(Kind::Shared),
        other => match u16::try_from(other - 4) {
            Ok(other) => Ok(Kind::Other(other)),
            Err(_) => Err(DecodeError { what: "a kind above 65535" }),
        },
    }
}

/// LEB128.
fn put_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_text(out: &mut Vec<u8>, text: &BString) {
    put_number(out, text.len() as u32);
    out.extend_from_slice(text);
}

fn put_texts(out: &mut Vec<u8>, texts: &[BString]) {
    put_number(out, texts.len() as u32);
    for text in texts {
        put_text(out, text);
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

const SHORT: DecodeError = DecodeError { what: "the end is missing" };

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(number).map_err(|_| DecodeError { what: "a number above 32 bits" });
            }
        }
        Err(DecodeError { what: "a number above 32 bits" })
    }

    fn text(&mut self) -> Result<BString, DecodeError> {
        let len = self.number()? as usize;
        let (text, rest) = self.rest.split_at_checked(len).ok_or(SHORT)?;
        self.rest = rest;
        Ok(text.into())
    }

    fn text_if(&mut self, there: bool) -> Result<Option<BString>, DecodeError> {
        there.then(|| self.text()).transpose()
    }

    /// Grows as elements come: a claimed length reserves nothing.
    fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut out = Vec::new();
        for _ in 0..self.number()? {
            out.push(element(self)?);
        }
        Ok(out)
    }

    fn version_need(&mut self) -> Result<VersionNeed, DecodeError> {
        let library = self.text()?;
        let versions = self.list(|c| Ok((c.text()?, c.byte()? != 0)))?;
        Ok(VersionNeed { library, versions })
    }
}
