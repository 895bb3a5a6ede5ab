use std::fmt;

use object::elf;

/// `e_machine`: the processor that an object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine(pub u16);

impl Machine {
    /// `EM_386`.
    pub const X86: Machine = Machine(elf::EM_386.0);
    /// `EM_X86_64`; 32-bit objects of it are x32.
    pub const X86_64: Machine = Machine(elf::EM_X86_64.0);
    /// `EM_ARM`.
    pub const ARM: Machine = Machine(elf::EM_ARM.0);
    /// `EM_AARCH64`.
    pub const AARCH64: Machine = Machine(elf::EM_AARCH64.0);
    /// `EM_PPC64`.
    pub const PPC64: Machine = Machine(elf::EM_PPC64.0);
    /// `EM_S390`.
    pub const S390: Machine = Machine(elf::EM_S390.0);
    /// `EM_RISCV`.
    pub const RISCV: Machine = Machine(elf::EM_RISCV.0);
    /// `EM_LOONGARCH`.
    pub const LOONGARCH: Machine = Machine(elf::EM_LOONGARCH.0);
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Machine::X86 => "i386",
            Machine::X86_64 => "x86-64",
            Machine::ARM => "arm",
            Machine::AARCH64 => "aarch64",
            Machine::PPC64 => "ppc64",
            Machine::S390 => "s390",
            Machine::RISCV => "riscv",
            Machine::LOONGARCH => "loongarch",
            Machine(other) => return write!(f, "machine {other}"),
        };
        f.write_str(name)
    }
}
