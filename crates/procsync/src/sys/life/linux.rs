//! The kernel's list of robust futexes (set_robust_list(2), and "The robust futex ABI" in the
//! kernel's documentation), and futex_waitv(2).
//!
//! Each thread has such a list. glibc registers it and keeps the thread's locked robust mutexes in
//! it; when the thread dies, in whatever way, the kernel walks it, and sets `FUTEX_OWNER_DIED` in each word that holds the thread's id. Here a node of ours is linked
//! beside glibc's own. (A process's first thread counts as dead when it replaces its program, too.)
//!
//! A list has one distance from node to word for all, and glibc's is 32 bytes: the node's forward
//! link lies 32 bytes after the word, its backward link 24 bytes after. The word must be shared, the
//! links must not: another process could make this one write where it likes. So the word lies 24
//! bytes before the end of a shared page, and right behind this page a private one is mapped.
//!
//! ```text
//!        shared page of the segment            private page
//!   |                     ... | word, 20 bytes | back | forward | ...
//!   0                         4072             4096   4104
//! ```
#![allow(unsafe_code)] // mmap, the thread's list, system calls

use crate::raw::host::Slept;
use crate::sys::process;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether objects have pages for life words. Part of the layout, so it is the same for all on a system.
pub(crate) const HAS_WORDS: bool = true;

/// The shared page and the private one have this size each.
pub(crate) const PAGE: usize = 4_096;
/// Where in its page the word lies.
pub(crate) const WORD_AT: usize = PAGE - BACK_AFTER;

/// How far behind the word glibc's links lie.
const BACK_AFTER: usize = 24;
const FORWARD_AFTER: usize = 32;

/// How many nodes a process may have: each takes two of the kernel's mappings, of which a process
/// may have 65,530 (vm.max_map_count), and the program wants some too.
const MOST_NODES: u32 = 8_192;

/// How many a thread may have: the kernel looks at the first 2,048 of its list only, and glibc's own
/// locked mutexes may stand behind ours.
const MOST_OF_A_THREAD: u32 = 512;

thread_local! {
    static OF_THIS_THREAD: Cell<u32> = const { Cell::new(0) };
}

/// What the kernel knows of a thread's list (linux/futex.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    /// The first node's forward link; of an empty list, this field itself. Bit 0 of a link says
    /// that the node it leads to is of a mutex with priority inheritance.
    first: usize,
    /// From a forward link to its word.
    distance: isize,
    pending: usize,
}

/// Whether words can be had that tell of a thread's death: not if `PROCSYNC_LIFE_WORD` is `off`,
/// not where pages are larger, not where the C library has no list or another one.
pub(crate) fn is_available() -> bool {
    /// 0: not asked yet, 1: no, 2: yes. Asked by two threads at once, it has the same answer; a
    /// lock would be another thread's for ever in a child that is forked just then.
    static AVAILABLE: AtomicU32 = AtomicU32::new(0);
    match AVAILABLE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: no pointers are involved.
            let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            let value = process::environment(c"PROCSYNC_LIFE_WORD");
            let off = value.is_some_and(|value| value == "off");
            let answer = !off && page == PAGE as libc::c_long && head().is_some();
            AVAILABLE.store(1 + u32::from(answer), Ordering::Relaxed);
            answer
        }
        answer => answer == 2,
    }
}

/// The calling thread's list, if it is as glibc makes it.
fn head() -> Option<NonNull<Head>> {
    let mut head: *mut Head = std::ptr::null_mut();
    let mut length = 0_usize;
    // SAFETY: both may be written; 0 means the calling thread.
    let answer =
        unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    let head = NonNull::new(head).filter(|_| answer == 0 && length == size_of::<Head>())?;
    // SAFETY: glibc registered it for this thread: it is valid for as long as the thread.
    let known = unsafe { head.read_volatile() };
    (known.distance == -(FORWARD_AFTER as isize)).then_some(head)
}

