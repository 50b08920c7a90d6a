//! A process that is stopped at an instruction of an operation, and dies there (ptrace(2)).
//!
//! It is forked from this one, so that all victims have the same memory and take the same way, and
//! one costs a fraction of a millisecond. What lies before the last system call in front of the point
//! is run at full speed, from system call to system call; from there on it goes to a breakpoint as
//! near as there is one, and only the rest is stepped through.
#![allow(unsafe_code)] // fork, ptrace, waitpid, kill

use std::collections::HashSet;
use std::ptr::null_mut;

/// What a victim does at the end, or before it: something that is made ready, to be done at once.
pub(crate) type Operation = Box<dyn FnOnce()>;

/// A system call that nothing else makes so: the operation is done.
const END: u64 = 0x0dd_ba11;

/// What the kernel calls the general registers.
const NT_PRSTATUS: usize = 1;

/// The child's way to say that it may not be traced.
const REFUSED: i32 = 99;

/// How a child ends that panicked.
const PANICKED: i32 = 101;

/// Where a victim is to be killed: after so many system calls, so many instructions further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Point {
    pub(crate) calls: u64,
    pub(crate) steps: u64,
}

/// Where a victim has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// To be killed here. Not just where it was to go: one way is a little longer than the other.
    Here(Point),
    /// The operation is done; to be killed for the last time.
    End(Point),
}

/// Why there is no such process, or it went wrong.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// This machine lets nobody trace.
    Refused(String),
    /// The operation did something that it must not, or the tools broke.
    Failed(String),
    /// It took another way than those before it.
    Elsewhere,
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Trouble::Failed(text)
    }
}

/// Where earlier victims came by after the last system call. What they came by once only, a breakpoint
/// finds again.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    calls: u64,
    steps: u64,
    seen: HashSet<u64>,
    /// After so many instructions, at this address, which none of them had before.
    landmark: Option<(u64, u64)>,
}

impl Trail {
    fn note(&mut self, here: Point, address: u64) {
        if here.calls != self.calls || here.steps == 0 {
            *self = Trail { calls: here.calls, ..Trail::default() };
        }
        if here.steps != self.steps {
            return;
        }
        self.steps += 1;
        if self.seen.insert(address) {
            self.landmark = Some((here.steps, address));
        }
    }

    /// What is worth a breakpoint on the way to a point.
    fn landmark(&self, point: Point) -> Option<(u64, u64)> {
        const WORTH_IT: u64 = 12;
        let landmark = self.landmark.filter(|_| self.calls == point.calls)?;
        (WORTH_IT..=point.steps).contains(&landmark.0).then_some(landmark)
    }
}

/// A traced process. Killed at the latest when this goes.
#[derive(Debug)]
pub(crate) struct Victim {
    pid: libc::pid_t,
    gone: bool,
}

/// A system call that comes next.
struct Call {
    number: u64,
    arguments: [u64; 2],
}

impl Call {
    fn is_end(&self) -> bool {
        self.number == libc::SYS_getppid as u64 && self.arguments[0] == END
    }

    /// Whether it sleeps on a word of the object.
    fn sleeps(&self) -> bool {
        const FUTEX_WAITV: u64 = 449;
        let operation = self.arguments[1] as libc::c_int & !libc::FUTEX_PRIVATE_FLAG;
        self.number == FUTEX_WAITV
            || (self.number == libc::SYS_futex as u64
                && matches!(operation, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET))
    }
}

/// Forks; answers the child's pid, and in the child 0.
pub(crate) fn fork() -> Result<libc::pid_t, String> {
    // SAFETY: this program has one thread, so the child may go on with everything it has.
    match unsafe { libc::fork() } {
        -1 => Err(format!("fork: {}", std::io::Error::last_os_error())),
        pid => Ok(pid),
    }
}

