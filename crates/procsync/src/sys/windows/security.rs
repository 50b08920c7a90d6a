//! Users, and who may do what to a file.
#![allow(unsafe_code)] // security identifiers and access lists

use super::{Handle, units, wide};
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use windows_sys::Win32::Foundation::{
    ERROR_SUCCESS, GENERIC_ALL, GENERIC_READ, GENERIC_WRITE, LocalFree,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, GetAce, GetLengthSid,
    GetTokenInformation, INHERIT_ONLY_ACE, IsWellKnownSid, OWNER_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
    WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid, WinCreatorOwnerSid, WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_LIST_DIRECTORY, FILE_WRITE_DATA, WRITE_DAC,
    WRITE_OWNER,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// What the system allocated for us with LocalAlloc.
#[derive(Debug)]
struct Local(NonNull<c_void>);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: allocated by the system for the caller to free, and freed only here.
        unsafe { LocalFree(self.0.as_ptr()) };
    }
}

/// A security identifier: who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sid(Vec<u8>);

impl Sid {
    /// # Safety
    /// `sid` points to a valid identifier.
    unsafe fn copy(sid: PSID) -> Sid {
        // SAFETY: valid, by the caller's promise.
        let length = unsafe { GetLengthSid(sid) } as usize;
        // SAFETY: a valid identifier has as many bytes as the system says.
        let bytes = unsafe { std::slice::from_raw_parts(sid.cast::<u8>(), length) };
        Sid(bytes.to_vec())
    }

    fn raw(&self) -> PSID {
        self.0.as_ptr().cast_mut().cast()
    }

    fn is(&self, known: i32) -> bool {
        // SAFETY: the bytes are those of a valid identifier, which the call only reads.
        (unsafe { IsWellKnownSid(self.raw(), known) }) != 0
    }

    /// Who can do everything anyway, or stands for the owner.
    fn is_above(&self) -> bool {
        [
            WinLocalSystemSid,
            WinBuiltinAdministratorsSid,
            WinCreatorOwnerSid,
            WinCreatorOwnerRightsSid,
        ]
        .into_iter()
        .any(|known| self.is(known))
    }

    /// A number for where others have user ids: the same for the same user, 32 bits of a hash
    /// (FNV-1a). It decides nothing by itself.
    pub(crate) fn number(&self) -> u32 {
        self.0
            .iter()
            .fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    }

    /// `S-1-5-21-…`
    pub(crate) fn text(&self) -> io::Result<String> {
        let mut text = ptr::null_mut();
        // SAFETY: a valid identifier, and the pointer may be written.
        if unsafe { ConvertSidToStringSidW(self.raw(), &raw mut text) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let text = NonNull::new(text).ok_or(io::ErrorKind::InvalidData)?;
        let _freed = Local(text.cast());
        // SAFETY: a string that ends in a zero, alive as long as `_freed`.
        Ok(String::from_utf16_lossy(&unsafe { units(text) }))
    }
}

/// The user as whom this process runs.
pub(crate) fn user() -> io::Result<&'static Sid> {
    static USER: OnceLock<Sid> = OnceLock::new();
    if let Some(user) = USER.get() {
        return Ok(user);
    }
    let mut token = ptr::null_mut();
    // SAFETY: no arguments; what it answers needs no closing.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the handle of the process itself is always good; the pointer may be written.
    let answer = unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) };
    if answer == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    let token = unsafe { Handle::own(token) }?;
    user_of(&token).map(|user| USER.get_or_init(|| user))
}

/// The user of an access token.
pub(in crate::sys) fn user_of(token: &Handle) -> io::Result<Sid> {
    // An identifier has 68 bytes at most. In words, so that the structure is aligned.
    let mut buffer = [0_u64; 16];
    let mut length = 0;
    // SAFETY: the token is open, and the buffer may be written and has the size given.
    let answer = unsafe {
        GetTokenInformation(
            token.raw(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            size_of_val(&buffer) as u32,
            &raw mut length,
        )
    };
    if answer == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call wrote a TOKEN_USER to the beginning of the buffer, which is aligned for it.
    let user = unsafe { buffer.as_ptr().cast::<TOKEN_USER>().read() };
    // SAFETY: it points to the identifier behind it, inside the buffer.
    Ok(unsafe { Sid::copy(user.User.Sid) })
}

/// Who is let in, for what is about to be made.
#[derive(Debug)]
pub(crate) struct Permissions {
    descriptor: Local,
}

impl Permissions {
    /// From the system's own notation (SDDL).
    pub(crate) fn parse(notation: &str) -> io::Result<Permissions> {
        let notation = wide(notation);
        let mut descriptor = ptr::null_mut();
        // SAFETY: the string ends in a zero, the pointer may be written, and the size is not wanted.
        let answer = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                notation.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        };
        if answer == 0 {
            return Err(io::Error::last_os_error());
        }
        let descriptor = NonNull::new(descriptor).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Permissions { descriptor: Local(descriptor) })
    }

    /// This user, and those who can do everything anyway; `others` too, with these rights. Nothing
    /// is inherited from the directory; what is made in a directory inherits it.
    pub(crate) fn of_this_user(others: Option<&str>) -> io::Result<Permissions> {
        let user = user()?.text()?;
        let others = others.map_or(String::new(), |rights| format!("(A;;{rights};;;AU)"));
        Permissions::parse(&format!(
            "O:{user}D:P(A;OICI;FA;;;{user})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA){others}"
        ))
    }

    /// To hand to a call that makes something. Used only as long as `self`.
    pub(crate) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.descriptor.0.as_ptr(),
            bInheritHandle: 0,
        }
    }
}

