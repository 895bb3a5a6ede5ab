use std::io;

use bstr::BString;
use object::elf::{self, FileHeader32, FileHeader64};
use object::endian::Endianness;
use object::pod;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use crate::source::Blocks;
use crate::{Class, Endian, Kind, Machine, ReadAt, Summary, VersionNeed};

/// More than these no object has that a linker made; they bound time and memory on bytes that lie.
const MOST_SEGMENTS: usize = 4096;
const MOST_DYNAMIC_BYTES: usize = 1 << 20;
const MOST_NAME_BYTES: usize = 4096;
const MOST_NAMES_BYTES: usize = 1 << 20;
const MOST_NOTE_BYTES: usize = 64 << 10;

/// Why an ELF object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed.
    #[error("cannot read an ELF object: {0}")]
    Io(#[from] io::Error),
    /// The bytes begin as ELF and go on as something else.
    #[error("cannot read an ELF object: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
}

impl diag::Explain for ReadError {
    fn kind(&self) -> diag::Kind {
        match self {
            ReadError::Io(_) => diag::Kind::Machine,
            ReadError::Malformed { .. } => diag::Kind::Input,
        }
    }
}

fn malformed<T>(what: &'static str) -> Result<T, ReadError> {
    Err(ReadError::Malformed { what })
}

pub(crate) fn read(source: &dyn ReadAt) -> Result<Option<Summary>, ReadError> {
    let mut blocks = Blocks::new(source);
    let head = blocks.up_to(0, 64)?;
    if !head.starts_with(&elf::ELFMAG) {
        return Ok(None);
    }
    match head.get(4).map(|c| elf::FileClass(*c)) {
        Some(elf::ELFCLASS32) => Reader::<FileHeader32<Endianness>>::read(blocks, &head),
        Some(elf::ELFCLASS64) => Reader::<FileHeader64<Endianness>>::read(blocks, &head),
        _ => malformed("its class is neither 32 nor 64 bits"),
    }
    .map(Some)
}

struct Reader<'a, H: FileHeader<Endian = Endianness>> {
    blocks: Blocks<'a>,
    endian: Endianness,
    segments: Vec<H::ProgramHeader>,
    /// How many bytes of names were taken so far.
    names: usize,
}

/// What `PT_DYNAMIC` says, before names are looked up.
#[derive(Default)]
struct Dynamic {
    strings: Option<u64>,
    strings_size: u64,
    needed: Vec<u64>,
    soname: Option<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    version_needs: Option<u64>,
    version_needs_count: u64,
    version_definitions: Option<u64>,
    version_definitions_count: u64,
    flags_1: u64,
}

impl<'a, H: FileHeader<Endian = Endianness>> Reader<'a, H> {
    fn read(blocks: Blocks<'a>, head: &[u8]) -> Result<Summary, ReadError> {
        let Ok(header) = H::parse(head) else {
            return malformed("its header is cut short or of an unknown version");
        };
        let Ok(endian) = header.endian() else {
            return malformed("its byte order is neither little nor big");
        };
        let mut reader = Reader::<H> { blocks, endian, segments: Vec::new(), names: 0 };
        let mut summary = Summary {
            class: if header.is_class_64() { Class::Elf64 } else { Class::Elf32 },
            endian: if endian == Endianness::Little { Endian::Little } else { Endian::Big },
            machine: Machine(header.e_machine(endian).0),
            os_abi: header.e_ident().os_abi.0,
            flags: header.e_flags(endian).0,
            kind: match header.e_type(endian) {
                elf::ET_REL => Kind::Relocatable,
                elf::ET_EXEC => Kind::Executable,
                elf::ET_DYN => Kind::Shared,
                other => Kind::Other(other.0),
            },
            interpreter: None,
            dynamic: false,
            pie: false,
            soname: None,
            rpath: None,
            runpath: None,
            needed: Vec::new(),
            version_needs: Vec::new(),
            version_definitions: Vec::new(),
            isa_needed: 0,
            dlopen: Vec::new(),
        };
        if matches!(summary.kind, Kind::Executable | Kind::Shared) {
            reader.read_segments(header)?;
            reader.fill(&mut summary)?;
        }
        Ok(summary)
    }

