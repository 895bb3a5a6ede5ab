use bstr::BString;

use crate::{Machine, ReadAt, ReadError, reader};

/// What an ELF object is, needs and offers; see the gABI, and `ld.so(8)` for how the paths are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// 32 or 64 bits.
    pub class: Class,
    /// Byte order.
    pub endian: Endian,
    /// Processor.
    pub machine: Machine,
    /// `EI_OSABI`.
    pub os_abi: u8,
    /// `e_flags`: the processor's ABI (hard float of arm and riscv, ELFv2 of ppc64 …).
    pub flags: u32,
    /// `e_type`.
    pub kind: Kind,
    /// `PT_INTERP`: the loader, an absolute path. `libc.so.6` has one too, without being a program.
    pub interpreter: Option<BString>,
    /// Is there a `PT_DYNAMIC`?
    pub dynamic: bool,
    /// `DF_1_PIE`: a program, although its type is that of a library.
    pub pie: bool,
    /// `DT_SONAME`.
    pub soname: Option<BString>,
    /// `DT_RPATH`, unexpanded (`$ORIGIN` …), with its colons.
    pub rpath: Option<BString>,
    /// `DT_RUNPATH`, likewise; where it stands, `DT_RPATH` is ignored.
    pub runpath: Option<BString>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<BString>,
    /// `DT_VERNEED`: symbol versions asked of other objects, in order.
    pub version_needs: Vec<VersionNeed>,
    /// `DT_VERDEF`: symbol versions that this object defines (without its own base name), in order.
    pub version_definitions: Vec<BString>,
    /// `GNU_PROPERTY_X86_ISA_1_NEEDED`, else 0: bit n is x86-64 level n+1 (baseline, v2, v3, v4).
    pub isa_needed: u32,
    /// `.note.dlopen`: JSON texts that name what is loaded at run time (uapi-group, ELF_DLOPEN_METADATA).
    pub dlopen: Vec<BString>,
}

/// `EI_CLASS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 32 bits.
    Elf32,
    /// 64 bits.
    Elf64,
}

/// `EI_DATA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// `e_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `ET_REL`: an object file, a kernel module.
    Relocatable,
    /// `ET_EXEC`: a program at a fixed address.
    Executable,
    /// `ET_DYN`: a library, or a position-independent program.
    Shared,
    /// Anything else (core dumps).
    Other(u16),
}

/// Symbol versions that an object asks of one library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionNeed {
    /// The library, as `DT_NEEDED` names it.
    pub library: BString,
    /// Versions (`GLIBC_2.34`), each with "weak": a loader does not fail for want of a weak one.
    pub versions: Vec<(BString, bool)>,
}

impl Summary {
    /// Reads an object; `None` when the bytes are not ELF at all.
    ///
    /// # Errors
    /// [`ReadError::Io`] of the source, [`ReadError::Malformed`] where the headers contradict
    /// themselves, leave the file or exceed what a sane object has.
    pub fn read(source: &(impl ReadAt + ?Sized)) -> Result<Option<Summary>, ReadError> {
        reader::read(&source)
    }

    /// Is it something that `execve` starts, rather than a library?
    ///
    /// Programs of linkers before 2015 lack `DF_1_PIE`; those have an interpreter and no soname.
    pub fn is_program(&self) -> bool {
        match self.kind {
            Kind::Executable => true,
            Kind::Shared => self.pie || (self.interpreter.is_some() && self.soname.is_none()),
            Kind::Relocatable | Kind::Other(_) => false,
        }
    }

    /// A program that needs no loader and no library.
    pub fn is_static(&self) -> bool {
        self.is_program() && self.interpreter.is_none() && self.needed.is_empty()
    }

    /// The search path that the object carries: `DT_RUNPATH`, else `DT_RPATH`.
    pub fn search_path(&self) -> Option<&BString> {
        self.runpath.as_ref().or(self.rpath.as_ref())
    }
}