/// Rights by which a file can be changed, or others let in.
const TO_CHANGE: u32 =
    FILE_WRITE_DATA | FILE_APPEND_DATA | WRITE_DAC | WRITE_OWNER | GENERIC_ALL | GENERIC_WRITE;
/// Rights by which names in a directory can be taken away, or others let in.
const TO_REMOVE: u32 = FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;

/// Whom a file belongs to and lets in.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) owner: Sid,
    /// Who is let in, and for what. Denials are left out: they only take away.
    allowed: Vec<(Sid, u32)>,
    /// No list at all, so everybody may do everything; or entries that this library does not know.
    unlimited: bool,
}

impl Access {
    /// Of an open file or directory.
    pub(crate) fn to(file: &File) -> io::Result<Access> {
        let (mut owner, mut list) = (ptr::null_mut(), ptr::null_mut::<ACL>());
        let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
        // SAFETY: the handle is open as long as `file`, and the pointers may be written.
        let answer = unsafe {
            GetSecurityInfo(
                file.as_raw_handle(),
                SE_FILE_OBJECT,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                &raw mut owner,
                ptr::null_mut(),
                &raw mut list,
                ptr::null_mut(),
                &raw mut descriptor,
            )
        };
        if answer != ERROR_SUCCESS {
            return Err(io::Error::from_raw_os_error(answer as i32));
        }
        let _freed = NonNull::new(descriptor).map(Local);
        if owner.is_null() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it belongs to nobody"));
        }
        // SAFETY: it points into the descriptor, which is alive.
        let owner = unsafe { Sid::copy(owner) };
        let (mut allowed, mut unlimited) = (Vec::new(), list.is_null());
        if !unlimited {
            // SAFETY: it points into the descriptor, which is alive.
            let count = unsafe { (*list).AceCount };
            for index in 0..u32::from(count) {
                // SAFETY: as above.
                match unsafe { entry(list, index) } {
                    Entry::Allows(who, what) => allowed.push((who, what)),
                    Entry::Denies => {}
                    Entry::Unknown => unlimited = true,
                }
            }
        }
        Ok(Access { owner, allowed, unlimited })
    }

    /// Whether it belongs to this user, or to those who can do everything anyway.
    pub(crate) fn is_in_good_hands(&self) -> io::Result<bool> {
        Ok(self.owner == *user()? || self.owner.is_above())
    }

    /// Whether it lets others do any of these things.
    fn lets_others(&self, rights: u32) -> io::Result<bool> {
        let user = user()?;
        Ok(self.unlimited
            || self
                .allowed
                .iter()
                .any(|(who, what)| what & rights != 0 && who != user && !who.is_above()))
    }

    /// Whether others than this user may change it.
    pub(crate) fn lets_others_write(&self) -> io::Result<bool> {
        self.lets_others(TO_CHANGE)
    }

    /// Whether others than this user may see what is in this directory, or change it.
    pub(crate) fn lets_others_in(&self) -> io::Result<bool> {
        self.lets_others(TO_CHANGE | TO_REMOVE | FILE_LIST_DIRECTORY | GENERIC_READ)
    }

    /// Whether others than this user may take names in this directory away.
    pub(crate) fn lets_others_remove(&self) -> io::Result<bool> {
        self.lets_others(TO_REMOVE)
    }
}

/// What one entry of a list says about what it is the list of.
enum Entry {
    Allows(Sid, u32),
    /// Or nothing: it is for what will be made in the directory.
    Denies,
    Unknown,
}

/// # Safety
/// The list is valid and has so many entries.
unsafe fn entry(list: *const ACL, index: u32) -> Entry {
    // As the system's headers number them, with their variants for objects and with conditions.
    const ALLOWED: u8 = 0;
    const DENIED: [u8; 4] = [1, 6, 10, 12];
    let mut entry: *mut c_void = ptr::null_mut();
    // SAFETY: valid by the caller's promise; the pointer may be written.
    if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
        return Entry::Unknown;
    }
    // SAFETY: the call answered an entry of the list, each of which begins with its header.
    let header = unsafe { entry.cast::<ACE_HEADER>().read() };
    if DENIED.contains(&header.AceType) || u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
        return Entry::Denies;
    }
    if header.AceType != ALLOWED {
        return Entry::Unknown;
    }
    let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
    // SAFETY: an entry of this type has this layout.
    let rights = unsafe { (*entry).Mask };
    // SAFETY: as above; the identifier begins where this field is.
    let who = unsafe { &raw mut (*entry).SidStart };
    // SAFETY: as above, so it is a valid identifier.
    Entry::Allows(unsafe { Sid::copy(who.cast()) }, rights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_user_has_a_name_and_a_number_that_stay() {
        let user = user().unwrap();
        assert!(user.text().unwrap().starts_with("S-1-"), "{user:?}");
        assert_eq!(user.number(), super::user().unwrap().number());
    }

    #[test]
    fn what_this_user_makes_is_in_good_hands() {
        let file = tempfile::tempfile().unwrap();
        assert!(Access::to(&file).unwrap().is_in_good_hands().unwrap());
    }

    #[test]
    fn nonsense_is_no_permission() {
        assert!(Permissions::parse("let everybody in").is_err());
    }
}
