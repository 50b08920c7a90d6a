import 'dart:ffi';

import 'package:ffi/ffi.dart';

import 'bindings.dart';
import 'library.dart';

/// Who an instance is: name, thread and process.
final class SemaphoreIdentity {
  SemaphoreIdentity._(this.name, this.uuid);

  /// Without the prefix `/`, `Global\` or `Local\`.
  final String name;

  /// `name:thread:process`.
  final String uuid;

  int get thread => int.parse(uuid.split(':').reversed.elementAt(1));
  int get process => int.parse(uuid.split(':').last);
}

/// A count that changed.
final class CountUpdate {
  const CountUpdate(this.from, this.to);

  final int from;
  final int to;
}

/// How often this instance is locked, one within the other, and whether it has a unit of the system's
/// semaphore (1, else 0): both of one moment.
final class SemaphoreCounter {
  const SemaphoreCounter(this.isolate, this.process);

  final int isolate;
  final int process;
}

/// One of the system's own named semaphores (what `sem_open` and `CreateSemaphoreW` make):
/// `instantiate → open → lock (→ lock …) → unlock (→ unlock …) → close → unlink`.
///
/// Each step answers whether it succeeded; [lastError] says why it did not. A step out of its order (a
/// lock that is not open, say) answers false and changes nothing. What a step does can be followed by
/// overriding the `willAttempt…` and `…Succeeded` methods.
///
/// The instance belongs to the *thread* that instantiated it. Dart keeps an isolate on one thread
/// only for as long as it runs without a break: instantiate, lock, unlock and close it within one
/// synchronous function, without an `await` in between. On another thread a step answers false, and
/// [lastError] has the code `PROCSYNC_WRONG_THREAD`; nothing is lost by that.
///
/// If a holder dies that uses procsync too, the next one gets its unit and [abandonedBy] says who died.
class NativeSemaphore {
  /// Not to be called but by [instantiate] and subclasses.
  NativeSemaphore(String name, {Bindings? bindings}) : bindings = bindings ?? openLibrary() {
    using((arena) {
      final semaphore = arena<Pointer<procsync_native>>();
      _check(this.bindings.procsync_native_instantiate(
          name.toNativeUtf8(allocator: arena).cast(), nullptr, semaphore));
      _semaphore = semaphore.value;
      final text = arena<Pointer<Char>>();
      _check(this.bindings.procsync_native_name(_semaphore, text));
      final plain = text.value.cast<Utf8>().toDartString();
      _check(this.bindings.procsync_native_uuid(_semaphore, text));
      identity = SemaphoreIdentity._(plain, text.value.cast<Utf8>().toDartString());
    });
  }

  static final Map<String, NativeSemaphore> _instances = {};

  /// The instance of this isolate for this name; made by [create] if there is none yet. It is an
  /// error if there is one of another type, or if the name cannot be one.
  static NativeSemaphore instantiate<T extends NativeSemaphore>({
    required String name,
    T Function(String name)? create,
  }) {
    final key = _withoutPrefix(name);
    final present = _instances[key];
    if (present != null && !present.closed) {
      if (present is! T) {
        throw ArgumentError.value(name, 'name', 'is taken by a ${present.runtimeType}');
      }
      return present;
    }
    final NativeSemaphore made = create == null ? NativeSemaphore(name) : create(name);
    return _instances[key] = made;
  }

  static String _withoutPrefix(String name) {
    for (final prefix in const ['Global\\', 'Local\\', '/']) {
      if (name.startsWith(prefix)) return name.substring(prefix.length);
    }
    return name;
  }

  final Bindings bindings;
  late final SemaphoreIdentity identity;

  Pointer<procsync_native> _semaphore = nullptr;
  // As of the last step, for when this is asked on another thread.
  int _flags = 0;
  ProcsyncException? _lastError;
  int? _abandonedBy;

  String get name => identity.name;
  bool get opened => _has(procsync_native_flag.PROCSYNC_NATIVE_OPENED);
  bool get locked => _has(procsync_native_flag.PROCSYNC_NATIVE_LOCKED);
  bool get reentrant => _has(procsync_native_flag.PROCSYNC_NATIVE_REENTRANT);
  bool get closed => _has(procsync_native_flag.PROCSYNC_NATIVE_CLOSED);
  bool get unlinked => _has(procsync_native_flag.PROCSYNC_NATIVE_UNLINKED);

  /// Why the last step that answered false did; null if it was a lock that could not be had in time.
  ProcsyncException? get lastError => _lastError;