/// Sees that the calling process ends when its parent does.
pub(crate) fn end_with_parent() {
    // SAFETY: plain system call.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

impl Victim {
    /// Starts a process that makes an operation ready, and stops it just before it begins.
    pub(crate) fn start(prepare: impl FnOnce() -> Operation) -> Result<Victim, Trouble> {
        let pid = fork()?;
        if pid == 0 {
            play(prepare);
        }
        let victim = Victim { pid, gone: false };
        let status = victim.wait()?;
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == REFUSED {
            return Err(Trouble::Refused("ptrace(2) is not permitted here".to_owned()));
        }
        if !libc::WIFSTOPPED(status) || libc::WSTOPSIG(status) != libc::SIGUSR1 {
            return Err(Trouble::Failed(format!("it was not made ready: status {status:#x}")));
        }
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        victim.request(libc::PTRACE_SETOPTIONS, options as usize)?;
        Ok(victim)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid as u32
    }

    /// Lets it go on to a point. `asleep` is called once, when it sleeps for the first time.
    pub(crate) fn run_to(
        &self,
        point: Point,
        trail: &mut Trail,
        mut asleep: impl FnMut() -> Result<(), String>,
    ) -> Result<Reached, Trouble> {
        let mut slept = false;
        let mut asleep = || if std::mem::replace(&mut slept, true) { Ok(()) } else { asleep() };
        for calls in 0..point.calls {
            if self.pass_call(&mut asleep)? {
                return Ok(Reached::End(Point { calls, steps: 0 }));
            }
        }
        let mut here = Point { calls: point.calls, steps: 0 };
        let mut left = point.steps;
        if let Some((steps, address)) = trail.landmark(point)
            && self.run_to_address(address)?
        {
            here.steps = steps;
            left -= steps;
        }
        loop {
            let registers = self.registers()?;
            trail.note(here, registers.next_instruction());
            let next = self.next_call(&registers)?;
            if next.as_ref().is_some_and(Call::is_end) {
                return Ok(Reached::End(here));
            }
            if left == 0 {
                return Ok(Reached::Here(here));
            }
            left -= 1;
            if next.is_some() {
                self.pass_call(&mut asleep)?;
                here = Point { calls: here.calls + 1, steps: 0 };
            } else {
                self.request(libc::PTRACE_SINGLESTEP, 0)?;
                self.stopped_by(libc::SIGTRAP)?;
                here.steps += 1;
            }
        }
    }

    /// Kills it where it is, and waits until it is gone with all that the kernel kept for it.
    pub(crate) fn kill(&mut self) {
        if std::mem::replace(&mut self.gone, true) {
            return;
        }
        // SAFETY: plain system call; it was not reaped, so the pid is its.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        while self.wait().is_ok_and(|status| libc::WIFSTOPPED(status)) {}
    }

    /// Through the next system call; true if that is the mark of the end, which it stays in front of.
    fn pass_call(&self, asleep: &mut impl FnMut() -> Result<(), String>) -> Result<bool, Trouble> {
        const CALL: libc::c_int = libc::SIGTRAP | 0x80;
        self.request(libc::PTRACE_SYSCALL, 0)?;
        self.stopped_by(CALL)?;
        let call = self.registers()?.call_entered();
        if call.is_end() {
            return Ok(true);
        }
        self.request(libc::PTRACE_SYSCALL, 0)?;
        if call.sleeps() {
            // It sleeps or is through already: then it need not be woken, and no harm is done.
            while !self.sleeps_or_stopped()? {
                std::thread::yield_now();
            }
            asleep()?;
        }
        self.stopped_by(CALL)?;
        Ok(false)
    }

    fn sleeps_or_stopped(&self) -> Result<bool, String> {
        Ok(matches!(state_of(self.pid)?, b'S' | b't'))
    }

    fn next_call(&self, registers: &Registers) -> Result<Option<Call>, String> {
        let instruction = self.peek(registers.next_instruction())? as u32;
        Ok((instruction & SYSTEM_CALL_MASK == SYSTEM_CALL).then(|| registers.call_next()))
    }

    /// Lets it run at full speed to an address. False, and it is where it was: that cannot be.
    fn run_to_address(&self, address: u64) -> Result<bool, Trouble> {
        let there = self.peek(address)?;
        let trap = (there & !BREAKPOINT_MASK) | BREAKPOINT;
        if self.poke(address, trap).is_err() {
            return Ok(false);
        }
        self.request(libc::PTRACE_SYSCALL, 0)?;
        let status = self.wait()?;
        if !libc::WIFSTOPPED(status) || libc::WSTOPSIG(status) != libc::SIGTRAP {
            // A system call, where the ones before had none, or a true mishap.
            let text = format!("it took another way than those before: status {status:#x}");
            return Err(if libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) & 0x80 != 0 {
                Trouble::Elsewhere
            } else {
                Trouble::Failed(text)
            });
        }
        self.poke(address, there)?;
        let mut registers = self.registers()?;
        registers.set_next_instruction(address);
        self.set_registers(registers)?;
        Ok(true)
    }

    fn poke(&self, address: u64, word: u64) -> Result<(), String> {
        // SAFETY: writes a word of the stopped process, whose own copy of the page it is.
        let answer = unsafe {
            libc::ptrace(libc::PTRACE_POKETEXT, self.pid, address as *mut u8, word as *mut u8)
        };
        if answer == 0 { Ok(()) } else { Err(refused("a breakpoint")) }
    }

    fn peek(&self, address: u64) -> Result<u64, String> {
        // So that an answer of -1 can be told from a failure.
        // SAFETY: the C library's own variable for this thread.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { *errno = 0 };
        let nothing = null_mut::<u8>();
        // SAFETY: reads a word of the stopped process and writes nothing here.
        let word =
            unsafe { libc::ptrace(libc::PTRACE_PEEKTEXT, self.pid, address as *mut u8, nothing) };
        let error = std::io::Error::last_os_error();
        if word == -1 && error.raw_os_error() != Some(0) {
            return Err(format!("no instruction at {address:#x}: {error}"));
        }
        Ok(word as u64)
    }

    fn registers(&self) -> Result<Registers, String> {
        // SAFETY: a plain struct of integers, for which all zeros is a value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        let mut place = libc::iovec {
            iov_base: (&raw mut registers).cast(),
            iov_len: size_of::<libc::user_regs_struct>(),
        };
        // SAFETY: the kernel writes at most `iov_len` bytes to the registers.
        let answer =
            unsafe { libc::ptrace(libc::PTRACE_GETREGSET, self.pid, NT_PRSTATUS, &raw mut place) };
        if answer == 0 { Ok(Registers(registers)) } else { Err(refused("the registers")) }
    }

    fn set_registers(&self, mut registers: Registers) -> Result<(), String> {
        let mut place = libc::iovec {
            iov_base: (&raw mut registers.0).cast(),
            iov_len: size_of::<libc::user_regs_struct>(),
        };
        // SAFETY: the kernel reads `iov_len` bytes of the registers.
        let answer =
            unsafe { libc::ptrace(libc::PTRACE_SETREGSET, self.pid, NT_PRSTATUS, &raw mut place) };
        if answer == 0 { Ok(()) } else { Err(refused("the registers")) }
    }

    fn request(&self, request: libc::c_uint, data: usize) -> Result<(), String> {
        // SAFETY: none of the requests made here refers to memory of this process.
        let answer = unsafe { libc::ptrace(request, self.pid, null_mut::<u8>(), data) };
        if answer == 0 { Ok(()) } else { Err(refused("ptrace")) }
    }

    fn stopped_by(&self, signal: libc::c_int) -> Result<(), String> {
        let status = self.wait()?;
        if libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == signal {
            return Ok(());
        }
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PANICKED {
            return Err("the operation failed or panicked".to_owned());
        }
        // A SIGSEGV or SIGBUS in the middle of an operation comes here.
        Err(format!("the operation itself ended or was hit by a signal: status {status:#x}"))
    }

    fn wait(&self) -> Result<libc::c_int, String> {
        let mut status = 0;
        // SAFETY: the status may be written.
        let answer = unsafe { libc::waitpid(self.pid, &raw mut status, libc::__WALL) };
        if answer == self.pid { Ok(status) } else { Err(refused("waitpid")) }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}

