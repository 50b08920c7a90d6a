// Everything that procsync.h declares, for dart:ffi. Made of it by `cargo xtask header`; not to be
// changed by hand. The documentation is in procsync.h.
//
// ignore_for_file: camel_case_types, constant_identifier_names, non_constant_identifier_names

import 'dart:ffi';

abstract final class procsync_status {
  static const int PROCSYNC_OK = 0;
  static const int PROCSYNC_TIMED_OUT = 1;
  static const int PROCSYNC_INTERRUPTED = 2;
  static const int PROCSYNC_ABANDONED = 3;
  static const int PROCSYNC_ALREADY_OWNED = 4;
  static const int PROCSYNC_NOT_OWNER = 5;
  static const int PROCSYNC_WRONG_THREAD = 6;
  static const int PROCSYNC_OUT_OF_ORDER = 7;
  static const int PROCSYNC_INVALID_ARGUMENT = 10;
  static const int PROCSYNC_INVALID_HANDLE = 11;
  static const int PROCSYNC_INVALID_NAME = 12;
  static const int PROCSYNC_ALREADY_EXISTS = 20;
  static const int PROCSYNC_NOT_FOUND = 21;
  static const int PROCSYNC_WRONG_KIND = 22;
  static const int PROCSYNC_MISMATCH = 23;
  static const int PROCSYNC_DAMAGED = 24;
  static const int PROCSYNC_LAYOUT_VERSION = 25;
  static const int PROCSYNC_NO_SLOTS = 26;
  static const int PROCSYNC_OVERFLOW = 27;
  static const int PROCSYNC_BUSY = 28;
  static const int PROCSYNC_NAME_TAKEN = 29;
  static const int PROCSYNC_UNSAFE_DIRECTORY = 30;
  static const int PROCSYNC_SYSTEM = 31;
  static const int PROCSYNC_UNSUPPORTED = 32;
  static const int PROCSYNC_THREAD_EXITING = 33;
  static const int PROCSYNC_NO_LEDGER = 34;
  static const int PROCSYNC_OTHER = 98;
  static const int PROCSYNC_INTERNAL = 99;
}

abstract final class procsync_kind {
  static const int PROCSYNC_KIND_NONE = 0;
  static const int PROCSYNC_KIND_MUTEX = 1;
  static const int PROCSYNC_KIND_REENTRANT_MUTEX = 2;
  static const int PROCSYNC_KIND_SEMAPHORE = 3;
  static const int PROCSYNC_KIND_TOKEN_SEMAPHORE = 4;
  static const int PROCSYNC_KIND_EVENT = 5;
  static const int PROCSYNC_KIND_SHARED_MEMORY = 6;
  static const int PROCSYNC_KIND_NATIVE_SEMAPHORE = 7;
}

abstract final class procsync_native_flag {
  static const int PROCSYNC_NATIVE_OPENED = 1;
  static const int PROCSYNC_NATIVE_LOCKED = 2;
  static const int PROCSYNC_NATIVE_REENTRANT = 4;
  static const int PROCSYNC_NATIVE_CLOSED = 8;
  static const int PROCSYNC_NATIVE_UNLINKED = 16;
}

abstract final class procsync_native_step {
  static const int PROCSYNC_NATIVE_OPEN = 1;
  static const int PROCSYNC_NATIVE_LOCK = 2;
  static const int PROCSYNC_NATIVE_UNLOCK = 3;
  static const int PROCSYNC_NATIVE_CLOSE = 4;
  static const int PROCSYNC_NATIVE_UNLINK = 5;
}

abstract final class procsync_native_event {
  static const int PROCSYNC_NATIVE_WILL_ATTEMPT = 0;
  static const int PROCSYNC_NATIVE_SUCCEEDED = 1;
  static const int PROCSYNC_NATIVE_FAILED = 2;
}

abstract final class procsync_scope {
  static const int PROCSYNC_SCOPE_USER = 0;
  static const int PROCSYNC_SCOPE_MACHINE = 1;
}

abstract final class procsync_ownership {
  static const int PROCSYNC_OWNERSHIP_THREAD = 0;
  static const int PROCSYNC_OWNERSHIP_PROCESS = 1;
}

abstract final class procsync_on_abandoned {
  static const int PROCSYNC_ON_ABANDONED_REPORT = 0;
  static const int PROCSYNC_ON_ABANDONED_REFUSE = 1;
  static const int PROCSYNC_ON_ABANDONED_IGNORE = 2;
}

abstract final class procsync_reset {
  static const int PROCSYNC_RESET_MANUAL = 0;
  static const int PROCSYNC_RESET_AUTO = 1;
}

abstract final class procsync_spin {
  static const int PROCSYNC_SPIN_ADAPTIVE = -1;
  static const int PROCSYNC_SPIN_NEVER = 0;
}

abstract final class procsync_removal {
  static const int PROCSYNC_REMOVAL_NONE = 0;
  static const int PROCSYNC_REMOVAL_DONE = 1;
  static const int PROCSYNC_REMOVAL_WHEN_LAST_USER_LEAVES = 2;
}

