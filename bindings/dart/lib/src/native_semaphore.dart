import 'dart:ffi';
import 'dart:io';
import 'dart:isolate';

import 'package:ffi/ffi.dart';

import 'bindings.dart';
import 'library.dart';

/// Who an instance is: name, isolate and process.
final class SemaphoreIdentity {
  SemaphoreIdentity._(this.name)
      : isolate = Isolate.current.hashCode,
        process = pid;

  /// Without the prefix `/`, `Global\` or `Local\`.
  final String name;
  final int isolate;
  final int process;

  String get uuid => '$name:$isolate:$process';
}

/// A count that changed.
final class CountUpdate {
  const CountUpdate(this.from, this.to);

  final int from;
  final int to;
}

/// How often this isolate has locked, and whether the process holds the system's lock (0 or 1).
final class SemaphoreCounter {
  int _isolate = 0;
  int _process = 0;

  int get isolate => _isolate;
  int get process => _process;

  CountUpdate _setIsolate(int to) {
    final update = CountUpdate(_isolate, to);
    _isolate = to;
    return update;
  }

  CountUpdate _setProcess(int to) {
    final update = CountUpdate(_process, to);
    _process = to;
    return update;
  }
}

/// A lock by name between isolates and processes:
/// `instantiate → open → lock (→ lock …) → unlock (→ unlock …) → close → unlink`.
///
/// Each step answers whether it succeeded; [lastError] says why it did not. A step that makes no
/// sense now (a lock that is not open, say) answers false and changes nothing. What a step does can be
/// followed by overriding the `willAttempt…` and `…Succeeded` methods.
///
/// It stands on procsync's mutex, which the *process* owns: an isolate may run on another thread
/// each time. Isolates of one process exclude each other. If a holder dies, the next one gets the
/// lock and [abandonedBy] says who died.
class NativeSemaphore {
  NativeSemaphore(String name, {Bindings? bindings})
      : identity = SemaphoreIdentity._(_withoutPrefix(name)),
        bindings = bindings ?? openLibrary();

  static final Map<String, NativeSemaphore> _instances = {};

  /// The instance of this isolate for this name; made by [create] if there is none yet. It is an
  /// error if there is one of another type.
  static NativeSemaphore instantiate<T extends NativeSemaphore>({
    required String name,
    T Function(String name)? create,
  }) {
    final key = _withoutPrefix(name);
    final present = _instances[key];
    if (present != null) {
      if (present is! T) {
        throw ArgumentError.value(name, 'name', 'is taken by a ${present.runtimeType}');
      }
      return present;
    }
    final NativeSemaphore made = create == null ? NativeSemaphore(key) : create(key);
    return _instances[key] = made;
  }

  static String _withoutPrefix(String name) {
    for (final prefix in const ['Global\\', 'Local\\', '/']) {
      if (name.startsWith(prefix)) return name.substring(prefix.length);
    }
    return name;
  }

  final SemaphoreIdentity identity;
  final SemaphoreCounter counter = SemaphoreCounter();
  final Bindings bindings;

  Pointer<procsync_mutex> _mutex = nullptr;
  bool _closed = false;
  bool _unlinked = false;
  ProcsyncException? _lastError;
  int? _abandonedBy;

  String get name => identity.name;
  bool get opened => _mutex != nullptr;
  bool get locked => counter.isolate > 0;
  bool get reentrant => counter.isolate > 1;
  bool get closed => _closed;
  bool get unlinked => _unlinked;

  /// Why the last step that answered false did; null if it made no sense or was not in time.
  ProcsyncException? get lastError => _lastError;

  /// The process id of the previous holder, if that one died holding the lock.
  int? get abandonedBy => _abandonedBy;

  bool open() {
    willAttemptOpen();
    if (opened || _closed) return _nothingToDo();
    final status = using((arena) {
      final options = arena<Pointer<procsync_options>>();
      final mutex = arena<Pointer<procsync_mutex>>();
      var status = bindings.procsync_options_new(options);
      if (status != procsync_status.PROCSYNC_OK) return status;
      status = bindings.procsync_options_set_ownership(
          options.value, procsync_ownership.PROCSYNC_OWNERSHIP_PROCESS);
      if (status == procsync_status.PROCSYNC_OK) {
        status = bindings.procsync_mutex_open(
            name.toNativeUtf8(allocator: arena).cast(), options.value, mutex);
      }
      if (status == procsync_status.PROCSYNC_OK) _mutex = mutex.value;
      // Succeeds, and so leaves the error as it is.
      bindings.procsync_options_free(options.value);
      return status;
    });
    if (!_succeeded(status)) return false;
    openSucceeded();
    return true;
  }

  /// Waits for ever, or at most for [timeout]; not at all if not [blocking]. This isolate does nothing
  /// else meanwhile. An isolate that has the lock gets one layer more at once.
  bool lock({bool blocking = true, Duration? timeout}) {
    willAttemptLock();
    if (!opened) return _nothingToDo();
    if (!locked) {
      final int nanoseconds = !blocking ? 0 : (timeout == null ? -1 : timeout.inMicroseconds * 1000);
      final status = using((arena) {
        final abandoned = arena<Bool>();
        final status = bindings.procsync_mutex_lock(
            _mutex, nanoseconds < -1 ? 0 : nanoseconds, abandoned);
        if (status == procsync_status.PROCSYNC_OK) {
          _abandonedBy = abandoned.value ? bindings.procsync_last_deceased().ref.pid : null;
        }
        return status;
      });
      if (status == procsync_status.PROCSYNC_TIMED_OUT) return _nothingToDo();
      if (!_succeeded(status)) return false;
      processCountChanged(counter._setProcess(1));
    }
    isolateCountChanged(counter._setIsolate(counter.isolate + 1));
    lockSucceeded();
    return true;
  }

  /// Gives one layer back, and with the outermost one the lock.
  bool unlock() {
    willAttemptUnlock();
    if (!locked) return _nothingToDo();
    if (counter.isolate == 1) {
      if (!_succeeded(bindings.procsync_mutex_unlock(_mutex))) return false;
      processCountChanged(counter._setProcess(0));
    }
    isolateCountChanged(counter._setIsolate(counter.isolate - 1));
    unlockSucceeded();
    return true;
  }

  /// Not while it is locked.
  bool close() {
    willAttemptClose();
    if (!opened || locked) return _nothingToDo();
    if (!_succeeded(bindings.procsync_mutex_close(_mutex))) return false;
    _mutex = nullptr;
    _closed = true;
    closeSucceeded();
    return true;
  }

  /// Ends the lock's existence: at once if nobody has it open, else when its last user leaves. The
  /// name can be instantiated anew then.
  bool unlink() {
    willAttemptUnlink();
    if (!_closed || _unlinked) return _nothingToDo();
    final status = using((arena) => bindings.procsync_remove(
        name.toNativeUtf8(allocator: arena).cast(), procsync_scope.PROCSYNC_SCOPE_USER, nullptr));
    if (!_succeeded(status)) return false;
    _unlinked = true;
    if (identical(_instances[name], this)) _instances.remove(name);
    unlinkSucceeded();
    return true;
  }

  bool _nothingToDo() {
    _lastError = null;
    return false;
  }

  bool _succeeded(int status) {
    _lastError = status == procsync_status.PROCSYNC_OK ? null : ProcsyncException.last(bindings);
    return _lastError == null;
  }

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