fn refused(what: &str) -> String {
    format!("{what}: {}", std::io::Error::last_os_error())
}

/// What a process does, as the kernel puts it: `S` sleeps, `R` runs, `t` is stopped by its tracer.
pub(crate) fn state_of(pid: libc::pid_t) -> Result<u8, String> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).map_err(|error| error.to_string())?;
    let after = stat.iter().rposition(|&byte| byte == b')').ok_or("no name in /proc/PID/stat")?;
    stat.get(after + 2).copied().ok_or_else(|| "/proc/PID/stat is cut".to_owned())
}

/// The child: makes ready, asks to be traced, does it, and says that it is done.
fn play(prepare: impl FnOnce() -> Operation) -> ! {
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        end_with_parent();
        let operation = prepare();
        // From here on every instruction is dear, and to tell a panic's place takes many thousands.
        std::panic::set_hook(Box::new(|_| {
            // SAFETY: ends the process without running anything else.
            unsafe { libc::_exit(PANICKED) }
        }));
        let nothing = null_mut::<u8>();
        // SAFETY: plain system call.
        if unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, nothing, nothing) } != 0 {
            // SAFETY: ends the process without running anything else.
            unsafe { libc::_exit(REFUSED) };
        }
        let me = std::process::id();
        // SAFETY: plain system call. The tracer swallows the signal.
        unsafe { libc::syscall(libc::SYS_kill, me, libc::SIGUSR1) };
        operation();
        // SAFETY: getppid has no arguments and cannot fail; what else is in the registers is ignored.
        unsafe { libc::syscall(libc::SYS_getppid, END) };
    }));
    // Never reached in good company: it is killed at its mark at the latest.
    // SAFETY: ends the process without running anything else.
    unsafe { libc::_exit(if played.is_ok() { 98 } else { PANICKED }) }
}