abstract final class procsync_cause {
  static const int PROCSYNC_CAUSE_NONE = 0;
  static const int PROCSYNC_CAUSE_DIED = 1;
  static const int PROCSYNC_CAUSE_THREAD_EXITED = 2;
  static const int PROCSYNC_CAUSE_CLOSED = 3;
  static const int PROCSYNC_CAUSE_FORCED = 4;
}

abstract final class procsync_state {
  static const int PROCSYNC_STATE_OTHER = 0;
  static const int PROCSYNC_STATE_FREE = 1;
  static const int PROCSYNC_STATE_HELD = 2;
  static const int PROCSYNC_STATE_ABANDONED = 3;
  static const int PROCSYNC_STATE_PERMITS = 4;
  static const int PROCSYNC_STATE_TOKENS = 5;
  static const int PROCSYNC_STATE_SET = 6;
  static const int PROCSYNC_STATE_UNSET = 7;
  static const int PROCSYNC_STATE_BYTES = 8;
  static const int PROCSYNC_STATE_NATIVE = 9;
}

abstract final class procsync_atomic {
  static const int PROCSYNC_ATOMIC_SWAP = 0;
  static const int PROCSYNC_ATOMIC_ADD = 1;
  static const int PROCSYNC_ATOMIC_SUBTRACT = 2;
  static const int PROCSYNC_ATOMIC_AND = 3;
  static const int PROCSYNC_ATOMIC_OR = 4;
  static const int PROCSYNC_ATOMIC_MAX = 5;
  static const int PROCSYNC_ATOMIC_MIN = 6;
}

final class procsync_event extends Opaque {}

final class procsync_mutex extends Opaque {}

final class procsync_native extends Opaque {}

final class procsync_options extends Opaque {}

final class procsync_participants extends Opaque {}

final class procsync_raw_mutex extends Opaque {}

final class procsync_raw_semaphore extends Opaque {}

final class procsync_reentrant_mutex extends Opaque {}

final class procsync_semaphore extends Opaque {}

final class procsync_shared_memory extends Opaque {}

final class procsync_snapshots extends Opaque {}

final class procsync_token_semaphore extends Opaque {}

final class procsync_deceased extends Struct {
  @Uint32()
  external int pid;
  @Uint32()
  external int tid;
  @Int32()
  external int cause;
  @Int32()
  external int reserved;
  @Uint64()
  external int noticed_ns;
}

final class procsync_participant extends Struct {
  @Uint32()
  external int pid;
  @Uint32()
  external int tid;
  external Pointer<Char> command;
  @Uint64()
  external int since_ns;
  @Bool()
  external bool dead;
  @Bool()
  external bool foreign_namespace;
}

final class procsync_snapshot extends Struct {
  external Pointer<Char> name;
  @Int32()
  external int kind;
  @Int32()
  external int state;
  @Uint32()
  external int available;
  @Uint32()
  external int capacity;
  @Uint64()
  external int bytes;
  external Pointer<Pointer<procsync_participant>> holders;
  @Size()
  external int holder_count;
  external Pointer<Pointer<procsync_participant>> waiters;
  @Size()
  external int waiter_count;
  @Uint32()
  external int processes;
  @Bool()
  external bool persistent;
  @Uint64()
  external int created_ns;
  @Uint64()
  external int grants;
  @Uint64()
  external int contended;
  @Uint64()
  external int recovered;
  @Int64()
  external int native_free;
  @Uint32()
  external int native_abandoned;
  @Uint32()
  external int native_doubtful;
  @Int64()
  external int native_unknown;
}

final class procsync_error extends Struct {
  @Int32()
  external int code;
  @Int32()
  external int system_errno;
  @Int32()
  external int kind;
  external Pointer<Char> operation;
  external Pointer<Char> object;
  external Pointer<Char> message;
}

final class procsync_permit extends Struct {
  @Uint64()
  external int serial;
  @Uint32()
  external int index;
  @Uint32()
  external int count;
}

typedef procsync_interrupt = NativeFunction<Int Function(Pointer<Void> context)>;

typedef procsync_native_observer =
    NativeFunction<Void Function(Pointer<Void> context, Int32 step, Int32 event)>;

/// The functions of the library.
final class Bindings {
  Bindings(this._library);

  final DynamicLibrary _library;

  late final procsync_last_deceased = _library.lookupFunction<
      Pointer<procsync_deceased> Function(),
      Pointer<procsync_deceased> Function()>('procsync_last_deceased');