    fn read_segments(&mut self, header: &H) -> Result<(), ReadError> {
        let count = usize::from(header.e_phnum(self.endian));
        let each = size_of::<H::ProgramHeader>();
        if count == 0 {
            return Ok(());
        }
        if count > MOST_SEGMENTS {
            return malformed("it claims more than 4096 program headers");
        }
        if usize::from(header.e_phentsize(self.endian)) != each {
            return malformed("its program headers have another size than the format's");
        }
        let at: u64 = header.e_phoff(self.endian).into();
        let bytes = self.blocks.up_to(at, count * each)?;
        match pod::slice_from_all_bytes::<H::ProgramHeader>(&bytes) {
            Ok(all) if all.len() == count => self.segments = all.to_vec(),
            _ => return malformed("its program headers lie beyond its end"),
        }
        Ok(())
    }

    fn fill(&mut self, summary: &mut Summary) -> Result<(), ReadError> {
        for segment in self.segments.clone() {
            let (at, size) = segment.file_range(self.endian);
            match segment.p_type(self.endian) {
                elf::PT_INTERP => summary.interpreter = Some(self.name_at(at, size)?),
                elf::PT_DYNAMIC if !summary.dynamic => {
                    summary.dynamic = true;
                    let dynamic = self.read_dynamic(at, size)?;
                    self.fill_dynamic(summary, &dynamic)?;
                }
                elf::PT_NOTE | elf::PT_GNU_PROPERTY => {
                    let align: u64 = segment.p_align(self.endian).into();
                    self.read_notes(summary, at, size, if align == 8 { 8 } else { 4 })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_dynamic(&mut self, at: u64, size: u64) -> Result<Dynamic, ReadError> {
        let each = size_of::<H::Dyn>();
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(MOST_DYNAMIC_BYTES) / each * each;
        let bytes = self.blocks.up_to(at, size)?;
        let Ok(all) = pod::slice_from_all_bytes::<H::Dyn>(&bytes[..bytes.len() / each * each]) else {
            return malformed("its dynamic section cannot be read");
        };
        let mut out = Dynamic::default();
        for entry in all {
            let value: u64 = entry.d_val(self.endian).into();
            match entry.d_tag(self.endian) {
                elf::DT_NULL => break,
                elf::DT_STRTAB => out.strings = Some(value),
                elf::DT_STRSZ => out.strings_size = value,
                elf::DT_NEEDED => out.needed.push(value),
                elf::DT_SONAME => out.soname = Some(value),
                elf::DT_RPATH => out.rpath = Some(value),
                elf::DT_RUNPATH => out.runpath = Some(value),
                elf::DT_VERNEED => out.version_needs = Some(value),
                elf::DT_VERNEEDNUM => out.version_needs_count = value,
                elf::DT_VERDEF => out.version_definitions = Some(value),
                elf::DT_VERDEFNUM => out.version_definitions_count = value,
                elf::DT_FLAGS_1 => out.flags_1 = value,
                _ => {}
            }
        }
        Ok(out)
    }

    fn fill_dynamic(&mut self, summary: &mut Summary, dynamic: &Dynamic) -> Result<(), ReadError> {
        summary.pie = dynamic.flags_1 & elf::DF_1_PIE.0 != 0;
        let names = [dynamic.soname, dynamic.rpath, dynamic.runpath];
        if dynamic.needed.is_empty() && names.iter().all(Option::is_none) && dynamic.version_needs.is_none() {
            // Static programs have a dynamic section, some without strings.
            return Ok(());
        }
        let Some(strings) = dynamic.strings.and_then(|s| self.file_offset(s)) else {
            return malformed("its dynamic names are in no segment");
        };
        let table = (strings, dynamic.strings_size);
        summary.soname = dynamic.soname.map(|n| self.dynamic_name(table, n)).transpose()?;
        summary.rpath = dynamic.rpath.map(|n| self.dynamic_name(table, n)).transpose()?;
        summary.runpath = dynamic.runpath.map(|n| self.dynamic_name(table, n)).transpose()?;
        for &name in &dynamic.needed {
            let name = self.dynamic_name(table, name)?;
            summary.needed.push(name);
        }
        if let Some(at) = dynamic.version_needs {
            summary.version_needs = self.version_needs(table, at, dynamic.version_needs_count)?;
        }
        if let Some(at) = dynamic.version_definitions {
            summary.version_definitions =
                self.version_definitions(table, at, dynamic.version_definitions_count)?;
        }
        Ok(())
    }

    fn version_needs(
        &mut self,
        table: (u64, u64),
        address: u64,
        count: u64,
    ) -> Result<Vec<VersionNeed>, ReadError> {
        let Some(mut at) = self.file_offset(address) else {
            return malformed("its version needs are in no segment");
        };
        let mut out = Vec::new();
        for _ in 0..count {
            let need: elf::Verneed<Endianness> = self.record(at)?;
            let library = self.dynamic_name(table, need.vn_file.get(self.endian).into())?;
            let mut versions = Vec::new();
            let mut each = at.saturating_add(need.vn_aux.get(self.endian).into());
            for _ in 0..need.vn_cnt.get(self.endian) {
                let version: elf::Vernaux<Endianness> = self.record(each)?;
                let name = self.dynamic_name(table, version.vna_name.get(self.endian).into())?;
                versions.push((name, version.vna_flags.get(self.endian).contains(elf::VER_FLG_WEAK)));
                match version.vna_next.get(self.endian) {
                    0 => break,
                    next => each = each.saturating_add(next.into()),
                }
            }
            out.push(VersionNeed { library, versions });
            match need.vn_next.get(self.endian) {
                0 => break,
                next => at = at.saturating_add(next.into()),
            }
        }
        Ok(out)
    }

    fn version_definitions(
        &mut self,
        table: (u64, u64),
        address: u64,
        count: u64,
    ) -> Result<Vec<BString>, ReadError> {
        let Some(mut at) = self.file_offset(address) else {
            return malformed("its version definitions are in no segment");
        };
        let mut out = Vec::new();
        for _ in 0..count {
            let definition: elf::Verdef<Endianness> = self.record(at)?;
            let base = definition.vd_flags.get(self.endian).contains(elf::VER_FLG_BASE);
            if !base && definition.vd_cnt.get(self.endian) > 0 {
                let name = at.saturating_add(definition.vd_aux.get(self.endian).into());
                let name: elf::Verdaux<Endianness> = self.record(name)?;
                out.push(self.dynamic_name(table, name.vda_name.get(self.endian).into())?);
            }
            match definition.vd_next.get(self.endian) {
                0 => break,
                next => at = at.saturating_add(next.into()),
            }
        }
        Ok(out)
    }

    /// Notes that cannot be read are passed over, as the loader does: nobody depends on them to start.
    fn read_notes(
        &mut self,
        summary: &mut Summary,
        at: u64,
        size: u64,
        align: usize,
    ) -> Result<(), ReadError> {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(MOST_NOTE_BYTES);
        let bytes = self.blocks.up_to(at, size)?;
        let mut rest = bytes.as_slice();
        while let Some((header, after)) = rest.split_at_checked(12) {
            let word = |i: usize| self.word(&header[4 * i..4 * i + 4]);
            let (name_size, size, kind) = (word(0) as usize, word(1) as usize, word(2));
            // Header and name are padded together, and the content by itself.
            let Some((name, _)) = after.split_at_checked(name_size) else { return Ok(()) };
            let padded = (12 + name_size).next_multiple_of(align) - 12;
            let Some((_, after)) = after.split_at_checked(padded) else { return Ok(()) };
            let Some((content, after)) = take_padded(after, size, align) else { return Ok(()) };
            rest = after;
            match (name, elf::NoteType(kind)) {
                (b"GNU\0", elf::NT_GNU_PROPERTY_TYPE_0) => {
                    let isa = self.isa_needed(content);
                    summary.isa_needed |= isa;
                }
                (b"FDO\0", NT_FDO_DLOPEN) => {
                    let text: BString = content.strip_suffix(b"\0").unwrap_or(content).into();
                    // The property segment repeats what a note segment has.
                    if !summary.dlopen.contains(&text) {
                        summary.dlopen.push(text);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn isa_needed(&self, mut properties: &[u8]) -> u32 {
        let align = if H::is_type_64_sized() { 8 } else { 4 };
        while let Some((header, after)) = properties.split_at_checked(8) {
            let (kind, size) = (self.word(&header[..4]), self.word(&header[4..]) as usize);
            let Some((value, after)) = take_padded(after, size, align) else { return 0 };
            if elf::GnuPropertyType(kind) == elf::GNU_PROPERTY_X86_ISA_1_NEEDED && size == 4 {
                return self.word(value);
            }
            properties = after;
        }
        0
    }

    fn word(&self, four: &[u8]) -> u32 {
        let four = [four[0], four[1], four[2], four[3]];
        match self.endian {
            Endianness::Little => u32::from_le_bytes(four),
            Endianness::Big => u32::from_be_bytes(four),
        }
    }

    fn record<T: pod::Pod>(&mut self, at: u64) -> Result<T, ReadError> {
        // Each record costs a little of the allowance of names, so that loops of records end too.
        self.names += size_of::<T>();
        let bytes = self.blocks.up_to(at, size_of::<T>())?;
        match pod::from_bytes::<T>(&bytes) {
            Ok((record, _)) if self.names <= MOST_NAMES_BYTES => Ok(*record),
            Ok(_) => malformed("it claims more than 1 MiB of names and versions"),
            Err(()) => malformed("a table of versions lies beyond its end"),
        }
    }

    fn dynamic_name(&mut self, (at, size): (u64, u64), name: u64) -> Result<BString, ReadError> {
        match size.checked_sub(name) {
            Some(left) if left > 0 => self.name_at(at.saturating_add(name), left),
            _ => malformed("a name lies outside its string table"),
        }
    }

    /// The text at `at` up to its NUL, which must come within `size` bytes.
    fn name_at(&mut self, at: u64, size: u64) -> Result<BString, ReadError> {
        let most = usize::try_from(size).unwrap_or(usize::MAX).min(MOST_NAME_BYTES);
        let mut bytes = self.blocks.up_to(at, most)?;
        let Some(end) = bytes.iter().position(|b| *b == 0) else {
            return malformed("a name has no end within its table or 4096 bytes");
        };
        bytes.truncate(end);
        self.names += end + 1;
        if self.names > MOST_NAMES_BYTES {
            return malformed("it claims more than 1 MiB of names and versions");
        }
        Ok(bytes.into())
    }

    /// Where an address of memory is in the file.
    fn file_offset(&self, address: u64) -> Option<u64> {
        self.segments.iter().filter(|s| s.p_type(self.endian) == elf::PT_LOAD).find_map(|s| {
            let from: u64 = s.p_vaddr(self.endian).into();
            let size: u64 = s.p_filesz(self.endian).into();
            let within = address.checked_sub(from).filter(|w| *w < size)?;
            Into::<u64>::into(s.p_offset(self.endian)).checked_add(within)
        })
    }
}

/// `FDO` notes of this type carry the JSON of `.note.dlopen`.
const NT_FDO_DLOPEN: elf::NoteType = elf::NoteType(0x407c_0c0a);

fn take_padded(from: &[u8], size: usize, align: usize) -> Option<(&[u8], &[u8])> {
    let (taken, _) = from.split_at_checked(size)?;
    let padded = size.checked_next_multiple_of(align)?.min(from.len());
    Some((taken, &from[padded..]))
}