/// A stopped process's registers.
struct Registers(libc::user_regs_struct);

#[cfg(target_arch = "x86_64")]
const SYSTEM_CALL: u32 = 0x050f;
#[cfg(target_arch = "x86_64")]
const SYSTEM_CALL_MASK: u32 = 0xffff;
#[cfg(target_arch = "x86_64")]
const BREAKPOINT: u64 = 0xcc;
#[cfg(target_arch = "x86_64")]
const BREAKPOINT_MASK: u64 = 0xff;
#[cfg(target_arch = "aarch64")]
const BREAKPOINT: u64 = 0xd420_0000;
#[cfg(target_arch = "aarch64")]
const BREAKPOINT_MASK: u64 = 0xffff_ffff;
#[cfg(target_arch = "aarch64")]
const SYSTEM_CALL: u32 = 0xd400_0001;
#[cfg(target_arch = "aarch64")]
const SYSTEM_CALL_MASK: u32 = 0xffff_ffff;

#[cfg(target_arch = "x86_64")]
impl Registers {
    fn next_instruction(&self) -> u64 {
        self.0.rip
    }

    fn set_next_instruction(&mut self, address: u64) {
        self.0.rip = address;
    }

    fn call_next(&self) -> Call {
        Call { number: self.0.rax, arguments: [self.0.rdi, self.0.rsi] }
    }

    /// At the stop on entering: the register that had the number holds something else by now.
    fn call_entered(&self) -> Call {
        Call { number: self.0.orig_rax, arguments: [self.0.rdi, self.0.rsi] }
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    fn next_instruction(&self) -> u64 {
        self.0.pc
    }

    fn set_next_instruction(&mut self, address: u64) {
        self.0.pc = address;
    }

    fn call_next(&self) -> Call {
        Call { number: self.0.regs[8], arguments: [self.0.regs[0], self.0.regs[1]] }
    }

    fn call_entered(&self) -> Call {
        self.call_next()
    }
}