  late final procsync_event_open = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Int32 reset, Pointer<procsync_options> options, Pointer<Pointer<procsync_event>> event),
      int Function(Pointer<Char> name, int reset, Pointer<procsync_options> options, Pointer<Pointer<procsync_event>> event)>('procsync_event_open');

  late final procsync_event_create = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Int32 reset, Pointer<procsync_options> options, Pointer<Pointer<procsync_event>> event),
      int Function(Pointer<Char> name, int reset, Pointer<procsync_options> options, Pointer<Pointer<procsync_event>> event)>('procsync_event_create');

  late final procsync_event_attach = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_event>> event),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_event>> event)>('procsync_event_attach');

  late final procsync_event_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event),
      int Function(Pointer<procsync_event> event)>('procsync_event_close');

  late final procsync_event_set = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event),
      int Function(Pointer<procsync_event> event)>('procsync_event_set');

  late final procsync_event_clear = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event),
      int Function(Pointer<procsync_event> event)>('procsync_event_clear');

  late final procsync_event_wait = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event, Int64 timeout_ns),
      int Function(Pointer<procsync_event> event, int timeout_ns)>('procsync_event_wait');

  late final procsync_event_is_set = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event, Pointer<Bool> set),
      int Function(Pointer<procsync_event> event, Pointer<Bool> set)>('procsync_event_is_set');

  late final procsync_event_reset = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event, Pointer<Int32> reset),
      int Function(Pointer<procsync_event> event, Pointer<Int32> reset)>('procsync_event_reset');

  late final procsync_event_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_event> event, Pointer<Pointer<Char>> name)>('procsync_event_name');

  late final procsync_event_remove = _library.lookupFunction<
      Int32 Function(Pointer<procsync_event> event, Pointer<Int32> removal),
      int Function(Pointer<procsync_event> event, Pointer<Int32> removal)>('procsync_event_remove');

  late final procsync_inspect_list = _library.lookupFunction<
      Int32 Function(Int32 scope, Pointer<Pointer<procsync_snapshots>> found),
      int Function(int scope, Pointer<Pointer<procsync_snapshots>> found)>('procsync_inspect_list');

  late final procsync_inspect_show = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Int32 scope, Pointer<Pointer<procsync_snapshots>> found),
      int Function(Pointer<Char> name, int scope, Pointer<Pointer<procsync_snapshots>> found)>('procsync_inspect_show');

  late final procsync_inspect_show_native = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Int32 scope, Pointer<Pointer<procsync_snapshots>> found),
      int Function(Pointer<Char> name, int scope, Pointer<Pointer<procsync_snapshots>> found)>('procsync_inspect_show_native');

  late final procsync_snapshots_count = _library.lookupFunction<
      Int32 Function(Pointer<procsync_snapshots> found, Pointer<Size> count),
      int Function(Pointer<procsync_snapshots> found, Pointer<Size> count)>('procsync_snapshots_count');

  late final procsync_snapshots_get = _library.lookupFunction<
      Int32 Function(Pointer<procsync_snapshots> found, Size index, Pointer<Pointer<procsync_snapshot>> snapshot),
      int Function(Pointer<procsync_snapshots> found, int index, Pointer<Pointer<procsync_snapshot>> snapshot)>('procsync_snapshots_get');

  late final procsync_snapshots_free = _library.lookupFunction<
      Int32 Function(Pointer<procsync_snapshots> found),
      int Function(Pointer<procsync_snapshots> found)>('procsync_snapshots_free');

  late final procsync_set_interrupt = _library.lookupFunction<
      Int32 Function(Pointer<procsync_interrupt> interrupt, Pointer<Void> context),
      int Function(Pointer<procsync_interrupt> interrupt, Pointer<Void> context)>('procsync_set_interrupt');

  late final procsync_last_error = _library.lookupFunction<
      Pointer<procsync_error> Function(),
      Pointer<procsync_error> Function()>('procsync_last_error');

  late final procsync_mutex_open = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_mutex>> mutex),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_mutex>> mutex)>('procsync_mutex_open');

  late final procsync_mutex_create = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_mutex>> mutex),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_mutex>> mutex)>('procsync_mutex_create');

  late final procsync_mutex_attach = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_mutex>> mutex),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_mutex>> mutex)>('procsync_mutex_attach');

  late final procsync_mutex_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex),
      int Function(Pointer<procsync_mutex> mutex)>('procsync_mutex_close');

  late final procsync_mutex_lock = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Int64 timeout_ns, Pointer<Bool> abandoned),
      int Function(Pointer<procsync_mutex> mutex, int timeout_ns, Pointer<Bool> abandoned)>('procsync_mutex_lock');

  late final procsync_mutex_repair = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Bool> abandoned),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Bool> abandoned)>('procsync_mutex_repair');

  late final procsync_mutex_unlock = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex),
      int Function(Pointer<procsync_mutex> mutex)>('procsync_mutex_unlock');

  late final procsync_mutex_force_release = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Bool> held),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Bool> held)>('procsync_mutex_force_release');

  late final procsync_mutex_is_locked = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Bool> locked),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Bool> locked)>('procsync_mutex_is_locked');

  late final procsync_mutex_owner = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Pointer<procsync_participants>> owner),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Pointer<procsync_participants>> owner)>('procsync_mutex_owner');

  late final procsync_mutex_grant = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Uint64> grant),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Uint64> grant)>('procsync_mutex_grant');

  late final procsync_mutex_data_size = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Uint64> size),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Uint64> size)>('procsync_mutex_data_size');

  late final procsync_mutex_read = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Void> to, Size size),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Void> to, int size)>('procsync_mutex_read');

  late final procsync_mutex_write = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Void> from, Size size),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Void> from, int size)>('procsync_mutex_write');

  late final procsync_mutex_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Pointer<Char>> name)>('procsync_mutex_name');

  late final procsync_mutex_remove = _library.lookupFunction<
      Int32 Function(Pointer<procsync_mutex> mutex, Pointer<Int32> removal),
      int Function(Pointer<procsync_mutex> mutex, Pointer<Int32> removal)>('procsync_mutex_remove');

  late final procsync_native_instantiate = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_native>> semaphore),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_native>> semaphore)>('procsync_native_instantiate');

  late final procsync_native_free = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore),
      int Function(Pointer<procsync_native> semaphore)>('procsync_native_free');

  late final procsync_native_open = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Bool> created),
      int Function(Pointer<procsync_native> semaphore, Pointer<Bool> created)>('procsync_native_open');

  late final procsync_native_lock = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Int64 timeout_ns, Pointer<Bool> abandoned),
      int Function(Pointer<procsync_native> semaphore, int timeout_ns, Pointer<Bool> abandoned)>('procsync_native_lock');

  late final procsync_native_unlock = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore),
      int Function(Pointer<procsync_native> semaphore)>('procsync_native_unlock');

  late final procsync_native_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore),
      int Function(Pointer<procsync_native> semaphore)>('procsync_native_close');

  late final procsync_native_unlink = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Bool> was_there),
      int Function(Pointer<procsync_native> semaphore, Pointer<Bool> was_there)>('procsync_native_unlink');

  late final procsync_native_unlink_name = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Int32 scope, Pointer<Bool> was_there),
      int Function(Pointer<Char> name, int scope, Pointer<Bool> was_there)>('procsync_native_unlink_name');

  late final procsync_native_status = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Uint32> flags),
      int Function(Pointer<procsync_native> semaphore, Pointer<Uint32> flags)>('procsync_native_status');

  late final procsync_native_counts = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Uint32> depth, Pointer<Uint32> process),
      int Function(Pointer<procsync_native> semaphore, Pointer<Uint32> depth, Pointer<Uint32> process)>('procsync_native_counts');

  late final procsync_native_changes = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Uint32> depth_from, Pointer<Uint32> depth_to, Pointer<Uint32> process_from, Pointer<Uint32> process_to),
      int Function(Pointer<procsync_native> semaphore, Pointer<Uint32> depth_from, Pointer<Uint32> depth_to, Pointer<Uint32> process_from, Pointer<Uint32> process_to)>('procsync_native_changes');

  late final procsync_native_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_native> semaphore, Pointer<Pointer<Char>> name)>('procsync_native_name');

  late final procsync_native_uuid = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Pointer<Char>> uuid),
      int Function(Pointer<procsync_native> semaphore, Pointer<Pointer<Char>> uuid)>('procsync_native_uuid');

  late final procsync_native_address = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Pointer<Void>> address),
      int Function(Pointer<procsync_native> semaphore, Pointer<Pointer<Void>> address)>('procsync_native_address');

  late final procsync_native_accounts = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Int64> capacity, Pointer<Int64> free, Pointer<Int64> held, Pointer<Int64> abandoned, Pointer<Int64> doubtful, Pointer<Int64> unknown),
      int Function(Pointer<procsync_native> semaphore, Pointer<Int64> capacity, Pointer<Int64> free, Pointer<Int64> held, Pointer<Int64> abandoned, Pointer<Int64> doubtful, Pointer<Int64> unknown)>('procsync_native_accounts');

  late final procsync_native_holders = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Pointer<procsync_participants>> holders),
      int Function(Pointer<procsync_native> semaphore, Pointer<Pointer<procsync_participants>> holders)>('procsync_native_holders');

  late final procsync_native_reap = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Uint32> count),
      int Function(Pointer<procsync_native> semaphore, Pointer<Uint32> count)>('procsync_native_reap');

  late final procsync_native_post_doubtful = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<Uint32> count),
      int Function(Pointer<procsync_native> semaphore, Pointer<Uint32> count)>('procsync_native_post_doubtful');

  late final procsync_native_observe = _library.lookupFunction<
      Int32 Function(Pointer<procsync_native> semaphore, Pointer<procsync_native_observer> observer, Pointer<Void> context),
      int Function(Pointer<procsync_native> semaphore, Pointer<procsync_native_observer> observer, Pointer<Void> context)>('procsync_native_observe');

  late final procsync_options_new = _library.lookupFunction<
      Int32 Function(Pointer<Pointer<procsync_options>> options),
      int Function(Pointer<Pointer<procsync_options>> options)>('procsync_options_new');

  late final procsync_options_free = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options),
      int Function(Pointer<procsync_options> options)>('procsync_options_free');

  late final procsync_options_set_scope = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int32 scope, Uint32 mode),
      int Function(Pointer<procsync_options> options, int scope, int mode)>('procsync_options_set_scope');

  late final procsync_options_set_persistent = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int persistent),
      int Function(Pointer<procsync_options> options, int persistent)>('procsync_options_set_persistent');

  late final procsync_options_set_participants = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Uint32 participants),
      int Function(Pointer<procsync_options> options, int participants)>('procsync_options_set_participants');

  late final procsync_options_set_spin = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int32 spin),
      int Function(Pointer<procsync_options> options, int spin)>('procsync_options_set_spin');

  late final procsync_options_set_ownership = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int32 ownership),
      int Function(Pointer<procsync_options> options, int ownership)>('procsync_options_set_ownership');

  late final procsync_options_set_on_abandoned = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int32 on_abandoned),
      int Function(Pointer<procsync_options> options, int on_abandoned)>('procsync_options_set_on_abandoned');

  late final procsync_options_set_initially_set = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int set),
      int Function(Pointer<procsync_options> options, int set)>('procsync_options_set_initially_set');

  late final procsync_options_set_data = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Uint64 size, Uint32 align, Pointer<Void> initial),
      int Function(Pointer<procsync_options> options, int size, int align, Pointer<Void> initial)>('procsync_options_set_data');

  late final procsync_options_set_initial_count = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Uint32 units),
      int Function(Pointer<procsync_options> options, int units)>('procsync_options_set_initial_count');

  late final procsync_options_set_semaphore_mode = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Uint32 mode),
      int Function(Pointer<procsync_options> options, int mode)>('procsync_options_set_semaphore_mode');

  late final procsync_options_set_ledger = _library.lookupFunction<
      Int32 Function(Pointer<procsync_options> options, Int ledger),
      int Function(Pointer<procsync_options> options, int ledger)>('procsync_options_set_ledger');

  late final procsync_participants_count = _library.lookupFunction<
      Int32 Function(Pointer<procsync_participants> participants, Pointer<Size> count),
      int Function(Pointer<procsync_participants> participants, Pointer<Size> count)>('procsync_participants_count');

  late final procsync_participants_get = _library.lookupFunction<
      Int32 Function(Pointer<procsync_participants> participants, Size index, Pointer<Pointer<procsync_participant>> participant),
      int Function(Pointer<procsync_participants> participants, int index, Pointer<Pointer<procsync_participant>> participant)>('procsync_participants_get');

  late final procsync_participants_free = _library.lookupFunction<
      Int32 Function(Pointer<procsync_participants> participants),
      int Function(Pointer<procsync_participants> participants)>('procsync_participants_free');

  late final procsync_raw_mutex_at = _library.lookupFunction<
      Int32 Function(Pointer<Void> memory, Size size, Int shared, Pointer<Pointer<procsync_raw_mutex>> mutex),
      int Function(Pointer<Void> memory, int size, int shared, Pointer<Pointer<procsync_raw_mutex>> mutex)>('procsync_raw_mutex_at');

  late final procsync_raw_mutex_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex),
      int Function(Pointer<procsync_raw_mutex> mutex)>('procsync_raw_mutex_close');

  late final procsync_raw_mutex_acquire = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex, Int64 timeout_ns),
      int Function(Pointer<procsync_raw_mutex> mutex, int timeout_ns)>('procsync_raw_mutex_acquire');

  late final procsync_raw_mutex_release = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex),
      int Function(Pointer<procsync_raw_mutex> mutex)>('procsync_raw_mutex_release');

  late final procsync_raw_mutex_force_release = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex, Pointer<Bool> held),
      int Function(Pointer<procsync_raw_mutex> mutex, Pointer<Bool> held)>('procsync_raw_mutex_force_release');

  late final procsync_raw_mutex_is_locked = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex, Pointer<Bool> locked),
      int Function(Pointer<procsync_raw_mutex> mutex, Pointer<Bool> locked)>('procsync_raw_mutex_is_locked');

  late final procsync_raw_mutex_owner_pid = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex, Pointer<Uint32> pid),
      int Function(Pointer<procsync_raw_mutex> mutex, Pointer<Uint32> pid)>('procsync_raw_mutex_owner_pid');

  late final procsync_raw_mutex_last_acquired_ns = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_mutex> mutex, Pointer<Uint64> ns),
      int Function(Pointer<procsync_raw_mutex> mutex, Pointer<Uint64> ns)>('procsync_raw_mutex_last_acquired_ns');

  late final procsync_raw_semaphore_at = _library.lookupFunction<
      Int32 Function(Pointer<Void> memory, Size size, Pointer<Uint32> initial, Int shared, Pointer<Pointer<procsync_raw_semaphore>> semaphore),
      int Function(Pointer<Void> memory, int size, Pointer<Uint32> initial, int shared, Pointer<Pointer<procsync_raw_semaphore>> semaphore)>('procsync_raw_semaphore_at');

  late final procsync_raw_semaphore_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore),
      int Function(Pointer<procsync_raw_semaphore> semaphore)>('procsync_raw_semaphore_close');

  late final procsync_raw_semaphore_post = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore, Uint32 count),
      int Function(Pointer<procsync_raw_semaphore> semaphore, int count)>('procsync_raw_semaphore_post');

  late final procsync_raw_semaphore_wait = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore, Int64 timeout_ns),
      int Function(Pointer<procsync_raw_semaphore> semaphore, int timeout_ns)>('procsync_raw_semaphore_wait');

  late final procsync_raw_semaphore_reset = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore, Uint32 count),
      int Function(Pointer<procsync_raw_semaphore> semaphore, int count)>('procsync_raw_semaphore_reset');

  late final procsync_raw_semaphore_value = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore, Pointer<Uint32> value),
      int Function(Pointer<procsync_raw_semaphore> semaphore, Pointer<Uint32> value)>('procsync_raw_semaphore_value');

  late final procsync_raw_semaphore_last_pid = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore, Pointer<Uint32> pid),
      int Function(Pointer<procsync_raw_semaphore> semaphore, Pointer<Uint32> pid)>('procsync_raw_semaphore_last_pid');

  late final procsync_raw_semaphore_last_acquired_ns = _library.lookupFunction<
      Int32 Function(Pointer<procsync_raw_semaphore> semaphore, Pointer<Uint64> ns),
      int Function(Pointer<procsync_raw_semaphore> semaphore, Pointer<Uint64> ns)>('procsync_raw_semaphore_last_acquired_ns');

  late final procsync_reentrant_mutex_open = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_reentrant_mutex>> mutex),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_reentrant_mutex>> mutex)>('procsync_reentrant_mutex_open');

  late final procsync_reentrant_mutex_create = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_reentrant_mutex>> mutex),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_reentrant_mutex>> mutex)>('procsync_reentrant_mutex_create');

  late final procsync_reentrant_mutex_attach = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_reentrant_mutex>> mutex),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_reentrant_mutex>> mutex)>('procsync_reentrant_mutex_attach');

  late final procsync_reentrant_mutex_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex),
      int Function(Pointer<procsync_reentrant_mutex> mutex)>('procsync_reentrant_mutex_close');

  late final procsync_reentrant_mutex_lock = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Int64 timeout_ns, Pointer<Bool> abandoned),
      int Function(Pointer<procsync_reentrant_mutex> mutex, int timeout_ns, Pointer<Bool> abandoned)>('procsync_reentrant_mutex_lock');

  late final procsync_reentrant_mutex_unlock = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex),
      int Function(Pointer<procsync_reentrant_mutex> mutex)>('procsync_reentrant_mutex_unlock');

  late final procsync_reentrant_mutex_force_release = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Bool> held),
      int Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Bool> held)>('procsync_reentrant_mutex_force_release');

  late final procsync_reentrant_mutex_is_locked = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Bool> locked),
      int Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Bool> locked)>('procsync_reentrant_mutex_is_locked');

  late final procsync_reentrant_mutex_owner = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Pointer<procsync_participants>> owner),
      int Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Pointer<procsync_participants>> owner)>('procsync_reentrant_mutex_owner');

  late final procsync_reentrant_mutex_depth = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Uint32> depth),
      int Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Uint32> depth)>('procsync_reentrant_mutex_depth');

  late final procsync_reentrant_mutex_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Pointer<Char>> name)>('procsync_reentrant_mutex_name');

  late final procsync_reentrant_mutex_remove = _library.lookupFunction<
      Int32 Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Int32> removal),
      int Function(Pointer<procsync_reentrant_mutex> mutex, Pointer<Int32> removal)>('procsync_reentrant_mutex_remove');

  late final procsync_remove = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Int32 scope, Pointer<Int32> removal),
      int Function(Pointer<Char> name, int scope, Pointer<Int32> removal)>('procsync_remove');

  late final procsync_semaphore_open = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Uint32 capacity, Pointer<procsync_options> options, Pointer<Pointer<procsync_semaphore>> semaphore),
      int Function(Pointer<Char> name, int capacity, Pointer<procsync_options> options, Pointer<Pointer<procsync_semaphore>> semaphore)>('procsync_semaphore_open');

  late final procsync_semaphore_create = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Uint32 capacity, Pointer<procsync_options> options, Pointer<Pointer<procsync_semaphore>> semaphore),
      int Function(Pointer<Char> name, int capacity, Pointer<procsync_options> options, Pointer<Pointer<procsync_semaphore>> semaphore)>('procsync_semaphore_create');

  late final procsync_semaphore_attach = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_semaphore>> semaphore),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_semaphore>> semaphore)>('procsync_semaphore_attach');

  late final procsync_semaphore_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore),
      int Function(Pointer<procsync_semaphore> semaphore)>('procsync_semaphore_close');

  late final procsync_semaphore_acquire = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Uint32 count, Int64 timeout_ns, Pointer<procsync_permit> permit, Pointer<Bool> abandoned),
      int Function(Pointer<procsync_semaphore> semaphore, int count, int timeout_ns, Pointer<procsync_permit> permit, Pointer<Bool> abandoned)>('procsync_semaphore_acquire');

  late final procsync_semaphore_release = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<procsync_permit> permit),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<procsync_permit> permit)>('procsync_semaphore_release');

  late final procsync_semaphore_indexes = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<procsync_permit> permit, Pointer<Uint32> indexes, Size room, Pointer<Size> count),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<procsync_permit> permit, Pointer<Uint32> indexes, int room, Pointer<Size> count)>('procsync_semaphore_indexes');

  late final procsync_semaphore_capacity = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<Uint32> capacity),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<Uint32> capacity)>('procsync_semaphore_capacity');

  late final procsync_semaphore_available = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<Uint32> available),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<Uint32> available)>('procsync_semaphore_available');

  late final procsync_semaphore_holders = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<Pointer<procsync_participants>> holders),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<Pointer<procsync_participants>> holders)>('procsync_semaphore_holders');

  late final procsync_semaphore_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<Pointer<Char>> name)>('procsync_semaphore_name');

  late final procsync_semaphore_remove = _library.lookupFunction<
      Int32 Function(Pointer<procsync_semaphore> semaphore, Pointer<Int32> removal),
      int Function(Pointer<procsync_semaphore> semaphore, Pointer<Int32> removal)>('procsync_semaphore_remove');

  late final procsync_shared_memory_open = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Uint64 size, Pointer<procsync_options> options, Pointer<Pointer<procsync_shared_memory>> memory),
      int Function(Pointer<Char> name, int size, Pointer<procsync_options> options, Pointer<Pointer<procsync_shared_memory>> memory)>('procsync_shared_memory_open');

  late final procsync_shared_memory_create = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Uint64 size, Pointer<procsync_options> options, Pointer<Pointer<procsync_shared_memory>> memory),
      int Function(Pointer<Char> name, int size, Pointer<procsync_options> options, Pointer<Pointer<procsync_shared_memory>> memory)>('procsync_shared_memory_create');

  late final procsync_shared_memory_attach = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_shared_memory>> memory),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_shared_memory>> memory)>('procsync_shared_memory_attach');

  late final procsync_shared_memory_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory),
      int Function(Pointer<procsync_shared_memory> memory)>('procsync_shared_memory_close');

  late final procsync_shared_memory_address = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Pointer<Pointer<Void>> address),
      int Function(Pointer<procsync_shared_memory> memory, Pointer<Pointer<Void>> address)>('procsync_shared_memory_address');

  late final procsync_shared_memory_size = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Pointer<Uint64> size),
      int Function(Pointer<procsync_shared_memory> memory, Pointer<Uint64> size)>('procsync_shared_memory_size');

  late final procsync_shared_memory_created = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Pointer<Bool> created),
      int Function(Pointer<procsync_shared_memory> memory, Pointer<Bool> created)>('procsync_shared_memory_created');

  late final procsync_shared_memory_processes = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Pointer<Uint32> processes),
      int Function(Pointer<procsync_shared_memory> memory, Pointer<Uint32> processes)>('procsync_shared_memory_processes');

  late final procsync_shared_memory_read = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Uint64 offset, Pointer<Void> to, Size size),
      int Function(Pointer<procsync_shared_memory> memory, int offset, Pointer<Void> to, int size)>('procsync_shared_memory_read');

  late final procsync_shared_memory_write = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Uint64 offset, Pointer<Void> from, Size size),
      int Function(Pointer<procsync_shared_memory> memory, int offset, Pointer<Void> from, int size)>('procsync_shared_memory_write');

  late final procsync_shared_memory_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_shared_memory> memory, Pointer<Pointer<Char>> name)>('procsync_shared_memory_name');

  late final procsync_shared_memory_remove = _library.lookupFunction<
      Int32 Function(Pointer<procsync_shared_memory> memory, Pointer<Int32> removal),
      int Function(Pointer<procsync_shared_memory> memory, Pointer<Int32> removal)>('procsync_shared_memory_remove');

  late final procsync_token_semaphore_open = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Uint32 initial, Pointer<procsync_options> options, Pointer<Pointer<procsync_token_semaphore>> semaphore),
      int Function(Pointer<Char> name, int initial, Pointer<procsync_options> options, Pointer<Pointer<procsync_token_semaphore>> semaphore)>('procsync_token_semaphore_open');

  late final procsync_token_semaphore_create = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Uint32 initial, Pointer<procsync_options> options, Pointer<Pointer<procsync_token_semaphore>> semaphore),
      int Function(Pointer<Char> name, int initial, Pointer<procsync_options> options, Pointer<Pointer<procsync_token_semaphore>> semaphore)>('procsync_token_semaphore_create');

  late final procsync_token_semaphore_attach = _library.lookupFunction<
      Int32 Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_token_semaphore>> semaphore),
      int Function(Pointer<Char> name, Pointer<procsync_options> options, Pointer<Pointer<procsync_token_semaphore>> semaphore)>('procsync_token_semaphore_attach');

  late final procsync_token_semaphore_close = _library.lookupFunction<
      Int32 Function(Pointer<procsync_token_semaphore> semaphore),
      int Function(Pointer<procsync_token_semaphore> semaphore)>('procsync_token_semaphore_close');

  late final procsync_token_semaphore_post = _library.lookupFunction<
      Int32 Function(Pointer<procsync_token_semaphore> semaphore, Uint32 tokens),
      int Function(Pointer<procsync_token_semaphore> semaphore, int tokens)>('procsync_token_semaphore_post');

  late final procsync_token_semaphore_wait = _library.lookupFunction<
      Int32 Function(Pointer<procsync_token_semaphore> semaphore, Int64 timeout_ns),
      int Function(Pointer<procsync_token_semaphore> semaphore, int timeout_ns)>('procsync_token_semaphore_wait');

  late final procsync_token_semaphore_value = _library.lookupFunction<
      Int32 Function(Pointer<procsync_token_semaphore> semaphore, Pointer<Uint32> value),
      int Function(Pointer<procsync_token_semaphore> semaphore, Pointer<Uint32> value)>('procsync_token_semaphore_value');

  late final procsync_token_semaphore_name = _library.lookupFunction<
      Int32 Function(Pointer<procsync_token_semaphore> semaphore, Pointer<Pointer<Char>> name),
      int Function(Pointer<procsync_token_semaphore> semaphore, Pointer<Pointer<Char>> name)>('procsync_token_semaphore_name');

  late final procsync_token_semaphore_remove = _library.lookupFunction<
      Int32 Function(Pointer<procsync_token_semaphore> semaphore, Pointer<Int32> removal),
      int Function(Pointer<procsync_token_semaphore> semaphore, Pointer<Int32> removal)>('procsync_token_semaphore_remove');

  late final procsync_version = _library.lookupFunction<
      Pointer<Char> Function(),
      Pointer<Char> Function()>('procsync_version');

  late final procsync_status_name = _library.lookupFunction<
      Pointer<Char> Function(Int32 status),
      Pointer<Char> Function(int status)>('procsync_status_name');

  late final procsync_align_to_cacheline_size = _library.lookupFunction<
      Size Function(Size bytes),
      int Function(int bytes)>('procsync_align_to_cacheline_size');

  late final procsync_futex_wait = _library.lookupFunction<
      Int32 Function(Pointer<Uint32> word, Uint32 expected, Int64 timeout_ns, Int shared),
      int Function(Pointer<Uint32> word, int expected, int timeout_ns, int shared)>('procsync_futex_wait');

  late final procsync_futex_wake = _library.lookupFunction<
      Int32 Function(Pointer<Uint32> word, Uint32 count, Int shared, Pointer<Uint32> woken),
      int Function(Pointer<Uint32> word, int count, int shared, Pointer<Uint32> woken)>('procsync_futex_wake');

  late final procsync_atomic_u32_load = _library.lookupFunction<
      Int32 Function(Pointer<Uint32> number, Pointer<Uint32> value),
      int Function(Pointer<Uint32> number, Pointer<Uint32> value)>('procsync_atomic_u32_load');

  late final procsync_atomic_u32_store = _library.lookupFunction<
      Int32 Function(Pointer<Uint32> number, Uint32 value),
      int Function(Pointer<Uint32> number, int value)>('procsync_atomic_u32_store');

  late final procsync_atomic_u32_compare_exchange = _library.lookupFunction<
      Int32 Function(Pointer<Uint32> number, Pointer<Uint32> expected, Uint32 desired, Pointer<Bool> exchanged),
      int Function(Pointer<Uint32> number, Pointer<Uint32> expected, int desired, Pointer<Bool> exchanged)>('procsync_atomic_u32_compare_exchange');

  late final procsync_atomic_u32_fetch = _library.lookupFunction<
      Int32 Function(Pointer<Uint32> number, Int32 operation, Uint32 operand, Pointer<Uint32> before),
      int Function(Pointer<Uint32> number, int operation, int operand, Pointer<Uint32> before)>('procsync_atomic_u32_fetch');

  late final procsync_atomic_u64_load = _library.lookupFunction<
      Int32 Function(Pointer<Uint64> number, Pointer<Uint64> value),
      int Function(Pointer<Uint64> number, Pointer<Uint64> value)>('procsync_atomic_u64_load');

  late final procsync_atomic_u64_store = _library.lookupFunction<
      Int32 Function(Pointer<Uint64> number, Uint64 value),
      int Function(Pointer<Uint64> number, int value)>('procsync_atomic_u64_store');

  late final procsync_atomic_u64_compare_exchange = _library.lookupFunction<
      Int32 Function(Pointer<Uint64> number, Pointer<Uint64> expected, Uint64 desired, Pointer<Bool> exchanged),
      int Function(Pointer<Uint64> number, Pointer<Uint64> expected, int desired, Pointer<Bool> exchanged)>('procsync_atomic_u64_compare_exchange');

  late final procsync_atomic_u64_fetch = _library.lookupFunction<
      Int32 Function(Pointer<Uint64> number, Int32 operation, Uint64 operand, Pointer<Uint64> before),
      int Function(Pointer<Uint64> number, int operation, int operand, Pointer<Uint64> before)>('procsync_atomic_u64_fetch');
}