  /// The process id of the previous holder, if that one died holding the semaphore.
  int? get abandonedBy => _abandonedBy;

  SemaphoreCounter get counter => using((arena) {
        final depth = arena<Uint32>(), process = arena<Uint32>();
        _check(bindings.procsync_native_counts(_semaphore, depth, process));
        return SemaphoreCounter(depth.value, process.value);
      });

  /// Makes the semaphore if there is none: with one unit and the mode 644.
  bool open() {
    willAttemptOpen();
    if (!_succeeded(bindings.procsync_native_open(_semaphore, nullptr))) return false;
    openSucceeded();
    return true;
  }

  /// Waits for ever, or at most for [timeout]; not at all if not [blocking]. This isolate does nothing
  /// else meanwhile. Who has it locked gets one layer more at once.
  bool lock({bool blocking = true, Duration? timeout}) {
    willAttemptLock();
    var nanoseconds = !blocking ? 0 : (timeout == null ? -1 : timeout.inMicroseconds * 1000);
    // A time that has passed is not for ever.
    if (blocking && timeout != null && nanoseconds < 0) nanoseconds = 0;
    final status = using((arena) {
      final abandoned = arena<Bool>();
      final status = bindings.procsync_native_lock(_semaphore, nanoseconds, abandoned);
      if (status == procsync_status.PROCSYNC_OK) {
        _abandonedBy = abandoned.value ? bindings.procsync_last_deceased().ref.pid : null;
      }
      return status;
    });
    if (status == procsync_status.PROCSYNC_TIMED_OUT) {
      _lastError = null;
      return false;
    }
    if (!_succeeded(status)) return false;
    _tellChanges();
    lockSucceeded();
    return true;
  }

  /// Gives one layer back, and with the outermost one the unit.
  bool unlock() {
    willAttemptUnlock();
    if (!_succeeded(bindings.procsync_native_unlock(_semaphore))) return false;
    _tellChanges();
    unlockSucceeded();
    return true;
  }

  /// Not while it is locked. The semaphore itself stays until it is unlinked.
  bool close() {
    willAttemptClose();
    if (!_succeeded(bindings.procsync_native_close(_semaphore))) return false;
    closeSucceeded();
    return true;
  }

  /// Takes the semaphore's name away, after it was closed. The name can be instantiated anew then; this
  /// instance is done with.
  bool unlink() {
    willAttemptUnlink();
    if (!_succeeded(bindings.procsync_native_unlink(_semaphore, nullptr))) return false;
    if (identical(_instances[name], this)) _instances.remove(name);
    unlinkSucceeded();
    return true;
  }

  /// Frees what this instance has outside of Dart, on its own thread; nothing may be called after it.
  bool free() {
    if (bindings.procsync_native_free(_semaphore) != procsync_status.PROCSYNC_OK) {
      _lastError = ProcsyncException.last(bindings);
      return false;
    }
    _semaphore = nullptr;
    if (identical(_instances[name], this)) _instances.remove(name);
    return true;
  }

  bool _has(int flag) => _flags & flag != 0;

  bool _succeeded(int status) {
    _lastError = status == procsync_status.PROCSYNC_OK ? null : ProcsyncException.last(bindings);
    if (_lastError == null) {
      using((arena) {
        final flags = arena<Uint32>();
        if (bindings.procsync_native_status(_semaphore, flags) == procsync_status.PROCSYNC_OK) {
          _flags = flags.value;
        }
      });
    }
    return _lastError == null;
  }

  void _check(int status) {
    if (status != procsync_status.PROCSYNC_OK) throw ProcsyncException.last(bindings);
  }

  /// Tells what the step has changed: both counts changed in one.
  void _tellChanges() => using((arena) {
        final changes = arena<Uint32>(4);
        _check(bindings.procsync_native_changes(
            _semaphore, changes, changes + 1, changes + 2, changes + 3));
        if (changes[2] != changes[3]) processCountChanged(CountUpdate(changes[2], changes[3]));
        isolateCountChanged(CountUpdate(changes[0], changes[1]));
      });

  // To be overridden by who wants to follow the steps.
  void willAttemptOpen() {}
  void openSucceeded() {}
  void willAttemptLock() {}
  void lockSucceeded() {}
  void willAttemptUnlock() {}
  void unlockSucceeded() {}
  void willAttemptClose() {}
  void closeSucceeded() {}
  void willAttemptUnlink() {}
  void unlinkSucceeded() {}
  void isolateCountChanged(CountUpdate update) {}
  void processCountChanged(CountUpdate update) {}
}