/// The number of the calling thread. Unlike the system's ids it is never used again.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// A word that says that the thread which linked it lives.
///
/// | state | list | first page | leaves by |
/// |---|---|---|---|
/// | `Linked` | in the thread's list | shared | `retire`: by its thread to `Gone`, by another one to `CutOff` |
/// | `CutOff` | in the thread's list | private, zeros | `retire` by its thread to `Gone` |
/// | `Gone` | in none | unmapped | |
///
/// A list may only be changed by its own thread. Who wants a word back from another thread (it closes
/// the object) puts a private page over the shared one: the list stays whole, and the kernel finds a
/// zero there when that thread dies. In a forked child the list is empty, and nodes are left alone.
#[derive(Debug)]
pub(crate) struct Node {
    thread: u64,
    /// How many forks led to the process that linked it: a copy in a forked child is none of its own.
    forks: u64,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Linked(NonNull<u8>),
    CutOff(NonNull<u8>),
    Gone,
}

// SAFETY: the address is used under the lock only, and the links behind it by the thread with the
// node's number only.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl Sync for Node {}

static NODES: AtomicU32 = AtomicU32::new(0);

impl Node {
    /// Links the word of the page that `page` is mapped at into the calling thread's list, and then
    /// writes the thread's id into it. None: it cannot be had here and now.
    ///
    /// # Safety
    /// `page` is the first byte of a page of a shared mapping of a file, whose word is accessed by
    /// atomic operations only, and which has space set aside.
    pub(crate) unsafe fn link(page: NonNull<u8>) -> Option<Node> {
        if !is_available() {
            return None;
        }
        let head = head()?;
        if OF_THIS_THREAD.get() >= MOST_OF_A_THREAD {
            return None;
        }
        if NODES.fetch_add(1, Ordering::Relaxed) >= MOST_NODES {
            NODES.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        // SAFETY: by the caller's promise.
        let pages = unsafe { map_pair(page) };
        // SAFETY: the pair was mapped just now; the list is the calling thread's.
        let linked = pages.filter(|pages| unsafe { insert(head, *pages) });
        let Some(pages) = linked else {
            if let Some(pages) = pages {
                // SAFETY: in no list, and nobody else knows it.
                unsafe { unmap_pair(pages) };
            }
            NODES.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        // Only now: a word with an id in it is always in a list, so its thread's death is told.
        // SAFETY: inside the pair.
        let word = unsafe { pages.add(WORD_AT) };
        // SAFETY: aligned, mapped, and accessed by atomic operations only.
        unsafe { word.cast::<AtomicU32>().as_ref() }.store(process::tid(), Ordering::Release);
        OF_THIS_THREAD.set(OF_THIS_THREAD.get() + 1);
        let state = Mutex::new(State::Linked(pages));
        Some(Node { thread: thread_number(), forks: process::forks(), state })
    }

    /// Takes the word out of reach of the thread that linked it: when this returns, that thread's
    /// death changes it no more. By that thread itself, it also leaves its list.
    pub(crate) fn retire(&self) {
        if self.forks != process::forks() {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let own = self.thread == thread_number();
        match *state {
            State::Linked(pages) | State::CutOff(pages) if own => {
                // SAFETY: linked by this thread and not unlinked since, as the state says.
                if unsafe { remove(pages) } {
                    // SAFETY: in no list any more, and the state forgets it.
                    unsafe { unmap_pair(pages) };
                }
                NODES.fetch_sub(1, Ordering::Relaxed);
                OF_THIS_THREAD.set(OF_THIS_THREAD.get() - 1);
                *state = State::Gone;
            }
            State::Linked(pages) => {
                // SAFETY: the pair is mapped for as long as the state is not `Gone`, which the lock
                // holds off.
                unsafe { cover(pages) };
                *state = State::CutOff(pages);
            }
            State::CutOff(_) | State::Gone => {}
        }
    }
}

/// Maps the page a second time, with a private page right behind it.
///
/// # Safety
/// As for [`Node::link`].
unsafe fn map_pair(page: NonNull<u8>) -> Option<NonNull<u8>> {
    // SAFETY: a new private mapping at an address of the kernel's choice touches no other memory.
    let pages = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            2 * PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if pages == libc::MAP_FAILED {
        return None;
    }
    // An old length of 0 asks for a second mapping of the same shared pages (mremap(2)). Not from
    // the file's descriptor: a mapping keeps the open file that it was made from, and with it that
    // file's locks.
    // SAFETY: `page` is a page of a shared mapping; what is replaced was mapped just now.
    let shared = unsafe {
        libc::mremap(
            page.as_ptr().cast::<c_void>(),
            0,
            PAGE,
            libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
            pages,
        )
    };
    let pages = NonNull::new(pages.cast::<u8>())?;
    if shared == libc::MAP_FAILED {
        // Not the first page: the failed call may have unmapped it, and another thread may have
        // mapped something there since.
        // SAFETY: mapped just now, and nobody else knows it.
        let second = unsafe { pages.add(PAGE) };
        // SAFETY: as above.
        unsafe { libc::munmap(second.as_ptr().cast(), PAGE) };
        return None;
    }
    Some(pages)
}

/// Puts zeros of this process's own in place of the shared page. The links lie in the second page,
/// which stays.
///
/// # Safety
/// `pages` was mapped by `map_pair` and still is.
unsafe fn cover(pages: NonNull<u8>) {
    /// The kernel may be short of memory for a moment.
    const TRIES: u32 = 1_000;
    for _ in 0..TRIES {
        // SAFETY: by the caller's promise. Whoever still reads the word there finds a zero.
        let covered = unsafe {
            libc::mmap(
                pages.as_ptr().cast(),
                PAGE,
                // Writable: the thread may be dying just now, and the kernel between reading its
                // id and marking the word. If it may not write, it gives the whole list up.
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if covered != libc::MAP_FAILED {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // What is left then: the next one to have this slot would be taken for dead if it has the same
    // thread id, in another pid namespace, as the thread whose word this was, and that one dies.
    tracing::error!("no memory to take a life word back from another thread");
}

/// # Safety
/// Mapped by `map_pair`, and in no list.
unsafe fn unmap_pair(pages: NonNull<u8>) {
    // SAFETY: by the caller's promise nobody uses it.
    unsafe { libc::munmap(pages.as_ptr().cast(), 2 * PAGE) };
}

/// Reads a link.
///
/// # Safety
/// `place` is the address of a link of the calling thread's list, or of its head.
unsafe fn read(place: usize) -> usize {
    // SAFETY: by the caller's promise. Volatile: glibc and the kernel have their hands in it too.
    unsafe { (place as *const usize).read_volatile() }
}

/// # Safety
/// As for `read`.
unsafe fn write(place: usize, link: usize) {
    // SAFETY: as in `read`.
    unsafe { (place as *mut usize).write_volatile(link) }
}

/// Where a link leads to: the forward link of a node, or the head's first field.
fn target(link: usize) -> usize {
    link & !1
}

/// The backward link that belongs to a forward link (glibc keeps one before the head as well).
fn back(forward: usize) -> usize {
    forward - (FORWARD_AFTER - BACK_AFTER)
}

/// Puts a pair's node at the head of the list, unless the list is not as glibc keeps it.
///
/// The kernel only follows forward links. At each of these steps it finds a list that is whole.
///
/// # Safety
/// `pages` was mapped by `map_pair` and is in no list; `head` is the calling thread's.
unsafe fn insert(head: NonNull<Head>, pages: NonNull<u8>) -> bool {
    let first = head.as_ptr() as usize; // the head's own forward link is its first field
    let forward = pages.as_ptr() as usize + WORD_AT + FORWARD_AFTER;
    // SAFETY: the head of this thread's list.
    let next = unsafe { read(first) };
    if next == 0 {
        return false;
    }
    // SAFETY: by the list's invariant, the next node or the head itself.
    if target(unsafe { read(back(target(next))) }) != first {
        return false;
    }
    // SAFETY: our own private page.
    unsafe { write(forward, next) };
    // SAFETY: our own private page.
    unsafe { write(back(forward), first) };
    // SAFETY: the head of this thread's list.
    unsafe { write(first, forward) };
    // SAFETY: as it was read above; nobody else changes this thread's list.
    unsafe { write(back(target(next)), forward) };
    true
}

/// Takes a pair's node out of the list; false, and nothing is changed, if its neighbours do not
/// know it.
///
/// # Safety
/// `insert` put it into the calling thread's list, and it was not taken out since.
unsafe fn remove(pages: NonNull<u8>) -> bool {
    let forward = pages.as_ptr() as usize + WORD_AT + FORWARD_AFTER;
    // SAFETY: our own private page.
    let next = unsafe { read(forward) };
    // SAFETY: our own private page.
    let previous = unsafe { read(back(forward)) };
    // SAFETY: by the list's invariant, the node before this one or the head.
    let known_before = target(unsafe { read(target(previous)) }) == forward;
    // SAFETY: by the list's invariant, the node after this one or the head.
    let known_after = target(unsafe { read(back(target(next))) }) == forward;
    if !known_before || !known_after {
        return false;
    }
    // SAFETY: as read above. From here on the kernel does not find the node.
    unsafe { write(target(previous), next) };
    // SAFETY: as read above.
    unsafe { write(back(target(next)), previous) };
    true
}

/// What futex_waitv(2) wants for each word.
#[repr(C)]
#[derive(Clone, Copy)]
struct Waited {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

const SIZE_U32: u32 = 2;
const SYS_FUTEX_WAITV: libc::c_long = 449; // the same number on every architecture

/// The most words that can be watched besides the one that is slept on.
pub(crate) const MOST_WATCHED: usize = 16;

/// Processes whose end a sleeper wants to be told of: here no system call waits for those as well.
#[derive(Debug, Default)]
pub(crate) struct Processes(());

impl Processes {
    pub(crate) fn watch(&mut self, _pid: u32, _started: u64) -> bool {
        false
    }
}

/// Sleeps while `word` and all watched words hold what is expected of them, until the monotonic
/// clock shows `until`. True: one of the watched words was woken. Where the kernel cannot sleep on
/// several words (before Linux 5.16, or not permitted), sleeps on `word` alone.
pub(crate) fn sleep_watching(
    word: &AtomicU32,
    expected: u32,
    watched: &[(&AtomicU32, u32)],
    _processes: &Processes,
    until: u64,
) -> (Slept, bool) {
    static REFUSED: AtomicBool = AtomicBool::new(false);
    if watched.is_empty() || REFUSED.load(Ordering::Relaxed) {
        return (crate::sys::wait::sleep(word, expected, true, Some(until)), false);
    }
    let all = [(word, expected)].into_iter().chain(watched.iter().copied());
    let mut waited = [Waited { value: 0, address: 0, flags: 0, reserved: 0 }; MOST_WATCHED + 1];
    let mut count = 0;
    for (place, (word, expected)) in waited.iter_mut().zip(all) {
        *place = Waited {
            value: expected.into(),
            address: word.as_ptr() as u64,
            flags: SIZE_U32, // without the flag for private words: shared
            reserved: 0,
        };
        count += 1;
    }
    let time = libc::timespec {
        tv_sec: (until / 1_000_000_000) as libc::time_t,
        tv_nsec: (until % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: `count` entries, each with the address of a live, aligned word; the time lives for
    // the length of the call.
    let answer = unsafe {
        libc::syscall(
            SYS_FUTEX_WAITV,
            waited.as_ptr(),
            count,
            0,
            &raw const time,
            libc::CLOCK_MONOTONIC,
        )
    };
    if answer >= 0 {
        return (Slept::Woken, answer > 0);
    }
    let slept = match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Slept::Changed,
        Some(libc::ETIMEDOUT) => Slept::TimedOut,
        Some(libc::EINTR) => Slept::Interrupted,
        why => {
            if matches!(why, Some(libc::ENOSYS | libc::EPERM)) {
                REFUSED.store(true, Ordering::Relaxed);
            } else {
                std::thread::yield_now();
            }
            Slept::Interrupted
        }
    };
    (slept, false)
}
